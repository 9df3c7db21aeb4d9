# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading from files in the place of devices, and from one that doesn't answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph_disks import probe


@pytest.fixture
def wipefs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wipefs that says nothing, in a place before the real one's."""
    program = tmp_path / "bin/wipefs"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_zeros_are_blank_and_anything_else_is_not(tmp_path: Path, wipefs: Path) -> None:
    for name, text in (
        ("zeros", bytes(probe.HEAD)),
        ("last", bytes(probe.HEAD - 1) + b"x"),
        ("beyond", bytes(probe.HEAD) + b"x"),
    ):
        (tmp_path / name).write_bytes(text)
    found = probe.probe_all([[str(tmp_path / name)] for name in ("zeros", "last", "beyond")], 60)
    assert [one["blank"] for one in found] == [True, False, True]
    assert [one["unknown"] for one in found] == [[], [], []]


def test_what_cant_be_read_is_unknown(tmp_path: Path, wipefs: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    empty, gone = probe.probe_all([[str(tmp_path / "empty")], [str(tmp_path / "gone")]], 60)
    assert (empty["blank"], empty["unknown"]) == (None, [f"{tmp_path}/empty: nothing can be read"])
    assert (gone["blank"], gone["exclusive"]) == (None, None)
    assert gone["unknown"] == [f"{tmp_path}/gone: No such file or directory"]


def test_a_wipefs_that_fails_is_unknown(tmp_path: Path, wipefs: Path) -> None:
    wipefs.write_text("#!/bin/sh\necho 'wipefs: error: probing failed' >&2\nexit 1\n")
    (tmp_path / "disk").write_bytes(bytes(4096))
    (found,) = probe.probe_all([[str(tmp_path / "disk")]], 60)
    assert found["unknown"] == [f"{tmp_path}/disk: wipefs said: wipefs: error: probing failed"]


def test_a_disk_that_hangs_keeps_no_other_from_being_read(tmp_path: Path, wipefs: Path) -> None:
    os.mkfifo(tmp_path / "hangs")  # opening it waits for somebody who writes
    (tmp_path / "disk").write_bytes(bytes(4096))
    hangs, disk = probe.probe_all([[str(tmp_path / "hangs")], [str(tmp_path / "disk")]], 5)
    assert hangs == {"unknown": [f"{tmp_path}/hangs didn't answer within 5 s"]}
    assert disk["unknown"] == []
