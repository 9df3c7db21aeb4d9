# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account without privileges tries to become root through the files that root writes into a folder of that account."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import files
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf import apply
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.ini import edited, read
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.plan import DesiredFile
from tests.waiting import until

ROUNDS = 200
NOBODY = 65534

#: Runs as the account: swaps every name in its folder for links to root's file, and puts its own file back, as fast as it can.
ATTACK = """
import contextlib, itertools, os, sys, time
folder, victim = sys.argv[1:]
os.chdir(folder); folder = "."  # another pytest closes the folders above again
os.setgroups([]); os.setgid(65534); os.setuid(65534)
assert os.geteuid() == 65534
os.umask(0)
text = "[DEFAULT]\\nfiller = " + "x" * 50000 + "\\n"
counts = os.open(os.path.join(folder, "swapped"), os.O_WRONLY | os.O_CREAT, 0o644)
done = 0
for turn in itertools.count():
    # Pauses of different lengths: some writes meet no swap, so that the test tells a write that succeeds from one that is refused.
    if turn % 8 == 7:
        time.sleep(turn % 5 / 500)
    for name in os.listdir(folder):
        if name in ("swapped", "nova.conf.d"):
            continue
        path = os.path.join(folder, name)
        other = path + "~"
        with contextlib.suppress(OSError):
            if turn % 4 == 0:
                os.symlink(victim, other)
            elif turn % 4 == 1:
                os.link(victim, other)
            elif name != "nova.conf":
                os.rename(path, os.path.join(folder, "nova.conf"))
            if turn % 4 < 2:
                os.rename(other, path)
                done += 1
                os.pwrite(counts, str(done).encode(), 0)
    for name in os.listdir(folder):
        if name not in ("nova.conf", "swapped", "nova.conf.d"):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))
    with contextlib.suppress(OSError):
        fresh = os.path.join(folder, "fresh")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o777), "w") as out:
            out.write(text)
        os.chmod(fresh, 0o6777)
        os.rename(fresh, os.path.join(folder, "nova.conf"))
"""

#: Runs as the account: swaps its folder nova.conf.d, and the folder more that isn't there yet, for links to root's folder.
SWAP_FOLDERS = """
import contextlib, itertools, os, sys, time
folder, victim = sys.argv[1:]
os.chdir(folder); folder = "."  # another pytest closes the folders above again
os.setgroups([]); os.setgid(65534); os.setuid(65534)
assert os.geteuid() == 65534
counts = os.open(os.path.join(folder, "swapped"), os.O_WRONLY | os.O_CREAT, 0o644)
own, more = os.path.join(folder, "nova.conf.d"), os.path.join(folder, "more")
for turn in itertools.count():
    if turn % 8 == 7:
        time.sleep(turn % 5 / 500)
    with contextlib.suppress(OSError):
        os.rename(own, own + "~")
        os.symlink(victim, own)
        os.symlink(victim, more)
        os.pwrite(counts, str(turn).encode(), 0)
        os.unlink(own)
        os.unlink(more)
        os.mkdir(more)
        os.rmdir(more)
    with contextlib.suppress(OSError):
        os.unlink(own)
    with contextlib.suppress(OSError):
        os.rename(own + "~", own)
    with contextlib.suppress(OSError):
        os.unlink(more)
"""


class Place(t.NamedTuple):
    """The folder of the account, and root's file outside."""

    folder: Path
    victim: Path

    def untouched(self) -> bool:
        found = self.victim.stat()
        return (
            self.victim.read_text() == "root's\n"
            and (found.st_uid, found.st_gid) == (0, 0)
            and stat.S_IMODE(found.st_mode) == 0o600
        )

    def swapped(self) -> int:
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int((self.folder / "swapped").read_text())
        return 0


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Place]:
    """A folder of an account that swaps names in it all the time."""
    monkeypatch.setattr(apply, "LOCKS", str(tmp_path / "locks"))
    monkeypatch.setattr(apply, "PENDING", str(tmp_path / "restart"))
    victim = tmp_path / "victim"
    victim.write_text("root's\n")
    victim.chmod(0o600)
    with _attacked(tmp_path, ATTACK, victim) as found:
        yield found


