# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role decided: /etc/mysql-backup/settings.json."""

from __future__ import annotations

import json
import socket
import typing as t
from dataclasses import dataclass, field, fields

from .failure import BackupError
from .retention import Policy

DEFAULT_FILE = "/etc/mysql-backup/settings.json"


@dataclass(frozen=True)
class Settings:
    """Everything a run needs to know; the role's argument_specs say what each of them means."""

    directory: str
    defaults_file: str = "/etc/mysql-backup/client.cnf"  # [client] takes backups, [client-admin] restores
    state: str = "/var/lib/mysql-backup"
    metrics: str = ""
    name: str = field(default_factory=lambda: socket.gethostname().split(".")[0])
    databases: t.Sequence[str] = ()
    exclude: t.Sequence[str] = ()
    layout: str = "each"
    compression: str = "zstd"
    level: int = 1
    encryption: str = "none"
    recipients: str = ""
    galera: str = "desync"
    binlogs: bool = False  # whether they are archived; the account then gets what that takes
    copy_to: str = ""
    copy_options: t.Sequence[str] = ()
    binlog_days: int = 7  # how old backups may be that logs are kept for, before the newest one; 0 for all
    nice: int = 10
    timeout: int = 6 * 3600  # seconds
    scratch: str = "/var/tmp"  # folder of the scratch servers that verify starts
    patience: int = 30  # seconds that a restore waits for somebody who holds a database
    retention: Policy = field(default_factory=Policy)


def load(path: str) -> Settings:
    """Read the settings. Raises BackupError for an unknown or mistyped one; it is no default."""
    try:
        with open(path, encoding="utf-8") as stream:
            wanted = json.load(stream)
        policy = Policy(**wanted.pop("retention", {}))
        settings = Settings(retention=policy, **wanted)
    except (OSError, ValueError, TypeError, AttributeError) as exc:
        raise BackupError(f"The settings in {path} can't be used: {exc}.") from exc
    _check(path, settings)
    return settings


def _check(path: str, settings: Settings) -> None:
    """BackupError for a value of another type than its default's: a text in the place of a list would exclude every name that is a part of it."""
    for owner, defaults in ((settings, Settings("/")), (settings.retention, Policy())):
        for one in fields(t.cast(t.Any, owner)):
            value, default = getattr(owner, one.name), getattr(defaults, one.name)
            if isinstance(default, Policy):
                continue
            if isinstance(default, tuple):
                if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
                    raise BackupError(f"In {path} {one.name} should be a list of texts.")
            elif type(value) is not type(default):
                raise BackupError(f"In {path} {one.name} should be of type {type(default).__name__}.")
            elif isinstance(value, int) and value < 0:
                raise BackupError(f"In {path} {one.name} is {value}; a number below 0 means nothing.")
    if settings.timeout == 0:
        raise BackupError(f"In {path} timeout is 0, so each run would be stopped at once.")
