# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mysql-backup: consistent, verified backups of a MariaDB server."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import syslog
import time
import typing as t

from . import account, archive, backup, moments, progress, restore, scratch, verify
from . import settings as configuration
from .catalog import Backup, Catalog
from .failure import BackupError, Busy, Incomplete
from .journal import Journal
from .locks import RELEASE, lock
from .progress import Progress
from .report import Reporter, say
from .server import ADMIN, Server
from .settings import Settings
from .supervise import Stopped, supervised

INCOMPLETE = 3
BUSY = 75  # EX_TEMPFAIL


def main() -> int:
    """Parse the arguments, prepare the process, and run the command."""
    os.umask(0o077)
    # cron's PATH is /usr/bin:/bin, but mariadbd is in /usr/sbin.
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    os.environ["LC_ALL"] = "C.UTF-8"
    archive.remove_left()
    arguments = _arguments()
    if arguments.command == "try-keys":
        return _answered(lambda: try_keys_(arguments))
    return _answered(lambda: t.cast(int, arguments.do(configuration.load(arguments.settings), arguments)))


def try_keys_(arguments: argparse.Namespace) -> int:
    """Fail where backups can't be encrypted with the public keys on standard input; before they are settings."""
    archive.try_keys(arguments.encryption, sys.stdin.buffer.read())
    return 0


def _answered(do: t.Callable[[], int]) -> int:
    """Call do and return its exit code; an error is reported and returns another one."""
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

    def died(reason: str) -> None:
        archive.remove_left()
        with lock(settings, "lock", RELEASE):
            _clean_up(settings)
            Reporter(settings).ended("failed", reason)

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
            if not made.half_restored:
                # Before the retention removes what the status names until now, for a run may be killed at any moment.
                number = sum(_counts(one) for one in Catalog(settings).backups())
                good = {"backup": made.name, "size": made.size, "seconds": made.seconds, "number": number}
                reporter.update(good=dict(good, ended=int(time.time())))
            gone, complaints = backup.prune(settings)
            if good:
                good["number"] -= sum(map(_counts, gone))
            warnings += taken.warnings + complaints
            if settings.encryption == "gpg":
                warnings += archive.expiring(settings.recipients, time.time())
            if made.half_restored:
                raise BackupError(f"{made.name} isn't a good backup. {Journal(settings).summary()}")
            if settings.copy_to:
                backup.copy_off(settings)
                reporter.update(copied={"ended": int(time.time()), "backup": made.name})
            if taken.missing:
                raise BackupError(f"{made.name} is good, but doesn't have all databases. {' '.join(taken.missing)}")
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
        except Exception as exc:
            reporter.ended("failed", f"A bug in mysql-backup: {type(exc).__name__}: {exc}", warnings, **good)
            raise


def _counts(one: Backup) -> bool:
    """Whether it is one of the good backups whose number the status tells."""
    return one.good and not one.manifest.safety


