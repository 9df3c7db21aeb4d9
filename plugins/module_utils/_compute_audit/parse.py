# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what libvirt, LVM, the kernel and nova.conf say. Pure: opens nothing, decides only who made a thing."""

from __future__ import annotations

import re
import typing as t
from xml.etree import ElementTree

from .._common import UUID_TEXT
from .._host import lvm_report
from .._oslo_conf.precedence import Effective

if t.TYPE_CHECKING:
    from .facts import Disk, Domain, Group, NovaConf, Secret, Volume

LVS_FIELDS = "lv_name,vg_name,lv_size,lv_layout,lv_role,lv_tags,pool_lv,lv_path"
VGS_FIELDS = "vg_name,vg_size,vg_free,vg_extent_size"

_NOVA_NAMESPACE = "{http://openstack.org/xmlns/libvirt/nova/"
_NOVA_DOMAIN = re.compile(r"instance-[0-9a-f]{8}")
_NOVA_VOLUME = re.compile(rf"({UUID_TEXT})_(?:disk|del|resize|rescue)[\w.]*")
_NOVA_VOLUME_BY_NAME = re.compile(r"instance-[0-9a-f]{8}_disk[\w.]*")
_CINDER_VOLUME = re.compile(rf"(?:volume|_?snapshot|clone-snap|backup-snap)-{UUID_TEXT}[\w.-]*|cinder-volumes-pool")
_ENTRY = re.compile(rf"({UUID_TEXT})(_resize|_del)?")

#: What of nova.conf leaves the host: by section, the options and what they are. Nothing secret is among them.
_OPTIONS: dict[tuple[str, str], t.Callable[[str], t.Any]] = {
    ("DEFAULT", "host"): str,
    ("DEFAULT", "state_path"): str,
    ("DEFAULT", "instances_path"): str,
    ("DEFAULT", "reserved_host_disk_mb"): int,
    ("DEFAULT", "reserved_host_memory_mb"): int,
    ("DEFAULT", "reserved_host_cpus"): int,
    ("libvirt", "images_type"): str,
    ("libvirt", "images_volume_group"): str,
    ("libvirt", "images_rbd_pool"): str,
    ("libvirt", "images_rbd_ceph_conf"): str,
    ("libvirt", "rbd_user"): str,
    ("libvirt", "rbd_secret_uuid"): str,
}

#: File systems that several hosts see at once: what lies there may be another compute's.
SHARED = (
    "nfs",
    "nfs4",
    "ceph",
    "fuse.ceph",
    "fuse.glusterfs",
    "glusterfs",
    "ocfs2",
    "gfs2",
    "lustre",
    "cifs",
    "smb3",
    "beegfs",
)

STATES = {1: "running", 2: "running", 3: "paused", 4: "running", 5: "shut off", 6: "crashed", 7: "suspended"}


def domain(xml: str, state: int) -> Domain:
    """A domain as libvirt describes it; sizes of its disks come later."""
    root = ElementTree.fromstring(xml)
    unit = {"b": 1, "bytes": 1, "k": 1024, "KiB": 1024, "M": 1 << 20, "MiB": 1 << 20, "G": 1 << 30, "GiB": 1 << 30}
    memory = root.find("currentMemory")
    if memory is None:
        memory = root.find("memory")
    name, vcpu = root.findtext("name") or "", root.find("vcpu")
    described = any(str(one.tag).startswith(_NOVA_NAMESPACE) for one in root.iterfind("metadata/*"))
    return {
        "uuid": (root.findtext("uuid") or "").lower(),
        "name": name,
        "state": STATES.get(state, "unknown"),
        "made_by_nova": described or bool(_NOVA_DOMAIN.fullmatch(name)),
        "vcpus": int((vcpu.get("current") or vcpu.text or "0") if vcpu is not None else 0),
        "memory": int(memory.text or 0) * unit.get(memory.get("unit", "KiB"), 1024) if memory is not None else 0,
        "disks": [_disk(one) for one in root.iterfind("devices/disk") if one.get("device", "disk") == "disk"],
        "taps": [target.get("dev", "") for target in root.iterfind("devices/interface/target") if target.get("dev")],
    }


