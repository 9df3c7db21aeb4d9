# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs against a host that keeps state: done twice, refused, failed, and cut at every single command."""

from __future__ import annotations

import copy
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host.processes import User
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.journal import Journal
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.resize import Resize, ResizeOutcome
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.shrink import ResizeRequest
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.tools import Tools
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.volumes import Mount, parse_size
from tests.unit.plugins.module_utils._lvm.fake_host import MIB, Ext, FakeHost, PowerCut

ALL: dict[str, t.Any] = {
    "services": ("nova-compute", "idle"),
    "instances": ("i-1", "i-2", "i-off"),
    "shutdown_timeout": 0,
}


class Lab:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, host: FakeHost, size: str, *, check: bool = False, **more: t.Any) -> ResizeOutcome:
        request = ResizeRequest("vg0", "instances", parse_size(size), **{"allow_shrink": True, **more})
        journal = Journal(str(self.folder / "state"), "vg0", "instances")
        private = str(self.folder / "private")
        resize = Resize(request, Tools(host, lambda _seconds: None), host, journal, str(self.folder / "state"), private)
        return resize.check() if check else resize.apply()

    @property
    def unfinished(self) -> list[Path]:
        return list(self.folder.glob("state/*.json"))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


RESIZES = [
    pytest.param("1.5g", 1536, ALL, id="shrink"),
    pytest.param("-600m", 1672, ALL, id="shrink by"),
    pytest.param("2500m", 2500, {}, id="grow"),
    pytest.param("+300m", 2572, {}, id="grow by"),
    pytest.param("+100%FREE", 4092, {}, id="grow by all that is free"),
]


@pytest.mark.parametrize(("size", "mib", "more"), RESIZES)
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


@pytest.mark.parametrize(("size", "mib", "more"), RESIZES)
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
    with pytest.raises(OperatorError, match="it was made to fail"):
        lab(host, "1.5g", **ALL)
    was = FakeHost()
    assert (host.size, host.fs.size, host.fs.whole, host.copy) == (was.size, was.fs.size, True, None)
    assert (host.mount, host.services, host.instances) == (was.mount, was.services, was.instances)
    assert lab.unfinished == []


