# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rsyslog doesn't do for central logs; called by the units that the role central_logs writes.

store DIRECTORY     write lines to HOST/SERVICE.log, and confirm each to rsyslog (omprog) when it is written, and no earlier
certificate FILE    fail where a certificate isn't valid today
gate SETTINGS       fail where rsyslog shouldn't start, because it would lose lines
watch SETTINGS      stop rsyslog before a certificate expires, start it again, tell what is wrong, and write metrics
"""

from __future__ import annotations

import base64
import calendar
import collections
import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import syslog
import time
import typing as t

_OPEN_FILES = 4000
_NAMES = re.compile(rb"[^/\0. -][^/\0 ]*/[^/\0. -][^/\0 ]*\Z")
#: Where lines go whose names no file can have.
_UNNAMED = b"_/_"
_UNNAMEABLE = (errno.ENAMETOOLONG, errno.EINVAL, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_DAY, _WARN_DAYS = 86400, 30
#: rsyslog is stopped this many seconds before a certificate expires: longer than it takes until the next look.
_BEFORE = 180

#: Runs a command given as words: its exit code, and what it printed.
Run = t.Callable[..., "tuple[int, str]"]


class Failure(Exception):
    """A reason in words."""


# --------------------------------------------------------------------- store
class Store:
    """The files of the logs. One process writes them at a time."""

    def __init__(self, directory: str) -> None:
        self._directory = os.fsencode(directory)
        self._open: collections.OrderedDict[bytes, int] = collections.OrderedDict()

    def write(self, message: bytes) -> None:
        """Append `HOST/SERVICE LINE`, whole or not at all. Raises OSError where that can't be done now."""
        names, blank, line = message.partition(b" ")
        if not blank or not _NAMES.match(names):
            names, line = _UNNAMED, message
        try:
            self._append(names, line)
        except OSError as exc:
            self.close()
            if exc.errno not in _UNNAMEABLE:
                raise
            self._append(_UNNAMED, message)

    def _append(self, names: bytes, line: bytes) -> None:
        handle = self._handle(names)
        end = os.fstat(handle).st_size
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(handle, left) :]
        except OSError:
            os.ftruncate(handle, end)
            raise

    def _handle(self, names: bytes) -> int:
        if names in self._open:
            self._open.move_to_end(names)
            return self._open[names]
        path = os.path.join(self._directory, names + b".log")
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            handle = os.open(path, flags, 0o640)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
            handle = os.open(path, flags, 0o640)
        self._open[names] = handle
        if len(self._open) > _OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
        return handle

    def close(self) -> None:
        """Close all files: those that logrotate has renamed are made anew."""
        while self._open:
            os.close(self._open.popitem()[1])


def store(directory: str) -> int:
    files = Store(directory)
    rotated = [False]
    signal.signal(signal.SIGHUP, lambda _number, _frame: rotated.__setitem__(0, True))
    print("OK", flush=True)
    for message in sys.stdin.buffer:
        if rotated[0]:
            rotated[0] = False
            files.close()
        try:
            files.write(message)
        except OSError as exc:
            print(f"Error: {exc.strerror} ({directory})", flush=True)
        else:
            print("OK", flush=True)
    return 0


# -------------------------------------------------------------- certificates
def valid_until(path: str, now: float) -> float:
    """When the first of the certificates in a PEM file expires. Raises Failure where one isn't valid yet, or there is none."""
    with open(path, encoding="ascii", errors="replace") as lines:
        found = _PEM.findall(lines.read())
    if not found:
        raise Failure(f"{path} holds no certificate.")
    ends = []
    for text in found:
        begin, end = validity(base64.b64decode(text))
        if now < begin:
            raise Failure(f"{path} isn't valid before {_date(begin)}; is the clock of this host right?")
        ends.append(end)
    return min(ends)