def _disk(disk: ElementTree.Element) -> Disk:
    source, target, secret = disk.find("source"), disk.find("target"), disk.find(".//auth/secret")
    where: t.Mapping[str, str] = source.attrib if source is not None else {}
    return {
        "target": target.get("dev", "") if target is not None else "",
        "kind": disk.get("type", ""),
        "protocol": where.get("protocol"),
        "source": where.get("file") or where.get("dev") or where.get("name"),
        "secret": secret.get("uuid") if secret is not None else None,
        "virtual": None,
        "actual": None,
    }


def secret(xml: str) -> Secret:
    root = ElementTree.fromstring(xml)
    usage = root.find("usage")
    return {
        "uuid": root.findtext("uuid") or "",
        "kind": usage.get("type", "") if usage is not None else "",
        "usage": next((str(one.text) for one in usage if one.text), "") if usage is not None else "",
    }


def group(row: dict[str, str]) -> Group:
    return {
        "name": row["vg_name"],
        "size": lvm_report.number(row, "vg_size"),
        "free": lvm_report.number(row, "vg_free"),
        "extent": lvm_report.number(row, "vg_extent_size"),
    }


def volume(row: dict[str, str], mounted: t.Sequence[str], swap: bool, instances_path: str) -> Volume:
    """A logical volume, with who made it and how we know."""
    name = row["lv_name"]
    instance = None
    match = _NOVA_VOLUME.fullmatch(name)
    if match or _NOVA_VOLUME_BY_NAME.fullmatch(name):
        maker, why = "nova", "it is called as Nova calls the disks of its instances"
        instance = match.group(1) if match else None
    elif _CINDER_VOLUME.fullmatch(name) or name == row["vg_name"] + "-pool":
        maker, why = "cinder", "it is called as Cinder calls its volumes"
    elif instances_path in mounted:
        maker, why = "instances", f"it holds {instances_path}"
    elif mounted:
        maker, why = "system", f"this host has it mounted at {mounted[0]}"
    elif swap:
        maker, why = "system", "this host swaps there"
    else:
        maker, why = "foreign", "neither Nova nor Cinder calls a volume so, and this host hasn't mounted it"
    return {
        "group": row["vg_name"],
        "name": name,
        "size": lvm_report.number(row, "lv_size"),
        "maker": maker,
        "why": why,
        "instance": instance,
        "pool": row["pool_lv"].strip("[]") or None,
        "tags": [tag for tag in row["lv_tags"].split(",") if tag],
    }


def nova_conf(configuration: Effective) -> tuple[NovaConf, list[str]]:
    """What of the options in effect concerns an audit, and an error for each that can't be read.

    An option is None where it isn't known which of several files counts.
    """
    found: dict[str, t.Any] = {}
    problems = []
    for (section, option), make in _OPTIONS.items():
        value = configuration.value(section, option)
        if configuration.is_undecided(section, option):
            found[option] = None
            problems.append(
                f"[{section}] {option} differs between the service's own file and the folder beside it; which one counts depends on "
                "whether it is started with --config-file, and it isn't running."
            )
        if value is None:
            continue
        try:
            found[option] = make(value)
        except ValueError:
            problems.append(f"[{section}] {option} is {value[:40]!r}, not a number.")
    for key in ("instances_path", "state_path"):
        if found.get(key):
            found[key] = re.sub(
                r"\$\{?state_path\}?", lambda _m: found.get("state_path") or "/var/lib/nova", found[key]
            )
    return t.cast("NovaConf", found), problems


def image(name: str) -> t.Optional[str]:
    """The id of the instance whose disk an RBD image is called as; None where Nova calls none of its so."""
    match = _NOVA_VOLUME.fullmatch(name)
    return match.group(1) if match else None


def entry(name: str) -> tuple[str, t.Optional[str], str]:
    """What an entry of the instances path is: its kind, the instance's id, and what is behind the id in the name."""
    match = _ENTRY.fullmatch(name)
    if match:
        return "instance", match.group(1), match.group(2) or ""
    return ("nova" if name in ("_base", "locks", "compute_nodes", "snapshots", "lost+found") else "other"), None, ""
