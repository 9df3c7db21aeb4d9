# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Glance's and Cinder's APIs on a compute of the lab, and guests that boot from their volumes."""

from __future__ import annotations

import json
import os
import time
import typing as t
import urllib.error
import urllib.request
from dataclasses import dataclass

from tests.integration.ceph_openstack.cluster import Ceph
from tests.waiting import PATIENCE

PROJECT = "11111111111111111111111111111111"
ADDRESS = os.environ.get("DAY2_CEPH_ADDRESS", "127.0.77.2")
GLANCE = f"http://{ADDRESS}:9292/v2"
CINDER = f"http://{ADDRESS}:8776/v3/{PROJECT}"
HELLO = "day2: booted from RBD"
#: xor ax,ax; mov ds,ax; mov si,0x7c15; 1: lodsb; test al,al; jz 2; mov dx,0x3f8; out dx,al; jmp 1; 2: hlt; jmp 2
_CODE = "31c08ed8be157cac84c07406baf803eeebf5f4ebfd"
#: All that a BIOS needs: a sector that writes to the serial line.
IMAGE = (bytes.fromhex(_CODE) + HELLO.encode() + b"\r\n\0").ljust(510, b"\0") + b"\x55\xaa" + bytes(2**20 - 512)
_GUEST = """
<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
<devices><serial type='file'><source path='/var/lib/libvirt/{name}.log'/></serial>
<disk type='network' device='disk'><driver name='qemu' type='raw'/><auth username='{user}'><secret type='ceph' uuid='{uuid}'/></auth>
<source protocol='rbd' name='{volume}'><host name='{address}' port='6789'/></source><target dev='vda' bus='virtio'/></disk>
</devices></domain>
"""


def call(method: str, url: str, body: t.Any = None) -> t.Any:
    """A request to one of the two; bytes go as they are, all else as JSON."""
    raw = isinstance(body, bytes)
    request = urllib.request.Request(
        url,
        data=body if raw else (None if body is None else json.dumps(body).encode()),
        method=method,
        headers={
            "X-Auth-Token": f"admin:{PROJECT}",
            "Content-Type": f"application/{'octet-stream' if raw else 'json'}",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
    except urllib.error.HTTPError as exc:
        raise AssertionError(f"{method} {url}: {exc.code} {exc.read()[:500]!r}") from None
    return json.loads(text) if text.strip() else None


def until(what: t.Callable[[], t.Any], seconds: float = PATIENCE) -> t.Any:
    """What it returns once that counts as true; connections that are refused meanwhile don't matter."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = what()
        except (OSError, AssertionError) as exc:
            found, last = None, str(exc)
        else:
            last = repr(found)
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds} s; at last: {last}"
        time.sleep(0.2)


def upload(name: str) -> str:
    image = call("POST", f"{GLANCE}/images", {"name": name, "disk_format": "raw", "container_format": "bare"})
    call("PUT", f"{GLANCE}/images/{image['id']}/file", IMAGE)
    assert call("GET", f"{GLANCE}/images/{image['id']}")["status"] == "active"
    return str(image["id"])


def volume_of(image: str) -> tuple[str, dict[str, t.Any]]:
    """A volume made from an image, and what Cinder tells who attaches it."""
    made = call("POST", f"{CINDER}/volumes", {"volume": {"size": 1, "imageRef": image}})["volume"]["id"]
    status = until(lambda: _settled(made))
    assert status == "available"
    asked = {"os-initialize_connection": {"connector": {"host": "n", "ip": "127.0.0.1", "initiator": "i"}}}
    told = call("POST", f"{CINDER}/volumes/{made}/action", asked)
    return made, told["connection_info"]["data"]


def _settled(volume: str) -> str:
    status = str(call("GET", f"{CINDER}/volumes/{volume}")["volume"]["status"])
    return "" if status in ("creating", "downloading") else status


@dataclass(frozen=True)
class Guest:
    """A guest of libvirt's whose only disk is a volume. It is described by what Cinder told, as Nova would."""

    ceph: Ceph
    node: str
    name: str

    def _virsh(self, *words: str) -> str:
        return self.ceph.lab("on", self.node, "virsh", "--connect", "qemu:///system", "--quiet", *words, timeout=300)

    def start(self, told: t.Mapping[str, t.Any]) -> None:
        path = self.ceph.folder / "nodes" / self.node / "state" / f"{self.name}.xml"
        path.write_text(
            _GUEST.format(
                address=ADDRESS,
                name=self.name,
                user=told["auth_username"],
                uuid=told["secret_uuid"],
                volume=told["name"],
            )
        )
        self._virsh("create", f"/var/lib/openstack_ops.day2/{self.name}.xml")

    def boots(self) -> bool:
        log = self.ceph.folder / "nodes" / self.node / "lib" / f"{self.name}.log"
        return bool(until(lambda: log.exists() and HELLO in log.read_text()))

    def end(self) -> None:
        self._virsh("destroy", self.name)
