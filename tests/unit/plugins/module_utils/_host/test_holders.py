# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What in the kernel holds a mount, and which control groups are a container's."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._host import holders, processes
from ansible_collections.openstack_ops.day2.plugins.module_utils._host.mounts import mounts

POINT = "/var/lib/nova/instances"
ID = "0123456789ab" + "c" * 52


def test_overlays_are_found_by_any_of_their_layers() -> None:
    line = "5 1 0:40 / {} rw - overlay overlay rw,{}\n"
    found = mounts(
        line.format("/a", f"lowerdir=/x:{POINT}/base,upperdir=/u,workdir=/w")
        + line.format("/b", f"lowerdir=/x,upperdir={POINT}/u,workdir={POINT}/w")
        + line.format("/c", f"lowerdir+={POINT}")
        + line.format("/d", f"lowerdir={POINT}-other:/x,upperdir=/u,workdir=/w")
        + line.format("/e", f"lowerdir=/x\\:{POINT},upperdir=/u,workdir=/w")
    )
    assert holders.overlays(found, POINT) == ["/a", "/b", "/c"]


def test_mounts_swap_files_and_exports_there_are_found() -> None:
    found = mounts(
        f"5 1 0:40 / {POINT}/a\\040b rw - tmpfs x rw\n6 1 0:41 / {POINT} rw - ext4 x rw\n7 1 0:41 / {POINT}2 rw - ext4 x rw\n"
    )
    assert holders.below(found, POINT) == [f"{POINT}/a b"]
    swaps = f"Filename\t\t\t\tType\n/dev/dm-1   partition 1 0 -2\n{POINT}/swap\\0401  file 1 0 -3\n"
    assert holders.swaps(swaps, POINT) == [f"{POINT}/swap 1"]
    etab = f"{POINT}\t192.0.2.0/24(rw)\n{POINT}\t192.0.3.0/24(ro)\n/srv\t*(ro)\n"
    assert holders.exports(etab, POINT) == [POINT]


@pytest.mark.parametrize(
    "cgroup",
    [
        f"0::/system.slice/docker-{ID}.scope",
        f"0::/machine.slice/libpod-{ID}.scope/container",
        f"12:cpu:/docker/{ID}",
        f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope",
    ],
)
def test_a_container_is_known_by_its_control_group(cgroup: str) -> None:
    found = processes._CONTAINER.search(cgroup)
    assert found
    assert found.group(1) == ID
    assert not processes._CONTAINER.search("0::/system.slice/nova-compute.service")


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/nova-compute.service", "nova-compute"),
        (f"0::/system.slice/edpm_nova_compute.service/libpod-payload-{ID}", "edpm_nova_compute"),
        ("0::/user.slice/user-0.slice/user@0.service/app.slice/copy.service", "copy"),
        (f"0::/system.slice/docker-{ID}.scope", ""),
    ],
)
def test_the_unit_of_a_process_is_the_innermost(monkeypatch: pytest.MonkeyPatch, cgroup: str, unit: str) -> None:
    monkeypatch.setattr(processes, "read", lambda path: cgroup + "\n" if path.endswith("cgroup") else "")
    assert processes._user("7", "x").unit == unit


def test_a_list_that_cannot_be_read_is_no_empty_list(tmp_path: Path) -> None:
    assert holders._read(str(tmp_path / "etab")) == ""
    with pytest.raises(IsADirectoryError):
        holders._read(str(tmp_path))
