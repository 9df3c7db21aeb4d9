# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of backups: one folder per backup, whole or not there.

A backup grows as .<name>.partial and is renamed when it is complete; to remove one, it is renamed back first. So
whatever carries a proper name was complete when it got it. Only files named in a manifest of ours are ever removed.
"""

from __future__ import annotations

import json
import os
import re
import typing as t
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone

from . import archive
from .failure import BackupError, Damaged
from .retention import Candidate

MADE_BY = "openstack_ops.day2.mysql_backup"
MANIFEST = "manifest.json"
CONTENTS = "contents.json"
VERIFIED = "verified.json"
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"mysql-[A-Za-z0-9._-]+-\d{8}T\d{6}Z(-\d+)?")


@dataclass(frozen=True)
class Part:
    """One archive of a backup."""

    file: str
    what: str  # tables, views, all (both) or accounts
    databases: t.Sequence[str]
    size: int = 0
    bytes: int = 0  # before compression
    sha256: str = ""


@dataclass(frozen=True)
class Manifest:
    """What a backup says about itself."""

    name: str
    host: str
    sequence: int
    taken: str  # UTC, ISO 8601
    databases: t.Sequence[str]
    compression: str
    encryption: str
    server_version: str
    lower_case_table_names: int
    safety: bool = False
    seconds: float = 0.0
    binlog_file: str = ""
    binlog_position: int = 0
    gtid: str = ""
    left_out: t.Sequence[t.Mapping[str, str]] = ()  # views that can't be read: view, reason, text
    outside_snapshot: t.Sequence[str] = ()  # tables without transactions
    parts: t.Sequence[Part] = field(default_factory=tuple)
    contents_sha256: str = ""
    made_by: str = MADE_BY
    format: int = 1

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)

    @property
    def moment(self) -> datetime:
        return datetime.strptime(self.taken, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)

    def left_out_views(self) -> list[tuple[str, str]]:
        return [(one["database"], one["view"]) for one in self.left_out]


@dataclass(frozen=True)
class Backup:
    """A complete backup on this disk."""

    path: str
    manifest: Manifest
    verified: t.Mapping[str, t.Any]

    @property
    def good(self) -> bool:
        """Complete, and not found to be bad by a verification."""
        return bool(self.verified.get("good", True))

    def candidate(self) -> Candidate:
        made = self.manifest
        return Candidate(made.name, made.sequence, made.moment, self.good, made.safety)

    def contents(self) -> dict[str, dict[str, t.Any]]:
        """The contents list, refused when it isn't the one that was written."""
        path = os.path.join(self.path, CONTENTS)
        if archive.sha256(path) != self.manifest.contents_sha256:
            raise Damaged(f"{path} was changed since the backup: its SHA-256 isn't the one in {MANIFEST}.")
        return t.cast("dict[str, dict[str, t.Any]]", _read(path))

    def check(self, part: Part) -> str:
        """Path of the archive, once its checksum was found to be the right one."""
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

    def mark_verified(self, result: t.Mapping[str, t.Any]) -> None:
        write_json(os.path.join(self.path, VERIFIED), result)