def archive_binlogs_(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Archive the server's binary logs up to now."""

    def died(reason: str) -> None:
        archive.remove_left()
        moments.binlogs_ended(settings, "failed", f"The binary logs weren't archived. {reason}", success=0)

    def work() -> int:
        _be_modest(settings)
        return moments.archive_binlogs(settings)

    return supervised(lambda: _answered(work), settings.timeout, died)


def list_(settings: Settings, arguments: argparse.Namespace) -> int:
    """Show the backups, oldest first."""
    backups = Catalog(settings).backups()
    shown = [
        {
            "name": one.manifest.name,
            "taken": one.manifest.taken,
            "size": one.manifest.size,
            "databases": list(one.manifest.databases),
            "safety": one.manifest.safety,
            "good": one.good,
            "verified": one.verified.get("when", "") if one.verified.get("verdict") == "good" else "",
            "why": _why_not(one),
        }
        for one in backups
    ]
    if arguments.json:
        print(json.dumps(shown))
        return 0
    for row in shown:
        state = "verified" if row["good"] and row["verified"] else "good" if row["good"] else str(row["why"])
        print(f"{row['name']}  {t.cast(int, row['size']) >> 20:>7} MiB  {state}{'  safety' if row['safety'] else ''}")
    return 0


def _why_not(one: Backup) -> str:
    """Why a backup isn't good, in a word; empty if it is."""
    if one.doubt:
        return "NOT OURS"
    if one.manifest.half_restored:
        return "HALF"
    return "" if one.good else "BAD"


def restore_(settings: Settings, arguments: argparse.Namespace) -> int:
    """Restore a backup; prints JSON."""
    if arguments.until:
        moments.check_until(arguments.backup, arguments.accounts)
    if arguments.plan:
        plan = _plan(settings, arguments).public() if not arguments.until else {}
        print(
            json.dumps(
                plan or moments.plan_at(settings, arguments.until, lambda name: _plan(settings, arguments, name))
            )
        )
        return 0
    killed = []

    def died(reason: str) -> None:
        archive.remove_left()
        killed.append(reason)
        with lock(settings, "lock", RELEASE):
            _clean_up(settings)
            _scratch_left(settings)
            _restore_ended(settings, "killed", reason)

    # No timeout, and a lost connection doesn't stop it: half a restore is worse than a slow one.
    code = supervised(lambda: _answered(lambda: _restore(settings, arguments)), None, died, hangup=False)
    return INCOMPLETE if killed and Journal(settings).databases else code


def _plan(settings: Settings, arguments: argparse.Namespace, name: str = "") -> restore.RestorePlan:
    server = Server(settings.defaults_file, ADMIN)
    return restore.plan(
        settings, server, name or arguments.backup, _wanted(arguments), arguments.accounts, arguments.safety
    )


def backup_at_(settings: Settings, arguments: argparse.Namespace) -> int:
    """Make a backup of the state at a moment, from a backup and the archived binary logs; prints its name."""

    def died(reason: str) -> None:
        archive.remove_left()
        with lock(settings, "lock", RELEASE):
            _clean_up(settings)
            _scratch_left(settings)
        say(syslog.LOG_ERR, f"Nothing was made. {reason}")

    def work() -> int:
        with lock(settings, "lock"):
            print(_made_at(settings, arguments, _identity(arguments)))
        return 0

    return supervised(lambda: _answered(lambda: _unstopped(work)), settings.timeout, died)


def _made_at(settings: Settings, arguments: argparse.Namespace, identity: archive.Identity) -> str:
    return moments.made_at(settings, arguments.until, _wanted(arguments), identity, arguments.force)


def _wanted(arguments: argparse.Namespace) -> list[str]:
    return [name for names in arguments.databases or () for name in names]


def _scratch_left(settings: Settings) -> None:
    """Remove the scratch server of a run that was killed, unless it is a verification's that runs."""
    with contextlib.suppress(Busy), lock(settings, "verify.lock"):
        scratch.remove_left(settings.scratch)


def _unstopped(work: t.Callable[[], int]) -> int:
    try:
        return work()
    except Stopped as exc:
        raise BackupError(f"Nothing was made. {exc}") from exc


def _restore(settings: Settings, arguments: argparse.Namespace) -> int:
    identity = _identity(arguments)
    with lock(settings, "lock"):
        try:
            name = _made_at(settings, arguments, identity) if arguments.until else arguments.backup
            plan = _plan(settings, arguments, name)
            server = Server(settings.defaults_file, ADMIN)
            result = restore.restore(settings, server, plan, identity, arguments.safety, arguments.force)
        except Stopped as exc:
            _restore_ended(settings, "stopped", str(exc))
            return INCOMPLETE if Journal(settings).databases else 1
        except BackupError as exc:
            _restore_ended(settings, "failed", str(exc), tell=False)
            raise
        said = f" But: {result['differs'][0]}." if result["differs"] else ""
        _restore_ended(settings, "good", f"Restored {', '.join(plan.databases)} from {result['backup']}.{said}")
        print(json.dumps(result))
    return 0


def _restore_ended(settings: Settings, state: str, message: str, tell: bool = True) -> None:
    journal = Journal(settings)
    text = message if state in ("good", "failed") else f"{message} {journal.summary() or 'Nothing was changed.'}"
    if tell:
        say(syslog.LOG_NOTICE if state == "good" else syslog.LOG_ERR, text)
    ended = {"state": state, "ended": int(time.time()), "message": text, "incomplete": len(journal.databases)}
    Reporter(settings).update(restore=ended)


def verify_(settings: Settings, arguments: argparse.Namespace) -> int:
    """Restore a backup into a scratch server and compare; prints JSON."""

    def died(reason: str) -> None:
        archive.remove_left()
        with lock(settings, "verify.lock", RELEASE):
            Progress(settings, "", file=progress.VERIFYING).end()
            scratch.remove_left(settings.scratch)
        say(syslog.LOG_ERR, f"Nothing was verified. {reason}")

    return supervised(lambda: _answered(lambda: _verify(settings, arguments)), settings.timeout, died)


def _verify(settings: Settings, arguments: argparse.Namespace) -> int:
    with lock(settings, "verify.lock"):
        try:
            _be_modest(settings)
            result = verify.verify(settings, arguments.backup, _identity(arguments))
        except Stopped as exc:
            raise BackupError(f"Nothing was verified. {exc}") from exc
        Reporter(settings).update(verified=result)
    if result["good"]:
        say(syslog.LOG_INFO, f"{result['backup']} restores: {result['tables']} tables, {result['rows']} rows.")
    elif result["verdict"] == "bad":
        say(syslog.LOG_ERR, f"{result['backup']} is BAD: {result['message']}")
    else:
        say(syslog.LOG_ERR, f"{result['backup']} can't be verified here: {result['message']}")
    if not arguments.quiet:
        print(json.dumps(result))
    return 0 if result["good"] else 1


def status_(settings: Settings, arguments: argparse.Namespace) -> int:
    """Show what is running, its progress, the last results, and half restored databases; fails if there are any."""
    reporter, journal = Reporter(settings), Journal(settings)
    now, verifying = progress.read(settings), progress.read(settings, progress.VERIFYING)
    if arguments.json:
        print(json.dumps(dict(reporter.read(), progress=now, verifying=verifying, half_restored=journal.databases)))
    else:
        for name, section in sorted(reporter.read().items()):
            if section.get("message") or section.get("state"):
                print(
                    f"{name}: {section.get('state', section.get('verdict', ''))} {section.get('message', '')}".rstrip()
                )
        for job in filter(None, (now, verifying)):
            print(progress.line(job))
        if journal.databases:
            print(journal.summary())
    return INCOMPLETE if journal.databases else 0


def sign_(settings: Settings, arguments: argparse.Namespace) -> int:
    """Trust a backup from another host as if it were made here. Its contents run with all rights on the database server."""
    with lock(settings, "lock"):
        made = Catalog(settings).sign(arguments.backup).manifest
    say(syslog.LOG_NOTICE, f"{made.name} was accepted: signed with the key of this host.")
    print(made.name)
    return 0


def account_(settings: Settings, arguments: argparse.Namespace) -> int:
    """Create or repair the account that takes the backups; prints whether anything changed."""
    changed = account.ensure(settings, Server(settings.defaults_file, ADMIN), arguments.check)
    print(json.dumps({"changed": changed}))
    return 0


def _clean_up(settings: Settings) -> None:
    """Clean up after a killed run."""
    Progress(settings, "").end()
    with contextlib.suppress(OSError):
        Catalog(settings).discard_partials()
    with contextlib.suppress(BackupError):
        backup.resync(settings, Server(settings.defaults_file))


def _be_modest(settings: Settings) -> None:
    """Lower the process's CPU and I/O priority in favour of the database server."""
    os.nice(settings.nice)
    subprocess.run(["ionice", "-c", "2", "-n", "7", "-p", str(os.getpid())], stderr=subprocess.DEVNULL, check=False)


def _identity(arguments: argparse.Namespace) -> archive.Identity:
    return archive.Identity(sys.stdin.buffer.read() if arguments.identity else b"")


def _named(text: str) -> list[str]:
    """The names in a list with commas. One that names nothing isn't taken for all databases."""
    found = [name for name in text.split(",") if name]
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} names no database; leave it out for all of the backup")
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mysql-backup", description=__doc__)
    parser.add_argument("--settings", default=configuration.DEFAULT_FILE, help="settings file (%(default)s)")
    commands = parser.add_subparsers(dest="command")
    commands.required = True
    one = commands.add_parser("run", help=run.__doc__)
    one.set_defaults(do=run)
    one = commands.add_parser("archive-binlogs", help=archive_binlogs_.__doc__)
    one.set_defaults(do=archive_binlogs_)
    one = commands.add_parser("list", help=list_.__doc__)
    one.add_argument("--json", action="store_true", help="for programs")
    one.set_defaults(do=list_)
    one = commands.add_parser("account", help=account_.__doc__)
    one.add_argument("--check", action="store_true", help="only print whether it would change anything")
    one.set_defaults(do=account_)
    one = commands.add_parser("status", help=status_.__doc__)
    one.add_argument("--json", action="store_true", help="for programs")
    one.set_defaults(do=status_)
    one = commands.add_parser("sign", help=sign_.__doc__)
    one.add_argument("backup", help="name of a backup")
    one.set_defaults(do=sign_)
    one = commands.add_parser("try-keys", help=try_keys_.__doc__)
    one.add_argument("encryption", choices=[name for name in archive.ENCRYPTED if name != "none"])
    for name, do in (("restore", restore_), ("verify", verify_), ("backup-at", backup_at_)):
        one = commands.add_parser(name, help=do.__doc__)
        if name == "backup-at":
            one.add_argument("until", help="'2026-11-28 14:05' in the host's time, or with an offset, as in 14:05Z")
        else:
            one.add_argument("backup", nargs="?", default="latest", help="name of a backup (%(default)s)")
        one.add_argument("--identity", action="store_true", help="read the private key from standard input")
        one.set_defaults(do=do)
        if name == "verify":
            one.add_argument("--quiet", action="store_true", help="print nothing on success, for cron")
            continue
        one.add_argument("--databases", type=_named, action="append", help="only these, separated by commas")
        one.add_argument(
            "--database",
            dest="databases",
            type=lambda name: [name],
            action="append",
            metavar="NAME",
            help="only this one, whatever is in its name (--database=NAME; more than once for more)",
        )
        if name == "backup-at":
            one.add_argument("--force", action="store_true", help="even if the result may not be exact")
            continue
        one.add_argument("--plan", action="store_true", help="print what would happen, change nothing")
        one.add_argument(
            "--until", default="", help="the state at this time instead of the backup's, as backup-at makes it"
        )
        one.add_argument("--accounts", action="store_true", help="also restore users and grants")
        one.add_argument(
            "--force", action="store_true", help="restore despite problems, and accept differences afterwards"
        )
        one.add_argument("--no-safety", dest="safety", action="store_false", help="don't take a safety dump first")
    return parser.parse_args()
