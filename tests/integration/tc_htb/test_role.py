# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role, run by Ansible in the test's namespaces: it stops before it takes away more than is usual."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply
from tests.integration.tc_htb.namespace import PORT, Plug, kernel_text, shell
from tests.places import ROOT

IDS = [f"{number:08x}" + PORT[8:] for number in range(12)]
RULES = [{"name": "all", "limit": {"egress": {"rate": "20mbit"}, "ingress": {"rate": "20mbit"}}}]
#: Matches nobody: a project that was deleted, or an id with a typing error.
NOBODY = [{**RULES[0], "match": {"project": "0" * 32}}]
YES = {"instance_qos_remove_at_most": "100%"}


def instance_port(port_id: str) -> dict[str, t.Any]:
    return {
        "port_id": port_id,
        "plug": "ovs_hybrid",
        "unsupported_reason": None,
        "project_id": "3e2957cc29844e4aaabb952cef82afcf",
        "network_id": PORT,
        "own_network": True,
        "claims": None,
        "fixed_ips": [],
        "other_subnets": [],
        "floating_ips": [],
        "qos_policy": None,
        "instance": {"id": PORT, "flavor": {"name": "m1.tiny", "extra_specs": {}}},
    }


class Role:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        # Two computes with six ports each: neither alone has more than is few. They share one kernel, so nothing is purged.
        hosts = {
            f"cmp0{at + 1}": {**local, "instance_ports": [instance_port(one) for one in IDS[at * 6 : at * 6 + 6]]}
            for at in (0, 1)
        }
        (folder / "hosts.json").write_text(json.dumps({"nova_computes": {"hosts": hosts}}))

    def host(self, name: str, **variables: t.Any) -> None:
        """Give a host variables of its own."""
        path = self._folder / "host_vars" / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(variables))

    def run(
        self, rules: object, *arguments: str, play: str = "limit_instances", **options: t.Any
    ) -> subprocess.CompletedProcess[str]:
        given = {"instance_qos_rules": rules, "instance_qos_leaf": "pfifo", "instance_qos_purge": False, **options}
        playbook = str(ROOT / "playbooks" / f"{play}.yml")
        return subprocess.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "hosts.json", playbook, "-e", json.dumps(given), *arguments],
            cwd=self._folder,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv/collections"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_BECOME_ASK_PASS": "false"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )  # fmt: skip


@pytest.fixture
def role(tmp_path: Path) -> Role:
    return Role(tmp_path)


def limited() -> int:
    return sum(bool(port.egress and port.ingress) for port in apply.survey(IDS)[0])


def test_a_run_stops_before_it_takes_away_more_than_is_usual(plug: Plug, systemd: None, role: Role) -> None:
    for port_id in IDS:
        plug.hybrid(port_id)
    first = role.run(RULES)
    assert first.returncode == 0, first.stdout
    assert limited() == len(IDS)
    before = kernel_text(), shell("cat /var/lib/openstack_ops.day2/tc_htb/limits.jsonl")

    for arguments, word in (((), "Nothing was changed."), (("--check",), "Check mode: a run would be refused.")):
        refused = role.run(NOBODY, *arguments)
        said = " ".join(refused.stdout.replace('"', " ").split())
        assert refused.returncode != 0
        assert (
            f"{word} Of the 12 ports with a limit, this run would remove that of 12 and raise that of 0; 10 in all are expected at most."
            in said
        )
        assert "12: not limited: no rule matches (cmp01 00000000-" in said
        assert "-e instance_qos_remove_at_most=100%" in said
        assert (kernel_text(), shell("cat /var/lib/openstack_ops.day2/tc_htb/limits.jsonl")) == before

    assert role.run(NOBODY, **YES).returncode == 0
    assert limited() == 0


def test_a_compute_whose_limits_may_all_go_lets_those_of_others_not_go(plug: Plug, systemd: None, role: Role) -> None:
    for port_id in IDS:
        plug.hybrid(port_id)
    assert role.run(RULES).returncode == 0

    # The first of the hosts, which Ansible takes for all where something is done once.
    role.host("cmp01", instance_qos_state="absent")
    for arguments in ((), ("--check",)):
        refused = role.run(NOBODY, *arguments, instance_qos_remove_at_most=5)
        assert refused.returncode != 0, refused.stdout
        assert "Of the 6 ports with a limit" in " ".join(refused.stdout.split())
        assert limited() == len(IDS)


