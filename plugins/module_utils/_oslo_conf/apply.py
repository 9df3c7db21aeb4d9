# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files and services of this host."""

from __future__ import annotations

import contextlib
import glob
import os
import typing as t
from dataclasses import dataclass, replace

from .._common import OperatorError, Run, changed_meanwhile
from .._host import files
from .._host.lock import FOLDER, locked
from .plan import ActualFile, ConfigPlan, DesiredFile, check, overruled, plan, shown, uncovered
from .precedence import ConfigFiles, companions, effective
from .processes import program_of, start_of_services

#: A file for each service that has to be restarted, from before its configuration changes until after its restart.
PENDING = "/var/lib/openstack_ops.day2/restart"

#: Where the lock lies.
LOCKS = FOLDER
#: In seconds, how long a run waits for another one, which may restart services.
_PATIENCE = 300.0


@dataclass(frozen=True)
class Applied:
    """What was done (or would be), and of each file before and after, what was asked for."""

    steps: list[str]
    restarted: list[str]
    before: dict[str, str]
    after: dict[str, str]

    @property
    def diff(self) -> list[dict[str, str]]:
        """The files that differ, as Ansible shows them."""
        return [
            dict(before_header=path, after_header=path, before=before, after=self.after[path])
            for path, before in self.before.items()
            if before != self.after[path]
        ]


#: What is wanted, where that depends on what is there.
Desire = t.Callable[[], t.Sequence[DesiredFile]]


def bring_about(
    desire: Desire, run: Run, *, check_mode: bool, yes: t.Collection[str] = (), due: t.Sequence[str] = ()
) -> Applied:
    """Read, plan, refuse or do, look again; one run at a time, so that none overwrites what another one has set.

    desire is asked inside the lock. yes names what may be replaced or dropped, due what is restarted in any case. Raises OperatorError for what can't be
    done, OSError where the host refuses.
    """
    with contextlib.nullcontext() if check_mode else locked("configuration", _PATIENCE, LOCKS):
        return _bring_about(desire(), run, yes, due, check_mode=check_mode)


def _bring_about(
    desired: t.Sequence[DesiredFile], run: Run, yes: t.Collection[str], due: t.Sequence[str], *, check_mode: bool
) -> Applied:
    check(desired)
    actual = _actual_files(desired)
    for each in desired:
        _check_place(each, actual[each.path])
    desired = [_resolved(each, actual[each.path], yes) for each in desired]
    wanted = {each.path: each.text(actual[each.path].text or "") for each in desired}
    for each in desired:
        beside = _beside(each, wanted)
        error = uncovered(each, beside) or overruled(each, beside, start_of_services(each.services))
        if error:
            raise OperatorError(error)
    needed = plan(desired, actual, pending(), due)
    managers = {name: _manager(name, run) for name in needed.restart}
    diffs = {each.path: shown(each, actual[each.path].text, wanted[each.path]) for each in desired}
    if not check_mode:
        _apply(needed, managers, run)
        left = plan(desired, _actual_files(desired), pending())
        if left.steps:
            raise changed_meanwhile(left.steps[0])
    return Applied(
        needed.steps,
        list(needed.restart),
        {path: before for path, (before, _after) in diffs.items()},
        {path: after for path, (_before, after) in diffs.items()},
    )


# ---------------------------------------------------------------------- look
def _resolved(desired: DesiredFile, there: ActualFile, yes: t.Collection[str]) -> DesiredFile:
    beside = effective(_beside(desired, {desired.path: there.text or ""}), start_of_services(desired.services))
    return desired.resolve(there.text or "", beside, yes)


def _actual_files(desired: t.Iterable[DesiredFile]) -> dict[str, ActualFile]:
    return {each.path: replace(_actual(each.path), leftovers=files.leftovers(each.path)) for each in desired}


def _actual(path: str) -> ActualFile:
    found = files.read(path)
    return ActualFile(found.text, found.owned) if found else ActualFile(None)


def read_text(path: str) -> str:
    """A file's text; bytes that aren't UTF-8 come back when it is written. Raises OperatorError if it isn't there."""
    text = _actual(path).text
    if text is None:
        raise OperatorError(no_file(path))
    return text


def no_file(path: str) -> str:
    """The error for a file that should be there."""
    return f"There is no {path} on this host; install the service that reads it first."


def pending() -> set[str]:
    """The services that an earlier run still had to restart."""
    try:
        return set(os.listdir(PENDING))
    except FileNotFoundError:
        return set()


