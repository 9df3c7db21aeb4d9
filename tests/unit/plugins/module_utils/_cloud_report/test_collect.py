# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host tells of itself: what isn't there is null, what can't be read has its reason, and nothing is the other."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._cloud_report.collect import Look
from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment import look as deployment
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.model import Deployment
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply, restorer_service
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.limits import Counted, Limit, Survey
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import Port, Shape

NOW = 1_800_000_000.0
SECRET = "hunter2"


class Node:
    """A host's files, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.ports: list[Survey] = []
        self.problems: list[str] = []
        self.restorer = "absent"
        self.deployed: Deployment | None = None

    def write(self, name: str, value: object) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value))

    def look(self) -> dict[str, t.Any]:
        def run(_args: list[str], _data: str) -> tuple[int, str, str]:
            raise AssertionError("It asks no program.")

        return Look(
            run, NOW, str(self.folder / "instances"), str(self.folder / "mysql.json"), str(self.folder / "logs"), str(self.folder / "resizes")
        ).look()  # fmt: skip


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    made = Node(tmp_path)

    class Service:
        def __init__(self, _run: object) -> None:
            self.word = made.restorer

    monkeypatch.setattr(apply, "survey", lambda _ids: (made.ports, made.problems))
    monkeypatch.setattr(restorer_service, "Service", Service)

    def deployed(_run: object) -> Deployment:
        if made.deployed is None:
            raise OperatorError("Nothing on this host tells which deployer made it.")
        return made.deployed

    monkeypatch.setattr(deployment, "look", deployed)
    return made


def port(name: str, *, kernel: bool = True, saved: bool = True, device: bool = True) -> Survey:
    limit = Limit(Shape.of(20_000_000), (), "sfq")
    return Survey(
        name,
        devices=["tapx"] if device else [],
        egress=Counted(limit, "qvbx", None, 0) if kernel else None,
        ingress=None,
        owner="",
        saved=Port(name, "ovs", egress=limit.shape) if saved else None,
    )


def test_a_host_with_nothing_of_ours_tells_so(node: Node) -> None:
    found = node.look()
    assert found.pop("unknown") == {}
    assert set(found) == {"limits", "backups", "logs_node", "logs_server", "volume", "instances", "resizes"}
    assert set(found.values()) == {None}


def test_limits_are_counted_and_those_not_in_force_are_named(node: Node) -> None:
    node.ports = [port("a"), port("b", kernel=False), port("c", kernel=False, device=False), port("d", saved=False)]
    node.problems, node.restorer = ["line 3"], "stopped"
    assert node.look()["limits"] == {
        "limited": 2, "saved": 3, "unsaved": 1, "missing": 1, "missing_ports": ["b"], "unreadable": 1, "restorer": "stopped",
    }  # fmt: skip


def test_a_restorer_without_limits_is_told(node: Node) -> None:
    node.restorer = "running"
    assert node.look()["limits"]["restorer"] == "running"


@pytest.mark.parametrize(
    "error", [OperatorError("no netlink"), PermissionError(1, "Operation not permitted", "/proc/x")]
)
def test_limits_that_cannot_be_read_are_unknown_and_keep_the_rest(
    node: Node, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_ids: object) -> t.NoReturn:
        raise error

    monkeypatch.setattr(apply, "survey", broken)
    (node.folder / "instances").mkdir()
    found = node.look()
    assert found["limits"] is None
    assert found["unknown"]["limits"] in ("no netlink", "/proc/x: Operation not permitted.")
    assert found["volume"]["size"] > 0


def test_ages_of_backups_are_by_the_host_s_own_clock(node: Node) -> None:
    node.write("mysql.json", {"state": str(node.state), "name": "db1", "copy_to": "u@h:/b"})
    node.write("state/status.json", {
        "run": {"state": "failed", "started": NOW - 60, "ended": NOW - 30, "message": "m", "warned": 1, "pid": 3},
        "good": {"backup": "b", "ended": NOW - 90000, "size": 5, "number": 2}, "verified": {"ended": NOW - 5, "good": True}, "restore": 7,
    })  # fmt: skip
    found = node.look()["backups"]
    assert (found["name"], found["copies"], found["copied"], found["restore"]) == ("db1", True, None, None)
    assert found["run"] == {"state": "failed", "message": "m", "warned": 1, "started_age": 60, "ended_age": 30}
    assert found["good"] == {"backup": "b", "size": 5, "number": 2, "ended_age": 90000}
    assert found["verified"] == {"backup": None, "good": True, "verdict": None, "message": None, "ended_age": 5}


def test_a_host_whose_first_backup_is_yet_to_come_has_none(node: Node) -> None:
    node.write("mysql.json", {"state": str(node.state), "name": "db1"})
    found = node.look()
    assert found["unknown"] == {}
    assert (found["backups"]["good"], found["backups"]["run"]) == (None, None)


@pytest.mark.parametrize("text", ["", "{", SECRET, "[1]", "null", "[" * 100_000])
def test_a_damaged_file_is_unknown_and_nothing_of_it_is_told(node: Node, text: str) -> None:
    node.write("mysql.json", text)
    node.write("logs/node.json", {"spool": str(node.folder)})
    node.write("status.json", text)
    found = node.look()
    assert (found["backups"], found["logs_node"]) == (None, None)
    for part in ("backups", "logs_node"):
        assert "doesn't hold a JSON object; run the playbook again that wrote it." in found["unknown"][part]
        assert SECRET not in found["unknown"][part]


def test_certificates_go_on_expiring_when_nobody_looks(node: Node) -> None:
    node.write("logs/node.json", {"spool": str(node.folder / "spool")})
    node.write(
        "spool/status.json",
        {"time": NOW - 1000, "certificate_seconds_left": 900, "ca_seconds_left": "many", "active": 1.0, "told": [3]},
    )
    assert node.look()["logs_node"] == {
        "looked_age": 1000, "active": True, "told": ["3"], "seconds_left": {"certificate": -100, "ca": None},
    }  # fmt: skip


def test_central_logs_that_nobody_has_looked_after_yet_tell_nothing(node: Node) -> None:
    node.write("logs/server.json", {"spool": str(node.folder / "spool")})
    found = node.look()["logs_server"]
    assert found == {"looked_age": None, "active": None, "told": [], "seconds_left": {"certificate": None, "ca": None}}


def test_settings_without_a_spool_are_unknown(node: Node) -> None:
    node.write("logs/node.json", {})
    assert "doesn't say where its spool is" in node.look()["unknown"]["logs_node"]


def test_the_volume_and_resizes_that_did_not_end(node: Node) -> None:
    (node.folder / "instances").mkdir()
    node.write("resizes/vg0+instances.json", {})
    node.write("resizes/.vg0+instances.json.abc", {})
    found = node.look()
    assert 0 <= found["volume"]["free"] <= found["volume"]["size"]
    assert found["resizes"] == {"unfinished": ["vg0/instances"]}


def test_where_nova_compute_has_the_instances_is_told(node: Node) -> None:
    own = node.folder / "instances"
    own.mkdir()
    node.deployed = Deployment("packages", (), "x", "x", {}, instances=str(own))
    assert node.look()["instances"] == {"path": str(own), "elsewhere": False}
    # Another folder of the same file system has the same figures.
    node.deployed = Deployment("packages", (), "x", "x", {}, instances=str(node.folder))
    assert node.look()["instances"]["elsewhere"] is False
    for other in ("/proc", "/nonexistent"):
        node.deployed = Deployment("packages", (), "x", "x", {}, instances=other)
        assert node.look()["instances"] == {"path": other, "elsewhere": True}


def test_a_configuration_that_does_not_tell_where_the_instances_are_is_unknown(node: Node) -> None:
    node.deployed = Deployment("packages", (), "x", "x", {}).with_unknown("instances", "instances_path is '$x'.")
    found = node.look()
    assert found["instances"] is None
    assert found["unknown"] == {"instances": "instances_path is '$x'."}
