# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nova is asked for by a drain and a return, over HTTP, and what the action plugin hands to Ansible."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain import move, run
from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._why_no_host.apis import Apis

if t.TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._aggregates.nova import Answer, Record

    from .conftest import RunAction

NAME = "openstack_ops.day2.compute_drain"
MARK = "openstack_ops.day2 drain: {{ 7 * 7 }}"
HOST = "OS-EXT-SRV-ATTR:host"

Act = t.Callable[..., dict[str, t.Any]]


@dataclass
class Migrating(Apis):
    """Migrations end before they are asked for, or fail where `fault` says why."""

    migrations: list[Record] = field(default_factory=list)
    sent: list[tuple[str, Record]] = field(default_factory=list)
    fault: str = ""

    def __post_init__(self) -> None:
        """It keeps the servers of the lists."""

    def server(self, uuid: str) -> Record:
        return next(one for one in self.lists["servers"] if one["id"] == uuid)

    def _answer(self, request: BaseHTTPRequestHandler, path: str, query: str, body: bytes) -> Answer:
        rest = path.split("v2.1/", 1)[-1]
        parts = rest.split("/")
        if rest == "os-migrations":
            assert query.startswith("instance_uuid=")
            rows = [one for one in self.migrations if one["instance_uuid"] == query.partition("=")[2]]
            return 200, {"migrations": rows}, {}
        if parts[0] == "servers" and parts[-1] == "action":
            self._do(self.server(parts[1]), json.loads(body))
            return 202, {}, {}
        if parts[0] == "servers" and parts[-1] == "os-instance-actions":
            return 200, {"instanceActions": [{"action": "live-migration", "start_time": "1", "request_id": "r"}]}, {}
        if parts[-1] == "r":
            events = [{"result": "Error", "finish_time": "1", "traceback": None, "details": self.fault}]
            return 200, {"instanceAction": {"events": events}}, {}
        if parts[0] == "servers" and len(parts) == 2 and parts[1] != "detail":
            found = [one for one in self.lists["servers"] if one["id"] == parts[1]]
            return (200, {"server": found[0]}, {}) if found else (404, {"itemNotFound": {"code": 404}}, {})
        if rest.endswith("/allocations"):
            node = path.split("/")[-2]
            (host,) = (one["service"]["host"] for one in self.lists["hypervisors"] if one["id"] == node)
            return 200, {"allocations": {one["id"]: {} for one in self.lists["servers"] if one[HOST] == host}}, {}
        return super()._answer(request, path, query, body)

    def _do(self, server: Record, sent: Record) -> None:
        ((action, options),) = sent.items()
        self.sent.append((server["id"], sent))
        if action == "confirmResize":
            newest = next(one for one in self.migrations if one["instance_uuid"] == server["id"])
            newest["status"], server["status"] = "confirmed", "SHUTOFF"
            return
        live = action == "os-migrateLive"
        dest = (options or {}).get("host") or "cmp02"
        status = "error" if self.fault else "completed" if live else "finished"
        made = {
            "id": len(self.migrations) + 1, "uuid": "m", "instance_uuid": server["id"], "status": status, "source_compute": server[HOST],
            "dest_compute": dest, "migration_type": "live-migration" if live else "migration",
        }  # fmt: skip
        self.migrations.insert(0, made)
        if not self.fault:
            server[HOST] = dest
            server["status"] = server["status"] if live else "VERIFY_RESIZE"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Migrating]:
    for module in (move, run):
        monkeypatch.setattr(module, "_POLL", 0)
    made = Migrating()
    with made:
        yield made