def _check_place(desired: DesiredFile, there: ActualFile) -> None:
    if desired.absent:
        return
    if desired.owned is None:
        if there.text is None:
            raise OperatorError(no_file(desired.path))
        return
    folder = os.path.dirname(desired.path)
    if folder.endswith(".conf.d") and not os.path.exists(folder):
        folder = os.path.dirname(folder)  # of a project that is there; _apply makes the other one
    if not os.path.isdir(folder):
        raise OperatorError(f"There is no {folder} on this host for {desired.path}; install what reads it first.")
    files.ids(desired.path, desired.owned.owner, desired.owned.group)


def _beside(desired: DesiredFile, wanted: t.Mapping[str, str]) -> ConfigFiles:
    """All files that oslo.config reads together with this one, those that are wanted as they will be."""
    own, folders = companions(desired.path, map(program_of, desired.services))
    in_folders = [name for folder in folders for name in _in_folder(folder, wanted)]
    return ConfigFiles(
        {name: wanted[name] if name in wanted else _actual(name).text or "" for name in own},
        {name: wanted[name] if name in wanted else _actual(name).text or "" for name in in_folders},
    )


def _in_folder(folder: str, wanted: t.Mapping[str, str]) -> list[str]:
    ours = [path for path in wanted if os.path.dirname(path) == folder and path.endswith(".conf")]
    return sorted({*glob.glob(os.path.join(glob.escape(folder), "*.conf")), *ours})


def _manager(service: str, run: Run) -> str:
    """Who restarts a service, as manager_of() tells. Raises OperatorError for one that nobody knows, and for one that runs and can't be restarted."""
    found = manager_of(service, run)
    if not found:
        raise OperatorError(f"{no_service(service)} Leave services empty where something else restarts them.")
    if found == "nobody" and _shown("ActiveState", service, run) not in ("inactive", "failed"):
        raise OperatorError(
            f"{service} runs although it is masked, so systemd wouldn't restart it with its new configuration; "
            f"run `systemctl unmask {service}`, or stop it, and run again."
        )
    return found


def manager_of(service: str, run: Run) -> str:
    """Who restarts a service: "systemd", "init" (a script), or "nobody": systemd refuses that of a masked one. Empty for one that none knows."""
    if os.path.isdir("/run/systemd/system"):
        state = _shown("LoadState", service, run)
        if state in ("loaded", "masked"):
            return "systemd" if state == "loaded" else "nobody"
    return "init" if os.path.exists(f"/etc/init.d/{service}") else ""


def no_service(*names: str) -> str:
    """The error for services of which this host has none."""
    which = " or ".join(map(repr, names))
    return f"This host has no service {which}; `systemctl list-units '*{names[0].split('-')[0]}*'` tells what there is."


def _shown(name: str, service: str, run: Run) -> str:
    rc, out, _err = run(["systemctl", "show", f"--property={name}", "--value", "--", service], "")
    return out.strip() if rc == 0 else ""


# ----------------------------------------------------------------------- act
def note(services: t.Collection[str]) -> None:
    """Note that services have to be restarted, before what they read changes; whoever changes files of theirs next restarts them."""
    if services:
        files.make_folder(PENDING)
    for service in services:
        files.replace(os.path.join(PENDING, service), "")


def _apply(needed: ConfigPlan, managers: t.Mapping[str, str], run: Run) -> None:
    for path in needed.leftovers:
        files.remove(path)
    note(needed.restart)
    for desired, _step in needed.files:
        if desired.absent:
            files.remove(desired.path)
            continue
        there = _actual(desired.path).text
        if there is None:
            files.make_folder(os.path.dirname(desired.path), 0o755)
        files.replace(desired.path, desired.text(there or ""), desired.owned if there is None else None)
    for service in needed.restart:
        _restart(service, managers[service], run)
        files.remove(os.path.join(PENDING, service))


def _restart(service: str, manager: str, run: Run) -> None:
    """Restart a service. One that was stopped stays stopped: it reads its configuration when it starts."""
    if manager == "nobody":
        return
    if manager == "systemd":
        rc, out, err = run(["systemctl", "try-restart", "--", service], "")
    else:
        rc, out, err = run(["service", service, "status"], "")
        if rc:
            return
        rc, out, err = run(["service", service, "restart"], "")
    if rc:
        raise OperatorError(
            f"{service} doesn't start with its new configuration: {(err or out).strip()[-300:] or f'exit code {rc}'}. "
            "Its log tells more; the next run tries again."
        )
