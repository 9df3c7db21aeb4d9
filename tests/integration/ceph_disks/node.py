# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with a kernel of its own and disks that have serials.

Programs that it lacks are those installed where the tests run: UML's hostfs shows the machine their files, which are laid over its own.
"""

from __future__ import annotations

import json
import subprocess
import typing as t
from dataclasses import dataclass

from tests.integration.elsewhere import Elsewhere
from tests.integration.lvm_resize.machines import Machine
from tests.places import ROOT
from tests.waiting import until_in_shell

_START = """
cat >/etc/udev/rules.d/61-lab.rules <<'END'
KERNEL=="ubd*[!0-9]", ATTR{serial}!="(null)", ATTR{serial}=="?*", SYMLINK+="disk/by-id/virtio-$attr{serial}"
END
udevadm control --reload
mkdir -p /host
mount -t hostfs none /host -o /
cat >/usr/local/sbin/with-host <<'END'
#!/bin/sh
exec unshare --mount sh -c 'mount --make-rprivate / && mount -t overlay overlay -o lowerdir=/usr:/host/usr /usr && exec "$@"' sh "$@"
END
chmod 755 /usr/local/sbin/with-host
"""


@dataclass
class Node(Machine):
    """The machine; disks are called by their last letter."""

    def boot(self) -> None:
        subprocess.run([str(ROOT / "tools/need"), "mdadm"], check=True, capture_output=True)
        self.lab("up", self.name)
        self.run(_START)

    def give(self, serials: t.Mapping[str, str], **sizes: str) -> None:
        """Give it disks by their letters, of 6 GiB if no other size is given, and wait until they are there."""
        for letter, serial in serials.items():
            image = self.folder / self.name / f"{letter}.raw"
            subprocess.run(["truncate", "-s", sizes.get(letter, "6G"), str(image)], check=True)
            self._console(f"config ubd{letter}={image},,{serial}")
        names = " ".join(f"/dev/ubd{letter}" for letter in serials)
        self.run(
            f"for name in {names}; do {until_in_shell('the disks are there', '[ -b $name ]', seen='lsblk')}; done; udevadm settle"
        )

    def inventory(self) -> dict[str, t.Any]:
        return {
            "ceph_nodes": {
                "hosts": {self.name: None},
                "vars": {
                    "ansible_user": "root",
                    "ansible_python_interpreter": "/usr/bin/python3",
                    "ansible_ssh_common_args": f"-F {self.folder}/ssh_config",
                },
            }
        }


def disks_of(operator: Elsewhere, host: str, **options: t.Any) -> dict[str, dict[str, t.Any]]:
    """What the module tells, by the disks' letters."""
    given = ("-a", json.dumps(options)) if options else ()
    said = operator.run("ansible", "-i", "hosts.yml", host, "-m", "openstack_ops.day2.ceph_disks", *given)
    found = json.loads(said[said.index("{") :])
    assert found["changed"] is False
    return {disk["device"][-1]: disk for disk in found["disks"]}
