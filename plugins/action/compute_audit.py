# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs where Ansible runs: reads the cloud, joins it with what the hosts told, and writes the report."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, shown
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._action import Action, Options, Variables
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit import export, fetch, history, report
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.audit import audit
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.model import Pool, Record
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.progress import Progress
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import CLOUD_OPTIONS, Query
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._page.page import places, replace
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.report import comparison

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.facts import CinderConf, Facts

_TEMPLATE = Path(fetch.__file__).with_name("page.html")

_REPORTS = ("json", "html", "csv", "metrics")
_OPTIONS: Options = dict(
    hosts=dict(type="list", elements="str", required=True),
    register=dict(type="str", default="compute_audit_info"),
    images_register=dict(type="str"),
    rules_register=dict(type="str"),
    cinder=dict(type="list", elements="dict", default=[]),
    since=dict(type="str", required=True),
    **CLOUD_OPTIONS,
    only_hosts=dict(type="bool", default=True),
    irreversible=dict(type="bool", default=False),
    stuck_after=dict(type="int", default=3600),
    acknowledged=dict(type="list", elements="dict", default=[]),
    json=dict(type="str"),
    html=dict(type="str"),
    csv=dict(type="str"),
    metrics=dict(type="str"),
)


class ActionModule(Action):
    _requires_connection = False
    OPTIONS = _OPTIONS

    def job(self, options: Options, variables: Variables) -> Outcome:
        paths = places(options, _REPORTS)
        hostvars: t.Mapping[str, t.Mapping[str, t.Any]] = variables["hostvars"]
        told, inventory, silent = self._told(options, hostvars)
        pools, unlisted = self._pools(options["images_register"], inventory, hostvars)
        for host, why in unlisted.items():
            if found := told[host]:
                found["unknown"] = {**found["unknown"], "rbd_images": why}
        acknowledged = history.acknowledgements(options["acknowledged"])  # before anybody is asked
        progress = Progress(lambda line: self.say(f"[audit] {line}"))
        progress.part(f"{sum(bool(one) for one in told.values())} of {len(told)} hosts answered")
        answer = fetch.fetch(
            Query.of(options),
            options["since"],
            mentioned=_mentioned(told, pools),
            everybody=bool(pools),
            progress=progress,
        )
        cloud = answer.cloud
        progress.part(f"comparing {len(cloud['servers'])} servers; {answer.requests} requests were needed")
        computes = {str(one["host"]) for one in cloud["services"]}
        strangers = sorted(set(told) - computes)
        if strangers:
            raise OperatorError(
                f"Nova has no compute {', '.join(strangers)}; it has {', '.join(sorted(computes)) or 'none'}. "
                "Set compute_audit_host to Nova's own name of the host (host in nova.conf)."
            )
        audited = audit(
            cloud,
            told,
            inventory,
            only=set(told) if options["only_hosts"] else None,
            silent=silent,
            rules=self._rules(options["rules_register"], told, inventory, hostvars),
            pools=pools,
            cinder=self._cinder(options["cinder"]),
            irreversible=options["irreversible"],
            now=options["since"],
            stuck_after=options["stuck_after"],
        )
        made = report.report(
            audited,
            taken=options["since"],
            cloud=cloud["cloud"],
            region=cloud["region"],
            requests=answer.requests,
            before=_read(paths["json"]) if "json" in paths else None,
            acknowledged=acknowledged,
        )
        result = dict(
            text=report.lines(audited, made),
            summary=made["summary"],
            findings=made["findings"],
            reservations=report.reservations(audited),
            requests=answer.requests,
        )
        return Outcome(changed=self._write(paths, made), result=result)

    def _told(
        self, options: dict[str, t.Any], hostvars: t.Mapping[str, t.Mapping[str, t.Any]]
    ) -> tuple[dict[str, Facts | None], dict[str, str], dict[str, str]]:
        """By Nova's name: what a host told, None where it told nothing; what the inventory calls it; why it told nothing."""
        told: dict[str, Facts | None] = {}
        inventory: dict[str, str] = {}
        silent: dict[str, str] = {}
        for name in options["hosts"]:
            variables = hostvars[name]
            said = variables.get(options["register"]) or {}
            found = said.get("found")
            # A compute may tell whatever name it likes, another one's too; what Nova told the inventory goes first.
            host = str((variables.get("compute") or {}).get("host") or (found["host"] if found else name))
            if found and found["host"] != host:
                raise OperatorError(
                    f"{name} calls itself {shown(found['host'])}, and Nova calls it {host}. "
                    "Correct compute_audit_host; if it isn't set, look at who answers on that host."
                )
            if host in told:
                raise OperatorError(
                    f"{inventory[host]} and {name} both say that Nova calls them {host}. "
                    "Leave one out with --limit, or set compute_audit_host for both."
                )
            told[host], inventory[host] = found, str(name)
            if not found and said.get("msg"):
                silent[host] = " ".join(str(said["msg"]).split())
        return told, inventory, silent

    def _pools(
        self, register: str | None, inventory: dict[str, str], hostvars: t.Mapping[str, t.Mapping[str, t.Any]]
    ) -> tuple[list[Pool], dict[str, str]]:
        """What was listed in each pool, and for Nova's name of a compute why its pool couldn't be."""
        pools: dict[tuple[str, str], Pool] = {}
        unlisted: dict[str, str] = {}
        if not register:
            return [], {}
        for host, name in sorted(inventory.items()):
            found = (hostvars[name].get(register) or {}).get("found")
            if found and found["rbd_images"]:
                listed = found["rbd_images"]
                pool: Pool = {"host": host, "fsid": listed["fsid"], "pool": listed["pool"], "images": listed["images"]}
                pools.setdefault((pool["fsid"], pool["pool"]), pool)
            elif found and "rbd_images" in found["unknown"]:
                unlisted[host] = str(found["unknown"]["rbd_images"])
        return list(pools.values()), unlisted

    def _rules(
        self,
        register: str | None,
        told: t.Mapping[str, Facts | None],
        inventory: t.Mapping[str, str],
        hostvars: t.Mapping[str, t.Mapping[str, t.Any]],
    ) -> dict[str, list[Record] | str] | None:
        """By Nova's name, how the limits there differ from the rules, or why that can't be told; None where nobody asks."""
        if not register:
            return None
        rules: dict[str, list[Record] | str] = {}
        for host, found in told.items():
            if not found or found["limits"] is None:
                continue  # a finding of its own
            name = inventory[host]
            wanted = hostvars[name].get(register) or {}
            if "ports" not in wanted and "interfaces" not in wanted:
                rules[host] = " ".join(str(wanted.get("msg") or "The role instance_qos failed; see above.").split())
                continue
            there = {"ports": found["limits"], "problems": [], "restorer": ""}
            rules[host] = comparison({name: there}, {name: wanted})["rows"]
        return rules

    @staticmethod
    def _cinder(results: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, CinderConf]:
        """By host, what compute_audit_info told of its cinder.conf; a failure where it couldn't."""
        backends: dict[str, CinderConf] = {}
        for one in results:
            found = one.get("found") or {}
            if not found.get("cinder"):
                why = (found.get("unknown") or {}).get("cinder") or one.get("msg") or "it told nothing"
                raise OperatorError(
                    f"The configuration of Cinder on {one.get('item', 'a host')} can't be read: {why} "
                    "Leave the host out of compute_audit_cinder_hosts, or say where the files are."
                )
            backends[str(one["item"])] = found["cinder"]
        return backends

    def _write(self, paths: t.Mapping[str, Path], made: dict[str, t.Any]) -> bool:
        """Write what is asked for, and tell whether it finds something else than what was there."""
        changed = False
        texts: dict[str, t.Callable[[], str]] = {
            "json": lambda: json.dumps(made, indent=1) + "\n",
            "html": lambda: report.page(_TEMPLATE.read_text(encoding="utf-8"), made),
            "csv": lambda: export.table(made),
            "metrics": lambda: export.metrics(made),
        }
        for kind, path in paths.items():
            changed = changed or not (path.is_file() and (kind != "json" or report.same(_read(path), made)))
            if not self._play_context.check_mode:
                # Metrics tell of hosts and kinds alone, and node_exporter runs as somebody else.
                replace(path, texts[kind](), 0o644 if kind == "metrics" else 0o600)
        return changed


def _mentioned(told: t.Mapping[str, Facts | None], pools: t.Iterable[Pool]) -> set[str]:
    """The instances that hosts name: by a domain, a folder, a volume or an image."""
    named: list[str | None] = [image["instance"] for pool in pools for image in pool["images"]]
    for found in told.values():
        if not found:
            continue
        named += [one["uuid"] for one in found["libvirt"]["domains"]] if found["libvirt"] else []
        named += [one["instance"] for one in found["instances"]["entries"]] if found["instances"] else []
        named += [one["instance"] for one in found["lvm"]["volumes"]] if found["lvm"] else []
    return {str(one) for one in named if one}


def _read(path: Path) -> t.Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
