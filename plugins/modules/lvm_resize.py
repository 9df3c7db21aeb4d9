#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lvm_resize
short_description: Grow or shrink a logical volume and the file system on it
version_added: 0.1.0
description:
  - Takes a plain (linear) logical volume to a size, and the ext4, ext3 or xfs on it with it. A file system that doesn't
    fill its volume is grown to fill it, too.
  - A grow happens while the file system is mounted.
  - A shrink (ext4 and ext3 only) makes it read-only for a while, unmounts it for a moment, and survives a power cut at any moment. C(resize2fs) works in a
    safety copy (a snapshot) that becomes the volume in one step of LVM's. For as long as it takes, the group needs
    free room for it, mostly some 1 % of the volume and what O(margin) doesn't cover; a refusal says how much.
  - What can't be done safely is refused with an error before anything is touched.
  - What is under way is written to C(/var/lib/openstack_ops.day2/lvm_resize) first. After a power cut, or when the module was
    killed, run it again with the same size. It finishes what was under way, and mounts and starts what was mounted and running
    before.
  - Each long step of a shrink is logged to the host's journal as it begins (C(journalctl -f -g lvm_resize)).
  - Nothing but the named volume is touched. Before each change the group's metadata is backed up to the same folder.
requirements:
  - lvm2, util-linux, and e2fsprogs or xfsprogs on the host
  - systemd for O(stop_services), virsh for O(stop_instances)
attributes:
  check_mode:
    support: full
    description: Shows the steps, the sizes and the estimated downtime; reads only.
  diff_mode:
    support: full
    description: Shows the sizes before and after.
  idempotent:
    support: partial
    details:
      - A second run changes nothing with an absolute size. A relative one (V(+500m)) is relative to what is there, each time;
        only the run that finishes an interrupted one counts from where that began.
    description: Whether a second run changes nothing.
extends_documentation_fragment:
  - openstack_ops.day2.attributes
options:
  vg:
    description: The volume group.
    type: str
    required: true
  lv:
    description: The logical volume.
    type: str
    required: true
  size:
    description:
      - The volume's size, as V(1.5g), or a change of it, as V(+500m) or V(-2g). The unit is one of C(b), C(s) (sectors of
        512 bytes), C(k), C(m), C(g), C(t), C(p), C(e); as everywhere in LVM, all are powers of 1024 in both cases.
      - Or a share, absolute or relative. V(50%VG) is of the whole group, V(+100%FREE) of what is free in it, V(+100%PVS) of what
        is free on O(pvs).
      - Sizes are rounded up to whole extents, shares down. The rounded size is what is compared and reported.
    type: str
    required: true
  allow_shrink:
    description: Let the volume become smaller. Without it, a smaller size is refused.
    type: bool
    default: false
  margin:
    description:
      - How much has to stay free in a shrunk file system, in percent of what its files take.
    type: int
    default: 5
  pvs:
    description: Take new extents from these disks of the group only.
    type: list
    elements: str
    default: []
  stop_services:
    description:
      - Units of systemd that may be stopped while the file system is shrunk, for example V(nova-compute). Those that were
        active are started again, also after a failure. Of a container, name the unit that runs it, as V(kolla-nova_compute-container).
    type: list
    elements: str
    default: []
  stop_instances:
    description:
      - Instances, by their names in libvirt, that may be shut down while the file system is shrunk. Those that were running
        are started again, also after a failure.
      - Name the unit of C(nova-compute) in O(stop_services), too. Otherwise Nova notes that they are off, and switches them off again.
    type: list
    elements: str
    default: []
  shutdown_timeout:
    description: Seconds that an instance has to shut down before it is switched off; Nova gives 60.
    type: int
    default: 60
seealso:
  - module: community.general.lvol
  - module: community.general.filesystem
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Shrink the instances volume, whatever runs on it
  openstack_ops.day2.lvm_resize:
    vg: vg0
    lv: instances
    size: 1.5g
    allow_shrink: true
    stop_services: [nova-compute]
    stop_instances: [instance-00000001, instance-00000007]

- name: Give it half a gigabyte more
  openstack_ops.day2.lvm_resize:
    vg: vg0
    lv: instances
    size: +500m

- name: Give it all that the new disk has
  openstack_ops.day2.lvm_resize:
    vg: vg0
    lv: instances
    size: +100%PVS
    pvs: [/dev/sdc]
"""

RETURN = r"""
before:
  description: The volume and its file system as they were found.
  returned: success
  type: dict
  sample: {vg: vg0, lv: instances, size: 2386558976, size_human: 2.22 GiB, vg_free: 1904214016, fs: ext4, fs_size: 2386558976}