REFUSALS = [
    pytest.param({}, "100m", {}, "its files take 480 MiB", id="below what is used"),
    pytest.param(
        {}, "560m", {}, "no less than 639.46 MiB, for its files and inodes", id="below what resize2fs takes it to"
    ),
    pytest.param({"inodes": 60_000}, "700m", {}, "The smallest size is", id="too many inodes"),
    pytest.param(
        {"volume_list": '["vg9","vg0/instances"]'}, "1.5g", ALL, 'Add "vg0" to that list', id="LVM wouldn't activate it"
    ),
    pytest.param(
        {"closed": 1800 * MIB},
        "3g",
        {},
        "1.76 GiB more are on disks that LVM doesn't allocate",
        id="disks closed, grow",
    ),
    pytest.param({"closed": 1800 * MIB}, "1.5g", ALL, "so that a power cut can't hurt it", id="disks closed, shrink"),
    pytest.param(
        {}, "3g", {"pvs": ("/dev/sdb",)}, "/dev/sdb of group vg0 have only 100 MiB free", id="the named disks are full"
    ),
    pytest.param(
        {"kind": "btrfs"},
        "1.5g",
        ALL,
        "Make a smaller volume beside it (lvcreate -L 1536m; 1.78 GiB is",
        id="btrfs shrink, the way out",
    ),
    pytest.param(
        {"kind": "xfs", "others": 1800 * MIB}, "1.5g", ALL, "Add a disk to the group first", id="xfs shrink, group full"
    ),
    pytest.param(
        {
            "open_files": [User(7, "nova-compute", "/x", container="0123456789ab")],
            "containers": {"0123456789ab": "nova_other"},
        },
        "1.5g",
        {**ALL, "services": ("nova-compute", "kolla-nova_compute-container")},
        "in use by nova-compute of container 0123456789ab",
        id="another container",
    ),
    pytest.param(
        {}, "1.5g", {"instances": (), "services": ("nova-compute",)}, "in use by instance i-1", id="instance running"
    ),
    pytest.param(
        {"open_files": [User(7, "tail", "/x/log")]}, "1.5g", ALL, "in use by tail (process 7: /x/log)", id="mount busy"
    ),
    pytest.param(
        {"held": ("the swap file /x/swap (swapoff)", "loop7 with /x/disk behind it (losetup -d)")},
        "1.5g",
        ALL,
        "vg0/instances is held by the swap file /x/swap (swapoff); loop7 with",
        id="held by the kernel",
    ),
    pytest.param({"paused": ("i-1",)}, "1.5g", ALL, "i-1: paused or suspended", id="instance paused"),
    pytest.param(
        {},
        "1.5g",
        {**ALL, "services": ("nova-compute", "nova-computer")},
        "names nova-computer, but this host has no such unit; systemctl list-units tells those it has, of Nova openstack-nova-compute",
        id="unit unknown",
    ),
    pytest.param(
        {},
        "1.5g",
        {**ALL, "instances": ("i-1", "i-2", "i-3")},
        "names i-3, but libvirt on this host doesn't",
        id="instance unknown",
    ),
    pytest.param(
        {"feature": " sparse_super2"}, "1.5g", ALL, "the feature sparse_super2", id="can't be filled afterwards"
    ),
    pytest.param({"kind": "xfs"}, "1.5g", ALL, "lvcreate -L 1536m; 1.78 GiB is free", id="xfs shrink, the way out"),
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
    pytest.param(
        {},
        "1g",
        {"allow_shrink": False},
        "run the playbook shrink_instances_volume, or set allow_shrink: true",
        id="shrink without leave",
    ),
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
    with pytest.raises(OperatorError) as caught:
        lab(host, size, check=check, **more)
    assert sentence in str(caught.value)
    assert host.mutations == []
    assert not (lab.folder / "state").exists()


def test_damage_is_found_before_anything_depends_on_it(lab: Lab) -> None:
    host = FakeHost(damaged=True)
    with pytest.raises(OperatorError, match="e2fsck found damage on vg0/instances, so it is left as it is"):
        lab(host, "1.5g", **ALL)
    assert (host.size, host.fs, host.copy, host.mount) == (2272 * MIB, Ext(2272 * MIB), None, FakeHost().mount)
    assert host.instances == FakeHost().instances


def test_damage_by_resize2fs_stays_in_the_copy(lab: Lab) -> None:
    host = FakeHost(damages=True)
    with pytest.raises(OperatorError, match="resize2fs damaged the copy of vg0/instances .* end of extent"):
        lab(host, "1.5g", **ALL)
    was = FakeHost()
    assert (host.size, host.fs, host.copy, host.mount) == (was.size, was.fs, None, was.mount)
    assert (host.services, host.instances, lab.unfinished) == (was.services, was.instances, [])


def test_a_copy_that_is_full_is_told(lab: Lab) -> None:
    host = FakeHost(full=True)
    with pytest.raises(OperatorError, match="The safety copy of vg0/instances was full"):
        lab(host, "1.5g", **ALL)
    assert (host.copy, host.mount, lab.unfinished) == (None, FakeHost().mount, [])


def test_a_merge_that_does_not_begin_is_made_to_before_the_mount(lab: Lab) -> None:
    host = FakeHost(held_open=2)
    lab(host, "1.5g", **ALL)
    assert (host.fs.whole, host.fs.size) == (True, 1536 * MIB)


def test_a_merge_that_never_begins_is_taken_back(lab: Lab) -> None:
    idle = {"nova-compute": False, "idle": False}
    host = FakeHost(held_open=99, mount=None, services=idle, instances={})
    with pytest.raises(OperatorError, match="something keeps it open"):
        lab(host, "1.5g")
    assert (host.fs, host.copy, host.merging, lab.unfinished) == (Ext(2272 * MIB), None, False, [])


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        pytest.param({"is_busy": True}, "in use by something in the kernel", id="busy"),
        pytest.param(
            {"mounted_elsewhere": True}, "somebody else has it mounted", id="another namespace or an automount"
        ),
        pytest.param({"readers": 1}, "Something has /dev/vg0/instances open", id="a reader of the device"),
        pytest.param({"fails": "dmsetup suspend"}, "made to fail", id="device mapper"),
        pytest.param({"fails": "dmsetup load"}, "made to fail", id="device mapper, before"),
    ],
)
def test_what_cannot_be_switched_stays_and_may_be_written_to(lab: Lab, state: dict[str, t.Any], sentence: str) -> None:
    host = FakeHost(**state)
    with pytest.raises(OperatorError, match=sentence):
        lab(host, "1.5g", **ALL)
    was = FakeHost()
    assert (host.fs, host.copy, host.merging, host.loaded) == (was.fs, None, False, False)
    assert (host.mount, host.services, host.instances) == (was.mount, was.services, was.instances)
    assert lab.unfinished == []


def test_what_was_written_after_a_killed_run_stays(tmp_path: Path) -> None:
    """Somebody makes the old file system writable again, or an automount does, and writes."""
    whole = FakeHost()
    Lab(tmp_path / "whole")(whole, "1.5g", **ALL)
    taken_back = 0
    for number in range(len(whole.runs)):
        lab, host = Lab(tmp_path / str(number)), FakeHost(cut_after=number)
        with pytest.raises(PowerCut):
            lab(host, "1.5g", **ALL)
        host.cut_after = -1
        if not host.begun and not host.suspended and host.copy:
            host.mount, host.written = FakeHost().mount, True
            taken_back += host.merging
            original = host._lvremove

            def removed(args: list[str], data: str, host: FakeHost = host, remove: t.Any = original) -> t.Any:
                host.written = False
                return remove(args, data)

            host._lvremove = removed  # type: ignore[method-assign, assignment]
        lab(host, "1.5g", **ALL)
        assert (host.size, host.fs.size, host.fs.whole) == (1536 * MIB, 1536 * MIB, True), whole.runs[number]
    assert taken_back > 2


