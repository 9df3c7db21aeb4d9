# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account that may read everything and change nothing. Its password is made here and never leaves this host."""

from __future__ import annotations

import hashlib
import os
import secrets

from .durable import write_new
from .failure import BackupError
from .server import NEEDED, Server, literal
from .settings import Settings

FILE = "account.cnf"  # beside the option file, which includes it


def ensure(settings: Settings, admin: Server, check: bool) -> bool:
    """Make or repair the account; whether that changed (or would change) anything."""
    # Accounts of a Galera cluster are common to its members, passwords made here aren't: hence the host's name.
    user = f"mysql_backup_{settings.name}"
    account = f"{literal(user)}@'localhost'"
    extra = {"SUPER"} if settings.galera == "desync" and admin.galera() else set()
    wanted = NEEDED | extra | (admin.for_binlogs() if settings.binlogs else set())
    try:
        if Server(settings.defaults_file).privileges() == wanted:
            return False
    except BackupError:
        pass  # no such account, or another password
    if check:
        return True
    password = secrets.token_urlsafe(32) + "-aA1"  # whatever a validation plugin asks for
    path = os.path.join(os.path.dirname(settings.defaults_file), FILE)
    text = f"# Made by mysql-backup account.\n[client]\nuser={user}\npassword={password}\n"
    write_new(path + ".new", text)
    admin.query(
        f"{_made(account, password, admin)}; GRANT {', '.join(sorted(wanted))} ON *.* TO {account}",
    )
    os.rename(path + ".new", path)
    return True


def _made(account: str, password: str, admin: Server) -> str:
    if (
        admin.validates_passwords()
        and admin.variables("strict_password_validation").get("strict_password_validation") == "ON"
    ):
        # A hash would be refused. The general log is off for this connection, and the binary log has the hash in any case.
        return f"SET SESSION sql_log_off = 1; CREATE OR REPLACE USER {account} IDENTIFIED BY {literal(password)}"
    # As a hash, because the server may log statements.
    inner = hashlib.sha1(password.encode()).digest()
    secret = literal("*" + hashlib.sha1(inner).hexdigest().upper())
    return f"CREATE OR REPLACE USER {account} IDENTIFIED BY PASSWORD {secret}"
