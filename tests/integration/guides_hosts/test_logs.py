# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""guide_logs: what services on two computes log under one request's id is found with one grep on the server."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.integration.guides_hosts.containers import Containers
from tests.integration.page import Newcomer, Page
from tests.places import ROOT
from tests.waiting import until_in_shell

SERVER = "logs.example.com"
COMPUTES = {"cmp01": "192.0.2.11", "cmp02": "192.0.2.12"}
SERVICES = {"nova-compute": "nova", "neutron-openvswitch-agent": "neutron"}
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def certificates(pki: Path, *names: str) -> None:
    """The reader's own authority, and what it gives each host."""
    pki.mkdir()

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=pki, check=True, capture_output=True, timeout=600)

    openssl("req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "2")
    for name in names:
        openssl("req", *_KEY, "-keyout", f"{name}.key", "-out", "csr", "-subj", f"/CN={name}")
        (pki / "extensions").write_text(f"subjectAltName=DNS:{name}")
        openssl(
            "x509", "-req", "-in", "csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "extensions", "-out", f"{name}.pem",
        )  # fmt: skip


def connect(containers: Containers, *computes: str) -> None:
    """A network between the server and these computes, where they have the page's addresses."""
    containers.on(SERVER, "ip link add lan type bridge; ip address add 192.0.2.1/24 dev lan; ip link set lan up")
    for name in computes:
        address = COMPUTES[name]
        containers.on(name, f"echo 192.0.2.1 {SERVER} >>/etc/hosts")
        there, here = (containers.process(host) for host in (SERVER, name))
        subprocess.run(
            ["ip", "link", "add", name, "netns", there, "type", "veth", "peer", "name", "eth0", "netns", here],
            check=True,
            timeout=600,
        )
        containers.on(SERVER, f"ip link set {name} master lan up")
        containers.on(name, f"ip address add {address}/24 dev eth0; ip link set eth0 up")


def run_services(containers: Containers, name: str) -> None:
    """Which log to files, as a distribution has it."""
    program = Path(__file__).with_name("service").read_text()
    for service, project in SERVICES.items():
        containers.on(
            name,
            f"""
            install -d /etc/{project}
            printf '[DEFAULT]\\nlog_file = /var/log/{service}.log\\n' >/etc/{project}/{project}.conf
            printf '[Service]\\nExecStart=/usr/bin/python3 /usr/local/bin/{service} {project} {service}\\n' \\
              >/etc/systemd/system/{service}.service
            cat >/usr/local/bin/{service} <<'END'\n{program}END
            systemctl start {service}
            """,
        )


def arrives(containers: Containers, text: str) -> None:
    """Wait until the server has a line."""
    there = f"grep -q '{text}' -r /var/log/central"
    shown = "tail -n 5 /var/log/central/*/*; journalctl -n 20 --no-pager"
    containers.on(SERVER, until_in_shell(f"the server has {text}", there, seen=shown, every=0.2))


def log(containers: Containers, name: str, service: str, line: str) -> None:
    """And wait until the server has it."""
    ready = until_in_shell(
        f"{service} listens", f"[ -p /run/{service} ]", seen=f"systemctl status --no-pager {service}"
    )
    containers.on(name, f"{ready}; echo '{line}' >/run/{service}")
    arrives(containers, line.partition(" ")[2])


def test_one_grep_finds_a_request_on_all_computes(newcomer: Newcomer, containers: Containers) -> None:
    subprocess.run([str(ROOT / "tools/need"), "openssl"], check=True, timeout=600, capture_output=True)
    containers.start("rsyslog", SERVER, *COMPUTES)
    connect(containers, *COMPUTES)
    certificates(newcomer.home / "pki", SERVER, *COMPUTES)
    for name in COMPUTES:
        run_services(containers, name)
    page = Page("logs", {"tail -F": "tail"})  # which would wait for more
    newcomer.copy(page)
    newcomer.write("nova_computes.yml", {"nova_computes": {"hosts": dict.fromkeys(COMPUTES)}})

    newcomer.walk(page.steps_before("grep"))
    log(containers, "cmp01", "nova-compute", "req-6a1f2c No disk")
    log(containers, "cmp02", "neutron-openvswitch-agent", "req-6a1f2c No port")
    log(containers, "cmp01", "nova-compute", "req-000000 Another matter")

    grep, tail = page.steps[-2:]
    found = newcomer.walk([grep], containers.enter(SERVER)).splitlines()
    assert [(line.split()[1], line.rpartition("] ")[2]) for line in found] == [
        ("cmp01", "No disk"),
        ("cmp02", "No port"),
    ]
    assert newcomer.walk([tail], containers.enter(SERVER)).rstrip().endswith("Another matter")
