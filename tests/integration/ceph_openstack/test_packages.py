# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages from a mirror of one's own, by apt itself, in a container that reaches nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from tests.places import CACHE, ROOT

if t.TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "day2-ceph-packages"
_PODMAN = {**os.environ, "CONTAINERS_CONF": str(CACHE / "containers.conf")}
_REPOSITORY = """
set -eu
mkdir -p probe/DEBIAN pool dists/stable/main/binary-all dists/stable/main/binary-amd64 gnupg
chmod 700 gnupg
printf 'Package: day2-probe\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n' >probe/DEBIAN/control
dpkg-deb --build probe pool/day2-probe_1_all.deb >/dev/null
apt-ftparchive packages pool >dists/stable/main/binary-amd64/Packages
apt-ftparchive -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Components=main \\
  -o APT::FTPArchive::Release::Architectures=amd64 release dists/stable >Release
mv Release dists/stable/Release
gpg --homedir gnupg --batch --quiet --passphrase '' --quick-generate-key mirror@example.org rsa2048 sign never
gpg --homedir gnupg --batch --armor --export mirror@example.org >mirror.asc
gpg --homedir gnupg --batch --quiet --local-user mirror@example.org --clearsign --output dists/stable/InRelease dists/stable/Release
gpgconf --homedir gnupg --kill all
"""
_PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: openstack_ops.day2.ceph_openstack
        tasks_from: packages
"""


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    subprocess.run([str(ROOT / "tools/need"), "apt-ftparchive=apt-utils", "gpg=gnupg"], check=True, timeout=600)
    subprocess.run([str(ROOT / "tests/lab/image"), "mirror"], check=True, timeout=600)
    folder = tmp_path_factory.mktemp("mirror")
    subprocess.run(["sh", "-c", _REPOSITORY], cwd=folder, check=True, timeout=600)
    gone = ["podman", "rm", "--force", "--ignore", "--time", "0", NAME]
    subprocess.run(gone, env=_PODMAN, check=True, timeout=600, capture_output=True)
    subprocess.run(
        ["podman", "run", "--detach", "--name", NAME, "--network", "none", "--volume", f"{folder}:/mirror:ro",
         "localhost/day2-mirror", "sleep", "infinity"],
        env=_PODMAN, check=True, timeout=600, capture_output=True,
    )  # fmt: skip
    try:
        subprocess.run(
            ["podman", "exec", NAME, "sh", "-c", "rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*"],
            env=_PODMAN, check=True, timeout=600,
        )  # fmt: skip
        yield folder
    finally:
        subprocess.run(gone, env=_PODMAN, check=False, timeout=600, capture_output=True)


def install(mirror: Path, key: str) -> tuple[int, str]:
    (mirror / "play.yml").write_text(_PLAYBOOK)
    variables = {
        "ansible_connection": "containers.podman.podman",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ceph_openstack_packages": ["day2-probe"],
        "ceph_openstack_repository": {"url": "file:/mirror", "suite": "stable", "key": key},
    }
    done = subprocess.run(
        ["ansible-playbook", "-i", f"{NAME},", "-e", json.dumps(variables), str(mirror / "play.yml")],
        env={**_PODMAN, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv/collections"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_packages_come_from_a_mirror_that_is_signed_by_the_given_key(mirror: Path) -> None:
    rc, out = install(mirror, (mirror / "mirror.asc").read_text())
    assert rc == 0, out
    found = subprocess.run(
        ["podman", "exec", NAME, "dpkg-query", "--show", "day2-probe"],
        env=_PODMAN, capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    assert found.stdout.split() == ["day2-probe", "1"]
    rc, out = install(mirror, (mirror / "mirror.asc").read_text())
    assert rc == 0, out
    assert "changed=0" in out
