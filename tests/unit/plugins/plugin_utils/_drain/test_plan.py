# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers move, how, and how far a migration is."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.model import (
    COLD,
    LIVE,
    Migration,
    Moved,
    Refusal,
    Server,
    Step,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.plan import (
    CONFIRM,
    WAIT,
    changed_since,
    classify,
    judge,
    pick_up,
)

ID = "480cb82d-9bc5-4034-a14d-8799e33aad97"
SERVER = Server(ID, "cmp01", "ACTIVE", "", "", "image")
PCI = ("pci_passthrough:alias",)


def migration(number: int, how: str = LIVE, status: str = "running", **other: str) -> Migration:
    return Migration(number, f"m{number}", how, status, **{"source": "cmp01", "dest": "cmp02", **other})


@pytest.mark.parametrize(
    ("server", "cold", "how"),
    [
        ({"status": "ACTIVE"}, False, LIVE),
        ({"status": "PAUSED"}, False, LIVE),
        ({"status": "SHUTOFF"}, True, COLD),
        ({"status": "ACTIVE", "devices": PCI}, True, COLD),
        ({"status": "ACTIVE"}, True, LIVE),
    ],
)
def test_how_a_server_moves(server: dict[str, t.Any], cold: bool, how: str) -> None:
    found = classify(dataclasses.replace(SERVER, **server), [migration(3), migration(7)], cold=cold)
    assert found == Step(ID, how, "cmp01", "", since=7)


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ({"status": "SHUTOFF"}, "is stopped, so it moves only by a cold migration"),
        ({"devices": PCI}, "has devices of its host (pci_passthrough:alias), so it moves only by a cold migration"),
        ({"status": "PAUSED", "devices": PCI}, "is paused and has devices of its host"),
        ({"lock": "{{ 1 }}"}, "is locked ('{{ 1 }}'); unlock it if you may"),
        ({"task": "rebuilding"}, "is busy ('rebuilding')"),
        ({"status": "ERROR"}, "is ERROR: look after it first"),
        ({"status": "VERIFY_RESIZE"}, "is VERIFY_RESIZE: its user has to confirm or revert"),
        ({"status": "SUSPENDED"}, "is SUSPENDED: resume it first"),
        ({"status": "RESCUE"}, "is RESCUE: unrescue it first"),
        ({"status": "SHELVED"}, "is SHELVED: its user has to unshelve it"),
        ({"status": "SOFT_DELETED"}, "is SOFT_DELETED: restore it"),
        ({"status": "UNKNOWN"}, "is UNKNOWN: Nova doesn't reach its cell's database"),
        ({"status": "PASSWORD"}, "is PASSWORD: Nova migrates it in no such state"),
    ],
)
def test_why_a_server_stays(server: dict[str, t.Any], why: str) -> None:
    found = classify(dataclasses.replace(SERVER, **server), [], cold=False)
    assert isinstance(found, Refusal)
    assert found.why.startswith(why)


def test_what_nova_tells_of_a_server_is_read() -> None:
    row: dict[str, t.Any] = {
        "id": ID, "OS-EXT-SRV-ATTR:host": "cmp01", "status": "active", "OS-EXT-STS:task_state": None, "locked": True, "locked_reason": None,
        "image": "", "flavor": {"extra_specs": {"resources:VGPU": "1", "hw:cpu_policy": "dedicated"}},
    }  # fmt: skip
    assert Server.of(row) == Server(ID, "cmp01", "ACTIVE", "", "no reason given", "", ("resources:VGPU",))
    assert Server.of({"id": ID, "status": "UNKNOWN"}) == Server(ID, "", "UNKNOWN", "", "", "")


def test_a_live_migration_that_is_under_way_is_waited_for_and_not_begun_again() -> None:
    moving = dataclasses.replace(SERVER, status="MIGRATING", task="migrating")
    found = pick_up(moving, [migration(4, status="completed"), migration(5)], "cmp01", known=None)
    assert found == Step(ID, LIVE, "cmp01", "cmp02", since=4, started=True)
    assert pick_up(moving, [migration(5, status="error")], "cmp01", known=None) is None
    assert pick_up(moving, [migration(5, source="cmp09")], "cmp01", known=None) is None


