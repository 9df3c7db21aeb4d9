# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What breaks and undoes networks and containers, by nftables in namespaces of their own and by podman."""

from __future__ import annotations

import subprocess
import typing as t
import uuid
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._drill import faults, look
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.components import Component, parse
from tests.places import CACHE, ROOT


class Place:
    """Where commands run: behind these words."""

    def __init__(self, *before: str) -> None:
        self.before = before

    def __call__(self, argv: list[str], data: str = "") -> tuple[int, str, str]:
        done = subprocess.run(
            [*self.before, *argv], input=data, capture_output=True, text=True, timeout=600, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def must(self, *argv: str) -> str:
        code, out, err = self(list(argv))
        assert code == 0, err
        return out

    def break_it(self, component: Component) -> None:
        for argv, data in faults.fault_of(component).breaks:
            code, _out, err = self(list(argv), data)
            assert code == 0, err

    def undo(self, component: Component, folder: Path) -> None:
        (folder / "fault.json").write_text("{}")
        (folder / "undo").write_text(faults.script(faults.fault_of(component), str(folder)))
        self.must("sh", str(folder / "undo"))
        assert not (folder / "fault.json").exists()


@pytest.fixture
def host() -> t.Iterator[Place]:
    """A namespace with two neighbours, 192.0.2.2 and 2001:db8::2 beside 192.0.2.3."""
    subprocess.run(
        [str(ROOT / "tools/need"), "nft=nftables", "ip=iproute2", "ping=iputils-ping"], check=True, timeout=600
    )
    name = f"drill-{uuid.uuid4().hex[:6]}"
    mine, theirs = Place("ip", "netns", "exec", name), Place("ip", "netns", "exec", f"{name}-n")
    here = Place()
    try:
        here.must("ip", "netns", "add", name)
        here.must("ip", "netns", "add", f"{name}-n")
        mine.must("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", f"{name}-n")
        for place, addresses in (
            (mine, ["192.0.2.1/24", "2001:db8::1/64"]),
            (theirs, ["192.0.2.2/24", "192.0.2.3/24", "2001:db8::2/64"]),
        ):
            for one in addresses:
                place.must("ip", "address", "add", one, "dev", "eth0", *(["nodad"] if ":" in one else []))
            place.must("ip", "link", "set", "lo", "up")
            place.must("ip", "link", "set", "eth0", "up")
        yield mine
    finally:
        here(["ip", "netns", "delete", name])
        here(["ip", "netns", "delete", f"{name}-n"])


def reached(host: Place) -> list[str]:
    return [
        one
        for one in ("192.0.2.2", "2001:db8::2", "192.0.2.3")
        if host(["ping", "-c", "3", "-i", "0.2", "-W", "1", one])[0] == 0
    ]


def test_a_network_is_cut_from_its_peers_and_no_others(host: Place, tmp_path: Path) -> None:
    component = parse({"name": "bus", "kind": "network", "peers": ["192.0.2.2", "2001:db8::2"]})
    assert look.look(component, host).state == "active"
    assert reached(host) == ["192.0.2.2", "2001:db8::2", "192.0.2.3"]
    host.break_it(component)
    assert reached(host) == ["192.0.2.3"]
    assert look.is_broken(component, host)
    host.undo(component, tmp_path)
    assert reached(host) == ["192.0.2.2", "2001:db8::2", "192.0.2.3"]
    assert host.must("nft", "list", "tables") == ""
    host.undo(component, tmp_path)


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[str]:
    subprocess.run([str(ROOT / "tests/lab/image")], check=True, timeout=600)
    monkeypatch.setenv("CONTAINERS_CONF", str(CACHE / "containers.conf"))
    name, here = f"drill-{uuid.uuid4().hex[:6]}", Place()
    here.must(
        "podman", "run", "--detach", "--network", "none", "--name", name, "localhost/day2-base", "sleep", "infinity"
    )
    yield name
    here.must("podman", "rm", "--force", "--time", "0", name)


def test_containers_are_broken_in_each_way_and_run_again(container: str, tmp_path: Path) -> None:
    here = Place()
    for how in ("hang", "kill", "stop"):
        component = parse({"name": "db", "kind": "container", "container": container, "how": how})
        assert look.look(component, here).state == "active"
        here.break_it(component)
        assert look.look(component, here).state == "down"
        here.undo(component, tmp_path)
        assert look.look(component, here).state == "active"
    gone = parse({"name": "db", "kind": "container", "container": f"{container}-gone"})
    assert look.look(gone, here).state == "absent"
