# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's command line clients: how they are called, what they answer, and what of their complaints may be shown."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import typing as t

from .failure import BackupError

# No statement reaches a shell, a file or another program through the client: in binary mode it knows no command but delimiter and
# charset, and no server may ask it for a file.
SAFE = ("--binary-mode", "--local-infile=0", "--default-character-set=utf8mb4")
_ESCAPES = {b"0": b"\0", b"t": b"\t", b"n": b"\n", b"\\": b"\\"}
_LONGEST_COMPLAINT = 400


def client(*names: str) -> str:
    """The first of these programs that is installed. Raises BackupError if none is."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise BackupError(f"None of {', '.join(names)} is installed; the client package of the server has them.")


@functools.lru_cache(maxsize=None)
def sandbox() -> t.Sequence[str]:
    """--sandbox where the client knows it (since 10.6.18, 10.11.8): a second lock beside binary mode."""
    said = subprocess.run([client("mariadb", "mysql"), "--no-defaults", "--help"], capture_output=True, check=False)
    return ["--sandbox"] if b"--sandbox" in said.stdout else []


def fields(line: bytes) -> list[str]:
    """The fields of one line of the client's batch output, as they are in the server."""
    return [
        re.sub(rb"\\([0tn\\])", lambda found: _ESCAPES[found.group(1)], field).decode("utf-8", "surrogateescape")
        for field in line.split(b"\t")
    ]


def refusal(said: str) -> str:
    """What a client complained about, without the statements and the row data that it repeats.

    The client echoes the statement that failed, which may hold a password's hash or megabytes of rows.
    """
    lines = [
        line for line in said.splitlines() if re.match(r"(ERROR|mariadb\S*:|mysql\S*:)", line)
    ] or said.splitlines()[-1:]
    text = " ".join(lines[0].split()) if lines else "it said nothing"
    text = re.sub(r"(to use near) '.*", r"\1 a text that is not shown here", text)
    text = re.sub(r"\*[0-9A-F]{40}", "(a hash)", text)
    # A misspelt option of the option file is repeated with its value, which may be a password.
    text = re.sub(r"(unknown (?:variable|option) '[^='\s]*=).*", r"\1(not shown here)'", text)
    return text if len(text) <= _LONGEST_COMPLAINT else text[:_LONGEST_COMPLAINT] + " …"
