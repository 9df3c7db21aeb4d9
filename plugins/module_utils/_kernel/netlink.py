# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's traffic control state, read over rtnetlink.

Why not the text of `tc`: it rounds (1234567bit is printed as 1234Kbit), its format differs between versions, HTB
classes are text even with -j, and `qdisc show dev X` dumps every device's qdiscs each time. The kernel's own
messages (linux/rtnetlink.h, linux/pkt_sched.h, linux/pkt_cls.h) are exact and a stable interface.
This module only reads. Changes are made by `tc -batch`, see _tc/batch.py.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import typing as t
from dataclasses import replace

from . import flower
from .device import Class, Device, Filter, Key, Police, Qdisc, Stats

if t.TYPE_CHECKING:
    from collections.abc import Container, Iterator

RTM_NEWLINK, RTM_DELLINK = 16, 17
RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
RTM_DELTCLASS, RTM_GETTCLASS = 41, 42
RTM_DELTFILTER, RTM_GETTFILTER = 45, 46
RTMGRP_LINK, RTMGRP_TC = 0x1, 0x8

_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_ECHO, _NLM_F_DUMP_INTR, _NLM_F_DUMP = 0x1, 0x4, 0x8, 0x10, 0x300
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_SO_RCVBUFFORCE = 33
_DUMPS = 10
"""How often a dump is asked for that changes while it is made."""

_HEADER = struct.Struct("=IHHII")  # nlmsghdr
_TCMSG = struct.Struct("=BxxxiIII")  # family, ifindex, handle, parent, info
_ATTR = struct.Struct("=HH")
_CONTENT = struct.Struct("=III")  # the same from handle on
_U32 = struct.Struct("=I")
_HTB_OPT = struct.Struct("=4xhHI4xhHIIIIII")  # tc_htb_opt: two tc_ratespec, buffer, cbuffer, quantum, level, prio
_U32_KEY = struct.Struct("=4s4sii")

_TCA_KIND, _TCA_OPTIONS, _TCA_STATS2 = 1, 2, 7
_TCA_HTB_PARMS, _TCA_HTB_INIT, _TCA_HTB_RATE64, _TCA_HTB_CEIL64 = 1, 2, 6, 7
_TCA_U32_CLASSID, _TCA_U32_SEL, _TCA_U32_ACT = 1, 5, 7
_TCA_ACT_KIND, _TCA_ACT_OPTIONS, _TCA_ACT_STATS, _TCA_MIRRED_PARMS = 1, 2, 4, 2
_TCA_POLICE_TBF, _TCA_POLICE_RESULT, _TCA_POLICE_PKTRATE64, _TCA_POLICE_PKTBURST64 = 1, 5, 10, 11
_TC_ACT_SHOT = 2
_TCA_STATS_BASIC, _TCA_STATS_QUEUE = 1, 3

_TC_H_ROOT = 0xFFFFFFFF
_TC_H_INGRESS = 0xFFFFFFF1
_TC_H_CLSACT_INGRESS = 0xFFFFFFF2
_TC_H_CLSACT_EGRESS = 0xFFFFFFF3
_TC_H_INGRESS_QDISC = 0xFFFF0000

_SIOCGIFFLAGS = 0x8913
_IFF_UP = 0x1


def open_socket(groups: int = 0) -> socket.socket:
    """A rtnetlink socket of this network namespace, subscribed to the multicast groups."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
    except OSError:  # not root: the default size does, only slower
        pass
    sock.bind((0, groups))
    return sock


def messages(buffer: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (type, start, end) of the payload of each message in what one recv brought."""
    offset, size = 0, len(buffer)
    while offset + 16 <= size:
        length, kind, _flags, _seq, _pid = _HEADER.unpack_from(buffer, offset)
        if length < 16:
            return
        yield kind, offset + 16, offset + length
        offset += (length + 3) & ~3


