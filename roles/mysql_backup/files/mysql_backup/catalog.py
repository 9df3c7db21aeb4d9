# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of backups: one folder per backup, whole or not there.

A backup grows as .<name>.partial and is renamed when it is complete; to remove one, it is renamed back first. So
whatever carries a proper name was complete when it got it. Only files named in a manifest of ours are ever removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import typing as t
from dataclasses import asdict, dataclass, replace

from . import archive
from .durable import read_regular, sync_folder, write, write_json
from .failure import BackupError, Damaged
from .manifest import Manifest, Part, understood
from .retention import Candidate
from .settings import Settings
from .signature import SIGNATURE, Key

MANIFEST = "manifest.json"
CONTENTS = "contents.json"
VERIFIED = "verified.json"
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"mysql-([A-Za-z0-9._-]+)-\d{8}T\d{6}Z(-\d+)?")
_LIMIT = 64 << 20  # bytes of a manifest, far more than one of a server with many thousand databases has
_CONTENTS_LIMIT = 1 << 30
_ODD = 1 << 40  # sequence numbers from here on are counted only in backups that were made here
_FRESH = re.compile(r"(manifest\.json|contents\.json|verified\.json|manifest\.hmac)\.\d+\.new")  # of a run that died


@dataclass(frozen=True)
class Backup:
    """A complete backup on this disk."""

    path: str
    manifest: Manifest
    verified: t.Mapping[str, t.Any]
    doubt: str = ""  # why its signature doesn't show that it was made here

    @property
    def good(self) -> bool:
        """Complete, made here, of whole databases, and not found to be bad by a verification."""
        return not (self.doubt or self.manifest.half_restored or self.verified.get("verdict") == "bad")

    def candidate(self) -> Candidate:
        made = self.manifest
        half, moment = bool(made.half_restored), bool(made.until)
        return Candidate(made.name, made.sequence, made.moment, self.good, made.safety, half, moment)

    def trusted(self) -> None:
        """Raise BackupError unless it was made here, and nobody but root can change it while it is read."""
        if self.doubt:
            raise Damaged(self.doubt)
        self.unshared()

    def unshared(self) -> None:
        """Raise BackupError where an account that isn't root's can change the backup, or the way to it, while it is read."""
        unshared(self.path, _ours(self.manifest))

    def contents(self) -> dict[str, dict[str, t.Any]]:
        """The contents list. Raises Damaged when it isn't the one that was written."""
        path = os.path.join(self.path, CONTENTS)
        try:
            content = read_regular(path, _CONTENTS_LIMIT)
        except (OSError, ValueError) as exc:
            raise Damaged(
                f"{path} can't be read: {getattr(exc, 'strerror', '') or exc}. Choose another backup."
            ) from exc
        if hashlib.sha256(content).hexdigest() != self.manifest.contents_sha256:
            raise Damaged(f"{path} was changed since the backup: its SHA-256 isn't the one in {MANIFEST}.")
        return t.cast("dict[str, dict[str, t.Any]]", json.loads(content))

    def check(self, part: Part) -> str:
        """Path of the archive. Raises Damaged unless its checksum is the right one."""
        path = os.path.join(self.path, part.file)
        try:
            size, digest = os.path.getsize(path), archive.sha256(path)
        except OSError as exc:
            raise Damaged(f"{path} can't be read: {exc.strerror}.") from exc
        if size != part.size:
            raise Damaged(f"{path} has {size} bytes, the manifest says {part.size}. Choose another backup.")
        if digest != part.sha256:
            raise Damaged(f"{path} is damaged: its SHA-256 is {digest}, not {part.sha256}. Choose another backup.")
        return path

    def mark_verified(self, result: t.Mapping[str, t.Any], key: Key) -> None:
        """Keep what a verification has found beside the backup."""
        write_json(os.path.join(self.path, VERIFIED), dict(result, signature=key.sign(canonical(result))))