@pytest.fixture
def act(cloud: Migrating, tmp_path: Path, run_action: RunAction) -> Act:
    def act(state: str, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        written = {"cloud": "fake", "clouds_yaml_path": cloud.clouds_yaml(tmp_path), "record": str(tmp_path / "r.json")}
        args = {**written, "host": "cmp01", "state": state, "reason": "{{ 7 * 7 }}", "migration_timeout": 60, **options}
        return run_action(NAME, args, check_mode=check, diff=True)

    return act


def of_host(cloud: Migrating, host: str = "cmp01") -> list[str]:
    return sorted(str(one["id"]) for one in cloud.lists["servers"] if one[HOST] == host)


def test_out_and_back(cloud: Migrating, act: Act) -> None:
    first, *others = there = of_host(cloud)
    cloud.server(first)["status"] = "SHUTOFF"
    predicted = act("drained", check=True, cold=True)
    assert cloud.sent == []
    made = act("drained", cold=True)
    for same in ("changed", "status", "disabled_reason", "steps", "diff"):
        assert made[same] == predicted[same]
    assert (made["status"], made["disabled_reason"]) == ("disabled", MARK)
    assert made["remaining"] == []
    assert {(one["server"], one["to"], one["verdict"]) for one in made["servers"]} == {
        (one, "cmp02", "moved") for one in there
    }
    live = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
    assert sorted(cloud.sent, key=str) == sorted(
        [(first, {"migrate": None}), (first, {"confirmResize": None}), *((one, live) for one in others)], key=str
    )
    assert not act("drained", cold=True)["changed"]

    cloud.sent.clear()
    back = act("returned", servers=True, cold=True)
    assert (back["changed"], back["status"]) == (True, "enabled")
    assert of_host(cloud) == there
    assert (first, {"migrate": {"host": "cmp01"}}) in cloud.sent
    assert (others[0], {"os-migrateLive": {"host": "cmp01", "block_migration": "auto"}}) in cloud.sent
    assert not act("returned", servers=True, cold=True)["changed"]


def test_a_failed_migration_fails_with_novas_words_and_the_whole_result(cloud: Migrating, act: Act) -> None:
    cloud.fault = "No valid host was found. {{ 7 * 7 }}"
    made = act("drained")
    assert made["failed"]
    assert "its migration ended as error: 'No valid host was found. {{ 7 * 7 }}'." in made["msg"]
    assert len(made["remaining"]) == len(of_host(cloud)) > 0


def test_a_server_for_which_placement_offers_nothing_is_refused(cloud: Migrating, act: Act) -> None:
    cloud.offered = []
    with pytest.raises(
        AnsibleActionFail, match=r"of the servers of cmp01 can't be moved: .* finds no other compute \(cmp0"
    ):
        act("drained")
    assert cloud.sent == []


@pytest.mark.parametrize(
    ("broken", "options", "error"),
    [
        ({}, {"host": "cmp99"}, "Nova has 0 services nova-compute on cmp99, wanted one"),
        ({"admin": False}, {}, "draining a compute needs the admin role"),
        ({"newest": (2, 60)}, {}, "knows microversions up to 2.60 only; 2.61 is needed"),
        ({"services": ()}, {}, "no public endpoint of Nova"),
        ({}, {"parallel": 0}, "parallel is 0"),
        ({}, {"reason": "x" * 201}, "The reason has 201 characters"),
        ({}, {"record": "/proc/none/r.json"}, "The record can't be written"),
    ],
)
def test_an_error_tells_the_way_out(
    cloud: Migrating, act: Act, broken: dict[str, t.Any], options: dict[str, t.Any], error: str
) -> None:
    for name, value in broken.items():
        setattr(cloud, name, value)
    with pytest.raises(AnsibleActionFail, match=error):
        act("drained", **options)
    assert cloud.sent == []
    assert {one["status"] for one in cloud.lists["services"]} == {"enabled"}


def test_a_cell_that_is_down_is_not_taken_for_an_empty_host(cloud: Migrating, act: Act) -> None:
    for one in cloud.lists["services"]:
        one["status"] = "UNKNOWN"
    with pytest.raises(AnsibleActionFail, match="doesn't reach the database of the cell of cmp01"):
        act("drained")


def test_each_server_is_read_once_before_anything_changes(cloud: Migrating, act: Act) -> None:
    """All by one list; then each for what it asks of another compute."""
    there = of_host(cloud)
    cloud.asked.clear()
    act("drained", check=True)
    assert sorted(path.rsplit("/", 1)[-1] for path in cloud.asked if path.rsplit("/", 1)[-1] in there) == there


@pytest.mark.parametrize(
    ("lost", "error"),
    [
        ("hypervisors", "Nova tells no hypervisor of cmp01"),
        ("placement", "Placement tells no provider of cmp01's hypervisor"),
    ],
)
def test_lists_without_the_host_do_not_make_it_empty(cloud: Migrating, act: Act, lost: str, error: str) -> None:
    act("drained")
    (node,) = (one["id"] for one in cloud.lists["hypervisors"] if one["service"]["host"] == "cmp01")
    if lost == "hypervisors":
        cloud.lists["hypervisors"] = [one for one in cloud.lists["hypervisors"] if one["id"] != node]
    else:
        del cloud.lists["placement"][node]
    made = act("drained")
    assert made["failed"]
    assert f"whether it is empty isn't known: {error}" in made["msg"]
