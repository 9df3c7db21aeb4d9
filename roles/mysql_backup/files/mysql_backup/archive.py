# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write and read files through external compressors and encryptors."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import typing as t

from .client import refusal
from .failure import BackupError

CHUNK = 1 << 16  # in the processor's cache: a third faster than 1 MiB
SUFFIXES = {"zstd": ".zst", "gzip": ".gz"}
ENCRYPTED = {"none": "", "age": ".age", "gpg": ".gpg"}
_MEMORY = "/dev/shm"
_KEYRING = "mysql-backup-key."
_WORK = "mysql-backup-work."
#: From when on an expiry is told.
_WARN_DAYS = 30
_SET_PIPE_SIZE = 1031  # fcntl.F_SETPIPE_SZ, which Python names only since 3.10


class Stage:
    """One process of a pipe; its standard error is kept for the error message."""

    def __init__(
        self,
        command: t.Sequence[str],
        stdin: t.Union[int, t.IO[bytes]],
        stdout: t.Union[int, t.IO[bytes]],
        pass_fds: t.Sequence[int] = (),
        name: str = "",
    ) -> None:
        self.name = os.path.basename(name or command[0])
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (kill closes it)
        try:
            self.process = subprocess.Popen(
                command, stdin=stdin, stdout=stdout, stderr=self._errors, pass_fds=pass_fds, bufsize=0
            )
        except OSError as exc:
            raise BackupError(f"{command[0]} can't be started: {exc.strerror}. Is its package installed?") from exc
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # only speed
                    fcntl.fcntl(stream, _SET_PIPE_SIZE, 1 << 20)

    def complaint(self) -> str:
        """The process's standard error on one line, without the statements that a client repeats."""
        self._errors.seek(0)
        first, reason, start = self._errors.read(4000), b"", True
        self._errors.seek(0)
        for piece in iter(lambda: self._errors.readline(CHUNK), b""):
            if start and piece.startswith(b"ERROR "):
                reason = piece
                break
            start = piece.endswith(b"\n")
        if reason:
            return refusal(reason.decode("utf-8", "replace"))
        return " ".join(first.decode("utf-8", "replace").split())

    def failure(self) -> str:
        """Wait for the process; an error message, or empty if it succeeded."""
        code = self.process.wait()
        if code == 0:
            return ""
        how = f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"
        return f"{self.name} {how}: {self.complaint() or 'it said nothing'}"

    def kill(self) -> None:
        """Kill the process if it still runs, and close the pipes to it."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._errors.close()


@contextlib.contextmanager
def workplace() -> t.Iterator[str]:
    """A folder of this process's own, gone afterwards; what a process that was killed has left goes with remove_left."""
    home = tempfile.mkdtemp(prefix=f"{_WORK}{os.getpid()}.")
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def compressors(compression: str, level: int, encryption: str, recipients: str, home: str) -> list[list[str]]:
    """The commands between the text of a dump and its file. `home` is a private directory for gpg."""
    if compression == "zstd":
        commands = [["zstd", "-q", "-c", "-T0", f"-{level}"]]
    else:
        commands = [["pigz" if shutil.which("pigz") else "gzip", "-c", f"-{level}"]]
    if encryption == "age":
        commands.append(["age", "--encrypt", "--recipients-file", recipients])
    elif encryption == "gpg":
        commands.append(
            [
                *_gpg(home),
                "--trust-model",
                "always",
                "--compress-algo",
                "none",
                "--encrypt",
                "--recipient-file",
                recipients,
            ]
        )
    return commands


def _gpg(home: str) -> list[str]:
    return ["gpg", "--batch", "--no-tty", "--no-options", "--homedir", home]


def try_keys(encryption: str, keys: bytes) -> None:
    """Encrypt nothing to public keys, as a backup would be. BackupError where that fails: for text that is no key, or keys that have expired."""
    with workplace() as home:
        path = os.path.join(home, "recipients")
        with open(path, "wb") as stream:
            stream.write(keys)
        _compress, encrypt = compressors("gzip", 1, encryption, path, home)
        stage = Stage(encrypt, subprocess.DEVNULL, subprocess.DEVNULL)
        try:
            failure = stage.failure()
        finally:
            stage.kill()
    if failure:
        raise BackupError(f"Nothing can be encrypted with these public keys: {failure}.")


