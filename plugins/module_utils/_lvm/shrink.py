# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a file system gets smaller, and how it survives a power cut.

resize2fs moves blocks and rewrites what points to them in no order that a file system check could complete, so it isn't let
near the volume. The mount is made read-only, and resize2fs works on a snapshot (the safety copy); what it copies into free
blocks goes past the snapshot to where nothing is lost. When it is through and e2fsck has read all of the result, LVM commits that the
snapshot is to be merged, while the old file system is still mounted: so it delays the merge. The volume is then unmounted, claimed,
so that nobody can mount it, switched to the new file system in the device mapper, and mounted.

A cut before the commit leaves the old file system, untouched; a cut after it leaves the new one, because LVM activates a volume that is being
merged as what it is going to be. If the switch fails, or its run is killed, the commit is taken back: until then the old file system is the one that
lives. The volume is reduced once the merge is through.
"""

from __future__ import annotations

import os
import re
import time
import typing as t
from dataclasses import dataclass, replace

from .._common import OperatorError, listed, size_text
from .volumes import Mount, ResizePlan, Size, Volume, copy_size, direct_runs, to_move

if t.TYPE_CHECKING:
    from .._host.processes import User
    from .journal import Intent
    from .tools import Proc, Tools
    from .volumes import Layout

_MERGE_POLLS = 24 * 3600 * 2
_LIBVIRT = ("virtlogd", "libvirtd", "virtqemud")


@dataclass(frozen=True)
class ResizeRequest:
    """What an operator asks for."""

    vg: str
    lv: str
    size: Size
    allow_shrink: bool = False
    margin: int = 5
    pvs: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    shutdown_timeout: int = 60


class Shrink:
    """The shrink of one file system, and whatever an earlier one has left. downtime and unmounted are seconds."""

    def __init__(
        self, request: ResizeRequest, tools: Tools, proc: Proc, folder: str, private: str, tell: t.Callable[[str], None]
    ) -> None:
        """tell gets a line about each part of the work that may take long, when it begins."""
        self._tell = tell
        self._request = request
        self._tools = tools
        self._proc = proc
        self._folder = folder
        self.private = private
        self.downtime = 0.0
        self.unmounted = 0.0
        self._down_since = 0.0
        self._unmounted_since = 0.0

    def _read(self) -> Volume:
        return self._tools.volume(self._request.vg, self._request.lv)

    # -------------------------------------------------------------- who uses it
    def check_users(self, volume: Volume, mount: t.Optional[Mount], *, stopped: bool) -> None:
        """Raise OperatorError while something uses the mount or the device that isn't going to be stopped, or that should have been."""
        users = self._proc.users(volume.device)
        if not stopped:
            users = [one for one in users if not self._will_stop(one)]
        if users:
            raise OperatorError(
                f"{volume.name} is in use by {listed(users, 8, '; ')}. Stop them first, or name the instances in stop_instances and the services in "
                "stop_services (of a container, its unit), then they are stopped for the time and started again."
            )
        holders = self._proc.holders(volume.device, mount.point if mount else "")
        if holders:
            raise OperatorError(f"{volume.name} is held by {'; '.join(holders[:8])}. End that first, then run again.")

    def _will_stop(self, user: User) -> bool:
        if user.instance:
            return user.instance in self._request.instances
        if self._request.instances and user.unit in _LIBVIRT:
            return True  # holds an instance's console.log as long as it runs
        services = [one[: -len(".service")] if one.endswith(".service") else one for one in self._request.services]
        if user.unit in services or not user.container:
            return user.unit in services
        # Deployers call the unit of a container by its name: kolla-nova_compute-container, edpm_nova_compute.
        name = re.escape(self._tools.container_name(user.container))
        return bool(name) and any(re.search(rf"(?:^|[-_.]){name}(?:[-_.]|$)", one) for one in services)

    # ------------------------------------------------------------------ shrink
    def shrink(self, plan: ResizePlan, layout: Layout, intent: Intent, mounted: bool) -> list[str]:
        """Returns what couldn't be started again. After an OperatorError, settle() brings back what was."""
        volume, mount = plan.volume, plan.mount if mounted else None
        self._stop(intent)
        self.check_users(volume, mount, stopped=True)
        self._down_since = time.monotonic()
        if mount:
            self._tools.remount(replace(mount, options="ro"))  # from here on the files rest, and can still be read
        self._shrink_copy(plan, layout)
        if mount:
            self._switch(volume, mount)
        else:
            self._tools.merge_copy(volume)
        self._await_new(volume, plan.target)
        failures = self._restore(intent)
        self._tools.go_on_merging(volume)
        self._await_merge()
        return failures

    def _shrink_copy(self, plan: ResizePlan, layout: Layout) -> None:
        tools, volume = self._tools, plan.volume
        fs = tools.ext(volume.device)
        if "needs_recovery" in fs.features:  # nobody has mounted it since a power cut; that replays its journal
            self.mount_privately(volume)
            tools.unmount(self.private)
        tools.make_copy(volume, copy_size(layout, fs, plan.fs_target, volume.extent))
        copy = f"/dev/{volume.vg}/{volume.copy}"
        self._tell("checking the file system (e2fsck), which is read-only meanwhile")
        trouble = tools.check(copy)
        if trouble:
            raise OperatorError(
                f"e2fsck found damage on {volume.name}, so it is left as it is: {trouble} "
                f"Unmount it, repair it (e2fsck -f {volume.device}), look at what was lost, then run again."
            )
        # Anew: what was free while it was mounted may not be any more.
        runs = direct_runs(tools.layout(copy, fs), fs.block, volume.size)
        if self._proc.hide_from_udev():
            tools.reload_udev()
        overlay = tools.make_overlay(volume, runs)
        moved = size_text(to_move(layout, plan.fs, plan.fs_target))
        self._tell(f"shrinking it to {size_text(plan.fs_target)} (resize2fs); about {moved} have to move")
        tools.shrink_ext(overlay, plan.fs_target, volume)
        made = tools.ext(overlay)
        if made.size > plan.target or "error" in made.state:
            raise OperatorError(
                f"resize2fs left {made.size} bytes, state '{made.state}', where {plan.fs_target} were asked for."
            )
        self._tell("checking what resize2fs made (e2fsck)")
        trouble = tools.look_for_damage(overlay)
        if trouble:
            raise OperatorError(
                f"resize2fs damaged the copy of {volume.name} that it shrunk, so the copy is thrown away and the volume is as it "
                f"was: {trouble} Update e2fsprogs (before 1.47.3 it damages files with many holes, such as trimmed raw images), "
                "then run again."
            )
        tools.drop_overlay(volume)

    def _switch(self, volume: Volume, mount: Mount) -> None:
        """From the old file system, mounted read-only, to the new one, unmounted."""
        if self._proc.busy(mount.point):
            self.check_users(volume, mount, stopped=True)
            raise OperatorError(
                f"{mount.point} is in use by something in the kernel; nothing was changed. Look for what may use it "
                f"(fuser -vm {mount.point}, findmnt, losetup -a, exportfs), and end it."
            )
        self._tell("switching to the smaller file system")
        self._tools.merge_copy(volume)
        self._tools.prepare_switch(volume)
        self._unmounted_since = time.monotonic()
        self._tools.unmount(mount.point)
        with self._proc.claimed(volume):
            # Whoever reads from the device by itself would go on seeing blocks of the old file system, and so would the new mount.
            for _attempt in range(20):
                if self._tools.opened(volume) == 1:
                    break
                self._tools.sleep(0.1)
            else:
                raise OperatorError(
                    f"Something has {volume.device} open (fuser -v {volume.device}); end it first, then run again."
                )
            self._tools.switch(volume)

    def _await_new(self, volume: Volume, target: int) -> None:
        """Until the volume shows the new file system. Mounting the old one now would destroy both."""
        for _attempt in range(10):
            if self._proc.ext_size(volume.device) <= target:
                return
            self._tools.sleep(0.5)
            self._tools.reopen(volume)
        raise OperatorError(
            f"{volume.name} is to be merged with its safety copy, but something keeps it open; it is NOT mounted, and must "
            f"not be. Find out what has it open (lsof {volume.device}), then lvchange -an and -ay {volume.name} and run again."
        )

    def _await_merge(self) -> None:
        self._tell("merging the safety copy; all that was stopped runs again")
        for poll in range(_MERGE_POLLS):
            volume = self._read()
            if not volume.merging and not volume.leftover:
                return
            if poll % 60 == 20:
                self._tell(f"merging the safety copy: {self._tools.left_to_merge(volume)}")
                self._tools.go_on_merging(volume)
            self._tools.sleep(0.5)
        raise OperatorError(
            f"{self._request.vg}/{self._request.lv} has been merging for a day; lvs -a tells how far it is."
        )

    # ------------------------------------------------------- stop and restore
    def _stop(self, intent: Intent) -> None:
        """nova-compute first: it would note instances that are off. Then each instance, as Nova does it."""
        for service in intent.services:
            self._tools.stop_service(service)
        for instance in intent.instances:
            self._tools.shut_down(instance)
        deadline = time.monotonic() + self._request.shutdown_timeout
        left = list(intent.instances)
        while left and time.monotonic() < deadline:
            left = [one for one in left if self._tools.running(one)]
            if left:
                self._tools.sleep(1)
        for instance in left:
            if self._tools.running(instance):
                self._tools.switch_off(instance)

    def _restore(self, intent: Intent) -> list[str]:
        """Mount, instances, services, in this order, as far as they aren't there. Returns what couldn't be started."""
        device = f"/dev/{self._request.vg}/{self._request.lv}"
        mounts = self._proc.mounts(device)
        if intent.mount and not mounts:
            try:
                self._tools.mount(device, intent.mount)
            except OperatorError:
                if not self._proc.mounts(device):  # an automount or systemd may have been faster
                    raise
        elif intent.mount and mounts[0].read_only and not intent.mount.read_only:
            self._tools.remount(intent.mount)
        now = time.monotonic()
        if self._unmounted_since:
            self.unmounted, self._unmounted_since = now - self._unmounted_since, 0.0
        if self._down_since:
            self.downtime, self._down_since = now - self._down_since, 0.0
        tools = self._tools
        failures = []
        for names, what, runs, start in (
            (intent.instances, "instance ", tools.running, tools.start_instance),
            ((*intent.services, *intent.bound), "", tools.active, tools.start_service),
        ):
            for name in names:
                try:
                    if not runs(name):
                        start(name)
                except OperatorError as exc:
                    failures.append(f"{what}{name} was running before and couldn't be started again: {exc}")
        return failures

    # ------------------------------------------------------------------ settle
    def settle(self, intent: t.Optional[Intent]) -> list[str]:
        """Bring an interrupted shrink to one of its two ends, and what it stopped back. Returns what couldn't be started."""
        tools, volume = self._tools, self._read()
        if tools.has_overlay(volume):
            tools.drop_overlay(volume)
        mounts = self._proc.mounts(volume.device)
        if any(one.point == self.private for one in mounts):
            tools.unmount(self.private)
        if volume.merging:
            tools.finish_switch(volume)
            if not tools.merge_begun(volume):
                # LVM waits, and the old file system lives: whatever was written to it meanwhile stays.
                tools.take_back(volume, self._folder)
                volume = self._read()
        if volume.merging:
            if intent and not self._proc.mounts(volume.device):
                self._await_new(volume, intent.target)
            failures = self._restore(intent) if intent else []
            tools.go_on_merging(volume)
            self._await_merge()
            return failures
        if volume.leftover:
            tools.drop_copy(volume)
        return self._restore(intent) if intent else []

    def mount_privately(self, volume: Volume) -> None:
        """Mount it where nobody looks, to replay or grow it."""
        os.makedirs(self.private, mode=0o700, exist_ok=True)
        self._tools.mount(volume.device, Mount(self.private, "nosuid,nodev,noexec"))
