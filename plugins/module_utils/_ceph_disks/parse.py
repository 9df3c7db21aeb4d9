# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what wipefs, LVM, udev and BlueStore say of a disk. Pure."""

from __future__ import annotations

import re
import struct
import typing as t

from .._common import UUID, OperatorError, shown
from .._host import lvm_report
from .model import Osd

_LABEL = b"bluestore block device\n"
PVS = "pv_name,vg_name"
LVS = "vg_name,lv_name,lv_tags,devices"


def signatures(text: str) -> list[str]:
    """The types that `wipefs --no-act --parsable` prints, each once. Raises OperatorError for a line of another shape."""
    found = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(",")
        if (
            len(fields) != 4
            or not re.match(r"0x[0-9a-f]+\Z", fields[0])
            or not re.match(r"[A-Za-z0-9_.:+-]+\Z", fields[3])
        ):
            raise OperatorError(f"wipefs printed {shown(line)}, which isn't of the form offset,uuid,label,type")
        found.append(fields[3])
    return list(dict.fromkeys(found))


def properties(text: str) -> dict[str, str]:
    """What `udevadm info --query=property` prints."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name: value for name, equals, value in pairs if equals}


def groups_of(pvs: str) -> dict[str, str]:
    """Volume groups by the paths of their physical volumes; empty for one of no group. Raises OperatorError as rows()."""
    return {row["pv_name"]: row["vg_name"] for row in lvm_report.rows(pvs, "pv", PVS)}


def osds_of(lvs: str) -> list[tuple[Osd, tuple[str, ...]]]:
    """Parts of OSDs in logical volumes, each with the devices below it (a path, or a volume's name). Raises OperatorError as rows()."""
    found = []
    for row in lvm_report.rows(lvs, "lv", LVS):
        tags = dict(
            tag[len("ceph.") :].partition("=")[::2] for tag in row["lv_tags"].split(",") if tag.startswith("ceph.")
        )
        if "type" not in tags and "osd_id" not in tags:
            continue
        number = tags.get("osd_id", "")
        osd = Osd(
            id=int(number) if re.match(r"[0-9]{1,9}\Z", number) else -1,
            fsid=_uuid(tags.get("osd_fsid", "")),
            cluster=_uuid(tags.get("cluster_fsid", "")),
            part=tags.get("type", "") if tags.get("type") in ("block", "db", "wal") else "block",
            volume=f"{row['vg_name']}/{row['lv_name'].strip('[]')}",
            encrypted=tags.get("encrypted") == "1",
        )
        below = tuple(re.sub(r"\([0-9]+\)\Z", "", one) for one in row["devices"].split(",") if one)
        found.append((osd, below))
    return found


def _uuid(text: str) -> str:
    return text if UUID.match(text) else ""


def label(head: bytes, device: str) -> t.Optional[Osd]:
    """The OSD whose BlueStore begins with these 4096 bytes, or None where they begin with something else.

    What a label of another version doesn't tell is left out: it is an OSD all the same.
    """
    if not head.startswith(_LABEL):
        return None
    fsid = _uuid(head[len(_LABEL) : len(_LABEL) + 36].decode("ascii", "replace"))
    try:
        meta, part = _meta(head[len(_LABEL) + 37 :])
    except (struct.error, ValueError):
        meta, part = {}, ""
    number = meta.get("whoami", "")
    return Osd(
        id=int(number) if re.match(r"[0-9]{1,9}\Z", number) else -1,
        fsid=fsid,
        cluster=_uuid(meta.get("ceph_fsid", "")),
        part={"bluefs db": "db", "bluefs wal": "wal"}.get(part, "block"),
        volume=device,
    )


def _meta(body: bytes) -> tuple[dict[str, str], str]:
    """The label's pairs and description: version, compat, length, uuid, size, time, description, pairs (bluestore_bdev_label_t)."""
    at = 6 + 16 + 8 + 8
    part, at = _string(body, at)
    (count,) = struct.unpack_from("<I", body, at)
    at += 4
    if count > 64:
        raise ValueError(f"{count} pairs")
    meta = {}
    for _number in range(count):
        name, at = _string(body, at)
        meta[name], at = _string(body, at)
    return meta, part


def _string(body: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", body, at)
    end = at + 4 + length
    if end > len(body):
        raise ValueError("cut")
    return body[at + 4 : end].decode("utf-8", "replace"), end
