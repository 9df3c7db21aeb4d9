# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network device's traffic control as the kernel keeps it: qdiscs, HTB classes, filters, counters. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

ROOT = 0x10000  # 1:
CLSACT_INGRESS = 0xFFFFFFF2

Key = t.Tuple[bytes, bytes, int, int]


@dataclass(frozen=True)
class Stats:
    """A class's counters: bytes, packets, drops, overlimits since it was made; backlog in bytes now."""

    bytes: int
    packets: int
    drops: int
    overlimits: int
    backlog: int


@dataclass(frozen=True)
class Qdisc:
    """setting is htb's default class, sfq's perturb or pfifo's limit. A qdisc that nobody made has handle 0.

    drops counts packets, where counters were asked for.
    """

    kind: str
    handle: int
    setting: int = 0
    drops: t.Optional[int] = field(default=None, compare=False)


@dataclass(frozen=True)
class Class:
    """An HTB class as the kernel keeps it: rate and ceil in bit/s, burst and cburst in psched ticks."""

    top: bool
    rate: int
    ceil: int
    burst: int
    cburst: int
    quantum: int
    stats: t.Optional[Stats] = None


@dataclass(frozen=True)
class Police:
    """A policer that drops packets above a number per second, whatever their size; burst in psched ticks, drops since it was made."""

    rate: int
    burst: int
    drops: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Filter:
    """redirect is the ifindex that the packets go to, -1 for an action that is neither a redirect nor police, None without."""

    parent: int
    prio: int
    protocol: int
    handle: int
    kind: str
    keys: tuple[Key, ...]
    target: int
    redirect: t.Optional[int] = None
    police: t.Optional[Police] = None


@dataclass
class Device:
    """A network device with its qdiscs (leaves by parent class; hook is ingress or clsact), classes and filters.

    tun says that a program made it, which for an instance's tap is libvirt or QEMU; switched, that it is a port of Open vSwitch in the kernel.
    """

    name: str
    index: int
    root: t.Optional[Qdisc] = None
    hook: t.Optional[Qdisc] = None
    leaves: dict[int, Qdisc] = field(default_factory=dict)
    classes: dict[int, Class] = field(default_factory=dict)
    filters: list[Filter] = field(default_factory=list)
    up: bool = True
    tun: bool = False
    switched: bool = False

    @property
    def bare(self) -> bool:
        """Nobody shapes at the root: there is the kernel's default, or libvirt's noqueue, which every instance's tap has."""
        return self.root is None or self.root.handle == 0 or self.root.kind == "noqueue"

    @property
    def root_filters(self) -> list[Filter]:
        return [one for one in self.filters if one.parent == ROOT]

    @property
    def hook_filters(self) -> list[Filter]:
        """The filters at clsact's ingress and egress hooks."""
        return [one for one in self.filters if one.parent >= CLSACT_INGRESS]
