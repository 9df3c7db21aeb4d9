# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database server that nobody else can reach, for as long as a verification takes.

Its folder is root's; only what the server writes to (data, tmp, run) is the server's account's. So root reads nothing that the account
`mysql` could have put there, and the server's temporary tables lie apart from those of the production server, which has the same account.
"""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import typing as t

from .client import client
from .failure import BackupError
from .server import Server

PREFIX = "mysql-backup-scratch."


@contextlib.contextmanager
def scratch(
    folder: str,
    lower_case_table_names: int,
    libraries: t.Iterable[str] = (),
    prepare: t.Callable[[str, pwd.struct_passwd], t.Sequence[str]] = lambda _place, _user: (),
) -> t.Iterator[Server]:
    """A server in a new folder below `folder`, gone afterwards; `libraries` are plugins to load where they are installed.

    `prepare` gets the folder and the server's account before it starts, and returns more options.

    Raises BackupError where none can be made.
    """
    remove_left(folder)
    place = tempfile.mkdtemp(prefix=PREFIX, dir=folder)
    user = _account()
    try:
        # The account passes through to its own folders, and sees nothing else.
        os.chmod(place, 0o711)  # nosec B103
        for name in ("data", "tmp", "run"):
            os.mkdir(os.path.join(place, name), 0o700)
            shutil.chown(os.path.join(place, name), user.pw_uid, user.pw_gid)
        # The account's own program, as itself: root would follow what it puts into its folder.
        install = [client("mariadb-install-db", "mysql_install_db"), "--no-defaults", f"--datadir={place}/data"]
        install += ["--skip-test-db", "--auth-root-authentication-method=socket", "--auth-root-socket-user=root"]
        done = subprocess.run(
            [*_as(user), *install],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            cwd=place,
            env=_environment(place),
        )
        if done.returncode != 0:
            said = " ".join(done.stderr.decode(errors="replace").split())
            raise BackupError(f"A scratch server can't be made in {folder}: {said[-400:]}")
        more = [*(f"--plugin-load-add={one}" for one in libraries), *prepare(place, user)]
        with _running(place, user, lower_case_table_names, more) as server:
            yield server
    finally:
        shutil.rmtree(place, ignore_errors=True)


def remove_left(folder: str) -> None:
    """Remove the folders of verifications that were killed. Only for the holder of the lock."""
    for left in glob.glob(os.path.join(folder, PREFIX + "*")):
        with contextlib.suppress(OSError):
            if os.lstat(left).st_uid == os.geteuid():
                shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _running(
    place: str, user: pwd.struct_passwd, lower_case_table_names: int, more: t.Sequence[str]
) -> t.Iterator[Server]:
    socket = os.path.join(place, "run", "socket")
    options = os.path.join(place, "client.cnf")
    with open(options, "x", encoding="utf-8") as stream:
        stream.write(f"[client]\nsocket={socket}\nuser=root\n")
    # The log by descriptor: the server's account can't make another file of it.
    with open(os.path.join(place, "log"), "x+b") as log:
        process = subprocess.Popen(
            [*_as(user), *_command(place, socket, lower_case_table_names, more)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=place,
            env=_environment(place),
        )
        try:
            server = Server(options)
            deadline = time.monotonic() + 120
            while True:
                try:
                    server.query("SELECT 1")
                    break
                except BackupError as exc:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise BackupError(f"The scratch server doesn't start: {_last_error(log)}") from exc
                    time.sleep(0.1)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _command(place: str, socket: str, lower_case_table_names: int, more: t.Sequence[str]) -> list[str]:
    return [
        client("mariadbd", "mysqld"),
        "--no-defaults",
        f"--datadir={place}/data",
        f"--tmpdir={place}/tmp",  # a server that starts removes all temporary tables in there
        f"--socket={socket}",
        f"--pid-file={place}/run/pid",
        "--skip-networking",
        "--skip-log-bin",
        "--event-scheduler=OFF",
        f"--lower-case-table-names={lower_case_table_names}",
        "--plugin-maturity=unknown",
        *more,
        # A power cut may take it: speed is all that counts.
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-doublewrite=0",
        "--innodb-buffer-pool-size=256M",
        "--max-allowed-packet=1G",
    ]


def _as(user: pwd.struct_passwd) -> list[str]:
    # Dies with us, however we die.
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=KILL"]


def _environment(place: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": place, "TMPDIR": os.path.join(place, "tmp")}


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("mysql")
    except KeyError:
        return pwd.getpwuid(os.getuid())


def _last_error(log: t.IO[bytes]) -> str:
    log.seek(0)
    lines = [line for line in log.read().decode("utf-8", "replace").splitlines() if "[ERROR]" in line]
    return lines[-1].strip() if lines else "it said nothing"
