# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mysql-backup: consistent backups of a MariaDB server that are known to restore."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import subprocess
import sys
import syslog
import time
import typing as t

from . import account, archive, backup, restore, verify
from . import settings as configuration
from .catalog import Catalog
from .failure import BackupError, Busy, Incomplete
from .report import Reporter, say
from .server import ADMIN, Server
from .settings import Settings
from .supervise import Stopped, supervised

INCOMPLETE = 3
BUSY = 75  # EX_TEMPFAIL


def main() -> int:
    """Parse, prepare the process, and do it."""
    os.umask(0o077)
    # cron gives /usr/bin:/bin, mariadbd lives in /usr/sbin.
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    os.environ["LC_ALL"] = "C.UTF-8"
    arguments = _arguments()
    return _answered(lambda: t.cast(int, arguments.do(configuration.load(arguments.settings), arguments)))


def _answered(do: t.Callable[[], int]) -> int:
    """The exit code of something that may fail with a sentence."""
    try:
        return do()
    except Busy as exc:
        say(syslog.LOG_WARNING, str(exc))
        return BUSY
    except Incomplete as exc:
        say(syslog.LOG_ERR, str(exc))
        return INCOMPLETE
    except (BackupError, OSError) as exc:
        say(syslog.LOG_ERR, str(exc))
        return 1


