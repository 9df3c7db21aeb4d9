# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools and clients of a Ceph cluster: desired and actual state, and the plan from one to the other. Pure: opens nothing, imports nothing from Ansible."""

from __future__ import annotations

import struct
import typing as t
from dataclasses import dataclass, replace

from .._common import OperatorError, listed
from .caps import check_caps, pools_of, same_caps, taken_away
from .erasure import check_data_pools, settings_words
from .objects import ERASURE, REPLICATED, Client, Cluster, DesiredObjects, Pool


def single(value: float) -> float:
    """Round a number to single precision, as Ceph stores it: 0.2 is read back as 0.20000000298."""
    return t.cast(float, struct.unpack("f", struct.pack("f", value))[0])


@dataclass(frozen=True)
class Step:
    """A command to the monitors: as text for people, as prefix and arguments for librados, and as command line.

    One of `rbd` talks to the OSDs, and has a command line only.
    """

    text: str
    prefix: str
    arguments: t.Mapping[str, t.Any]
    cli: tuple[str, ...]
    guarded: bool = False  # needs mon_allow_pool_delete
    program: str = "ceph"


@dataclass(frozen=True)
class PoolsPlan:
    """The steps from the actual to the desired state. The only place that decides what 'changed' means."""

    before: Cluster
    after: Cluster
    steps: tuple[Step, ...]

    @property
    def changed(self) -> bool:
        return bool(self.steps)


