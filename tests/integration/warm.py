# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook without its start: a process that has imported Ansible and the SDK once forks for each run.

Each run is a process and a session of its own, with the command line, environment and output of an ansible-playbook that was started.
What it begins with is as it was before Ansible looked at its command line: a run knows nothing of the ones before.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import typing as t


class _Server:
    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()
        atexit.register(self._end)

    def _end(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)

    def ask(self, **request: t.Any) -> int:
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())


@functools.cache
def _server(given: str) -> _Server:
    return _Server(json.loads(given))


def playbook(
    words: t.Sequence[str],
    environment: t.Mapping[str, str],
    *,
    folder: str | os.PathLike[str] = ".",
    timeout: float = 600,
) -> subprocess.CompletedProcess[str]:
    """What `ansible-playbook WORDS` ends with, run in a folder. After so many seconds it is killed with all that it began, and
    TimeoutExpired raised.

    Ansible reads its own settings when it is imported, so each set of them has a server of its own.
    """
    settings = {
        key: value for key, value in environment.items() if key.startswith("ANSIBLE_") or key in ("PATH", "HOME")
    }
    with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
        ends = {name: f"/proc/{os.getpid()}/fd/{file.fileno()}" for name, file in (("out", out), ("err", err))}
        rc = _server(json.dumps(settings, sort_keys=True)).ask(
            words=list(words), environment=dict(environment), timeout=timeout, folder=os.path.abspath(folder), **ends
        )
        out.seek(0)
        err.seek(0)
        said = out.read(), err.read()
    if rc == -signal.SIGKILL:
        raise subprocess.TimeoutExpired(["ansible-playbook", *words], timeout, *said)
    return subprocess.CompletedProcess(["ansible-playbook", *words], rc, *said)


# ------------------------------------------------------------ the process that forks
def _serve() -> None:
    sys.path.remove(os.path.dirname(os.path.abspath(__file__)))  # whose folders aren't what is imported by their names
    import ansible.cli.playbook
    import ansible.executor.playbook_executor
    import ansible.plugins.strategy.linear  # noqa: F401
    import openstack.connection  # noqa: F401  the collection's actions wait for this most of all

    # The answers' own end; what is imported or run may print.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        child = os.fork()
        if not child:
            _become(request)
        answers.write(f"{_wait(child, request['timeout'])}\n")
        answers.flush()


def _wait(child: int, timeout: float) -> int:
    """Its exit code, or what signal killed it, below zero."""
    end = time.monotonic() + timeout
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        time.sleep(0.02)


def _become(request: dict[str, t.Any]) -> t.NoReturn:
    """One run of ansible-playbook. It leaves without Python's own end, which would take away what the next run needs."""
    from ansible.cli.playbook import main

    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_APPEND), number)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    sys.argv = ["ansible-playbook", *request["words"]]
    code: t.Any = 1
    try:
        main(sys.argv)
    except SystemExit as exc:
        code = exc.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1 if code else 0)


if __name__ == "__main__":
    _serve()