def validity(der: bytes) -> tuple[float, float]:
    """From and until when a certificate is valid (RFC 5280, 4.1), as seconds since 1970. Raises Failure where it is none."""
    try:
        _tag, certificate, _rest = _element(der)
        _tag, body, _rest = _element(certificate)
        tag, _value, rest = _element(body)
        if tag == 0xA0:  # the version; older ones have none
            _tag, _value, rest = _element(rest)
        _tag, _algorithm, rest = _element(rest)
        _tag, _issuer, rest = _element(rest)
        _tag, dates, _rest = _element(rest)
        tag, begin, rest = _element(dates)
        first = _time(tag, begin)
        tag, end, _rest = _element(rest)
        return first, _time(tag, end)
    except (IndexError, ValueError) as exc:
        raise Failure(f"A certificate can't be read ({exc}).") from None


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """The first element of DER: its tag, its value, and what comes after it."""
    tag, size, at = data[0], data[1], 2
    if size & 0x80:
        count = size & 0x7F
        size, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    if len(data) < at + size:
        raise ValueError("it ends too early")
    return tag, data[at : at + size], data[at + size :]


def _time(tag: int, value: bytes) -> float:
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError(f"a date of kind {tag}")
    return float(calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ")))


def certificate(path: str) -> int:
    """For monitoring: raises Failure where a certificate has expired."""
    now = time.time()
    end = valid_until(path, now)
    if end < now:
        raise Failure(f"It expired on {_date(end)}. Renew it.")
    return 0


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


# ---------------------------------------------------------------------- gate
class Settings(t.NamedTuple):
    """What the role wrote for one part: its unit, files, and where it tells what it found."""

    part: str
    unit: str
    certificates: t.Mapping[str, str]  # by what they are: ca, certificate
    key: str
    spool: str
    metrics: str
    directory: str = ""
    server: str = ""
    port: int = 0
    server_name: str = ""
    files: t.Sequence[str] = ()  # logs that are read beside the journal


def settings(path: str) -> Settings:
    with open(path, encoding="utf-8") as text:
        found = json.load(text)
    return Settings(**{**found, "port": int(found["port"])})


def expired(here: Settings, now: float) -> str:
    """Which certificate of this host keeps rsyslog from running now; empty where none does."""
    for what, path in here.certificates.items():
        try:
            end = valid_until(path, now)
        except (Failure, OSError) as exc:
            return str(exc)
        if end < now + _BEFORE:
            return f"the {what} in {path} is valid until {_date(end)}; renew it, and run the playbook centralize_logs"
    return ""


def mismatch(here: Settings) -> str:
    """Why rsyslog would refuse the server's certificate, and drop lines then; empty where it wouldn't, or where no server answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    try:
        context.load_verify_locations(here.certificates["ca"])
        context.load_cert_chain(here.certificates["certificate"], here.key)
    except OSError as exc:
        return f"{here.certificates['certificate']} and {here.key} can't be used: {exc}"
    try:
        with socket.create_connection((here.server, here.port), 5) as plain, context.wrap_socket(plain) as secure:
            shown: dict[str, t.Any] = dict(secure.getpeercert() or {})
    except ssl.SSLCertVerificationError as exc:
        return f"the certificate of {here.server} isn't accepted: {exc.verify_message}"
    except OSError:
        return ""
    names = [name for kind, name in shown.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    names += [value for part in shown.get("subject", ()) for key, value in part if key == "commonName"]
    if here.server_name not in names:
        return f"the certificate of {here.server} is for {', '.join(sorted(set(names)))}, not for {here.server_name}"
    return ""


def gate(path: str) -> int:
    """Before rsyslog starts: raises Failure where it must not."""
    here = settings(path)
    reason = expired(here, time.time()) or (mismatch(here) if here.part == "node" else "")
    if reason:
        time.sleep(10)  # systemd tries again at once
        raise Failure(f"rsyslog isn't started: {reason}.")
    if here.part == "node":
        begin_here(here, run)
    return 0


def begin_here(here: Settings, run: Run) -> None:
    """Before rsyslog's first start, tell it where in the journal to begin: without a place it skips what comes while it opens the journal,
    and there is none from which to read again what it drops, should its server refuse it."""
    place = os.path.join(here.spool, "journal")
    if os.path.exists(place):
        return
    last = journal(run, "--lines=1")
    if last:
        for name in (place + ".good", place):
            _replace(name, last[-1]["__CURSOR"])


def journal(run: Run, *wanted: str) -> t.Optional[list[dict[str, t.Any]]]:
    """These entries of the journal, by journalctl's names of their fields; None where it doesn't answer."""
    fields = "--output-fields=MESSAGE,_SYSTEMD_UNIT"
    code, said = run("journalctl", "--quiet", "--all", "--output=json", fields, *wanted)  # else long messages are null
    with contextlib.suppress(ValueError):
        return [json.loads(line) for line in said.splitlines()] if code == 0 else None
    return None


def _message(entry: t.Mapping[str, t.Any]) -> str:
    """A list of bytes where it isn't UTF-8, as the name of a server in it may be."""
    found = entry.get("MESSAGE")
    return bytes(found).decode("utf-8", "replace") if isinstance(found, list) else str(found)


# --------------------------------------------------------------------- watch
class Watch:
    """One look at one part, and what follows from it. looked: the last entry of rsyslog's in the journal that was read, by this look or one before."""

    def __init__(self, here: Settings, run: Run, now: float) -> None:
        self._here = here
        self._run = run
        self._now = now
        self._stopped = os.path.join(here.spool, "stopped")
        self._state = os.path.join(here.spool, "journal")
        looked = status(os.path.join(here.spool, "status.json")).get("looked")
        self.looked: t.Optional[str] = looked if isinstance(looked, str) else None

    def look(self) -> tuple[dict[str, float], list[str]]:
        """Numbers for metrics, and what somebody has to see to."""
        here = self._here
        numbers, told = self._certificates()
        state = self._run("systemctl", "is-active", "--", here.unit)[1].strip()
        active = state == "active"
        refused = self._refused() if here.part == "node" else False
        reason = expired(here, self._now)
        if not reason and here.part == "node" and (refused or not active):
            reason = mismatch(here)
        # One that the gate keeps from starting is activating; one that somebody has stopped stays as it is.
        if state in ("active", "activating") and (refused or (active and reason)):
            self._stop()
            active = False
        if refused:
            self._rewind()
        if not active and not reason and os.path.exists(self._stopped):
            active = self._start()
        if reason:
            told.append(f"{here.unit} is stopped, because {reason}. Lines wait on the nodes meanwhile.")
        if here.part == "node":
            self._keep_place(healthy=active and refused is False)
            queued = self._queued()
            if queued is not None:
                numbers["queue_lines"] = float(queued)
        else:
            found = os.statvfs(here.directory)
            numbers["free_bytes"] = float(found.f_bavail * found.f_frsize)
            if numbers["free_bytes"] < 0.05 * found.f_blocks * found.f_frsize:
                told.append(f"{here.directory} is almost full; when it is, lines wait on the nodes.")
        numbers["active"] = float(active)
        return numbers, told

    def _certificates(self) -> tuple[dict[str, float], list[str]]:
        numbers, told = {}, []
        for what, path in self._here.certificates.items():
            try:
                left = valid_until(path, self._now) - self._now
            except (Failure, OSError) as exc:
                told.append(str(exc))
                continue
            numbers[f"{what}_seconds_left"] = left
            if left < _WARN_DAYS * _DAY:
                told.append(
                    f"{path} expires in {max(0, int(left // _DAY))} days, on {_date(self._now + left)}; renew it."
                )
        return numbers, told

    def _refused(self) -> t.Optional[bool]:
        """Whether rsyslog switched its sending off since the last look, before somebody restarted it or not: it drops lines then.

        None where the journal doesn't tell.
        """
        # By the place in the journal and not by time, which journald may write a moment late. What a process says that is gone by then
        # has no unit, but still a name and a user that no other account can take.
        after, unit = f"--after-cursor={self.looked}" if self.looked else "--boot", f"{self._here.unit}.service"
        found = journal(self._run, after, f"_SYSTEMD_UNIT={unit}", "+", "SYSLOG_IDENTIFIER=rsyslogd", "_UID=0")
        if found is None:
            return None
        self.looked = found[-1]["__CURSOR"] if found else self.looked
        return any("DISABLING action" in _message(one) for one in found if one.get("_SYSTEMD_UNIT", unit) == unit)

    def _stop(self) -> None:
        with open(self._stopped, "w", encoding="utf-8"):
            pass
        self._run("systemctl", "stop", "--", self._here.unit)

    def _rewind(self) -> None:
        """Have the journal read again from a place before which all has been sent: what was dropped is there, after it."""
        good = self._state + ".good"
        if os.path.exists(good):
            # Lines of files are in the queue alone, so it stays where there are any; then those of the journal that wait in it arrive twice.
            shutil.copyfile(good, self._state)
            for name in [] if self._here.files else os.listdir(self._here.spool):
                if name.startswith("forward."):
                    os.unlink(os.path.join(self._here.spool, name))

    def _start(self) -> bool:
        started = self._run("systemctl", "start", "--", self._here.unit)[0] == 0
        if started:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._stopped)
        return started

    def _queued(self) -> t.Optional[int]:
        """How many lines wait in the queue, which is empty where it has no file; None where its file can't be understood."""
        try:
            with open(os.path.join(self._here.spool, "forward.qi"), encoding="utf-8", errors="replace") as text:
                found = re.search(r"iQueueSize:\d+:\d+:(\d+):", text.read())
        except FileNotFoundError:
            return 0
        return int(found.group(1)) if found else None

    def _keep_place(self, *, healthy: bool) -> None:
        """Remember a place in the journal before which all has been sent: where the queue was empty, and nothing went wrong until the next look."""
        candidate = self._state + ".candidate"
        if not healthy:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(candidate)
            return
        with contextlib.suppress(FileNotFoundError):
            os.replace(candidate, self._state + ".good")
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(self._state, candidate + ".new")
            if self._queued() == 0:
                os.replace(candidate + ".new", candidate)


