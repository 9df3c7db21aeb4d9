# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a canary asks of Nova, Neutron and Cinder over HTTP, what it removes, and what the action plugin hands to Ansible."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._canary import prove, reach, remove
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._canary.model import KEY, name_of
from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._why_no_host.apis import IMAGE, Apis, failed

if t.TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._aggregates.nova import Answer, Record

    from .conftest import RunAction

NAME = "openstack_ops.day2.compute_canary"
HOST = "cmp01"
NETWORK = "66666666-1111-4111-8111-111111111111"
PORT = "77777777-1111-4111-8111-111111111111"
VOLUME = "88888888-1111-4111-8111-%012d"
SERVER = "99999999-1111-4111-8111-%012d"
MINE, THEIRS = "p", "q"
LOG = "login as 'cirros'\nudhcpc: lease of 192.0.2.7 obtained {{ 7 * 7 }}\nvdb: 1 GiB\n"

Act = t.Callable[..., dict[str, t.Any]]


def canary(number: int, **changes: t.Any) -> Record:
    """A server of ours."""
    return {
        "id": SERVER % number, "name": name_of(HOST), "tenant_id": MINE, "metadata": {KEY: HOST}, "status": "ACTIVE",
        "OS-EXT-SRV-ATTR:host": HOST, "OS-EXT-STS:task_state": None, "flavor": failed()["flavor"], "image": {"id": IMAGE}, **changes,
    }  # fmt: skip


def volume(number: int, **changes: t.Any) -> Record:
    owner = {"os-vol-tenant-attr:tenant_id": MINE}
    return {
        "id": VOLUME % number,
        "name": name_of(HOST),
        "metadata": {KEY: HOST},
        "status": "available",
        "size": 1,
        **owner,
        **changes,
    }


@dataclass
class Booting(Apis):
    """Boots at once; changes of the fields plant a defect."""

    services: tuple[str, ...] = ("compute", "network", "placement", "image", "block-storage")
    project: str = MINE
    image: Record = field(default_factory=lambda: {"name": "small", "status": "active"})
    mine: list[Record] = field(default_factory=list)
    volumes: list[Record] = field(default_factory=list)
    booted: list[Record] = field(default_factory=list)
    boots: Record = field(default_factory=dict)
    """What a canary is like once it is booted."""
    events: list[Record] = field(default_factory=list)
    port: Record = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    """Ids that are there still after they were deleted."""
    console: str | None = LOG
    """None where the driver has none."""
    free: int = 5
    limits: Record = field(default_factory=lambda: {"instances": {"limit": 10, "in_use": 2, "reserved": 0}})
    deleted: list[str] = field(default_factory=list)
    attachable: str = "in-use"

    def _answer(self, request: BaseHTTPRequestHandler, path: str, query: str, body: bytes) -> Answer:
        sent = json.loads(body) if body else {}
        rest = path.split("v2.1/", 1)[-1]
        if path.startswith("/block-storage/"):
            return self._cinder(request.command, path.split("/", 3)[3], sent)
        if path.startswith("/network/"):
            found = self._network(request.command, path.split("/v2.0/", 1)[-1])
            return found or super()._answer(request, path, query, body)
        if rest == "servers" and request.command == "POST":
            self.booted.append(sent["server"])
            made = canary(len(self.booted), metadata=sent["server"]["metadata"], **self.boots)
            self.mine.append(made)
            return 202, {"server": {"id": made["id"]}}, {}
        if rest == "servers/detail" and "all_tenants" not in parse_qs(query):
            return 200, {"servers": self.mine}, {}
        if rest.startswith("os-quota-sets/"):
            return 200, {"quota_set": self.limits}, {}
        parts = rest.split("/")
        if parts[0] == "servers" and len(parts) > 1 and any(one["id"] == parts[1] for one in self.mine):
            return self._of_server(parts, sent)
        return super()._answer(request, path, query, body)

    def _of_server(self, parts: list[str], sent: Record) -> Answer:
        (row,) = (one for one in self.mine if one["id"] == parts[1])
        if len(parts) == 2:
            return 200, {"server": row}, {}
        if parts[-1] == "os-instance-actions":
            return 200, {"instanceActions": [{"action": "create", "request_id": "r", "start_time": "1"}]}, {}
        if parts[-1] == "r":
            return 200, {"instanceAction": {"events": self.events}}, {}
        if parts[2] == "os-volume_attachments":
            self.volumes[-1]["status"] = self.attachable
            return 200, {"volumeAttachment": {}}, {}
        if "os-getConsoleOutput" in sent:
            return (501, {}, {}) if self.console is None else (200, {"output": self.console}, {})
        assert sent == {"forceDelete": None}
        return self._delete(self.mine, row["id"])

    def _cinder(self, command: str, rest: str, sent: Record) -> Answer:
        if command == "POST":
            self.volumes.append(volume(1, metadata=sent["volume"]["metadata"]))
            return 202, {"volume": {"id": VOLUME % 1}}, {}
        if command == "DELETE":
            # Cinder deletes none that is attached to a server that is there.
            assert not (self.booted and self.mine)
            return self._delete(self.volumes, rest.rpartition("/")[2])
        return 200, {"volumes": self.volumes}, {}

    def _network(self, command: str, rest: str) -> Answer | None:
        if rest == "networks":
            return 200, {"networks": [{"id": NETWORK, "name": "provider", "subnets": ["s"]}]}, {}
        if rest.startswith("network-ip-availabilities/"):
            rows = [{"ip_version": 4, "total_ips": 5, "used_ips": 5 - self.free}]
            return 200, {"network_ip_availability": {"subnet_ip_availability": rows}}, {}
        if command == "DELETE":
            self.deleted.append(rest.rpartition("/")[2])
            return 204, {}, {}
        if rest == "ports":
            bound = {
                "id": PORT, "project_id": MINE, "status": "ACTIVE", "binding:host_id": HOST, "binding:vif_type": "ovs",
                "binding:vnic_type": "normal", "binding:vif_details": {}, "fixed_ips": [{"ip_address": "2001:db8::7"}, {"ip_address": "192.0.2.7"}],
            }  # fmt: skip
            return 200, {"ports": [{**bound, **self.port}] if self.mine else []}, {}
        return None

    def _delete(self, rows: list[Record], uuid: str) -> Answer:
        self.deleted.append(uuid)
        rows[:] = [one for one in rows if one["id"] != uuid or uuid in self.kept]
        return 202, {}, {}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Booting]:
    for module in (prove, remove):
        monkeypatch.setattr(module, "_POLL", 0)
    made = Booting()
    with made:
        yield made


