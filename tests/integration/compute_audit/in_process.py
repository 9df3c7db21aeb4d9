# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role compute_audit does on one host, without the start of an ansible-playbook and its dozen tasks: the same module, as Ansible
sends it, and the same action plugin. That the role hands on what they want is proved by the audits that are playbooks.
"""

from __future__ import annotations

import functools
import json
import time
import typing as t
from types import SimpleNamespace

import yaml
from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.openstack_ops.day2.plugins.action.compute_audit import ActionModule
from tests.places import ROOT

_MODULE = "openstack_ops.day2.compute_audit_info"
_PATH = ROOT / ".venv/collections/ansible_collections/openstack_ops/day2/plugins/modules/compute_audit_info.py"
_DEFAULTS = ROOT / "roles/compute_audit/defaults/main.yml"

Run = t.Callable[[bytes], str]
"""What Python on the host says to this program."""


@functools.cache
def _program(arguments: str) -> bytes:
    """The module with its arguments, as Ansible sends it through a pipe."""
    wanted = {**json.loads(arguments), "_ansible_no_log": False, "_ansible_check_mode": False}
    built = modify_module(
        module_name=_MODULE,
        module_path=str(_PATH),
        module_args=wanted,
        templar=Templar(loader=DataLoader()),
        task_vars={"ansible_python_interpreter": "/usr/bin/python3"},
    )
    return bytes(built.b_module_data)


def _tell(run: Run, **arguments: t.Any) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads(run(_program(json.dumps(arguments, sort_keys=True)))))


def look(
    host: str, run: Run, json_path: str, html_path: str, *, everything: bool = False, cinder: bool = False
) -> dict[str, t.Any]:
    """The report of an audit of this host, with the role's defaults and without a margin; `cinder` is on this host, too."""
    defaults = yaml.safe_load(_DEFAULTS.read_text())
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    files = {"nova_conf": defaults["compute_audit_nova_conf"]}
    told = _tell(run, **files, uri=defaults["compute_audit_libvirt_uri"])
    images = {}
    if (told.get("found") or {}).get("rbd"):
        images = _tell(run, **files, parts=["rbd_images"])
    backends = []
    if cinder:
        backends = [{**_tell(run, cinder_conf=defaults["compute_audit_cinder_conf"], parts=["cinder"]), "item": host}]
    return _compare(
        {host: {"told": told, "images": images}},
        json_path,
        only_hosts=not everything, irreversible=True, cinder=backends, images_register="images", since=since, html=html_path,
    )  # fmt: skip


def look_at_apis(hosts: t.Iterable[str], json_path: str) -> dict[str, t.Any]:
    """The report on hosts of which nothing is known but what the APIs tell."""
    return _compare({host: {} for host in hosts}, json_path, since=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))


def _compare(hostvars: dict[str, dict[str, t.Any]], json_path: str, **more: t.Any) -> dict[str, t.Any]:
    arguments = {"hosts": list(hostvars), "register": "told", "cloud": "mini", "json": json_path, **more}
    task = SimpleNamespace(
        args=arguments, async_val=0, check_mode=False, diff=False, no_log=False, action="compute_audit"
    )
    there = SimpleNamespace(_shell=SimpleNamespace(tmpdir="/nonexistent"))
    action = ActionModule(
        t.cast("t.Any", task), t.cast("t.Any", there), t.cast("t.Any", task), DataLoader(), Templar(loader=DataLoader())
    )
    action.run(task_vars={"hostvars": hostvars})
    with open(json_path, encoding="utf-8") as report:
        return t.cast("dict[str, t.Any]", json.load(report))
