# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sections that are made of what hosts tell. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import listed

from .model import STATES, Host, Limits, Section, cleaned, count, duration, listing, mapping, number, plural

Hosts = t.Sequence[Host]
_DAY, _HOUR = 86400, 3600
#: The watch of central logs looks each minute.
_STALE = 900
#: It has no more to tell, and a host that tells more isn't to be believed.
_TOLD = 10


def answers(hosts: Hosts) -> Section:
    """Which hosts answered."""
    silent = [host for host in hosts if host.silent]
    section = Section("hosts", "Hosts", f"{len(hosts) - len(silent)} of {plural(len(hosts), 'host')} answered")
    for host in silent:
        section.add("critical", host.name, f"didn't answer: {host.silent}")
    return section.fine() if hosts else section


def _part(section: Section, hosts: Hosts, part: str, absent: str) -> list[tuple[Host, t.Mapping[str, t.Any]]]:
    """The hosts that have a part. Those that should and don't, and those that couldn't tell, become rows once anybody has it."""
    found = []
    _silent(section, hosts)
    for host in hosts:
        if host.silent:
            continue
        if part in host.unread:
            section.add("unknown", host.name, f"can't be read: {host.unread[part]}")
        else:
            told = host.part(part)
            if told is not None:
                found.append((host, told))
            elif absent:
                section.add("warning", host.name, absent)
    return found


def _silent(section: Section, hosts: Hosts) -> None:
    """One row for all that didn't answer: the section of the hosts names them."""
    silent = sum(bool(host.silent) for host in hosts)
    if silent:
        section.add("unknown", plural(silent, "host"), "didn't answer, so nothing is known of this part there")


def limits(hosts: Hosts) -> Section:
    """Bandwidth limits: in force, saved, and saved but not in force."""
    section = Section("limits", "Bandwidth limits", "")
    found = _part(section, [host for host in hosts if host.compute], "limits", "")
    for host, told in found:
        missing, unreadable = count(told.get("missing")), count(told.get("unreadable"))
        if missing:
            ports = [cleaned(one) for one in listing(told.get("missing_ports"))]
            section.add(
                "critical",
                host.name,
                f"{plural(missing, 'saved limit')} not in force, of {listed(ports)}; run limit_instances",
            )
        if unreadable:
            section.add("critical", host.name, f"{plural(unreadable, 'saved line')} can't be read; run limit_instances")
        if count(told.get("unsaved")):
            section.add(
                "warning",
                host.name,
                f"{plural(count(told['unsaved']), 'limit')} not saved: gone when the device is made anew",
            )
    if not found:
        return _unused(
            section, "no compute that answered has a limit of this collection", "limit_instances sets limits"
        )
    limited = sum(count(told.get("limited")) for _host, told in found)
    section.line = f"{plural(limited, 'port')} limited on {plural(len(found), 'compute')}"
    return section.fine()


def restorer(hosts: Hosts) -> Section:
    """The service that keeps limits."""
    section = Section("restorer", "Restorer of limits", "")
    found = _part(section, [host for host in hosts if host.compute], "limits", "")
    running = 0
    for host, told in found:
        word = cleaned(told.get("restorer"))
        running += word == "running"
        if word == "stopped":
            section.add(
                "critical", host.name, "is installed and doesn't run: systemctl status openstack-ops-tc-htb.service"
            )
        elif word == "absent" and count(told.get("saved")):
            section.add("critical", host.name, "limits are saved and nothing restores them; run limit_instances")
        elif word not in ("running", "absent"):
            section.add("unknown", host.name, f"says {word!r} of it")
    if not found:
        return _unused(section, "no compute that answered has one", "limit_instances installs it with the first limit")
    section.line = f"runs on {running} of {plural(len(found), 'compute')} with limits"
    return section.fine()