@pytest.fixture
def act(cloud: Booting, tmp_path: Path, run_action: RunAction) -> Act:
    def act(*, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        written = {"cloud": "fake", "clouds_yaml_path": cloud.clouds_yaml(tmp_path), "host": HOST, "check_timeout": 1}
        args = {**written, "image": "small", "flavor": "m1.tiny", "network": "provider", **options}
        return run_action(NAME, args, check_mode=check, diff=True)

    return act


def verdicts(made: dict[str, t.Any]) -> dict[str, str]:
    return {one["check"]: one["verdict"] for one in made["checks"]}


def why(made: dict[str, t.Any], check: str) -> str:
    return next(str(one["why"]) for one in made["checks"] if one["check"] == check)


ALL = {
    "dhcp_pattern": "lease of .* obtained", "metadata_pattern": "login as", "reach": "tcp", "volume_size": 1, "volume_pattern": "vdb",
    "security_groups": ["open"],
}  # fmt: skip


def test_all_is_proved_and_nothing_is_left(cloud: Booting, act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prove, "reached", lambda *_asked: "")
    predicted = act(check=True, **ALL)
    assert cloud.booted == []
    made = act(**ALL)
    for same in ("changed", "steps", "diff"):
        assert made[same] == predicted[same]
    assert set(verdicts(predicted).values()) == {"passed", "planned"}
    assert list(verdicts(predicted)) == list(verdicts(made))
    assert set(verdicts(made).values()) == {"passed"}, made["checks"]
    assert (made["verdict"], made["changed"], made["remaining"]) == ("passed", True, [])
    assert "{{ 7 * 7 }}" in why(made, "dhcp")
    (sent,) = cloud.booted
    assert sent == {
        "name": "openstack-ops-canary-cmp01", "imageRef": IMAGE, "flavorRef": "1", "networks": [{"uuid": NETWORK}], "host": HOST,
        "metadata": {KEY: HOST}, "security_groups": [{"name": "open"}],
    }  # fmt: skip
    assert cloud.deleted == [SERVER % 1, VOLUME % 1]
    assert made["text"][0] == "cmp01: passed (10 passed)."


def error(message: str, **event: t.Any) -> dict[str, t.Any]:
    events = (
        [{"event": "compute__do_build_and_run_instance", "result": "Error", "finish_time": "1", **event}]
        if event
        else []
    )
    return {"boots": {"status": "ERROR", "fault": {"message": message}}, "events": events}


@pytest.mark.parametrize(
    ("planted", "options", "check", "verdict", "words"),
    [
        (error("Exceeded maximum number of retries.", details="[Errno 30] Read-only file system"), {}, "boot", "failed", "the compute '[Errno 30] Read-only"),
        (error("No valid host was found."), {}, "boot", "unknown", "the scheduler didn't put the canary there"),
        ({"boots": {"status": "BUILD"}}, {}, "boot", "failed", "is still 'BUILD' after 1 s"),
        ({"boots": {"OS-EXT-SRV-ATTR:host": "cmp02"}}, {}, "boot", "unknown", "put the canary on 'cmp02'"),
        ({"port": {"binding:vif_type": "binding_failed"}}, {}, "port", "failed", "could not bind the port to 'cmp01'"),
        ({"port": {"status": "DOWN"}}, {}, "port", "failed", "the network agent hasn't said that it is wired"),
        ({"port": {"binding:host_id": "cmp02"}}, {}, "port", "failed", "bound to 'cmp02'"),
        ({"port": {"fixed_ips": []}}, {}, "port", "failed", "has no address"),
        ({"console": " \n"}, {}, "console", "failed", "still empty after 1 s"),
        ({"console": "x"}, {"dhcp_pattern": "lease"}, "dhcp", "failed", "no line with 'lease'"),
        ({"attachable": "error_attaching"}, {"volume_size": 1}, "volume", "failed", "error_attaching"),
        ({"services": Apis.services}, {"volume_size": 1}, "volume", "unknown", "no public endpoint of Cinder"),
        ({"port": {"binding:vnic_type": "direct"}}, {"limit": True}, "limit", "unknown", "SR-IOV"),
        ({"port": {"fixed_ips": [{"ip_address": "; reboot"}]}}, {"reach": "ping"}, "reach", "unknown", "tells '; reboot' as an address"),
        ({"console": None}, {}, "console", "unknown", "HTTP 501"),
    ],
)  # fmt: skip
def test_a_defect_is_told_in_words_and_the_canary_goes(
    cloud: Booting, act: Act, planted: dict[str, t.Any], options: dict[str, t.Any], check: str, verdict: str, words: str
) -> None:
    for name, value in planted.items():
        setattr(cloud, name, value)
    made = act(**options)
    assert verdicts(made)[check] == verdict, made["checks"]
    assert words in why(made, check)
    assert made["failed"]
    assert made["msg"].startswith(f"cmp01: {check} {verdict}: ")
    assert cloud.mine == []
    assert cloud.volumes == []


def test_what_only_looks_like_ours_stays(cloud: Booting, act: Act) -> None:
    cloud.mine += [
        canary(20),
        canary(21, metadata={}),
        canary(22, tenant_id=THEIRS),
        canary(23, name="mine"),
        canary(24, metadata={KEY: "cmp02"}),
        canary(25, metadata="x"),
    ]
    cloud.volumes += [volume(30), volume(31, **{"os-vol-tenant-attr:tenant_id": THEIRS})]
    cloud.kept = {VOLUME % 30}
    made = act(state="absent", check=True)
    assert (made["changed"], cloud.deleted) == (True, [])
    made = act(state="absent")
    assert set(cloud.deleted) == {SERVER % 20, VOLUME % 30}
    assert made["failed"]
    assert made["remaining"] == [f"volume {VOLUME % 30} is still there"]
    assert sum("left alone" in one for one in made["notes"]) == 5


def test_nothing_boots_beside_what_an_earlier_run_left(cloud: Booting, act: Act) -> None:
    cloud.mine.append(canary(20))
    cloud.kept = {SERVER % 20}
    made = act()
    assert cloud.booted == []
    assert (verdicts(made)["boot"], verdicts(made)["removal"]) == ("unknown", "failed")
    assert "an earlier canary is still there" in why(made, "boot")


def test_a_canary_that_stays_fails_the_compute(cloud: Booting, act: Act) -> None:
    cloud.kept = {SERVER % 1}
    made = act()
    assert (made["verdict"], verdicts(made)["removal"]) == ("failed", "failed")
    assert made["remaining"] == [f"server {SERVER % 1} is still there"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "disabled", "disabled_reason": "fan"}, "nova-compute is disabled ('fan')"),
        ({"state": "down"}, "nova-compute is down"),
        ({"forced_down": True}, "nova-compute is down (forced down)"),
    ],
)
def test_nothing_boots_where_nova_compute_is_not_there(
    cloud: Booting, act: Act, change: dict[str, t.Any], words: str
) -> None:
    for one in cloud.lists["services"]:
        one.update(change)
    predicted, made = act(check=True), act()
    assert cloud.booted == []
    assert predicted["verdict"] == made["verdict"] == "failed"
    assert (made["changed"], predicted["changed"]) == (False, False)
    assert words in why(made, "service")
    assert verdicts(made)["boot"] == "unknown"


