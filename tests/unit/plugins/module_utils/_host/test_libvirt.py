# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening libvirt: quietly, read-only where asked, and with the way out where it can't be asked."""

from __future__ import annotations

import sys
import types
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import libvirt


class _Refused(Exception):
    pass


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> list[t.Any]:
    found: list[t.Any] = []

    def refuse(uri: str) -> t.NoReturn:
        raise _Refused(f"no socket for {uri}")

    binding = types.SimpleNamespace(
        libvirtError=_Refused,
        registerErrorHandler=lambda handler, _context: found.append(handler),
        open=refuse,
        openReadOnly=lambda uri: ("read-only", uri),
    )
    monkeypatch.setitem(sys.modules, "libvirt", t.cast(t.Any, binding))
    return found


def test_a_host_without_the_binding_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libvirt", None)
    with pytest.raises(OperatorError, match="install python3-libvirt"):
        libvirt.connect("qemu:///system")


def test_a_libvirt_that_does_not_answer_names_its_services(handlers: list[t.Any]) -> None:
    with pytest.raises(OperatorError, match=r"libvirt at qemu:///system doesn't answer: no socket .*Start its service"):
        libvirt.connect("qemu:///system")
    assert len(handlers) == 1


def test_read_only_is_opened_read_only(handlers: list[t.Any]) -> None:
    assert libvirt.connect("test:///default", read_only=True) == ("read-only", "test:///default")
    assert len(handlers) == 1