def run(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, timeout=60
    )
    return done.returncode, done.stdout.decode("utf-8", "replace")


def metrics(part: str, numbers: t.Mapping[str, float]) -> str:
    """In node_exporter's textfile format."""
    lines = []
    for name, value in sorted(numbers.items()):
        full = f"central_logs_{name}"
        lines += [f"# TYPE {full} gauge", f'{full}{{part="{part}"}} {value:.10g}']
    return "\n".join(lines) + "\n"


def watch(path: str) -> int:
    here = settings(path)
    with open(os.path.join(here.spool, "lock"), "w", encoding="utf-8") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # the timer's look and one by hand would both stop rsyslog and put it back
        return _watch(here)


def _watch(here: Settings) -> int:
    now = time.time()
    watching = Watch(here, run, now)
    numbers, told = watching.look()
    syslog.openlog("central-logs", syslog.LOG_PID, syslog.LOG_DAEMON)
    path = os.path.join(here.spool, "status.json")
    for text in news(path, told):
        syslog.syslog(syslog.LOG_WARNING, text)
    _replace(path, json.dumps({"time": int(now), "looked": watching.looked, "told": told, **numbers}, indent=2) + "\n")
    if here.metrics:
        _replace(os.path.join(here.metrics, f"central_logs_{here.part}.prom"), metrics(here.part, numbers))
    return 0


def news(path: str, told: t.Sequence[str]) -> list[str]:
    """What the last look didn't tell yet; of certificates it is another text each day."""
    before = status(path).get("told")
    return [text for text in told if not isinstance(before, list) or text not in before]


def status(path: str) -> dict[str, t.Any]:
    """What the last look found; empty where nobody has looked yet, or the file can't be understood."""
    try:
        with open(path, encoding="utf-8") as text:
            found = json.load(text)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _replace(path: str, text: str) -> None:
    """Replace a world-readable file as a whole: somebody may read at any moment."""
    # Or put links into the folder, if it is another account's: so names are used only to create and to rename, the mode is set by descriptor.
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fresh = f".{os.path.basename(path)}.{secrets.token_hex(8)}"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(fresh, flags, 0o600, dir_fd=folder)
        try:
            with open(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fchmod(handle, 0o644)
            os.rename(fresh, os.path.basename(path), src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh, dir_fd=folder)
            raise
    finally:
        os.close(folder)


def main(words: t.Sequence[str]) -> int:
    commands = {"store": store, "certificate": certificate, "gate": gate, "watch": watch}
    if len(words) != 2 or words[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return commands[words[0]](words[1])
    except (Failure, OSError) as exc:
        print(f"central-logs: {exc}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
