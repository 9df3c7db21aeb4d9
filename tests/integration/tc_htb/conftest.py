# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real module against the real kernel, in a network and mount namespace of the test process's own."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from tests.integration.tc_htb.namespace import Plug, leave_the_host, shell

#: A systemctl that is slow, and remembers what was enabled.
_SYSTEMCTL = """\
#!/bin/sh
enabled=/run/enabled
case "$1" in
show) [ -e $enabled ] && printf 'ActiveState=active\nUnitFileState=enabled\n' ;;
enable) sleep 0.2; touch $enabled ;;
disable) sleep 0.2; rm -f $enabled ;;
esac
exit 0
"""


@pytest.fixture(scope="session", autouse=True)
def _own_namespaces() -> None:
    assert os.geteuid() == 0, "these tests change traffic control, in a namespace of their own: run them as root"
    leave_the_host()


@pytest.fixture
def plug() -> t.Iterator[Plug]:
    plug = Plug()
    yield plug
    plug.clean()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    shell("mkdir -p /run/systemd/system && mount -t tmpfs tmpfs /etc/systemd/system")
    program = tmp_path / "systemctl"
    program.write_text(_SYSTEMCTL)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    yield
    shell("umount /etc/systemd/system; rm -rf /run/systemd /run/enabled")