class Catalog:
    """The backups of one host in a folder that may be shared by several (NFS)."""

    def __init__(self, settings: Settings) -> None:
        self.directory = settings.directory
        self._host = settings.name
        self.key = Key(settings.state)

    def check(self) -> None:
        """Raise BackupError without a folder to write to. The role makes it, a run never does: on an absent mount it would fill the root file system."""
        if not os.path.isdir(self.directory):
            raise BackupError(f"The backup directory {self.directory} does not exist. Is its file system mounted?")
        if not os.access(self.directory, os.W_OK | os.X_OK):
            raise BackupError(f"The backup directory {self.directory} is not writable for user {os.getuid()}.")

    def backups(self) -> list[Backup]:
        """Oldest first. Folders that aren't backups of this host are passed over."""
        found = []
        for name in self._entries():
            if self._mine(name):
                backup = self._load(os.path.join(self.directory, name))
                if backup is not None and backup.manifest.name == name and backup.manifest.host == self._host:
                    found.append(backup)
        return sorted(found, key=lambda one: one.manifest.sequence)

    def _mine(self, name: str) -> bool:
        match = _NAME.fullmatch(name)
        return match is not None and match.group(1) == self._host

    def find(self, name: str) -> Backup:
        """A backup by name; 'latest' is the newest good one that isn't a safety dump. Raises BackupError where there is none."""
        backups = self.backups()
        if name == "latest":
            nightly = [one for one in backups if one.good and not one.manifest.safety]
            if nightly:
                return nightly[-1]
            raise BackupError(f"There is no good backup of {self._host} in {self.directory}.{_why(backups)}")
        for one in backups:
            if one.manifest.name == name:
                return one
        raise BackupError(
            f"There is no backup {name} of {self._host} in {self.directory}; there are: {self._names(backups)}."
        )

    def begin(self, manifest: Manifest) -> Growing:
        """A folder for a new backup, with a sequence number and a name that is free."""
        taken = manifest.moment
        counted = (one for one in self.backups() if not one.doubt or one.manifest.sequence < _ODD)
        sequence = max((one.manifest.sequence for one in counted), default=0) + 1
        stem = f"mysql-{manifest.host}-{taken.strftime(_STAMP)}"
        name = stem
        for number in range(2, 1000):  # the same second again: a clock was set back
            if not os.path.lexists(os.path.join(self.directory, name)):
                break
            name = f"{stem}-{number}"
        self.key.make()
        return Growing(self.directory, replace(manifest, name=name, sequence=sequence), self.key)

    def usual_bytes(self) -> int:
        """Bytes of SQL of the newest good backup, 0 when there is none."""
        return next((one.manifest.bytes for one in reversed(self.backups()) if one.good and not one.manifest.safety), 0)

    def sign(self, name: str) -> Backup:
        """Accept a backup that was made elsewhere, or before there were signatures."""
        backup = self.find(name)
        backup.unshared()
        self.key.make()
        _sign(self.key, backup.path)
        return self.find(name)

    def discard_partials(self) -> list[str]:
        """Remove what runs that died left behind; returns complaints. Only for the holder of the lock."""
        return [
            complaint
            for name in self._entries()
            if name.endswith(".partial") and self._mine(name[1 : -len(".partial")])
            for complaint in _discard(os.path.join(self.directory, name))
        ]

    def remove(self, backup: Backup) -> list[str]:
        """Remove one backup; returns complaints."""
        partial = os.path.join(self.directory, f".{backup.manifest.name}.partial")
        try:
            foreign = {one for one in os.listdir(backup.path) if not _FRESH.fullmatch(one)} - _ours(backup.manifest)
            if foreign:
                return [f"{backup.path} is kept: {sorted(foreign)[0]} in it isn't part of the backup."]
            os.rename(backup.path, partial)
        except OSError as exc:
            return [f"{backup.path} can't be removed: {exc.strerror}."]
        return _discard(partial)

    def _entries(self) -> list[str]:
        return sorted(os.listdir(self.directory))

    @staticmethod
    def _names(backups: t.Sequence[Backup]) -> str:
        return ", ".join(one.manifest.name for one in backups) or "none"

    def _load(self, path: str) -> t.Optional[Backup]:
        text = _text(path)
        manifest = understood(text)
        if manifest is None:
            return None
        doubt = ""
        try:
            self.key.check(text, _signature(path), os.path.join(path, MANIFEST))
        except BackupError as exc:
            doubt = str(exc)
        return Backup(path, manifest, self._verified(path, manifest.name), doubt)

    def _verified(self, path: str, name: str) -> dict[str, t.Any]:
        """What a verification here has found; {} when there was none."""
        try:
            found = json.loads(read_regular(os.path.join(path, VERIFIED), _LIMIT))
            signature = found.pop("signature", "")
            self.key.check(canonical(found), signature, VERIFIED)
        except (OSError, ValueError, TypeError, AttributeError, RecursionError, BackupError):
            return {}
        return t.cast("dict[str, t.Any]", found) if found.get("backup") == name else {}


