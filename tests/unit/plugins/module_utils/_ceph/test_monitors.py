# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Monitors that lose their quorum after a run has connected end it with an error; python3-rados ignores its functions' own timeouts."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pty
import subprocess
import typing as t
from pathlib import Path

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
        (1, "Error response from daemon: container 5d0c is not running"),
        (1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock"),
        (255, "Error: can only create exec sessions on running containers: container state improper"),
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


def test_a_container_that_hangs_is_not_taken_for_a_lost_quorum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitors, "rados", None)
    with (
        monitors.monitors(INSIDE, lambda _args, _data: (124, "", "")) as found,
        pytest.raises(
            OperatorError, match=r"`podman exec ceph-mon-a ceph fsid` didn't end in time .* container doesn't start, or"
        ),
    ):
        found.call("fsid", {}, ("fsid",))


def _as_ansible_runs(args: list[str], data: str) -> tuple[int, str, str]:
    given: dict[str, t.Any] = {"input": data} if data else {}
    done = subprocess.run(args, capture_output=True, text=True, check=False, **given)
    return done.returncode, done.stdout, done.stderr


def test_a_container_that_reads_goes_on_though_the_module_has_a_terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in (("rados", None), ("_ANSWER_SECONDS", 2), ("_START_SECONDS", 2)):
        monkeypatch.setattr(monitors, name, value)
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\ncat >/dev/null\necho \'{"fsid": "f"}\'\n')
    shell.chmod(0o755)
    pid, terminal = pty.fork()
    if not pid:
        try:
            with monitors.monitors(monitors.Access("c", "n", command=(str(shell),)), _as_ansible_runs) as found:
                os.write(1, str(found.call("fsid", {}, ("fsid",))).encode())
        except OperatorError as exc:
            os.write(1, str(exc).encode())
        finally:
            os._exit(0)
    said = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while True:
            said += os.read(terminal, 4096)
    os.close(terminal)
    os.waitpid(pid, 0)
    assert said.decode() == "{'fsid': 'f'}"


def test_a_new_key_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """podman copies what a container prints to the journal."""
    lines: list[list[str]] = []

    def run(args: list[str], _data: str) -> tuple[int, str, str]:
        lines.append(args)
        return 0, "", ""

    monkeypatch.setattr(monitors, "rados", None)
    with monitors.monitors(INSIDE, run) as found:
        found.call("auth get-or-create", {}, ("auth", "get-or-create", "client.a", "mon", "profile rbd"))
    (line,) = lines
    assert line[line.index("--out-file") + 1] == "/dev/null"
    assert line.index("--out-file") < line.index("auth")
