# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of the kernel's answers, also of those that it gives while something changes. No socket is opened, so no root is needed."""

from __future__ import annotations

import errno
import socket
import struct
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel import netlink
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel.device import Device

INDEX = 7
ROOT = 0xFFFFFFFF
MULTI, INTERRUPTED = 0x2, 0x10


def attribute(kind: int, content: bytes) -> bytes:
    size = 4 + len(content)
    return struct.pack("=HH", size, kind) + content + b"\0" * (-size % 4)


def message(kind: int, payload: bytes, flags: int = MULTI) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, 1, 0) + payload + b"\0" * (-len(payload) % 4)


def tc(
    kind: int, handle: int, parent: int, name: str, options: bytes, *, index: int = INDEX, flags: int = MULTI
) -> bytes:
    head = struct.pack("=BxxxiIII", 0, index, handle, parent, 0)
    return message(kind, head + attribute(1, name.encode() + b"\0") + attribute(2, options), flags)


def htb_class(handle: int, parent: int, rate: int, *, rate64: int = 0) -> bytes:
    parms = struct.pack("=4xhHI4xhHIIIIII", 0, 0, rate, 0, 0, rate, 1600, 1700, 200, 0, 0)
    wide = attribute(6, struct.pack("=Q", rate64)) if rate64 else b""
    return tc(40, handle, parent, "htb", attribute(1, parms) + wide)


QDISC = tc(36, 0x10000, ROOT, "htb", attribute(2, struct.pack("=IIIII", 3, 10, 0x30, 0, 0)))
DONE = message(3, struct.pack("=i", 0))


def error(code: int) -> bytes:
    return message(2, struct.pack("=i", -code) + b"\0" * 16, 0)


class FakeSocket:
    """Answers each dump with its parts, one a recv, and remembers what was asked."""

    def __init__(self, *dumps: t.Sequence[bytes]) -> None:
        self._dumps = list(dumps)
        self._parts: list[bytes] = []
        self.asked: list[int] = []

    def send(self, request: bytes) -> None:
        assert not self._parts, "the last answer was not read to its end"
        _length, kind, flags, _seq, _pid, _family, index = struct.unpack_from("=IHHIIBxxxi", request)
        one = kind == netlink.RTM_GETQDISC and index  # all qdiscs are in one dump
        assert flags == (0xD if one else 0x301)
        self.asked.append(kind)
        self._parts = list(self._dumps.pop(0))

    def recv(self, _size: int) -> bytes:
        return self._parts.pop(0)

    def close(self) -> None:
        pass


class Links:
    """What the kernel tells of links, or the number of an error; then nothing."""

    def __init__(self, *told: bytes | int) -> None:
        self._told = list(told)

    def __enter__(self) -> Links:
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def recv(self, _size: int, flags: int) -> bytes:
        assert flags == socket.MSG_DONTWAIT
        told = self._told.pop(0) if self._told else errno.EAGAIN
        if isinstance(told, int):
            raise OSError(told, "")
        return told


Answering = t.Callable[..., FakeSocket]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    def start(*dumps: t.Sequence[bytes], links: t.Sequence[bytes | int] = ()) -> FakeSocket:
        made = FakeSocket(*dumps)
        monkeypatch.setattr(netlink, "open_socket", lambda groups=0: Links(*links) if groups else made)
        monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "lo"), (INDEX, "tap0")])
        return made

    return start


def read() -> Device:
    with netlink.Kernel() as kernel:
        return kernel.read({"tap0"})["tap0"]


def test_a_dump_in_several_parts_is_read_whole(answering: Answering) -> None:
    others = tc(36, 0x10000, ROOT, "htb", b"", index=99)
    answering(
        [others + QDISC, DONE],
        [htb_class(0x10001, ROOT, 2500000), htb_class(0x10030, 0x10001, 0xFFFFFFFF, rate64=1 << 33) + DONE],
        [DONE],
    )
    found = read()
    assert found.root is not None
    assert (found.root.kind, found.root.handle, found.root.setting) == ("htb", 0x10000, 0x30)
    assert {handle: one.rate for handle, one in found.classes.items()} == {0x10001: 20_000_000, 0x10030: 8 << 33}


def test_what_was_read_before_is_no_counter_of_now(answering: Answering) -> None:
    """Messages with the same options are parsed once, but what they count is theirs."""

    def counting(sent: int) -> bytes:
        counters = attribute(7, attribute(1, struct.pack("=QI", sent, 1)))
        return message(40, htb_class(0x10001, ROOT, 2500000)[16:] + counters)

    answering(*([QDISC, DONE], [counting(1000), DONE], [DONE]) * 2, [QDISC, DONE], [counting(3000), DONE], [DONE])
    with netlink.Kernel() as kernel:
        for stats, sent in ((True, 1000), (False, None), (True, 3000)):
            [found] = kernel.read({"tap0"}, stats=stats)["tap0"].classes.values()
            assert found.rate == 20_000_000
            assert (found.stats.bytes if found.stats else None) == sent


