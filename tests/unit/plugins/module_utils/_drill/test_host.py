# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault on a host: nothing is broken before the host is proved to undo it, and what went wrong is undone."""

from __future__ import annotations

import contextlib
import json
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill import armed, host, look
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.components import parse
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import files, lock

from .fake_host import FakeHost

COMPONENT = parse({"name": "bus", "unit": "rabbitmq-server"})
UNIT = "rabbitmq-server.service"
ARMED = "ActiveState=active\nSubState=waiting\nUnit=openstack-ops-drill-undo.service\n"


class Systemd(FakeHost):
    """Stops the unit, runs the timer, and undoes the fault when its service is started."""

    def __call__(self, argv: list[str], data: str = "") -> tuple[int, str, str]:
        line = " ".join(argv)
        if line not in self.answers and line == f"systemctl stop {UNIT}":
            assert Path(armed.FOLDER, "fault.json").exists()
            self.units[UNIT]["ActiveState"] = "inactive"
        if line == f"systemctl start {armed.SERVICE}":
            Path(armed.FOLDER, "fault.json").unlink()
            Path(armed.FOLDER, "undone").write_text(f"{armed.uptime()} {armed.boot_id()}\n")
            self.units[UNIT]["ActiveState"] = "active"
        return super().__call__(argv, data)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    monkeypatch.setattr(armed, "FOLDER", str(tmp_path / "var/drill"))
    monkeypatch.setattr(armed, "UNIT_FILE", str(tmp_path / armed.SERVICE))
    monkeypatch.setattr(lock, "locked", lambda *_args: contextlib.nullcontext())
    monkeypatch.setattr(os.path, "isdir", lambda path: str(path) == "/run/systemd/system" or Path(path).is_dir())
    monkeypatch.setattr(files, "Owned", lambda *_owner: None)
    monkeypatch.setattr(look, "_above", set)
    monkeypatch.setattr(host, "_EFFECT", 0.0)
    made = Systemd(answers={"systemctl show --property=ActiveState,SubState,Unit": (0, ARMED, "")})
    made.unit(UNIT)
    return made


def break_it(systemd: Systemd, **options: t.Any) -> dict[str, t.Any]:
    return host.broken(COMPONENT, systemd, 60, "a drill", **options)


def left(systemd: Systemd) -> bool:
    return armed.Armed(systemd).present()


def test_the_host_is_proved_to_undo_it_before_anything_is_broken(systemd: Systemd) -> None:
    made = break_it(systemd)
    order = [systemd.ran.index(line) for line in (
        f"systemctl enable {armed.SERVICE}",
        f"systemd-run --quiet --unit={armed.SERVICE} --on-active=60s --timer-property=AccuracySec=100ms",
        f"systemctl is-enabled {armed.SERVICE}",
        f"systemctl show --property=ActiveState,SubState,Unit {armed.TIMER}",
        f"systemctl stop {UNIT}",
    )]  # fmt: skip
    assert order == sorted(order)
    assert made["components"] == [{"name": "bus", "state": "active", "why": "", "along": []}]
    assert made["fault"]["component"] == "bus"
    assert 0 < made["fault"]["left"] <= 60
    assert "systemctl start --no-block" in Path(armed.FOLDER, "undo").read_text()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("systemd-run", (1, "", "no")),
        ("systemctl enable", (1, "", "read-only")),
        ("systemctl daemon-reload", (1, "", "no")),
        ("systemctl is-enabled", (1, "disabled", "")),
        (
            "systemctl show --property=ActiveState,SubState,Unit",
            (0, "ActiveState=inactive\nSubState=dead\nUnit=\n", ""),
        ),
    ],
)
def test_nothing_is_broken_where_the_host_would_not_undo_it(
    systemd: Systemd, command: str, answer: tuple[int, str, str]
) -> None:
    systemd.answers = {command: answer, **systemd.answers}
    systemd.answers[command] = answer
    with pytest.raises(OperatorError):
        break_it(systemd)
    assert f"systemctl stop {UNIT}" not in systemd.ran
    assert armed.Armed(systemd).read() is None


def test_what_could_not_be_broken_is_undone(systemd: Systemd) -> None:
    systemd.answers[f"systemctl stop {UNIT}"] = (1, "", "denied")
    with pytest.raises(OperatorError, match="bus: systemctl stop ended with 1 .denied."):
        break_it(systemd)
    assert f"systemctl start {armed.SERVICE}" in systemd.ran
    assert not left(systemd)


def test_what_something_else_starts_again_is_undone_and_told(systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "is_broken", lambda *_args: False)
    with pytest.raises(OperatorError, match="it isn't down; something else may have started it"):
        break_it(systemd)
    assert not left(systemd)


def test_check_mode_refuses_the_same_and_writes_nothing(systemd: Systemd) -> None:
    made = break_it(systemd, check=True)
    assert made["fault"] is None
    assert not left(systemd)
    systemd.units[UNIT]["ActiveState"] = "failed"
    with pytest.raises(OperatorError, match="bus is down"):
        break_it(systemd, check=True)


def test_a_host_has_one_fault_at_a_time(systemd: Systemd) -> None:
    break_it(systemd)
    for check in (False, True):
        with pytest.raises(OperatorError, match="still has the fault bus of a drill"):
            break_it(systemd, check=check)


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"component": 1', '{"boot_id": 3, "until": "x"}'])
def test_a_record_that_can_not_be_read_is_a_fault_all_the_same(systemd: Systemd, text: str) -> None:
    Path(armed.FOLDER).mkdir(parents=True)
    Path(armed.FOLDER, "fault.json").write_text(text)
    assert host.seen([], systemd)["fault"] == {"component": "unknown", "drill": "unknown", "left": 0.0}
    with pytest.raises(OperatorError, match="one fault at a time"):
        break_it(systemd)


def test_whole_undoes_it_and_leaves_nothing(systemd: Systemd) -> None:
    break_it(systemd)
    changed, seen = host.whole([], systemd, 5)
    assert changed
    assert seen["fault"]["component"] == "bus"
    assert seen["undone"] == pytest.approx(armed.uptime(), abs=300)
    assert not left(systemd)
    assert systemd.units[UNIT]["ActiveState"] == "active"
    assert host.whole([], systemd, 5)[0] is False


def test_whole_in_check_mode_only_tells(systemd: Systemd) -> None:
    break_it(systemd)
    assert host.whole([], systemd, 5, check=True)[0]
    assert left(systemd)


def test_what_is_not_undone_in_time_stays_for_the_host(systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    break_it(systemd)
    systemd.answers[f"systemctl start {armed.SERVICE}"] = (0, "", "")
    monkeypatch.setattr(Systemd, "__call__", FakeHost.__call__)
    with pytest.raises(OperatorError, match="isn't undone after 0 s; openstack-ops-drill-undo.service goes on trying"):
        host.whole([], systemd, 0)
    assert json.loads(Path(armed.FOLDER, "fault.json").read_text())["component"] == "bus"


def test_after_a_reboot_no_time_is_left(systemd: Systemd) -> None:
    break_it(systemd)
    path = Path(armed.FOLDER, "fault.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "boot_id": "another"}))
    found = armed.Armed(systemd).read()
    assert found
    assert found["left"] == 0
    Path(armed.FOLDER, "undone").write_text("12.5 another\n")
    assert armed.Armed(systemd).undone() is None


def test_without_systemd_nothing_is_broken(systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "isdir", lambda _path: False)
    with pytest.raises(OperatorError, match="not booted with systemd"):
        break_it(systemd)
    assert systemd.ran == []