@pytest.mark.parametrize(
    ("planted", "options", "words"),
    [
        ({}, {"image": "no-such"}, "the image 'no-such'|no image 'no-such'"),
        ({"image": {"name": "small", "status": "queued"}}, {}, "'small' is 'queued', wanted active"),
        ({"image": {"name": "small", "status": "active", "min_ram": 4096}}, {}, "has min_ram 4096, and the flavor 'm1.tiny' has ram 256"),
        ({}, {"flavor": "no-such"}, "Nova has no flavor 'no-such'; correct the name"),
        ({}, {"network": "no-such"}, "Neutron has no network 'no-such'"),
        ({"free": 0}, {}, "no address on the network provider: none of its 5 IPv4 addresses is free"),
        ({"limits": {"instances": {"limit": 2, "in_use": 2, "reserved": 0}}}, {}, "2 of 2 used, 1 needed"),
        ({"newest": (2, 73)}, {}, "microversion 2.74"),
        ({"admin": False}, {}, "a canary needs the admin role"),
        ({}, {"host": "cmp99"}, "Nova has 0 services nova-compute on cmp99"),
        ({}, {"dhcp_pattern": "("}, "isn't a regular expression"),
        ({}, {"volume_pattern": "x"}, "set volume_size, too"),
        ({}, {"network": "none", "reach": "ping"}, "Without a network"),
        ({}, {"check_timeout": 0}, "check_timeout is 0"),
        ({}, {"image": ""}, "image is empty"),
    ],
)  # fmt: skip
def test_what_is_no_fault_of_the_compute_is_refused(
    cloud: Booting, act: Act, planted: dict[str, t.Any], options: dict[str, t.Any], words: str
) -> None:
    for name, value in planted.items():
        setattr(cloud, name, value)
    for check in (True, False):
        with pytest.raises(AnsibleActionFail, match=words):
            act(check=check, **options)
    assert cloud.booted == []


