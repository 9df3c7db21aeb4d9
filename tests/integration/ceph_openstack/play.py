# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks against the lab's computes."""

from __future__ import annotations

import json
import os
import threading
import typing as t
from pathlib import Path

from tests.integration import warm
from tests.integration.ceph_openstack.cluster import Ceph
from tests.places import ROOT


class Watch(threading.Thread):
    """All command lines that the machine's processes have while it runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(0.05):  # more often, and it takes what it watches the time
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes())
                except OSError:
                    continue

    def end(self) -> bytes:
        self._end.set()
        self.join()
        return b"\n".join(self.seen)


def write_inventory(
    ceph: Ceph,
    folder: Path,
    groups: t.Mapping[str, tuple[t.Iterable[str], t.Mapping[str, t.Any]]],
    variables: t.Mapping[str, t.Any],
) -> Path:
    """An inventory with mon1, where the cluster is administered, and groups: their computes, and their variables."""
    children = {
        group: {
            "vars": given,
            "hosts": {
                name: {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": str(ceph.folder / "nodes" / name / "python3"),
                }
                for name in names
            },
        }
        for group, (names, given) in groups.items()
    }
    common = {
        "ceph_openstack_admin_host": "mon1",
        "ceph_openstack_admin_conf": ceph.conf,
        "ansible_become": False,
        **variables,
    }
    admin = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
    path = folder / "hosts.json"
    path.write_text(json.dumps({"all": {"vars": common, "hosts": {"mon1": admin}, "children": children}}))
    return path


def play(ceph: Ceph, inventory: Path, playbook: str, *words: str) -> tuple[int, str, dict[str, dict[str, int]]]:
    """Run a playbook with all that it can be made to say; rc, output, and what it counts for each host."""
    done = warm.playbook(
        ("-i", str(inventory), f"openstack_ops.day2.{playbook}", "-vvv", "--diff", *words),
        {**os.environ, "DAY2_CEPH": str(ceph.folder), "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv/collections"),
         "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "true"},
        folder=inventory.parent,
    )  # fmt: skip
    counts: dict[str, dict[str, int]] = {}
    for line in done.stdout.partition("PLAY RECAP")[2].splitlines()[1:]:
        host, _colon, rest = line.partition(":")
        if rest:
            counts[host.strip()] = {key: int(number) for key, number in (word.split("=") for word in rest.split())}
    return done.returncode, done.stdout + done.stderr, counts


def changed(counts: dict[str, dict[str, int]]) -> dict[str, int]:
    """How many tasks changed something on each host, of what `play` has counted."""
    return {host: count["changed"] for host, count in counts.items()}
