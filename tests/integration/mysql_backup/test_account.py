# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what, and who gets to see what."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from pathlib import Path

from tests.integration.mysql_backup.host import Database, Host


class Watcher:
    """Reads the command line and environment of every process, again and again."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.seen: list[str] = []
        self.programs: set[str] = set()

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.is_set():
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit() and int(entry.name) != os.getpid():
                    with contextlib.suppress(OSError):
                        command = (entry / "cmdline").read_bytes()
                        self.programs.add(os.path.basename(command.split(b"\0")[0].decode(errors="replace")))
                        if self._secret in command + (entry / "environ").read_bytes():
                            self.seen.append(command.decode(errors="replace"))


def test_an_account_that_reads_everything_and_changes_nothing(host: Host, database: Database) -> None:
    host.options.write_text(host.options.read_text().replace("user=root\n", "", 1))  # it comes with account.cnf
    assert json.loads(host.run("account", "--check").out) == {"changed": True}
    assert database.ask("SELECT COUNT(*) FROM mysql.user WHERE user = 'mysql_backup_db1'") == "0"
    assert json.loads(host.run("account").out) == {"changed": True}
    assert json.loads(host.run("account").out) == {"changed": False}
    grants = database.ask("SHOW GRANTS FOR mysql_backup_db1@localhost")
    assert grants.startswith("GRANT SELECT, SHOW VIEW, EVENT, TRIGGER ON *.* TO")

    before = database.state()
    name = host.backup()
    database.wipe()
    done = host.run("restore", name)
    assert done.code == 0, done.said
    assert database.state() == before

    database.ask("REVOKE TRIGGER ON *.* FROM mysql_backup_db1@localhost")
    assert json.loads(host.run("account", "--check").out) == {"changed": True}
    assert host.run("run").code == 1
    assert json.loads(host.run("account").out) == {"changed": True}
    assert host.run("run").code == 0


def test_no_password_and_no_key_is_seen_by_others(host: Host, database: Database) -> None:
    secret = "S3cret-that-nobody-sees"
    database.ask(
        f"CREATE OR REPLACE USER other@localhost IDENTIFIED BY '{secret}'; GRANT ALL ON *.* TO other@localhost"
    )
    host.log_in(user="other", password=secret)
    with Watcher(secret) as watcher:
        name = host.backup()
        said = host.run("restore", name, "--identity", stdin=secret)
        assert said.code == 0, said.said
        verified = host.run("verify", "--identity", stdin=secret)
    assert watcher.seen == []
    assert {"mariadb-dump", "zstd", "mariadbd"} <= watcher.programs, "it has to have seen them at work"
    assert secret not in said.out + said.said + verified.out + verified.said
    database.ask("DROP USER other@localhost")

    for path in [host.options, *host.backups.rglob("*")]:
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path
    open_to_all = [path for path in host.folder.rglob("*") if path.is_file() and path.stat().st_mode & stat.S_IROTH]
    assert {path.name for path in open_to_all} >= {"status.json", "mysql_backup.prom"}
    assert [path for path in open_to_all if secret in path.read_text()] == []
