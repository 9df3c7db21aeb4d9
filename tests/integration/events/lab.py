# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes that Ansible reaches as fast as over a warm ssh connection, and ansible-rulebook as a process to be ended in any way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import typing as t
import uuid
from contextlib import contextmanager
from pathlib import Path

from openstack.connection import Connection

from tests.integration.page import Page
from tests.places import CACHE, CLOUDS_YAML, ROOT

BIN = Path(sys.executable).parent
PREFIX = "events-"
PATIENCE = 120.0
# What an operator would set, for the lab.
RULES = [
    {"name": "gold flavor", "match": {"flavor": "gold"}, "limit": "flavor"},
    {
        "name": "reachable from outside",
        "match": {"floating_ip": "203.0.113.0/24"},
        "limit": {"egress": {"rate": "10mbit"}, "ingress": {"rate": "15mbit"}},
    },
    {"name": "everybody", "limit": {"egress": {"rate": "20mbit"}, "ingress": {"rate": "20mbit"}}},
]

# What is the reader's own on guide_events, as it is here.
ON_THE_PAGE = {
    "[rabbit1.example.com, rabbit2.example.com, rabbit3.example.com]": "[127.0.77.1]",
    "notifications_tls: true": "notifications_tls: false",
    "/etc/openstack_ops.day2/rabbitmq-password": "rabbitmq-password",
    "/var/lib/openstack_ops.day2/events": "./events",
    # Whoever is asked says yes; here it has been installed, perhaps in another version.
    "apt install": "apt install --yes --no-upgrade",
}


def rulebook_variables(page: Page) -> str:
    """The file events.yml of that page for a cloud that sends notifications already."""
    (already,) = (body for _kind, body in page.blocks if body.startswith("notifications_topics"))
    return page.files["events.yml"] + already


def until(
    what: str, holds: t.Callable[[], object], patience: float = PATIENCE, told: t.Callable[[], str] = str
) -> float:
    """Waits for a state; the second at which it held."""
    end = time.monotonic() + patience
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"After {patience:.0f} s still not: {what}. {told()}")
        time.sleep(0.05)
    return time.time()


def environment() -> dict[str, str]:
    """For Ansible's programs. With .pyc files, as everywhere but in some containers: a run takes a second less."""
    clean = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("OS_", "ANSIBLE_", "OPENSTACK_")) and key != "PYTHONDONTWRITEBYTECODE"
    }
    return {
        **clean,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_NOCOLOR": "true",
        "JAVA_TOOL_OPTIONS": "-Xrs",
        "OS_CLOUD": "mini",
        "OS_CLIENT_CONFIG_FILE": str(CLOUDS_YAML),
    }


class Instance(t.NamedTuple):
    id: str
    port: str


@contextmanager
def new_instance(cloud: Connection, host: str) -> t.Iterator[Instance]:
    """In the network of one that has a floating IP."""
    outside = [address.port_id for address in cloud.network.ips() if address.port_id]
    network = cloud.network.get_port(outside[0]).network_id
    server = cloud.compute.create_server(
        name="followed",
        flavor_id=cloud.compute.find_flavor("m1.tiny", ignore_missing=False).id,
        image_id=cloud.image.find_image("empty", ignore_missing=False).id,
        networks=[{"uuid": network}],
        availability_zone=f"nova:{host}",
    )
    try:
        cloud.compute.wait_for_server(server, wait=120)
        (port,) = cloud.network.ports(device_id=server.id)
        yield Instance(server.id, port.id)
    finally:
        cloud.compute.delete_server(server.id, ignore_missing=True)
        cloud.compute.wait_for_delete(server, wait=120)


