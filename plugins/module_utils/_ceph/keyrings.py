# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keyring files as Ceph reads them: entries of several clients, each with a key and perhaps caps. Edited by entry. Pure."""

from __future__ import annotations

import os
import re
import typing as t

_ENTRY = re.compile(r"\s*\[([^\]]*)\]")
_KEY = re.compile(r"\s*key\s*=\s*[\"']?([^\s\"';#]+)")


def default_keyring(conf: str, client: str) -> str:
    """Where librados looks for a client's keyring first: it takes the name of the configuration file for the cluster's name."""
    name, dot, _rest = os.path.basename(conf).partition(".conf")
    return f"/etc/ceph/{name if name and dot else 'ceph'}.{client}.keyring"


def entries(text: str) -> tuple[str, ...]:
    """The clients whose keys a keyring holds."""
    return tuple(dict.fromkeys(client for client, _lines in _parts(text) if client))


def key_in(text: str, client: str) -> t.Optional[str]:
    """A client's key as text; None where the keyring has none of it."""
    lines = [line for name, part in _parts(text) for line in part if name == client]
    keys = [found.group(1) for found in map(_KEY.match, lines) if found]
    return keys[-1] if keys else None


def with_key(text: str, client: str, key: str) -> str:
    """A keyring in which a client has this key; its caps and all other entries stay."""
    parts = _parts(text)
    if client not in [name for name, _lines in parts]:
        return text + ("\n" if text and not text.endswith("\n") else "") + f"[{client}]\n\tkey = {key}\n"
    return "".join(line for name, lines in parts for line in (_keyed(lines, key) if name == client else lines))


def _keyed(lines: list[str], key: str) -> list[str]:
    head = lines[0] if lines[0].endswith("\n") else lines[0] + "\n"
    return [head, f"\tkey = {key}\n", *(line for line in lines[1:] if not _KEY.match(line))]


def without(text: str, client: str) -> str:
    """A keyring without a client's entry; empty where no other is left."""
    if set(entries(text)) <= {client}:
        return ""
    return "".join(line for name, lines in _parts(text) for line in lines if name != client)


def _parts(text: str) -> list[tuple[str, list[str]]]:
    """The lines of each entry; those above the first belong to none."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    for line in text.splitlines(keepends=True):
        begins = _ENTRY.match(line)
        if begins:
            parts.append((begins.group(1).strip(), []))
        parts[-1][1].append(line)
    return parts
