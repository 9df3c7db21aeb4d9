# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a drill, run as Ansible runs them, with a host that answers as told."""

from __future__ import annotations

import json
import os
import socket
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import action_loader, connection_loader
from ansible.template import Templar

from ansible_collections.openstack_ops.day2.plugins.module_utils._drill import armed

NAME = "openstack_ops.day2.failure_drill"
MACHINE = {"boot_id": "another", "init": "mnt:[9]", "container": ""}


@pytest.fixture
def port() -> t.Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as one:
        yield int(one.getsockname()[1])


@pytest.fixture
def given(port: int) -> dict[str, t.Any]:
    return {
        "components": [{"name": "bus", "unit": "rabbitmq-server", "hosts": "controllers"}],
        "probes": [
            {"name": "tokens", "kind": "tcp", "host": "127.0.0.1", "port": port, "interval": 0.1, "timeout": 60}
        ],
        "windows": [{"from": "00:00", "to": "24:00"}],
        "hosts": ["ctl1", "ctl2"],
        "seconds": 1,
        "recovery": 0,
    }


def look(**changed: t.Any) -> dict[str, t.Any]:
    state = {"name": "bus", "state": "active", "why": "", "along": ["cron.service"]}
    return {"components": [state], "fault": None, "machine": MACHINE, "uptime": 5.0, "undone": None, **changed}


def act(
    args: dict[str, t.Any],
    answers: t.Callable[[dict[str, t.Any]], dict[str, t.Any]] | None = None,
    check: bool = False,
    **seen: t.Any,
) -> dict[str, t.Any]:
    loader = DataLoader()
    plugin = action_loader.get(
        NAME,
        task=Task.load({"action": NAME, "args": args, "check_mode": check}),
        connection=connection_loader.get("ansible.builtin.local", PlayContext(), os.devnull),
        play_context=PlayContext(),
        loader=loader,
        templar=Templar(loader=loader),
        shared_loader_obj=None,
    )
    plugin._execute_module = lambda module_name, module_args, task_vars: (answers or (lambda _args: {}))(module_args)
    hosts = {
        host: {"failure_drill_seen": seen.get(host, look(machine={**MACHINE, "boot_id": host}))}
        for host in ("ctl1", "ctl2")
    }
    return dict(plugin.run(task_vars={"groups": {"controllers": ["ctl1", "ctl2"]}, "hostvars": hosts}))


def fails(args: dict[str, t.Any], *more: t.Any, **seen: t.Any) -> str:
    with pytest.raises(AnsibleActionFail) as raised:
        act(args, *more, **seen)
    return str(raised.value)


def test_every_host_is_asked_for_what_it_has(given: dict[str, t.Any]) -> None:
    more = {**given, "hosts": ["ctl1", "ctl2", "cmp1"]}
    made = act({"step": "targets", **more})
    one = {"name": "bus", "unit": "rabbitmq-server"}
    assert made["asked"] == {"ctl1": [one], "ctl2": [one], "cmp1": []}
    assert not made["changed"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"components": []}, "No component is declared"),
        ({"probes": []}, "No probe is declared"),
        ({"windows": []}, "There is no window"),
        ({"seconds": 0}, "the fault's seconds are '0'"),
        ({"timezone": "Mars/Base"}, "The time zone 'Mars/Base' isn't known"),
        ({"timezone": "../etc/passwd"}, "isn't known here"),
        ({"json": "/no/such/folder/drill.json"}, "There is no folder /no/such/folder"),
        ({"faults": 0}, "at least one of each"),
        ({"chosen": ["x"]}, "No component is called 'x'"),
    ],
)
def test_what_is_not_declared_well_is_refused_before_a_host_is_asked(
    given: dict[str, t.Any], changed: dict[str, t.Any], error: str
) -> None:
    assert error in fails({"step": "targets", **given, **changed})


def test_a_plan_tells_what_would_be_broken(given: dict[str, t.Any]) -> None:
    made = act({"step": "plan", **given, "faults": 2, "seed": "a"})
    assert sorted(made["text"]) == [
        f"bus on {host}: stop the unit rabbitmq-server.service, with cron.service, for 1 s" for host in ("ctl1", "ctl2")
    ]
    assert made["seed"] == "a"
    assert act({"step": "plan", **given})["seed"] != act({"step": "plan", **given})["seed"]


