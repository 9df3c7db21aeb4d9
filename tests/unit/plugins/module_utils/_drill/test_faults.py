# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a fault, and the program that undoes it: run by a real shell on files."""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._drill import faults
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.components import parse


def fault(*along: str, **given: t.Any) -> faults.Fault:
    return faults.fault_of(parse({"name": "one", **given}), along)


def test_units_that_stop_along_are_started_along() -> None:
    made = fault("libvirtd.socket", "nova.service", unit="libvirtd")
    units = ("libvirtd.service", "libvirtd.socket", "nova.service")
    assert made.breaks == ((("systemctl", "stop", *units), ""),)
    assert ("systemctl", "start", "--no-block", *units) in made.undo
    assert made.checks == tuple(("systemctl", "is-active", "--quiet", one) for one in units)


@pytest.mark.parametrize(
    ("how", "breaks", "undo"),
    [
        ("stop", ("systemctl", "stop", "x.service"), ("systemctl", "start", "--no-block", "x.service")),
        ("kill", ("systemctl", "kill", "--signal=SIGKILL", "x.service"), ("systemctl", "reset-failed", "x.service")),
        ("hang", ("systemctl", "kill", "--signal=SIGSTOP", "x.service"), ("systemctl", "kill", "--signal=SIGCONT", "x.service")),
    ],
)  # fmt: skip
def test_how_a_unit_is_broken(how: str, breaks: tuple[str, ...], undo: tuple[str, ...]) -> None:
    made = fault(unit="x", how=how)
    assert made.breaks == ((breaks, ""),)
    assert undo in made.undo


@pytest.mark.parametrize(
    ("how", "breaks", "undo"),
    [("stop", "stop", ["start"]), ("hang", "pause", ["unpause", "start"]), ("kill", "kill", ["start"])],
)
def test_how_a_container_is_broken(how: str, breaks: str, undo: list[str]) -> None:
    made = fault(kind="container", container="db", engine="docker", how=how)
    assert made.breaks == ((("docker", breaks, "db"), ""),)
    assert list(made.undo) == [("docker", word, "db") for word in undo]


def test_a_network_is_cut_in_both_directions() -> None:
    (command, rules), *_more = fault(kind="network", peers=["192.0.2.1", "2001:db8::1"]).breaks
    assert command == ("nft", "-f", "-")
    drops = [line.strip() for line in rules.splitlines() if line.endswith(" drop")]
    assert drops == [
        "ip saddr 192.0.2.1/32 drop", "ip6 saddr 2001:db8::1/128 drop", "ip daddr 192.0.2.1/32 drop", "ip6 daddr 2001:db8::1/128 drop",
    ]  # fmt: skip


def undo(tmp_path: Path, made: faults.Fault) -> Path:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "fault.json").write_text(json.dumps({}))
    (folder / "undo").write_text(faults.script(made, str(folder)))
    done = subprocess.run(["sh", str(folder / "undo")], capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def test_the_program_undoes_it_and_says_when(tmp_path: Path) -> None:
    odd = str(tmp_path / 'it\'s $(touch pwned) "odd"; `touch pwned`')
    argv = ["/usr/bin/test", "-e", odd]
    folder = undo(tmp_path, fault(kind="command", **{"break": ["/x"]}, undo=["/usr/bin/touch", odd], check=argv))
    assert Path(odd).exists()
    assert sorted(path.name for path in folder.iterdir()) == ["undo", "undone"]
    uptime, boot = (folder / "undone").read_text().split()
    assert float(uptime) > 0
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_a_command_that_fails_does_not_keep_the_others_from_running(tmp_path: Path) -> None:
    there = str(tmp_path / "there")
    folder = undo(
        tmp_path,
        faults.Fault((), (("false",), ("no-such-program-here",), ("touch", there)), (("test", "-e", there), ("true",))),
    )
    assert not (folder / "fault.json").exists()


def test_it_tries_until_the_check_succeeds(tmp_path: Path) -> None:
    count = tmp_path / "count"
    check = ("sh", "-c", f"echo x >>{count}; test $(wc -l <{count}) -ge 3")
    undo(tmp_path, faults.Fault((), (("true",),), (check,)))
    assert count.read_text().count("x") == 3


def test_without_a_fault_it_does_nothing(tmp_path: Path) -> None:
    made = faults.Fault((), (("touch", str(tmp_path / "there")),), (("true",),))
    (tmp_path / "undo").write_text(faults.script(made, str(tmp_path)))
    subprocess.run(["sh", str(tmp_path / "undo")], check=True, timeout=600)
    assert [path.name for path in tmp_path.iterdir()] == ["undo"]
