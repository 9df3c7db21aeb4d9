# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits as the kernel has them and as they should be: numbers and networks. Only public() makes text of them, for people. Pure."""

from __future__ import annotations

import functools
import math
import typing as t
from dataclasses import asdict, dataclass

from .ports import Network, Phase, Port, Shape, Vlan
from .times import format_time

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from .._kernel.device import Stats

DIRECTIONS = ("egress", "ingress")


@functools.lru_cache(maxsize=4096)  # limits and tenants' networks are few, beside their ports
def _shape_texts(shape: Shape) -> dict[str, str]:
    return shape.public()


@functools.lru_cache(maxsize=4096)
def _network_texts(networks: tuple[Network, ...]) -> list[str]:
    return sorted(map(str, networks))


@dataclass(frozen=True)
class Limit:
    """One direction's limit, what is exempt from it in the order of ports.in_order, the queue inside it, and what is exempt in VLANs, by id."""

    shape: Shape
    exempt: tuple[Network, ...]
    leaf: str
    vlans: tuple[Vlan, ...] = ()

    def public(self) -> dict[str, t.Any]:
        vlans = [{"id": vlan.id, "exempt": list(_network_texts(vlan.exempt))} for vlan in self.vlans]
        return {
            **_shape_texts(self.shape),
            "exempt": list(_network_texts(self.exempt)),
            **({"vlans": vlans} if vlans else {}),
            "leaf": self.leaf,
        }


#: The limits of a port by direction; None where it isn't limited.
Both = t.Dict[str, t.Optional[Limit]]


def public(both: Mapping[str, t.Optional[Limit]]) -> dict[str, t.Any]:
    return {direction: limit.public() if limit else None for direction, limit in both.items()}


def change(found: Mapping[str, t.Optional[Limit]], now: Mapping[str, t.Optional[Limit]]) -> str:
    """What becomes of a port's limits: removed, loosened, created, changed or unchanged; the worse of both directions."""
    if found == now:
        return "unchanged"
    pairs = [(limit, now[direction]) for direction, limit in found.items()]
    if any(before and not after for before, after in pairs):
        return "removed"
    if any(before and after and _looser(before.shape, after.shape) for before, after in pairs):
        return "loosened"
    if any(after and not before for before, after in pairs):
        return "created"
    return "changed"


def loses(found: Mapping[str, t.Optional[Limit]], port: Port) -> str:
    """The worst that becomes of a port's limits when this one's end: removed or loosened, or nothing."""
    later = [change(found, of_port(phase)) for phase in port.afterwards]
    return next((word for word in ("removed", "loosened") if word in later), "")


def _looser(before: Shape, after: Shape) -> bool:
    pairs = ((before.rate, after.rate), (before.ceil, after.ceil), (before.pkts_rate, after.pkts_rate))
    return any((new or math.inf) > (old or math.inf) for old, new in pairs)


def of_port(port: t.Union[Port, Phase], leaf: str = "") -> Both:
    """The limits that a port should have, now or in a phase."""
    shapes = {"egress": port.egress, "ingress": port.ingress}
    leaf = port.leaf if isinstance(port, Port) else leaf
    return {name: Limit(shape, port.exempt, leaf, port.vlans) if shape else None for name, shape in shapes.items()}


def end_of(port: t.Optional[Port]) -> dict[str, t.Any]:
    """When a port's limits end, for people: {until: time in UTC}; nothing where they don't."""
    return {} if port is None or port.until is None else {"until": format_time(port.until)}


@dataclass(frozen=True)
class Counted:
    """A limit in the kernel, its device, and what it counted if the kernel was asked for that."""

    limit: Limit
    device: str
    stats: t.Optional[Stats]
    exempt_bytes: int
    pkts_drops: int = 0
    """Those of stats.drops that were more packets than pkts_rate."""

    def public(self) -> dict[str, t.Any]:
        return {
            **self.limit.public(),
            "device": self.device,
            **(asdict(self.stats) if self.stats else {}),
            "exempt_bytes": self.exempt_bytes,
            **({"pkts_drops": self.pkts_drops} if self.limit.shape.pkts_rate else {}),
        }


@dataclass(frozen=True)
class Survey:
    """A port as it is: its devices, the limits on them, who else shapes one, and what is saved for the restorer."""

    port_id: str
    devices: list[str]
    egress: t.Optional[Counted]
    ingress: t.Optional[Counted]
    owner: str
    saved: t.Optional[Port]

    @property
    def limits(self) -> dict[str, t.Optional[Counted]]:
        return {"egress": self.egress, "ingress": self.ingress}

    def public(self) -> dict[str, t.Any]:
        saved = self.saved
        return {
            "port_id": self.port_id,
            "devices": self.devices,
            "egress": self.egress.public() if self.egress else None,
            "ingress": self.ingress.public() if self.ingress else None,
            "owner": self.owner,
            "saved": {"plug": saved.plug, "why": saved.why, **public(of_port(saved)), **end_of(saved)}
            if saved
            else None,
        }
