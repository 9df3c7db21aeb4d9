# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A MariaDB server of our own, and the program of the role as a host would have it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from tests.places import ROOT
from tests.waiting import PATIENCE, until

CLIENT = ("--batch", "--skip-column-names", "--default-character-set=utf8mb4")
PROGRAM = ROOT / "roles/mysql_backup/files/mysql-backup"


class Database:
    """A mariadbd that only its own socket leads to."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.socket = folder / "socket"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def install(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                "--user=root",
                f"--datadir={self.folder}/data",
                "--auth-root-authentication-method=socket",
                "--skip-test-db",
            ],
            check=True,
            capture_output=True,
            timeout=300,
        )

    def start(self) -> None:
        (self.folder / "tmp").mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [
                "mariadbd",
                "--no-defaults",
                "--user=root",
                f"--datadir={self.folder}/data",
                f"--socket={self.socket}",
                f"--tmpdir={self.folder}/tmp",  # other servers that start remove the temporary tables in /tmp
                f"--pid-file={self.folder}/pid",
                f"--log-error={self.folder}/log.err",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-buffer-pool-size=64M",
                *(self._options or ("--skip-networking", f"--log-bin={self.folder}/data/binlog", "--server-id=1")),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(
            "the server answers", lambda: self.ask("SELECT 1", check=False) == "1",
            process=self._process, seen=lambda: (self.folder / "log.err").read_text()[-2000:],
        )  # fmt: skip

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE)
            self._process = None

    def ask(self, sql: str, check: bool = True) -> str:
        """The answer to some statements, as root."""
        done = subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self.socket}", "--binary-mode", *CLIENT],
            check=False,
            input=sql,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert not check or done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()

    def databases(self) -> list[str]:
        rows = self.ask("SELECT HEX(schema_name) FROM information_schema.schemata").split()
        return [
            name
            for name in (bytes.fromhex(row).decode() for row in rows)
            if name not in ("information_schema", "performance_schema", "mysql", "sys")
        ]

    def wipe(self) -> None:
        for name in self.databases():
            quoted = name.replace("`", "``")
            self.ask(f"SET foreign_key_checks = 0; DROP DATABASE `{quoted}`")

    def state(self) -> str:
        """A checksum of every table."""
        tables = self.ask(
            "SELECT CONCAT('`', table_schema, '`.`', REPLACE(table_name, '`', '``'), '`') FROM information_schema.tables"
            " WHERE table_type = 'BASE TABLE' AND table_schema NOT IN"
            " ('information_schema', 'performance_schema', 'mysql', 'sys') ORDER BY 1"
        ).splitlines()
        return self.ask(f"CHECKSUM TABLE {', '.join(tables)} EXTENDED") if tables else ""


@dataclass
class Ran:
    """How the program ended."""

    code: int
    out: str
    said: str


@dataclass
class Host:
    """One host with the program on it: folders, settings and option file."""

    folder: Path
    database: Database
    settings: dict[str, t.Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.backups = self.folder / "backups"
        self.state = self.folder / "state"
        for path in (self.backups, self.state):
            path.mkdir(parents=True)
        self.options = self.folder / "client.cnf"
        self.log_in()
        self.settings = {
            "name": "db1",
            "directory": str(self.backups),
            "state": str(self.state),
            "defaults_file": str(self.options),
            "metrics": str(self.folder / "mysql_backup.prom"),
            "nice": 0,
            **self.settings,
        }

    def log_in(self, **client: str) -> None:
        """Write the option file; `client` goes to the group that takes the backups."""
        group = "".join(f"{key}={value}\n" for key, value in client.items())
        socket = f"socket={self.database.socket}\n"
        self.options.touch(0o600)
        self.options.write_text(
            f"[client]\n{socket}{group or 'user=root'}\n"
            f"!include {self.folder}/account.cnf\n"
            f"[client-admin]\n{socket}user=root\n"
        )

    def command(self, *arguments: str) -> list[str]:
        path = self.folder / "settings.json"
        path.write_text(json.dumps(self.settings))
        return [str(PROGRAM), "--settings", str(path), *arguments]

    def run(self, *arguments: str, before: t.Sequence[str] = (), stdin: str = "") -> Ran:
        done = subprocess.run(
            [*before, *self.command(*arguments)],
            check=False,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            # What cron gives.
            env={"PATH": "/usr/bin:/bin", "HOME": "/root", "SHELL": "/bin/sh", "LOGNAME": "root"},
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def backup(self) -> str:
        """Take one that has to become good; its name."""
        done = self.run("run")
        assert done.code == 0, done.said
        return self.names()[-1]

    def listed(self) -> list[dict[str, t.Any]]:
        return t.cast("list[dict[str, t.Any]]", json.loads(self.run("list", "--json").out))

    def names(self) -> list[str]:
        return [one["name"] for one in self.listed()]

    def status(self) -> dict[str, dict[str, t.Any]]:
        return t.cast("dict[str, dict[str, t.Any]]", json.loads((self.state / "status.json").read_text()))

    def metric(self, name: str) -> float:
        lines = Path(self.settings["metrics"]).read_text().splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(f"mysql_backup_{name}{{"))

    def manifest(self, name: str) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads((self.backups / name / "manifest.json").read_text()))

    def intact(self, name: str) -> bool:
        """Whether every archive is as it was written."""
        return all(
            hashlib.sha256((self.backups / name / part["file"]).read_bytes()).hexdigest() == part["sha256"]
            for part in self.manifest(name)["parts"]
        )

    def left_behind(self) -> list[str]:
        """Everything in the folder of backups that isn't one."""
        return sorted(set(os.listdir(self.backups)) - set(self.names()))


@contextlib.contextmanager
def small_disk(path: Path, size: str) -> t.Iterator[None]:
    """A file system of its own, with an end."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


@contextlib.contextmanager
def read_only(path: Path) -> t.Iterator[None]:
    """Not even root can write there."""
    subprocess.run(["mount", "--bind", str(path), str(path)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(path)], check=True)
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


def processes() -> t.Iterator[tuple[int, int, str]]:
    """All processes: id, parent, name."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                before, after = Path("/proc", entry, "stat").read_text().rsplit(")", 1)
                yield int(entry), int(after.split()[1]), before.split("(", 1)[1]


def descendants(pid: int) -> dict[str, int]:
    """Name and id of everything below a process."""
    known = list(processes())
    found: dict[str, int] = {}
    below = {pid}
    for _round in known:
        more = {child for child, parent, _name in known if parent in below} - below
        if not more:
            break
        below |= more
    found.update({name: child for child, _parent, name in known if child in below and child != pid})
    return found
