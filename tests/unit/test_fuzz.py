# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a parser is given, it gives a value or the error that it tells of. Input is what was recorded, cut, mixed and mutilated, and
what hypothesis makes up. Here it is short; `make fuzz` tries FUZZ examples of each. (nova.conf is compared with oslo.config's own parser
in test_ini.py, what databases dump in test_dumptext.py; notifications are in extensions/event_source, as ansible-rulebook reads them.)"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import struct
import typing as t
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import client_secrets
from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import lvm_report, mounts
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel import netlink, ovsdb
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm import parse as lvm
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf import ini
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import state, units
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.exempt import parse_network

_RECORDED = Path(__file__).parent / "plugins/module_utils"
_EXAMPLES = settings(max_examples=int(os.environ.get("FUZZ", "50")), deadline=None)


def _recorded(name: str) -> str:
    return (_RECORDED / name).read_text()


@st.composite
def _mutilated(draw: st.DrawFn, text: str) -> str:
    """A text of which parts are missing, there twice, or replaced by something else."""
    for _change in range(draw(st.integers(0, 4))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.integers(0, 200)))
        instead = draw(
            st.one_of(st.just(""), st.just(text[begin:end] * 2), st.text(max_size=8), st.sampled_from(_WORDS))
        )
        text = text[:begin] + instead + text[end:]
    return text


_WORDS = (
    "\n",
    "0",
    "-1",
    "99999999999999999999",
    "=",
    ":",
    " - ",
    "[",
    "]",
    '"',
    "{}",
    "null",
    "\0",
    "\u2028",
    "é",
    "\ud800",
)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def _of(name: str) -> st.SearchStrategy[str]:
    return st.one_of(_mutilated(_recorded(name)), st.text(max_size=200))


_FS = lvm.ext("ext4", _recorded("_lvm/fixtures/dumpe2fs-1.47.0.txt").partition("\n\nGroup 0:")[0])
_TEXTS: dict[str, tuple[st.SearchStrategy[str], t.Callable[[str], object]]] = {
    "lvs": (_of("_lvm/fixtures/lvs-2.03.16.json"), lambda text: lvm.volume(text, "vg0", "instances")),
    "lvs of any JSON": (
        _JSON.map(lambda found: json.dumps({"report": found})),
        lambda text: lvm.volume(text, "v", "l"),
    ),
    "the rows of lvs": (
        _JSON.map(lambda found: json.dumps({"report": [{"lv": found}]})),
        lambda text: lvm_report.rows(text, "lv", "lv_name,lv_size"),
    ),
    "blkid": (_of("_lvm/fixtures/blkid-2.38.1.txt"), lvm.blkid),
    "dumpe2fs": (_of("_lvm/fixtures/dumpe2fs-1.47.0.txt"), lambda text: lvm.ext("ext4", text)),
    "the groups of dumpe2fs": (_of("_lvm/fixtures/dumpe2fs-1.47.0.txt"), lambda text: lvm.layout(text, _FS)),
    "xfs_info": (_of("_lvm/fixtures/xfs_info-6.1.0.txt"), lvm.xfs),
    "resize2fs": (_mutilated("Estimated minimum size of the filesystem: 4711\n"), lambda text: lvm.minimum(text, 4096)),
    "mountinfo": (_of("_lvm/fixtures/mountinfo-6.1.txt"), lambda text: lvm.mounts(text, "253:0")),
    "mountinfo of a host": (_of("_host/fixtures/mountinfo-6.1.txt"), mounts.mounts),
    "a Ceph key": (
        _mutilated("AQBLa2dnAAAAABAAHFYWJyPDNyQWJiNDX5mGYg=="),
        lambda text: client_secrets.decode_key(text, "c"),
    ),
    "a UUID": (_mutilated("2a4f7b1e-9f5a-4a6e-8f53-2f8d6f0c9a11"), client_secrets.check_uuid),
}


@pytest.mark.parametrize("kind", _TEXTS)
def test_a_text_gives_a_value_or_a_sentence(kind: str) -> None:
    strategy, parse = _TEXTS[kind]

    @_EXAMPLES
    @given(strategy)
    def check(text: str) -> None:
        try:
            parse(text)
        except OperatorError:
            pass

    check()


