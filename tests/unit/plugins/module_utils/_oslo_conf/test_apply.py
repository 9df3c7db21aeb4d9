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
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.precedence import Start

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


# ----------------------------------------------------------------- files of our own
OURS = "[oslo_messaging_notifications]\ntopics = ours\n"


@pytest.fixture
def nova(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nova's folder, with our file; its services restart."""
    monkeypatch.setattr(apply, "manager_of", lambda _name, _run: "systemd")
    monkeypatch.setattr(apply, "start_of_services", lambda _names: Start.PLAIN)
    (tmp_path / "nova" / "nova.conf.d").mkdir(parents=True)
    (tmp_path / "nova" / "nova.conf").write_text("[DEFAULT]\n")
    (tmp_path / "nova" / "nova.conf.d" / "ours.conf").write_text(OURS)
    return tmp_path / "nova"


def _removed(nova: Path, run: t.Any, *, check_mode: bool = False) -> apply.Applied:
    desired = DesiredFile(
        str(nova / "nova.conf.d" / "ours.conf"), {}, services=("nova-compute",), only=True, absent=True
    )
    return apply.bring_about(lambda: [desired], run, check_mode=check_mode)


def test_a_file_of_our_own_goes_and_its_services_are_restarted_once(nova: Path) -> None:
    ran: list[list[str]] = []

    def run(args: list[str], _data: str) -> tuple[int, str, str]:
        ran.append(args)
        return 0, "", ""

    ours = nova / "nova.conf.d" / "ours.conf"
    predicted = _removed(nova, _never, check_mode=True)
    assert ours.exists()
    done = _removed(nova, run)
    assert done == predicted
    assert done.steps == [f"remove {ours}", "restart nova-compute"]
    assert [(row["before"], row["after"]) for row in done.diff] == [(OURS, "")]
    assert not ours.exists()
    assert ran == [["systemctl", "try-restart", "--", "nova-compute"]]
    assert _removed(nova, _never).steps == []


def test_a_restart_that_a_killed_run_owed_after_it_had_removed_a_file_is_made_up_for(nova: Path) -> None:
    class Killed(BaseException):
        pass

    def killed(_args: list[str], _data: str) -> tuple[int, str, str]:
        raise Killed

    with pytest.raises(Killed):
        _removed(nova, killed)
    assert not (nova / "nova.conf.d" / "ours.conf").exists()
    left = _removed(nova, lambda _args, _data: (0, "", ""))
    assert left.steps == ["restart nova-compute, which a killed run didn't restart"]


@pytest.mark.parametrize(
    ("file", "text", "lost"),
    [
        ("nova.conf", "[oslo_messaging_notifications]\ntopics = ours, metering\n", "metering"),
        ("nova.conf", "[DEFAULT]\nnotification_topics = a,b\n", "a, b"),
        ("nova.conf.d/x.conf", "[oslo_messaging_notifications]\ntopics=metering\n", "metering"),
        ("nova.conf", "[oslo_messaging_notifications]\ntopics = ours\n", ""),
        ("nova.conf", "[DEFAULT]\ntopics = nobody reads this here\n", ""),
        ("nova.conf", "# [oslo_messaging_notifications]\n# topics = metering\n", ""),
    ],
)
def test_entries_that_another_file_of_the_service_has_are_not_taken_away(
    nova: Path, file: str, text: str, lost: str
) -> None:
    (nova / file).write_text(text)
    covers = {"oslo_messaging_notifications": {"topics": "ours"}, "DEFAULT": {"notification_topics": "ours"}}
    ours = str(nova / "nova.conf.d" / "ours.conf")
    sections = {"oslo_messaging_notifications": {"topics": "ours"}}
    desired = DesiredFile(ours, sections, only=True, covers=covers)
    if not lost:
        assert apply.bring_about(lambda: [desired], _never, check_mode=False).steps == []
        return
    with pytest.raises(
        OperatorError, match=f"{nova / file} has {lost} in [a-z_]*topics of section .* {ours} would take"
    ):
        apply.bring_about(lambda: [desired], _never, check_mode=False)


@pytest.mark.parametrize("file", ["nova-compute.conf", "nova-compute.conf.d/x.conf"])
@pytest.mark.parametrize("service", ["nova-compute", "openstack-nova-compute"])
def test_entries_in_the_programs_own_file_are_not_taken_away_either(nova: Path, file: str, service: str) -> None:
    (nova / file).parent.mkdir(exist_ok=True)
    (nova / file).write_text("[notifications]\nversioned_notifications_topics = metering\n")
    covers = {"notifications": {"versioned_notifications_topics": "ours"}}
    sections = {"notifications": {"versioned_notifications_topics": "ours"}}
    ours = str(nova / "nova.conf.d" / "ours.conf")
    desired = DesiredFile(ours, sections, services=(service,), only=True, covers=covers)
    with pytest.raises(OperatorError, match=f"{nova / file} has metering in versioned_notifications_topics"):
        apply.bring_about(lambda: [desired], _never, check_mode=False)


def test_an_option_that_the_programs_own_file_overrules_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "nova"
    folder.mkdir()
    (folder / "nova.conf").write_text("[DEFAULT]\n")
    (folder / "nova-compute.conf").write_text("[DEFAULT]\nreserved_host_disk_mb = 0\n")
    options = {"DEFAULT": {"reserved_host_disk_mb": "51200"}}
    wanted = DesiredFile(str(folder / "nova.conf"), options, services=("nova-compute",))
    with pytest.raises(OperatorError, match=r"nova-compute\.conf also sets reserved_host_disk_mb"):
        apply.bring_about(lambda: [wanted], _never, check_mode=True)


def test_what_a_killed_run_left_beside_a_file_is_removed(tmp_path: Path) -> None:
    """It holds what the file holds: passwords."""
    conf = tmp_path / "nova.conf"
    conf.write_text("[DEFAULT]\na = 1\n")
    left, other = tmp_path / ".nova.conf.0123456789abcdef", tmp_path / ".nova.conf.swp"
    left.touch()
    other.touch()

    def run(*, check_mode: bool) -> list[str]:
        return apply.bring_about(
            lambda: [DesiredFile(str(conf), {"DEFAULT": {"a": "1"}})], _never, check_mode=check_mode
        ).steps

    assert run(check_mode=True) == [f"remove {left}, left by a killed run"]
    assert left.exists()
    assert run(check_mode=False) == [f"remove {left}, left by a killed run"]
    assert (left.exists(), other.exists(), run(check_mode=False)) == (False, True, [])


class _Systemd:
    """systemctl on a host whose only unit is masked."""

    def __init__(self, active: str) -> None:
        self._active = active

    def __call__(self, args: list[str], _data: str) -> tuple[int, str, str]:
        shown = {"--property=LoadState": "masked\n", "--property=ActiveState": f"{self._active}\n"}
        if args[1] == "show":
            return 0, shown[args[2]], ""
        return 1, "", f"Failed to {args[1]} {args[-1]}.service: Unit {args[-1]}.service is masked."


@pytest.fixture
def booted(monkeypatch: pytest.MonkeyPatch) -> None:
    """This host was booted with systemd."""
    isdir = os.path.isdir
    monkeypatch.setattr(os.path, "isdir", lambda path: path == "/run/systemd/system" or isdir(path))


@pytest.mark.usefixtures("booted")
def test_a_masked_service_that_does_not_run_reads_its_configuration_when_it_is_started(tmp_path: Path) -> None:
    conf = tmp_path / "nova.conf"
    conf.write_text("[DEFAULT]\n")
    desired = [DesiredFile(str(conf), {"DEFAULT": {"a": "1"}}, services=("nova-compute",))]
    apply.bring_about(lambda: desired, _Systemd("inactive"), check_mode=False)
    assert read(conf.read_text()) == {"DEFAULT": {"a": "1"}}
    assert os.listdir(tmp_path / "restart") == []


@pytest.mark.usefixtures("booted")
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_masked_service_that_runs_is_refused_before_anything_is_written(tmp_path: Path, check_mode: bool) -> None:
    conf = tmp_path / "nova.conf"
    conf.write_text("[DEFAULT]\n")
    desired = [DesiredFile(str(conf), {"DEFAULT": {"a": "1"}}, services=("nova-compute",))]
    with pytest.raises(OperatorError, match="nova-compute runs although it is masked"):
        apply.bring_about(lambda: desired, _Systemd("active"), check_mode=check_mode)
    assert conf.read_text() == "[DEFAULT]\n"


def test_a_service_whose_other_files_changed_is_restarted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def run(args: list[str], _data: str) -> tuple[int, str, str]:
        calls.append(args)
        return 0, "", ""

    monkeypatch.setattr(apply, "manager_of", lambda _service, _run: "systemd")
    (tmp_path / "nova.conf").write_text("[DEFAULT]\na = 1\n")
    desired = [DesiredFile(str(tmp_path / "nova.conf"), {"DEFAULT": {"a": "1"}}, services=("nova-compute",))]
    for check_mode in (True, False):
        made = apply.bring_about(lambda: desired, run, check_mode=check_mode, due=["nova-compute"])
        assert made.steps == ["restart nova-compute"]
    assert calls == [["systemctl", "try-restart", "--", "nova-compute"]]
    # One that was noted, and that no later task was told of, isn't forgotten.
    apply.note(["nova-compute"])
    assert apply.bring_about(lambda: desired, run, check_mode=False).restarted == ["nova-compute"]
    assert apply.bring_about(lambda: desired, run, check_mode=False).steps == []