class Growing:
    """A backup that isn't one yet."""

    def __init__(self, directory: str, manifest: Manifest, key: Key) -> None:
        self.manifest = manifest
        self._directory = directory
        self._key = key
        self.path = os.path.join(directory, f".{manifest.name}.partial")
        try:
            os.mkdir(self.path, 0o700)
        except OSError as exc:
            raise BackupError(f"Nothing can be written to {directory}: {exc.strerror}.") from exc

    def file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def plan(self, parts: t.Sequence[Part]) -> None:
        """Name the files before they exist, so that a later run may remove them should this one die."""
        self.manifest = replace(self.manifest, parts=parts)
        write_json(self.file(MANIFEST), asdict(self.manifest))

    def complete(self, manifest: Manifest, contents: t.Mapping[str, t.Any]) -> Backup:
        """Make it a backup: everything to disk, then the proper name."""
        write_json(self.file(CONTENTS), contents)
        manifest = replace(manifest, contents_sha256=archive.sha256(self.file(CONTENTS)))
        write_json(self.file(MANIFEST), asdict(manifest))
        _sign(self._key, self.path)
        sync_folder(self.path)
        path = os.path.join(self._directory, manifest.name)
        os.rename(self.path, path)
        sync_folder(self._directory)
        return Backup(path, manifest, {})


def unshared(place: str, ours: t.Collection[str]) -> None:
    """Raise BackupError where an account that isn't root's can change a folder, or the way to it; Damaged where one of `ours` is no file."""
    way = os.path.dirname(os.path.realpath(place))
    while way != os.path.dirname(way):
        way = os.path.dirname(way)
        status = os.lstat(way)
        sticky = status.st_mode & stat.S_ISVTX  # nobody else can rename what is root's in there
        if status.st_uid not in (0, os.geteuid()) or (status.st_mode & 0o022 and not sticky):
            raise _shared(way, status)
    for path in (os.path.dirname(place), place, *(os.path.join(place, one) for one in sorted(os.listdir(place)))):
        status = os.lstat(path)
        file = os.path.dirname(path) == place
        if file and not stat.S_ISREG(status.st_mode) and os.path.basename(path) in ours:
            raise Damaged(f"{path} is no regular file. Choose another backup.")
        if status.st_uid != os.geteuid() or stat.S_ISLNK(status.st_mode) or stat.S_IMODE(status.st_mode) & 0o022:
            raise _shared(path, status)


def _text(path: str) -> bytes:
    """A backup's manifest, as it is written; nothing for a folder that isn't one, a link to another one included."""
    try:
        return read_regular(os.path.join(path, MANIFEST), _LIMIT) if stat.S_ISDIR(os.lstat(path).st_mode) else b""
    except (OSError, ValueError):
        return b""


def _shared(path: str, status: os.stat_result) -> BackupError:
    return BackupError(
        f"{path} can be changed by others while it is read (owner {status.st_uid}, mode {stat.S_IMODE(status.st_mode):04o}). "
        "Copy the backup to a folder of root's: chown root, chmod go-w."
    )


def canonical(content: t.Mapping[str, t.Any]) -> bytes:
    """The text of a JSON object that is signed."""
    return json.dumps(content, sort_keys=True).encode()


def _sign(key: Key, path: str) -> None:
    write(os.path.join(path, SIGNATURE), key.sign(read_regular(os.path.join(path, MANIFEST), _LIMIT)))


def _signature(path: str) -> str:
    try:
        return read_regular(os.path.join(path, SIGNATURE), _LIMIT).decode("ascii", "replace")
    except (OSError, ValueError):
        return ""


def _why(backups: t.Sequence[Backup]) -> str:
    """Why the newest of those that are there isn't good."""
    if not backups:
        return ""
    newest = backups[-1]
    if newest.manifest.half_restored and not newest.doubt:
        return f" {newest.manifest.name} was made while {newest.manifest.half_restored[0]} was half restored."
    return f" {newest.manifest.name}: {newest.doubt or newest.verified.get('message', 'it is a safety dump')}"


def _ours(manifest: Manifest) -> set[str]:
    return {MANIFEST, CONTENTS, VERIFIED, SIGNATURE} | {part.file for part in manifest.parts}


def _discard(partial: str) -> list[str]:
    manifest = understood(_text(partial))
    ours = _ours(manifest) if manifest else set()
    try:
        if not stat.S_ISDIR(os.lstat(partial).st_mode):
            return [f"{partial} can't be removed: it is no folder. Look what it is and remove it by hand."]
        # The manifest goes last: without it nobody would know what else is ours.
        for name in sorted(os.listdir(partial), key=lambda one: one == MANIFEST):
            if name in ours or _FRESH.fullmatch(name):
                os.unlink(os.path.join(partial, name))
        os.rmdir(partial)
    except OSError as exc:
        return [f"{partial} can't be removed: {exc.strerror}. Look what is in it and remove it by hand."]
    return []
