# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit hands on to reserve_disk is refused where it would reserve nothing, and every host would be green."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from tests.places import ROOT

HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


def reserve(folder: Path, reservations: t.Any) -> tuple[int, str]:
    hosts = folder / "hosts.yml"
    hosts.write_text(json.dumps({"nova_computes": {"hosts": {"cmp01": HERE, "cmp02": HERE}}}))
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "ansible-playbook"),
            "--check",
            "-i",
            str(hosts),
            "openstack_ops.day2.reserve_disk",
            "-e",
            json.dumps({"compute_audit_reservations": reservations}),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "ANSIBLE_NOCOLOR": "true", "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv/collections")},
        timeout=300,
        check=False,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("reservations", "expected"),
    [
        ("cmp01: 500", "compute_audit_reservations is no dictionary of MB by host"),
        ({"cmp1": 500}, "compute_audit_reservations names no hosts of the inventory: cmp1."),
    ],
)
def test_reservations_that_concern_no_host_are_refused_once(tmp_path: Path, reservations: t.Any, expected: str) -> None:
    code, said = reserve(tmp_path, reservations)
    assert (code, said.count("fatal: ")) == (2, 1), said
    assert expected in said


def test_an_audit_that_found_nothing_reserves_nothing(tmp_path: Path) -> None:
    code, said = reserve(tmp_path, {})
    assert code == 0, said
    assert said.count("The audit found nothing to reserve here.") == 2
