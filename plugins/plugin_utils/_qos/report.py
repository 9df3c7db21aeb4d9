# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readable reports on runs of tc_htb, tc_htb_info and virt_interface_limit. Pure: no Ansible, no I/O."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import size_text
from ansible_collections.openstack_ops.day2.plugins.module_utils._text import MOST_ROWS, table
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.backends import as_ports
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.exempt import LINK_LOCAL
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.written import rates

Result = t.Mapping[str, t.Any]

_WORDS = ("created", "changed", "adopted", "removed", "unchanged", "kept", "gone", "refused", "failed")
_CHANGES = ("created", "changed", "adopted", "removed")
_QUIET = {"unchanged", "gone"}
_DIRECTIONS = {"egress": "upload", "ingress": "download"}


def summary(results: t.Mapping[str, Result | None], *, why: bool = False) -> dict[str, t.Any]:
    """Summarize what was done on each host, or would be in check mode.

    Returns the text as lines, and for programs the counts and problems by host. A host without a result was
    unreachable, or failed before its ports were read; so is one for which a run has only planned before it was refused.
    """
    results = {host: None if _only_planned(one) else as_ports(one) for host, one in results.items()}
    hosts: dict[str, dict[str, t.Any]] = {}
    for host, result in results.items():
        if not result or "ports" not in result:
            reason = str((result or {}).get("msg") or "no result: not reached, or failed before (see above)")
            hosts[host] = {"limited": 0, "counts": {}, "problems": [reason]}
            continue
        hosts[host] = {
            "limited": sum(any(port["now"].values()) for port in result["ports"]),
            "counts": {word: result["counts"][word] for word in _WORDS if result["counts"].get(word)},
            # A kept port has a reason if it has no limit.
            "problems": [
                port["reason"]
                for port in result["ports"]
                if port["done"] in ("refused", "failed", "kept") and port["reason"]
            ],
        }
    used = [word for word in _WORDS if any(told["counts"].get(word) for told in hosts.values())]
    rows = [[host, told["limited"], *(told["counts"].get(word, 0) for word in used)] for host, told in hosts.items()]
    quiet = [row for row in rows if len(rows) > MOST_ROWS and _quiet(hosts[row[0]])]
    lines = [_total(rows, used, sum("ports" in (result or {}) for result in results.values()))]
    lines += table(["host", "limited", *used], [row for row in rows if not quiet or not _quiet(hosts[row[0]])])
    if quiet:
        lines.append(
            f"and {len(quiet)} computes with {sum(row[1] for row in quiet)} limited ports where nothing changes"
        )
    lines += [f"{host}: {problem}" for host, told in hosts.items() for problem in told["problems"]]
    if why:
        lines += [
            f"{host} {port['port_id']}: {_answer(port)}"
            for host, result in results.items()
            for port in (result or {}).get("ports", ())
        ]
    return {"text": lines, "hosts": hosts}


def _only_planned(result: Result | None) -> bool:
    """Whether this is the look before a run, which was refused then: changes are counted, and the task says that it changed nothing."""
    counts = (result or {}).get("counts") or {}
    return bool(result and result.get("changed") is False and any(counts.get(word) for word in _CHANGES))


def _total(rows: t.Sequence[t.Sequence[t.Any]], used: t.Sequence[str], known: int) -> str:
    counted = [f"{sum(row[column] for row in rows)} {word}" for column, word in enumerate(used, start=2)]
    told = [f"Limits: {sum(row[1] for row in rows)} port(s) limited on {known} compute(s)", ", ".join(counted)]
    told += [f"{len(rows) - known} compute(s) without a result"] if len(rows) > known else []
    return f"{'; '.join(filter(None, told))}."


def _quiet(told: t.Mapping[str, t.Any]) -> bool:
    return set(told["counts"]) <= _QUIET and not told["problems"]


