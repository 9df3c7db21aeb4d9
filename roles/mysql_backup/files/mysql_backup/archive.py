# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files written and read through compressors and encryptors that are processes of their own."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import typing as t

from .failure import BackupError

CHUNK = 1 << 16  # in the processor's cache: a third faster than 1 MiB
SUFFIXES = {"zstd": ".zst", "gzip": ".gz"}
ENCRYPTED = {"none": "", "age": ".age", "gpg": ".gpg"}
_SET_PIPE_SIZE = 1031  # fcntl.F_SETPIPE_SZ, which Python names only since 3.10


class Stage:
    """One process of a pipe; its standard error is kept for the sentence that may be needed."""

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
        """What the process said on its standard error, on one line."""
        self._errors.seek(0)
        said = self._errors.read(4000).decode("utf-8", "replace")
        return " ".join(said.split())

    def failure(self) -> str:
        """Empty when the process ended well, else a sentence."""
        code = self.process.wait()
        if code == 0:
            return ""
        how = f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"
        return f"{self.name} {how}: {self.complaint() or 'it said nothing'}"

    def kill(self) -> None:
        """End the process if it still runs, and close what is open towards it."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._errors.close()


def compressors(compression: str, level: int, encryption: str, recipients: str, home: str) -> list[list[str]]:
    """The processes between the text of a dump and its file. `home` is a private folder, for gpg."""
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


class Writer:
    """A file that grows behind a chain of processes."""

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
        """Hand over text; BackupError when the chain broke."""
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
        """Nothing more will come. The processes finish by themselves, meanwhile the next file can begin."""
        pipe = self._stages[0].process.stdin
        assert pipe is not None
        with contextlib.suppress(BrokenPipeError):
            pipe.close()

    def settle(self) -> tuple[int, str]:
        """Wait until the file is complete and on disk; its size and SHA-256, read back from there."""
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
        """Give up."""
        for stage in self._stages:
            stage.kill()
        self._file.close()

    def _check(self) -> None:
        # From the end of the chain backwards: the last one to fail is the reason why those before it did.
        for stage in reversed(self._stages):
            if stage.process.stdin is not None:
                with contextlib.suppress(OSError):
                    stage.process.stdin.close()
        failures = [failure for failure in (stage.failure() for stage in reversed(self._stages)) if failure]
        if failures:
            raise BackupError(f"{self.path} can't be written: {failures[0]}.")


def sha256(path: str, from_disk: bool = False) -> str:
    """The checksum of a file; `from_disk` asks the kernel to forget its own copy first."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        if from_disk:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


class Identity:
    """The private key that opens encrypted backups: in memory and in pipes, never in a file of its own."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._home = ""

    @contextlib.contextmanager
    def opened(self, encryption: str) -> t.Iterator[tuple[list[str], list[int]]]:
        """The command that decrypts, and the file descriptors it wants to inherit."""
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
        with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="mysql-backup-") as home:
            imported = subprocess.run(
                [*_gpg(home), "--import"],
                input=self._key,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                check=False,
            )
            try:
                if imported.returncode != 0:
                    raise BackupError("gpg can't import the private key that it was given.")
                yield [*_gpg(home), "--trust-model", "always", "--decrypt"], []
            finally:
                subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


def read(path: str, compression: str, encryption: str, identity: Identity) -> t.Iterator[bytes]:
    """The text in an archive, in chunks; BackupError unless every process ended well."""
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
        # The first to fail is the reason: after it the others see an early end.
        failures = [failure for failure in (stage.failure() for stage in stages) if failure]
        if failures:
            raise BackupError(f"{path} can't be read: {failures[0]}.")
