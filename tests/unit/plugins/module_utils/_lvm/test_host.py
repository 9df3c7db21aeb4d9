# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs against a host that keeps state: done twice, refused, failed, and cut at every single command."""

from __future__ import annotations

import copy
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.cli import Tools
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.host import Outcome, Request, Resize
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.intent import Journal
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.model import LvmError, Mount, parse_size
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.users import User
from tests.unit.plugins.module_utils._lvm.fake_host import MIB, Ext, FakeHost, PowerCut

ALL: dict[str, t.Any] = {
    "services": ("nova-compute", "idle"),
    "instances": ("i-1", "i-2", "i-off"),
    "shutdown_timeout": 0,
}


class Lab:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, host: FakeHost, size: str, *, check: bool = False, **more: t.Any) -> Outcome:
        wish = Request("vg0", "instances", parse_size(size), **{"allow_shrink": True, **more})
        journal = Journal(str(self.folder / "state"), "vg0", "instances")
        private = str(self.folder / "private")
        resize = Resize(wish, Tools(host, lambda _seconds: None), host, journal, str(self.folder / "state"), private)
        return resize.check() if check else resize.apply()

    @property
    def unfinished(self) -> list[Path]:
        return list(self.folder.glob("state/*.json"))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


WISHES = [
    pytest.param("1.5g", 1536, ALL, id="shrink"),
    pytest.param("-600m", 1672, ALL, id="shrink by"),
    pytest.param("2500m", 2500, {}, id="grow"),
    pytest.param("+300m", 2572, {}, id="grow by"),
    pytest.param("+100%FREE", 4092, {}, id="grow by all that is free"),
]


@pytest.mark.parametrize(("size", "mib", "more"), WISHES)
def test_it_is_done_as_predicted_and_everything_is_as_before(
    lab: Lab, size: str, mib: int, more: dict[str, t.Any]
) -> None:
    host = FakeHost()
    before = copy.deepcopy(host)
    predicted = lab(host, size, check=True, **more)
    assert host.mutations == []
    assert not (lab.folder / "state").exists()

    outcome = lab(host, size, **more)

    assert (host.size, host.fs.size, host.fs.whole) == (mib * MIB, mib * MIB, True)
    assert outcome.steps == predicted.steps
    assert (
        (outcome.after.size, outcome.fs_after.size)
        == (predicted.after.size, predicted.fs_after.size)
        == (host.size,) * 2
    )
    assert (host.mount, host.services, host.instances) == (before.mount, before.services, before.instances)
    assert (host.copy, host.overlay, lab.unfinished) == (None, False, [])


@pytest.mark.parametrize("size", ["2272m", "2g", "100%VG"])
def test_a_second_run_changes_nothing_and_reads_three_times(lab: Lab, size: str) -> None:
    host = FakeHost()
    lab(host, size, **ALL)
    host.runs = []
    assert not lab(host, size, **ALL).changed
    assert [one[0] for one in host.runs] == ["lvs", "blkid", "dumpe2fs"]


@pytest.mark.parametrize(("size", "mib", "more"), WISHES)
def test_a_power_cut_after_any_command_loses_nothing(
    tmp_path: Path, size: str, mib: int, more: dict[str, t.Any]
) -> None:
    whole = FakeHost()
    Lab(tmp_path / "whole")(whole, size, **more)
    for number in range(len(whole.runs)):
        lab, host = Lab(tmp_path / str(number)), FakeHost(cut_after=number)
        with pytest.raises(PowerCut):
            # Whoever catches it tries to put things right, and finds the power gone as well.
            lab(host, size, **more)
        stopped = bool(lab.unfinished) and "i-1" in lab.unfinished[0].read_text()
        host.power_on()
        lab(host, size, **more)
        assert (host.size, host.fs.size, host.fs.whole) == (mib * MIB, mib * MIB, True), whole.runs[number]
        assert host.mount == FakeHost().mount
        assert host.services == FakeHost().services
        if stopped:  # the instances that were running before run again
            assert host.instances == FakeHost().instances, whole.runs[number]
        assert (host.copy, host.overlay, lab.unfinished) == (None, False, [])


def test_a_killed_run_is_finished(tmp_path: Path) -> None:
    """Like a power cut, but everything stays as it was: the overlay, the read-only mount, the services that are off."""
    whole = FakeHost()
    Lab(tmp_path / "whole")(whole, "1.5g", **ALL)
    for number in range(len(whole.runs)):
        lab, host = Lab(tmp_path / str(number)), FakeHost(cut_after=number)
        with pytest.raises(PowerCut):
            lab(host, "1.5g", **ALL)
        host.cut_after = -1
        lab(host, "1.5g", **ALL)
        assert (host.size, host.fs.size, host.fs.whole) == (1536 * MIB, 1536 * MIB, True), whole.runs[number]
        assert (host.mount, host.services, host.instances) == (whole.mount, whole.services, whole.instances), (
            whole.runs[number]
        )
        assert (host.copy, host.overlay, lab.unfinished) == (None, False, [])


@pytest.mark.parametrize(
    "command", ["lvcreate", "dmsetup create", "resize2fs /dev/mapper", "lvconvert", "umount", "virsh shutdown"]
)
def test_after_a_failure_everything_is_as_it_was(lab: Lab, command: str) -> None:
    host = FakeHost(fails=command)
    with pytest.raises(LvmError, match="it was made to fail"):
        lab(host, "1.5g", **ALL)
    was = FakeHost()
    assert (host.size, host.fs.size, host.fs.whole, host.copy) == (was.size, was.fs.size, True, None)
    assert (host.mount, host.services, host.instances) == (was.mount, was.services, was.instances)
    assert lab.unfinished == []


