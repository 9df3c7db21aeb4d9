# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's Ceph cluster with its computes, and the modules on them, each in a process as Ansible would start it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

import ansible

from tests.places import ROOT
from tests.waiting import until

#: What the distribution's Python runs: the bindings of librados and libvirt are made for that one.
_START = """
import json, runpy, sys
sys.path[:0] = sys.argv[3].split(":")
import ansible.module_utils.basic as basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.load(sys.stdin)}).encode()
basic._ANSIBLE_PROFILE = "legacy"
if sys.argv[2] == "without-rados":
    sys.modules["rados"] = None
runpy.run_module("ansible_collections.openstack_ops.day2.plugins.modules." + sys.argv[1], run_name="__main__")
"""


_ASK = """
import json, rados, sys
cluster = rados.Rados(conffile=sys.argv[1], name="client.admin", conf={"rados_mon_op_timeout": "300"})
cluster.connect()
answers = []
for command in json.load(sys.stdin):
    rc, out, err = cluster.mon_command(json.dumps({"format": "json", **command}), b"")
    assert rc == 0, (command, err)
    answers.append(json.loads(out) if out.strip() else None)
cluster.shutdown()
print(json.dumps(answers))
"""
_POOLS = {"prefix": "osd pool ls", "detail": "detail"}


@dataclass(frozen=True)
class Ceph:
    """A cluster of tests/lab/ceph with its computes."""

    folder: Path
    packages: Path
    address: str = "127.0.77.2"

    def lab(self, *words: str, timeout: float = 600, check: bool = True) -> str:
        done = subprocess.run(
            [str(ROOT / "tests/lab/ceph"), *words],
            env={**os.environ, "DAY2_CEPH": str(self.folder), "DAY2_CEPH_ADDRESS": self.address},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout

    @property
    def conf(self) -> str:
        return str(self.folder / "ceph.conf")

    def ask(self, *commands: str | dict[str, t.Any]) -> t.Any:
        """The monitors' answers, by librados itself and not by our use of it. All in one process: `ceph` takes its time to start."""
        asked = [{"prefix": one} if isinstance(one, str) else one for one in commands]
        done = subprocess.run(
            ["/usr/bin/python3", "-c", _ASK, self.conf],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=600,
            check=True,
        )
        answers = json.loads(done.stdout)
        return answers if len(answers) > 1 else answers[0]

    def pools(self) -> dict[str, dict[str, t.Any]]:
        return {row["pool_name"]: row for row in self.ask(_POOLS)}

    def clients(self) -> dict[str, dict[str, t.Any]]:
        return {row["entity"]: row for row in self.ask("auth ls")["auth_dump"]}

    def module(
        self, name: str, arguments: dict[str, t.Any], *, on: str = "", check: bool = False, rados: bool = True
    ) -> t.Any:
        """Run a module here, or on a compute; its result has failed: true where it failed."""
        given = {**arguments, "_ansible_check_mode": check, "_ansible_diff": True}
        where = [str(ROOT / "tests/lab/ceph"), "on", on] if on else []
        done = subprocess.run(
            [*where, "/usr/bin/python3", "-c", _START, name, "" if rados else "without-rados", str(self.packages)],
            env={**os.environ, "DAY2_CEPH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"},
            input=json.dumps(given), capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        try:
            return json.loads(done.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise AssertionError(done.stdout[-2000:] + done.stderr[-3000:]) from None

    def objects(self, *, check: bool = False, rados: bool = True, **arguments: t.Any) -> t.Any:
        return self.module("ceph_objects", {"conf": self.conf, **arguments}, check=check, rados=rados)

    def key(self, client: str) -> str:
        return str(self.clients()[client]["key"])

    def state(self) -> str:
        """All that a run could have changed in the cluster; not what the manager does by itself meanwhile."""
        auth, keys, config, pools = self.ask("auth ls", "config-key ls", "config dump", _POOLS)
        for pool in pools:
            for name in [name for name in pool if name.startswith("last_") or name.endswith("_pending")]:
                del pool[name]
            if pool["pg_autoscale_mode"] == "on":
                pool.update(pg_num_target=0, pg_placement_num_target=0)
            pool.update(pg_num=0, pg_placement_num=0)  # on their way to their targets
            flags = set(pool["flags_names"].split(",")) - {"creating"}
            pool.update(flags=0, flags_names=sorted(flags))
        keys = [name for name in keys if not name.startswith("mgr/")]
        return json.dumps([auth, keys, config, pools], sort_keys=True)

    def give_conf(self, node: str) -> None:
        """The configuration that clients on a compute find; without the administrator's settings."""
        lines = [line for line in Path(self.conf).read_text().splitlines() if line.startswith(("fsid", "mon host"))]
        (self.folder / "nodes" / node / "ceph" / "ceph.conf").write_text("\n".join(["[global]", *lines, ""]))

    @contextlib.contextmanager
    def connected(self, client: str) -> t.Iterator[None]:
        """Somebody is connected with a client's key, until the block ends."""
        script = (
            'import rados, sys; c = rados.Rados(conffile=sys.argv[1], name=sys.argv[2], conf={"key": input()}); '
            'c.connect(); print("in", flush=True); input()'
        )
        done = subprocess.Popen(
            ["/usr/bin/python3", "-c", script, self.conf, client],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert done.stdin
        assert done.stdout
        try:
            done.stdin.write(self.key(client) + "\n")
            done.stdin.flush()
            assert done.stdout.readline() == "in\n"
            yield
        finally:
            done.kill()
            done.wait()

    def rbd(self, *words: str) -> str:
        """Ceph's own `rbd`, as the administrator."""
        done = subprocess.run(
            ["rbd", "--conf", self.conf, *words], capture_output=True, text=True, timeout=600, check=True
        )
        return done.stdout

    def rados_object(self, pool: str, name: str, text: str = "") -> str:
        """An object's text, as the administrator; with text, after it has been written."""
        way = ["timeout", "300", "rados", "--conf", self.conf, "--pool", pool]
        if text:
            subprocess.run([*way, "put", name, "-"], input=text, text=True, check=True)
        return subprocess.run([*way, "get", name, "-"], capture_output=True, text=True, check=True).stdout

    def until_counted(self, objects: t.Mapping[str, int]) -> None:
        """Wait until the monitors know how many objects there are in these pools."""

        def counted() -> dict[str, t.Any]:
            return {row["name"]: row["stats"].get("objects") for row in self.ask("df")["pools"]}

        until(
            f"the monitors have counted {objects}", lambda: objects.items() <= counted().items(), seen=counted, every=1
        )

    def secrets(self, node: str) -> str:
        return self.lab("on", node, "virsh", "--connect", "qemu:///system", "--quiet", "secret-list")


def packages_for(folder: Path) -> Path:
    """Ansible's module_utils and the collection, where the distribution's Python finds them; nothing else of .venv."""
    (folder / "ansible_collections" / "openstack_ops").mkdir(parents=True)
    (folder / "ansible_collections" / "openstack_ops" / "day2").symlink_to(ROOT)
    (folder / "ansible").mkdir()
    (folder / "ansible" / "__init__.py").touch()
    (folder / "ansible" / "module_utils").symlink_to(Path(ansible.__file__).parent / "module_utils")
    return folder
