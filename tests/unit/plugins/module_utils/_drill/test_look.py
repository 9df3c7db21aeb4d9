# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says of its components, and what it refuses to break."""

from __future__ import annotations

import ipaddress
import shlex
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._drill import faults, look
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.components import parse
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import processes

from .fake_host import FakeHost


def found(host: FakeHost, **given: t.Any) -> tuple[str, str, tuple[str, ...]]:
    state = look.look(parse({"name": "one", **given}), host)
    return state.state, state.why, state.along


def test_a_unit_that_runs() -> None:
    assert found(FakeHost().unit("x.service"), unit="x") == ("active", "", ())


@pytest.mark.parametrize(
    ("shown", "state", "why"),
    [
        ({"LoadState": "not-found"}, "absent", "this host has no unit x.service"),
        ({"LoadState": "masked"}, "absent", "(masked)"),
        ({"ActiveState": "failed"}, "down", "x.service is failed"),
        ({"ActiveState": "activating"}, "down", "x.service is activating"),
        ({"Transient": "yes"}, "refused", "nothing could start it"),
        ({"RefuseManualStop": "yes"}, "refused", "refuses to be stopped"),
        ({"RefuseManualStart": "yes"}, "refused", "refuses to be stopped or started"),
        ({"Id": "ssh.service"}, "refused", "ssh.service would stop"),
        ({"RequiredBy": "multi-user.target"}, "refused", "multi-user.target would stop with x.service"),
        ({"BoundBy": "sshd.service"}, "refused", "sshd.service would stop"),
    ],
)
def test_a_unit_that_is_not_to_be_broken(shown: dict[str, str], state: str, why: str) -> None:
    host = FakeHost().unit("multi-user.target").unit("sshd.service").unit("x.service", **shown)
    said = found(host, unit="x")
    assert said[0] == state
    assert why in said[1]


def test_what_stops_along_is_found_through_all_floors() -> None:
    host = FakeHost().unit("x.service", RequiredBy="a.service off.service", TriggeredBy="x.socket").unit("x.socket")
    host.unit("a.service", ConsistsOf="b.service x.service").unit("b.service", BoundBy="a.service")
    host.unit("off.service", ActiveState="inactive", RequiredBy="c.service").unit("c.service")
    assert found(host, unit="x") == ("active", "", ("a.service", "b.service", "x.socket"))
    assert found(host, unit="x", how="hang")[2] == ("a.service", "b.service")


def test_a_unit_without_a_process_can_only_be_stopped() -> None:
    host = FakeHost().unit("x.service", MainPID="0")
    assert found(host, unit="x")[0] == "active"
    assert found(host, unit="x", how="hang")[:2] == ("refused", "x.service has no process of its own that could hang")


def test_the_service_by_which_ansible_came_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "_above", lambda: {"teleport.service"})
    host = FakeHost().unit("teleport.service").unit("x.service", RequiredBy="teleport.service")
    assert found(host, unit="x")[0] == found(host, unit="teleport")[0] == "refused"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((0, "true false\n", ""), "active"),
        ((0, "true true\n", ""), "down"),
        ((0, "false false\n", ""), "down"),
        ((125, "", "Error: no such container: db"), "absent"),
        ((1, "", "Error: No such container: db"), "absent"),
        ((1, "", "Cannot connect to the Docker daemon"), "unknown"),
    ],
)
def test_containers(answer: tuple[int, str, str], state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = FakeHost(answers={"docker inspect": answer})
    assert found(host, kind="container", container="db", engine="docker")[0] == state
    assert host.ran == [" ".join(faults.inspect("docker", "db"))]
    # What undoes a fault asks the same, and calls whole what is active here.
    engine = tmp_path / "docker"
    asked = shlex.quote("\n".join(faults.inspect("docker", "db")[1:]))
    engine.write_text(
        f'#!/bin/sh\n[ "$(printf \'%s\\n\' "$@")" = {asked} ] || exit 9\nprintf %s {shlex.quote(answer[1])}\nexit {answer[0]}\n'
    )
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    whole = subprocess.run(faults.running("docker", "db"), check=False).returncode == 0
    assert whole == (state == "active")


def test_a_program_that_is_missing_is_unknown() -> None:
    def run(argv: list[str], data: str) -> tuple[int, str, str]:
        raise FileNotFoundError(2, "No such file or directory", argv[0])

    for given in ({"unit": "x"}, {"kind": "container", "container": "db"}, {"kind": "network", "peers": ["192.0.2.1"]}):
        state = look.look(parse({"name": "one", **given}), run)
        assert (state.state, "No such file" in state.why) == ("unknown", True)


def test_a_network_from_which_ansible_comes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        look, "clients", lambda: [ipaddress.ip_address("192.0.2.77"), ipaddress.ip_address("2001:db8::7")]
    )
    for peer, state in (("192.0.2.1", "active"), ("192.0.2.0/24", "refused"), ("2001:db8::7", "refused")):
        assert found(FakeHost(), kind="network", peers=[peer])[0] == state


def test_a_table_that_is_there_already_is_no_whole_network() -> None:
    answers = {"nft list tables": (0, "table ip filter\ntable inet openstack_ops_drill\n", "")}
    assert found(FakeHost(answers=answers), kind="network", peers=["192.0.2.1"])[0] == "down"
    assert found(FakeHost(answers={"nft": (1, "", "denied")}), kind="network", peers=["192.0.2.1"])[0] == "unknown"


@pytest.mark.parametrize(("code", "state"), [(0, "active"), (1, "down"), (127, "down")])
def test_commands(code: int, state: str) -> None:
    host = FakeHost(answers={"/check": (code, "", "")})
    assert found(host, kind="command", **{"break": ["/b"]}, undo=["/u"], check=["/check"])[0] == state
    assert host.ran == ["/check"]


def test_from_where_an_ssh_session_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = "A=1\0SSH_CONNECTION=::ffff:192.0.2.7 5 192.0.2.8 22\0"
    monkeypatch.setattr(look, "_ancestors", lambda: iter([7, 8]))
    monkeypatch.setattr(
        processes, "read", lambda path: environ if path == "/proc/8/environ" else "SSH_CONNECTION=oops x\0"
    )
    assert look.clients() == [ipaddress.ip_address("192.0.2.7")]