def check(desired: DesiredObjects, actual: Cluster) -> None:
    """Raise OperatorError for invalid or unsafe requests."""
    for kind, names in (
        ("Pool", [pool.name for pool in desired.pools] + list(desired.absent_pools)),
        ("Client", [client.name for client in desired.clients] + list(desired.absent_clients)),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise OperatorError(f"{kind} {twice[0]} is listed twice; list it only once.")
    if "client.admin" in {client.name for client in desired.clients} | set(desired.absent_clients):
        raise OperatorError("client.admin is the cluster's administrator; this module neither changes nor removes it.")
    for pool in desired.pools:
        _check_pool(pool, actual)
    check_data_pools(desired, actual)
    pools = (set(actual.pools) | {pool.name for pool in desired.pools}) - set(desired.absent_pools)
    for client in desired.clients:
        if not client.caps:
            raise OperatorError(f"{client.name} has no caps and couldn't do anything. Give it mon and osd caps.")
        there = actual.clients.get(client.name)
        # Caps that are there may name pools that are gone.
        gone = {pool for some in pools_of(there.caps.get("osd", "")) for pool in some} if there else set()
        check_caps(client.name, client.caps, pools | gone)
        _check_client(client, there)
    for name in desired.absent_clients:
        _check_leaving(name, desired.successors.get(name, ""), actual)


def _check_client(client: Client, there: t.Optional[Client]) -> None:
    """Raise OperatorError if a successor is somebody else's client, or if a client in use would lose caps."""
    if there is None or same_caps(client.caps, there.caps):
        return
    if client.successor_of:
        raise OperatorError(
            f"{client.name} can't become the successor of {client.successor_of}: it already exists with other caps "
            f"({_caps_line(there.caps)}; not {_caps_line(client.caps)}), so it belongs to somebody else. Choose an unused name."
        )
    lost = taken_away(there.caps, client.caps)
    if lost and not client.narrow:
        raise OperatorError(
            f"{client.name} has caps that the new ones don't cover: {'; '.join(lost)}. Guests may use them. Add them to its caps, "
            f"or list {client.name} in take_away (ceph_openstack_take_away) to take them away."
        )


def _check_leaving(name: str, successor: str, actual: Cluster) -> None:
    there = actual.clients.get(name)
    if there is None:
        return
    if successor:
        heir = actual.clients.get(successor)
        if heir is None or not same_caps(heir.caps, there.caps):
            has = f"has {_caps_line(heir.caps)}" if heir else "doesn't exist"
            raise OperatorError(
                f"{name} has the caps {_caps_line(there.caps)}, but its successor {successor} {has}; so {name} isn't "
                f"the predecessor of {successor}. Name the right client, or remove this one with ceph auth rm."
            )
    if actual.connected.get(name):
        where = actual.connected[name]
        raise OperatorError(
            f"{name} is connected to the cluster from {listed(where)}; guests or services there still use it and would hang "
            "without it. Move or stop them first (`ceph tell mon.* sessions` lists them)."
        )


def _caps_line(caps: t.Mapping[str, str]) -> str:
    return ", ".join(f"{daemon} '{caps[daemon]}'" for daemon in sorted(caps)) or "none"


def _check_pool(pool: Pool, actual: Cluster) -> None:
    for name, value, least in (("size", pool.size, 1), ("min_size", pool.min_size, 1), ("pg_num", pool.pg_num, 1)):
        if value is not None and value < least:
            raise OperatorError(f"Pool {pool.name}: {name} {value} is less than {least}.")
    there = actual.pools.get(pool.name)
    size = pool.size if pool.size is not None else (there.size if there else None)
    if pool.min_size is not None and size is not None and pool.min_size > size:
        raise OperatorError(
            f"Pool {pool.name}: min_size {pool.min_size} is more than its size {size}; nothing could be written."
        )
    if pool.pg_num is not None and pool.pg_autoscale_mode == "on":
        raise OperatorError(
            f"Pool {pool.name}: pg_num {pool.pg_num} and pg_autoscale_mode on are both given, but then the autoscaler sets "
            "pg_num. Leave one out (target_size_ratio tells the autoscaler what to expect)."
        )
    if pool.target_size_ratio is not None and pool.target_size_ratio < 0:
        raise OperatorError(f"Pool {pool.name}: target_size_ratio {pool.target_size_ratio} is below 0.")
    if pool.crush_rule is not None and pool.crush_rule not in actual.rules:
        raise OperatorError(
            f"Pool {pool.name}: there is no crush rule {pool.crush_rule!r}; there are {', '.join(actual.rules) or 'none'}."
        )
    if there and pool.application and there.application and pool.application not in there.application.split(","):
        raise OperatorError(
            f"Pool {pool.name} belongs to the application {there.application!r}, not to {pool.application!r}; "
            "choose another pool, or disable that application first (ceph osd pool application disable)."
        )


def plan(desired: DesiredObjects, actual: Cluster) -> PoolsPlan:
    """Plan the steps. Raises OperatorError before anything has changed."""
    desired = replace(desired, pools=tuple(_complete(pool, actual.pools.get(pool.name)) for pool in desired.pools))
    check(desired, actual)
    new = {name: settings for name, settings in desired.profiles.items() if name not in actual.profiles}
    steps = [_profile_step(name, new[name]) for name in sorted(new)]
    pools, clients = dict(actual.pools), dict(actual.clients)
    for pool in desired.pools:
        steps += _pool_steps(pool, actual.pools.get(pool.name))
        pools[pool.name] = _merged(pool, actual.pools.get(pool.name))
    for client in desired.clients:
        steps += _client_steps(client, actual.clients.get(client.name))
        clients[client.name] = client
    # At the end, because the OSDs of a new pool may not answer.
    for pool in desired.pools:
        if _needs_init(pool, actual.pools.get(pool.name)):
            line = ("pool", "init", pool.name)
            steps.append(Step(f"initialize pool {pool.name} for RBD", "rbd pool init", {}, line, program="rbd"))
    for name in desired.absent_clients:
        if clients.pop(name, None):
            steps.append(Step(f"remove {name}", "auth rm", {"entity": name}, ("auth", "rm", name)))
    for name in desired.absent_pools:
        if pools.pop(name, None):
            steps.append(
                Step(
                    f"delete pool {name} and everything in it",
                    "osd pool delete",
                    {"pool": name, "pool2": name, "yes_i_really_really_mean_it": True},
                    ("osd", "pool", "delete", name, name, "--yes-i-really-really-mean-it"),
                    guarded=True,
                )
            )
    after = replace(actual, pools=pools, clients=clients, profiles={**actual.profiles, **new})
    return PoolsPlan(actual, after, tuple(steps))


def _complete(pool: Pool, there: t.Optional[Pool]) -> Pool:
    """Turn the autoscaler off for a pool with a fixed pg_num, which it would change; a replicated pool needs no leave to overwrite."""
    if pool.allow_ec_overwrites and not (pool.erasure_profile or (there and there.erasure_profile)):
        pool = replace(pool, allow_ec_overwrites=None)
    if pool.pg_num is not None and pool.pg_autoscale_mode is None:
        pool = replace(pool, pg_autoscale_mode="off")
    if pool.target_size_ratio is not None:
        pool = replace(pool, target_size_ratio=single(pool.target_size_ratio))
    return pool


def _needs_init(pool: Pool, there: t.Optional[Pool]) -> bool:
    """Whether a pool for RBD is new, or was never used. The first volumes would initialize it otherwise, all at once and against each other."""
    return pool.application == "rbd" and (not pool.erasure_profile if there is None else there.initialized is False)


def _merged(pool: Pool, there: t.Optional[Pool]) -> Pool:
    wanted = pool.public()
    if there and pool.application in (there.application or "").split(","):
        del wanted["application"]  # one of several; the others stay
    if pool.target_size_ratio == 0:
        wanted["target_size_ratio"] = None  # Ceph doesn't store 0
    if _needs_init(pool, there):
        wanted["initialized"] = True
    return replace(there or Pool(pool.name), **wanted)


def _profile_step(name: str, settings: t.Mapping[str, str]) -> Step:
    words = settings_words(settings)
    return Step(
        f"create erasure-code profile {name} ({' '.join(words)})",
        "osd erasure-code-profile set",
        {"name": name, "profile": words},
        ("osd", "erasure-code-profile", "set", name, *words),
    )


def _create_step(pool: Pool) -> Step:
    arguments: dict[str, t.Any] = {"pool": pool.name, "pool_type": "replicated"}
    cli = ["osd", "pool", "create", pool.name]
    if pool.pg_num is not None:
        arguments["pg_num"] = pool.pg_num
        cli.append(str(pool.pg_num))
    kind = ""
    if pool.erasure_profile:
        kind = f", erasure-coded with the profile {pool.erasure_profile}"
        arguments.update(pool_type="erasure", erasure_code_profile=pool.erasure_profile)
        cli += ["erasure", pool.erasure_profile]
        if pool.crush_rule is not None:  # otherwise Ceph makes a rule of the pool's name
            arguments["rule"] = pool.crush_rule
            cli.append(pool.crush_rule)
    return Step(f"create pool {pool.name}{kind}", "osd pool create", arguments, tuple(cli))


# In this order: the autoscaler is turned off before pg_num is set, and size comes before min_size, which depends on it.
_SETTINGS = (
    "pg_autoscale_mode",
    "size",
    "min_size",
    "crush_rule",
    "pg_num",
    "target_size_ratio",
    "allow_ec_overwrites",
)


def _pool_steps(pool: Pool, there: t.Optional[Pool]) -> list[Step]:
    steps = []
    now = there
    if now is None:
        steps.append(_create_step(pool))
        rule = pool.crush_rule if pool.erasure_profile else None
        now = Pool(pool.name, pg_num=pool.pg_num, crush_rule=rule, erasure_profile=pool.erasure_profile)
    for name in _SETTINGS:
        value = getattr(pool, name)
        if value is None or value == (getattr(now, name) or (0 if name == "target_size_ratio" else None)):
            continue
        text = f"{value:g}" if isinstance(value, float) else str(value).lower()
        # The operator asked for size 1 explicitly; whether Ceph allows it is up to the monitors.
        sure = {"yes_i_really_mean_it": True} if name == "size" and value == 1 else {}
        steps.append(
            Step(
                f"set {name} of pool {pool.name} to {text}" + _was(getattr(there, name) if there else None),
                "osd pool set",
                {"pool": pool.name, "var": name, "val": text, **sure},
                ("osd", "pool", "set", pool.name, name, text, *(["--yes-i-really-mean-it"] if sure else [])),
            )
        )
    for name, short in (("quota_max_bytes", "max_bytes"), ("quota_max_objects", "max_objects")):
        value = getattr(pool, name)
        if value is not None and value != (getattr(now, name) or 0):
            steps.append(
                Step(
                    f"set the quota {short} of pool {pool.name} to {value or 'none'}" + _was(getattr(now, name)),
                    "osd pool set-quota",
                    {"pool": pool.name, "field": short, "val": str(value)},
                    ("osd", "pool", "set-quota", pool.name, short, str(value)),
                )
            )
    if pool.application and pool.application not in (now.application or "").split(","):
        steps.append(
            Step(
                f"enable the application {pool.application} on pool {pool.name}",
                "osd pool application enable",
                {"pool": pool.name, "app": pool.application},
                ("osd", "pool", "application", "enable", pool.name, pool.application),
            )
        )
    return steps


def _was(value: t.Any) -> str:
    if isinstance(value, bool):
        return ""
    return f", was {value:g}" if isinstance(value, float) else (f", was {value}" if value is not None else "")


def _client_steps(client: Client, there: t.Optional[Client]) -> list[Step]:
    flat = [word for daemon in sorted(client.caps) for word in (daemon, client.caps[daemon])]
    if there is None:
        # get-or-create creates a key only once. If the client exists with other caps, it fails (rc 22) and never replaces them.
        return [
            Step(
                f"create {client.name}",
                "auth get-or-create",
                {"entity": client.name, "caps": flat},
                ("auth", "get-or-create", client.name, *flat),
            )
        ]
    if same_caps(client.caps, there.caps):
        return []
    more, lost = taken_away(client.caps, there.caps), taken_away(there.caps, client.caps)
    what = [f"{verb} {'; '.join(some)}" for verb, some in (("adds", more), ("takes away", lost)) if some]
    return [
        Step(
            f"set the caps of {client.name}" + (f", which {' and '.join(what)}" if what else ""),
            "auth caps",
            {"entity": client.name, "caps": flat},
            ("auth", "caps", client.name, *flat),
        )
    ]


def differences(found: Cluster, desired: DesiredObjects) -> list[str]:
    """Names of pools and clients that still differ from the desired state."""
    wrong = [f"erasure-code profile {name}" for name in desired.profiles if name not in found.profiles]
    for pool in desired.pools:
        there = found.pools.get(pool.name)
        wanted = _complete(pool, there)
        if there is None or _merged(wanted, there) != there:
            wrong.append(f"pool {pool.name}")
    for client in desired.clients:
        there_ = found.clients.get(client.name)
        if there_ is None or not same_caps(client.caps, there_.caps):
            wrong.append(client.name)
    wrong += [f"pool {name}" for name in desired.absent_pools if name in found.pools]
    wrong += [name for name in desired.absent_clients if name in found.clients]
    return wrong


# ----------------------------------------------------------- what Ceph prints
def uninitialized(pools: t.Any, names: t.Collection[str]) -> set[str]:
    """Of these pools, the replicated ones that have never had a snapshot, which `rbd pool init` makes (and removes). `osd pool ls detail` is given."""
    return {
        row["pool_name"]
        for row in pools
        if row["pool_name"] in names
        and row.get("type") == REPLICATED
        and "selfmanaged_snaps" not in row.get("flags_names", "selfmanaged_snaps").split(",")
    }


def empty(names: t.Collection[str], usage: t.Any) -> set[str]:
    """Of these pools, those without objects. Others were used by older releases of RBD, which didn't initialize. `df` is given."""
    return {row["name"] for row in usage["pools"] if row["name"] in names and row["stats"].get("objects") == 0}


def _initialized(row: t.Mapping[str, t.Any], unused: t.Collection[str]) -> t.Optional[bool]:
    if row["pool_name"] in unused:
        return False
    return True if "selfmanaged_snaps" in row.get("flags_names", "").split(",") else None


def read_cluster(pools: t.Any, rules: t.Any, auth: t.Any, unused: t.Collection[str] = ()) -> Cluster:
    """Parse `osd pool ls detail`, `osd crush rule dump` and `auth ls`, given as decoded JSON. unused are pools that need `rbd pool init`."""
    names = {rule["rule_id"]: rule["rule_name"] for rule in rules}
    found = {}
    for row in pools:
        options, coded = row.get("options", {}), row.get("type") == ERASURE
        found[row["pool_name"]] = Pool(
            name=row["pool_name"],
            application=",".join(sorted(row.get("application_metadata", {}))) or None,
            size=row["size"],
            min_size=row["min_size"],
            # Splitting and merging take time, so compare the target.
            pg_num=row.get("pg_num_target", row["pg_num"]),
            pg_autoscale_mode=row.get("pg_autoscale_mode"),
            target_size_ratio=single(options["target_size_ratio"]) if "target_size_ratio" in options else None,
            quota_max_bytes=row.get("quota_max_bytes", 0),
            quota_max_objects=row.get("quota_max_objects", 0),
            crush_rule=names.get(row["crush_rule"]),
            erasure_profile=row.get("erasure_code_profile") if coded else None,
            allow_ec_overwrites="ec_overwrites" in row.get("flags_names", "").split(",") if coded else None,
            initialized=_initialized(row, unused),
        )
    clients = {
        row["entity"]: Client(row["entity"], row["caps"])
        for row in auth["auth_dump"]
        if row["entity"].startswith("client.")
    }
    return Cluster(found, clients, tuple(sorted(names.values())))