def attributes(buffer: bytes, offset: int, end: int) -> dict[int, tuple[int, int]]:
    """Return {type: (start, end)} of the attributes between offset and end."""
    found = {}
    while offset + 4 <= end:
        length, kind = _ATTR.unpack_from(buffer, offset)
        if length < 4:
            break
        found[kind & 0x3FFF] = (offset + 4, offset + length)
        offset += (length + 3) & ~3
    return found


def _content(buffer: bytes, start: int, end: int) -> bytes:
    """A tc message from its handle to its options: without the device, and without counters, which come behind the options."""
    offset = start + 20
    while offset + 4 <= end:
        length, kind = _ATTR.unpack_from(buffer, offset)
        if length < 4:
            break
        if kind == _TCA_OPTIONS:
            return buffer[start + 8 : offset + length]
        offset += (length + 3) & ~3
    return buffer[start + 8 : end]


def tc_message(buffer: bytes, start: int) -> tuple[int, int, int]:
    """Return (ifindex, handle, parent) of a qdisc, class or filter message."""
    _family, ifindex, handle, parent, _info = _TCMSG.unpack_from(buffer, start)
    return ifindex, handle, parent


def link_name(buffer: bytes, start: int, end: int) -> tuple[int, str]:
    """Return (ifindex, name) of a link message."""
    (ifindex,) = struct.unpack_from("=i", buffer, start + 4)
    name = attributes(buffer, start + 16, end).get(3)  # IFLA_IFNAME
    return ifindex, _text(buffer, name) if name else ""