def test_all_are_started_and_one_failure_names_those_that_are_not(lab: Lab) -> None:
    host = FakeHost(
        broken=("i-1", "monitor.service"), services={"nova-compute": True, "idle": False, "monitor.service": True}
    )
    outcome = lab(host, "1.5g", **ALL)
    assert host.fs.size == host.size == 1536 * MIB
    assert host.instances == {"i-1": False, "i-2": True, "i-off": False}
    assert host.services["nova-compute"]
    assert len(outcome.failures) == 2
    assert "instance i-1 was running before and couldn't be started again" in outcome.failures[0]
    assert "Cannot get interface MTU" in outcome.failures[0]
    assert "monitor.service" in outcome.failures[1]
    assert lab.unfinished == []


def test_all_are_started_after_a_failure_too(lab: Lab) -> None:
    host = FakeHost(broken=("i-1",), fails="resize2fs /dev/mapper")
    with pytest.raises(OperatorError, match="it was made to fail instance i-1 was running before"):
        lab(host, "1.5g", **ALL)
    assert (host.instances["i-2"], host.services["nova-compute"], lab.unfinished) == (True, True, [])


def test_a_unit_bound_to_the_mount_runs_again(lab: Lab) -> None:
    host = FakeHost(services={"nova-compute": True, "idle": False, "monitor.service": True})
    lab(host, "1.5g", **ALL)
    assert host.services["monitor.service"]


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
    assert ["virsh", "destroy", "--", "i-1"] in host.runs
    assert host.instances == FakeHost().instances


def test_a_read_only_mount_stays_one_after_a_shrink(lab: Lab) -> None:
    host = FakeHost(mount=Mount("/x", "ro,noatime"))
    with pytest.raises(OperatorError, match="is mounted read-only"):
        lab(host, "1.5g", **ALL)
    assert host.mutations == []


def test_only_the_given_disks_are_used(lab: Lab) -> None:
    host = FakeHost()
    lab(host, "+100%PVS", pvs=("/dev/sdb",))
    assert host.size == 2372 * MIB
    assert any(one[0] == "lvextend" and one[-1] == "/dev/sdb" for one in host.runs)


@pytest.mark.parametrize("size", ["100m", "560m", "596m", "640m"])
def test_the_smallest_size_is_the_same_in_every_refusal_and_it_is_taken(lab: Lab, size: str) -> None:
    with pytest.raises(OperatorError, match="The smallest size is 644m; choose a larger size"):
        lab(FakeHost(), size, **ALL)
    host = FakeHost()
    lab(host, "644m", **ALL)
    assert host.size == 644 * MIB


def test_a_container_is_stopped_by_its_unit(lab: Lab) -> None:
    kolla = "kolla-nova_compute-container"
    host = FakeHost(
        services={"nova-compute": True, "idle": False, kolla: True}, containers={"0123456789ab": "nova_compute"}
    )
    host.open_files = [User(7, "nova-compute", "/x", container="0123456789ab")]
    predicted = lab(host, "1.5g", check=True, **{**ALL, "services": ("nova-compute", kolla)})
    assert f"stop {kolla}" in predicted.steps


def test_a_grow_tells_what_it_takes_from_a_thin_pool(lab: Lab) -> None:
    host = FakeHost(pool=(100 * MIB, 400 * MIB))
    (warning,) = lab(host, "+100%FREE", check=True).warnings
    assert (
        "Group vg0 keeps 0 B free after this grow, but the volumes of its thin pool pool (100 MiB) may come to 400 MiB"
        in warning
    )
    assert lab(host, "2500m").warnings == []


@pytest.mark.parametrize("listed", ['["vg9","vg0"]', '["vg0/instances-day2shrink"]', '["@day2"]', ""])
def test_a_volume_list_that_lets_lvm_make_the_copy(lab: Lab, listed: str) -> None:
    assert lab(FakeHost(volume_list=listed), "1.5g", check=True, **ALL).changed


def test_what_takes_long_is_told_as_it_begins(tmp_path: Path) -> None:
    told: list[str] = []
    request = ResizeRequest("vg0", "instances", parse_size("1.5g"), allow_shrink=True, **ALL)
    host = FakeHost()
    journal = Journal(str(tmp_path), "vg0", "instances")
    Resize(request, Tools(host, lambda _seconds: None), host, journal, str(tmp_path), "/run/x", told.append).apply()
    assert [one.split(" ", 1)[0] for one in told] == ["checking", "shrinking", "checking", "switching", "merging"]
    assert "have to move" in told[1]


def test_waiting_for_other_hosts_is_in_the_estimate(lab: Lab) -> None:
    alone, shared = (lab(FakeHost(feature=feature), "1.5g", check=True, **ALL) for feature in ("", " mmp"))
    assert shared.downtime == alone.downtime + 30