def backups(hosts: Hosts, limit: Limits) -> Section:
    """Age and verification of MariaDB's backups."""
    section = Section("backups", "MariaDB backups", "")
    databases = [host for host in hosts if host.database]
    others = [
        host
        for host in hosts
        if not host.database and not host.silent and (host.part("backups") or "backups" in host.unread)
    ]
    found = _part(
        section,
        [*databases, *others],
        "backups",
        "has no backups of mysql_backup; run backup_mysql with backup_mysql_setup",
    )
    if not found:
        return _unused(
            section, "no host that answered has mysql-backup", "backup_mysql with backup_mysql_setup installs it"
        )
    takers = [(host, told) for host, told in found if not _leaves_it(told, limit)]
    if not takers:
        section.add(
            "critical",
            plural(len(found), "host"),
            "each leaves the backup to another member of its cluster, and none takes it",
        )
    ages = []
    for host, told in takers:
        good = number((mapping(told.get("good")) or {}).get("ended_age"))
        if good is not None:
            ages.append(good)
        _taken(section, host.name, told, good, limit)
        _verified(section, host.name, mapping(told.get("verified")) or {}, limit)
    for host, told in found:
        half = count((mapping(told.get("restore")) or {}).get("incomplete"))
        if half:
            section.add(
                "critical",
                host.name,
                f"{plural(half, 'database')} half restored; mysql-backup status names the ways out",
            )
    oldest = f"; the oldest last good backup is {duration(max(ages))} old" if ages else ""
    others_take = (
        f", {len(found) - len(takers)} of them by another member of the cluster" if len(takers) < len(found) else ""
    )
    section.line = f"{plural(len(found), 'host')} with backups{others_take}{oldest}"
    return section.fine()


def _leaves_it(told: t.Mapping[str, t.Any], limit: Limits) -> bool:
    """Whether this member of a Galera cluster has lately left the backup to another one (mysql_backup_galera: elect)."""
    run = mapping(told.get("run")) or {}
    ended = number(run.get("ended_age"))
    return run.get("state") == "skipped" and ended is not None and ended <= limit.backup_hours * _HOUR


def _taken(section: Section, name: str, told: t.Mapping[str, t.Any], good: float | None, limit: Limits) -> None:
    run = mapping(told.get("run")) or {}
    said = f" {cleaned(run['message'])}" if run.get("message") else ""
    if good is None:
        section.add("critical", name, f"has no good backup.{said}")
    elif good > limit.backup_hours * _HOUR:
        section.add("critical", name, f"the last good backup is {duration(good)} old.{said}")
    elif run.get("state") == "failed":
        section.add("critical", name, f"the last run failed.{said}")
    started = number(run.get("started_age"))
    if run.get("state") == "running" and started is not None and started > _DAY:
        section.add("critical", name, f"a run began {duration(started)} ago and didn't end; mysql-backup status")
    if count(run.get("warned")):
        warnings = plural(count(run["warned"]), "warning")
        section.add("warning", name, f"the last run gave {warnings}; journalctl -t mysql-backup")
    copied = number((mapping(told.get("copied")) or {}).get("ended_age"))
    if told.get("copies") and (copied is None or copied > limit.backup_hours * _HOUR):
        since = f" for {duration(copied)}" if copied is not None else " yet"
        section.add("warning", name, f"no copy has left the host{since}")


def _verified(section: Section, name: str, verified: t.Mapping[str, t.Any], limit: Limits) -> None:
    age = number(verified.get("ended_age"))
    if age is None:
        section.add("warning", name, "no backup was ever verified; run verify_mysql_backups")
    elif verified.get("good") is not True:
        # One that this host's own server can't load may be good all the same.
        unsure = verified.get("verdict") == "unverifiable"
        found = "couldn't be verified there" if unsure else "isn't good"
        section.add(
            "warning" if unsure else "critical",
            name,
            f"{cleaned(verified.get('backup'))} {found}: {verified.get('message')}",
        )
    elif age > limit.verified_days * _DAY:
        section.add("warning", name, f"the last verification is {duration(age)} old; run verify_mysql_backups")


def volumes(hosts: Hosts, limit: Limits) -> Section:
    """How full the file systems of the instances are, and resizes that didn't end."""
    section = Section("volumes", "Instances' volumes", "")
    computes = [host for host in hosts if host.compute]
    found = [one for one in _part(section, computes, "volume", "") if _measured(section, *one)]
    fullest = 0.0
    for host, told in found:
        for what, size_key, free_key in (("bytes", "size", "free"), ("files", "files", "files_free")):
            size, free = number(told.get(size_key)), number(told.get(free_key))
            if not size or free is None:  # some file systems count no files
                if what == "bytes":
                    section.add("unknown", host.name, "doesn't tell how large its file system is")
                continue
            used = 1 - free / size
            fullest = max(fullest, used)
            if used >= limit.full:
                state = "critical" if 1 - used < (1 - limit.full) / 3 else "warning"
                section.add(state, host.name, f"{cleaned(told.get('path'))} is {used:.0%} full ({what})")
    for host in computes:
        unfinished = [cleaned(one) for one in listing((host.part("resizes") or {}).get("unfinished"))]
        if unfinished:
            section.add(
                "critical", host.name, f"a resize of {listed(unfinished)} didn't end; run the same playbook again"
            )
        if "resizes" in host.unread:
            section.add("unknown", host.name, f"can't be read: {host.unread['resizes']}")
        if not host.silent and "volume" not in host.unread and host.part("volume") is None:
            _not_there(section, host, others=bool(found))
    if not found:
        return _unused(
            section,
            "no compute that answered has a folder of instances there",
            "report_instances_path says where it is",
        )
    section.line = f"the fullest of {plural(len(found), 'compute')} is {fullest:.0%} full"
    return section.fine()


