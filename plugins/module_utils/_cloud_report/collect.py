# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the roles keep on this host: limits and restorer, backups, central logs, the instances' file system. Changes nothing.

A part is null where it isn't on this host, and stands in `unknown` with the reason where it couldn't be read: neither is the other.
Ages are told in seconds by this host's clock, so that clocks that differ don't count.
"""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment import look as deployment
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import files
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm import journal
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import os_error
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply, restorer_service
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.limits import Survey, of_port

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.module_utils._common import Run

Part = t.Dict[str, t.Any]

BACKUP_SETTINGS = "/etc/mysql-backup/settings.json"
LOGS_FOLDER = "/etc/central-logs"
INSTANCES = "/var/lib/nova/instances"
#: Ids of ports that are named; more than somebody looks at one by one.
_NAMED = 20


class Look:
    """One look at this host."""

    def __init__(
        self,
        run: Run,
        now: float,
        instances_path: str = INSTANCES,
        backup_settings: str = BACKUP_SETTINGS,
        logs_folder: str = LOGS_FOLDER,
        resizes: str = journal.FOLDER,
    ) -> None:
        self._run = run
        self._now = now
        self._instances_path = instances_path
        self._backup_settings = backup_settings
        self._logs_folder = logs_folder
        self._resizes = resizes

    def look(self) -> dict[str, t.Any]:
        """{part: what is there, or null}, and unknown: {part: why it couldn't be read}."""
        parts: dict[str, t.Callable[[], t.Optional[Part]]] = {
            "limits": self.limits,
            "backups": self.backups,
            "logs_node": lambda: self.logs("node"),
            "logs_server": lambda: self.logs("server"),
            "volume": self.volume,
            "instances": self.instances,
            "resizes": self.resizes,
        }
        found: dict[str, t.Any] = {}
        unknown: dict[str, str] = {}
        for name, read in parts.items():
            found[name] = None
            try:
                found[name] = read()
            except OperatorError as exc:
                unknown[name] = str(exc)
            except OSError as exc:
                unknown[name] = os_error(exc)
        return {**found, "unknown": unknown}

    def limits(self) -> t.Optional[Part]:
        """How many limits are in the kernel and saved, which saved ones aren't in force, and the restorer."""
        ports, problems = apply.survey([])
        restorer = restorer_service.Service(self._run).word
        if not ports and not problems and restorer == "absent":
            return None
        missing = [one.port_id for one in ports if one.saved and one.devices and _lacking(one)]
        return {
            "limited": sum(bool(one.egress or one.ingress) for one in ports),
            "saved": sum(bool(one.saved) for one in ports),
            "unsaved": sum(bool((one.egress or one.ingress) and not one.saved) for one in ports),
            "missing": len(missing),
            "missing_ports": missing[:_NAMED],
            "unreadable": len(problems),
            "restorer": restorer,
        }

    def backups(self) -> t.Optional[Part]:
        """What mysql-backup says of its runs."""
        settings = _json(self._backup_settings)
        if settings is None:
            return None
        state = settings.get("state")
        path = os.path.join(state if isinstance(state, str) else "/var/lib/mysql-backup", "status.json")
        status = _json(path) or {}
        return {
            "name": settings.get("name"),
            "copies": bool(settings.get("copy_to")),
            "run": self._section(status, "run", ("state", "message", "started", "ended", "warned")),
            "good": self._section(status, "good", ("backup", "ended", "size", "number")),
            "copied": self._section(status, "copied", ("ended",)),
            "verified": self._section(status, "verified", ("backup", "ended", "good", "verdict", "message")),
            "restore": self._section(status, "restore", ("incomplete", "message", "ended")),
        }

    def _section(self, status: t.Mapping[str, t.Any], name: str, keys: t.Sequence[str]) -> t.Optional[Part]:
        section = status.get(name)
        if not isinstance(section, dict):
            return None
        told = {key: section.get(key) for key in keys}
        for key in ("started", "ended"):
            if key in told:
                told[key + "_age"] = self._age(told.pop(key))
        return told

    def logs(self, part: str) -> t.Optional[Part]:
        """What the last look at rsyslog of central logs found, with the seconds until its certificates expire by now.

        Raises OperatorError for settings that don't say where the spool is.
        """
        settings = _json(os.path.join(self._logs_folder, part + ".json"))
        if settings is None:
            return None
        spool = settings.get("spool")
        if not isinstance(spool, str):
            raise OperatorError(
                f"{self._logs_folder}/{part}.json doesn't say where its spool is; run centralize_logs again."
            )
        status = _json(os.path.join(spool, "status.json")) or {}
        looked = self._age(status.get("time"))
        certificates = {}
        for name in ("certificate", "ca"):
            left = _number(status.get(name + "_seconds_left"))
            # Nobody may have looked since.
            certificates[name] = left - looked if looked is not None and left is not None else None
        told, active = status.get("told"), _number(status.get("active"))
        return {
            "looked_age": looked,
            "active": None if active is None else bool(active),
            "told": [str(one) for one in told] if isinstance(told, list) else [],
            "seconds_left": certificates,
        }

    def volume(self) -> t.Optional[Part]:
        """How full the file system of the instances is; for others than root."""
        try:
            found = os.statvfs(self._instances_path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return {
            "path": self._instances_path,
            "size": found.f_blocks * found.f_frsize,
            "free": found.f_bavail * found.f_frsize,
            "files": found.f_files,
            "files_free": found.f_favail,
        }

    def instances(self) -> t.Optional[Part]:
        """Where nova-compute's configuration has the instances on this host, and whether that is another file system than the one looked at.

        Raises OperatorError where the configuration doesn't tell.
        """
        try:
            made = deployment.look(self._run)
        except OperatorError:
            return None  # It isn't known who made this host, so nothing speaks against the folder that is looked at.
        if "instances" in made.unknown:
            raise OperatorError(made.unknown["instances"])
        if not made.instances:
            return None
        return {"path": made.instances, "elsewhere": not _same_file_system(made.instances, self._instances_path)}

    def resizes(self) -> t.Optional[Part]:
        """The volumes whose resize was begun and didn't end."""
        try:
            names = sorted(name for name in os.listdir(self._resizes) if name.endswith(".json"))
        except FileNotFoundError:
            return None
        return {"unfinished": [name[: -len(".json")].replace("+", "/", 1) for name in names]} if names else None

    def _age(self, moment: object) -> t.Optional[float]:
        then = _number(moment)
        return None if then is None else self._now - then


def _same_file_system(one: str, other: str) -> bool:
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return os.stat(one).st_dev == os.stat(other).st_dev
    except (FileNotFoundError, NotADirectoryError):
        return False


def _lacking(port: Survey) -> bool:
    wanted = of_port(port.saved) if port.saved else {}
    return any(limit and not port.limits[direction] for direction, limit in wanted.items())


def _number(value: object) -> t.Optional[float]:
    """A number that one can count with; None for anything else, true, NaN and infinity included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        return None
    return value


def _json(path: str) -> t.Optional[dict[str, t.Any]]:
    """The object in a file; None where there is no file. Raises OperatorError for one that holds anything else, OSError for one that can't be read."""
    found = files.read(path)
    if found is None:
        return None
    try:
        value = json.loads(found.text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        # Whatever it is, it may be secret.
        raise OperatorError(f"{path} doesn't hold a JSON object; run the playbook again that wrote it.")
    return value
