# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validation of the names and caps of Ceph clients, before they reach Ceph. Pure."""

from __future__ import annotations

import difflib
import re
import typing as t
from dataclasses import dataclass

from .._common import OperatorError

# Ceph accepts anything, so it is checked here: it stores `profile rdb`, which grants nothing.
_PROFILES = (
    "rbd", "rbd-read-only", "rbd-mirror", "rbd-mirror-peer", "simple-rados-client", "simple-rados-client-with-blocklist",
    "fs-client", "cephfs-mirror", "crash", "mon", "osd", "mds", "mgr", "role-definer", "read-only", "read-write",
    "bootstrap-osd", "bootstrap-mds", "bootstrap-mgr", "bootstrap-rgw", "bootstrap-rbd", "bootstrap-rbd-mirror",
)  # fmt: skip
_DAEMONS = ("mon", "osd", "mgr", "mds")
#: Qualifiers that limit a clause: `pool=volumes`, in older caps `pool volumes`.
_QUALIFIERS = ("pool", "namespace", "object_prefix", "tag", "network", "fsname", "path", "uid", "gids", "auid")
#: Grants with a grammar of their own.
_FREE = ("command", "service", "module")
_GRANTS = re.compile(r"[rwxps]+\Z|\*\Z|all\Z|class-read\Z|class-write\Z|root_squash\Z")
_TOKEN = re.compile(r"(?:[^\s\"']|\"[^\"]*\"|'[^']*')+")
#: Which grants of older caps a profile includes. (Before rbd-read-only, the manual said `allow rx` for a pool of images.)
_PROFILE_GRANTS = {
    ("mon", "rbd"): frozenset(
        {"r", 'command "osd blacklist"', 'command "osd blocklist"', "command osd blacklist", "command osd blocklist"}
    ),
    ("mon", "rbd-read-only"): frozenset("r"),
    ("osd", "rbd"): frozenset({"r", "w", "x", "class-read", "class-write"}),
    ("osd", "rbd-read-only"): frozenset({"r", "x", "class-read"}),
}
#: Profiles of monitors, and grants, with which a client may blocklist others.
_BLOCKLISTS = {"rbd", "rbd-mirror", "simple-rados-client-with-blocklist", "cephfs-mirror", "mon", "mds", "mgr"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")


def check_name(name: str, what: str) -> str:
    """Return the name of a pool or client, which goes into commands, caps and files. Raises OperatorError if it isn't a plain name."""
    if not _NAME.match(name):
        raise OperatorError(
            f"{what} {name[:60]!r} isn't a valid name; it must begin with a letter or digit and contain only letters, digits, _ . and -."
        )
    return name


def entity(name: str) -> str:
    """The full name of a client: client.NAME."""
    short = name[len("client.") :] if name.startswith("client.") else name
    return "client." + check_name(short, "client")


def caps_text(caps: str) -> str:
    """Normalize caps for comparison: white space is ignored, and `;` separates clauses like `,`."""
    return ", ".join(" ".join(clause.split()) for clause in re.split(r"[,;]", caps) if clause.strip())


def check_caps(client: str, caps: t.Mapping[str, str], pools: t.Collection[str]) -> None:
    """Raise OperatorError for caps that Ceph would store although they grant nothing, or not what was meant."""
    for daemon, text in caps.items():
        if daemon not in _DAEMONS:
            raise OperatorError(f"{client} has caps for {daemon!r}; there are {', '.join(_DAEMONS)}.")
        if not caps_text(text):
            raise OperatorError(f"{client}: its {daemon} caps are empty; leave {daemon} out if it needs none.")
        for clause in caps_text(text).split(", "):
            _check_clause(f"{client}: {daemon} caps {clause!r}", clause)
            for pool in _pools(_parse(clause)):
                if pool not in pools:
                    near = _like(pool, pools)
                    raise OperatorError(
                        f"{client}: {daemon} caps name the pool {pool!r}, which neither exists nor "
                        f"is going to be created; {near or 'list it in pools'}" + ("" if near else ".")
                    )


def _pools(clause: _Clause) -> list[str]:
    return sorted(value for name, value in clause.limits if name == "pool")


def doubts(client: str, caps: t.Mapping[str, str]) -> list[str]:
    """Warnings about caps that Ceph may understand, but that may not do what was meant."""
    clauses = {daemon: [_parse(one) for one in caps_text(text).split(", ")] for daemon, text in caps.items()}
    found = [
        f"{client}: the profile {clause.profile!r} of its {daemon} caps isn't known here; a Ceph that doesn't know it either grants nothing by it."
        for daemon, every in sorted(clauses.items())
        for clause in every
        if clause.profile is not None and clause.profile not in _PROFILES
    ]
    if any(map(_writes_images, clauses.get("osd", ()))) and not any(map(_blocklists, clauses.get("mon", ()))):
        found.append(
            f"{client} may write images, but its mon caps don't let it blocklist others: when a host dies, no other can take over the locks of "
            "its images, and guests that are started again can't write. Use mon: profile rbd."
        )
    return found


def _writes_images(clause: _Clause) -> bool:
    if any(name == "tag" for name, _value in clause.limits):
        return False  # CephFS's
    return clause.profile == "rbd" or "*" in clause.grants or clause.grants >= {"w", "x"}


def _blocklists(clause: _Clause) -> bool:
    commands = any("blacklist" in one or "blocklist" in one for one in clause.grants)
    return clause.profile in _BLOCKLISTS or "*" in clause.grants or clause.grants >= {"r", "w"} or commands


def pools_of(osd_caps: str) -> tuple[set[str], set[str]]:
    """The pools that osd caps let a client write, and those that they let it only read, in any of the forms that Ceph has had."""
    write: set[str] = set()
    read: set[str] = set()
    for text in caps_text(osd_caps).split(", "):
        clause = _parse(text)
        reads = clause.profile == "rbd-read-only" or (
            clause.profile is None and clause.grants <= {"r", "x", "class-read"}
        )
        (read if reads else write).update(_pools(clause))
    return write, read - write


def with_data_pools(osd_caps: str, data_pools: t.Mapping[str, str]) -> str:
    """OSD caps with each clause about a pool once more for its data pool, where nothing covers that yet; otherwise as they are."""
    found = caps_text(osd_caps).split(", ")
    added: list[str] = []
    for text in found:
        for pool in _pools(_parse(text)):
            if pool not in data_pools:
                continue
            more = re.sub(rf"(\bpool[= ][\"']?){re.escape(pool)}(?![\w.-])", rf"\g<1>{data_pools[pool]}", text)
            if not any(_covers("osd", _parse(one), _parse(more)) for one in [*found, *added]):
                added.append(more)
    return ", ".join([*found, *added]) if added else osd_caps


def _check_clause(where: str, text: str) -> None:
    clause = _parse(text)
    if clause.profile is not None:
        near = _like(clause.profile, _PROFILES)
        if not clause.profile or (near and clause.profile not in _PROFILES):
            raise OperatorError(
                f"{where}: there is no profile {clause.profile!r}; {near} Ceph would store it, and the client couldn't do anything."
            )
    elif not clause.grants:
        raise OperatorError(f"{where}: write `profile NAME …` or `allow …` with some of r, w, x, or *.")
    if clause.unknown:
        raise OperatorError(
            f"{where}: {' '.join(clause.unknown)!r} isn't valid here; pool=NAME and namespace=NAME limit a clause."
        )


@dataclass(frozen=True)
class _Clause:
    """The grants of a clause and its qualifiers."""

    profile: t.Optional[str] = None
    grants: frozenset[str] = frozenset()  # letters, and words such as class-read
    limits: frozenset[tuple[str, str]] = frozenset()
    unknown: tuple[str, ...] = ()


def _parse(text: str) -> _Clause:
    """Parse a clause like Ceph does, with its words in any order; caps of old clusters have the pool first."""
    words = _TOKEN.findall(text)
    profile = None
    if words[:2] == ["allow", "profile"]:
        del words[0]
    if words[:1] == ["profile"]:
        profile, words = (words[1] if len(words) > 1 else ""), words[2:]
    elif words[:1] == ["allow"]:
        del words[0]
    else:
        return _Clause(unknown=tuple(words))
    grants: set[str] = set()
    limits: set[tuple[str, str]] = set()
    unknown: list[str] = []
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if name == "class" and not equals and profile is None:
            method = [word]
            while words and words[0].partition("=")[0] not in _QUALIFIERS:
                method.append(words.pop(0))
            if len(method) > 1:
                grants.add(" ".join(method))
            continue
        if name in _FREE and profile is None:
            grants.add(" ".join([word, *words]))
            break
        if name in _QUALIFIERS:
            value = value if equals or not words else words.pop(0)
            if name == "tag" and words:
                value += " " + words.pop(0)
            limits.add((name, value.strip("\"'")))
        elif profile is None and _GRANTS.match(word):
            grants.update({"*"} if word in ("*", "all") else {word} if len(word) > 5 else word)
        elif profile is None and not grants:
            letters = len(word) - len(word.lstrip("rwxps"))
            grants.update(word[:letters])
            unknown.append(word[letters:])
        else:
            unknown.append(word)
    return _Clause(profile, frozenset(grants), frozenset(limits), tuple(unknown))


def _like(name: str, known: t.Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def same_caps(one: t.Mapping[str, str], other: t.Mapping[str, str]) -> bool:
    """Whether both grant the same, whatever the order of their clauses."""
    return _clauses(one) == _clauses(other)


def _clauses(caps: t.Mapping[str, str]) -> dict[str, set[str]]:
    return {daemon: set(caps_text(text).split(", ")) for daemon, text in caps.items()}


def taken_away(there: t.Mapping[str, str], wanted: t.Mapping[str, str]) -> list[str]:
    """The existing clauses that the new caps don't cover, for example `osd profile rbd pool=volumes`.

    A clause that isn't known to be covered counts as taken away.
    """
    lost = []
    for daemon, text in sorted(there.items()):
        given = [_parse(clause) for clause in caps_text(wanted.get(daemon, "")).split(", ")]
        for clause in caps_text(text).split(", ") if caps_text(text) else ():
            if not any(_covers(daemon, one, _parse(clause)) for one in given):
                lost.append(f"{daemon} {clause}")
    return lost


def _covers(daemon: str, wide: _Clause, narrow: _Clause) -> bool:
    if wide.unknown or narrow.unknown:
        return wide == narrow
    reads_children = ("object_prefix", "rbd_children") in narrow.limits and narrow.grants == {"class-read"}
    if wide.profile == "rbd" and daemon == "osd" and reads_children:
        return True  # the profile grants this in all pools
    if not wide.limits <= narrow.limits:
        return False
    if "*" in wide.grants or (wide.profile, wide.grants) == (narrow.profile, narrow.grants):
        return True
    if narrow.profile is not None:
        return wide.profile == "rbd" and narrow.profile == "rbd-read-only"
    if wide.profile is not None:
        return bool(narrow.grants) and narrow.grants <= _PROFILE_GRANTS.get((daemon, wide.profile), frozenset())
    return narrow.grants <= wide.grants