def _measured(section: Section, host: Host, told: t.Mapping[str, t.Any]) -> bool:
    """Whether what was measured is the file system of the instances. What speaks against it becomes a row."""
    path, configured = cleaned(told.get("path")), host.part("instances") or {}
    if "instances" in host.unread:
        section.add(
            "unknown", host.name, f"whether its instances are in {path} isn't known: {host.unread['instances']}"
        )
    if configured.get("elsewhere") is not True:
        return True
    section.add(
        "unknown",
        host.name,
        f"has its instances in {cleaned(configured.get('path'))} by nova-compute's configuration, so {path} tells nothing of them; "
        "name their folder in report_instances_path",
    )
    return False


def _not_there(section: Section, host: Host, *, others: bool) -> None:
    """A row for a compute without the folder that was looked at; without a nova-compute there, only beside others that have it."""
    configured = host.part("instances")
    if configured:
        where = f"; by nova-compute's configuration it is {cleaned(configured.get('path'))}"
    elif "instances" in host.unread:
        where = f"; where it is isn't known: {host.unread['instances']}"
    elif others:
        where = ""
    else:
        return
    section.add(
        "unknown",
        host.name,
        f"has no folder of instances where it was looked for, report_instances_path names it{where}",
    )


def certificates(hosts: Hosts, limit: Limits) -> Section:
    """Central logs: when their certificates expire, and what their watch tells."""
    section = Section("certificates", "Central logs and certificates", "")
    lefts: list[float] = []
    users = 0
    rows_of: list[tuple[Host, str, t.Mapping[str, t.Any]]] = []
    for host in hosts:
        parts = [(part, host.part(part)) for part in ("logs_node", "logs_server")]
        rows_of += [(host, part, told) for part, told in parts if told is not None]
        for part, _told in parts:
            if part in host.unread:
                section.add("unknown", host.name, f"can't be read: {host.unread[part]}")
        users += any(told is not None for _part_name, told in parts)
    if not rows_of:
        return _unused(section, "no host that answered has central logs", "centralize_logs sets them up")
    _silent(section, hosts)
    for host in hosts:
        if not host.silent and host.compute and host.part("logs_node") is None and "logs_node" not in host.unread:
            section.add("warning", host.name, "sends no logs, and others do; run centralize_logs")
    for host, part, told in rows_of:
        lefts += _logs(section, host.name, "node" if part == "logs_node" else "server", told, limit)
    first = f"; the first certificate expires in {duration(min(lefts))}" if lefts and min(lefts) > 0 else ""
    section.line = f"{plural(users, 'host')} with central logs{first}"
    return section.fine()


def _logs(section: Section, name: str, part: str, told: t.Mapping[str, t.Any], limit: Limits) -> list[float]:
    """Rows for one part of a host; returns the seconds until its certificates expire."""
    looked = number(told.get("looked_age"))
    if looked is None or looked > _STALE:
        since = "ever" if looked is None else f"for {duration(looked)}"
        section.add(
            "unknown", name, f"nothing has looked after it {since}: systemctl status central-logs-{part}-watch.timer"
        )
    if told.get("active") is False:
        section.add("critical", name, f"central-logs-{part} doesn't run")
    lefts = []
    seconds = mapping(told.get("seconds_left")) or {}
    for which in ("certificate", "ca"):
        left = number(seconds.get(which))
        if left is None:
            section.add("unknown", name, f"when its {which} expires isn't known")
            continue
        lefts.append(left)
        if left <= 0:
            section.add("critical", name, f"its {which} has expired")
        elif left < limit.certificate_days * _DAY:
            section.add(
                "critical" if left < limit.certificate_days * _DAY / 4 else "warning",
                name,
                f"its {which} expires in {duration(left)}",
            )
    for text in listing(told.get("told"))[:_TOLD]:
        if " expires in " not in str(text):  # told above
            section.add("warning", name, str(text))
    return lefts


def _unused(section: Section, why: str, way_out: str) -> Section:
    """A section of a part that nobody has: whether it should be there isn't known."""
    section.fine()
    section.line = f"not in use as far as can be seen: {why}; {way_out}"
    section.state = min(section.state if section.rows else "unknown", "unknown", key=STATES.index)
    return section
