# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs where Ansible runs: chooses the faults of a drill, makes one while probes watch, and writes the report."""

from __future__ import annotations

import datetime
import json
import secrets
import time
import typing as t
import zoneinfo

from ansible.errors import AnsibleError

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, shown
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill import armed, schedule, window
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._action import Action, Variables
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drill import report
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drill.probes import Probe, Watch, parse
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.unsafe import make_unsafe
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._page.page import places, replace

Record = dict[str, t.Any]

MODULE = "openstack_ops.day2.failure_drill_host"
_OPTIONS: Record = dict(
    step=dict(type="str", choices=["targets", "plan", "fault", "report"], required=True),
    components=dict(type="list", elements="dict", required=True),
    probes=dict(type="list", elements="dict", required=True),
    windows=dict(type="list", elements="dict", required=True),
    timezone=dict(type="str", default="UTC"),
    hosts=dict(type="list", elements="str", required=True),
    register=dict(type="str", default="failure_drill_seen"),
    seconds=dict(type="int", default=60),
    faults=dict(type="int", default=1),
    budget=dict(type="int", default=600),
    seed=dict(type="str", default=""),
    chosen=dict(type="list", elements="str", default=[]),
    recovery=dict(type="int", default=300),
    component=dict(type="str", default=""),
    host=dict(type="str", default=""),
    plan=dict(type="dict", default={}),
    results=dict(type="list", elements="dict", default=[]),
    json=dict(type="str", default=""),
    html=dict(type="str", default=""),
)


class ActionModule(Action):
    OPTIONS = _OPTIONS

    def job(self, options: Record, variables: Variables) -> Outcome:
        steps = {"targets": self._targets, "plan": self._plan, "fault": self._fault, "report": self._report}
        result = make_unsafe(steps[options["step"]](options, variables))
        return Outcome(changed=result.pop("changed"), result=result)

    def _declared(self, options: Record, variables: Variables) -> tuple[list[schedule.Target], list[Probe]]:
        """Targets and probes, and nothing wrong with the other options. Asks nobody."""
        found = schedule.targets(
            options["components"], variables.get("groups") or {}, options["hosts"], options["seconds"]
        )
        probes = parse(options["probes"])
        window.parse_windows(options["windows"])
        _now(options["timezone"])
        places(options, ("json", "html"))
        schedule.choose(found, options["seed"], options["chosen"], options["faults"], options["budget"])
        return found, probes

    def _targets(self, options: Record, variables: Variables) -> Record:
        """What each host has to be asked for, by host."""
        found, _probes = self._declared(options, variables)
        given = {str(one["name"]): one for one in options["components"]}
        asked: dict[str, list[Record]] = {host: [] for host in options["hosts"]}
        for one in found:
            asked[one.host].append(_for_host(given[one.component.name]))
        return {"changed": False, "asked": asked}

    def _plan(self, options: Record, variables: Variables) -> Record:
        """The faults, or why there are none."""
        found, probes = self._declared(options, variables)
        seed = options["seed"] or secrets.token_hex(4)
        picked = schedule.choose(found, seed, options["chosen"], options["faults"], options["budget"])
        _inside(options, max(one.seconds for one in picked))
        self._refuse(options, variables, found)
        # A command may write, so it runs only where something is broken as well.
        asked = [one for one in probes if not (self.check_mode and one.kind == "command")]
        with Watch(asked) as watch:
            _healthy(watch, asked)
        states = _states(options, variables)
        faults, text = [], []
        for one in picked:
            along = states.get(one.host, {}).get(one.component.name, [])
            what = one.component.text + (f", with {', '.join(along)}" if along else "")
            faults.append({"component": one.component.name, "host": one.host, "seconds": one.seconds, "what": what})
            text.append(f"{one.text}: {what}, for {one.seconds} s")
        return {"changed": False, "faults": faults, "seed": seed, "text": text, "taken": report.moment(time.time())}

    def _refuse(self, options: Record, variables: Variables, found: t.Sequence[schedule.Target]) -> None:
        """Raise OperatorError for each reason not to break anything now."""
        looks = _looks(options, variables)
        problems = schedule.refusals(found, looks)
        own = {"boot_id": armed.boot_id(), "init": armed.init()}
        for host in sorted({one.host for one in found}):
            look = looks.get(host)
            if look and schedule.itself(look["machine"], own):
                problems.insert(
                    0,
                    f"{host} is the machine that Ansible runs on, or carries it; a drill never breaks anything there.",
                )
        named = {one.host for one in found}
        problems[:0] = schedule.same_machine(
            {host: look["machine"] for host, look in looks.items() if look and host in named}
        )
        schedule.refuse(problems)

    def _fault(self, options: Record, variables: Variables) -> Record:
        """One fault while the probes watch."""
        found, probes = self._declared(options, variables)
        target = next(
            (one for one in found if (one.component.name, one.host) == (options["component"], options["host"])), None
        )
        if target is None:
            raise OperatorError(f"{shown(options['component'])} on {shown(options['host'])} isn't declared.")
        _inside(options, target.seconds)
        self._refuse(options, variables, found)
        if self.check_mode:
            return {"changed": True}
        given = next(one for one in options["components"] if str(one["name"]) == target.component.name)
        with Watch(probes) as watch:
            _healthy(watch, probes)
            begin, began = time.monotonic(), time.time()
            broken = self._ask(variables, state="broken", components=[_for_host(given)], seconds=target.seconds)
            if "uptime" not in broken:
                self._ask(variables, state="whole", wait=options["recovery"])
                raise OperatorError(f"{target.text} wasn't broken: {broken.get('msg') or 'the host told nothing'}")
            self.say(f"[{target.host}] {target.component.text}: the host undoes it after {target.seconds} s")
            why = self._wait(variables, target.seconds, options["recovery"])
            failing = watch.failing(time.monotonic(), options["recovery"])
            end = time.monotonic()
        undone, left = self._whole(variables, broken["uptime"], options["recovery"])
        rows = [
            report.probed(one, watch.samples[one.name], (begin, end), target.allowed, began - begin) for one in probes
        ]
        made = report.fault(target, began, undone, rows, " ".join(filter(None, (why, left))))
        return {"changed": True, "fault": made, "recovered": not failing and undone["known"]}

    def _ask(self, variables: Variables, **arguments: t.Any) -> Record:
        """What the host told; msg alone where it couldn't be asked."""
        try:
            return dict(self._execute_module(module_name=MODULE, module_args=arguments, task_vars=variables))
        except AnsibleError as exc:
            return {"msg": " ".join(str(exc).split())}

    def _wait(self, variables: Variables, seconds: float, recovery: float) -> str:
        """Until the host has undone the fault; why that isn't known, where it isn't."""
        time.sleep(seconds)
        deadline = time.monotonic() + recovery
        while True:
            told = self._ask(variables, state="seen")
            if "fault" in told and told["fault"] is None:
                return ""
            if time.monotonic() > deadline:
                return (
                    f"The host hadn't undone it {recovery:.0f} s after its time."
                    if "fault" in told
                    else f"The host couldn't be asked: {told.get('msg') or 'it told nothing'}"
                )
            time.sleep(1)

    def _whole(self, variables: Variables, uptime: float, recovery: int) -> tuple[Record, str]:
        """Whether the fault is undone, after how many seconds of the host's own clock, and what is wrong. Nothing is left there then."""
        told = self._ask(variables, state="whole", wait=recovery)
        if "fault" not in told:
            return {"known": False, "seconds": None}, str(told.get("msg") or "the host told nothing")
        seconds = None if told["undone"] is None else round(max(0.0, told["undone"] - uptime), 1)
        return {"known": True, "seconds": seconds}, ""

    def _report(self, options: Record, variables: Variables) -> Record:
        """Write what has been seen until now."""
        plan, results = options["plan"], options["results"]
        drill = {"seed": plan["seed"], "taken": plan["taken"], "hosts": len(options["hosts"])}
        made = report.report(drill, results, len(plan["faults"]))
        if not self.check_mode:
            texts = {"json": json.dumps(made, indent=1) + "\n", "html": report.page(made)}
            for kind, path in places(options, texts).items():
                replace(path, texts[kind], 0o600)
        return {"changed": False, "report": made, "verdict": made["verdict"], "text": report.lines(made)}