def test_a_cold_migration_is_confirmed_only_if_it_is_ours() -> None:
    there = dataclasses.replace(SERVER, host="cmp02", status="VERIFY_RESIZE")
    found = pick_up(there, [migration(5, COLD, "finished")], "cmp01", known=(COLD, 4))
    assert found == Step(ID, COLD, "cmp01", "cmp02", since=4, started=True)
    # Their user's resize, begun after ours came to nothing.
    assert pick_up(there, [migration(5, "resize", "finished")], "cmp01", known=(COLD, 4)) is None
    moving = dataclasses.replace(SERVER, status="RESIZE", task="resize_migrating")
    somebodys = pick_up(moving, [migration(5, COLD, "migrating")], "cmp01", known=None)
    assert isinstance(somebodys, Refusal)
    assert "somebody else's" in somebodys.why


LIVE_STEP = Step(ID, LIVE, "cmp01", since=4)
COLD_STEP = Step(ID, COLD, "cmp01", since=4)


@pytest.mark.parametrize(
    ("step", "server", "migrations", "expected"),
    [
        (LIVE_STEP, {"task": "migrating"}, [], WAIT),
        (LIVE_STEP, {}, [], "failed"),
        (LIVE_STEP, {}, [migration(4, status="completed")], "failed"),
        (LIVE_STEP, {"task": "migrating"}, [migration(5)], WAIT),
        (LIVE_STEP, {}, [migration(5, status="completed")], WAIT),
        (LIVE_STEP, {"host": "cmp02"}, [migration(5)], WAIT),
        (LIVE_STEP, {"host": "cmp02", "task": "migrating"}, [migration(5, status="completed")], WAIT),
        (LIVE_STEP, {"host": "cmp02"}, [migration(5, status="completed")], "moved"),
        (LIVE_STEP, {}, [migration(5, status="error")], "failed"),
        (LIVE_STEP, {"task": "migrating"}, [migration(5, status="error")], WAIT),
        (LIVE_STEP, {"status": "ERROR"}, [migration(5)], "failed"),
        (COLD_STEP, {"status": "RESIZE", "task": "resize_finish"}, [migration(5, COLD, "migrating")], WAIT),
        (COLD_STEP, {"host": "cmp02", "status": "VERIFY_RESIZE"}, [migration(5, COLD, "finished")], CONFIRM),
        (COLD_STEP, {"host": "cmp02", "status": "VERIFY_RESIZE"}, [migration(5, COLD, "confirming")], WAIT),
        (COLD_STEP, {"host": "cmp02", "status": "SHUTOFF"}, [migration(5, COLD, "confirmed")], "moved"),
        (COLD_STEP, {"status": "SHUTOFF"}, [migration(5, COLD, "reverted")], "failed"),
    ],
)
def test_how_far_a_migration_is(
    step: Step, server: dict[str, t.Any], migrations: list[Migration], expected: str
) -> None:
    found = judge(step, dataclasses.replace(SERVER, **server), migrations)
    assert (found.verdict if isinstance(found, Moved) else found) == expected


def test_a_server_that_is_deleted_meanwhile_is_gone() -> None:
    found = judge(LIVE_STEP, None, [migration(5)])
    assert isinstance(found, Moved)
    assert found.verdict == "gone"


@pytest.mark.parametrize(
    ("server", "migrations", "why"),
    [
        ({}, [migration(5)], ""),
        ({"host": "cmp03"}, [migration(5)], "is on cmp03 now and not on cmp02"),
        ({}, [migration(5), migration(9, "resize", "confirmed")], "was migrated or resized since"),
        ({"image": "another"}, [migration(5)], "was rebuilt from another image since"),
    ],
)
def test_what_somebody_changed_since_stays_where_it_is(
    server: dict[str, t.Any], migrations: list[Migration], why: str
) -> None:
    there = dataclasses.replace(SERVER, **{"host": "cmp02", **server})
    assert changed_since(there, migrations, host="cmp02", migration=5, image="image").startswith(why)
