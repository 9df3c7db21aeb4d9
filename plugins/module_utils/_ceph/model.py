# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools and clients of a Ceph cluster: what is, what is wanted, what it takes. Pure: opens nothing, imports nothing from Ansible."""

from __future__ import annotations

import difflib
import re
import struct
import typing as t
from dataclasses import dataclass, field, replace

# What Ceph accepts without a word is checked here: `profile rdb` is stored, and grants nothing.
_PROFILES = (
    "rbd", "rbd-read-only", "rbd-mirror", "rbd-mirror-peer", "simple-rados-client", "simple-rados-client-with-blocklist",
    "fs-client", "crash", "osd", "mds", "mgr", "role-definer",
    "bootstrap-osd", "bootstrap-mds", "bootstrap-mgr", "bootstrap-rgw", "bootstrap-rbd", "bootstrap-rbd-mirror",
)  # fmt: skip
_DAEMONS = ("mon", "osd", "mgr", "mds")
_QUALIFIER = re.compile(r"(pool|namespace|object_prefix|tag|network|fsname|path)(=|\s|\Z)")
_ALLOW = re.compile(
    r"allow\s+(\*|all\b|class-(?:read|write)|command\b.*|service\b.*|r?w?x?(?:\s+class-(?:read|write))*)"
)
_POOL = re.compile(r"\bpool=(\"[^\"]*\"|'[^']*'|[^\s,;]+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")


class CephError(Exception):
    """A sentence for the operator: the object, what was found, what was wanted, the way out."""


def check_name(name: str, what: str) -> str:
    """Return a pool's or client's name if it is a plain one; nothing else gets into commands, caps and files."""
    if not _NAME.match(name):
        raise CephError(
            f"{what} {name[:60]!r} is not a name for one; it begins with a letter or digit and has letters, digits, _ . and - only."
        )
    return name


def entity(name: str) -> str:
    """A client as Ceph calls it: client.NAME."""
    short = name[len("client.") :] if name.startswith("client.") else name
    return "client." + check_name(short, "client")


def single(value: float) -> float:
    """A number at the precision that Ceph keeps of it: 0.2 is read back as 0.20000000298."""
    return t.cast(float, struct.unpack("f", struct.pack("f", value))[0])


# ---------------------------------------------------------------------- caps
def caps_text(caps: str) -> str:
    """Caps as they are compared: white space doesn't count, and `;` separates as `,` does."""
    return ", ".join(" ".join(clause.split()) for clause in re.split(r"[,;]", caps) if clause.strip())


def check_caps(client: str, caps: t.Mapping[str, str], pools: t.Collection[str]) -> None:
    """Raise CephError for caps that Ceph would store and that grant nothing, or not what was meant."""
    for daemon, text in caps.items():
        if daemon not in _DAEMONS:
            raise CephError(f"{client} has caps for {daemon!r}; there are {', '.join(_DAEMONS)}.")
        if not caps_text(text):
            raise CephError(f"{client}: its {daemon} caps are empty; leave {daemon} out where it shall have none.")
        for clause in caps_text(text).split(", "):
            _check_clause(f"{client}: {daemon} caps {clause!r}", clause)
        for found in _POOL.findall(text):
            pool = found.strip("\"'")
            if pool not in pools:
                raise CephError(
                    f"{client}: {daemon} caps name the pool {pool!r}, which is neither there nor among the pools "
                    f"wanted{_like(pool, pools)}."
                )


def _check_clause(where: str, clause: str) -> None:
    words = clause.split()
    if words[0] == "profile":
        if len(words) < 2 or words[1] not in _PROFILES:
            name = words[1] if len(words) > 1 else ""
            raise CephError(
                f"{where}: there is no profile {name!r}{_like(name, _PROFILES)}. Ceph would store it, and the client could do nothing."
            )
        rest = " ".join(words[2:])
    else:
        granted = _ALLOW.match(clause)
        if not granted or not granted.group(1):
            raise CephError(f"{where}: write `profile NAME …` or `allow …` with some of r, w, x, or *.")
        rest = clause[granted.end() :].strip()
    if rest and not _QUALIFIER.match(rest):
        raise CephError(f"{where}: {rest!r} is not understood; pool=NAME and namespace=NAME limit a clause.")