def test_check_mode_fails_where_a_run_fails(plug: Plug, systemd: None, role: Role) -> None:
    for port_id in IDS[1:]:
        plug.hybrid(port_id)
    foretold, done = (role.run(RULES, *words, instance_qos_strict=True) for words in (("--check",), ()))
    assert limited() == len(IDS) - 1
    told = [" ".join(one.stdout.split()) for one in (foretold, done)]
    for one in told:
        assert f"Port {IDS[0]}: qvb" in one, one
        assert one.count("fatal: [cmp01]") == 1, one
        assert "fatal: [cmp02]" not in one, one


def test_a_preview_tells_what_a_run_then_does(plug: Plug, systemd: None, role: Role, tmp_path: Path) -> None:
    for port_id in IDS:
        plug.hybrid(port_id)
    assert role.run(RULES).returncode == 0
    before = kernel_text(), shell("cat /var/lib/openstack_ops.day2/tc_htb/limits.jsonl")

    report, page = tmp_path / "preview.json", tmp_path / "preview.html"
    halves = [
        {"name": "typo", "match": {"flavor": "m1.tinny"}, "limit": {"rate": "1 Gbit/s"}},
        {"name": "one", "match": {"port": IDS[0]}, "limit": "none"},
        {"name": "two", "match": {"port": IDS[1:3]}, "limit": {"rate": "40 Mbit/s"}},
        {"name": "rest", "limit": {"rate": "10 Mbit/s"}},
        {"name": "late", "match": {"flavor": "m1.tiny"}, "limit": "none"},
    ]
    looked = role.run(
        halves, play="preview_limits", preview_limits_report="preview.json", preview_limits_html="preview.html"
    )
    assert looked.returncode == 0, looked.stdout
    assert "changed=0 " in looked.stdout
    assert (kernel_text(), shell("cat /var/lib/openstack_ops.day2/tc_htb/limits.jsonl")) == before
    told = json.loads(report.read_text())
    drawn = json.loads(page.read_text().split('id="preview">')[1].split("</script>")[0])
    assert drawn == {part: told[part] for part in drawn}
    assert page.stat().st_mode & 0o777 == 0o600
    assert [row["ports"] for row in told["rules"]] == [0, 1, 2, 9, 0]
    assert "did you mean m1.tiny?" in told["rules"][0]["remark"]
    assert "never reached" in told["rules"][4]["remark"]
    wanted = {"hosts": 2, "ports": 12, "limited": 11, "removed": 1, "loosened": 2, "changed": 9, "created": 0}
    assert told["totals"].items() >= wanted.items()
    assert told["text"][0] == "12 ports on 2 computes: 11 get a limit, 1 have none."

    assert role.run(halves, **YES).returncode == 0
    looked = role.run(halves, play="preview_limits", preview_limits_report=str(report))
    assert json.loads(report.read_text())["totals"].items() >= {"unchanged": 12, "changed": 0, "loosened": 0}.items()


def test_a_compute_that_is_in_sync_is_called_once(plug: Plug, systemd: None, role: Role) -> None:
    for port_id in IDS:
        plug.hybrid(port_id)
    assert role.run(RULES).returncode == 0

    again = role.run(RULES)
    assert again.returncode == 0, again.stdout
    assert "changed=0 " in again.stdout
    assert "tasks/tc.yml for" not in again.stdout

    shell(f"tc qdisc del dev tap{IDS[7][:11]} root")
    mended = role.run(RULES)
    assert mended.returncode == 0, mended.stdout
    assert re.findall(r"tasks/tc.yml for (.*)", mended.stdout) == ["cmp02"]
    assert limited() == len(IDS)


def test_a_compute_that_lacks_a_program_keeps_all_from_being_changed(
    plug: Plug, systemd: None, role: Role, tmp_path: Path
) -> None:
    for port_id in IDS:
        plug.hybrid(port_id)
    # Of this compute's modules alone, nothing finds tc.
    tc = shell("realpath $(command -v tc)").strip()
    hidden = f"mount --bind /dev/null {tc} && exec {sys.executable}"
    python = tmp_path / "python"
    python.write_text(f"""#!/bin/sh\nexec unshare --mount sh -c '{hidden} "$@"' sh "$@"\n""")
    python.chmod(0o755)
    role.host("cmp02", ansible_python_interpreter=str(python))

    for arguments in ((), ("--check",)):
        ended = role.run(RULES, *arguments)
        said = " ".join(ended.stdout.replace('"', " ").split())
        assert ended.returncode != 0
        assert said.count("fatal: [") == 1, said
        assert "cmp02: tc isn't installed on this host; install iproute2." in said
        assert "Nothing was changed on any host." in said
        assert "created" not in said.partition("[Show what was done]")[2]
        assert limited() == 0

    role.host("cmp02")
    assert role.run(RULES).returncode == 0
    assert limited() == len(IDS)