@pytest.mark.parametrize(
    ("answer", "verdict", "words"),
    [
        ({"ports": [{"devices": ["tap"], "egress": {"rate": "20mbit"}, "ingress": None}]}, "passed", "egress 20mbit"),
        (
            {"ports": [{"devices": ["tap"], "egress": None, "ingress": None}]},
            "failed",
            "the kernel has no limit of the port",
        ),
        ({"failed": True, "msg": "tc isn't installed"}, "unknown", "tc isn't installed"),
        (AnsibleConnectionFailure("no route to host"), "unknown", "no route to host"),
    ],
)
def test_the_kernel_of_the_compute_is_asked_for_the_limit(
    cloud: Booting, act: Act, monkeypatch: pytest.MonkeyPatch, answer: t.Any, verdict: str, words: str
) -> None:
    def execute(_self: ActionBase, **asked: t.Any) -> t.Any:
        assert (asked["module_name"], asked["module_args"]) == ("openstack_ops.day2.tc_htb_info", {"port_ids": [PORT]})
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(ActionBase, "_execute_module", execute)
    made = act(limit=True)
    assert verdicts(made)["limit"] == verdict, made["checks"]
    assert words in why(made, "limit")
    assert cloud.mine == []


def test_an_address_answers_or_tells_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(OperatorError, match="ping isn't installed"):
        reach.reached("192.0.2.1", "ping", 0)
    assert "doesn't answer on TCP port 1" in reach.reached("127.0.0.1", "tcp", 1)
    assert reach.address_of({"fixed_ips": [{"ip_address": "2001:db8::7"}, {"ip_address": "192.0.2.7"}]}) == "192.0.2.7"


def test_a_cinder_that_does_not_answer_is_no_fault_of_the_compute(cloud: Booting, act: Act) -> None:
    cloud.failures = {"/volumes/detail": [403] * 100_000}  # each time that it is asked, for a second
    made = act()
    assert (made["verdict"], made["remaining"]) == ("passed", [])
    assert any("isn't known" in one for one in made["notes"])
    made = act(volume_size=1)
    assert (made["verdict"], verdicts(made)["removal"]) == ("unknown", "unknown")
    assert "Whether a volume of an earlier canary is there isn't known" in made["remaining"][0]


def test_a_cinder_that_is_in_the_catalog_and_cannot_be_asked_is_not_none(
    cloud: Booting, act: Act, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    path = cloud.clouds_yaml(folder, block_storage_interface="admin")
    made = act(clouds_yaml_path=path, volume_size=1)
    assert (made["verdict"], verdicts(made)["removal"]) == ("unknown", "unknown")
    assert "has no admin endpoint of Cinder" in made["remaining"][0]
    made = act(clouds_yaml_path=path, state="absent")
    assert made["text"][0] == "cmp01: nothing left by earlier runs; whether a volume is there isn't known."


def test_a_cloud_without_cinder_has_no_volumes(cloud: Booting, act: Act) -> None:
    cloud.services = Apis.services
    made = act(state="absent")
    assert (made["text"], made["notes"]) == (["cmp01: nothing left by earlier runs."], [])
