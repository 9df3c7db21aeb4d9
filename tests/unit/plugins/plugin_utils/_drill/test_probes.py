# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes against servers of their own on loopback."""

from __future__ import annotations

import contextlib
import http.server
import os
import socket
import subprocess
import threading
import time
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drill import probes


class Server(http.server.BaseHTTPRequestHandler):
    """Answers with the number that is the path."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/").partition("?")[0]))
        self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def server() -> t.Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{made.server_address[1]}"
        made.shutdown()


@contextlib.contextmanager
def silent() -> t.Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield int(one.getsockname()[1])


def probe(**given: t.Any) -> probes.Probe:
    (one,) = probes.parse([{"name": "one", **given}])
    return one


def once(**given: t.Any) -> str:
    sample = probes.once(probe(timeout=60, **given))
    assert sample.passed == (not sample.why)
    return sample.why


@pytest.mark.parametrize(
    ("path", "status", "why"),
    [
        ("200", [], ""),
        ("300?a=b", [], ""),
        ("302", [302], ""),
        ("401", [200, 401], ""),
        ("200", [401], "HTTP 200"),
        ("503", [], "HTTP 503"),
    ],
)
def test_http(server: str, path: str, status: list[int], why: str) -> None:
    assert once(url=f"http://{server}/{path}", status=status) == why


def test_a_proxy_is_not_asked(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert once(url=f"http://{server}/200") == ""


def test_tls_is_verified(server: str) -> None:
    assert once(url=f"https://{server}/200").startswith("TLS: ")


def test_tcp(server: str) -> None:
    assert once(kind="tcp", host="127.0.0.1", port=server.rpartition(":")[2]) == ""
    with silent() as port:
        pass
    assert once(kind="tcp", host="127.0.0.1", port=port) == "Connection refused"
    assert once(url=f"http://127.0.0.1:{port}/") == "Connection refused"


def test_a_server_that_says_nothing_fails() -> None:
    with silent() as port:
        sample = probes.once(probe(url=f"http://127.0.0.1:{port}/", timeout=0.2))
    assert sample.why == "no answer in time"


def test_an_answer_that_comes_too_late_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 16.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(probes, "_tcp", lambda _probe: "")
    assert probes.once(probe(kind="tcp", host="x", port=1, timeout=5)).why == "took 6.0 s"


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["true"], ""),
        (["sh", "-c", "echo secret; echo secret >&2; exit 3"], "ended with 3"),
        (["no-such-program"], "No such file or directory"),
    ],
)
def test_commands(argv: list[str], why: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert once(kind="command", argv=argv) == why
    assert capfd.readouterr() == ("", "")


def test_a_command_that_hangs_is_ended_with_all_that_it_started() -> None:
    read, write = os.pipe()
    with open(read, "rb") as ends:
        script = f"sleep 1000 >&{write} & sleep 1000"
        one = probe(kind="command", argv=["bash", "-c", script], timeout=0.3)
        os.set_inheritable(write, True)
        original = subprocess.Popen
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(subprocess, "Popen", lambda *a, **k: original(*a, **k, pass_fds=(write,)))
            assert probes.once(one).why == "no answer in time"
        os.close(write)
        assert ends.read() == b"", "its child still has the pipe"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ([], "No probe is declared"),
        (None, "No probe is declared"),
        (["x"], "A probe is 'x'"),
        ([{"kind": "tcp"}], "A probe is"),
        ([{"name": "a", "kind": "dns"}], "'a': kind is 'dns'"),
        ([{"name": "a", "url": "ftp://x"}], "'a': url is 'ftp://x'"),
        ([{"name": "a", "url": "http://"}], "'a': url is"),
        ([{"name": "a", "url": "http://x:port/"}], "'a': url is"),
        ([{"name": "a", "url": "http://x/\r\nHost: y"}], "'a': url is"),
        ([{"name": "a", "url": "http://u:p@x/"}], "has a user or a password in it"),
        ([{"name": "a", "url": "http://x", "method": "POST"}], "'a': there is no option 'method'"),
        ([{"name": "a", "url": "http://x", "status": "fine"}], "'a': status is 'fine'"),
        ([{"name": "a", "url": "http://x", "interval": 0}], "'a': interval is '0'; wanted 0.1 to 60"),
        ([{"name": "a", "url": "http://x", "timeout": True}], "'a': timeout is 'True'"),
        ([{"name": "a", "url": "http://x", "allowed": "x"}], "a: allowed is 'x'"),
        ([{"name": "a", "kind": "ping", "host": "-f"}], "'a': host is '-f'"),
        ([{"name": "a", "kind": "tcp", "host": "x", "port": 0}], "'a': port is '0'"),
        ([{"name": "a", "kind": "command", "argv": "ls"}], "'a': argv isn't a list"),
        ([{"name": "a", "kind": "command", "argv": []}], "'a': argv isn't a list"),
        ([{"name": "a", "url": "http://x"}] * 2, "Two probes are called 'a'"),
    ],
)
def test_what_is_wrong_is_named(given: t.Any, error: str) -> None:
    with pytest.raises(OperatorError) as raised:
        probes.parse(given)
    assert error in str(raised.value)
    assert "u:p@" not in str(raised.value)


def test_probes_run_until_they_are_stopped(server: str) -> None:
    good = probe(url=f"http://{server}/200", interval=0.1, timeout=60)
    with probes.Watch([good]) as watch:
        assert watch.failing(0.0, 300) == {}
        seen = len(watch.samples["one"])
        assert watch.failing(time.monotonic(), 300) == {}
        assert len(watch.samples["one"]) > seen
    many = len(watch.samples["one"])
    assert not any(thread.is_alive() for thread in watch._threads)
    assert len(watch.samples["one"]) == many


def test_what_fails_is_told_and_what_never_ran_is_no_success(server: str) -> None:
    bad = probe(url=f"http://{server}/503", interval=0.1, timeout=60)
    with probes.Watch([bad]) as watch:
        while not watch.samples["one"]:
            time.sleep(0.01)
        assert watch.failing(0.0, 0) == {"one": "HTTP 503"}
        assert watch.failing(time.monotonic() + 1000, 0) == {"one": "it never ran"}
