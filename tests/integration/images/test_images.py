# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of execution-environment.yml and decision-environment.yml, as guide_awx and guide_events have them built and used: their
commands are copied from there. For the lab's cloud (`tests/lab/cloud up`, `tests/lab/cloud seed`).

What is another than in production is in _PODMAN: Debian 12 comes from the lab's own image (`tests/lab/image`), made from Debian's packages,
where the definitions name the one of a registry; and the containers have this machine's network.
"""

from __future__ import annotations

import json
import subprocess
import typing as t
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.events.lab import ON_THE_PAGE, rulebook_variables, until
from tests.integration.page import Newcomer, Page, Step
from tests.places import CACHE, CLOUDS_YAML, ROOT
from tests.unit.collection.tree import copy_to

_PODMAN = """\
here=$0.d
case $1 in
  build)
    # Who answers for PyPI outside does so inside: a company's proxy, for one.
    shift
    set -- build --network=host --pull=never --build-arg=EE_BASE_IMAGE=localhost/day2-base \\
      --volume="$(readlink -f /etc/ssl/certs/ca-certificates.crt):/mnt/ca.crt:ro" --volume="$here/pip.conf:/etc/pip.conf:ro" "$@" ;;
  run)
    case $* in *--network*) ;; *) shift; set -- run --network=host "$@" ;; esac ;;
esac
exec /usr/bin/podman "$@"
"""


@pytest.fixture
def operator(package: Path, tmp_path: Path) -> Newcomer:
    """With a clone in day2, and at home what the containers are to see."""
    certificates = "/etc/ssl/certs/ca-certificates.crt=ca-certificates"
    for command in ((str(ROOT / "tests/lab/image"), "base"), (str(ROOT / "tools/need"), certificates)):
        subprocess.run(command, check=True, timeout=600)
    lab = {"DAY2_CACHE": str(CACHE), "CONTAINERS_CONF": str(CACHE / "containers.conf")}
    there = Newcomer.with_ansible(tmp_path, package, **lab, OS_CLOUD="mini", no_proxy="*")
    # ansible-navigator hands these into the container, where there are other folders.
    there.environment = {key: value for key, value in there.environment.items() if not key.startswith("ANSIBLE_")}
    there.program("podman", _PODMAN)
    there.write("bin/podman.d/pip.conf", "[global]\ncert = /mnt/ca.crt\n")
    there.write("clouds.yaml", CLOUDS_YAML.read_text())
    there.write("inventory/hosts.yml", (ROOT / "tests/awx/hosts.yml").read_text())
    copy_to(there.home / "day2")
    (there.home / "day2/.venv").symlink_to(ROOT / ".venv")
    # ansible-navigator looks for this folder of a kernel with message queues, which not every container has, and podman mounts one anyway.
    Path("/dev/mqueue").mkdir(exist_ok=True)
    return there


@contextmanager
def only_the_newest(operator: Newcomer, image: str) -> t.Iterator[None]:
    """Whoever runs the tests again and again doesn't collect images; layers are used again."""
    before = _id(operator, image)
    yield
    if before not in ("", _id(operator, image)):
        operator.run("podman", "rmi", before)


def _id(operator: Newcomer, image: str) -> str:
    return operator.run("podman", "images", "--quiet", "--no-trunc", image).strip().removeprefix("sha256:")


def test_the_execution_environment(operator: Newcomer) -> None:
    page = Page("awx", {"-i nova_computes.yml": "-i inventory/hosts.yml"})
    *build, push, install, run = page.steps_from("pip install ansible-builder")[:6]
    image = push.command.split()[-1]  # to a registry, which isn't here
    with only_the_newest(operator, image):
        operator.walk([build[0], Step("$", "cd day2"), *build[1:]])
    said = operator.walk([install, run])
    assert "/usr/share/ansible/collections/ansible_collections/openstack_ops/day2/" in said
    assert "failed=0" in said.split("PLAY RECAP")[1]

    operator.write("nova_computes.yml", {"plugin": "openstack_ops.day2.nova_computes"})
    words = run.command.split()
    options = words[words.index("--mode") :]
    found = json.loads(operator.run("ansible-navigator", "inventory", "-i", "nova_computes.yml", "--list", *options))
    assert set(found["nova_computes"]["hosts"]) >= {"cmp01", "cmp02", "cmp03"}
    assert found["_meta"]["hostvars"]["cmp01"]["instance_ports"]


def test_the_decision_environment(operator: Newcomer) -> None:
    """The rulebook connects to the broker, and looks at everything, as after each connect."""
    page = Page("events", {**ON_THE_PAGE, "notifications_user: events": "notifications_user: os"})
    operator.write("events.yml", rulebook_variables(page))
    operator.write("rabbitmq-password", "secret")
    *build, run = page.steps_from("tools/release build")
    image = build[-1].command.split()[-1]
    with only_the_newest(operator, image):
        operator.walk([Step("$", "pip install ansible-builder"), Step("$", "cd day2"), *build])
    try:
        with operator.at([run]) as said:
            until("a run is through", lambda: "PLAY RECAP" in said())
    finally:
        operator.run("sh", "-c", f"podman rm --force --time=0 $(podman ps --quiet --filter ancestor={image})")