REFUSALS = [
    pytest.param({}, "100m", {}, "its files take 480 MiB", id="below what is used"),
    pytest.param({}, "560m", {}, "resize2fs -P says that its file system needs 600 MiB", id="below resize2fs -P"),
    pytest.param(
        {}, "1.5g", {"instances": (), "services": ("nova-compute",)}, "in use by instance i-1", id="instance running"
    ),
    pytest.param(
        {"open_files": [User(7, "tail", "/x/log")]}, "1.5g", ALL, "in use by tail (process 7: /x/log)", id="mount busy"
    ),
    pytest.param({"paused": ("i-1",)}, "1.5g", ALL, "i-1: paused or suspended", id="instance paused"),
    pytest.param({"kind": "xfs"}, "1.5g", ALL, "holds xfs, which can't be shrunk", id="xfs shrink"),
    pytest.param({}, "5g", {}, "has only 1.78 GiB free", id="group full"),
    pytest.param(
        {"others": 1800 * MIB}, "1.5g", ALL, "so that a power cut can't hurt it", id="no room for the safety copy"
    ),
    pytest.param({"kind": "crypto_LUKS"}, "3g", {}, "holds crypto_LUKS", id="LUKS"),
    pytest.param({"kind": ""}, "1g", {}, "no file system that blkid knows", id="nothing known, shrink"),
    pytest.param({"layout": "thin,sparse"}, "3g", {}, "of the kind 'thin,sparse'", id="thin"),
    pytest.param({"layout": "raid,raid1"}, "3g", {}, "of the kind 'raid,raid1'", id="RAID"),
    pytest.param({"role": "public,snapshot,thicksnapshot"}, "3g", {}, "is a snapshot", id="snapshot"),
    pytest.param({}, "1g", {"allow_shrink": False}, "Set allow_shrink: true", id="shrink without leave"),
    pytest.param({"fs": Ext(3000 * MIB)}, "3g", {}, "somebody cut it", id="already cut"),
    pytest.param({}, "-3g", {}, "would leave vg0/instances with nothing", id="less than nothing"),
    pytest.param({}, "+100%PVS", {"pvs": ("/dev/sdz",)}, "belongs to group vg9", id="another group's disk"),
]


@pytest.mark.parametrize(("state", "size", "more", "sentence"), REFUSALS)
@pytest.mark.parametrize("check", [True, False])
def test_a_refusal_touches_nothing(
    lab: Lab, state: dict[str, t.Any], size: str, more: dict[str, t.Any], sentence: str, check: bool
) -> None:
    host = FakeHost(**copy.deepcopy(state))
    with pytest.raises(LvmError) as caught:
        lab(host, size, check=check, **more)
    assert sentence in str(caught.value)
    assert host.mutations == []
    assert not (lab.folder / "state").exists()


def test_damage_is_found_before_anything_depends_on_it(lab: Lab) -> None:
    host = FakeHost(damaged=True)
    with pytest.raises(LvmError, match="e2fsck found damage on vg0/instances, so it is left as it is"):
        lab(host, "1.5g", **ALL)
    assert (host.size, host.fs, host.copy, host.mount) == (2272 * MIB, Ext(2272 * MIB), None, FakeHost().mount)
    assert host.instances == FakeHost().instances


def test_a_merge_that_does_not_begin_is_made_to_before_the_mount(lab: Lab) -> None:
    host = FakeHost(held_open=2)
    lab(host, "1.5g", **ALL)
    assert (host.fs.whole, host.fs.size) == (True, 1536 * MIB)


def test_a_merge_that_never_begins_leaves_the_volume_unmounted(lab: Lab) -> None:
    host = FakeHost(held_open=99)
    with pytest.raises(LvmError, match="NOT mounted"):
        lab(host, "1.5g", **ALL)
    assert host.mount is None
    assert host.fs.whole
    assert lab.unfinished
    host.held_open = 0
    lab(host, "1.5g", **ALL)
    assert (host.fs.whole, host.fs.size, host.mount) == (True, 1536 * MIB, FakeHost().mount)


def test_a_file_system_that_does_not_fill_its_volume_is_grown(lab: Lab) -> None:
    host = FakeHost(fs=Ext(1536 * MIB))
    assert lab(host, "2272m").steps == ["grow the ext4 to fill vg0/instances"]
    assert host.fs.size == host.size


@pytest.mark.parametrize("kind", ["ext4", "xfs", ""])
def test_a_volume_that_is_not_mounted_is_grown_and_left_so(lab: Lab, kind: str) -> None:
    host = FakeHost(mount=None, kind=kind)
    lab(host, "2500m")
    assert host.size == 2500 * MIB
    assert host.mount is None
    assert kind == "" or host.fs.size == host.size


def test_an_instance_that_does_not_shut_down_is_switched_off_as_nova_does(lab: Lab) -> None:
    host = FakeHost(stubborn=True)
    lab(host, "1.5g", **ALL)
    assert ["virsh", "destroy", "i-1"] in host.runs
    assert host.instances == FakeHost().instances


def test_a_read_only_mount_stays_one_after_a_shrink(lab: Lab) -> None:
    host = FakeHost(mount=Mount("/x", "ro,noatime"))
    with pytest.raises(LvmError, match="is mounted read-only"):
        lab(host, "1.5g", **ALL)
    assert host.mutations == []


def test_only_the_given_disks_are_used(lab: Lab) -> None:
    host = FakeHost()
    lab(host, "+100%PVS", pvs=("/dev/sdb",))
    assert host.size == 2372 * MIB
    assert any(one[0] == "lvextend" and one[-1] == "/dev/sdb" for one in host.runs)
