# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What shows that a backup was made here: HMAC-SHA256 of its manifest with a key that only root of this host can read.

The manifest has the checksums of everything else, so one signature is for all of the backup. Where backups come back from another
place (a copy, NFS), this tells them from what somebody else has put there.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import typing as t

from .durable import sync_folder, write
from .failure import BackupError, Damaged

KEY = "signing.key"  # in the state folder, which outlives the role's removal
SIGNATURE = "manifest.hmac"


class Key:
    """The key of this host."""

    def __init__(self, state: str) -> None:
        self.path = os.path.join(state, KEY)

    def make(self) -> None:
        """Make the key where there is none."""
        if os.path.lexists(self.path):
            return
        fresh = f"{self.path}.{os.getpid()}"
        write(fresh, secrets.token_hex(32) + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(fresh, self.path)  # unlike rename it never replaces a key
        os.unlink(fresh)
        sync_folder(os.path.dirname(self.path))  # a backup that is signed is of no use without its key

    def sign(self, text: bytes) -> str:
        """One line: which key, and its HMAC of the text. Raises BackupError without a key."""
        secret = self._secret()
        if secret is None:
            raise BackupError(f"{self.path} isn't there, so nothing can be signed; a run of mysql-backup makes it.")
        return f"{_fingerprint(secret)} {hmac.new(secret, text, hashlib.sha256).hexdigest()}\n"

    def check(self, text: bytes, signature: str, what: str) -> None:
        """Raise Damaged unless this key made the signature of this text."""
        secret = self._secret()
        out = "If you know where it comes from, look at it and accept it: mysql-backup sign NAME."
        if not signature:
            raise Damaged(f"{what} isn't signed, so nothing shows that it was made here. {out}")
        if secret is None:
            raise Damaged(
                f"{what} can't be checked: {self.path} isn't there. Bring that file from the host that made it. {out}"
            )
        key, _blank, digest = signature.strip().partition(" ")
        if not hmac.compare_digest(key.encode(), _fingerprint(secret).encode()):
            raise Damaged(
                f"{what} is signed with the key {key[:16]!r}, this host's is {_fingerprint(secret)}. Bring {self.path} of the host that "
                f"made it. {out}"
            )
        if not hmac.compare_digest(digest.encode(), hmac.new(secret, text, hashlib.sha256).hexdigest().encode()):
            raise Damaged(f"{what} was changed since it was made: its signature is wrong. Choose another backup.")

    def _secret(self) -> t.Optional[bytes]:
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise BackupError(f"{self.path} can't be read: {exc.strerror}.") from exc
        with open(handle, "rb") as stream:
            status = os.fstat(handle)
            if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
                raise BackupError(
                    f"{self.path} can be read by others than root: chown root, chmod 0600, and make new backups."
                )
            secret = stream.read().strip()
        if len(secret) < 32:
            raise BackupError(
                f"{self.path} has {len(secret)} characters, a key has 64. Bring it back, or remove it for a new one."
            )
        return secret


def _fingerprint(secret: bytes) -> str:
    return hashlib.sha256(b"mysql-backup key " + secret).hexdigest()[:16]