def test_nothing_is_planned_where_a_host_is_not_whole(given: dict[str, t.Any]) -> None:
    args = {"step": "plan", **given}
    state = {"name": "bus", "state": "down", "why": "it failed", "along": []}
    assert "bus on ctl2 is down: it failed" in fails(args, ctl2=look(components=[state]))
    assert "bus on ctl2 is unknown" in fails(args, ctl2={"unreachable": True, "msg": "no"})
    own = {"boot_id": armed.boot_id(), "init": armed.init(), "container": ""}
    assert "ctl1 is the machine that Ansible runs on" in fails(args, ctl1=look(machine=own))
    assert "ctl1, ctl2 are one machine" in fails(args, ctl1=look(), ctl2=look())


def test_nothing_is_planned_outside_the_windows(given: dict[str, t.Any]) -> None:
    # The fault takes as long as the window, so at no moment of the day it fits in.
    told = fails({"step": "plan", **given, "seconds": 60, "windows": [{"from": "00:00", "to": "00:01"}]})
    assert "window" in told
    assert "Times are those of UTC" in told


def test_nothing_is_planned_where_a_probe_fails(given: dict[str, t.Any]) -> None:
    bad = {"name": "writes", "kind": "command", "argv": ["false"], "interval": 0.1, "timeout": 0.1}
    args = {"step": "plan", **given, "probes": [*given["probes"], bad]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ansible_collections.openstack_ops.day2.plugins.plugin_utils._drill.probes.Watch.failing",
                      lambda *_args: {"writes": "ended with 1"})  # fmt: skip
        assert "The cloud isn't healthy, so nothing is broken. Probes that failed" in fails(args)
    assert act(args, check=True)["faults"], "a command may write, so it doesn't run in check mode"


class Host:
    """Breaks and undoes as told; remembers what it was asked for."""

    def __init__(self, **answers: t.Any) -> None:
        self.asked: list[str] = []
        self.answers = answers

    def __call__(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        self.asked.append(args["state"])
        answer = self.answers.get(args["state"], look(undone=6.5))
        if isinstance(answer, Exception):
            raise answer
        return t.cast("dict[str, t.Any]", answer)


def one_fault(given: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"step": "fault", **given, "component": "bus", "host": "ctl1"}


def test_a_fault_is_made_watched_and_cleaned_up(given: dict[str, t.Any]) -> None:
    host = Host()
    made = act({**one_fault(given), "recovery": 300}, host)
    assert host.asked == ["broken", "seen", "whole"]
    assert made["fault"]["verdict"] == "held"
    assert made["fault"]["undone"] == {"known": True, "seconds": 1.5}
    assert (made["recovered"], made["changed"]) == (True, True)


def test_check_mode_asks_no_host(given: dict[str, t.Any]) -> None:
    host = Host()
    assert act(one_fault(given), host, check=True)["changed"]
    assert host.asked == []


def test_a_fault_that_was_not_made_is_told(given: dict[str, t.Any]) -> None:
    host = Host(broken={"failed": True, "msg": "bus is down"})
    assert "bus on ctl1 wasn't broken: bus is down" in fails(one_fault(given), host)
    assert host.asked == ["broken", "whole"], "what it may have done is undone at once"


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"seen": look(fault={"component": "bus", "left": 0.0})}, "The host hadn't undone it 0 s after its time."),
        ({"seen": AnsibleConnectionFailure("no route")}, "The host couldn't be asked: no route"),
        ({"whole": {"failed": True, "msg": "isn't undone"}}, "isn't undone"),
    ],
)
def test_nobody_knows_is_never_held(given: dict[str, t.Any], answers: dict[str, t.Any], why: str) -> None:
    made = act({**one_fault(given), "recovery": 0}, Host(**answers))
    assert made["fault"]["verdict"] in ("unknown", "missed")
    assert why in made["fault"]["why"]


def test_a_report_is_written_for_its_owner(given: dict[str, t.Any], tmp_path: Path) -> None:
    plan = {"seed": "a", "taken": "now", "faults": [1]}
    files = {"json": str(tmp_path / "drill.json"), "html": str(tmp_path / "drill.html")}
    fault = act({**one_fault(given), "recovery": 300}, Host())["fault"]
    args = {"step": "report", **given, **files, "plan": plan, "results": [fault]}
    act(args, check=True)
    assert list(tmp_path.iterdir()) == []
    made = act(args)
    assert made["verdict"] == "held"
    assert json.loads((tmp_path / "drill.json").read_text()) == made["report"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_report_that_cannot_be_written_is_an_error_with_its_path(given: dict[str, t.Any], tmp_path: Path) -> None:
    (tmp_path / "drill.json").mkdir()
    plan = {"seed": "a", "taken": "now", "faults": []}
    with pytest.raises(AnsibleActionFail, match=r"/drill\.json can't be written"):
        act({"step": "report", **given, "json": str(tmp_path / "drill.json"), "plan": plan, "results": []})
