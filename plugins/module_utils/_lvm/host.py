# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A resize from beginning to end, on a host: read, plan, refuse or do, look again.

How a shrink survives a power cut. resize2fs moves blocks and rewrites what points to them in no order that a file system
check could complete, so it isn't let near the volume. The mount is made read-only, and
resize2fs works on a snapshot (the safety copy); what it copies into free
blocks goes past the snapshot to where nothing is lost. When it is through, the volume is unmounted and the snapshot
merged: that is one commit of LVM's
metadata. A cut before it leaves the old file system, untouched; a cut after it leaves the new one, because LVM activates a
volume that is being merged as what it is going to be. The volume is reduced once that is done and the file system is
smaller, and the kernel grows the mounted file system to fill, in transactions of its journal.
"""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass, replace

from .intent import Intent
from .model import (
    FileSystem,
    LvmError,
    Mount,
    Plan,
    Size,
    Volume,
    check_fs,
    check_space,
    check_volume,
    copy_size,
    direct_runs,
    human,
    to_move,
)

if t.TYPE_CHECKING:
    from .cli import Proc, Tools
    from .intent import Journal
    from .model import Layout
    from .users import User

_MERGE_POLLS = 24 * 3600 * 2
_BYTES_PER_SECOND = 100 * 2**20


@dataclass(frozen=True)
class Request:
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


@dataclass
class Outcome:
    """What a run found, did (or would do) and left."""

    plan: Plan
    steps: list[str]
    downtime: float
    unmounted: float
    resumed: bool
    after: Volume
    fs_after: FileSystem

    @property
    def changed(self) -> bool:
        return bool(self.steps)


class Resize:
    """One request on one host."""

    def __init__(self, request: Request, tools: Tools, proc: Proc, journal: Journal, folder: str, private: str) -> None:
        self._request = request
        self._tools = tools
        self._proc = proc
        self._journal = journal
        self._folder = folder
        self._private = os.path.join(private, f"{request.vg}+{request.lv}")
        self._down_since = 0.0
        self._downtime = 0.0
        self._unmounted_since = 0.0
        self._unmounted = 0.0

    # ----------------------------------------------------------------- look
    def check(self) -> Outcome:
        """What apply would do. Reads only."""
        intent = self._journal.load()
        plan = self._plan(intent, self._read(), settled=not intent)
        outcome = self._outcome(plan, intent)
        if plan.changed:
            layout = self._check(plan)
            outcome.downtime = self._estimate(plan, layout)
        return outcome

    def apply(self) -> Outcome:
        intent = self._journal.load()
        volume = self._read()
        if intent or volume.leftover:
            self._settle(intent, volume)
            volume = self._read()
        plan = self._plan(intent, volume, settled=True)
        outcome = self._outcome(plan, intent)
        if plan.changed:
            layout = self._check(plan)
            self._act(plan, layout)
            outcome.after, outcome.fs_after = self._look(plan)
        if intent or plan.changed:
            self._journal.clear()
        outcome.downtime, outcome.unmounted = round(self._downtime, 2), round(self._unmounted, 2)
        return outcome

    def _read(self) -> Volume:
        return self._tools.volume(self._request.vg, self._request.lv)

    def _plan(self, intent: t.Optional[Intent], volume: Volume, *, settled: bool) -> Plan:
        request = self._request
        if settled:
            check_volume(volume)
        fs = self._tools.file_system(volume.device)
        mounts = [one for one in self._proc.mounts(volume.device) if one.point != self._private]
        if len(mounts) > 1:
            raise LvmError(
                f"{volume.name} is mounted in several places ({', '.join(one.point for one in mounts)}); unmount all but one."
            )
        if intent and intent.wish == request.size.text:
            target = intent.target  # "+500m" meant half a gigabyte more than there was then
        else:
            free = self._tools.pvs_free(request.vg, request.pvs) if request.size.of == "PVS" else 0
            target = request.size.target(volume, free)
        mount = mounts[0] if mounts else (intent.mount if intent else None)
        plan = Plan(volume, fs, mount, target)
        check_fs(plan)
        if plan.fills and mount and mount.read_only and settled:
            raise LvmError(
                f"{volume.name} is mounted read-only at {mount.point}, so its file system can't be grown to fill it; "
                f"remount it (mount -o remount,rw {mount.point}) or unmount it."
            )
        if target < volume.size and not request.allow_shrink:
            raise LvmError(
                f"{volume.name} has {human(volume.size)}, more than the {human(target)} asked for; shrinking stops what "
                "runs on it for a while. Set allow_shrink: true if you mean it."
            )
        return plan

    def _check(self, plan: Plan) -> t.Optional[Layout]:
        """Every refusal that can be known beforehand."""
        if not plan.shrinks_fs:
            check_space(plan, 0, 0, 0, 0)
            return None
        device, mount = plan.volume.device, plan.mount
        layout = self._tools.layout(device, plan.fs)
        free = sum(last - first + 1 for first, last in layout.runs) * plan.fs.block
        used = self._proc.used(mount.point) if mount and self._proc.mounts(device) else plan.fs.size - free
        check_space(
            plan,
            self._tools.minimum(device, plan.fs),
            used,
            used * self._request.margin // 100,
            copy_size(layout, plan.fs, plan.fs_target, plan.volume.extent),
        )
        self._check_users(plan.volume, stopped=False)
        suspended = [one for one in self._request.instances if self._tools.suspended(one)]
        if suspended:
            raise LvmError(
                f"{', '.join(suspended)}: paused or suspended, so unable to shut down, and what is in memory would be lost. "
                "Resume or stop it first (openstack server unpause, resume or stop)."
            )
        return layout

    def _check_users(self, volume: Volume, *, stopped: bool) -> None:
        """Refuse while somebody uses the mount who isn't going to be stopped, or who should have been."""
        users = self._proc.users(volume.device)
        if not stopped:
            users = [one for one in users if not self._will_stop(one)]
        if users:
            shown = "; ".join(str(one) for one in users[:8]) + (f" and {len(users) - 8} more" if len(users) > 8 else "")
            raise LvmError(
                f"{volume.name} is in use by {shown}. Stop them first, or name the instances in stop_instances and the "
                "services in stop_services, then they are stopped for the time and started again."
            )

    def _will_stop(self, user: User) -> bool:
        if user.instance:
            return user.instance in self._request.instances
        if self._request.instances and user.unit in ("virtlogd", "libvirtd", "virtqemud"):
            return True  # holds an instance's console.log as long as it runs
        return user.unit in [
            one[: -len(".service")] if one.endswith(".service") else one for one in self._request.services
        ]

    def _estimate(self, plan: Plan, layout: t.Optional[Layout]) -> float:
        """Seconds without a writable mount: some for the commands, the rest for reading metadata and moving blocks."""
        if layout is None or not plan.mount:
            return 0.0
        metadata = layout.inodes_touched * plan.fs.inode_size + layout.groups * 2 * plan.fs.block
        moved = to_move(layout, plan.fs, plan.fs_target)
        return round(3 + (2 * metadata + 2 * moved) / _BYTES_PER_SECOND, 1)

    def _outcome(self, plan: Plan, intent: t.Optional[Intent]) -> Outcome:
        volume, fs, mount = plan.volume, plan.fs, plan.mount
        steps = []
        if intent:
            steps.append(f"finish what an earlier run began on {volume.name}: {intent.wish}")
        if plan.shrinks_fs:
            steps += [f"stop instance {one}" for one in self._request.instances]
            steps += [f"stop {one}" for one in self._request.services]
            if mount:
                steps.append(f"make {mount.point} read-only")
            steps.append(
                f"check the {fs.kind} and shrink it from {human(fs.size)} to {human(plan.fs_target)} in a safety copy"
            )
            if mount:
                steps.append(f"unmount {mount.point}")
            steps.append("make the safety copy the volume")
            if mount:
                steps.append(f"mount {mount.point}")
            steps += [f"start instance {one}" for one in self._request.instances]
            steps += [f"start {one}" for one in self._request.services]
        if plan.resizes:
            verb = "extend" if plan.target > volume.size else "reduce"
            steps.append(f"{verb} {volume.name} from {human(volume.size)} to {human(plan.target)}")
        if plan.fills:
            steps.append(f"grow the {fs.kind} to fill {volume.name}")
        after = replace(volume, size=plan.target, vg_free=volume.vg_free + volume.size - plan.target)
        return Outcome(
            plan, steps, 0.0, 0.0, intent is not None, after, replace(fs, size=plan.target) if plan.fills else fs
        )

    # ------------------------------------------------------------------ act
    def _act(self, plan: Plan, layout: t.Optional[Layout]) -> None:
        request, volume = self._request, plan.volume
        mounted = bool(self._proc.mounts(volume.device))
        intent = Intent(request.size.text, plan.target, plan.mount)
        if plan.shrinks_fs:
            active = [one for one in request.services if self._tools.active(one)]
            running = [one for one in request.instances if self._tools.running(one)]
            intent = replace(intent, services=tuple(active), instances=tuple(running))
        self._journal.store(intent)
        self._tools.backup_group(
            volume.vg, os.path.join(self._folder, f"{volume.vg}-{time.strftime('%Y%m%dT%H%M%S')}.vg")
        )
        if layout is not None:
            self._guarded(self._shrink, plan, layout, intent, mounted)
        if plan.resizes:
            now = self._read()
            if plan.target < now.size:
                self._refuse_cutting(plan)
            self._tools.resize(now, plan.target, request.pvs)
        if plan.fills:
            self._fill(plan, mounted)

    def _guarded(
        self, shrink: t.Callable[..., None], plan: Plan, layout: Layout, intent: Intent, mounted: bool
    ) -> None:
        """Whatever goes wrong, what was stopped is started again, and the old file system is where it was."""
        try:
            shrink(plan, layout, intent, mounted)
        except BaseException as exc:
            try:
                self._settle(intent, self._read())
            except LvmError as second:
                raise LvmError(
                    f"{exc} Then what was stopped could not be restored: {second} Mend that and run again; "
                    f"{self._journal.path} tells what has to be as before."
                ) from None
            self._journal.clear()
            raise

    def _shrink(self, plan: Plan, layout: Layout, intent: Intent, mounted: bool) -> None:
        tools, volume = self._tools, plan.volume
        self._stop(intent)
        self._check_users(volume, stopped=True)
        self._down_since = time.monotonic()
        if mounted and plan.mount:
            tools.remount(replace(plan.mount, options="ro"))  # from here on the files rest, and can still be read
        fs = tools.ext(volume.device)
        if "needs_recovery" in fs.features:  # nobody has mounted it since a power cut; that replays its journal
            self._mount_privately(plan)
            tools.unmount(self._private)
        tools.make_copy(volume, copy_size(layout, fs, plan.fs_target, volume.extent))
        copy = f"/dev/{volume.vg}/{volume.copy}"
        trouble = tools.check(copy)
        if trouble:
            raise LvmError(
                f"e2fsck found damage on {volume.name}, so it is left as it is: {trouble} "
                f"Unmount it, repair it (e2fsck -f {volume.device}), look at what was lost, then run again."
            )
        # Anew: what was free while it was mounted may not be any more.
        runs = direct_runs(tools.layout(copy, fs), fs.block, volume.size)
        overlay = tools.make_overlay(volume, runs)
        tools.shrink_ext(overlay, plan.fs_target)
        made = tools.ext(overlay)
        if made.size > plan.target or "error" in made.state:
            raise LvmError(
                f"resize2fs left {made.size} bytes, state '{made.state}', where {plan.fs_target} were asked for."
            )
        tools.drop_overlay(volume)
        if mounted and plan.mount:
            self._unmounted_since = time.monotonic()
            tools.unmount(plan.mount.point)
        if self._proc.mounted_elsewhere(volume.device):
            raise LvmError(
                f"{volume.name} is not mounted here any more, but still in a mount namespace of somebody else: a container? "
                "Find it (lsns -t mnt) and end it first."
            )
        tools.merge_copy(volume)
        self._await_new(plan.volume, plan.target)
        self._restore(intent)
        self._await_merge()

    def _await_new(self, volume: Volume, target: int) -> None:
        """Until the volume shows the new file system. Mounting the old one now would destroy both."""
        for _attempt in range(10):
            if self._proc.ext_size(volume.device) <= target:
                return
            self._tools.sleep(0.5)
            self._tools.reopen(volume)
        raise LvmError(
            f"{volume.name} is to be merged with its safety copy, but something keeps it open; it is NOT mounted, and must "
            f"not be. Find out what has it open (lsof {volume.device}), then lvchange -an and -ay {volume.name} and run again."
        )

    def _await_merge(self) -> None:
        for poll in range(_MERGE_POLLS):
            volume = self._read()
            if not volume.merging and not volume.leftover:
                return
            if poll % 60 == 20:
                self._tools.go_on_merging(volume)
            self._tools.sleep(0.5)
        raise LvmError(f"{self._request.vg}/{self._request.lv} has been merging for a day; lvs -a tells how far it is.")

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

    def _restore(self, intent: Intent) -> None:
        """Mount, instances, services, in this order, as far as they aren't there."""
        device = f"/dev/{self._request.vg}/{self._request.lv}"
        mounts = self._proc.mounts(device)
        if intent.mount and not mounts:
            self._tools.mount(device, intent.mount)
        elif intent.mount and mounts[0].read_only and not intent.mount.read_only:
            self._tools.remount(intent.mount)
        now = time.monotonic()
        if self._unmounted_since:
            self._unmounted, self._unmounted_since = now - self._unmounted_since, 0.0
        if self._down_since:
            self._downtime, self._down_since = now - self._down_since, 0.0
        for instance in intent.instances:
            if not self._tools.running(instance):
                self._tools.start_instance(instance)
        for service in intent.services:
            if not self._tools.active(service):
                self._tools.start_service(service)

    def _settle(self, intent: t.Optional[Intent], volume: Volume) -> None:
        """Bring an interrupted run to one of its two ends, and what it stopped back."""
        tools = self._tools
        if tools.has_overlay(volume):
            tools.drop_overlay(volume)
        mounts = self._proc.mounts(volume.device)
        if any(one.point == self._private for one in mounts):
            tools.unmount(self._private)
            mounts = self._proc.mounts(volume.device)
        if volume.merging:
            if intent and not mounts:
                self._await_new(volume, intent.target)
            elif intent and self._proc.ext_size(volume.device) > intent.target:
                raise LvmError(
                    f"{volume.name} waits to be merged with its safety copy, but was mounted meanwhile as it was before. "
                    f"Unmount it, drop the copy's merge by restoring the group's metadata (vgcfgrestore, {self._folder}), "
                    "and run again."
                )
            if intent:
                self._restore(intent)
            self._await_merge()
        else:
            if volume.leftover:
                tools.drop_copy(volume)
            if intent:
                self._restore(intent)

    def _refuse_cutting(self, plan: Plan) -> None:
        """The last look before the volume gets smaller, at the file system itself."""
        found = self._tools.file_system(plan.volume.device)
        if found.size > plan.target:
            raise LvmError(
                f"The file system on {plan.volume.name} has {found.size} bytes; the volume isn't reduced to {plan.target}."
            )

    def _fill(self, plan: Plan, mounted: bool) -> None:
        point = plan.mount.point if mounted and plan.mount else self._private
        if not mounted:
            self._mount_privately(plan)
        try:
            self._tools.fill(plan.volume, plan.fs, point)
        finally:
            if not mounted:
                self._tools.unmount(self._private)

    def _mount_privately(self, plan: Plan) -> None:
        os.makedirs(self._private, mode=0o700, exist_ok=True)
        self._tools.mount(plan.volume.device, Mount(self._private, "nosuid,nodev,noexec"))

    def _look(self, plan: Plan) -> tuple[Volume, FileSystem]:
        volume = self._read()
        fs = self._tools.file_system(volume.device)
        if volume.size != plan.target or fs.kind != plan.fs.kind or (fs.kind and not fs.fills(volume.size)):
            raise LvmError(
                f"{volume.name} has {volume.size} bytes and a file system of {fs.size} after the resize, wanted were "
                f"{plan.target} and one that fills it; somebody else may be changing it. Run again."
            )
        if fs.size > volume.size:
            raise LvmError(f"The file system on {volume.name} has {fs.size} bytes, its volume {volume.size}.")
        return volume, fs