def test_a_device_that_is_gone_meanwhile_has_nothing(answering: Answering) -> None:
    for code in (errno.ENODEV, errno.ENOENT, errno.EINVAL):
        answering([QDISC, DONE], [error(code)], [error(code)])
        assert read().classes == {}


def test_what_may_not_be_read_is_no_empty_list(answering: Answering) -> None:
    answering([QDISC, DONE], [error(errno.EPERM)])
    with pytest.raises(OSError) as caught:
        read()
    assert caught.value.errno == errno.EPERM


@pytest.mark.parametrize("where", ["in a part", "at the end"])
def test_a_torn_dump_is_asked_for_again(answering: Answering, where: str) -> None:
    """The kernel tells by a flag that its list has changed while it was read, so that something may be missing in it."""
    part = tc(36, 0, ROOT, "noqueue", b"", flags=MULTI | INTERRUPTED if where == "in a part" else MULTI)
    end = message(3, struct.pack("=i", 0), MULTI | INTERRUPTED if where == "at the end" else MULTI)
    asked = answering([part, end], [QDISC, DONE], [DONE], [DONE])
    found = read()
    assert found.root is not None
    assert found.root.kind == "htb"
    assert asked.asked == [netlink.RTM_GETQDISC] * 2 + [netlink.RTM_GETTCLASS, netlink.RTM_GETTFILTER]


LINK = struct.pack("=BxHiII", 0, 1, 99, 0, 0) + attribute(3, b"tap1\0")


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ([], 1),
        ([message(netlink.RTM_NEWLINK, LINK)], 1),
        ([message(netlink.RTM_NEWLINK, LINK), message(netlink.RTM_NEWLINK, LINK) + message(netlink.RTM_DELLINK, LINK)], 3),
        ([errno.ENOBUFS], 3),
    ],
    ids=["nothing", "one more device", "a device less", "too much"],
)  # fmt: skip
def test_a_device_is_asked_for_singly_when_another_has_gone(
    answering: Answering, told: list[bytes | int], asked: int
) -> None:
    """Where a device vanishes, the kernel's dump may leave out another one without a word."""
    fake = answering(
        [DONE], *([[QDISC, error(0)], [error(errno.ENOENT)], [DONE], [DONE]] if asked > 1 else []), links=told
    )
    found = read()
    assert fake.asked.count(netlink.RTM_GETQDISC) == asked
    assert (found.root is not None) == (asked > 1)


def test_what_else_fails_is_told(answering: Answering) -> None:
    answering([DONE], links=[errno.EPERM])
    with pytest.raises(PermissionError):
        read()


def test_a_dump_that_is_always_torn_is_an_error_and_no_answer(answering: Answering) -> None:
    torn = [QDISC, message(3, struct.pack("=i", 0), MULTI | INTERRUPTED)]
    answering(*[torn] * 50)
    with pytest.raises(OSError, match="changed each time"):
        read()


def test_a_truncated_head_ends_a_buffer(answering: Answering) -> None:
    """What is behind the last whole message is no message."""
    assert [kind for kind, _start, _end in netlink.messages(QDISC + DONE[:10])] == [36]
    assert list(netlink.messages(b"\0" * 64)) == []


def test_a_link_is_known_by_its_name() -> None:
    link = struct.pack("=BxHiII", 0, 1, INDEX, 0, 0) + attribute(4, b"1234") + attribute(3, b"tap0\0")
    assert netlink.link_name(link, 0, len(link)) == (INDEX, "tap0")


def flower_filter(handle: int, options: bytes) -> bytes:
    head = struct.pack("=BxxxiIII", 0, INDEX, handle, 0x10000, 4 << 16 | socket.htons(0x8100))
    return message(44, head + attribute(1, b"flower\0") + attribute(2, options))


def test_filters_of_flower_are_told_by_what_they_match(answering: Answering) -> None:
    """As Linux 6.1 tells them: the priority itself first, with the handle 0; then each, with flags and how many devices have it."""
    to = attribute(1, struct.pack("=I", 0x10001))
    match = attribute(23, struct.pack("=H", 100)) + attribute(8, b"\x81\0") + attribute(25, b"\x08\x06")
    rest = attribute(22, struct.pack("=I", 8)) + attribute(86, struct.pack("=I", 0))
    mirred = attribute(3, attribute(1, attribute(1, b"gact\0") + attribute(2, b"")))
    filters = [flower_filter(0, b""), flower_filter(1, to + match + rest), flower_filter(2, to + match + mirred)]
    answering([QDISC, DONE], [DONE], [*filters, DONE])
    keys = ((b"", struct.pack("=H", 100), 23, 0), (b"", b"\x08\x06", 25, 0))
    assert [(one.handle, one.prio, one.protocol, one.keys, one.target, one.redirect) for one in read().filters] == [
        (1, 4, 0x8100, keys, 0x10001, None),
        (2, 4, 0x8100, keys, 0x10001, -1),
    ]
