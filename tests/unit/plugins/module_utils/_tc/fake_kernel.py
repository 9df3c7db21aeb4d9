# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel that keeps state: takes tc's and ip's statements as strictly as the real one, and shows what they made."""

from __future__ import annotations

import ipaddress
import shlex
import struct

from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel import flower
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel.device import (
    CLSACT_INGRESS,
    ROOT,
    Class,
    Device,
    Filter,
    Key,
    Police,
    Qdisc,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.htb import keys_of, packet_ticks, ticks
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.units import parse_rate, parse_size


class Refused(Exception):
    """What the kernel answers to a statement that doesn't fit its state."""


def handle(text: str) -> int:
    major, _colon, minor = text.partition(":")
    return int(major, 16) << 16 | int(minor or "0", 16)


class FakeKernel:
    def __init__(self, *names: str) -> None:
        self.devices = {name: Device(name, index) for index, name in enumerate(names, start=2)}
        self.runs: list[str] = []

    def __call__(self, tool: str, statements: list[str]) -> dict[int, str]:
        """Stands in for batch.Batch: goes on after a failed statement."""
        errors = {}
        for index, statement in enumerate(statements):
            assert isinstance(statement, str)
            self.runs.append(statement)
            try:
                getattr(self, f"_{tool}")(shlex.split(statement))
            except Refused as exc:
                errors[index] = str(exc)
        return errors

    def _device(self, words: list[str]) -> Device:
        name = words[words.index("dev") + 1]
        if name not in self.devices:
            raise Refused(f'Cannot find device "{name}"')
        return self.devices[name]

    def _ip(self, words: list[str]) -> None:
        if words[:2] == ["link", "add"]:
            name = words[words.index("name") + 1]
            if name in self.devices:
                raise Refused("RTNETLINK answers: File exists")
            self.devices[name] = Device(name, 1 + max(one.index for one in self.devices.values()), up=False)
        elif words[:2] == ["link", "set"]:
            self._device(words).up = True
        elif words[:2] == ["link", "del"]:
            device = self._device(words)
            del self.devices[device.name]
            for other in self.devices.values():  # a redirect to it leads nowhere now
                other.filters = [
                    Filter(**{**vars(one), "redirect": 0}) if one.redirect == device.index else one
                    for one in other.filters
                ]
        else:
            raise AssertionError(words)

    def _tc(self, words: list[str]) -> None:
        getattr(self, f"_{words[0]}_{words[1]}")(self._device(words), words)

    def _qdisc_add(self, device: Device, words: list[str]) -> None:
        assert words[-1] == "clsact", words
        if device.hook is not None:
            raise Refused("Exclusivity flag on, cannot modify.")
        device.hook = Qdisc("clsact", 0xFFFF0000)

    def _qdisc_replace(self, device: Device, words: list[str]) -> None:
        own = handle(words[words.index("handle") + 1])
        kind = words[words.index("handle") + 2]
        setting = int(words[-1], 16 if kind == "htb" else 10) if words[-2] in ("default", "perturb", "limit") else 0
        if "root" in words:
            if device.root is not None and device.root.handle == own:
                raise Refused("Change operation not supported by specified qdisc.")
            self._clear(device)
            device.root = Qdisc(kind, own, setting)
            return
        parent = handle(words[words.index("parent") + 1])
        if parent not in device.classes:
            raise Refused("Specified class not found.")
        found = device.leaves.get(parent)
        if any(one.handle == own for at, one in device.leaves.items() if at != parent):
            raise Refused("Exclusivity flag on, cannot modify.")
        if found is not None and found.handle == own and found.kind != kind:
            raise Refused("Invalid qdisc name.")
        device.leaves[parent] = Qdisc(kind, own, setting)

    def _qdisc_del(self, device: Device, words: list[str]) -> None:
        if "root" in words:
            if device.bare:
                raise Refused("Cannot delete qdisc with handle of zero.")
            self._clear(device)
        elif "clsact" in words or "ffff:fff1" in words:
            if device.hook is None:
                raise Refused("Cannot find specified qdisc on specified device.")
            device.hook = None
            device.filters = [one for one in device.filters if one.parent == ROOT]
        else:
            del device.leaves[handle(words[words.index("parent") + 1])]

    def _clear(self, device: Device) -> None:
        device.root, device.leaves, device.classes = None, {}, {}
        device.filters = [one for one in device.filters if one.parent != ROOT]

    def _class_add(self, device: Device, words: list[str]) -> None:
        if handle(words[words.index("classid") + 1]) in device.classes:
            raise Refused("RTNETLINK answers: File exists")
        self._class_change(device, words, new=True)

    def _class_change(self, device: Device, words: list[str], *, new: bool = False) -> None:
        if device.root is None or device.root.kind != "htb":
            raise Refused("Specified qdisc is not classful.")
        own = handle(words[words.index("classid") + 1])
        if not new and own not in device.classes:
            raise Refused("RTNETLINK answers: No such file or directory")
        said = dict(zip(words[words.index("htb") + 1 :: 2], words[words.index("htb") + 2 :: 2], strict=True))
        rate, ceil = parse_rate(said["rate"]), parse_rate(said["ceil"])
        burst, cburst = ticks(parse_size(said["burst"]), rate), ticks(parse_size(said["cburst"]), ceil)
        if max(burst, cburst) >= 2**32:
            raise AssertionError(f"tc would wrap this bucket: {words}")
        device.classes[own] = Class(True, rate, ceil, burst, cburst, int(said["quantum"]))

    def _class_del(self, device: Device, words: list[str]) -> None:
        own = handle(words[words.index("classid") + 1])
        if any(one.target == own for one in device.filters):
            raise Refused("RTNETLINK answers: Device or resource busy")
        del device.classes[own]

    def _filter_add(self, device: Device, words: list[str]) -> None:
        ingress = "ingress" in words
        if (ingress and device.hook is None) or (not ingress and device.root is None):
            raise Refused("Parent Qdisc doesn't exists")
        prio = int(words[words.index("prio") + 1])
        at = [one for one in device.filters if one.parent == (CLSACT_INGRESS if ingress else ROOT)]
        own = 0x80000000 | (0x800 + len(device.filters)) | prio << 20
        if ingress:
            target = self.devices.get(words[-1])
            if target is None:
                raise Refused(f'Cannot find device "{words[-1]}"')
            keys: tuple[Key, ...] = ((b"\0\0\0\0", b"\0\0\0\0", 0, 0),)
            device.filters.append(Filter(CLSACT_INGRESS, prio, 3, own, "u32", keys, 0, target.index))
            return
        kind = "flower" if "flower" in words else "u32"
        protocol, keys = (0x8100, _flower(words)) if kind == "flower" else self._matches(words)
        if kind == "flower":
            assert words[words.index("protocol") + 1] == "802.1Q"
            own = 1 + max((one.handle for one in at if one.kind == kind), default=0)
            if any((one.prio, one.keys) == (prio, keys) for one in at):
                raise Refused("RTNETLINK answers: File exists")
        if any(one.prio == prio and one.protocol != protocol for one in at):
            raise Refused("Specified filter protocol does not match existing one.")
        police = None
        if "police" in words:
            said = words[words.index("police") + 1 :]
            assert said[::2] == ["pkts_rate", "pkts_burst", "conform-exceed"], words
            assert said[-1] == "drop/pass", words
            police = Police(int(said[1]), packet_ticks(int(said[3]), int(said[1])))
        flowid = handle(words[words.index("flowid") + 1])
        device.filters.append(Filter(ROOT, prio, protocol, own, kind, keys, flowid, police=police))

    def _matches(self, words: list[str]) -> tuple[int, tuple[Key, ...]]:
        first = words.index("match")
        if words[first + 1] != "u32":
            return keys_of(ipaddress.ip_network(words[first + 3]), words[first + 2])
        made: list[Key] = []
        while words[first] == "match":
            value, mask = (int(word, 16).to_bytes(4, "big") for word in words[first + 2 : first + 4])
            at = int(words[first + 5]) if words[first + 4] == "at" else 0
            made.append((mask, value, at, 0))
            first += 6 if words[first + 4] == "at" else 4
        return {"all": 0x0003, "arp": 0x0806, "ipv6": 0x86DD}[words[words.index("protocol") + 1]], tuple(made)

    def _filter_del(self, device: Device, words: list[str]) -> None:
        prio = int(words[words.index("prio") + 1])
        at = CLSACT_INGRESS if "ingress" in words else ROOT
        if "handle" not in words:
            device.filters = [one for one in device.filters if (one.parent, one.prio) != (at, prio)]
            return
        told = words[words.index("handle") + 1]
        if words[-1] == "flower":
            own = int(told, 0)
        else:
            table, _bucket, node = told.split(":")
            own = int(table, 16) << 20 | int(node, 16)
        kept = [one for one in device.filters if (one.parent, one.prio, one.handle) != (at, prio, own)]
        if len(kept) == len(device.filters):
            raise Refused("Specified filter handle not found.")
        device.filters = kept


def _flower(words: list[str]) -> tuple[Key, ...]:
    """What the kernel keeps of flower's words, without the outer protocol."""
    said = dict(zip(words[words.index("flower") + 1 :: 2], words[words.index("flower") + 2 :: 2], strict=True))
    protocol = {"arp": 0x0806, "ipv4": 0x0800, "ipv6": 0x86DD}[said["vlan_ethtype"]]
    found = {23: struct.pack("=H", int(said["vlan_id"])), 25: struct.pack("!H", protocol)}
    for number, word in ((0, "src_ip"), (2, "dst_ip")):
        network = ipaddress.ip_network(said[word]) if word in said else None
        if network is not None and network.prefixlen:
            at = number + (10 if network.version == 4 else 14)
            found.update({at: network.network_address.packed, at + 1: network.netmask.packed})
    if "ip_proto" in said:
        kind, mask = said["type"].split("/")
        assert (said["ip_proto"], said["ip_ttl"]) == ("icmpv6", "255"), words
        found.update({9: bytes((58,)), 55: bytes((int(kind),)), 56: bytes((int(mask),)), 75: b"\xff", 76: b"\xff"})
    return flower.keys(found)
