# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An organization of its own in AWX, with the checkout as it is now for a project."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import typing as t
import urllib.parse
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.awx.controller import Controller, Row, play
from tests.places import ROOT
from tests.unit.collection.tree import copy_to

# What needs a cloud, besides AWX.
collect_ignore = [] if "DAY2_AWX_CLOUD" in os.environ else ["test_cloud.py"]


@pytest.fixture(scope="session")
def awx() -> t.Iterator[Controller]:
    """By a token, which the playbooks use as well: with a password, each module would have one made and thrown away."""
    host, token = os.environ["CONTROLLER_HOST"], os.environ.get("CONTROLLER_OAUTH_TOKEN")
    if token:
        yield Controller.by_token(host, token)
        return
    user = Controller.by_password(host, os.environ["CONTROLLER_USERNAME"], os.environ["CONTROLLER_PASSWORD"])
    made = user.ask("POST", "tokens", {"scope": "write"})
    assert made.status == 201, made
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTROLLER_OAUTH_TOKEN", made.body["token"])
        yield Controller.by_token(host, made.body["token"])
    user.ask("DELETE", made.body["url"])


class Member(t.Protocol):
    def __call__(self, team: str, settings: Row) -> Controller: ...


@pytest.fixture
def member(awx: Controller) -> t.Iterator[Member]:
    """Somebody new in one of the teams."""
    made: list[str] = []

    def join(team: str, settings: Row) -> Controller:
        name, password = f"{team.split()[-1]}-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
        user = awx.ask("POST", "users", {"username": name, "password": password}).body
        made.append(user["url"])
        row = awx.the("teams", name=team, organization__name=settings["awx_organization"])
        assert awx.ask("POST", row["related"]["users"], {"id": user["id"]}).status == 204
        return Controller.by_password(awx.host, name, password)

    yield join
    for url in made:
        awx.ask("DELETE", url)


@dataclass
class Web:
    """A web server that AWX reaches: it has the project, and takes what is posted to it."""

    url: str
    folder: Path
    posted: list[Row] = field(default_factory=list)


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory, awx: Controller) -> t.Iterator[Web]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the parent's name for it
            pass

        def do_POST(self) -> None:
            it.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

    url = urllib.parse.urlsplit(awx.host)
    with socket.create_connection((url.hostname, url.port or (443 if url.scheme == "https" else 80))) as connection:
        address = connection.getsockname()[0]
    folder = tmp_path_factory.mktemp("www")
    server = http.server.ThreadingHTTPServer((address, 0), functools.partial(Handler, directory=str(folder)))
    it = Web(f"http://{address}:{server.server_port}", folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield it
    server.shutdown()


@pytest.fixture(scope="session")
def scm_url(tmp_path_factory: pytest.TempPathFactory, web: Web) -> str:
    if "DAY2_AWX_SCM_URL" in os.environ:
        return os.environ["DAY2_AWX_SCM_URL"]
    tree = tmp_path_factory.mktemp("tree")
    copy_to(tree)
    (tree / "inventories/awx_test").mkdir(parents=True)
    shutil.copy(ROOT / "tests/awx/hosts.yml", tree / "inventories/awx_test/hosts.yml")
    git = ["git", "-C", str(tree), "-c", "user.name=test", "-c", "user.email=test@example.com"]
    for command in (["init", "-q"], ["add", "--all"], ["commit", "-q", "-m", "As it is"]):
        subprocess.run([*git, *command], check=True)
    repository = web.folder / "day2.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(tree), str(repository)], check=True)
    subprocess.run(["git", "-C", str(repository), "update-server-info"], check=True)
    return f"{web.url}/day2.git"


def ours(scm_url: str) -> Row:
    """Settings by which nothing that is in AWX already is touched."""
    name = f"day2 test {uuid.uuid4().hex[:8]}"
    image = os.environ.get("DAY2_AWX_IMAGE")
    return {
        "awx_organization": name,
        "awx_execution_environment": name,
        "awx_scm_url": scm_url,
        **({"awx_execution_environment_image": image} if image else {}),
    }


@pytest.fixture(scope="session")
def settings(scm_url: str, web: Web) -> Row:
    return {
        **ours(scm_url),
        "awx_inventory_sources": [{"name": "Test host", "path": "inventories/awx_test/hosts.yml"}],
        # What the modules' own check mode is wrong about.
        "awx_inventory_variables": {"instance_qos_rules": [{"name": "nobody", "limit": "none"}]},
        "awx_notification": {
            "type": "webhook",
            "configuration": {
                "url": f"{web.url}/alerts",
                "http_method": "POST",
                "headers": {},
                "username": "awx",
                "password": "not-a-secret",
                "disable_ssl_verification": False,
            },
        },
        "awx_credential_inputs": {
            "openstack": {"auth_url": "https://keystone.example.com/v3", "password": "not-a-secret"}
        },
    }


@pytest.fixture(scope="session")
def imported(awx: Controller, settings: Row) -> t.Iterator[Row]:
    """The collection in AWX; gone at the end even where a test of removing it has failed."""
    try:
        play("awx_setup", settings)
        yield settings
    finally:
        play("awx_remove", settings)
