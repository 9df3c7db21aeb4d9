# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Erasure-coded pools and their profiles. Ceph never changes either once a pool is made, so what differs is refused. Pure."""

from __future__ import annotations

import difflib
import re
import typing as t

from .._common import OperatorError

if t.TYPE_CHECKING:
    from .objects import Cluster, DesiredObjects, Pool

Settings = t.Mapping[str, str]
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")
#: Ceph stores any setting; one with a slip in it would silently leave the default.
_KNOWN = (
    "k", "m", "l", "c", "d", "w", "plugin", "technique", "packetsize", "crush-root", "crush-failure-domain", "crush-device-class", "crush-locality",
    "crush-num-failure-domains", "crush-osds-per-failure-domain", "jerasure-per-chunk-alignment", "mapping", "layers", "scalar_mds", "stripe_unit",
)  # fmt: skip


def settings_words(settings: Settings) -> list[str]:
    """The settings of a profile, its chunks first: `k=4`, `m=2`, `crush-failure-domain=host`. A value may have blanks, as lrc's layers have."""
    return [f"{key}={settings[key]}" for key in sorted(settings, key=lambda key: (key not in ("k", "m"), key))]


def _line(settings: Settings) -> str:
    return " ".join(settings_words(settings))


def check_profile(name: str, settings: Settings, there: t.Optional[Settings]) -> None:
    """Raise OperatorError for settings that no profile can have, or that an existing one doesn't have."""
    for key, least in (("k", 2), ("m", 1)):
        if not settings.get(key, "").isdigit() or int(settings[key]) < least:
            raise OperatorError(
                f"Erasure-code profile {name}: {key} is {settings.get(key, '')!r}; give a number of at least {least}, for example k: 4 and m: 2."
            )
    for key in settings:
        if not _NAME.match(key):  # it would be an option of the command
            raise OperatorError(f"Erasure-code profile {name}: {key!r} isn't the name of a setting.")
        near = difflib.get_close_matches(key, _KNOWN, 1, 0.6)
        if near and key not in _KNOWN:
            raise OperatorError(f"Erasure-code profile {name}: there is no setting {key!r}; did you mean {near[0]!r}?")
    other = {key: (there or {}).get(key, "") for key in settings if there and there.get(key, "") != settings[key]}
    if other:
        raise OperatorError(
            f"The erasure-code profile {name} exists with {_line(other)}, not {_line({key: settings[key] for key in other})}. "
            "Pools made with it would stay as they are, so it isn't changed; choose another name, or leave erasure_settings out."
        )


def check_pool(pool: Pool, there: t.Optional[Pool], desired: DesiredObjects, actual: Cluster) -> None:
    """Raise OperatorError if a pool can't be erasure-coded as asked for."""
    profile = pool.erasure_profile
    if there and profile and there.erasure_profile != profile:
        kind = f"erasure-coded with the profile {there.erasure_profile}" if there.erasure_profile else "replicated"
        raise OperatorError(
            f"Pool {pool.name} is {kind}, not erasure-coded with the profile {profile}, and Ceph can't change that. Choose another name, "
            "or set erasure_profile to what it has."
        )
    if profile and profile not in actual.profiles and profile not in desired.profiles:
        raise OperatorError(
            f"Pool {pool.name}: there is no erasure-code profile {profile!r}. Give erasure_settings to create it, for example k: 4 and m: 2, or name "
            "one that `ceph osd erasure-code-profile ls` lists."
        )
    if pool.size is not None and (profile or (there and there.erasure_profile)):
        raise OperatorError(
            f"Pool {pool.name}: size {pool.size} is given, but it is erasure-coded: k and m of its profile say how many chunks there are. Leave it out."
        )


def check_data_pool(pool: str, data: str, desired: DesiredObjects, actual: Cluster) -> None:
    """Raise OperatorError if a pool's images can't have their data in the data pool."""
    listed = {one.name: one for one in desired.pools}
    there = actual.pools.get(pool)
    if data == pool:
        raise OperatorError(f"Pool {pool} is its own data pool; leave data_pool out.")
    if (pool in listed and listed[pool].erasure_profile) or (there and there.erasure_profile):
        raise OperatorError(
            f"Pool {pool} is erasure-coded, so it can't hold images, only the data of those in a replicated pool. Give data_pool: {pool} to such a one."
        )
    found = actual.pools.get(data)
    if data in listed:
        if listed[data].application != "rbd":
            raise OperatorError(f"Pool {data} is the data pool of {pool}, so its application must be rbd.")
    elif found is None or data in desired.absent_pools:
        raise OperatorError(
            f"Pool {pool} has the data pool {data}, which neither exists nor is going to be created; list it in pools."
        )
    elif "rbd" not in (found.application or "").split(",") or found.allow_ec_overwrites is False:
        lacking = "doesn't allow overwrites" if found.allow_ec_overwrites is False else "isn't for the application rbd"
        raise OperatorError(f"Pool {data} is the data pool of {pool}, but {lacking}; list it in pools, and it does.")


def check_data_pools(desired: DesiredObjects, actual: Cluster) -> None:
    """Raise OperatorError for profiles and data pools that can't be."""
    for name, settings in desired.profiles.items():
        check_profile(name, settings, actual.profiles.get(name))
    for pool in desired.pools:
        check_pool(pool, actual.pools.get(pool.name), desired, actual)
    for name, data in desired.data_pools.items():
        check_data_pool(name, data, desired, actual)