def run(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Take a backup, then apply the retention, then copy."""

    def died(sentence: str) -> None:
        with lock(settings, "lock"):
            _clean_up(settings)
            Reporter(settings).ended("failed", sentence)

    return supervised(lambda: _answered(lambda: _run(settings)), settings.timeout, died)


def _run(settings: Settings) -> int:
    with lock(settings, "lock"):
        reporter = Reporter(settings)
        before = reporter.started()
        warnings = [before] if before else []
        good: dict[str, t.Any] = {}
        try:
            _be_modest(settings)
            server = Server(settings.defaults_file)
            backup.resync(settings, server)
            taken = backup.take(settings, server)
            made = taken.backup.manifest
            gone, complaints = backup.prune(settings)
            warnings += taken.warnings + complaints
            number = sum(one.good and not one.manifest.safety for one in Catalog(settings.directory).backups())
            good = {"backup": made.name, "size": made.size, "seconds": made.seconds, "number": number}
            if settings.copy_to:
                backup.copy_off(settings)
                reporter.update(copied={"ended": int(time.time()), "backup": made.name})
            removed = f", removed {len(gone)} old ones" if gone else ""
            message = f"Made {made.name}: {made.bytes >> 20} MiB in {made.size >> 20}, {made.seconds} s{removed}."
            reporter.ended("good", message, warnings, **good)
            return 0
        except backup.Skipped as exc:
            reporter.ended("skipped", str(exc), warnings)
            return 0
        except (BackupError, OSError, Stopped) as exc:
            reporter.ended("failed", str(exc), warnings, **good)
            return 1


def list_(settings: Settings, arguments: argparse.Namespace) -> int:
    """Show the backups, oldest first."""
    backups = Catalog(settings.directory).backups()
    shown = [
        {
            "name": one.manifest.name,
            "taken": one.manifest.taken,
            "size": one.manifest.size,
            "databases": list(one.manifest.databases),
            "safety": one.manifest.safety,
            "good": one.good,
            "verified": one.verified.get("when", ""),
        }
        for one in backups
    ]
    if arguments.json:
        print(json.dumps(shown))
        return 0
    for row in shown:
        state = "verified" if row["good"] and row["verified"] else "good" if row["good"] else "BAD"
        print(f"{row['name']}  {t.cast(int, row['size']) >> 20:>7} MiB  {state}{'  safety' if row['safety'] else ''}")
    return 0


def restore_(settings: Settings, arguments: argparse.Namespace) -> int:
    """Put a backup back; what is said on standard output is JSON."""
    server = Server(settings.defaults_file, ADMIN)
    identity = _identity(arguments)
    if arguments.plan:
        plan = restore.plan(settings, server, arguments.backup, arguments.databases, arguments.accounts)
        print(json.dumps(plan.public()))
        return 0
    with lock(settings, "lock"):
        plan = restore.plan(settings, server, arguments.backup, arguments.databases, arguments.accounts)
        result = restore.restore(settings, server, plan, identity, arguments.safety)
        say(syslog.LOG_NOTICE, f"Restored {', '.join(plan.databases)} from {result['backup']}.")
        print(json.dumps(result))
    return 0


def verify_(settings: Settings, arguments: argparse.Namespace) -> int:
    """Restore into a scratch server and compare; says JSON."""
    with lock(settings, "verify.lock"):
        _be_modest(settings)
        result = verify.verify(settings, arguments.backup, _identity(arguments))
        Reporter(settings).update(verified=result)
    if result["good"]:
        say(syslog.LOG_INFO, f"{result['backup']} restores: {result['tables']} tables, {result['rows']} rows.")
    else:
        say(syslog.LOG_ERR, f"{result['backup']} is BAD: {result['message']}")
    if not arguments.quiet:
        print(json.dumps(result))
    return 0 if result["good"] else 1


def account_(settings: Settings, arguments: argparse.Namespace) -> int:
    """Make or repair the account that takes the backups; says whether that changed anything."""
    changed = account.ensure(settings, Server(settings.defaults_file, ADMIN), arguments.check)
    print(json.dumps({"changed": changed}))
    return 0


@contextlib.contextmanager
def lock(settings: Settings, name: str) -> t.Iterator[None]:
    """One at a time; the kernel lets go of it when the process dies."""
    path = os.path.join(settings.state, name)
    with open(path, "a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise Busy(f"Another one is at work (process {stream.read().strip()}); this one does nothing.") from None
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        yield


def _clean_up(settings: Settings) -> None:
    """After a run that was killed."""
    with contextlib.suppress(OSError):
        Catalog(settings.directory).discard_partials()
    with contextlib.suppress(BackupError):
        backup.resync(settings, Server(settings.defaults_file))


def _be_modest(settings: Settings) -> None:
    """Let the database server have the processor and the disk first."""
    os.nice(settings.nice)
    subprocess.run(["ionice", "-c", "2", "-n", "7", "-p", str(os.getpid())], stderr=subprocess.DEVNULL, check=False)


def _identity(arguments: argparse.Namespace) -> archive.Identity:
    return archive.Identity(sys.stdin.buffer.read() if arguments.identity else b"")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mysql-backup", description=__doc__)
    parser.add_argument("--settings", default=configuration.DEFAULT_FILE, help="settings file (%(default)s)")
    commands = parser.add_subparsers(dest="command")
    commands.required = True
    one = commands.add_parser("run", help=run.__doc__)
    one.set_defaults(do=run)
    one = commands.add_parser("list", help=list_.__doc__)
    one.add_argument("--json", action="store_true", help="for programs")
    one.set_defaults(do=list_)
    one = commands.add_parser("account", help=account_.__doc__)
    one.add_argument("--check", action="store_true", help="only say whether it would change")
    one.set_defaults(do=account_)
    for name, do in (("restore", restore_), ("verify", verify_)):
        one = commands.add_parser(name, help=do.__doc__)
        one.add_argument("backup", nargs="?", default="latest", help="name of a backup (%(default)s)")
        one.add_argument("--identity", action="store_true", help="read the private key from standard input")
        one.set_defaults(do=do)
        if name == "verify":
            one.add_argument("--quiet", action="store_true", help="say nothing when all is well, for cron")
            continue
        one.add_argument("--plan", action="store_true", help="say what would happen, change nothing")
        one.add_argument(
            "--databases",
            type=lambda text: [name for name in text.split(",") if name],
            default=[],
            help="only these, by comma",
        )
        one.add_argument("--accounts", action="store_true", help="users and grants, too")
        one.add_argument("--no-safety", dest="safety", action="store_false", help="don't dump what will be dropped")
    return parser.parse_args()
