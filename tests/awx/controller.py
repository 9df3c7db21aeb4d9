# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWX as one sees it with curl, and the playbooks as an operator runs them."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import tempfile
import time
import typing as t
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

Row = dict[str, t.Any]


@dataclass(frozen=True)
class Answer:
    status: int
    body: t.Any


@dataclass(frozen=True)
class Controller:
    host: str
    authorization: str

    @classmethod
    def by_password(cls, host: str, name: str, password: str) -> Controller:
        return cls(host, "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode())

    @classmethod
    def by_token(cls, host: str, token: str) -> Controller:
        return cls(host, f"Bearer {token}")

    def ask(self, method: str, path: str, body: Row | None = None, query: t.Mapping[str, str] | None = None) -> Answer:
        url = urllib.parse.urljoin(self.host, path if path.startswith("/api/") else f"/api/v2/{path}/")
        request = urllib.request.Request(
            f"{url}?{urllib.parse.urlencode(query)}" if query else url,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": self.authorization, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                text = response.read()
                return Answer(response.status, json.loads(text) if text else None)
        except urllib.error.HTTPError as exc:
            text = exc.read()
            return Answer(exc.code, json.loads(text) if text else None)

    def rows(self, kind: str, **query: str) -> list[Row]:
        found = self.ask("GET", kind, query={"page_size": "200", **query})
        assert found.status == 200, found
        return t.cast("list[Row]", found.body["results"])

    def the(self, kind: str, **query: str) -> Row:
        (row,) = self.rows(kind, **query)
        return row

    def ended(self, job: Row, seconds: int = 300) -> Row:
        """The job when it has ended, however it did."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            now = t.cast("Row", self.ask("GET", job["url"]).body)
            if now["finished"] and now.get("event_processing_finished", True):
                return now
            time.sleep(2)
        raise AssertionError(f"{job['url']} has not ended after {seconds} s.")

    def waiting(self, workflow: Row, seconds: int = 300) -> Row:
        """The approval that a workflow has come to."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            now = t.cast("Row", self.ask("GET", workflow["url"]).body)
            found = self.rows("workflow_approvals", unified_job_node__workflow_job=str(now["id"]), status="pending")
            if found:
                return found[0]
            assert not now["finished"], f"{now['url']} ended before somebody was asked: {now['status']}"
            time.sleep(2)
        raise AssertionError(f"{workflow['url']} has asked nobody after {seconds} s.")


@dataclass(frozen=True)
class Run:
    changed: int
    said: str

    @property
    def changes(self) -> list[str]:
        """Tasks that have changed something, with the item where there was one."""
        task, found = "", []
        for line in self.said.splitlines():
            if line.startswith("TASK ["):
                task = line.split("[", 1)[1].rsplit("]", 1)[0]
            elif line.startswith("changed:"):
                item = re.search(r"\(item=(.*)\)", line)
                found.append(f"{task}: {item[1]}" if item else task)
        return found


def play(name: str, settings: Row, *options: str) -> Run:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:  # others don't see what is in it
        json.dump(settings, file)
        file.flush()
        done = subprocess.run(
            ["ansible-playbook", f"openstack_ops.day2.{name}", "--extra-vars", f"@{file.name}", *options],
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false"},
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,
            stdin=subprocess.DEVNULL,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    counted = re.search(r"changed=(\d+)", done.stdout)
    assert counted, done.stdout
    return Run(int(counted[1]), done.stdout)
