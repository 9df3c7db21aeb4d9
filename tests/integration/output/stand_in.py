# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An action plugin that answers for modules as a host would, so that hundreds of hosts cost nothing.

What tc_htb says is planned by its own code on devices without limits; other answers have the shapes of the modules' RETURN.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel.device import Device
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.apply import PortsOutcome
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.plan import plan_ports
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import parse_ports

Result = dict[str, t.Any]
UUID = "457eb676-33da-42ec-9a8c-9293d545c337"


def tc_htb(_host: str, args: Result) -> Result:
    ports = parse_ports(
        [
            {"exempt": [], "why": "", "state": "present", "last_resort": False, "egress": None, "ingress": None, **port}
            for port in args["ports"]
        ],
        "sfq",
    )
    names = [port.device(prefix) for port in ports for prefix in ("tap", "qvb")]
    plans = plan_ports(ports, {name: Device(name, index) for index, name in enumerate(names, start=2)})
    outcome = PortsOutcome(list(plans))
    return {
        "changed": outcome.changed,
        "ports": [plan.public() for plan in plans],
        "counts": outcome.counts,
        "restorer": "running",
        "in_sync": not outcome.changed,
        "metrics": False,
        "diff": outcome.diff,
    }


def preflight_host(_host: str, _args: Result) -> Result:
    return {"missing": []}


def tc_htb_info(_host: str, _args: Result) -> Result:
    return {"ports": [], "restorer": "running", "problems": []}


def ceph_objects(_host: str, _args: Result) -> Result:
    made = {"pools": [{"name": "volumes"}], "clients": [{"name": "client.cinder", "caps": {"mon": "profile rbd"}}]}
    return {
        "changed": True,
        "steps": ["create client.cinder"],
        **made,
        "diff": {"before": {"pools": [], "clients": []}, "after": made},
    }


def ceph_client_keys(_host: str, _args: Result) -> Result:
    return {"fsid": UUID, "mon_host": "192.0.2.11", "client_keys": {"client.cinder": "key"}, "same_caps": {}}


def ceph_client_secret(_host: str, _args: Result) -> Result:
    there = {
        "client": "client.cinder",
        "secret": {
            "uuid": UUID,
            "usage": "client.cinder secret",
            "private": False,
            "ephemeral": False,
            "kind": "ceph",
        },
        "secret_holds_the_key": True,
        "keyring": None,
        "keyring_holds_the_key": None,
    }
    before = {**there, "secret": None, "secret_holds_the_key": None}
    return {
        "restart": [],
        "changed": True,
        "steps": [f"define secret {UUID} (client.cinder secret)", "set its value to the key of client.cinder"],
        "clients": [there],
        "diff": {"before": {"clients": [before]}, "after": {"clients": [there]}},
    }


def ceph_client_proof(_host: str, _args: Result) -> Result:
    return {
        "proven": True,
        "clients": [{"client": "client.cinder", "checked": ["a", "b", "c"], "problems": []}],
        "secrets": {"client.cinder": [UUID]},
        "uses": [],
    }


def service_conf(_host: str, _args: Result) -> Result:
    path = "/etc/ceph/ceph.conf"
    diff = {
        "before_header": path,
        "after_header": path,
        "before": "",
        "after": f"[global]\nfsid = {UUID}\nmon host = 192.0.2.11\n",
    }
    return {"changed": True, "steps": [f"set fsid in global of {path}"], "restarted": [], "diff": [diff]}


def nova_reserved_disk(_host: str, _args: Result) -> Result:
    path = "/etc/nova/nova.conf"
    diff = {
        "before_header": path,
        "after_header": path,
        "before": "[DEFAULT]\nreserved_host_disk_mb = 0\n",
        "after": "[DEFAULT]\nreserved_host_disk_mb = 51200\n",
    }
    steps = [f"set reserved_host_disk_mb in DEFAULT of {path}", "restart nova-compute"]
    return {"changed": True, "before": 0, "after": 51200, "steps": steps, "keep": "", "diff": [diff]}


def ceph_disks(_host: str, _args: Result) -> Result:
    used = [
        "carries the OSD 12 of the cluster 2d2e7d39-6a5b-4d0c-a4a2-3f1d5f0b8f5e",
        "belongs to the group ceph-5f0f4c1d-3c8e-4c0e-9d5c-0b1a2e3f4a5b",
    ]
    return {
        "disks": [
            {
                "device": f"/dev/sd{letter}",
                "name": f"ata-ST16000NM000J-2TW103_ZR5EXAMPL{letter}",
                "serial": f"ZR5EXAMPL{letter}",
                "size": 16000900661248,
                "rotational": True,
                "free": letter == "l",
                "why": [] if letter == "l" else used,
            }
            for letter in "abcdefghijkl"
        ]
    }


def compute_audit_info(host: str, _args: Result) -> Result:
    return {"found": {"host": host, "unknown": {}, "rbd": None}}


def compute_audit(_host: str, args: Result) -> Result:
    """The table alone; what it finds doesn't grow with the hosts."""
    line = "{}  up, enabled  3          61, 13                        60416, 51002                     70, 10                            0, needed 0"
    head = "node     state        instances  VCPU free: allocated, actual  RAM MiB free: allocated, actual  disk GiB free: allocated, actual  reserve MB"
    return {
        "text": [head, *(line.format(host) for host in args["hosts"])],
        "summary": {"critical": 0, "warning": 0, "info": 0},
        "reservations": {},
    }


def cloud_report_info(_host: str, _args: Result) -> Result:
    limits = {"limited": 5, "saved": 5, "unsaved": 0, "missing": 0, "missing_ports": [], "unreadable": 0, "restorer": "running"}  # fmt: skip
    volume = {"path": "/var/lib/nova/instances", "size": 1000, "free": 20, "files": 100, "files_free": 90}
    return {"found": {"limits": limits, "volume": volume, "unknown": {}}}


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        variables = task_vars or {}
        name = (self._task.resolved_action or self._task.action).rpartition(".")[2]
        answer: Result = {"changed": False, **globals()[name](variables["inventory_hostname"], self._task.args)}
        return answer if self._task.diff else {key: value for key, value in answer.items() if key != "diff"}