def _like(name: str, known: t.Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f"; is {near[0]!r} meant?" if near else ""


# --------------------------------------------------------------------- pools
@dataclass(frozen=True)
class Pool:
    """A pool; as a wish, None is what the operator didn't say."""

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

    def public(self) -> dict[str, t.Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Client:
    """A client and what it may do. The key isn't here: nothing of this leaves the module with it."""

    name: str
    caps: t.Mapping[str, str] = field(default_factory=dict)

    def public(self) -> dict[str, t.Any]:
        return {"name": self.name, "caps": dict(self.caps)}


@dataclass(frozen=True)
class Cluster:
    """What is there."""

    pools: t.Mapping[str, Pool]
    clients: t.Mapping[str, Client]
    rules: tuple[str, ...] = ()

    def public(self, pools: t.Collection[str], clients: t.Collection[str]) -> dict[str, t.Any]:
        """Of what is there, what was asked about."""
        return {
            "pools": [self.pools[name].public() for name in sorted(pools) if name in self.pools],
            "clients": [self.clients[name].public() for name in sorted(clients) if name in self.clients],
        }


@dataclass(frozen=True)
class Wish:
    """What an operator wants. Pools and clients that are not named are nobody's business."""

    pools: tuple[Pool, ...] = ()
    clients: tuple[Client, ...] = ()
    absent_pools: tuple[str, ...] = ()
    absent_clients: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[set[str], set[str]]:
        """All pools and all clients that are spoken of."""
        return (
            {pool.name for pool in self.pools} | set(self.absent_pools),
            {client.name for client in self.clients} | set(self.absent_clients),
        )


@dataclass(frozen=True)
class Step:
    """One command to the monitors: for people, for the bindings (prefix and arguments), for the command line."""

    text: str
    prefix: str
    arguments: t.Mapping[str, t.Any]
    cli: tuple[str, ...]
    guarded: bool = False  # wants mon_allow_pool_delete


@dataclass(frozen=True)
class Plan:
    """From what is to what is wanted. The only place that decides what 'changed' means."""

    before: Cluster
    after: Cluster
    steps: tuple[Step, ...]

    @property
    def changed(self) -> bool:
        return bool(self.steps)


def check(wish: Wish, actual: Cluster) -> None:
    """Raise CephError for what can't be or can't be meant."""
    for kind, names in (
        ("Pool", [pool.name for pool in wish.pools] + list(wish.absent_pools)),
        ("Client", [client.name for client in wish.clients] + list(wish.absent_clients)),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise CephError(f"{kind} {twice[0]} is listed twice; say once what it shall be.")
    if "client.admin" in {client.name for client in wish.clients} | set(wish.absent_clients):
        raise CephError("client.admin is the cluster's administrator; its caps and its end are not decided here.")
    for pool in wish.pools:
        _check_pool(pool, actual)
    pools = (set(actual.pools) | {pool.name for pool in wish.pools}) - set(wish.absent_pools)
    for client in wish.clients:
        if not client.caps:
            raise CephError(f"{client.name} has no caps; it could do nothing. Give mon and osd caps.")
        check_caps(client.name, client.caps, pools)


def _check_pool(pool: Pool, actual: Cluster) -> None:
    for name, value, least in (("size", pool.size, 1), ("min_size", pool.min_size, 1), ("pg_num", pool.pg_num, 1)):
        if value is not None and value < least:
            raise CephError(f"Pool {pool.name}: {name} {value} is less than {least}.")
    there = actual.pools.get(pool.name)
    size = pool.size if pool.size is not None else (there.size if there else None)
    if pool.min_size is not None and size is not None and pool.min_size > size:
        raise CephError(
            f"Pool {pool.name}: min_size {pool.min_size} is more than its size {size}; nothing could be written."
        )
    if pool.pg_num is not None and pool.pg_autoscale_mode == "on":
        raise CephError(
            f"Pool {pool.name}: pg_num {pool.pg_num} and pg_autoscale_mode on are both given, but then the autoscaler sets "
            "pg_num. Leave one out (target_size_ratio tells the autoscaler what to expect)."
        )
    if pool.target_size_ratio is not None and pool.target_size_ratio < 0:
        raise CephError(f"Pool {pool.name}: target_size_ratio {pool.target_size_ratio} is below 0.")
    if pool.crush_rule is not None and pool.crush_rule not in actual.rules:
        raise CephError(
            f"Pool {pool.name}: there is no crush rule {pool.crush_rule!r}; there are {', '.join(actual.rules) or 'none'}."
        )
    if there and pool.application and there.application and pool.application not in there.application.split(","):
        raise CephError(
            f"Pool {pool.name} belongs to the application {there.application!r}, not to {pool.application!r}; "
            "choose another pool, or take it away from there first (ceph osd pool application disable)."
        )


def plan(wish: Wish, actual: Cluster) -> Plan:
    """What it takes. Raises CephError before anything has changed."""
    wish = replace(wish, pools=tuple(_complete(pool) for pool in wish.pools))
    check(wish, actual)
    steps: list[Step] = []
    pools, clients = dict(actual.pools), dict(actual.clients)
    for pool in wish.pools:
        steps += _pool_steps(pool, actual.pools.get(pool.name))
        pools[pool.name] = _merged(pool, actual.pools.get(pool.name))
    for client in wish.clients:
        steps += _client_steps(client, actual.clients.get(client.name))
        clients[client.name] = client
    for name in wish.absent_clients:
        if clients.pop(name, None):
            steps.append(Step(f"remove {name}", "auth rm", {"entity": name}, ("auth", "rm", name)))
    for name in wish.absent_pools:
        if pools.pop(name, None):
            steps.append(
                Step(
                    f"delete pool {name} and all that is in it",
                    "osd pool delete",
                    {"pool": name, "pool2": name, "yes_i_really_really_mean_it": True},
                    ("osd", "pool", "delete", name, name, "--yes-i-really-really-mean-it"),
                    guarded=True,
                )
            )
    return Plan(actual, replace(actual, pools=pools, clients=clients), tuple(steps))


def _complete(pool: Pool) -> Pool:
    """A fixed pg_num stays only where the autoscaler keeps its hands off."""
    if pool.pg_num is not None and pool.pg_autoscale_mode is None:
        pool = replace(pool, pg_autoscale_mode="off")
    if pool.target_size_ratio is not None:
        pool = replace(pool, target_size_ratio=single(pool.target_size_ratio))
    return pool


def _merged(pool: Pool, there: t.Optional[Pool]) -> Pool:
    wanted = pool.public()
    if there and pool.application in (there.application or "").split(","):
        del wanted["application"]  # one of several; the others stay
    return replace(there or Pool(pool.name), **wanted)


# In this order: the autoscaler lets go before pg_num is set, and size comes before min_size, which depends on it.
_SETTINGS = ("pg_autoscale_mode", "size", "min_size", "crush_rule", "pg_num", "target_size_ratio")


def _pool_steps(pool: Pool, there: t.Optional[Pool]) -> list[Step]:
    steps = []
    now = there
    if now is None:
        arguments: dict[str, t.Any] = {"pool": pool.name, "pool_type": "replicated"}
        cli = ["osd", "pool", "create", pool.name]
        if pool.pg_num is not None:
            arguments["pg_num"] = pool.pg_num
            cli.append(str(pool.pg_num))
        steps.append(Step(f"create pool {pool.name}", "osd pool create", arguments, tuple(cli)))
        now = Pool(pool.name, pg_num=pool.pg_num)
    for name in _SETTINGS:
        value = getattr(pool, name)
        if value is None or value == getattr(now, name):
            continue
        text = f"{value:g}" if isinstance(value, float) else str(value)
        # One copy of everything is what an operator has to mean; whether Ceph allows it is the monitors' to say.
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
    return f", was {value:g}" if isinstance(value, float) else (f", was {value}" if value is not None else "")


def _client_steps(client: Client, there: t.Optional[Client]) -> list[Step]:
    flat = [word for daemon in sorted(client.caps) for word in (daemon, client.caps[daemon])]
    if there is None:
        # get-or-create makes a key once. With other caps than those that are there it would fail (rc 22), never replace.
        return [
            Step(
                f"create {client.name}",
                "auth get-or-create",
                {"entity": client.name, "caps": flat},
                ("auth", "get-or-create", client.name, *flat),
            )
        ]
    if _same_caps(client.caps, there.caps):
        return []
    return [
        Step(
            f"set the caps of {client.name}",
            "auth caps",
            {"entity": client.name, "caps": flat},
            ("auth", "caps", client.name, *flat),
        )
    ]


def _same_caps(one: t.Mapping[str, str], other: t.Mapping[str, str]) -> bool:
    return {daemon: caps_text(text) for daemon, text in one.items()} == {
        daemon: caps_text(text) for daemon, text in other.items()
    }


def differences(found: Cluster, wish: Wish) -> list[str]:
    """Where the cluster isn't as planned after all was done."""
    wrong = []
    for pool in wish.pools:
        wanted, there = _complete(pool), found.pools.get(pool.name)
        if there is None or _merged(wanted, there) != there:
            wrong.append(f"pool {pool.name}")
    for client in wish.clients:
        there_ = found.clients.get(client.name)
        if there_ is None or not _same_caps(client.caps, there_.caps):
            wrong.append(client.name)
    wrong += [f"pool {name}" for name in wish.absent_pools if name in found.pools]
    wrong += [name for name in wish.absent_clients if name in found.clients]
    return wrong


# ----------------------------------------------------------- what Ceph prints
def read_cluster(pools: t.Any, rules: t.Any, auth: t.Any) -> Cluster:
    """From `osd pool ls detail`, `osd crush rule dump` and `auth ls`, as JSON."""
    names = {rule["rule_id"]: rule["rule_name"] for rule in rules}
    found = {}
    for row in pools:
        options = row.get("options", {})
        found[row["pool_name"]] = Pool(
            name=row["pool_name"],
            application=",".join(sorted(row.get("application_metadata", {}))) or None,
            size=row["size"],
            min_size=row["min_size"],
            # Growing and shrinking take their time: what counts is where it is going.
            pg_num=row.get("pg_num_target", row["pg_num"]),
            pg_autoscale_mode=row.get("pg_autoscale_mode"),
            target_size_ratio=single(options["target_size_ratio"]) if "target_size_ratio" in options else None,
            quota_max_bytes=row.get("quota_max_bytes", 0),
            quota_max_objects=row.get("quota_max_objects", 0),
            crush_rule=names.get(row["crush_rule"]),
        )
    clients = {
        row["entity"]: Client(row["entity"], row["caps"])
        for row in auth["auth_dump"]
        if row["entity"].startswith("client.")
    }
    return Cluster(found, clients, tuple(sorted(names.values())))
