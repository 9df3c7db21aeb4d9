# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring a backup into a scratch server, to know that it can be done."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import typing as t

from . import archive, restore
from .catalog import Catalog
from .failure import BackupError, Damaged
from .report import stamp
from .restore import Plan
from .server import Server, client, literal
from .settings import Settings

PREFIX = "mysql-backup-scratch."


def verify(settings: Settings, name: str, identity: archive.Identity) -> dict[str, t.Any]:
    """Restore a backup into a server of its own and compare; the result is kept beside the backup."""
    backup = Catalog(settings.directory).find(name)
    began = time.time()
    made = backup.manifest
    wanted = Plan(backup, made.databases, {}, False, True)
    result = {"backup": made.name, "tables": 0, "rows": 0, "good": False, "message": ""}
    with contextlib.suppress(BackupError):
        expected = backup.contents()
        result["tables"] = sum(key.startswith("rows ") for key in expected)
        result["rows"] = sum(one.get("rows", 0) for one in expected.values())
    _room(settings, made.bytes)
    try:
        restore.rehearse(wanted, identity)
        with scratch(settings, made.lower_case_table_names) as server:
            facts = server.facts()
            same = made.server_version.split(".")[:2] == facts.version.split(".")[:2]
            wanted = Plan(backup, made.databases, {}, False, same)
            restore.load(wanted, server, identity)
            _definers(server)
            wrong = restore.compare(wanted, server)
        if wrong:
            raise Damaged(f"{len(wrong)} objects differ after the restore: {'; '.join(wrong[:5])}.")
        result["good"] = True
    except Damaged as exc:
        result["message"] = str(exc)
    result.update(seconds=round(time.time() - began, 1), ended=int(time.time()), when=stamp(time.time()))
    backup.mark_verified(result)
    return result


@contextlib.contextmanager
def scratch(settings: Settings, lower_case_table_names: int) -> t.Iterator[Server]:
    """A server that nobody else can reach, gone afterwards."""
    for left in glob.glob(os.path.join(settings.scratch, PREFIX + "*")):
        shutil.rmtree(left, ignore_errors=True)  # of a verification that was killed
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=settings.scratch)
    user = _account()
    try:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
        data = os.path.join(folder, "data")
        install = [client("mariadb-install-db", "mysql_install_db"), "--no-defaults", f"--datadir={data}"]
        install += [
            f"--user={user}",
            "--skip-test-db",
            "--auth-root-authentication-method=socket",
            "--auth-root-socket-user=root",
        ]
        done = subprocess.run(install, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise BackupError(
                f"A scratch server can't be made: {' '.join(done.stderr.decode(errors='replace').split())}"
            )
        with _running(folder, user, lower_case_table_names) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(folder: str, user: str, lower_case_table_names: int) -> t.Iterator[Server]:
    socket = os.path.join(folder, "socket")
    log = os.path.join(folder, "log")
    command = [
        # Dies with us, however we die.
        "setpriv",
        f"--reuid={user}",
        f"--regid={pwd.getpwnam(user).pw_gid}",
        "--clear-groups",
        "--pdeathsig=KILL",
        client("mariadbd", "mysqld"),
        "--no-defaults",
        f"--datadir={folder}/data",
        f"--socket={socket}",
        f"--pid-file={folder}/pid",
        f"--log-error={log}",
        "--skip-networking",
        "--skip-log-bin",
        "--event-scheduler=OFF",
        f"--lower-case-table-names={lower_case_table_names}",
        # A power cut may take it: speed is all that counts.
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-doublewrite=0",
        "--innodb-buffer-pool-size=256M",
        "--max-allowed-packet=1G",
    ]
    options = os.path.join(folder, "client.cnf")
    with open(options, "w", encoding="utf-8") as stream:
        stream.write(f"[client]\nsocket={socket}\nuser=root\n")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        server = Server(options)
        deadline = time.monotonic() + 120
        while True:
            try:
                server.query("SELECT 1")
                break
            except BackupError as exc:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BackupError(f"The scratch server doesn't start: {_last_line(log)}") from exc
                time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _definers(server: Server) -> None:
    """mysqldump reads a view with its definer's rights; the accounts themselves aren't loaded here."""
    for (definer,) in server.query("SELECT DISTINCT definer FROM information_schema.views WHERE table_schema <> 'sys'"):
        user, _at, host = definer.rpartition("@")
        account = f"{literal(user)}@{literal(host)}"
        server.query(f"CREATE USER IF NOT EXISTS {account}; GRANT ALL ON *.* TO {account}")


def _room(settings: Settings, size: int) -> None:
    # InnoDB with its indexes took 1.4 times the text in our measurements; an empty server has 130 MB.
    needed = 2 * size + (200 << 20)
    free = shutil.disk_usage(settings.scratch).free
    if free < needed:
        raise BackupError(
            f"A scratch server needs about {needed >> 20} MiB in {settings.scratch}, {free >> 20} are free. "
            "Name another folder with mysql_backup_scratch."
        )


def _account() -> str:
    try:
        return pwd.getpwnam("mysql").pw_name
    except KeyError:
        return pwd.getpwuid(os.getuid()).pw_name


def _last_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return [line for line in stream if "[ERROR]" in line][-1].strip()
    except (OSError, IndexError):
        return "it said nothing"