class Computes:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: dict[str, str] = {}

    def process(self, host: str) -> str:
        """The id of its first process."""
        return self._processes[host]

    def python(self, host: str) -> Path:
        """The program that is Python there, for Ansible."""
        return self.folder / host

    def call(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, str(ROOT / "tests" / "lab" / "computes"), *arguments],
            env={**os.environ, "DAY2_PREFIX": PREFIX, "PATH": f"{BIN}:{os.environ['PATH']}"},
            check=True,
            capture_output=True,
            text=True,
            timeout=600,
        ).stdout

    def up(self) -> None:
        self.call("up")
        for host in ("cmp01", "cmp02", "cmp03"):
            pid = (CACHE / "pids" / f"{PREFIX}{host}").read_text().strip()
            self._processes[host] = pid
            # podman exec takes 0.2 s, and podman's connection plugin calls it four times for a module.
            program = self.python(host)
            program.write_text(f'#!/bin/sh\nexec nsenter --all --target {pid} /usr/bin/python3 "$@"\n')
            program.chmod(0o755)

    def down(self) -> None:
        # podman finds a container busy while what was called inside by others than itself is ending.
        for last in (False, False, True):
            try:
                self.call("down")
                return
            except subprocess.CalledProcessError:
                if last:
                    raise
                time.sleep(1)

    def inside(self, host: str, *command: str) -> str:
        return subprocess.run(
            ["nsenter", "--all", "--target", self._processes[host], *command],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        ).stdout

    def rates(self, host: str, port_id: str) -> list[str]:
        """What the kernel of the compute holds the port to, sent and received: the two devices of a hybrid plug that carry a class."""
        found = []
        for prefix in ("qvb", "tap"):
            text = self.inside(host, "tc", "class", "show", "dev", prefix + port_id[:11])
            found += re.findall(r"class htb 1:100 .* rate (\S+) ceil", text)
        return found

    def remembers(self, host: str, port_id: str) -> bool:
        """Whether the host would limit the port when its device comes."""
        return port_id in self.inside(host, "cat", "/var/lib/openstack_ops.day2/tc_htb/limits.jsonl")

    def plug(self) -> None:
        """Makes the devices of what the cloud has now."""
        self.call("plug")

    def replug(self, port_id: str) -> None:
        self.call("replug", port_id)


class Rulebook:
    """ansible-rulebook with our rulebook, and what it says."""

    def __init__(self, folder: Path, computes: Computes, **variables: t.Any) -> None:
        self._folder = folder
        self._programs = computes.folder
        self._log = folder / "rulebook.log"
        self._process: subprocess.Popen[bytes] | None = None
        inventory = folder / "inventory"
        (inventory / "group_vars").mkdir(parents=True)
        (inventory / "nova_computes.yml").write_text(
            json.dumps({"plugin": "openstack_ops.day2.nova_computes", "strict": True})
        )
        self.rule(RULES)
        (folder / "password").write_text("secret\n")
        (folder / "events.yml").write_text(
            json.dumps(
                {
                    "notifications_brokers": ["127.0.77.1"],
                    "notifications_user": "os",
                    "notifications_password_file": str(folder / "password"),
                    "notifications_topics": ["notifications", "versioned_notifications"],
                    "notifications_consume": "own",
                    "notifications_queue": f"day2-test-{uuid.uuid4()}",
                    "notifications_window": 2,
                    "drools_db_file_path": str(folder / "engine"),
                    **variables,
                }
            )
        )

    @property
    def inventory(self) -> Path:
        return self._folder / "inventory"

    def rule(self, rules: list[dict[str, t.Any]]) -> None:
        """From the next run on."""
        variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": f"{self._programs}/{{{{ inventory_hostname }}}}",
            "instance_qos_leaf": "pfifo",
            "instance_qos_rules": rules,
        }
        (self.inventory / "group_vars" / "all.yml").write_text(json.dumps(variables))

    def start(self) -> None:
        before = self.text.count("connected, listening")
        command = f"ansible-rulebook --rulebook openstack_ops.day2.instance_qos -i {self._folder}/inventory -v"
        command += f" --vars {self._folder}/events.yml --max-concurrent-actions 1 --persistence-id test --id 1"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command.split(),
                cwd=self._folder,
                env=environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.until("it is connected", lambda: self.text.count("connected, listening") > before)

    def until(self, what: str, holds: t.Callable[[], object]) -> float:
        def alive() -> object:
            assert self._process is not None
            assert self._process.poll() is None, f"ansible-rulebook has ended:\n{self.tail()}"
            return holds()

        return until(what, alive, told=self.tail)

    @property
    def text(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    @property
    def runs(self) -> int:
        return self.text.count("PLAY RECAP")

    def tail(self) -> str:
        return "\n".join(self.text.splitlines()[-40:])

    @property
    def megabytes(self) -> float:
        assert self._process is not None
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def stop(self) -> None:
        """As a service manager does."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._process = None

    def kill(self) -> None:
        """As the kernel does when memory is short, with what it has started: nothing gets to tidy up."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(PATIENCE)
            self._process = None