def expiring(recipients: str, now: float) -> list[str]:
    """A warning for each of gpg's public keys that expires within the next weeks; recipients is their file."""
    with workplace() as home:
        shown = subprocess.run(
            [*_gpg(home), "--with-colons", "--show-keys", recipients],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    return _expiring(shown.stdout.decode("utf-8", "replace"), now)


def _expiring(listing: str, now: float) -> list[str]:
    """The same, of what gpg shows (GnuPG, doc/DETAILS): field 7 is when a key expires, field 12 what it may do, field 10 a fingerprint."""
    warnings, ends = [], 0
    for line in listing.splitlines():
        row = [*line.split(":"), *[""] * 12]
        if row[0] in ("pub", "sub"):
            counts = row[0] == "pub" or "e" in row[11]  # it encrypts
            ends = int(row[6]) if counts and row[6].isdigit() else 0
        elif row[0] == "fpr" and ends:
            if ends < now + _WARN_DAYS * 86400:
                day = time.strftime("%Y-%m-%d", time.gmtime(ends))
                warnings.append(f"The public key {row[9]} expires on {day}; renew it, or no backup can be made then.")
            ends = 0
    return warnings


class Writer:
    """A file that is written through a chain of processes."""

    def __init__(self, path: str, commands: t.Sequence[t.Sequence[str]]) -> None:
        self.path = path
        self.bytes = 0  # before compression
        self._file = open(path, "xb")  # noqa: SIM115  (settle or kill closes it)
        self._stages: list[Stage] = []
        source: t.Union[int, t.IO[bytes]] = subprocess.PIPE
        try:
            for command in commands:
                last = command is commands[-1]
                stage = Stage(command, source, self._file if last else subprocess.PIPE)
                if source is not subprocess.PIPE:
                    t.cast(t.IO[bytes], source).close()
                self._stages.append(stage)
                source = t.cast(t.IO[bytes], stage.process.stdout)
        except BackupError:
            self.kill()
            raise

    def write(self, text: bytes) -> None:
        """Write text. Raises BackupError if one of the processes failed."""
        self.bytes += len(text)
        pipe = self._stages[0].process.stdin
        assert pipe is not None
        view = memoryview(text)
        try:
            while view:
                view = view[pipe.write(view) or 0 :]
        except BrokenPipeError:
            self._check()
            raise BackupError(f"{self.path} can't be written: {self._stages[0].name} ended early.") from None

    def end(self) -> None:
        """Close the input. The processes finish in the background while the next file begins."""
        pipe = self._stages[0].process.stdin
        assert pipe is not None
        with contextlib.suppress(BrokenPipeError):
            pipe.close()

    def settle(self) -> tuple[int, str]:
        """Wait until the file is complete and on disk; returns its size and SHA-256, read back from the disk. Raises BackupError."""
        self._check()
        try:
            os.fsync(self._file.fileno())
        except OSError as exc:
            raise BackupError(f"{self.path} can't be written: {exc.strerror}.") from exc
        self._file.close()
        for stage in self._stages:
            stage.kill()
        return os.path.getsize(self.path), sha256(self.path, from_disk=True)

    def kill(self) -> None:
        """Kill the processes and close the file."""
        for stage in self._stages:
            stage.kill()
        self._file.close()

    def _check(self) -> None:
        # From the end of the chain backwards: the last process that failed made those before it fail.
        for stage in reversed(self._stages):
            if stage.process.stdin is not None:
                with contextlib.suppress(OSError):
                    stage.process.stdin.close()
        failures = [failure for failure in (stage.failure() for stage in reversed(self._stages)) if failure]
        if failures:
            raise BackupError(f"{self.path} can't be written: {failures[0]}.")


def sha256(path: str, from_disk: bool = False) -> str:
    """The checksum of a file; `from_disk` drops the kernel's cached copy first."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        if from_disk:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


class Identity:
    """The private key that decrypts backups; only in memory and in pipes, never in a file on disk."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._home = ""

    @contextlib.contextmanager
    def opened(self, encryption: str) -> t.Iterator[tuple[list[str], list[int]]]:
        """The command that decrypts, and the file descriptors that it inherits. Raises BackupError without a key, or for one that gpg can't import."""
        if not self._key:
            raise BackupError(f"The backup is encrypted with {encryption}; its private key is needed to read it.")
        if encryption == "age":
            reading, writing = os.pipe()
            try:
                # A key is far smaller than a pipe, so this can't block.
                os.write(writing, self._key)
                os.close(writing)
                yield ["age", "--decrypt", "--identity", f"/dev/fd/{reading}"], [reading]
            finally:
                os.close(reading)
            return
        # gpg reads keys only from a keyring, so it gets one in memory (/dev/shm) for as long as it runs.
        with tempfile.TemporaryDirectory(dir=_MEMORY, prefix=f"{_KEYRING}{os.getpid()}.") as home:
            imported = subprocess.run(
                [*_gpg(home), "--import"],
                input=self._key,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                check=False,
            )
            try:
                if imported.returncode != 0:
                    raise BackupError("gpg can't import the given private key.")
                yield [*_gpg(home), "--trust-model", "always", "--decrypt"], []
            finally:
                subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


def remove_left() -> None:
    """Remove the folders of processes that were killed, and stop the agents of gpg in them, which hold keys in memory."""
    for prefix in (os.path.join(_MEMORY, _KEYRING), os.path.join(tempfile.gettempdir(), _WORK)):
        for left in glob.glob(f"{glob.escape(prefix)}*"):
            pid = left[len(prefix) :].split(".")[0]
            with contextlib.suppress(OSError):
                # A dead process whose parent hasn't taken note yet is still there, but runs no program.
                if os.lstat(left).st_uid == os.geteuid() and not os.path.exists(f"/proc/{pid}/exe"):
                    with contextlib.suppress(FileNotFoundError):  # no gpg
                        subprocess.run(
                            ["gpgconf", "--homedir", left, "--kill", "all"], stderr=subprocess.DEVNULL, check=False
                        )
                    shutil.rmtree(left, ignore_errors=True)


def read(path: str, compression: str, encryption: str, identity: Identity) -> t.Iterator[bytes]:
    """The text in an archive, in chunks. Raises BackupError if a process failed."""
    with contextlib.ExitStack() as stack:
        commands: list[tuple[list[str], list[int]]] = []
        if encryption != "none":
            commands.append(stack.enter_context(identity.opened(encryption)))
        commands.append(([compression, "-q", "-d", "-c"], []))
        source: t.IO[bytes] = stack.enter_context(open(path, "rb"))
        stages: list[Stage] = []
        for command, inherited in commands:
            stage = Stage(command, source, subprocess.PIPE, inherited)
            stack.callback(stage.kill)
            source.close()
            stages.append(stage)
            source = t.cast(t.IO[bytes], stage.process.stdout)
        yield from iter(lambda: source.read(CHUNK), b"")
        # The first process that failed made the others fail.
        failures = [failure for failure in (stage.failure() for stage in stages) if failure]
        if failures:
            raise BackupError(f"{path} can't be read: {failures[0]}.")
