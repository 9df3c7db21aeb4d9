# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role nova_notifications on a host with systemd, where a program that only waits stands in for nova-compute."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t
from pathlib import Path

import pytest

from tests.integration import warm
from tests.integration.events.lab import Computes, environment
from tests.places import CACHE

HOST = "cmp01"
FILE = "/etc/nova/nova.conf.d/openstack_ops.day2.notifications.conf"
UNIT = "[Service]\\nExecStart=/bin/sleep infinity\\n"
# What oslo.config makes of a service's files; the options are declared as oslo.messaging and Nova declare them.
READ = """
import json, sys
from oslo_config import cfg
conf = cfg.ConfigOpts()
conf.register_opts([cfg.MultiStrOpt("driver", default=[]), cfg.ListOpt("topics")], "oslo_messaging_notifications")
conf.register_opts([cfg.StrOpt("notification_format"), cfg.ListOpt("versioned_notifications_topics"), cfg.StrOpt("notify_on_state_change")], "notifications")
conf(["--config-file", sys.argv[1], "--config-dir", sys.argv[2]])
print(json.dumps([dict(conf.oslo_messaging_notifications.items()), dict(conf.notifications.items())]))
"""


class Ran(t.NamedTuple):
    code: int
    changed: int
    said: str


@pytest.fixture(scope="module")
def send(computes: Computes, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[t.Callable[..., Ran]]:
    folder = tmp_path_factory.mktemp("role")
    (folder / "hosts.yml").write_text(
        json.dumps(
            {
                "controllers": {"hosts": {"ctl01": {}}},
                "nova_computes": {
                    "hosts": {HOST: {}},
                    "vars": {
                        "ansible_connection": "community.docker.nsenter",
                        "ansible_nsenter_pid": computes.process(HOST),
                        "ansible_user": "root",
                        "ansible_python_interpreter": "/usr/bin/python3",
                    },
                },
            }
        )
    )
    computes.inside(HOST, "mkdir", "-p", "/etc/nova")
    computes.inside(HOST, "sh", "-c", "printf '[DEFAULT]\\nstate_path = /x\\n' >/etc/nova/nova.conf")
    computes.inside(HOST, "sh", "-c", f"printf '{UNIT}' >/etc/systemd/system/nova-compute.service")
    computes.inside(HOST, "sh", "-c", "systemctl daemon-reload && systemctl start nova-compute")

    def run(*arguments: str, **variables: t.Any) -> Ran:
        done = warm.playbook(
            (
                "-i", str(folder / "hosts.yml"), "openstack_ops.day2.send_notifications", "--limit", "nova_computes",
                "-e", json.dumps(variables), *arguments,
            ),
            environment(),
        )  # fmt: skip
        said = " ".join((done.stdout + done.stderr).split())
        counted = re.search(r"changed=(\d+)", said)
        return Ran(done.returncode, int(counted[1]) if counted else -1, said)

    yield run
    computes.inside(
        HOST, "sh", "-c", "systemctl stop nova-compute; rm -rf /etc/nova /etc/systemd/system/nova-compute.service"
    )


def test_nova_sends_after_a_run_and_is_restarted_once(
    send: t.Callable[..., Ran], computes: Computes, tmp_path: Path
) -> None:
    def process() -> str:
        return computes.inside(HOST, "systemctl", "show", "--property=MainPID", "nova-compute")

    before = process()
    predicted = send("--check", "--diff")
    assert predicted.code == 0, predicted.said
    assert "+driver = messagingv2" in predicted.said
    assert (computes.inside(HOST, "cat", FILE), process()) == ("", before)

    done = send()
    assert done.code == 0, done.said
    after = process()
    assert after != before
    again = send()
    assert (again.code, again.changed, process()) == (0, 0, after)

    snippets = tmp_path / "nova.conf.d"
    snippets.mkdir()
    (snippets / "ours.conf").write_text(computes.inside(HOST, "cat", FILE))
    (tmp_path / "nova.conf").write_text(computes.inside(HOST, "cat", "/etc/nova/nova.conf"))
    command = [str(CACHE / "cloud" / "venv" / "bin" / "python"), "-c", READ, str(tmp_path / "nova.conf"), str(snippets)]
    read = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert read == [
        {"driver": ["messagingv2"], "topics": ["openstack_ops_day2"]},
        {
            "notification_format": "both",
            "versioned_notifications_topics": ["openstack_ops_day2"],
            "notify_on_state_change": "vm_state",
        },
    ]

    # What an earlier run set and nobody wants any more goes.
    left = send(nova_notifications_on_state_change="unset")
    assert left.code == 0, left.said
    assert "notify_on_state_change" not in computes.inside(HOST, "cat", FILE)


def test_a_topic_that_others_read_is_not_silenced_and_absent_takes_it_back(
    send: t.Callable[..., Ran], computes: Computes
) -> None:
    topics = "[oslo_messaging_notifications]\\ntopics = notifications, metering\\n"
    computes.inside(HOST, "sh", "-c", f"printf '{topics}' >>/etc/nova/nova.conf")
    refused = send()
    assert refused.code != 0
    silenced = "/etc/nova/nova.conf has notifications, metering in topics of section oslo_messaging_notifications, which somebody may need"
    assert silenced in refused.said, refused.said
    overruled = send(nova_notifications_topics=["notifications", "metering", "openstack_ops_day2"])
    assert overruled.code != 0
    assert "/etc/nova/nova.conf also sets topics in section oslo_messaging_notifications, but not to" in overruled.said
    assert send(nova_notifications_state="absent").changed == 1
    assert computes.inside(HOST, "cat", FILE) == ""


def test_where_nobody_would_read_it_nothing_is_written(send: t.Callable[..., Ran], computes: Computes) -> None:
    """As on a host of kolla-ansible, whose nova-compute and its configuration are elsewhere."""
    unit = "/etc/systemd/system/nova-compute.service"
    computes.inside(HOST, "sh", "-c", f"mv {unit} /root/; systemctl stop nova-compute; systemctl daemon-reload")
    refused = send()
    assert refused.code != 0
    assert "cmp01: This host has no service 'nova-compute';" in refused.said, refused.said
    computes.inside(HOST, "rm", "-r", "/etc/nova")
    refused = send()
    assert refused.code != 0
    assert "cmp01: There is no /etc/nova/nova.conf on this host;" in refused.said, refused.said
    assert computes.inside(HOST, "sh", "-c", "ls -d /etc/nova 2>/dev/null; true") == ""
