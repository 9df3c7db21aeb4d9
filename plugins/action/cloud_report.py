# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs where Ansible runs: makes one report of what hosts told, and of what earlier runs wrote here."""

from __future__ import annotations

import json
import os
import typing as t
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._action import Action, Options, Variables
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._cloud_report import evidence, report
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._cloud_report.model import (
    Host,
    Limits,
    cleaned,
    mapping,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.unsafe import make_unsafe
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._page.page import draw, places, replace

_TEMPLATE = Path(report.__file__).with_name("page.html")
#: A report of an audit of 1000 computes has some 50 MB.
_MOST = 1 << 30
_OPTIONS: dict[str, t.Any] = dict(
    hosts=dict(type="list", elements="str", required=True),
    register=dict(type="str", default="cloud_report_info"),
    computes=dict(type="str", default="nova_computes"),
    databases=dict(type="str", default="mysql"),
    audit=dict(type="str"),
    ceph=dict(type="str"),
    backup_hours=dict(type="float", default=26),
    verified_days=dict(type="float", default=31),
    certificate_days=dict(type="float", default=30),
    evidence_days=dict(type="float", default=7),
    json=dict(type="str"),
    html=dict(type="str"),
)


class ActionModule(Action):
    _requires_connection = False
    _supports_diff = False
    OPTIONS = _OPTIONS

    def job(self, options: Options, variables: Variables) -> Outcome:
        names = ("backup_hours", "verified_days", "certificate_days", "evidence_days")
        wrong = [name for name in names if not 0 < options[name] < 1e6]
        if wrong:
            raise OperatorError(f"{wrong[0]} is {options[wrong[0]]}; write a number above 0.")
        paths = places(options, ("json", "html"))
        made = report.report(
            self._hosts(options, variables["hostvars"], variables.get("groups", {})),
            _read(options["audit"], "audit_computes writes it (compute_audit_json), and report_audit says where it is"),
            _read(options["ceph"], "verify_ceph writes it (verify_ceph_report), and report_ceph says where it is"),
            Limits(*(options[name] for name in names)),
            datetime.now(timezone.utc),
        )
        drawn = {
            "json": lambda: json.dumps(made, indent=1) + "\n",
            "html": lambda: draw(_TEMPLATE.read_text(encoding="utf-8"), report=made),
        }
        for kind, path in paths.items():
            if not self._play_context.check_mode:
                replace(path, drawn[kind](), 0o600)
        result = dict(report=make_unsafe(made), text=make_unsafe(report.lines(made)), state=made["state"])
        return Outcome(changed=False, result=result)

    def _hosts(
        self,
        options: dict[str, t.Any],
        hostvars: t.Mapping[str, t.Mapping[str, t.Any]],
        groups: t.Mapping[str, t.Collection[str]],
    ) -> list[Host]:
        computes, databases = groups.get(options["computes"], ()), groups.get(options["databases"], ())
        hosts = []
        for name in options["hosts"]:
            said = mapping(hostvars[name].get(options["register"])) or {}
            found = mapping(said.get("found"))
            silent = "" if found else cleaned(said.get("msg") or "not reached, or it failed before (see above)")
            hosts.append(Host(str(name), name in computes, name in databases, silent, found or {}))
        return hosts


def _read(path: str | None, way: str) -> evidence.Evidence:
    """A file that an earlier run wrote. Whatever keeps it from being read is told in the report, and keeps nothing else from being told."""
    if not path:
        return evidence.Evidence("", {}, f"no report of it was named: {way}")
    file = Path(os.path.expanduser(path))
    try:
        if file.stat().st_size > _MOST:
            return evidence.Evidence(path, {}, f"{path} is too large to be a report: {way}")
        told = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return evidence.Evidence(path, {}, f"there is no {path}: {way}")
    except OSError as exc:
        return evidence.Evidence(path, {}, f"{path} can't be read: {exc.strerror or exc}")
    except (ValueError, RecursionError):
        return evidence.Evidence(path, {}, f"{path} isn't JSON: {way}")
    if not isinstance(told, dict):
        return evidence.Evidence(path, {}, f"{path} holds no report: {way}")
    return evidence.Evidence(path, told)