class Kernel:
    """Reads devices with their qdiscs, HTB classes and filters. Close it, or use it in a with statement."""

    def __init__(self) -> None:
        self._sock = open_socket()
        self._seq = 0
        # Most ports of a host have much in common, and the same bytes mean the same.
        self._parsed: dict[tuple[t.Callable[[bytes], t.Any], bytes], t.Any] = {}

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._sock.close()

    def read(self, wanted: Container[str], *, stats: bool = False) -> dict[str, Device]:
        """Return the devices that exist and whose names are wanted, by name.

        One dump of all qdiscs of the host, then one dump of classes and one of filters for each wanted device
        whose root is HTB: linear, and two system calls a dump. The kernel counts positions in a dump and, when a device
        vanishes meanwhile, skips another one without a word. So then what wasn't seen is asked for singly.
        """
        with open_socket(RTMGRP_LINK) as links:
            devices = {index: Device(name, index) for index, name in socket.if_nameindex() if name in wanted}
            self._read_qdiscs(devices, stats)
            torn = _vanished(links)
        for device in devices.values():
            if torn:
                self._ask_for_roots(device)
            if device.root is not None and device.root.kind == "htb":
                self._read_classes(device, stats)
                if torn:
                    self._ask_for_leaves(device, stats)
                self._read_filters(device, device.root.handle)
            if device.hook is not None and device.hook.kind == "clsact":
                self._read_filters(device, _TC_H_CLSACT_INGRESS)
                self._read_filters(device, _TC_H_CLSACT_EGRESS)
            if device.name.startswith("ifb"):
                device.up = self._is_up(device.name)
            if device.name.startswith("tap"):  # only these are made by programs, or of interest as ports of the switch
                device.tun = os.path.exists(f"/sys/class/net/{device.name}/tun_flags")
                device.switched = _master(device.name) == "ovs-system"
        return {device.name: device for device in devices.values()}

    def _is_up(self, name: str) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            request = struct.pack("16sh14x", name.encode(), 0)
            try:
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFFLAGS, request)
            except OSError:
                return False
        return bool(struct.unpack("16sh14x", answer)[1] & _IFF_UP)

    def _ask_for_roots(self, device: Device) -> None:
        if device.root is None:
            device.root = self._qdisc(device.index, _TC_H_ROOT)
        if device.hook is None:
            device.hook = self._qdisc(device.index, _TC_H_INGRESS)

    def _ask_for_leaves(self, device: Device, stats: bool) -> None:
        for handle in device.classes:
            if handle not in device.leaves:
                leaf = self._qdisc(device.index, handle, stats)
                if leaf is not None:
                    device.leaves[handle] = leaf

    def _qdisc(self, ifindex: int, parent: int, stats: bool = False) -> t.Optional[Qdisc]:
        """The one qdisc below this parent; None where there is none but the kernel's own."""
        # Without ECHO some kernels tell everybody but who has asked; the ACK ends the answer whatever it is.
        flags = _NLM_F_REQUEST | _NLM_F_ACK | _NLM_F_ECHO
        found = self._ask(RTM_GETQDISC, ifindex, parent, flags) or []
        return self._qdisc_of(*found[0], stats) if found else None

    def _dump(self, request: int, ifindex: int = 0, parent: int = 0) -> list[tuple[bytes, int, int]]:
        """The payloads of one dump: (buffer, start, end). Raises OSError where it can't be had whole."""
        for _attempt in range(_DUMPS):
            found = self._ask(request, ifindex, parent, _NLM_F_REQUEST | _NLM_F_DUMP)
            if found is not None:
                return found
        raise OSError(errno.EAGAIN, "the kernel's list changed each time while it was read")

    def _ask(self, request: int, ifindex: int, parent: int, flags: int) -> t.Optional[list[tuple[bytes, int, int]]]:
        """One answer, taken in to its end; None where the kernel says that it has changed meanwhile and may lack something."""
        self._seq += 1
        header = _HEADER.pack(36, request, flags, self._seq, 0)
        self._sock.send(header + _TCMSG.pack(0, ifindex, 0, parent, 0))
        found: list[tuple[bytes, int, int]] = []
        torn = 0
        while True:
            buffer = self._sock.recv(1 << 18)
            offset, size = 0, len(buffer)
            while offset + 16 <= size:  # as messages() does, whose calls would cost more than the rest of this
                length, kind, told, _seq, _pid = _HEADER.unpack_from(buffer, offset)
                torn |= told & _NLM_F_DUMP_INTR
                if kind == _NLMSG_DONE:
                    return None if torn else found
                if kind == _NLMSG_ERROR:
                    (code,) = struct.unpack_from("=i", buffer, offset + 16)
                    if -code in (0, errno.ENODEV, errno.ENOENT, errno.EINVAL):  # an ACK, or gone since it was listed
                        return found
                    raise OSError(-code, os.strerror(-code))
                found.append((buffer, offset + 16, offset + length))
                offset += (max(length, 16) + 3) & ~3

    def _read_qdiscs(self, devices: dict[int, Device], stats: bool) -> None:
        for buffer, start, end in self._dump(RTM_GETQDISC):
            _family, ifindex, handle, parent, _info = _TCMSG.unpack_from(buffer, start)
            device = devices.get(ifindex)
            if device is None:
                continue
            qdisc = self._qdisc_of(buffer, start, end, stats)
            if parent == _TC_H_ROOT:
                device.root = qdisc
            elif handle == _TC_H_INGRESS_QDISC:
                device.hook = qdisc
            else:
                device.leaves[parent] = qdisc

    def _qdisc_of(self, buffer: bytes, start: int, end: int, stats: bool) -> Qdisc:
        qdisc: Qdisc = self._known(_qdisc, _content(buffer, start, end))
        return replace(qdisc, drops=_stats(buffer, start, end).drops) if stats else qdisc

    def _read_classes(self, device: Device, stats: bool) -> None:
        for buffer, start, end in self._dump(RTM_GETTCLASS, device.index):
            found = self._known(_class, _content(buffer, start, end))
            if found is not None:
                handle, htb = found
                device.classes[handle] = replace(htb, stats=_stats(buffer, start, end)) if stats else htb

    def _read_filters(self, device: Device, parent: int) -> None:
        for buffer, start, end in self._dump(RTM_GETTFILTER, device.index, parent):
            found = self._known(_filter, buffer[start + 8 : end])
            if found is not None and found.parent == parent:
                device.filters.append(found)

    def _known(self, parse: t.Callable[[bytes], t.Any], content: bytes) -> t.Any:
        """What parse makes of a message from its handle on, made once for each different one."""
        key = parse, content
        if key not in self._parsed:
            self._parsed[key] = parse(content)
        return self._parsed[key]