after:
  description: The same at the end; in check mode as planned.
  returned: success
  type: dict
  sample: {vg: vg0, lv: instances, size: 1610612736, size_human: 1.5 GiB, vg_free: 2680160256, fs: ext4, fs_size: 1610612736}
mount:
  description: Where the file system is mounted, empty if nowhere.
  returned: success
  type: str
  sample: /var/lib/nova/instances
steps:
  description: What was done, in this order; in check mode what would be.
  returned: success
  type: list
  elements: str
  sample:
    - make /var/lib/nova/instances read-only
    - check the ext4 and shrink it from 2.22 GiB to 1.5 GiB in a safety copy
    - unmount /var/lib/nova/instances
    - make the safety copy the volume
    - mount /var/lib/nova/instances
    - reduce vg0/instances from 2.22 GiB to 1.5 GiB
    - grow the ext4 to fill vg0/instances
downtime:
  description: Seconds for which the files could not be written, from read-only to mounted again; in check mode a rough estimate.
  returned: success
  type: float
  sample: 3.4
unmounted:
  description: Seconds of these for which they could not be read either.
  returned: success
  type: float
  sample: 0.6
resumed:
  description: Whether an interrupted run was found and finished.
  returned: success
  type: bool
  sample: false
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, in_range, size_text
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm import journal, resize, shrink, tools
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.volumes import (
    BOUNDS,
    FileSystem,
    Volume,
    check_disk,
    check_instance_name,
    check_name,
    check_unit,
    parse_size,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run, runner


def argument_spec() -> dict[str, t.Any]:
    return dict(
        vg=dict(type="str", required=True),
        lv=dict(type="str", required=True),
        size=dict(type="str", required=True),
        allow_shrink=dict(type="bool", default=False),
        margin=dict(type="int", default=5),
        pvs=dict(type="list", elements="str", default=[]),
        stop_services=dict(type="list", elements="str", default=[]),
        stop_instances=dict(type="list", elements="str", default=[]),
        shutdown_timeout=dict(type="int", default=60),
    )


def request_of(params: dict[str, t.Any]) -> shrink.ResizeRequest:
    size = parse_size(params["size"])
    if size.of == "PVS" and not params["pvs"]:
        raise OperatorError(f"size {size.text} is a share of disks, but pvs names none; name them.")
    for name, bounds in BOUNDS.items():
        in_range(name, params[name], *bounds)
    return shrink.ResizeRequest(
        vg=check_name(params["vg"], "vg"),
        lv=check_name(params["lv"], "lv"),
        size=size,
        allow_shrink=params["allow_shrink"],
        margin=params["margin"],
        pvs=tuple(map(check_disk, params["pvs"])),
        services=tuple(map(check_unit, params["stop_services"])),
        instances=tuple(map(check_instance_name, params["stop_instances"])),
        shutdown_timeout=params["shutdown_timeout"],
    )


def public(volume: Volume, fs: FileSystem) -> dict[str, t.Any]:
    return dict(
        vg=volume.vg,
        lv=volume.lv,
        size=volume.size,
        size_human=size_text(volume.size),
        vg_free=volume.vg_free,
        fs=fs.kind,
        fs_size=fs.size,
    )


def job(module: AnsibleModule) -> Outcome:
    request = request_of(module.params)
    tools.require_root()
    inherited: list[int] = []  # commands hold the lock, also when they outlive this process
    resizing = resize.Resize(
        request,
        tools.Tools(runner(module, tools.ENVIRONMENT, pass_fds=inherited)),
        tools.Proc(),
        journal.Journal(journal.FOLDER, request.vg, request.lv),
        folder=journal.FOLDER,
        private=journal.PRIVATE,
        tell=lambda text: module.log(f"lvm_resize {request.vg}/{request.lv}: {text}"),
    )
    if module.check_mode:
        found = resizing.check()
    else:
        with journal.locked(request.vg, request.lv) as handle:
            inherited.append(handle)
            found = resizing.apply()
    before, after = public(found.plan.volume, found.plan.fs), public(found.after, found.fs_after)
    result = dict(
        before=before,
        after=after,
        mount=found.plan.mount.point if found.plan.mount else "",
        steps=found.steps,
        downtime=found.downtime,
        unmounted=found.unmounted,
        resumed=found.resumed,
    )
    return Outcome(
        found.changed, result, dict(before=before, after=after), failures=found.failures, warnings=found.warnings
    )


def main() -> None:
    run(
        AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True),
        job,
        way_out="Run again when that is solved; a resize that had begun is finished then.",
    )


if __name__ == "__main__":
    main()
