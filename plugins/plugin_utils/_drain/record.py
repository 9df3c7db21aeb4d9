# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each server came from: a file on the controller, for the next run and for the way back."""

from __future__ import annotations

import json
import os
import stat
import typing as t
from dataclasses import asdict, dataclass, field

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import UUID, OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import files

_VERSION = 1


@dataclass
class Entry:
    """A server that was on the host. leg: "out" or "back" while a migration of ours is under way, "" else.

    to: where it was put. migration: the id of the migration that put it there. how, since: of the migration under way; see Step.
    """

    to: str = ""
    migration: int = 0
    image: str = ""
    leg: str = ""
    how: str = ""
    since: int = 0


@dataclass
class DrainRecord:
    """What was moved away from one host. returned: the host has been put back, so the next drain begins anew."""

    path: str
    cloud: dict[str, str]
    host: str
    returned: bool = False
    servers: dict[str, Entry] = field(default_factory=dict)

    def save(self) -> None:
        """Write the file whole, for its owner only, and have it on the disk. Raises OSError, and OperatorError as files.replace does."""
        files.make_folder(os.path.dirname(self.path), 0o700)
        text = json.dumps({"version": _VERSION, **{key: value for key, value in asdict(self).items() if key != "path"}})
        files.replace(self.path, text + "\n", files.ours(0o600))


def load(path: str, cloud: dict[str, str], host: str) -> DrainRecord | None:
    """The record of this host; None where there is none yet.

    Raises OperatorError where the file isn't ours, or is that of another host or cloud.
    """
    correct = "name another path, or move the file away."
    try:
        with open(path, encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise OperatorError(
                    f"The record {path} belongs to another user or can be written by others, so it isn't trusted; {correct}"
                )
            read = json.load(file)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise OperatorError(f"The record {path} can't be read ({exc.strerror}); {correct}") from None
    except ValueError:
        raise OperatorError(f"The record {path} is not valid JSON; {correct}") from None
    if not isinstance(read, dict) or read.get("version") != _VERSION:
        raise OperatorError(f"The record {path} isn't one of this version; {correct}")
    if (read.get("cloud"), read.get("host")) != (cloud, host):
        raise OperatorError(
            f"The record {path} is that of {read.get('host')!r} in the cloud {read.get('cloud')!r}, wanted {host} in {cloud}; {correct}"
        )
    try:
        return DrainRecord(path, cloud, host, bool(read["returned"]), _entries(read["servers"]))
    except (AttributeError, KeyError, TypeError):
        raise OperatorError(f"The record {path} lacks what a record has; {correct}") from None


def _entries(rows: t.Any) -> dict[str, Entry]:
    if not all(UUID.match(server) for server in rows):
        raise KeyError("id")
    return {server: Entry(**row) for server, row in rows.items()}