def comparison(
    infos: t.Mapping[str, Result | None],
    results: t.Mapping[str, Result | None],
    *,
    whole_hosts: bool = True,
    sort: str = "host",
    shown: int = 0,
) -> dict[str, t.Any]:
    """Tell what limits there are, what they counted, and where they differ from what tc_htb would make of the rules.

    infos are results of tc_htb_info, results those of tc_htb or virt_interface_limit in check mode, both by
    host. Unless whole_hosts, ports that are only in infos were not asked about. sort is one of SORTS; of more rows than `shown`,
    the text has those that differ first, and the others as far as there is room (0: all).
    """
    rows: list[dict[str, t.Any]] = []
    problems: list[str] = []
    quiet = 0
    for host, info in infos.items():
        result = as_ports(results.get(host))
        if result is not None and "interfaces" in result:  # libvirt counts nothing, and its result says what is there
            info = _as_info(result)  # noqa: PLW2901
        if not info or "ports" not in info or not result or "ports" not in result:
            reason = (result or {}).get("msg") or (info or {}).get("msg") or "not reached, or failed before (see above)"
            problems.append(f"{host}: no result: {reason}")
            continue
        problems += [f"{host}: {problem}" for problem in info["problems"]]
        if info["restorer"] not in ("running", "") and any(port["saved"] for port in info["ports"]):
            problems.append(f"{host}: the restorer is {info['restorer']}; limits will not come back by themselves")
        wanted = {port["port_id"]: port for port in result["ports"]}
        there = {port["port_id"]: port for port in info["ports"]}
        for port_id in sorted({**there, **wanted} if whole_hosts else wanted):
            port = wanted.get(port_id)
            found = _rows(there.get(port_id, _NOTHING), port)
            rows += [{"host": host, "port": port_id, **row} for row in found]
            if not found and port and port["done"] == "kept" and port["reason"]:
                problems.append(f"{host}: {port['reason']}")
            else:
                quiet += not found
    if sort != "host":
        rows.sort(key=lambda row: -(row[sort] or 0))
    lines = [*_totals(rows, len(infos)), *_table(rows, shown)] if rows else []
    if quiet:
        lines.append(f"{quiet} more port(s) have no device on their host, or no limit, as it should be.")
    return {"text": lines + problems, "rows": rows, "problems": problems}


def _totals(rows: t.Sequence[Result], hosts: int) -> list[str]:
    limited = sum(bool(row["rate"]) for row in rows)
    differ = sum(bool(row["differs"]) for row in rows)
    drops = sum(bool(row["drops"]) for row in rows)
    return [
        f"Limits: {limited} on {hosts} compute(s), {differ} not as the rules want them, {drops} that dropped packets."
    ]


def _table(rows: t.Sequence[Result], shown: int) -> list[str]:
    left_out = len(rows) - shown if shown else 0
    if left_out > 0:
        rows = sorted(rows, key=lambda row: not row["differs"])[:shown]
    limit = [key for key in _LIMIT if key != "pkts_rate" or any(row[key] for row in rows)]
    lines = table(
        ["host", "port", "direction", *limit, *_COUNTERS, "differs"],
        [
            [row["host"], row["port"], row["direction"], *(row[key] for key in limit)]
            + [_traffic(row[key]) if "bytes" in key else row[key] for key in _COUNTERS]
            + [row["differs"]]
            for row in rows
        ],
    )
    return [*lines, f"and {left_out} more; show_limits_shown=0 shows all."] if left_out > 0 else lines


def _as_info(result: Result) -> dict[str, t.Any]:
    """What tc_htb_info would say of libvirt's limits."""
    ports = [
        {"port_id": port["port_id"], "devices": [port["device"]], "saved": port["now"], **port["found"]}
        for port in result["ports"]
    ]
    return {"ports": ports, "problems": [], "restorer": ""}


#: What rows can be sorted by: the order of the hosts, or the largest number first.
SORTS = ("host", "drops", "bytes")
_LIMIT = ("rate", "ceil", "burst", "pkts_rate")
_COUNTERS = ("bytes", "drops", "exempt_bytes")
_NOTHING: Result = {"egress": None, "ingress": None, "devices": [], "saved": None}


