# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs that set options of one file at the same time lose none."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import files
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf import apply
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.ini import read
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.plan import DesiredFile

PAIRS = 200


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "LOCKS", str(tmp_path / "locks"))
    monkeypatch.setattr(apply, "PENDING", str(tmp_path / "restart"))


def _never(_args: list[str], _data: str) -> tuple[int, str, str]:
    raise AssertionError("nothing is to be run")


def _set(path: str, options: t.Sequence[str], start: t.Any) -> None:
    for option in options:
        start.wait()
        desired = [DesiredFile(path, {"DEFAULT": {option: "1"}})]
        apply.bring_about(functools.partial(list, desired), _never, check_mode=False)


def _lost(path: Path, pairs: int) -> int:
    """How many of the options are lost that two processes set at once, one each, so many times."""
    path.write_text("[DEFAULT]\n")
    context = multiprocessing.get_context("fork")
    start = context.Barrier(2, timeout=60)
    sets = [[f"option_{who}_{number}" for number in range(pairs)] for who in "ab"]
    workers = [context.Process(target=_set, args=(str(path), options, start)) for options in sets]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    return 2 * pairs - len(read(path.read_text())["DEFAULT"])


def test_of_200_pairs_of_edits_at_once_none_is_lost(tmp_path: Path) -> None:
    assert _lost(tmp_path / "nova.conf", PAIRS) == 0


def test_without_the_lock_edits_are_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shows that the edits of the test above do overlap."""
    read_file = files.read

    def slowly(path: str) -> files.Found | None:
        found = read_file(path)
        time.sleep(0.001)
        return found

    monkeypatch.setattr(files, "read", slowly)
    monkeypatch.setattr(apply, "locked", lambda *_args: contextlib.nullcontext())
    monkeypatch.setattr(apply, "changed_meanwhile", lambda _what: _Overtaken())
    monkeypatch.setattr(apply, "_bring_about", _overtaken(apply._bring_about))
    assert _lost(tmp_path / "nova.conf", 20) > 0


class _Overtaken(Exception):
    pass


def _overtaken(bring_about: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    def wrapped(*args: t.Any, **options: t.Any) -> None:
        with contextlib.suppress(_Overtaken):
            bring_about(*args, **options)

    return wrapped


def test_check_mode_writes_nothing_and_takes_no_lock(tmp_path: Path) -> None:
    conf = tmp_path / "nova.conf"
    conf.write_text("[DEFAULT]\n")
    applied = apply.bring_about(lambda: [DesiredFile(str(conf), {"DEFAULT": {"a": "1"}})], _never, check_mode=True)
    assert applied.steps == [f"set a in DEFAULT of {conf}"]
    assert applied.diff[0]["after"] == "[DEFAULT]\na = 1\n"
    assert sorted(os.listdir(tmp_path)) == ["nova.conf"]
    assert conf.read_text() == "[DEFAULT]\n"


def test_the_folder_that_a_project_reads_beside_its_file_is_made_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "nova").mkdir()

    def wanted(path: Path) -> list[DesiredFile]:
        return [DesiredFile(str(path), {"DEFAULT": {"a": "1"}}, files.Owned("root", "root", 0o644))]

    own = tmp_path / "nova/nova.conf.d/x.conf"
    predicted = apply.bring_about(lambda: wanted(own), _never, check_mode=True)
    assert predicted.steps == [f"write {own}"]
    assert not own.parent.exists()
    assert apply.bring_about(lambda: wanted(own), _never, check_mode=False).steps == predicted.steps
    assert (own.read_text(), own.parent.stat().st_mode & 0o777) == ("[DEFAULT]\na = 1\n", 0o755)
    for other in (tmp_path / "nova/other/x.conf", tmp_path / "neutron/neutron.conf.d/x.conf"):
        with pytest.raises(OperatorError, match="There is no"):
            apply.bring_about(functools.partial(wanted, other), _never, check_mode=False)
        assert not other.parent.exists()
