# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count the limits that a run would remove or loosen, and check that they aren't more than allowed. Pure: no Ansible, no I/O."""

from __future__ import annotations

import re
import typing as t
from collections import Counter

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.backends import as_ports
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.written import kind

Result = t.Mapping[str, t.Any]
#: Host, port and reason.
_Loss = tuple[str, str, str]

#: This many are always allowed: instances come and go, and in a small cloud a percentage would block every run.
FEW = 10
_AT_MOST = re.compile(r"([0-9]{1,9})( ?%)?\Z")
_REASONS, _EXAMPLES = 5, 3


class RemovalsError(ValueError):
    """An invalid remove_at_most; the message says why."""


def removals(results: t.Mapping[str, Result | None], at_most: object) -> dict[str, t.Any]:
    """Count the ports that lose a limit or get a higher one, in either direction; results are of check mode, by host.

    Returns {limited: ports with a limit now, removed and loosened: numbers of these, too_many, text: lines with ports and reasons}.
    Raises RemovalsError.
    """
    most, share = _parse(at_most)
    limited = 0
    lost: list[_Loss] = []
    removed = 0
    for host, result in results.items():
        for port in (as_ports(result) or {}).get("ports", ()):
            limited += any(port["found"].values())
            if port["change"] in ("removed", "loosened"):
                removed += port["change"] == "removed"
                lost.append((host, str(port["port_id"]), str(port["why"]) or "no reason given"))
    allowed = max(FEW, limited * most // 100) if share else most
    too_many = len(lost) > allowed
    text = _text(lost, removed, limited, allowed)
    return {"limited": limited, "removed": removed, "loosened": len(lost) - removed, "too_many": too_many, "text": text}


def _parse(at_most: object) -> tuple[int, bool]:
    match = None if isinstance(at_most, bool) else _AT_MOST.match(str(at_most).strip())
    if match is None or (match.group(2) and int(match.group(1)) > 100):
        raise RemovalsError(
            f"instance_qos_remove_at_most is {kind(at_most)}; write a share of the cloud's limits like 20%, or a number of ports"
        )
    return int(match.group(1)), bool(match.group(2))


def _text(lost: t.Sequence[_Loss], removed: int, limited: int, allowed: int) -> list[str]:
    lines = [
        f"Of the {limited} ports with a limit, this run would remove that of {removed} and raise that of {len(lost) - removed}; "
        f"{allowed} in all are expected at most."
    ]
    reasons = Counter(why for _host, _port, why in lost)
    for reason, count in reasons.most_common(_REASONS):
        ports = [f"{host} {port}" for host, port, why in lost if why == reason]
        more = ", ..." if len(ports) > _EXAMPLES else ""
        lines.append(f"{count}: {reason} ({', '.join(ports[:_EXAMPLES])}{more})")
    if len(reasons) > _REASONS:
        lines.append(f"and {len(reasons) - _REASONS} more reasons")
    return lines