def _vanished(links: socket.socket) -> bool:
    """Whether the kernel has told of a device that went since the socket was opened. It tells before it answers who asks afterwards."""
    while True:
        try:
            buffer = links.recv(1 << 18, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError as exc:
            if exc.errno != errno.ENOBUFS:
                raise
            return True  # so much has happened that some of it was lost
        if any(kind == RTM_DELLINK for kind, _start, _end in messages(buffer)):
            return True


def _master(name: str) -> str:
    """The bridge or switch that a device is a port of; empty where it is none's."""
    try:
        return os.path.basename(os.readlink(f"/sys/class/net/{name}/master"))
    except OSError:
        return ""


def _text(buffer: bytes, span: tuple[int, int]) -> str:
    return buffer[span[0] : span[1]].rstrip(b"\0").decode("ascii", "replace")


def _u32(options: bytes, span: t.Optional[tuple[int, int]], at: int = 0) -> int:
    return int(_U32.unpack_from(options, span[0] + at)[0]) if span else 0


def _head(content: bytes) -> tuple[int, int, int, str, bytes]:
    """(handle, parent, info, kind, options) of a tc message's content."""
    handle, parent, info = _CONTENT.unpack_from(content)
    attrs = attributes(content, _CONTENT.size, len(content))
    start, end = attrs.get(_TCA_OPTIONS, (0, 0))
    return handle, parent, info, _text(content, attrs[_TCA_KIND]), content[start:end]


def _qdisc(content: bytes) -> Qdisc:
    handle, _parent, _info, kind, options = _head(content)
    return Qdisc(kind, handle, _qdisc_setting(kind, options))


def _class(content: bytes) -> t.Optional[tuple[int, Class]]:
    """The handle of an HTB class and the class; None of another kind."""
    handle, parent, _info, kind, options = _head(content)
    if kind != "htb" or not options:
        return None
    return handle, Class(parent == _TC_H_ROOT, *_class_setting(options))


def _filter(content: bytes) -> t.Optional[Filter]:
    """None of what is no filter, but the priority itself or its hash table."""
    handle, parent, info, kind, options = _head(content)
    if (kind == "u32" and not handle & 0xFFF) or (kind == "flower" and not handle):
        return None
    read = {"u32": _u32_setting, "flower": _flower_setting}.get(kind)
    setting = read(options) if read else ((), 0)
    return Filter(parent, info >> 16, socket.ntohs(info & 0xFFFF), handle, kind, *setting)


def _qdisc_setting(kind: str, options: bytes) -> int:
    """The one number of a qdisc that we set: htb's default class, sfq's perturb, pfifo's limit."""
    if kind == "htb":
        return _u32(options, attributes(options, 0, len(options)).get(_TCA_HTB_INIT), 8)
    if kind == "sfq" and len(options) >= 8:
        return _u32(options, (4, 8))
    if kind == "pfifo" and len(options) >= 4:
        return _u32(options, (0, 4))
    return 0


def _class_setting(options: bytes) -> tuple[int, int, int, int, int]:
    """(rate, ceil, burst, cburst, quantum) of an HTB class."""
    found = attributes(options, 0, len(options))
    _align, _mpu, rate, _align, _mpu, ceil, burst, cburst, quantum, _level, _prio = _HTB_OPT.unpack_from(
        options, found[_TCA_HTB_PARMS][0]
    )
    if _TCA_HTB_RATE64 in found:
        (rate,) = struct.unpack_from("=Q", options, found[_TCA_HTB_RATE64][0])
    if _TCA_HTB_CEIL64 in found:
        (ceil,) = struct.unpack_from("=Q", options, found[_TCA_HTB_CEIL64][0])
    return rate * 8, ceil * 8, burst, cburst, quantum


def _u32_setting(options: bytes) -> tuple[tuple[Key, ...], int, t.Optional[int], t.Optional[Police]]:
    """(keys, target class, ifindex of a redirect, police) of a u32 filter."""
    found = attributes(options, 0, len(options))
    keys: tuple[Key, ...] = ()
    if _TCA_U32_SEL in found:
        sel = found[_TCA_U32_SEL][0]
        keys = tuple(_U32_KEY.unpack_from(options, sel + 16 + 16 * n) for n in range(options[sel + 2]))
    action = found.get(_TCA_U32_ACT)
    done = _action(options, action) if action else (None, None)
    return (keys, _u32(options, found.get(_TCA_U32_CLASSID)), *done)


def _flower_setting(options: bytes) -> tuple[tuple[Key, ...], int, t.Optional[int], t.Optional[Police]]:
    """The same of a filter of the classifier flower."""
    found = attributes(options, 0, len(options))
    action = found.get(flower.ACT)
    done = _action(options, action) if action else (None, None)
    keys = flower.keys({number: options[start:end] for number, (start, end) in found.items()})
    return (keys, _u32(options, found.get(flower.CLASSID)), *done)


def _stats(buffer: bytes, start: int, end: int) -> Stats:
    """The counters of a qdisc's or a class's message."""
    attrs = attributes(buffer, start + 20, end)
    nested = attributes(buffer, *attrs[_TCA_STATS2]) if _TCA_STATS2 in attrs else {}
    sent = struct.unpack_from("=QI", buffer, nested[_TCA_STATS_BASIC][0]) if _TCA_STATS_BASIC in nested else (0, 0)
    queue = (
        struct.unpack_from("=IIIII", buffer, nested[_TCA_STATS_QUEUE][0])
        if _TCA_STATS_QUEUE in nested
        else (0, 0, 0, 0, 0)
    )
    _qlen, backlog, drops, _requeues, overlimits = queue
    return Stats(sent[0], sent[1], drops, overlimits, backlog)


def _action(buffer: bytes, span: tuple[int, int]) -> tuple[t.Optional[int], t.Optional[Police]]:
    """What a filter's only action does: the ifindex that it redirects to, or its police; (-1, None) where it does something else."""
    actions = attributes(buffer, *span)
    if len(actions) != 1:
        return -1, None
    action = attributes(buffer, *next(iter(actions.values())))
    if _TCA_ACT_OPTIONS not in action:
        return -1, None
    kind, options = _text(buffer, action[_TCA_ACT_KIND]), attributes(buffer, *action[_TCA_ACT_OPTIONS])
    if kind == "police":
        police = _police(buffer, options, action)
        return (None, police) if police else (-1, None)
    parms = options.get(_TCA_MIRRED_PARMS)
    if kind != "mirred" or parms is None:
        return -1, None
    _index, _capab, _action, _refcnt, _bindcnt, eaction, ifindex = struct.unpack_from("=IIiiiiI", buffer, parms[0])
    return (int(ifindex) if eaction == 1 else -1), None  # TCA_EGRESS_REDIR


def _police(
    buffer: bytes, options: dict[int, tuple[int, int]], action: dict[int, tuple[int, int]]
) -> t.Optional[Police]:
    """The limit of packets per second; None where the action counts bytes, or does anything but drop above the limit and let pass below."""
    parms, rate, burst = map(options.get, (_TCA_POLICE_TBF, _TCA_POLICE_PKTRATE64, _TCA_POLICE_PKTBURST64))
    if parms is None or rate is None or burst is None:
        return None
    if _u32(buffer, parms, 4) != _TC_ACT_SHOT or _u32(buffer, options.get(_TCA_POLICE_RESULT)):
        return None
    stats = attributes(buffer, *action[_TCA_ACT_STATS]) if _TCA_ACT_STATS in action else {}
    drops = _u32(buffer, stats.get(_TCA_STATS_QUEUE), 8)
    return Police(struct.unpack_from("=Q", buffer, rate[0])[0], struct.unpack_from("=Q", buffer, burst[0])[0], drops)
