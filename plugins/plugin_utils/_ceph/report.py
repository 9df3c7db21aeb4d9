# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proofs of a fleet as a table for people. Pure."""

from __future__ import annotations

import typing as t


def proof_table(proofs: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """From each host's proof, or what it has instead of one, to lines of text and the hosts where something is wrong."""
    rows, told, wrong = [], [], []
    for host, proof in sorted(proofs.items()):
        clients = proof.get("clients") if isinstance(proof, t.Mapping) else None
        if not clients:
            why = proof.get("msg") if isinstance(proof, t.Mapping) else None
            rows.append((host, "-", "not looked at"))
            told.append(f"{host}: {why or 'it could not be reached, or the run ended before.'}")
            wrong.append(host)
            continue
        for client in clients:
            problems = client["problems"]
            count = f"{len(problems)} problem" + ("s" if len(problems) > 1 else "")
            rows.append((host, client["client"], count if problems else f"proven ({len(client['checked'])} checks)"))
            told += [f"{host}: {problem}" for problem in problems]
        if any(client["problems"] for client in clients):
            wrong.append(host)
    rows.insert(0, ("host", "client", "verdict"))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}" for row in rows]
    return {"text": lines + told, "wrong": wrong}