class Catalog:
    """All backups of one folder."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def check(self) -> None:
        """The role makes the folder, a run never does: on an absent mount it would fill the root file system."""
        if not os.path.isdir(self.directory):
            raise BackupError(f"The backup directory {self.directory} does not exist. Is its file system mounted?")
        if not os.access(self.directory, os.W_OK | os.X_OK):
            raise BackupError(f"The backup directory {self.directory} is not writable for user {os.getuid()}.")

    def backups(self) -> list[Backup]:
        """Oldest first. Folders that aren't backups are passed over."""
        found = []
        for name in self._entries():
            if _NAME.fullmatch(name):
                backup = self._load(os.path.join(self.directory, name))
                if backup is not None and backup.manifest.name == name:
                    found.append(backup)
        return sorted(found, key=lambda one: one.manifest.sequence)

    def find(self, name: str) -> Backup:
        """A backup by name; 'latest' is the newest good one that isn't a safety dump."""
        backups = self.backups()
        if name == "latest":
            nightly = [one for one in backups if one.good and not one.manifest.safety]
            if nightly:
                return nightly[-1]
            raise BackupError(f"There is no good backup in {self.directory}.")
        for one in backups:
            if one.manifest.name == name:
                return one
        raise BackupError(f"There is no backup {name} in {self.directory}; there are: {self._names(backups)}.")

    def begin(self, manifest: Manifest) -> Growing:
        """A folder for a new backup, with a sequence number and a name that is free."""
        taken = manifest.moment
        sequence = max([one.manifest.sequence for one in self.backups()], default=0) + 1
        stem = f"mysql-{manifest.host}-{taken.strftime(_STAMP)}"
        name = stem
        for number in range(2, 1000):  # the same second again: a clock was set back
            if not os.path.lexists(os.path.join(self.directory, name)):
                break
            name = f"{stem}-{number}"
        return Growing(self.directory, replace(manifest, name=name, sequence=sequence))

    def discard_partials(self) -> list[str]:
        """Remove what runs that died left behind; returns complaints. Only for the holder of the lock."""
        return [
            complaint
            for name in self._entries()
            if name.endswith(".partial") and _NAME.fullmatch(name[1 : -len(".partial")])
            for complaint in _discard(os.path.join(self.directory, name))
        ]

    def remove(self, backup: Backup) -> list[str]:
        """Remove one backup; returns complaints."""
        foreign = set(os.listdir(backup.path)) - _ours(backup.manifest)
        if foreign:
            return [f"{backup.path} is kept: {sorted(foreign)[0]} in it isn't part of the backup."]
        partial = os.path.join(self.directory, f".{backup.manifest.name}.partial")
        os.rename(backup.path, partial)
        return _discard(partial)

    def _entries(self) -> list[str]:
        return sorted(os.listdir(self.directory))

    @staticmethod
    def _names(backups: t.Sequence[Backup]) -> str:
        return ", ".join(one.manifest.name for one in backups) or "none"

    @staticmethod
    def _load(path: str) -> t.Optional[Backup]:
        manifest = _manifest(os.path.join(path, MANIFEST))
        if manifest is None:
            return None
        try:
            verified = _read(os.path.join(path, VERIFIED))
        except (OSError, ValueError):
            verified = {}
        return Backup(path, manifest, verified)


class Growing:
    """A backup that isn't one yet."""

    def __init__(self, directory: str, manifest: Manifest) -> None:
        self.manifest = manifest
        self._directory = directory
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
        sync_folder(self.path)
        path = os.path.join(self._directory, manifest.name)
        os.rename(self.path, path)
        sync_folder(self._directory)
        return Backup(path, manifest, {})


def write_json(path: str, content: t.Any, mode: int = 0o600) -> None:
    """Replace a file as a whole."""
    fresh = path + ".new"
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=1, sort_keys=True)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(fresh, mode)
        os.rename(fresh, path)
    except OSError as exc:
        raise BackupError(f"{path} can't be written: {exc.strerror}.") from exc


def sync_folder(path: str) -> None:
    """A rename survives a power cut only once its folder is on disk."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: str) -> dict[str, t.Any]:
    with open(path, encoding="utf-8") as stream:
        return t.cast("dict[str, t.Any]", json.load(stream))


def _manifest(path: str) -> t.Optional[Manifest]:
    try:
        raw = _read(path)
        if raw.get("made_by") != MADE_BY:
            return None
        return Manifest(**dict(raw, parts=[Part(**part) for part in raw["parts"]]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _ours(manifest: Manifest) -> set[str]:
    fixed = {name + end for name in (MANIFEST, CONTENTS, VERIFIED) for end in ("", ".new")}
    return fixed | {part.file for part in manifest.parts}


def _discard(partial: str) -> list[str]:
    manifest = _manifest(os.path.join(partial, MANIFEST))
    ours = _ours(manifest) if manifest else {MANIFEST + ".new"}
    try:
        # The manifest goes last: without it nobody would know what else is ours.
        for name in sorted(set(os.listdir(partial)) & ours, key=lambda one: one == MANIFEST):
            os.unlink(os.path.join(partial, name))
        os.rmdir(partial)
    except OSError as exc:
        return [f"{partial} can't be removed: {exc.strerror}. Look what is in it and remove it by hand."]
    return []
