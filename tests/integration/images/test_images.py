# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of execution-environment.yml and decision-environment.yml, built with ansible-builder and podman, and used as the guides
show it: ansible-navigator and ansible-rulebook run in them, against the lab's cloud (`tests/lab/cloud up`, `tests/lab/cloud seed`).

One thing is another than in production: Debian 12 comes from the lab's own image (`tests/lab/image`), made from Debian's packages, where
the definitions name the one of a registry.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import typing as t
import uuid
from pathlib import Path

import pytest

from tests.integration import elsewhere
from tests.integration.elsewhere import ROOT, Elsewhere

CACHE = Path(
    os.environ.get("DAY2_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openstack_ops.day2"
)
# ansible-navigator hands the variables of Ansible into the container, where they would name folders of the checkout.
LAB = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "OS_"))},
    "DAY2_CACHE": str(CACHE),
    "CONTAINERS_CONF": str(CACHE / "containers.conf"),
}
CLOUDS_YAML = CACHE / "cloud" / "clouds.yaml"
HOSTS = ROOT / "tests/awx/hosts.yml"
INVENTORY = {"plugin": "openstack_ops.day2.nova_computes", "cloud": "mini"}


def run(*command: str, cwd: Path | None = None, timeout: int = 120) -> str:
    return elsewhere.run(*command, cwd=cwd, env=LAB, timeout=timeout)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> t.Callable[[str], str]:
    """Builds the image of a definition, from the package of the checkout as it is; layers of earlier builds are used again."""
    run(str(ROOT / "tests/lab/image"), "base", timeout=600)
    run(str(ROOT / "tools/need"), "/etc/ssl/certs/ca-certificates.crt=ca-certificates", timeout=300)
    package = Elsewhere(tmp_path_factory.mktemp("package")).build()

    def made(definition: str) -> str:
        image = f"localhost/day2-{definition}"
        place = tmp_path_factory.mktemp(definition)
        (place / "build").mkdir()
        shutil.copy(package, place / "build")
        shutil.copy(ROOT / f"{definition}.yml", place)
        # Who answers for PyPI outside does so inside: a company's proxy, for one.
        (place / "pip.conf").write_text("[global]\ncert = /mnt/ca.crt\n")
        mounts = {"/etc/ssl/certs/ca-certificates.crt": "/mnt/ca.crt", place / "pip.conf": "/etc/pip.conf"}
        options = ["--network=host", "--pull=never", *(f"--volume={here}:{there}:ro" for here, there in mounts.items())]
        before = run("podman", "images", "--quiet", "--no-trunc", image).strip().removeprefix("sha256:")
        run(
            "ansible-builder", "build", "--file", f"{definition}.yml", "--context", "context", "--container-runtime", "podman",
            "--tag", image, "--build-arg", "EE_BASE_IMAGE=localhost/day2-base", "--extra-build-cli-args", " ".join(options),
            cwd=place, timeout=1200,
        )  # fmt: skip
        after = run("podman", "images", "--quiet", "--no-trunc", image).strip().removeprefix("sha256:")
        if before not in ("", after):
            run("podman", "rmi", before)
        return image

    return made


@pytest.fixture(scope="module")
def navigator(build: t.Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> t.Callable[..., str]:
    """ansible-navigator as on a laptop whose network is this machine's."""
    image = build("execution-environment")
    place = tmp_path_factory.mktemp("laptop")
    shutil.copy(CLOUDS_YAML, place)
    shutil.copy(HOSTS, place)
    (place / "nova_computes.yml").write_text(json.dumps(INVENTORY))
    # It looks for this folder of a kernel with message queues, which not every container has, and podman mounts one anyway.
    Path("/dev/mqueue").mkdir(exist_ok=True)

    def navigate(*arguments: str) -> str:
        return run(
            "ansible-navigator", *arguments, "--mode", "stdout", "--execution-environment-image", image,
            "--pull-policy", "never", "--container-engine", "podman", "--container-options=--network=host",
            "--log-file", str(place / "navigator.log"),
            cwd=place,
        )  # fmt: skip

    return navigate


def test_a_playbook_runs_in_the_execution_environment(navigator: t.Callable[..., str]) -> None:
    said = navigator("run", "openstack_ops.day2.show_limits", "-i", "hosts.yml", "--playbook-artifact-enable", "false")
    assert "/usr/share/ansible/collections/ansible_collections/openstack_ops/day2/" in said
    assert "failed=0" in said.split("PLAY RECAP")[1]


def test_the_inventory_reads_a_cloud_in_it(navigator: t.Callable[..., str]) -> None:
    found = json.loads(navigator("inventory", "-i", "nova_computes.yml", "--list"))
    assert set(found["nova_computes"]["hosts"]) >= {"cmp01", "cmp02", "cmp03"}
    assert found["_meta"]["hostvars"]["cmp01"]["instance_ports"]


def test_the_rulebook_runs_in_the_decision_environment(build: t.Callable[[str], str], tmp_path: Path) -> None:
    """It connects to the broker, and looks at everything, as after each connect."""
    shutil.copy(HOSTS, tmp_path / "hosts.yml")
    variables = {
        "notifications_brokers": ["127.0.77.1"],
        "notifications_user": "os",
        "notifications_password": "secret",
        "notifications_consume": "own",
        "notifications_queue": f"day2-image-{uuid.uuid4()}",
        "notifications_window": 1,
        "drools_db_file_path": "/tmp/engine",
    }
    (tmp_path / "events.yml").write_text(json.dumps(variables))
    name = f"day2-image-{uuid.uuid4().hex[:8]}"
    command = ["podman", "run", "--rm", "--name", name, "--network=host", "--user=0", f"--volume={tmp_path}:/runner:Z"]
    command += [build("decision-environment"), "ansible-rulebook", "--rulebook", "openstack_ops.day2.instance_qos"]
    command += ["-i", "hosts.yml", "--vars", "events.yml", "--max-concurrent-actions", "1", "--verbose"]
    command += ["--persistence-id", "test", "--id", "1"]
    log = tmp_path / "rulebook.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, env=LAB, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 120
        while "PLAY RECAP" not in log.read_text() and time.monotonic() < until and process.poll() is None:
            time.sleep(0.5)
        said = log.read_text()
        assert "connected, listening" in said, said[-8000:]
        assert "PLAY RECAP" in said, said[-8000:]
    finally:
        subprocess.run(["podman", "rm", "--force", "--ignore", name], env=LAB, check=True, capture_output=True)
        process.wait(60)
