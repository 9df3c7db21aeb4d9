# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Monitors that lose their quorum after a run has connected end it with an error; python3-rados ignores its functions' own timeouts."""

from __future__ import annotations

import errno
import json
import shutil
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import monitors
from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError

ACCESS = monitors.Access("/etc/ceph/ceph.conf", "client.admin")


class Rados:
    """librados' bindings as they are: only the configuration limits how long a command waits. `quorum` is lost after the first command."""

    class ObjectNotFound(Exception):
        pass

    def __init__(self, *, conffile: str, name: str, conf: t.Mapping[str, str]) -> None:
        self.conf = conf
        self.quorum = True
        self.targets: list[str | None] = []

    def connect(self, timeout: int = 0) -> None:
        assert int(self.conf["client_mount_timeout"]) == ACCESS.timeout

    def mon_command(
        self, cmd: str, inbuf: bytes, timeout: int = 0, target: str | None = None
    ) -> tuple[int, bytes, str]:
        self.targets.append(target)
        if self.quorum:
            self.quorum = False
            return 0, json.dumps({"fsid": "f"}).encode(), ""
        assert int(self.conf.get("rados_mon_op_timeout", 0)) > 0, "it waits for ever"
        return -errno.ETIMEDOUT, b"", "timed out"

    def shutdown(self) -> None:
        pass


def never(_args: list[str], _data: str) -> tuple[int, str, str]:
    raise AssertionError("nothing is to be run")


@pytest.mark.parametrize("monitor", ["", "a"])
def test_a_lost_quorum_is_told_through_librados(monkeypatch: pytest.MonkeyPatch, monitor: str) -> None:
    monkeypatch.setattr(monitors, "rados", type("rados", (), {"Rados": Rados, "ObjectNotFound": Rados.ObjectNotFound}))
    with monitors.monitors(ACCESS, never) as found:
        assert found.call("fsid", {}, ("fsid",)) == {"fsid": "f"}
        with pytest.raises(
            OperatorError, match="didn't answer `osd pool ls` within 60 s: they may have lost their quorum"
        ):
            found.call("osd pool ls", {}, ("osd", "pool", "ls"), monitor)
        assert t.cast(t.Any, found)._cluster.targets == [None, monitor or None]


@pytest.mark.parametrize(
    ("rc", "err", "words"),
    [
        (124, "", "didn't answer `fsid` within 60 s"),
        (137, "", "didn't answer `fsid` within 60 s"),
        (
            127,
            "timeout: failed to run command 'ceph': No such file or directory",
            "install python3-rados or ceph-common",
        ),
        (
            1,
            "[errno 110] RADOS timed out (error connecting to the cluster)",
            "No monitor of /etc/ceph/ceph.conf answered",
        ),
        (22, "invalid command", "Ceph rejected `fsid`: invalid command"),
    ],
)
def test_what_the_command_ends_with(monkeypatch: pytest.MonkeyPatch, rc: int, err: str, words: str) -> None:
    def run(args: list[str], _data: str) -> tuple[int, str, str]:
        assert args[:4] == ["timeout", "--kill-after=5", "65", "ceph"]
        return rc, "", err

    monkeypatch.setattr(monitors, "rados", None)
    with monitors.monitors(ACCESS, run) as found, pytest.raises(OperatorError) as raised:
        found.call("fsid", {}, ("fsid",))
    assert words in str(raised.value)


INSIDE = monitors.Access("/etc/ceph/ceph.conf", "client.admin", command=("podman", "exec", "ceph-mon-a"))


def test_a_container_s_command_is_used_even_where_there_are_bindings(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[list[str]] = []

    def run(args: list[str], _data: str) -> tuple[int, str, str]:
        lines.append(args)
        return 0, '{"fsid": "f"}', "Inferring fsid f"

    monkeypatch.setattr(monitors, "rados", Rados)
    with monitors.monitors(INSIDE, run) as found:
        assert found.call("fsid", {}, ("fsid",)) == {"fsid": "f"}
        assert not found.lacks_rbd()
    outer, inner = ["timeout", "--kill-after=5", "125"], ["timeout", "--kill-after=5", "65"]
    assert lines[0][:10] == [*outer, "podman", "exec", "ceph-mon-a", *inner, "ceph"]


@pytest.mark.parametrize(
    ("rc", "err"),
    [
        (125, "Error: no such container ceph-mon-a"),
        (127, "failed to run command 'podman'"),
        (1, "Error: No such container: ceph-mon-a"),
    ],
)
def test_a_container_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, rc: int, err: str) -> None:
    monkeypatch.setattr(monitors, "rados", None)
    with (
        monitors.monitors(INSIDE, lambda _args, _data: (rc, "", err)) as found,
        pytest.raises(
            OperatorError,
            match="`podman exec ceph-mon-a` doesn't lead to a ceph command on this host: .*ceph_openstack_admin_command",
        ),
    ):
        found.call("fsid", {}, ("fsid",))


@pytest.mark.parametrize(
    ("there", "bindings", "command"),
    [
        ({"cephadm"}, False, ("/sbin/cephadm", "shell", "--")),
        ({"cephadm", "ceph"}, False, ()),
        ({"cephadm"}, True, ()),
        (set(), False, ()),
    ],
)
def test_cephadm_s_shell_is_used_where_there_is_nothing_else(
    monkeypatch: pytest.MonkeyPatch, there: set[str], bindings: bool, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(monitors, "rados", Rados if bindings else None)
    monkeypatch.setattr(shutil, "which", lambda name, **_path: f"/sbin/{name}" if name in there else None)
    assert monitors.way_in(ACCESS).command == command
    assert monitors.way_in(INSIDE) == INSIDE