def _for_host(given: Record) -> Record:
    keys = ("name", "kind", "unit", "container", "engine", "how", "peers", "break", "undo", "check")
    return {key: given[key] for key in keys if given.get(key) is not None}


def _now(timezone: str) -> datetime.datetime:
    """The time there, without its zone. Raises OperatorError for a zone that isn't known."""
    try:
        return datetime.datetime.now(zoneinfo.ZoneInfo(timezone)).replace(tzinfo=None)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise OperatorError(
            f"The time zone {shown(timezone)} isn't known here; wanted a name such as Europe/Berlin or UTC, with tzdata installed."
        ) from None


def _inside(options: Record, seconds: float) -> None:
    why = window.outside(window.parse_windows(options["windows"]), _now(options["timezone"]), seconds)
    if why:
        raise OperatorError(f"{why} Times are those of {options['timezone']}.")


def _looks(options: Record, variables: Variables) -> dict[str, Record | None]:
    hostvars = variables.get("hostvars") or {}
    found: dict[str, Record | None] = {}
    for host in options["hosts"]:
        told = hostvars[host].get(options["register"]) if host in hostvars else None
        found[host] = told if told and "machine" in told else None
    return found


def _states(options: Record, variables: Variables) -> dict[str, dict[str, list[str]]]:
    """By host and component, the units that stop with it."""
    return {
        host: {str(one["name"]): [str(unit) for unit in one["along"]] for one in look["components"]}
        for host, look in _looks(options, variables).items()
        if look
    }


def _healthy(watch: Watch, probes: t.Sequence[Probe]) -> None:
    """Raise OperatorError unless every probe passes, the first time already."""
    begun = time.monotonic()
    wrong = watch.failing(0.0, max((one.timeout + one.interval for one in probes), default=0.0) + 60)
    wrong.update({name: one.why for name, samples in watch.samples.items() for one in samples if not one.passed})
    if wrong:
        told = "; ".join(f"{shown(name)}: {why}" for name, why in sorted(wrong.items()))
        raise OperatorError(
            f"The cloud isn't healthy, so nothing is broken. Probes that failed in {time.monotonic() - begun:.0f} s: {told}."
        )
