# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide as an operator follows it, and where the real scheduler puts instances of the flavor afterwards."""

from __future__ import annotations

import shlex
import typing as t

from openstack.connection import Connection

from tests.integration.aggregates.boots import boot, flavor, gone, settled
from tests.integration.inventory.conftest import Ansible
from tests.integration.page import Page, Step


def hosts(cloud: t.Any, flavor_id: str, count: int) -> set[str]:
    """Where so many instances of a flavor run; they are gone afterwards."""
    servers = [boot(cloud, f"aggregates-{number}", flavor_id) for number in range(count)]
    try:
        found = [settled(cloud, one) for one in servers]
        assert {one.status for one in found} == {"ACTIVE"}, [one.fault for one in found]
        return {one.compute_host for one in found}
    finally:
        gone(cloud, servers)


def test_the_page_from_top_to_bottom(cloud: Connection, ansible: Ansible) -> None:
    compute: t.Any = cloud.compute
    page = Page("aggregates")
    for name, body in page.files.items():
        (ansible.folder / name).write_text(body)

    def walk(step: Step) -> str:
        ran = ansible.call(*shlex.split(step.command))
        assert ran.code == 0, ran.said
        return ran.said

    look, arrange, look_again, take_away, why = page.steps[1:]
    with flavor(cloud, "m1.ssd") as made:
        try:
            predicted = walk(look)
            assert compute.find_aggregate("fast-disks") is None
            for part in (
                "fast-disks: add cmp02",
                "fast-disks: add cmp03",
                "m1.ssd: set extra spec",
                '+ "hosts": [',
                "changed=1",
            ):
                assert part in " ".join(predicted.replace("+     ", "+ ").split()), (part, predicted)
            walk(arrange)
            assert "changed=0" in walk(arrange)
            assert hosts(cloud, made.id, 4) <= {"cmp02", "cmp03"}
            told = walk(why)
            assert "The flavor 'm1.ssd': 2 of 3 computes could take it: cmp02, cmp03." in told
            assert "cmp01: AggregateInstanceExtraSpecsFilter: the flavor asks for disk 'ssd'" in told
            refused = ansible.call(*shlex.split(take_away.command.replace("=true", "=false")))
            assert refused.code != 0
            assert "cmp03 from aggregate fast-disks. metadata rack=r7 of aggregate fast-disks." in refused.said
            assert "cmp03" in walk(look_again)
            walk(take_away)
            left = compute.get_aggregate(compute.find_aggregate("fast-disks"))
            assert (left.hosts, left.metadata) == (["cmp02"], {"disk": "ssd"})
            assert hosts(cloud, made.id, 2) == {"cmp02"}
        finally:
            if there := compute.find_aggregate("fast-disks"):
                for host in compute.get_aggregate(there).hosts:
                    compute.remove_host_from_aggregate(there, host)
                compute.delete_aggregate(there)


def test_what_nova_would_refuse_halfway_is_refused_before(cloud: Connection, ansible: Ansible) -> None:
    compute: t.Any = cloud.compute
    # One of the lab's own; what a test before has deleted may be listed for a moment.
    running = next(
        one for one in compute.servers(all_projects=True) if one.compute_host == "cmp02" and one.name.startswith("acme")
    )
    declared = ansible.folder / "zones.yml"
    for hosts_of, said in (
        ("cmp02", "cmp02 would go from no zone of its own to the zone moved"),
        ("cmp01", "cmp01 would be in moved (aggregate moved) and in az1 (aggregate rack1)"),
    ):
        declared.write_text(
            f"host_aggregates_aggregates: [{{name: moved, availability_zone: moved, hosts: [{hosts_of}]}}]"
        )
        ran = ansible.call("ansible-playbook", "openstack_ops.day2.arrange_hosts", "-e", f"@{declared}")
        assert ran.code != 0
        assert said in ran.said
        assert compute.find_aggregate("moved") is None
    assert compute.get_server(running.id).compute_host == "cmp02"
