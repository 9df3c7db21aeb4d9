# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the databases of a backup need of a server, noted when it is made, and whether the server of a restore has it."""

from __future__ import annotations

import os
import shutil
import typing as t
from dataclasses import dataclass

from .server import Server, quoted, within

PACKET_LIMIT = 1 << 30  # the largest max_allowed_packet
GROWTH = 1.4  # InnoDB with its indexes, over the text of a dump
_ROWS = "('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')"


@dataclass(frozen=True)
class Needs:
    """What the manifest says about it."""

    engines: t.Sequence[t.Mapping[str, str]]
    collations: t.Sequence[str]
    definers: t.Sequence[t.Mapping[str, str]]


def of(server: Server, databases: t.Sequence[str]) -> Needs:
    """Ask the server that is backed up."""
    engines = server.query(
        "SELECT DISTINCT t.engine, COALESCE(p.plugin_library, '') FROM information_schema.tables t"
        " LEFT JOIN information_schema.plugins p ON p.plugin_name = t.engine"
        f" WHERE {within('table_schema', databases)} AND table_type IN {_ROWS} AND engine IS NOT NULL ORDER BY 1"
    )
    collations = server.query(
        f"SELECT DISTINCT collation_name FROM information_schema.columns WHERE {within('table_schema', databases)}"
        " AND collation_name IS NOT NULL ORDER BY 1"
    )
    definers = server.query(
        "SELECT DISTINCT BINARY table_schema, BINARY definer FROM information_schema.views"
        f" WHERE {within('table_schema', databases)} ORDER BY 1, 2"
    )
    return Needs(
        [{"engine": engine, "library": library} for engine, library in engines],
        [row[0] for row in collations],
        [{"database": database, "definer": definer} for database, definer in definers],
    )


def versioned(server: Server, databases: t.Sequence[str]) -> list[str]:
    """System-versioned tables, whose history a dump holds only with --dump-history."""
    rows = server.query(
        "SELECT table_schema, table_name FROM information_schema.tables"
        f" WHERE {within('table_schema', databases)} AND table_type = 'SYSTEM VERSIONED' ORDER BY 1, 2"
    )
    return [f"{quoted(database)}.{quoted(table)}" for database, table in rows]


def lacking(
    made: t.Any, databases: t.Collection[str], dropped: t.Collection[str], accounts: bool, server: Server
) -> list[str]:
    """What keeps a backup with the manifest `made` from being restored into this server; each with the way out."""
    problems = []
    have = server.variables("lower_case_table_names", "read_only", "datadir", "strict_password_validation")
    if int(have["lower_case_table_names"]) != made.lower_case_table_names:
        problems.append(
            f"lower_case_table_names is {have['lower_case_table_names']} here and was {made.lower_case_table_names}: names of tables would "
            "change. Set it in the server's option file; for a value other than the one it was installed with, install the server anew."
        )
    if have.get("read_only", "OFF") not in ("OFF", "0"):
        problems.append("The server is read-only, as replicas are: restore into its primary, or set read_only = OFF.")
    engines = server.engines()
    for one in made.engines:
        if one["engine"] not in engines:
            how = f"INSTALL SONAME '{one['library']}'" if one["library"] else "enable it"
            problems.append(f"The server has no engine {one['engine']}, which tables of the backup use: {how}.")
    missing = sorted(set(made.collations) - server.collations())
    if missing:
        problems.append(
            f"The server doesn't know the collation {missing[0]}: restore into MariaDB {made.server_version} or newer."
        )
    problems += _definers(made, databases, accounts, server)
    if accounts and have.get("strict_password_validation") == "ON" and server.validates_passwords():
        problems.append(
            "strict_password_validation refuses accounts whose passwords are known only as hashes: SET GLOBAL strict_password_validation = OFF "
            "for the restore, or restore without accounts."
        )
    if made.longest_statement >= PACKET_LIMIT:
        problems.append(
            f"One statement of the backup has {made.longest_statement >> 20} MiB; no server takes more than 1024 MiB."
        )
    return problems + _room(made, have["datadir"], dropped, server)


def _definers(made: t.Any, databases: t.Collection[str], accounts: bool, server: Server) -> list[str]:
    if accounts:
        return []
    there = server.accounts()
    for one in made.definers:
        if one["database"] in databases and one["definer"] not in there:
            return [
                f"Views of {one['database']} read with the rights of {one['definer']}, an account that the server doesn't have: restore "
                "with the accounts of the backup, or create it."
            ]
    return []


def _room(made: t.Any, datadir: str, dropped: t.Collection[str], server: Server) -> list[str]:
    if not os.path.isdir(os.path.join(datadir, "mysql")):
        return []  # another host's, or a container's
    free = shutil.disk_usage(datadir).free + server.size(dropped)
    needed = int(made.bytes * GROWTH)
    if free >= needed:
        return []
    return [
        f"{datadir} has room for {free >> 20} MiB with the old databases gone, the backup needs about {needed >> 20}: make room there."
    ]
