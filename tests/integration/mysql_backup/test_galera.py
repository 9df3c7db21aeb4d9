# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member of a real Galera cluster; the other one is Galera's arbitrator, which has no data."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import typing as t
from functools import partial
from pathlib import Path

import pytest

from tests.integration.mysql_backup.host import Database, Host, descendants
from tests.places import ROOT
from tests.waiting import PATIENCE, until

ADDRESS = "127.0.78.1"
STATE = "SHOW STATUS LIKE 'wsrep_local_state_comment'"
SIZE = "SHOW STATUS LIKE 'wsrep_cluster_size'"


@pytest.fixture(scope="module")
def member(memory: Path) -> t.Iterator[Database]:
    subprocess.run([str(ROOT / "tools/need"), "garbd=galera-arbitrator-4"], check=True, timeout=600)
    library = Path("/usr/lib/galera/libgalera_smm.so")
    if not library.exists():
        subprocess.run([str(ROOT / "tools/need"), "no-such-program=galera-4"], check=True, timeout=600)
    database = Database(
        memory / "galera",
        f"--bind-address={ADDRESS}",
        f"--wsrep-provider={library}",
        "--wsrep-on=ON",
        "--wsrep-cluster-name=day2",
        "--wsrep-cluster-address=gcomm://",
        f"--wsrep-node-address={ADDRESS}",
        f"--wsrep-provider-options=gmcast.listen_addr=tcp://{ADDRESS}:4567",
        "--wsrep-new-cluster",
        "--binlog-format=ROW",
        "--innodb-autoinc-lock-mode=2",
    )
    database.install()
    with contextlib.ExitStack() as stack:
        stack.callback(database.stop)
        database.start()
        arbitrator = subprocess.Popen(
            [
                "garbd",
                "--address",
                f"gcomm://{ADDRESS}:4567",
                "--group",
                "day2",
                "--options",
                "gmcast.listen_addr=tcp://127.0.78.2:4567",
                "--log",
                str(memory / "garbd.log"),
            ],
            cwd=memory,
        )
        stack.callback(arbitrator.wait)
        stack.callback(arbitrator.terminate)
        until(
            "the cluster has two members", lambda: database.ask(SIZE).split("\t")[1] == "2", process=arbitrator,
            seen=lambda: (memory / "garbd.log").read_text()[-3000:], every=0.2,
        )  # fmt: skip
        database.ask("CREATE DATABASE nova; CREATE TABLE nova.instances (id INT PRIMARY KEY, host VARCHAR(64))")
        database.ask("USE nova; INSERT INTO instances SELECT seq, MD5(seq) FROM seq_1_to_100000")
        yield database


@pytest.fixture
def host(member: Database, tmp_path: Path) -> Host:
    return Host(tmp_path / "host", member)


def test_a_member_is_desynced_during_the_dump_alone(host: Host, member: Database) -> None:
    seen = set()
    # A short dump may fall between two looks of a busy machine.
    for _attempt in range(5):
        run = host.start("run")
        end = time.monotonic() + PATIENCE
        while run.poll() is None:
            seen.add(member.ask(STATE).split("\t")[1])
            assert time.monotonic() < end, f"After {PATIENCE} s the run hasn't ended; the member was {seen}"
        assert run.returncode == 0, run.communicate()[1]
        if "Donor/Desynced" in seen:
            break
    assert "Donor/Desynced" in seen
    assert member.ask("SELECT @@wsrep_desync") == "0"


@pytest.mark.parametrize("victim", ["worker", "everything"])
def test_a_killed_run_does_not_leave_a_member_desynced(host: Host, member: Database, victim: str) -> None:
    found: dict[str, int] = {}
    for _attempt in range(10):  # a run may be through before it is looked at
        run = host.start("run")
        end = time.monotonic() + PATIENCE
        while "mariadb-dump" not in found and run.poll() is None:
            found = descendants(run.pid)
            assert time.monotonic() < end, f"After {PATIENCE} s no mariadb-dump, only {found}"
        if "mariadb-dump" in found:
            break
    assert "mariadb-dump" in found, "10 runs had ended before anybody looked"
    worker = next(pid for name, pid in found.items() if name.startswith("python"))
    if victim == "everything":
        os.kill(run.pid, signal.SIGKILL)
        os.killpg(worker, signal.SIGKILL)
    else:
        os.kill(worker, signal.SIGKILL)
    run.communicate(timeout=300)
    if victim == "everything":
        assert member.ask("SELECT @@wsrep_desync") == "1"
        host.backup()  # the next run puts it right
    assert member.ask("SELECT @@wsrep_desync") == "0"


def test_the_arbitrator_is_not_elected(host: Host) -> None:
    host.settings["galera"] = "elect"
    host.backup()


def test_an_account_on_a_member_may_desync_it(host: Host, member: Database) -> None:
    host.options.write_text(host.options.read_text().replace("user=root\n", "", 1))
    assert host.run("account").code == 0
    assert "SUPER" in member.ask("SHOW GRANTS FOR mysql_backup_db1@localhost")
    host.backup()


def test_what_an_operator_has_desynced_stays_so(host: Host, member: Database) -> None:
    member.ask("SET GLOBAL wsrep_desync = ON")
    try:
        host.backup()
        assert member.ask("SELECT @@wsrep_desync") == "1"
    finally:
        member.ask("SET GLOBAL wsrep_desync = OFF")


def test_a_member_outside_the_primary_component_is_refused(host: Host, member: Database) -> None:
    member.ask("SET GLOBAL wsrep_dirty_reads = ON; SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
    try:
        status = partial(member.ask, "SHOW STATUS LIKE 'wsrep_cluster_status'")
        until("the member is outside", lambda: "non-Primary" in status(), seen=status, every=0.5)
        done = host.run("run")
        assert done.code == 1
        assert "This member is not in the primary component (non-Primary)" in done.said
    finally:
        member.ask(
            "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'; SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'",
            check=False,
        )
        member.ask("SET GLOBAL wsrep_dirty_reads = OFF", check=False)
