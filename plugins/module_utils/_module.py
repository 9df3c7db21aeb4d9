# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of a module: how it runs commands, how it ends, and what its errors look like. PRIVATE to the collection.

def job(module):            # desired and actual -> plan -> apply -> look again
    return Outcome(changed=..., result={...})

def main():
    run(AnsibleModule(argument_spec=..., supports_check_mode=True), job)
"""

from __future__ import annotations

import errno
import os
import typing as t
from dataclasses import dataclass, field

from ._common import OperatorError, Run, first_of

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

#: The Debian package of each program that a module runs; other distributions name them much alike.
PACKAGES = {
    "age": "age",
    "blkid": "util-linux",
    "ceph": "ceph-common",
    "cron": "cron",
    "crond": "cronie",
    "dmsetup": "dmsetup",
    "dumpe2fs": "e2fsprogs",
    "e2fsck": "e2fsprogs",
    "findmnt": "util-linux",
    "gpg": "gnupg",
    "gzip": "gzip",
    "ip": "iproute2",
    "logrotate": "logrotate",
    "lvchange": "lvm2",
    "lvconvert": "lvm2",
    "lvcreate": "lvm2",
    "lvextend": "lvm2",
    "lvmconfig": "lvm2",
    "lvreduce": "lvm2",
    "lvremove": "lvm2",
    "lvs": "lvm2",
    "mariadb": "mariadb-client",
    "mariadb-dump": "mariadb-client",
    "mysql-backup": "the role mysql_backup (run backup_mysql with -e backup_mysql_setup=true)",
    "pvs": "lvm2",
    "qemu-img": "qemu-utils",
    "resize2fs": "e2fsprogs",
    "rsync": "rsync",
    "rsyslogd": "rsyslog and rsyslog-relp",
    "systemctl": "systemd",
    "tc": "iproute2",
    "vgcfgbackup": "lvm2",
    "vgcfgrestore": "lvm2",
    "vgs": "lvm2",
    "virsh": "libvirt-clients",
    "xfs_growfs": "xfsprogs",
    "xfs_info": "xfsprogs",
    "zstd": "zstd",
}


@dataclass
class Outcome:
    """How a module ended: what its result says beside changed, warnings, diff and failures.

    diff is shown where a diff was asked for. failures are errors that didn't keep the rest from being done; one is enough for
    the module to fail, with the whole result.
    """

    changed: bool
    result: dict[str, t.Any]
    diff: t.Any = None
    warnings: t.Sequence[str] = ()
    failures: t.Sequence[str] = field(default=())


def runner(module: AnsibleModule, environment: t.Optional[t.Mapping[str, str]] = None, **options: t.Any) -> Run:
    """A function that runs commands for a module, in English; a program that is missing raises FileNotFoundError."""
    environ = {"LC_ALL": "C", **(environment or {})}

    def run_command(args: list[str], data: str = "") -> tuple[int, str, str]:
        rc, out, err = module.run_command(
            args, data=data or None, binary_data=True, environ_update=environ, handle_exceptions=False, **options
        )
        return rc, out, err

    return run_command


def run(module: AnsibleModule, job: t.Callable[[AnsibleModule], Outcome], way_out: str = "") -> None:
    """Do the job and end the module. way_out is said after an error of the operating system, such as a full disk."""
    try:
        outcome = job(module)
    except OperatorError as exc:
        module.fail_json(msg=str(exc))
    except OSError as exc:
        module.fail_json(msg=" ".join(filter(None, (os_error(exc), way_out))))
    else:
        finish(module, outcome)


def finish(module: AnsibleModule, outcome: Outcome) -> None:
    """End the module with its outcome: warnings, diff, and failure where anything failed."""
    for warning in outcome.warnings:
        module.warn(warning)
    result = dict(outcome.result, changed=outcome.changed)
    if module._diff and outcome.diff is not None:
        result["diff"] = outcome.diff
    if outcome.failures:
        module.fail_json(msg=first_of(outcome.failures), **result)
    module.exit_json(**result)


def missing_program(name: str) -> str:
    """The error for a program that isn't there, by its name or path: the package that brings it."""
    package = PACKAGES.get(os.path.basename(name))
    return f"{name} isn't installed on this host; install {package or 'the package that brings it'}."


#: What a file that is there may have that keeps root from replacing it.
_WAYS_OUT = {
    errno.EBUSY: " If findmnt shows it as a mount of its own, as in containers, change the file that is mounted there.",
    errno.EPERM: " If lsattr shows that it is immutable (i) or append-only (a), lift that with chattr -ia.",
}


def os_error(exc: OSError) -> str:
    """An error of the operating system as an operator would put it: the file or program, and the package of a missing program."""
    name = exc.filename.decode("utf-8", "replace") if isinstance(exc.filename, bytes) else str(exc.filename or "")
    if isinstance(exc, FileNotFoundError) and name and "/" not in name.rstrip("/"):
        return missing_program(name)
    way_out = _WAYS_OUT.get(exc.errno or 0, "") if os.path.isfile(name) else ""
    return f"{name or 'The host'}: {exc.strerror or exc}.{way_out}"
