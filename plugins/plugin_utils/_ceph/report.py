# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proofs of all hosts as a table. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._text import MOST_ROWS, table


def proof_table(proofs: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Turn each host's proof (or failed task) into text, a list of lines, and wrong, the hosts with problems.

    Of more than MOST_ROWS rows, the text has those with problems.
    """
    rows, told, wrong = [], [], []
    for host, proof in sorted(proofs.items()):
        clients = proof.get("clients") if isinstance(proof, t.Mapping) else None
        if not clients:
            why = proof.get("msg") if isinstance(proof, t.Mapping) else None
            rows.append((host, "-", "not checked"))
            told.append(f"{host}: {why or 'it was unreachable, or the run ended before.'}")
            wrong.append(host)
            continue
        for client in clients:
            problems = client["problems"]
            count = f"{len(problems)} problem" + ("s" if len(problems) > 1 else "")
            rows.append((host, client["client"], count if problems else f"proven ({len(client['checked'])} checks)"))
            told += [f"{host}: {problem}" for problem in problems]
        if any(client["problems"] for client in clients):
            wrong.append(host)
    for host, problem in _across(proofs):
        told.append(f"{host}: {problem}")
        wrong.append(host)
    fine = [host for host, _client, verdict in rows if verdict.startswith("proven")]
    if len(rows) > MOST_ROWS and fine:
        told.insert(0, f"{len(fine)} clients on {len(set(fine))} hosts are proven and not listed.")
        rows = [row for row in rows if not row[2].startswith("proven")]
    return {"text": table(("host", "client", "verdict"), rows, right=()) + told, "wrong": sorted(set(wrong))}


def _across(proofs: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, str]]:
    """Contradictions between hosts, which no host can see alone: pairs of a host and a message."""
    proven = {host: proof for host, proof in sorted(proofs.items()) if isinstance(proof, t.Mapping)}
    fsids = {proof["fsid"] for proof in proven.values() if proof.get("fsid")}
    only = next(iter(fsids), "") if len(fsids) == 1 else ""  # of hosts that couldn't connect to it, too
    secrets: dict[tuple[str, str], dict[str, set[str]]] = {}  # by cluster and client, and by host
    for host, proof in proven.items():
        if len(fsids) > 1 and not proof.get("fsid"):
            continue  # which cluster it has isn't known
        for client, uuids in (proof.get("secrets") or {}).items():
            secrets.setdefault((proof.get("fsid") or only, client), {})[host] = set(uuids)
    for (_fsid, client), hosts in secrets.items():
        (first, *_others) = hosts
        for host, uuids in hosts.items():
            if uuids != hosts[first]:
                yield (
                    host,
                    (
                        f"it has the key of {client} in secret {_listed(uuids)}, {first} in {_listed(hosts[first])}; instances can't migrate between them."
                    ),
                )
    for host, proof in proven.items():
        for use in proof.get("uses") or []:
            held = secrets.get((proof.get("fsid") or only, f"client.{use['client']}"), {})
            lacking = [other for other, uuids in held.items() if use.get("uuid") and use["uuid"] not in uuids]
            if lacking:
                yield (
                    host,
                    (
                        f"{use['name']} gives guests the secret {use['uuid']}, but {', '.join(lacking[:5])} has the key of client.{use['client']} in "
                        f"{_listed(held[lacking[0]])}; guests with its volumes wouldn't start there."
                    ),
                )


def _listed(uuids: t.Collection[str]) -> str:
    return " and ".join(sorted(uuids))
