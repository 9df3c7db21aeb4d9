# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A compute that somebody else has taken over gets no word of its own into a command that an operator will paste."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.model import Finding
from tests.unit.plugins.plugin_utils._compute_audit.world import GIB, LOST, World, domain, entry, volume

HOSTILE = [
    "x target={{lookup('pipe','touch FILE')}}",
    "$(touch FILE)",
    "`touch FILE`",
    "a;touch FILE",
    f"{LOST}\ntouch FILE",
    f"{LOST}\x1b]0;x",
    "--all",
    "@FILE",
    "",
]


def _secret(world: World, text: str) -> None:
    world.domains[0]["disks"][0]["secret"] = text


def _container(world: World, text: str) -> None:
    world.add_domain(domain(LOST))
    world.host["commands"] = {"unit": "nova-compute", "virsh": ["podman", text]}


def _engine(world: World, text: str) -> None:
    world.add_domain(domain(LOST))
    world.host["commands"] = {"unit": "nova-compute", "virsh": [text, "nova_libvirt"]}


def _unit(world: World, text: str) -> None:
    world.provider["inventories"]["DISK_GB"]["total"] += 500
    world.host["commands"] = {"unit": text, "virsh": []}


def _secret_of_nova_conf(world: World, text: str) -> None:
    world.host["nova_conf"]["rbd_secret_uuid"] = text


def _domain(world: World, text: str) -> None:
    world.add_domain(domain(text))


def _foreign_domain(world: World, text: str) -> None:
    world.add_domain(domain(text, made_by_nova=False))


def _volume(world: World, text: str) -> None:
    world.host["lvm"]["volumes"].append(volume(text, "nova", GIB, LOST))


def _inventory_name(world: World, text: str) -> None:
    world.inventory["cmp01"] = text
    world.host["unknown"]["lvm"] = "So."


def _consumer(world: World, text: str) -> None:
    world.hold(text, VCPU=1)


def _image(world: World, text: str) -> list[Finding]:
    images = [{"name": text, "instance": LOST}]
    return world.audit(pools=[{"host": "cmp01", "fsid": "f", "pool": "vms", "images": images}]).findings


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "plant",
    [
        _secret, _secret_of_nova_conf, _domain, _foreign_domain, _volume, _inventory_name, _consumer, _image, _container,
        _engine, _unit,
    ],
)  # fmt: skip
def test_what_is_no_id_and_no_name_is_in_no_command(
    world: World, plant: t.Callable[[World, str], list[Finding] | None], text: str
) -> None:
    found = plant(world, text) or world.audit().findings
    if text or plant not in (_secret, _secret_of_nova_conf):  # an empty one names no secret
        assert found
    for one in found:
        assert one.remedy == ""
        assert "No command is suggested" in one.explanation


@pytest.mark.parametrize("text", ["a\ntouch FILE", "a\x1b[2J", "a\rb"])
def test_a_path_that_a_terminal_acts_upon_is_in_no_command(world: World, text: str) -> None:
    world.add_entry(entry(text, LOST, size=0))
    (found,) = world.audit().findings
    assert found.remedy == ""


def test_ids_and_names_as_they_should_be_are(world: World) -> None:
    world.add_domain(domain(LOST))
    _secret(world, LOST)
    found = {one.kind.value: one.remedy for one in world.audit().findings}
    assert found["domain_unknown"].startswith(f"virsh destroy {LOST}; virsh undefine ")
    assert found["domain_unknown"].endswith(f" {LOST}")
    assert found["secret_missing"].endswith(f"--limit cmp01.example.com -e ceph_openstack_secret_uuid={LOST}")


KOLLA = {"unit": "kolla-nova_compute-container", "virsh": ["podman", "nova_libvirt"]}


@pytest.mark.parametrize(
    ("commands", "virsh", "restart"),
    [
        (None, "virsh", "systemctl restart nova-compute"),
        ({"unit": "openstack-nova-compute", "virsh": []}, "virsh", "systemctl restart openstack-nova-compute"),
        (KOLLA, "podman exec -i nova_libvirt virsh", "systemctl restart kolla-nova_compute-container"),
        ({"unit": None, "virsh": None}, None, ""),
    ],
    ids=["not asked", "packages", "kolla-ansible", "unknown"],
)
def test_commands_are_those_of_the_host(world: World, commands: t.Any, virsh: str | None, restart: str) -> None:
    world.host["commands"] = commands
    world.add_domain(domain(LOST))
    world.provider["inventories"]["DISK_GB"]["total"] += 500
    found = {one.kind.value: one for one in world.audit().findings}
    if virsh is None:
        assert found["domain_unknown"].remedy == ""
        assert "No command is suggested: how virsh runs there isn't known." in found["domain_unknown"].explanation
    else:
        assert found["domain_unknown"].remedy.startswith(f"{virsh} destroy {LOST}; {virsh} undefine --managed-save ")
    assert found["inventory_differs"].remedy == restart
