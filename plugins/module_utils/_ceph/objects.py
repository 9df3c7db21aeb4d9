# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools and clients of a cluster, as they are and as they should be. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

#: The types of pools in `osd pool ls detail`.
REPLICATED, ERASURE = 1, 3


@dataclass(frozen=True)
class Pool:
    """A pool. In a desired pool, None means that the operator didn't set it.

    initialized is only found, never asked for: whether `rbd pool init` was run; None if that is unknown, or of no use. So are erasure_profile
    and allow_ec_overwrites of a replicated pool.
    """

    name: str
    application: t.Optional[str] = None
    size: t.Optional[int] = None
    min_size: t.Optional[int] = None
    pg_num: t.Optional[int] = None
    pg_autoscale_mode: t.Optional[str] = None
    target_size_ratio: t.Optional[float] = None
    quota_max_bytes: t.Optional[int] = None
    quota_max_objects: t.Optional[int] = None
    crush_rule: t.Optional[str] = None
    erasure_profile: t.Optional[str] = None
    allow_ec_overwrites: t.Optional[bool] = None
    initialized: t.Optional[bool] = None

    def public(self) -> dict[str, t.Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Client:
    """A client and its caps. The key isn't part of it, so it can't leave the module.

    In a desired client, successor_of is the client that it replaces, and narrow allows existing caps to be taken away.
    """

    name: str
    caps: t.Mapping[str, str] = field(default_factory=dict)
    successor_of: str = ""
    narrow: bool = False

    def public(self) -> dict[str, t.Any]:
        return {"name": self.name, "caps": dict(self.caps)}


@dataclass(frozen=True)
class Cluster:
    """The actual state. connected has, by name, the addresses of clients that are to be removed; profiles, by name, the settings of those asked for."""

    pools: t.Mapping[str, Pool]
    clients: t.Mapping[str, Client]
    rules: tuple[str, ...] = ()
    connected: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    profiles: t.Mapping[str, t.Mapping[str, str]] = field(default_factory=dict)

    def public(self, pools: t.Collection[str], clients: t.Collection[str]) -> dict[str, t.Any]:
        """The named pools and clients that exist, as the module returns them."""
        return {
            "pools": [self.pools[name].public() for name in sorted(pools) if name in self.pools],
            "clients": [self.clients[name].public() for name in sorted(clients) if name in self.clients],
        }


@dataclass(frozen=True)
class DesiredObjects:
    """The desired state. Pools and clients that aren't named are left alone."""

    pools: tuple[Pool, ...] = ()
    clients: tuple[Client, ...] = ()
    absent_pools: tuple[str, ...] = ()
    absent_clients: tuple[str, ...] = ()
    #: The successor of each client to be removed, by name.
    successors: t.Mapping[str, str] = field(default_factory=dict)
    #: The settings of erasure-code profiles to be created where they don't exist, by name.
    profiles: t.Mapping[str, t.Mapping[str, str]] = field(default_factory=dict)
    #: By pool, the one that has the data of its images.
    data_pools: t.Mapping[str, str] = field(default_factory=dict)

    @property
    def profile_names(self) -> set[str]:
        """All erasure-code profiles that are named."""
        return {pool.erasure_profile for pool in self.pools if pool.erasure_profile} | set(self.profiles)

    @property
    def names(self) -> tuple[set[str], set[str]]:
        """All pools and all clients that are named."""
        return (
            {pool.name for pool in self.pools} | set(self.absent_pools),
            {client.name for client in self.clients} | set(self.absent_clients),
        )
