# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of where servers came from: what is written, and what isn't trusted."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.record import DrainRecord, Entry, load

ID = "480cb82d-9bc5-4034-a14d-8799e33aad97"
CLOUD = {"auth_url": "https://keystone", "region": "RegionOne"}


@pytest.fixture
def record(tmp_path: Path) -> DrainRecord:
    made = DrainRecord(str(tmp_path / "new" / "cmp01.json"), CLOUD, "cmp01", servers={ID: Entry("cmp02", 7, "image")})
    made.save()
    return made


def test_what_is_written_is_read_again_and_only_its_owner_may(record: DrainRecord) -> None:
    assert load(record.path, CLOUD, "cmp01") == record
    assert stat.S_IMODE(os.stat(record.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(record.path)).st_mode) == 0o700
    assert os.listdir(os.path.dirname(record.path)) == ["cmp01.json"]


def test_there_may_be_none_yet(tmp_path: Path) -> None:
    assert load(str(tmp_path / "none.json"), CLOUD, "cmp01") is None


def test_a_write_that_fails_leaves_what_was_there(record: DrainRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    before = Path(record.path).read_text()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        record.save()
    assert Path(record.path).read_text() == before
    assert os.listdir(os.path.dirname(record.path)) == ["cmp01.json"]


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_what_others_can_write_is_not_trusted(record: DrainRecord, mode: int) -> None:
    os.chmod(record.path, mode)
    with pytest.raises(OperatorError, match="can be written by others"):
        load(record.path, CLOUD, "cmp01")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", "is not valid JSON"),
        ("[]", "isn't one of this version"),
        ('{"version": 1, "cloud": {}, "host": "cmp01"}', "is that of 'cmp01' in the cloud {}"),
        (json.dumps({"version": 1, "cloud": CLOUD, "host": "cmp02"}), "is that of 'cmp02'"),
        (json.dumps({"version": 1, "cloud": CLOUD, "host": "cmp01"}), "lacks what a record has"),
        (
            json.dumps({"version": 1, "cloud": CLOUD, "host": "cmp01", "returned": False, "servers": {"../x": {}}}),
            "lacks what a record has",
        ),
        (
            json.dumps({"version": 1, "cloud": CLOUD, "host": "cmp01", "returned": False, "servers": {ID: {"x": 1}}}),
            "lacks what a record has",
        ),
    ],
)
def test_what_is_no_record_of_this_host_is_refused(tmp_path: Path, text: str, error: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(OperatorError, match=error) as caught:
        load(str(path), CLOUD, "cmp01")
    assert str(path) in str(caught.value)
