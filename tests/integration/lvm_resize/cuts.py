# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power cuts by the dozen: images of a disk in the middle of a run, each then booted upon, finished and looked at."""

from __future__ import annotations

import json
import random
import time
import typing as t
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.integration.lvm_resize.machines import DEVICE, MOUNT, SIZES, STATE, TREE, Machine, images_during


@dataclass(frozen=True)
class Verdict:
    """What was found after a cut: in which step it fell, and everything that was wrong when the next run was through."""

    step: str
    wrong: str


def step_of(found: dict[str, t.Any], started: int, target: int) -> str:
    """In which step the power went, from what is on the disk."""
    if found["copy"]:
        return "in the safety copy"
    if found["merging"]:
        return "while merging"
    volume, fs = found["volume"], found["fs"]
    if (volume, fs) == (started, started):
        return "before anything" if not found["intent"] else "begun"
    if volume == started:
        return "file system smaller, volume not yet"
    if fs < volume:
        return "volume resized, file system not yet"
    return "all but done" if found["intent"] else "done"


def look_at(judge: Machine, image: Path, arguments: dict[str, t.Any], started: int, target: int, tree: str) -> Verdict:
    """Do with the disk what a boot does, run the module again, and look."""
    judge.plug(image)
    try:
        out = judge.run(f"""
            udevadm settle; vgchange -qq -aay --sysinit vg0 >&2
            mkdir -p {STATE} {MOUNT}; mount /dev/vg0/state {STATE}
            e2fsck -p {DEVICE} >&2 || test $? = 1
            jq() {{ python3 -c 'import json,sys; print(json.dumps(sys.argv[1:]))' "$@"; }}
            jq "$(ls {STATE}/lvm_resize/*.json 2>/dev/null || true)" "$(lvs -a --noheadings -o lv_name,lv_attr vg0)" \\
               "$(blockdev --getsize64 {DEVICE})" \\
               "$(dumpe2fs -h {DEVICE} 2>/dev/null | awk -F: '/^Block count|^Block size/ {{ print $2 }}')"
            mount -o nosuid,noatime {DEVICE} {MOUNT}
            """)
        intent, volumes, before, blocks = json.loads(out.strip().splitlines()[-1])
        count, block = map(int, blocks.split())
        found = {
            "intent": bool(intent),
            "copy": "day2shrink" in volumes and "Owi" not in volumes,
            "merging": "Owi" in volumes,
            "volume": int(before),
            "fs": count * block,
        }
        step = step_of(found, started, target)
        wrong = []
        if found["fs"] > found["volume"]:
            wrong.append(f"the file system has {found['fs']} bytes on a volume of {found['volume']}")
        if step != "done":  # a relative size would be one more wish then
            result = judge.module(**arguments)
            if result.get("failed"):
                wrong.append(f"the next run failed: {result['msg']}")
        after = judge.run(
            f"{TREE} echo ==; {SIZES} echo ==; ls {STATE}/lvm_resize | grep json || true; lvs -a vg0 | grep day2shrink || true; dmsetup ls"
        )
        files, sizes, left = after.split("==\n")
        size, count, block = map(int, sizes.split())
        if files != tree:
            wrong.append("files differ")
        if (size, count * block) != (target, target):
            wrong.append(f"the volume has {size} bytes, the file system {count * block}, wanted {target}")
        if "json" in left or "shrink" in left:
            wrong.append(f"left over: {left}")
        damage = judge.damage()
        if damage:
            wrong.append(f"damage: {damage}")
        return Verdict(step, "; ".join(wrong))
    finally:
        judge.ssh(
            f"umount {MOUNT} {STATE}; dmsetup remove day2shrink-vg0-instances; vgchange -qq -an vg0; udevadm settle"
        )
        judge.unplug()


def cut(
    machine: Machine,
    judge: Machine,
    folder: Path,
    arguments: dict[str, t.Any],
    begin: int,
    target: int,
    count: int,
    hit: t.Callable[[Counter[str]], bool],
) -> Counter[str]:
    """Cut a run's power at so many moments, in as many runs as it takes; returns how many cuts fell into each step.

    Where none of them hit what has to be hit, because the machine was quicker or slower than before, up to three times as many more.
    """
    chance = random.Random(count)
    steps: Counter[str] = Counter()
    failures = []
    machine.fill(f"{begin}b", state=True)
    tree = machine.tree()
    duration = _duration(machine, arguments, begin)
    while sum(steps.values()) < count or (not hit(steps) and sum(steps.values()) < 4 * count):
        wanted = min(24, count - sum(steps.values()) % count)
        # The first fifth is Python and LVM starting up; a cut there is like any other before anything has begun.
        moments = [duration * (0.2 + 0.8 * (n + chance.random()) / wanted) for n in range(wanted)]
        images = images_during(machine, arguments, moments, folder)
        _back(machine, begin)
        for image in images:
            verdict = look_at(judge, image, arguments, begin, target, tree)
            image.unlink()
            steps[verdict.step] += 1
            print(f"{image.name} {verdict.step}: {verdict.wrong or 'fine'}", flush=True)
            if verdict.wrong:
                failures.append(f"cut {verdict.step}: {verdict.wrong}")
    assert not failures, "\n".join(failures)
    return steps


def _duration(machine: Machine, arguments: dict[str, t.Any], begin: int) -> float:
    """How long an undisturbed run takes."""
    began = time.monotonic()
    result = machine.module(**arguments)
    assert result.get("changed"), result
    duration = time.monotonic() - began
    _back(machine, begin)
    return duration


def _back(machine: Machine, begin: int) -> None:
    """The volume as large as it was, by the module itself."""
    result = machine.module(size=f"{begin}b", allow_shrink=True)
    assert result.get("changed"), result
