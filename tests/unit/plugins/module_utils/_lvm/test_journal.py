# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run writes down, and the lock: read back whole, or an error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.journal import Intent, Journal, locked
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.volumes import Mount

INTENT = Intent("+500m", 2772, Mount("/x y", "rw,noatime"), ("nova-compute",), ("i-1",))


def test_an_intent_is_read_back_and_forgotten(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "a/b"), "vg0", "instances")
    assert journal.load() is None
    journal.clear()
    journal.store(INTENT)
    journal.store(INTENT)
    assert journal.load() == INTENT
    assert [one.name for one in (tmp_path / "a/b").iterdir()] == ["vg0+instances.json"]
    assert Path(journal.path).stat().st_mode & 0o777 == 0o600
    journal.clear()
    assert journal.load() is None


@pytest.mark.parametrize("part", ["format", "size", "target", "mount", "services", "instances"])
def test_half_an_intent_is_an_error(tmp_path: Path, part: str) -> None:
    journal = Journal(str(tmp_path), "vg0", "instances")
    journal.store(INTENT)
    written = json.loads(Path(journal.path).read_text())
    del written[part]
    for text in (json.dumps(written), "", "[]", "7"):
        Path(journal.path).write_text(text)
        with pytest.raises(OperatorError, match="tells of an earlier run"):
            journal.load()


def test_a_command_that_outlives_its_run_keeps_the_lock(tmp_path: Path) -> None:
    folder = str(tmp_path / "locks")
    with locked("vg0", "instances", folder) as handle:
        left = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[handle])
    with left:
        with pytest.raises(OperatorError, match="Another run"), locked("vg0", "instances", folder):
            pass
        with locked("vg0", "other", folder):
            pass
        left.communicate(b"\n")
    with locked("vg0", "instances", folder):
        pass
