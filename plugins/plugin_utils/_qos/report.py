# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs of tc_htb and tc_htb_info found, told for people. Pure: no Ansible, no I/O."""

from __future__ import annotations

import typing as t

Result = t.Mapping[str, t.Any]

_WORDS = ("created", "changed", "adopted", "removed", "unchanged", "gone", "refused", "failed")
_DIRECTIONS = {"egress": "upload", "ingress": "download"}


def table(header: t.Sequence[str], rows: t.Iterable[t.Sequence[object]]) -> list[str]:
    """Lay out text and numbers in columns, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    numeric = [all(text[:1].isdigit() or not text for text in column[1:]) for column in zip(*cells, strict=True)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]


def summary(results: t.Mapping[str, Result | None], *, why: bool = False) -> dict[str, t.Any]:
    """Tell what was done on each host.

    Returns the text as lines, and for machines the counts and problems by host. A host without a result could not be
    reached, or failed before its ports were looked at.
    """
    hosts: dict[str, dict[str, t.Any]] = {}
    for host, result in results.items():
        if not result or "ports" not in result:
            reason = str((result or {}).get("msg") or "no result: not reached, or failed before (see above)")
            hosts[host] = {"limited": 0, "counts": {}, "problems": [reason]}
            continue
        hosts[host] = {
            "limited": sum(any(port["now"].values()) for port in result["ports"]),
            "counts": {word: result["counts"][word] for word in _WORDS if result["counts"].get(word)},
            "problems": [port["reason"] for port in result["ports"] if port["done"] in ("refused", "failed")],
        }
    used = [word for word in _WORDS if any(told["counts"].get(word) for told in hosts.values())]
    rows = [[host, told["limited"], *(told["counts"].get(word, 0) for word in used)] for host, told in hosts.items()]
    lines = table(["host", "limited", *used], rows)
    lines += [f"{host}: {problem}" for host, told in hosts.items() for problem in told["problems"]]
    if why:
        lines += [
            f"{host} {port['port_id']}: {_now(port)}: {port['why']}"
            for host, result in results.items()
            for port in (result or {}).get("ports", ())
        ]
    return {"text": lines, "hosts": hosts}


def comparison(infos: t.Mapping[str, Result | None], results: t.Mapping[str, Result | None]) -> dict[str, t.Any]:
    """Tell what limits there are, what they counted, and where they differ from what tc_htb would make of the rules.

    infos are results of tc_htb_info, results those of tc_htb in check mode, both by host.
    """
    rows: list[dict[str, t.Any]] = []
    problems: list[str] = []
    for host, info in infos.items():
        result = results.get(host)
        if not info or "ports" not in info or not result or "ports" not in result:
            reason = (result or {}).get("msg") or (info or {}).get("msg") or "not reached, or failed before (see above)"
            problems.append(f"{host}: no result: {reason}")
            continue
        problems += [f"{host}: {problem}" for problem in info["problems"]]
        if info["keeper"] != "running" and any(port["saved"] for port in info["ports"]):
            problems.append(f"{host}: the keeper is {info['keeper']}; limits will not come back by themselves")
        wanted = {port["port_id"]: port for port in result["ports"]}
        there = {port["port_id"]: port for port in info["ports"]}
        for port_id in sorted({**there, **wanted}):
            rows += _rows(host, port_id, there.get(port_id, _NOTHING), wanted.get(port_id))
    told = [row for row in rows if row["direction"] or row["differs"]]
    lines = table(
        ["host", "port", "direction", *_LIMIT, *_COUNTERS, "differs"],
        [
            [row["host"], row["port"], row["direction"], *(row[key] for key in _LIMIT)]
            + [_size(row[key]) if "bytes" in key else row[key] for key in _COUNTERS]
            + [row["differs"]]
            for row in told
        ],
    )
    if len(rows) > len(told):
        lines.append(f"{len(rows) - len(told)} more port(s) have no limit now and are not to have one.")
    return {"text": lines + problems, "rows": told, "problems": problems}


_LIMIT = ("rate", "ceil", "burst")
_COUNTERS = ("bytes", "drops", "exempt_bytes")
_NOTHING: Result = {"egress": None, "ingress": None, "devices": [], "saved": None}


def _rows(host: str, port_id: str, there: Result, wanted: Result | None) -> list[dict[str, t.Any]]:
    """One row per direction that is limited, or one without direction."""
    common = {
        "host": host,
        "port": port_id,
        "differs": _differs(there, wanted),
        "why": wanted["why"] if wanted else "",
    }
    return [
        {
            **common,
            "direction": word if limit else "",
            **{key: limit.get(key, "") for key in (*_LIMIT, *_COUNTERS)},
            "exempt": limit.get("exempt", []),
        }
        for word, limit in [(word, there[key]) for key, word in _DIRECTIONS.items() if there[key]] or [("", {})]
    ]


def _differs(there: Result, wanted: Result | None) -> str:
    """Where a port is not as the rules want it, or ''."""
    if wanted is None:
        return "left as it is: unsupported or undecided (see the warning)"
    if wanted["done"] == "gone" and not there["devices"]:
        return ""  # no device: the instance is switched off
    if wanted["done"] in ("gone", "refused", "failed"):
        return str(wanted["reason"])
    parts = [
        f"{word} is {_shape(wanted['found'][key])}, should be {_shape(wanted['now'][key])}"
        for key, word in _DIRECTIONS.items()
        if wanted["now"][key] != wanted["found"][key]
    ]
    if parts or wanted["done"] != "unchanged":
        return f"{'; '.join(parts) or 'to be ' + wanted['done']} ({wanted['why']})"
    if any(wanted["now"][key] and wanted["now"][key] != (there["saved"] or {}).get(key) for key in _DIRECTIONS):
        return "the limit is not the saved one, so it is lost with the device or at a reboot"
    return ""


def _now(port: Result) -> str:
    shapes = [f"{word} {_shape(port['now'][key])}" for key, word in _DIRECTIONS.items() if port["now"][key]]
    return ", ".join(shapes) or "not limited"


def _shape(limit: Result | None) -> str:
    if not limit:
        return "not limited"
    exempt = f", exempt {', '.join(limit['exempt'])}" if limit["exempt"] else ""
    return f"{limit['rate']} (ceil {limit['ceil']}, burst {limit['burst']}{exempt})"


def _size(size: object) -> str:
    """Bytes as traffic is counted, in powers of 1000."""
    if not isinstance(size, int):
        return ""
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"
