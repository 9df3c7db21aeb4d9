# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a cloud: the guide from top to bottom, on hosts of which each has a view of its own of this machine's files."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from tests.integration.page import Page
from tests.places import ROOT

DAY = 86400
#: A host's Python, in a namespace where the host's folders take the place of the machine's. Ansible calls it by its path.
PYTHON = """#!/bin/bash
exec unshare --mount --net --propagation private /bin/bash -euc '
for name in etc var/lib var/spool; do mount --bind "{host}/$name" "/$name"; done
exec {python} "$@"' python "$@"
"""
PLAYBOOK = "openstack_ops.day2.report"


class Cloud:
    """An inventory of hosts that are folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._computes: dict[str, t.Any] = {}
        self._databases: dict[str, t.Any] = {}

    def host(self, name: str, files: t.Mapping[str, object] | None = None, *, database: bool = False) -> None:
        """A host; files are JSON by their path without its end."""
        there = self.folder / "hosts" / name
        for part in ("var/lib", "var/spool"):
            (there / part).mkdir(parents=True)
        # Its users and its resolver are this machine's.
        shutil.copytree("/etc", there / "etc", symlinks=True)
        for path, value in (files or {}).items():
            place = there / f"{path}.json"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(value))
        python = self.folder / f"{name}-python"
        python.write_text(PYTHON.format(host=there, python=sys.executable))
        python.chmod(0o755)
        variables = {"ansible_connection": "local", "ansible_python_interpreter": str(python)}
        (self._databases if database else self._computes)[name] = variables

    def unreachable(self, name: str) -> None:
        """Nobody listens on port 1."""
        self._computes[name] = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}

    def run(self, command: str, **options: str) -> subprocess.CompletedProcess[str]:
        for name, group, hosts in (
            ("nova_computes.yml", "nova_computes", self._computes),
            ("hosts.yml", "mysql", self._databases),
        ):
            (self.folder / name).write_text(json.dumps({group: {"hosts": hosts}}))
        assert PLAYBOOK in command
        words = shlex.split(command.replace(PLAYBOOK, str(ROOT / "playbooks/report.yml")))
        words += [word for name, value in options.items() for word in ("-e", f"{name}={value}")]
        environment = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv/collections"), "ANSIBLE_NOCOLOR": "1"}
        return subprocess.run(
            [str(Path(sys.executable).parent / words[0]), *words[1:]],
            cwd=self.folder,
            env={**os.environ, **environment, "ANSIBLE_BECOME_ASK_PASS": "false"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    @property
    def report(self) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads((self.folder / "report.json").read_text()))

    def rows(self, name: str) -> list[tuple[str, str, str]]:
        section = next(one for one in self.report["sections"] if one["name"] == name)
        return [(row["state"], row["subject"], row["text"]) for row in section["rows"]]

    def state(self, name: str) -> str:
        return next(str(one["state"]) for one in self.report["sections"] if one["name"] == name)


def logs(days: int) -> dict[str, t.Any]:
    looked = {
        "time": int(time.time()),
        "told": [],
        "active": 1.0,
        "certificate_seconds_left": days * DAY,
        "ca_seconds_left": 900 * DAY,
    }
    return {
        "etc/central-logs/node": {"part": "node", "spool": "/var/spool/central-logs/node"},
        "var/spool/central-logs/node/status": looked,
    }  # fmt: skip


def backups(hours: int) -> dict[str, t.Any]:
    then = int(time.time()) - hours * 3600
    return {
        "etc/mysql-backup/settings": {"name": "db", "state": "/var/lib/mysql-backup", "copy_to": ""},
        "var/lib/mysql-backup/status": {
            "run": {"state": "good", "started": then - 60, "ended": then, "message": "Made it.", "warned": 0},
            "good": {"backup": "mysql-db-x", "ended": then, "size": 1, "number": 7},
            "verified": {"backup": "mysql-db-x", "ended": then, "good": True, "message": ""},
        },
    }


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path)


def test_the_guide_from_top_to_bottom(cloud: Cloud) -> None:
    ask, with_evidence, from_cron = Page("report").steps
    cloud.host("cmp01", logs(300))
    cloud.host("db1", backups(1), database=True)
    looked = cloud.run(ask.command)
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert "changed=0 " in looked.stdout
    states = {one["name"]: one["state"] for one in cloud.report["sections"]}
    assert {name: states[name] for name in ("hosts", "backups", "certificates")} == dict.fromkeys(
        ("hosts", "backups", "certificates"), "ok"
    ), looked.stdout
    # Nobody has limits, a folder of instances, an audit or a proof there: that is told, and isn't fine.
    assert {states[name] for name in ("limits", "restorer", "volumes", "audit", "capacity", "ceph")} == {"unknown"}
    assert cloud.report["verdict"] in looked.stdout
    assert cloud.report["verdict"].startswith("Unknown: ")
    page = (cloud.folder / "report.html").read_text()
    assert json.loads(page.split('id="report">')[1].split("</script>")[0]) == cloud.report

    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    (cloud.folder / "ceph.json").write_text(
        json.dumps({"taken": now, "hosts": ["cmp01"], "wrong": ["cmp01"], "problems": ["cmp01: No key."]})
    )
    (cloud.folder / "audit.json").write_text("{}")
    looked = cloud.run(with_evidence.command, report_json="report.json", report_fail_on="critical")
    assert looked.returncode != 0
    assert "Critical: Ceph's proof; " in looked.stdout
    assert cloud.rows("ceph") == [("critical", "cmp01", "No key.")]
    assert "audit.json isn't a report of audit_computes" in looked.stdout

    # Somebody's own variable may begin like ours.
    assert cloud.run(from_cron.command, report_mail_address="x@example.com").returncode == 0


def test_hosts_in_trouble_come_first_and_silent_ones_are_named(cloud: Cloud) -> None:
    ask = Page("report").steps[0]
    cloud.host("cmp01", logs(300))
    cloud.host("cmp02", {**logs(3), "var/lib/openstack_ops.day2/lvm_resize/vg0+instances": {}})
    cloud.host("cmp03", {"etc/central-logs/node": ["not", "an", "object"]})
    cloud.unreachable("cmp04")
    cloud.host("db1", backups(50), database=True)
    cloud.host("db2", database=True)
    looked = cloud.run(ask.command)
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert cloud.report["silent"] == ["cmp04"]
    assert cloud.report["verdict"].startswith("Critical: Hosts, MariaDB backups, ")
    assert cloud.report["verdict"].endswith("cmp04 didn't answer.")
    ((state, host, _why),) = cloud.rows("hosts")
    assert (state, host) == ("critical", "cmp04")
    assert cloud.rows("backups") == [
        ("critical", "db1", "the last good backup is 2 days old. Made it."),
        ("warning", "db2", "has no backups of mysql_backup; run backup_mysql with backup_mysql_setup"),
    ]
    certificates = cloud.rows("certificates")
    assert certificates[0][:2] == ("critical", "cmp02")
    assert certificates[0][2].startswith("its certificate expires in ")
    assert (
        "unknown",
        "cmp03",
        "can't be read: /etc/central-logs/node.json doesn't hold a JSON object; run the playbook again that wrote it.",
    ) in certificates
    assert ("unknown", "1 host", "didn't answer, so nothing is known of this part there") in certificates
    assert cloud.rows("volumes")[0] == (
        "critical",
        "cmp02",
        "a resize of vg0/instances didn't end; run the same playbook again",
    )


def test_a_misspelt_variable_and_a_state_that_is_none_are_refused(cloud: Cloud) -> None:
    ask = Page("report").steps[0]
    cloud.host("cmp01")
    cloud.host("db1", database=True)
    refused = cloud.run(ask.command, report_htm="x.html")
    assert refused.returncode != 0
    assert "did you mean report_html?" in refused.stdout + refused.stderr
    refused = cloud.run(ask.command, report_fail_on="error")
    assert refused.returncode != 0
    assert "write never, critical, warning or unknown." in refused.stdout
    assert not (cloud.folder / "report.html").exists()
