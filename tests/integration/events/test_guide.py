# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""guide_events: an instance that is made after the last command of the page is limited, by an installation that the page's commands have made.

Two things are another than on the page: the broker, which the lab's cloud has without TLS, and which notifications there are already.
"""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest
from openstack.connection import Connection

from tests.integration.events.lab import ON_THE_PAGE, PREFIX, Computes, new_instance, rulebook_variables, until
from tests.integration.page import Newcomer, Page
from tests.places import CACHE, CLOUDS_YAML, ROOT

HOSTS = ("cmp01", "cmp02", "cmp03")
CONTROLLER = "cmp03"
RATE = "7mbit"  # of no other test
NOTIFICATIONS = "/etc/{0}/{0}.conf.d/openstack_ops.day2.notifications.conf"


@pytest.fixture
def newcomer(package: Path, computes: Computes, tmp_path: Path) -> t.Iterator[Newcomer]:
    there = Newcomer.with_ansible(tmp_path, package, DAY2_CACHE=str(CACHE), OS_CLOUD="mycloud", no_proxy="*")
    there.write(".config/openstack/clouds.yaml", CLOUDS_YAML.read_text().replace("mini:", "mycloud:"))
    there.program("rabbitmqctl", f'exec {ROOT}/tests/lab/cloud rabbitmqctl "$@"\n')
    there.write("rabbitmq-password", "of their own\n")
    there.write("inventory/nova_computes.yml", {"plugin": "openstack_ops.day2.nova_computes"})
    pid = f"{{{{ lookup('file', '{CACHE}/pids/{PREFIX}' ~ (container | default(inventory_hostname))) }}}}"
    there.write(
        "inventory/group_vars/all.yml",
        {
            "ansible_connection": "community.docker.nsenter",
            "ansible_nsenter_pid": pid,
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "instance_qos_leaf": "pfifo",
            "instance_qos_rules": [
                {"name": "everybody", "limit": {"egress": {"rate": RATE}, "ingress": {"rate": RATE}}}
            ],
        },
    )
    there.write("hosts.yml", {"controllers": {"hosts": {"ctl01": {"container": CONTROLLER}}}})
    yield there
    subprocess.run(["rabbitmqctl", "delete_user", "events"], env=there.environment, check=False, timeout=600)


@pytest.fixture
def services(computes: Computes) -> t.Iterator[None]:
    """With a configuration, and doing nothing."""
    where = [
        *((host, "nova", "nova-compute") for host in HOSTS),
        (CONTROLLER, "nova", "nova-conductor"),
        (CONTROLLER, "neutron", "neutron-server"),
    ]
    for host, project, unit in where:
        script = f"""
            mkdir -p /etc/{project}; echo '[DEFAULT]' >/etc/{project}/{project}.conf
            printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/{unit}.service
            systemctl start {unit}
            """
        computes.inside(host, "sh", "-ec", script)
    yield
    for host, project, unit in where:
        computes.inside(
            host, "sh", "-c", f"systemctl stop {unit}; rm -rf /etc/{project} /etc/systemd/system/{unit}.service"
        )


@pytest.mark.usefixtures("services")
def test_limits_follow_the_instances(cloud: Connection, computes: Computes, newcomer: Newcomer) -> None:
    page = Page("events", {**ON_THE_PAGE, "-i nova_computes.yml": "-i inventory"})
    newcomer.write("events.yml", rulebook_variables(page))

    newcomer.walk(page.steps_before("rabbitmqctl"))
    for host, project in ((CONTROLLER, "neutron"), *((host, "nova") for host in HOSTS)):
        assert "topics = openstack_ops_day2" in computes.inside(host, "cat", NOTIFICATIONS.format(project))

    *until_rulebook, export, start = page.steps_from("rabbitmqctl")[:7]
    assert "Successfully installed" in newcomer.walk(until_rulebook)
    with newcomer.at([export, start]) as said:
        until("it has looked at everything, as after each connect", lambda: "PLAY RECAP" in said())
        with new_instance(cloud, "cmp01") as instance:
            computes.plug()
            until("limited", lambda: said() and computes.rates("cmp01", instance.port) == ["7Mbit", "7Mbit"])
