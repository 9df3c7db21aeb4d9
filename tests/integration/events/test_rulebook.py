# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nova and Neutron of the lab's cloud (`tests/lab/cloud up`), asked through their APIs; the limit in the kernel of the right compute after each."""

from __future__ import annotations

import subprocess
import typing as t

import pytest
from openstack.connection import Connection

from tests.integration.events.lab import Computes, Instance, Rulebook, new_instance
from tests.places import ROOT

HOST = "cmp02"
CLOUD = ROOT / "tests" / "lab" / "cloud"


@pytest.fixture(scope="module")
def instance(cloud: Connection, computes: Computes, rulebook: Rulebook) -> t.Iterator[Instance]:
    """Created while the rulebook listens."""
    with new_instance(cloud, HOST) as made:
        yield made


def test_a_new_instance_has_its_limit(instance: Instance, computes: Computes, rulebook: Rulebook) -> None:
    # Nova's fake driver makes no devices. They come now, as late as any.
    computes.plug()
    rulebook.until("limited as everybody", lambda: computes.rates(HOST, instance.port) == ["20Mbit", "20Mbit"])
    assert not computes.remembers("cmp01", instance.port)


def test_after_a_power_cycle_it_has_it_again(
    cloud: Connection, instance: Instance, computes: Computes, rulebook: Rulebook
) -> None:
    runs = rulebook.runs
    cloud.compute.stop_server(instance.id)
    cloud.compute.wait_for_server(cloud.compute.get_server(instance.id), status="SHUTOFF", wait=120)
    cloud.compute.start_server(instance.id)
    cloud.compute.wait_for_server(cloud.compute.get_server(instance.id), wait=120)
    computes.replug(instance.port)
    rulebook.until("limited again", lambda: computes.rates(HOST, instance.port) == ["20Mbit", "20Mbit"])
    rulebook.until("a run of its own", lambda: rulebook.runs > runs)


def test_a_floating_ip_that_comes_and_goes_while_nobody_listens_counts(
    cloud: Connection, instance: Instance, computes: Computes, rulebook: Rulebook
) -> None:
    public = cloud.network.find_network("public", ignore_missing=False)
    project = cloud.network.get_port(instance.port).project_id
    floating = cloud.network.create_ip(floating_network_id=public.id, project_id=project)
    try:
        port = cloud.network.get_port(instance.port)
        v4 = next(fixed["ip_address"] for fixed in port.fixed_ips if "." in fixed["ip_address"])
        cloud.network.update_ip(floating, port_id=instance.port, fixed_ip_address=v4)
        rulebook.until("limited for outside", lambda: computes.rates(HOST, instance.port) == ["10Mbit", "15Mbit"])
        rulebook.kill()
        cloud.network.update_ip(floating, port_id=None)
        rulebook.start()
        rulebook.until("limited as before", lambda: computes.rates(HOST, instance.port) == ["20Mbit", "20Mbit"])
    finally:
        cloud.network.delete_ip(floating)


@pytest.mark.parametrize("what", ["the broker restarts", "the rulebook restarts"])
def test_nothing_is_lost_while(
    what: str, cloud: Connection, instance: Instance, computes: Computes, rulebook: Rulebook
) -> None:
    """What changes meanwhile counts afterwards, whether its notification was lost with the broker or came while nobody listened."""
    public = cloud.network.find_network("public", ignore_missing=False)
    port = cloud.network.get_port(instance.port)
    v4 = next(fixed["ip_address"] for fixed in port.fixed_ips if "." in fixed["ip_address"])
    floating = cloud.network.create_ip(floating_network_id=public.id, project_id=port.project_id)
    try:
        if what == "the broker restarts":
            with subprocess.Popen([str(CLOUD), "restart-bus"], stdout=subprocess.DEVNULL) as restart:
                cloud.network.update_ip(floating, port_id=instance.port, fixed_ip_address=v4)
            assert restart.returncode == 0
        else:
            rulebook.stop()
            cloud.network.update_ip(floating, port_id=instance.port, fixed_ip_address=v4)
            rulebook.start()
        rulebook.until("limited for outside", lambda: computes.rates(HOST, instance.port) == ["10Mbit", "15Mbit"])
    finally:
        cloud.network.delete_ip(floating)
    rulebook.until("limited as before", lambda: computes.rates(HOST, instance.port) == ["20Mbit", "20Mbit"])


def test_a_deleted_instance_leaves_nothing(
    cloud: Connection, instance: Instance, computes: Computes, rulebook: Rulebook
) -> None:
    assert computes.remembers(HOST, instance.port)
    cloud.compute.delete_server(instance.id)
    rulebook.until("forgotten", lambda: not computes.remembers(HOST, instance.port))