@_EXAMPLES
@given(st.binary(max_size=1100), st.booleans())
def test_a_superblock(noise: bytes, real: bool) -> None:
    block = bytearray(bytes.fromhex(_recorded("_lvm/fixtures/superblock-ext4-1.47.0.hex")) if real else b"")
    block[: len(noise)] = noise
    try:
        assert lvm.ext_size(bytes(block)) >= 0
    except OperatorError:
        pass


@_EXAMPLES
@given(
    _JSON | st.dictionaries(st.sampled_from(("port_id", "plug", "leaf", "egress", "ingress", "exempt", "why")), _JSON)
)
def test_a_line_of_saved_limits_whose_checksum_fits(found: object) -> None:
    """Damage doesn't get as far; another version of the collection may."""
    text = json.dumps(found)
    saved = state.decode(f"1 {zlib.crc32(text.encode()):08x} {text}\n")
    assert len(saved.ports) + len(saved.problems) == 1


@_EXAMPLES
@given(st.text(max_size=300) | _mutilated('1 8c736521 {"port_id": "x"}\n# c\n\n'))
def test_lines_of_saved_limits(text: str) -> None:
    saved = state.decode(text)
    assert saved.ports == {}
    assert len(saved.damaged) == len(saved.problems)


@_EXAMPLES
@given(st.one_of(st.text(max_size=50), _mutilated("2.5gbit"), st.integers(), st.floats(), st.none(), st.booleans()))
def test_a_rate_and_a_size(text: object) -> None:
    for parse, form, least, most in (
        (units.parse_rate, units.format_rate, 8, units.MAX_RATE),
        (units.parse_size, units.format_size, 1, units.MAX_SIZE),
    ):
        try:
            found = parse(text)
        except units.UnitError:
            pass
        else:
            assert least <= found <= most
            assert parse(form(found)) == found


@_EXAMPLES
@given(st.one_of(st.text(max_size=50), _mutilated("fd00:1::/64"), _mutilated("192.168.111.0/24")))
def test_a_network(text: str) -> None:
    try:
        found = parse_network(text)
    except ValueError:
        pass
    else:
        assert isinstance(found, (ipaddress.IPv4Network, ipaddress.IPv6Network))


@_EXAMPLES
@given(
    _mutilated("[DEFAULT]\nhost = a\n\n[libvirt]\n# c\nimages_type = lvm\n  more\nrbd_user: cinder\n"),
    st.text("ab= \t\"'#;:", max_size=9),
)
def test_a_file_of_options(text: str, value: str) -> None:
    assert ini.edited(text, {}) == text
    after = ini.edited(text, {"libvirt": {"images_type": value.strip()}})
    assert ini.same(ini.value_of(ini.read(after), "libvirt", "images_type"), value.strip())


def test_a_long_line_takes_no_longer_than_its_length() -> None:
    """16 KB took 1.4 s once, and four times that for each doubling: 4 MB would take a day."""
    text = "[x]\na" + " " * (4 << 20) + "b\n"
    assert ini.read(text) == {}


@_EXAMPLES
@given(
    st.binary(max_size=400)
    | st.lists(st.integers(0, 40), max_size=60).map(lambda found: b"".join(struct.pack("=H", one) for one in found))
)
def test_messages_and_attributes_of_the_kernel_come_to_an_end(buffer: bytes) -> None:
    spans = [(start, end) for _kind, start, end in netlink.messages(buffer)]
    assert spans == sorted(spans)
    attributes = netlink.attributes(buffer, 0, len(buffer))
    assert all(0 <= start <= end for start, end in (*spans, *attributes.values()))


class _Wire:
    """A socket over which a database answers this."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def __enter__(self) -> _Wire:
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def settimeout(self, _seconds: float) -> None:
        pass

    connect = sendall = settimeout

    def recv(self, _size: int) -> bytes:
        part, self.answer = self.answer[:64], self.answer[64:]
        return part


_ROWS = (
    '{"id": 0, "error": null, "result": [{"rows": [{"other_config": ["map", [["hw-offload", "true"]]]}]}, '
    '{"rows": [{"name": "tap1", "ingress_policing_rate": 10}]}]}'
)


@given(_JSON.map(lambda found: json.dumps({"result": found})) | _JSON.map(json.dumps) | _mutilated(_ROWS))
@_EXAMPLES
def test_the_answer_of_open_vswitch(answer: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "socket", lambda *_words: _Wire(answer.encode("utf-8", "replace")))
        try:
            found = ovsdb.ask("/")
        except OperatorError:
            pass
        else:
            assert isinstance(found, ovsdb.Switch)
