# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore that was stopped is known until another one has finished it, and what is half there pushes nothing out."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.mysql_backup.host import Database, Host, descendants
from tests.waiting import PATIENCE, until


def loading(host: Host, database: Database, *arguments: str) -> subprocess.Popen[str]:
    """A restore that has dropped what was there and put some rows back."""
    run = host.start("restore", *arguments)

    def begun() -> bool:
        rows = database.ask("SELECT COUNT(*) FROM nova.instances", check=False)
        return rows not in ("", "0") and (host.state / "restore.json").exists()

    until("rows of nova.instances are restored", begun, process=run, seen=lambda: host.run("status").out, every=0)
    assert run.poll() is None, run.communicate()[1]
    return run


def kill_all(run: subprocess.Popen[str]) -> None:
    worker = next(pid for name, pid in descendants(run.pid).items() if name.startswith("python"))
    os.kill(run.pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker, signal.SIGKILL)
    run.communicate(timeout=300)


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_half_a_database_is_told_and_pushes_nothing_out(host: Host, large: Database, how: str) -> None:
    host.settings["retention"] = {"count": 1}
    good = host.backup()
    before = large.state()
    run = loading(host, large, good)
    if how == "stopped":
        run.terminate()
        said = run.communicate(timeout=300)[1]
        assert run.returncode == 3, said
        assert "keystone, neutron, nova, odd-name: half restored since" in said
        assert host.metric("restore_incomplete") == 4
    else:
        kill_all(run)

    told = host.run("status")
    assert told.code == 3
    assert f"Finish it: mysql-backup restore {good} --databases keystone,neutron,nova,odd-name" in told.out
    assert "or restore the previous state: mysql-backup restore mysql-db1-" in told.out

    for _night in range(2):
        done = host.run("run")
        assert done.code == 1
        assert "isn't a good backup. keystone, neutron, nova, odd-name: half restored" in done.said
    nightly = [one for one in host.listed() if not one["safety"]]
    assert [one["good"] for one in nightly] == [True, False], "the last good one, and the newest half one to look at"
    assert nightly[0]["name"] == host.status()["good"]["backup"] == good

    safety = next(one["name"] for one in host.listed() if one["safety"])
    again = host.run("restore", good)
    assert again.code == 0, again.said
    assert large.state() == before
    assert [one["name"] for one in host.listed() if one["safety"]] == [safety], "what is half there is no way back"
    assert host.run("status").code == 0
    assert host.metric("restore_incomplete") == 0
    assert host.backup() != good


def begun(run: subprocess.Popen[str], journal: Path, known: int) -> bool:
    """Whether a restore has written its journal anew, or has ended."""
    return run.poll() is not None or (journal.exists() and journal.stat().st_ino != known)


def test_twenty_moments_of_a_kill_are_told_or_did_nothing(host: Host, database: Database) -> None:
    good = host.backup()
    before = database.state()
    began = time.monotonic()
    assert host.run("restore", good).code == 0
    whole = time.monotonic() - began
    half = 0
    journal = host.state / "restore.json"
    for number in range(20):
        known = journal.stat().st_ino if journal.exists() else 0
        run = host.start("restore", good)
        if number >= 10:  # from where on databases are dropped
            until("databases are dropped, or it has ended", functools.partial(begun, run, journal, known), every=0)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(whole * (number % 10) / 20)
        for pid in (run.pid, *descendants(run.pid).values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run.communicate(timeout=300)
        told = host.run("status")
        half += told.code == 3
        assert told.code == 3 or database.state() == before, (number, told.out)
    assert half, "some of them came after something was dropped"
    done = host.run("restore", good)
    assert done.code == 0, done.said
    assert database.state() == before
    assert host.run("status").code == 0
    host.backup()
    assert host.left_behind() == [], "the next run removes what safety dumps that were killed have left"


def test_what_was_there_before_can_be_put_back(host: Host, large: Database) -> None:
    good = host.backup()
    large.ask("UPDATE nova.quotas SET cores = 7")
    before = large.state()
    run = loading(host, large, good)
    run.terminate()
    run.communicate(timeout=300)
    safety = next(one["name"] for one in host.listed() if one["safety"])
    assert host.run("restore", safety, "--no-safety").code == 0
    assert large.state() == before
    assert host.run("status").code == 0


def test_a_database_that_is_dropped_halfway_is_half_restored(host: Host, database: Database) -> None:
    """The server drops the tables first, and then refuses because of a file that it doesn't know."""
    good = host.backup()
    before = database.state()
    stray = database.folder / "data" / "keystone" / "note.txt"
    stray.write_text("of somebody\n")
    try:
        done = host.run("restore", good)
    finally:
        stray.unlink()
    assert database.ask("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'keystone'") == "0"
    assert done.code == 3, done.said
    assert "keystone, neutron, nova, odd-name: half restored since" in done.said
    assert host.run("status").code == 3
    night = host.run("run")
    assert night.code == 1
    assert "isn't a good backup. keystone" in night.said

    assert host.run("restore", good).code == 0
    assert database.state() == before
    assert host.run("status").code == 0


def test_a_lost_connection_does_not_end_a_restore(host: Host, large: Database) -> None:
    good = host.backup()
    before = large.state()
    run = loading(host, large, good)
    worker = next(pid for name, pid in descendants(run.pid).items() if name.startswith("python"))
    for pid in (run.pid, worker):
        os.kill(pid, signal.SIGHUP)
    said = run.communicate(timeout=300)[1]
    assert run.returncode == 0, said
    assert large.state() == before


def test_progress_is_shown(host: Host, large: Database) -> None:
    large.ask("INSERT INTO nova.instances (uuid, user_data, info) SELECT UUID(), user_data, info FROM nova.instances")
    host.backup()
    for command, begin in (("restore", "restore: "), ("verify", "verify mysql-")):
        seen: set[str] = set()
        run = host.start(command)
        end = time.monotonic() + PATIENCE
        while run.poll() is None:
            seen.update(host.run("status").out.splitlines())
            assert time.monotonic() < end, f"After {PATIENCE} s {command} hasn't ended; it said {seen}"
        assert run.returncode == 0
        assert any(one.startswith(begin) and "MiB/s" in one for one in seen), seen
        assert "MiB/s" not in host.run("status").out
