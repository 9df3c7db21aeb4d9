# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three releases of Keystone, each in a virtual environment of its own that stays in the cache: their code makes hashes and tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from tests.places import CACHE, ROOT

#: What passlib's bcrypt can't use is left out for the releases that have passlib.
RELEASES = {
    "train": ("keystone==16.0.2", "bcrypt<4", "setuptools<80"),
    "antelope": ("keystone==23.0.2", "bcrypt<4.1", "setuptools<80"),
    "epoxy": ("keystone==27.0.0", "pymysql", "-c", str(ROOT / "tests/lab/openstack/constraints-2025.1.txt")),
}
_HASH = """
import json, sys
from keystone.common import password_hashing
import keystone.conf
keystone.conf.configure()
conf = keystone.conf.CONF
conf([], project="keystone", default_config_files=[])
rounds = {"bcrypt": 4, "bcrypt_sha256": 10}  # cheap ones, and those of bcrypt_sha256 that 27.0.0 itself can verify
made = {}
for algorithm, password in json.load(sys.stdin).items():
    if algorithm == "sha512_crypt":  # as Keystone did before Pike, by the same library
        made[algorithm] = password_hashing._HASHER_NAME_MAP[algorithm].using(rounds=10000).hash(password)
    else:
        conf.set_override("password_hash_algorithm", algorithm, group="identity")
        conf.set_override("password_hash_rounds", rounds.get(algorithm), group="identity")
        made[algorithm] = password_hashing.hash_password(password)
    assert password_hashing.check_password(password, made[algorithm])
print(json.dumps(made))
"""


def venv(release: str) -> Path:
    """The release's environment, made where it isn't there yet."""
    folder = CACHE / f"keystone-{release}"
    if not (folder / "made").exists():
        uv = str(CACHE / "uv-venv/bin/uv")
        environment = {**os.environ, "UV_CACHE_DIR": str(CACHE / "uv"), "VIRTUAL_ENV": str(folder)}
        for command in (
            ["venv", "--clear", "--python", sys.executable, str(folder)],
            ["pip", "install", *RELEASES[release]],
        ):
            subprocess.run([uv, "-q", *command], check=True, env=environment, timeout=600)
        (folder / "made").touch()
    return folder


def hashes(release: str, passwords: t.Mapping[str, str]) -> dict[str, str]:
    """Hashes that the release's own code makes, by algorithm; it knows each again."""
    done = subprocess.run(
        [str(venv(release) / "bin/python"), "-W", "ignore", "-c", _HASH],
        input=json.dumps(passwords), capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def manage(release: str, conf: Path, *words: str, **more: str) -> None:
    """keystone-manage of the release; secrets go in by the environment."""
    done = subprocess.run(
        [str(venv(release) / "bin/keystone-manage"), "--config-file", str(conf), *words],
        env={**os.environ, **more}, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
