# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes: what users would do, done again and again in threads where Ansible runs."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import typing as t
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, shown
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.components import Record
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.outages import Sample
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.schedule import parse_allowed

KINDS = ("http", "tcp", "command", "ping")
_KEYS = {"name", "kind", "url", "status", "ca_file", "host", "port", "argv", "interval", "timeout", "allowed"}
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,252}\Z")


@dataclass(frozen=True)
class Probe:
    """One thing that users do. interval and timeout are seconds; allowed the seconds of outage that are held, whatever is broken."""

    name: str
    kind: str
    interval: float
    timeout: float
    allowed: float
    url: str = ""
    status: tuple[int, ...] = ()
    ca_file: str = ""
    host: str = ""
    port: int = 0
    argv: tuple[str, ...] = ()

    @property
    def pause(self) -> float:
        """The longest silence, in seconds, that this probe makes by itself."""
        return 2 * self.interval + self.timeout


def parse(given: t.Any) -> list[Probe]:
    """Probes of their options. Raises OperatorError that names the probe, and where there is none."""
    probes = [_probe(one) for one in given or []]
    if not probes:
        raise OperatorError("No probe is declared, so nobody would see what users notice; set failure_drill_probes.")
    names = [one.name for one in probes]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OperatorError(f"Two probes are called {shown(twice[0])}; give each a name of its own.")
    return probes


def _probe(given: t.Any) -> Probe:
    if not isinstance(given, t.Mapping) or not str(given.get("name") or ""):
        raise OperatorError(f"A probe is {shown(given)}; wanted name, kind, ....")
    name = str(given["name"])
    kind = str(given.get("kind") or "http")
    if kind not in KINDS:
        raise OperatorError(f"{shown(name)}: kind is {shown(kind)}; wanted one of {', '.join(KINDS)}.")
    unknown = sorted(set(map(str, given)) - _KEYS)
    if unknown:
        raise OperatorError(
            f"{shown(name)}: there is no option {shown(unknown[0])}; there are {', '.join(sorted(_KEYS))}."
        )
    probe = Probe(
        name,
        kind,
        interval=_number(name, "interval", given.get("interval", 1), 0.1, 60),
        timeout=_number(name, "timeout", given.get("timeout", 5), 0.1, 300),
        allowed=parse_allowed(name, given.get("allowed", 0)) or 0.0,
    )
    if kind == "http":
        return replace(
            probe, url=_url(name, given), status=_status(name, given), ca_file=str(given.get("ca_file") or "")
        )
    if kind == "command":
        return replace(probe, argv=_argv(name, given.get("argv")))
    host = str(given.get("host") or "")
    if not _HOST.match(host):
        raise OperatorError(f"{shown(name)}: host is {shown(host)}; wanted a name or an address.")
    if kind == "ping":
        return replace(probe, host=host)
    return replace(probe, host=host, port=int(_number(name, "port", given.get("port"), 1, 65535)))


def _argv(name: str, argv: t.Any) -> tuple[str, ...]:
    if not isinstance(argv, (list, tuple)) or not argv or not all(isinstance(part, str) for part in argv):
        raise OperatorError(f"{shown(name)}: argv isn't a list of a program and its arguments.")
    return tuple(str(part) for part in argv)


def _number(name: str, key: str, value: t.Any, least: float, most: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not least <= number <= most:
        raise OperatorError(f"{shown(name)}: {key} is {shown(value)}; wanted {least:g} to {most:g}.")
    return number


def _url(name: str, given: Record) -> str:
    url = str(given.get("url") or "")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not url.isascii() or re.search(r"[\s\x00-\x1f]", url):
        raise OperatorError(f"{shown(name)}: url is {shown(url)}; wanted http:// or https:// with a host.")
    if parts.username is not None or parts.password is not None:
        raise OperatorError(
            f"{shown(name)}: url has a user or a password in it; leave it out, or use a command that logs in."
        )
    return url


def _status(name: str, given: Record) -> tuple[int, ...]:
    status = given.get("status") or []
    if not isinstance(status, (list, tuple)):
        status = [status]
    return tuple(int(_number(name, "status", one, 100, 599)) for one in status)


def once(probe: Probe) -> Sample:
    """Do it once. An answer that comes after the timeout is a failure."""
    begin = time.monotonic()
    try:
        why = {"http": _http, "tcp": _tcp, "command": _command, "ping": _ping}[probe.kind](probe)
    except (OSError, http.client.HTTPException, ValueError) as exc:
        why = _words(exc)
    end = time.monotonic()
    if not why and end - begin > probe.timeout:
        why = f"took {end - begin:.1f} s"
    return Sample(begin, end, not why, why)


def _words(exc: Exception) -> str:
    if isinstance(exc, socket.gaierror):
        return "the name has no address"
    if isinstance(exc, TimeoutError):
        return "no answer in time"
    if isinstance(exc, ssl.SSLError):
        return f"TLS: {exc.reason or 'failed'}"
    if isinstance(exc, OSError):
        return str(exc.strerror or type(exc).__name__)
    return type(exc).__name__


def _http(probe: Probe) -> str:
    """Why it failed; empty where it passed. Proxies and redirects aren't followed: the one that was named has to answer."""
    parts = urlsplit(probe.url)
    host = str(parts.hostname)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=probe.ca_file or None)
        connection = http.client.HTTPSConnection(host, parts.port, timeout=probe.timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=probe.timeout)
    with contextlib.closing(connection):
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"User-Agent": "openstack_ops.day2 drill", "Connection": "close"})
        status = connection.getresponse().status
    fine = status in probe.status if probe.status else 200 <= status < 400
    return "" if fine else f"HTTP {status}"


def _tcp(probe: Probe) -> str:
    socket.create_connection((probe.host, probe.port), timeout=probe.timeout).close()
    return ""


def _ping(probe: Probe) -> str:
    return _ran(["ping", "-n", "-c", "1", "-W", str(max(1, round(probe.timeout))), probe.host], probe.timeout)


def _command(probe: Probe) -> str:
    return _ran(probe.argv, probe.timeout)


def _ran(argv: t.Sequence[str], timeout: float) -> str:
    # What it says may be a secret, so nobody reads it.
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        return "no answer in time"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return f"ended with {code}" if code else ""


@dataclass
class Watch:
    """Probes that run side by side until they are stopped."""

    probes: t.Sequence[Probe]
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Watch:
        for probe in self.probes:
            self.samples[probe.name] = []
            thread = threading.Thread(target=self._run, args=(probe,), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for probe, thread in zip(self.probes, self._threads, strict=False):
            thread.join(probe.timeout + 5)

    def _run(self, probe: Probe) -> None:
        while not self._stop.is_set():
            sample = once(probe)
            self.samples[probe.name].append(sample)
            self._stop.wait(max(0.0, sample.begin + probe.interval - time.monotonic()))

    def last(self, probe: Probe, since: float) -> Sample | None:
        """The probe's last sample that began since then."""
        return next((one for one in reversed(self.samples[probe.name]) if one.begin >= since), None)

    def failing(self, since: float, seconds: float) -> dict[str, str]:
        """Wait until every probe has passed with a sample that began since then; what hasn't after the seconds, and why."""
        deadline = time.monotonic() + seconds
        while True:
            last = {probe.name: self.last(probe, since) for probe in self.probes}
            wrong = {name: one.why if one else "it never ran" for name, one in last.items() if not (one and one.passed)}
            if not wrong or time.monotonic() > deadline:
                return wrong
            time.sleep(0.05)
