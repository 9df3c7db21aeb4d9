# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boots instances on the lab's cloud, and takes them away."""

from __future__ import annotations

import typing as t
from contextlib import contextmanager

from tests.waiting import until

# An openstack.connection.Connection. To a type checker its attributes are unions with APIs long gone.
Cloud = t.Any


@contextmanager
def flavor(cloud: Cloud, name: str, **extra_specs: str) -> t.Iterator[t.Any]:
    """A small flavor; vcpus among the extra specs is its own."""
    made = cloud.compute.create_flavor(name=name, vcpus=int(extra_specs.pop("vcpus", "1")), ram=256, disk=1)
    try:
        if extra_specs:
            cloud.compute.create_flavor_extra_specs(made, extra_specs)
        yield made
    finally:
        cloud.compute.delete_flavor(made)


def boot(cloud: Cloud, name: str, flavor_id: str, *, image_id: str = "", **more: t.Any) -> t.Any:
    return cloud.compute.create_server(
        name=name,
        flavor_id=flavor_id,
        image_id=image_id or cloud.image.find_image("empty").id,
        networks="none",
        **more,
    )


def settled(cloud: Cloud, server: t.Any) -> t.Any:
    """The server once it is ACTIVE, or has failed and tells why: Nova writes the state first."""
    last: list[t.Any] = []

    def ended() -> bool:
        last[:] = [cloud.compute.get_server(server.id)]
        return bool(last[0].fault if last[0].status == "ERROR" else last[0].status != "BUILD")

    until(f"server {server.id} is built or has failed", ended, seen=lambda: last, every=0.3)
    return last[0]


def gone(cloud: Cloud, servers: t.Iterable[t.Any]) -> None:
    there = list(servers)
    for one in there:
        cloud.compute.delete_server(one, ignore_missing=True)
    for one in there:
        cloud.compute.wait_for_delete(one, wait=300)
