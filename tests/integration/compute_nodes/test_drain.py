# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A compute is drained and returned by the playbooks, with a running and a stopped guest of Nova's libvirt driver."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from tests.integration.compute_audit.audited import environment
from tests.integration.compute_nodes.node import Node
from tests.integration.enabled import enable
from tests.integration.page import Page, Step

MARK = "openstack_ops.day2 drain: a new kernel"


@pytest.fixture(scope="module")
def only(nodes: list[Node]) -> t.Iterator[tuple[Node, Node]]:
    """The two nodes, while no other compute takes anything: those of the lab have no libvirt."""
    compute = nodes[0].cloud.compute
    hosts = {node.host for node in nodes}
    others = [
        one for one in compute.services(binary="nova-compute") if one.host not in hosts and one.status == "enabled"
    ]
    for one in others:
        compute.disable_service(one, disabled_reason="test_drain")
    try:
        yield nodes[0], nodes[1]
    finally:
        for node in nodes:
            node.delete_servers()
        enable(nodes[0].cloud, [*others, *map(service, nodes)])


def service(node: Node) -> t.Any:
    return next(one for one in node.cloud.compute.services(binary="nova-compute") if one.host == node.host)


def play(node: Node, name: str, *words: str) -> str:
    return node.ansible(
        "ansible-playbook", f"openstack_ops.day2.{name}", "--limit", node.host, "-e", f"compute_drain_records={node.folder}", *words
    )  # fmt: skip


def walk(node: Node, step: Step, *words: str) -> str:
    """Run a command of the guide, whose compute is cmp01."""
    return node.ansible("ansible-playbook", *_words(node, step), *words)


def _words(node: Node, step: Step) -> list[str]:
    asked = shlex.split(step.command.replace("cmp01", node.host).replace("@drain.yml", f"@{node.folder}/drain.yml"))
    assert asked[:3] == ["ansible-playbook", "-i", "nova_computes.yml"]
    return asked[3:]


def kill_at(node: Node, step: Step, line: str) -> None:
    """Begin the same, and kill it as soon as it has said this."""
    said = []
    folder = str(Path(sys.executable).parent)
    words = ("ansible-playbook", "-i", str(node.folder / "hosts.yml"), *_words(node, step))
    with subprocess.Popen(
        words, env=environment(PATH=f"{folder}:{os.environ['PATH']}"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    ) as begun:  # fmt: skip
        assert begun.stdout
        for told in begun.stdout:
            said.append(told)
            if line in told:
                break
        os.killpg(begun.pid, signal.SIGKILL)
    assert line in said[-1], "".join(said)


def where(node: Node, server: str) -> tuple[str, str]:
    found = node.cloud.compute.get_server(server)
    return found.compute_host, found.status


def domains(node: Node) -> dict[str, str]:
    """What libvirt has there, by id."""
    return {one: node.state(one) for one in node.ssh("virsh -q list --all --uuid").split()}


def test_a_compute_is_drained_and_returned(only: tuple[Node, Node]) -> None:
    """The guide from top to bottom."""
    node, other = only
    page = Page("drain", {"/srv/drain": str(node.folder)})
    for name, body in page.files.items():
        (node.folder / name).write_text(body)
    look, drain, look_back, back = page.steps
    running, stopped = node.instance("runs"), node.instance("stands")
    compute: t.Any = node.cloud.compute
    compute.stop_server(stopped)
    compute.wait_for_server(compute.get_server(stopped), status="SHUTOFF", interval=0.5, wait=300)

    def untouched() -> None:
        assert where(node, running) == (node.host, "ACTIVE")
        assert where(node, stopped) == (node.host, "SHUTOFF")
        assert service(node).status == "enabled"

    with pytest.raises(AssertionError) as refused:
        walk(node, look)
    told = " ".join(str(refused.value).split())
    assert f"1 of the servers of {node.host} can't be moved: {stopped} is stopped" in told
    untouched()

    predicted = walk(node, drain, "--check", "--diff")
    assert f"{node.host}: 2 planned; nova-compute would be disabled ({MARK})." in predicted
    assert "another compute" in predicted
    untouched()

    kill_at(node, drain, f"[{node.host}] {running}: live migration begun")
    done = walk(node, drain)
    assert f"; nova-compute disabled ({MARK})." in done
    assert [len(list(compute.migrations(instance_uuid=one))) for one in (running, stopped)] == [1, 1]
    assert where(node, running) == (other.host, "ACTIVE")
    assert where(node, stopped) == (other.host, "SHUTOFF")
    assert domains(node) == {}
    assert domains(other) == {running: "running", stopped: "shut off"}
    assert node.used("MEMORY_MB") == 0
    assert (service(node).status, service(node).disabled_reason) == ("disabled", MARK)
    record = node.folder / f"drained-{node.host}.json"
    assert record.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(record.read_text())["servers"]) == {running, stopped}

    assert "changed=0" in walk(node, drain)

    assert f"{node.host}: 2 planned; nova-compute would be enabled." in walk(node, look_back)
    assert service(node).status == "disabled"
    assert f"{node.host}: 2 moved; nova-compute enabled." in walk(node, back)
    untouched()
    assert domains(node) == {running: "running", stopped: "shut off"}
    assert domains(other) == {}


def test_an_operators_own_disable_stays(only: tuple[Node, Node]) -> None:
    node, _other = only
    node.cloud.compute.disable_service(service(node).id, disabled_reason="broken fan")
    told = play(node, "return_compute")
    assert "stays disabled, for somebody else disabled it ('broken fan')" in " ".join(told.split())
    assert "changed=0" in told
    assert (service(node).status, service(node).disabled_reason) == ("disabled", "broken fan")
