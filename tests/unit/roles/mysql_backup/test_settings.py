# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in settings.json is what is meant, or no run begins."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from roles.mysql_backup.files.mysql_backup.failure import BackupError
from roles.mysql_backup.files.mysql_backup.settings import load

GOOD: dict[str, t.Any] = {"directory": "/b", "databases": ["nova"], "retention": {"days": 7}, "timeout": 60}


def loaded(folder: Path, **change: t.Any) -> t.Any:
    path = folder / "settings.json"
    path.write_text(json.dumps({**GOOD, **change}))
    return load(str(path))


def test_what_is_right_is_taken(tmp_path: Path) -> None:
    assert loaded(tmp_path).retention.days == 7


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"exclude": "test_nova"}, "exclude should be a list of texts"),  # which would exclude nova, too
        ({"databases": "nova,glance"}, "databases should be a list of texts"),
        ({"databases": [1]}, "databases should be a list of texts"),
        ({"databases": {"nova": 1}}, "databases should be a list of texts"),
        ({"copy_options": "-v"}, "copy_options should be a list of texts"),
        ({"retention": {"days": "7"}}, "days should be of type int"),
        ({"retention": {"count": 7.0}}, "count should be of type int"),
        ({"retention": {"count": True}}, "count should be of type int"),
        ({"retention": {"daily": -1}}, "daily is -1"),
        ({"retention": {"dayly": 7}}, "dayly"),
        ({"retention": 7}, "can't be used"),
        ({"level": "1"}, "level should be of type int"),
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": -1}, "timeout is -1"),
        ({"databses": []}, "databses"),
    ],
)
def test_what_is_not_is_told(tmp_path: Path, change: dict[str, t.Any], said: str) -> None:
    with pytest.raises(BackupError, match=said):
        loaded(tmp_path, **change)