def _rows(there: Result, wanted: Result | None) -> list[dict[str, t.Any]]:
    """One row per direction that is limited or should be; none where both is not so."""
    rows = []
    for key, word in _DIRECTIONS.items():
        limit, differs = there[key], _differs(key, there, wanted)
        if limit and wanted and wanted["found"][key]:
            limit = {**limit, **wanted["found"][key]}  # says "1mb" where the kernel keeps 1048574 bytes of it
        if limit or differs:
            rows.append(
                {
                    "direction": word,
                    **{name: (limit or {}).get(name, "") for name in (*_LIMIT, *_COUNTERS)},
                    "exempt": (limit or {}).get("exempt", []),
                    "differs": differs,
                    "wrong": _wrong(differs, wanted),
                    "why": wanted["why"] if wanted else "",
                }
            )
    return rows


def _differs(key: str, there: Result, wanted: Result | None) -> str:
    """Where a direction of a port is not as the rules want it, or ''."""
    if wanted is None:
        return "not a port of the inventory, so left as it is"
    if wanted["done"] == "kept":
        return f"left as it is: {wanted['why']}" if there[key] else ""
    if wanted["done"] == "gone" and not any(device.startswith(("tap", "qvb")) for device in there["devices"]):
        return ""  # no device: the instance is switched off
    if wanted["done"] in ("gone", "refused", "failed"):
        return str(wanted["reason"]).removeprefix(f"Port {wanted['port_id']}: ")
    found, now = wanted["found"][key], wanted["now"][key]
    if found != now:
        if not now:
            return f"should not be limited: {wanted['why'].removeprefix('not limited: ')}"
        what = _shape(now, exempt=not found or _exempt(found) != _exempt(now))
        return f"should be {what}: {wanted['why']}"
    if now and wanted["done"] == "adopted":
        return "to be adopted: made by an older tool"
    if now and now != (there["saved"] or {}).get(key):
        return "not saved like this on the host, so lost with the device or at a reboot"
    return ""


def _wrong(differs: str, wanted: Result | None) -> str:
    """What to do about a difference: 'run' if a run fixes it, 'refused' if an operator must look at it, '' if nothing."""
    if not differs or wanted is None or wanted["done"] == "kept":
        return ""
    if wanted["done"] in ("refused", "failed"):
        return "refused"
    return "" if wanted["done"] == "gone" else "run"


def _answer(port: Result) -> str:
    """A port's limit and the reason for it; without a limit, the reason alone."""
    shapes = [f"{word} {_shape(port['now'][key])}" for key, word in _DIRECTIONS.items() if port["now"][key]]
    if not shapes and port["done"] not in ("gone", "refused", "failed"):
        return str(port["why"])
    return f"{', '.join(shapes) or port['done']}: {port['why']}"


def _shape(limit: Result | None, *, exempt: bool = True) -> str:
    if not limit:
        return "not limited"
    networks = f", exempt {_exempt(limit) or 'nothing'}" if exempt else ""
    names = ("pkts_burst",) if limit["rate"] == "none" else ("ceil", "burst", "pkts_burst")
    numbers = [f"{name} {limit[name]}" for name in names if name in limit]
    return f"{rates(limit)} ({', '.join(numbers)}{networks})"


def _exempt(limit: Result) -> str:
    """The exempt networks, behind their VLAN's id where they have one."""
    vlans = [f"in VLAN {vlan['id']} {_networks(vlan['exempt'])}" for vlan in limit.get("vlans", ()) if vlan["exempt"]]
    return "; ".join(part for part in (_networks(limit["exempt"]), *vlans) if part)


def _networks(networks: t.Sequence[str]) -> str:
    """Without the link-local ones, which are always exempt with a tenant's network."""
    return " ".join([network for network in networks if network not in LINK_LOCAL] or networks)


def _traffic(size: object) -> str:
    """Bytes as traffic is counted, in powers of 1000; nothing where nothing was counted."""
    return size_text(size, 1000) if isinstance(size, int) else ""
