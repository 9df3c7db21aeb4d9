# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames as instances send them, and their way onto a device."""

from __future__ import annotations

import ipaddress
import socket
import struct

ARP, IP, IPV6, VLAN = 0x0806, 0x0800, 0x86DD, 0x8100


def ethernet(protocol: int, payload: bytes) -> bytes:
    return b"\xff" * 6 + b"\x02\0\0\0\0\x07" + struct.pack("!H", protocol) + payload.ljust(50, b"\0")


def ipv4(src: str, dst: str, protocol: int = 17) -> bytes:
    addresses = ipaddress.IPv4Address(src).packed + ipaddress.IPv4Address(dst).packed
    return ethernet(IP, struct.pack("!BBHHHBBH", 0x45, 0, 50, 1, 0, 64, protocol, 0) + addresses)


def ipv6(src: str, dst: str, header: int = 17, hops: int = 64, payload: bytes = b"") -> bytes:
    addresses = ipaddress.IPv6Address(src).packed + ipaddress.IPv6Address(dst).packed
    return ethernet(IPV6, struct.pack("!IHBB", 6 << 28, 20, header, hops) + addresses + payload)


def discovery(src: str, dst: str, kind: int, hops: int = 255) -> bytes:
    return ipv6(src, dst, 58, hops, bytes((kind, 0, 0, 0)))


def send(device: str, frame: bytes, count: int) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((device, struct.unpack_from("!H", frame, 12)[0]))
        for _one in range(count):
            wire.send(frame)


def tagged(frame: bytes, vlan: int) -> bytes:
    return frame[:12] + struct.pack("!HH", VLAN, vlan) + frame[12:]