@contextlib.contextmanager
def _attacked(tmp_path: Path, attack: str, victim: Path) -> t.Iterator[Place]:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    found = Place(tmp_path / "nova", victim)
    found.folder.mkdir()
    os.chown(found.folder, NOBODY, NOBODY)
    (found.folder / "nova.conf.d").mkdir()
    os.chown(found.folder / "nova.conf.d", NOBODY, NOBODY)
    attacker = subprocess.Popen([sys.executable, "-c", attack, str(found.folder), str(found.victim)])
    try:
        until("10 swaps", lambda: found.swapped() >= 10, process=attacker, seen=found.swapped, every=0.01)
        yield found
        assert attacker.poll() is None, "the attack has ended before the test"
    finally:
        attacker.kill()
        attacker.wait()


def _rounds(place: Place, write: t.Callable[[int], object]) -> int:
    """Write ROUNDS times beside the attack; how often that succeeded. Every file stays as safe as it was."""
    before, succeeded, number = place.swapped(), 0, 0
    # More rounds on a machine so busy that the attack came between each time.
    while number < ROUNDS or (not succeeded and number < 50 * ROUNDS):
        number += 1
        try:
            write(number)
            succeeded += 1
        except (OperatorError, OSError):
            pass  # a refusal is right, a hit is not
        assert place.untouched(), f"round {number}"
        for entry in os.scandir(place.folder):
            with contextlib.suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                assert found.st_uid == NOBODY or not found.st_mode & 0o6000, f"{entry.name} is root's and set-user-ID"
    assert place.swapped() > before
    return succeeded


def test_an_account_does_not_become_root_through_a_file_that_is_replaced(place: Place) -> None:
    path = str(place.folder / "nova.conf")
    assert _rounds(place, lambda number: files.replace(path, f"[DEFAULT]\nnumber = {number}\n")) > 0


def test_an_account_does_not_become_root_through_options_that_are_set(place: Place) -> None:
    def never(_args: list[str], _data: str) -> tuple[int, str, str]:
        raise AssertionError("nothing is to be run")

    path = str(place.folder / "nova.conf")
    _rounds(
        place,
        lambda number: apply.bring_about(
            lambda: [DesiredFile(path, {"DEFAULT": {"number": str(number)}})], never, check_mode=False
        ),
    )


def test_an_account_does_not_lead_files_and_folders_elsewhere_with_the_folder_above_them(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    (victim / "x.conf").write_text("root's\n")

    with _attacked(tmp_path, SWAP_FOLDERS, victim) as place:
        own, more = place.folder / "nova.conf.d/x.conf", place.folder / "more/nova.conf.d"
        jobs: dict[str, t.Callable[[], None]] = {
            "written": lambda: files.replace(str(own), "nova's\n"),
            "removed": lambda: files.remove(str(own)),
            "made": lambda: files.make_folder(str(more)),
        }
        before, done = place.swapped(), dict.fromkeys(jobs, 0)
        for number in range(50 * ROUNDS):
            for what, job in jobs.items():
                with contextlib.suppress(OperatorError, OSError):
                    job()
                    done[what] += 1
                assert os.listdir(victim) == ["x.conf"], f"{what} elsewhere in round {number}"
                assert (victim / "x.conf").read_text() == "root's\n", f"{what} elsewhere in round {number}"
            with contextlib.suppress(OSError):
                more.rmdir()
                more.parent.rmdir()
            if number >= ROUNDS and all(done.values()):
                break
        assert place.swapped() > before
        assert all(done.values()), done


def test_what_is_written_in_peace_is_right(tmp_path: Path) -> None:
    path = tmp_path / "nova.conf"
    path.write_text("[DEFAULT]\na = 1\n")
    os.chown(path, NOBODY, NOBODY)
    path.chmod(0o6777)
    files.replace(str(path), edited(path.read_text(), {"DEFAULT": {"b": "2"}}))
    assert read(path.read_text()) == {"DEFAULT": {"a": "1", "b": "2"}}
    assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (NOBODY, 0o777)
