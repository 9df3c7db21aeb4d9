# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A resize from beginning to end, on a host: read, plan, refuse or do, look again."""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass, replace

from .._common import OperatorError, changed_meanwhile, size_text
from .journal import Intent
from .minimum import minimum
from .shrink import ResizeRequest, Shrink
from .volumes import (
    FileSystem,
    ResizePlan,
    Volume,
    check_fs,
    check_growth,
    check_space,
    check_volume,
    copy_size,
    pools_at_risk,
    to_move,
)

if t.TYPE_CHECKING:
    from .journal import Journal
    from .tools import Proc, Tools
    from .volumes import Layout

_BYTES_PER_SECOND = 100 * 2**20
_MMP = 30  # seconds that e2fsck, resize2fs and mount wait for other hosts, together


@dataclass
class ResizeOutcome:
    """What a run found, did (or would do) and left."""

    plan: ResizePlan
    steps: list[str]
    downtime: float
    unmounted: float
    resumed: bool
    after: Volume
    fs_after: FileSystem
    failures: t.Sequence[str] = ()  # what couldn't be started again
    warnings: t.Sequence[str] = ()

    @property
    def changed(self) -> bool:
        return bool(self.steps)


class Resize:
    """One request on one host."""

    def __init__(
        self,
        request: ResizeRequest,
        tools: Tools,
        proc: Proc,
        journal: Journal,
        folder: str,
        private: str,
        tell: t.Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._request = request
        self._tools = tools
        self._proc = proc
        self._journal = journal
        self._folder = folder
        self._shrink = Shrink(request, tools, proc, folder, os.path.join(private, f"{request.vg}+{request.lv}"), tell)

    # ----------------------------------------------------------------- look
    def check(self) -> ResizeOutcome:
        """What apply would do. Reads only."""
        intent = self._journal.load()
        plan = self._plan(intent, self._read(), settled=not intent)
        outcome = self._outcome(plan, intent)
        if plan.changed:
            layout = self._check(plan)
            outcome.downtime = self._estimate(plan, layout)
        return outcome

    def apply(self) -> ResizeOutcome:
        intent = self._journal.load()
        volume = self._read()
        failures = []
        if intent or volume.leftover:
            failures = self._shrink.settle(intent)
            volume = self._read()
        plan = self._plan(intent, volume, settled=True)
        outcome = self._outcome(plan, intent)
        if plan.changed:
            layout = self._check(plan)
            failures += self._act(plan, layout)
            outcome.after, outcome.fs_after = self._look(plan)
        if intent or plan.changed:
            self._journal.clear()
        outcome.downtime, outcome.unmounted = round(self._shrink.downtime, 2), round(self._shrink.unmounted, 2)
        outcome.failures = list(dict.fromkeys(failures))
        return outcome

    def _read(self) -> Volume:
        return self._tools.volume(self._request.vg, self._request.lv)

    def _plan(self, intent: t.Optional[Intent], volume: Volume, *, settled: bool) -> ResizePlan:
        request = self._request
        if settled:
            check_volume(volume)
        fs = self._tools.file_system(volume.device)
        mounts = [one for one in self._proc.mounts(volume.device) if one.point != self._shrink.private]
        if len(mounts) > 1:
            raise OperatorError(
                f"{volume.name} is mounted in several places ({', '.join(one.point for one in mounts)}); unmount all but one."
            )
        if intent and intent.size == request.size.text:
            target = intent.target  # "+500m" meant half a gigabyte more than there was then
        else:
            free = self._tools.pvs_free(request.vg, request.pvs) if request.size.of == "PVS" else 0
            target = request.size.target(volume, free)
        mount = mounts[0] if mounts else (intent.mount if intent else None)
        plan = ResizePlan(volume, fs, mount, target)
        check_fs(plan)
        if plan.fills and mount and mount.read_only and settled:
            raise OperatorError(
                f"{volume.name} is mounted read-only at {mount.point}, so its file system can't be grown to fill it; "
                f"remount it (mount -o remount,rw {mount.point}) or unmount it."
            )
        if target < volume.size and not request.allow_shrink:
            raise OperatorError(
                f"{volume.name} has {size_text(volume.size)}, more than the {size_text(target)} asked for; shrinking stops what "
                "runs on it for a while. If you mean it, run the playbook shrink_instances_volume, or set allow_shrink: true."
            )
        return plan

    def _check(self, plan: ResizePlan) -> t.Optional[Layout]:
        """Every refusal that can be known beforehand."""
        request, volume = self._request, plan.volume
        if not plan.shrinks_fs:
            if plan.target > volume.size:
                check_growth(plan, self._tools.pvs_free(request.vg, request.pvs), request.pvs)
            return None
        device, mount = volume.device, plan.mount if self._proc.mounts(volume.device) else None
        room = self._proc.room(mount.point) if mount else None
        layout = self._tools.layout(device, plan.fs)
        if room:
            used, smallest = room.used, minimum(plan.fs, room.free, room.inodes)
        else:
            used = plan.fs.size - sum(last - first + 1 for first, last in layout.runs) * plan.fs.block
            smallest = self._tools.minimum(device, plan.fs)
        check_space(
            plan,
            smallest,
            used,
            used * request.margin // 100,
            copy_size(layout, plan.fs, plan.fs_target, volume.extent),
            self._tools.pvs_free(request.vg, ()),
        )
        if not self._tools.activates(volume):
            raise OperatorError(
                f"lvm.conf of this host lets LVM activate only what activation/volume_list names, which leaves out group {volume.vg}, "
                f'so the safety copy of {volume.name} can\'t be made. Add "{volume.vg}" to that list, then run again.'
            )
        self._shrink.check_users(volume, mount, stopped=False)
        for service in self._request.services:
            self._tools.check_service(service)
        for instance in self._request.instances:
            self._tools.check_instance(instance)
        return layout

    def _estimate(self, plan: ResizePlan, layout: t.Optional[Layout]) -> float:
        """Seconds without a writable mount: some for the commands, the rest for reading metadata and moving blocks."""
        if layout is None or not plan.mount:
            return 0.0
        metadata = layout.inodes_touched * plan.fs.inode_size + layout.groups * 2 * plan.fs.block
        moved = to_move(layout, plan.fs, plan.fs_target)
        mmp = _MMP if "mmp" in plan.fs.features else 0
        return round(3 + mmp + (2 * metadata + 2 * moved) / _BYTES_PER_SECOND, 1)

    def _outcome(self, plan: ResizePlan, intent: t.Optional[Intent]) -> ResizeOutcome:
        volume, fs, mount = plan.volume, plan.fs, plan.mount
        steps = []
        if intent:
            steps.append(f"finish what an earlier run began on {volume.name}: {intent.size}")
        if plan.shrinks_fs:
            steps += [f"stop instance {one}" for one in self._request.instances]
            steps += [f"stop {one}" for one in self._request.services]
            if mount:
                steps.append(f"make {mount.point} read-only")
            steps.append(
                f"check the {fs.kind} and shrink it from {size_text(fs.size)} to {size_text(plan.fs_target)} in a safety copy"
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
            steps.append(f"{verb} {volume.name} from {size_text(volume.size)} to {size_text(plan.target)}")
        if plan.fills:
            steps.append(f"grow the {fs.kind} to fill {volume.name}")
        after = replace(volume, size=plan.target, vg_free=volume.vg_free + volume.size - plan.target)
        return ResizeOutcome(
            plan,
            steps,
            0.0,
            0.0,
            intent is not None,
            after,
            replace(fs, size=plan.target) if plan.fills else fs,
            warnings=pools_at_risk(plan),
        )

    # ------------------------------------------------------------------ act
    def _act(self, plan: ResizePlan, layout: t.Optional[Layout]) -> list[str]:
        """Returns what of the stopped couldn't be started again."""
        request, volume = self._request, plan.volume
        mounted = bool(self._proc.mounts(volume.device))
        intent = Intent(request.size.text, plan.target, plan.mount)
        if plan.shrinks_fs:
            active = [one for one in request.services if self._tools.active(one)]
            running = [one for one in request.instances if self._tools.running(one)]
            bound = self._tools.bound_units(plan.mount.point) if mounted and plan.mount and self._proc.systemd() else []
            intent = replace(intent, services=tuple(active), instances=tuple(running), bound=tuple(bound))
        self._journal.store(intent)
        self._tools.backup_group(
            volume.vg, os.path.join(self._folder, f"{volume.vg}-{time.strftime('%Y%m%dT%H%M%S')}.vg")
        )
        failures = []
        if layout is not None:
            with self._proc.signals():
                failures = self._guarded(plan, layout, intent, mounted)
        if plan.resizes:
            now = self._read()
            if plan.target < now.size:
                self._refuse_cutting(plan)
            self._tools.resize(now, plan.target, request.pvs)
        if plan.fills:
            self._fill(plan, mounted)
        return failures

    def _guarded(self, plan: ResizePlan, layout: Layout, intent: Intent, mounted: bool) -> list[str]:
        """Whatever goes wrong, what was stopped is started again, and the old file system is where it was."""
        try:
            return self._shrink.shrink(plan, layout, intent, mounted)
        except BaseException as exc:
            try:
                failures = self._shrink.settle(intent)
            except OperatorError as second:
                raise OperatorError(
                    f"{exc} Then what was stopped could not be restored: {second} Repair that and run again; "
                    f"{self._journal.path} tells what has to be as before."
                ) from None
            self._journal.clear()
            if failures:
                raise OperatorError(f"{exc} {' '.join(failures)}") from None
            raise

    def _refuse_cutting(self, plan: ResizePlan) -> None:
        """The last look before the volume gets smaller, at the file system itself."""
        found = self._tools.file_system(plan.volume.device)
        if found.size > plan.target:
            raise OperatorError(
                f"The file system on {plan.volume.name} has {found.size} bytes; the volume isn't reduced to {plan.target}."
            )

    def _fill(self, plan: ResizePlan, mounted: bool) -> None:
        point = plan.mount.point if mounted and plan.mount else self._shrink.private
        if not mounted:
            self._shrink.mount_privately(plan.volume)
        try:
            self._tools.fill(plan.volume, plan.fs, point)
        finally:
            if not mounted:
                self._tools.unmount(self._shrink.private)

    def _look(self, plan: ResizePlan) -> tuple[Volume, FileSystem]:
        volume = self._read()
        fs = self._tools.file_system(volume.device)
        if volume.size != plan.target or fs.kind != plan.fs.kind or (fs.kind and not fs.fills(volume.size)):
            raise OperatorError(
                f"{changed_meanwhile(volume.name)} It has {volume.size} bytes and a file system of {fs.size}; wanted were "
                f"{plan.target} and one that fills it."
            )
        if fs.size > volume.size:
            raise OperatorError(f"The file system on {volume.name} has {fs.size} bytes, its volume {volume.size}.")
        return volume, fs
