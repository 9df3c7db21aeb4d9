# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules and roles check of an option beyond its argument_specs, by the option's name. Pure.

They check it again on each host, where templates have become values. Functions and limits of modules are called here. Those of the roles
central_logs and mysql_backup, which stand in their tasks, are repeated; tests compare them.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, in_range, shown
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm import volumes as lvm
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.nova_disk import reservation
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._canary.model import BOUNDS as CANARY
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain import model as drain

#: Takes what the option is called in an error, and its value of the right type. Raises OperatorError for a value that no host can use.
Check = t.Callable[[str, t.Any], object]


def _number(least: int, most: int | None = None, why: str = "") -> Check:
    def check(what: str, value: t.Any) -> None:
        try:
            in_range(what, value, least, most)
        except OperatorError as exc:
            raise OperatorError(f"{exc} {why}".rstrip()) from None

    return check


def _by(function: t.Callable[[t.Any], object]) -> Check:
    """By a function whose errors don't name the variable."""

    def check(what: str, value: t.Any) -> None:
        try:
            function(value)
        except OperatorError as exc:
            raise OperatorError(f"{what}: {exc}") from None

    return check


def _each(function: t.Callable[[t.Any], object]) -> Check:
    return _by(lambda value: [function(one) for one in value])


def _like(pattern: str, wanted: str) -> Check:
    def check(what: str, value: t.Any) -> None:
        if not re.fullmatch(pattern, value):
            raise OperatorError(f"{what} is {shown(value)}; give {wanted}.")

    return check


def _name(what: str, value: t.Any) -> None:
    lvm.check_name(value, what)


CHECKS: t.Mapping[str, Check] = {
    "central_logs_keep": _number(1, 999_999_999),
    "central_logs_port": _number(1025, 65535),
    "central_logs_queue_lines": _number(1000, 999_999_999),
    "central_logs_rotate_size": _like("[1-9][0-9]*[kMG]?", "bytes, or a whole number with k, M or G, as in 500M"),
    "central_logs_window": _number(2, 999_999_999, "librelp makes 128 of 1."),
    "compute_canary_reach_port": _number(*CANARY["reach_port"]),
    "compute_canary_timeout": _number(*CANARY["check_timeout"]),
    "compute_canary_volume_size": _number(*CANARY["volume_size"]),
    "compute_drain_parallel": _number(*drain.BOUNDS["parallel"]),
    "compute_drain_reason": _by(drain.check_reason),
    "compute_drain_timeout": _number(*drain.BOUNDS["migration_timeout"]),
    "instances_volume_lv": _name,
    "instances_volume_margin": _number(*lvm.BOUNDS["margin"]),
    "instances_volume_pvs": _each(lvm.check_disk),
    "instances_volume_shutdown_timeout": _number(*lvm.BOUNDS["shutdown_timeout"]),
    "instances_volume_size": _by(lvm.parse_size),
    "instances_volume_stop_services": _each(lvm.check_unit),
    "instances_volume_vg": _name,
    "mysql_backup_binlog_days": _number(0),
    "mysql_backup_level": _number(1, 19),
    "mysql_backup_nice": _number(0, 19),
    "mysql_backup_timeout": _number(1),
    "nova_disk_reservation_mb": _by(lambda number: reservation("", "", number, lower=False)),
}


def refused(name: str, what: str, value: object) -> str:
    """Why no host can use the value of an option; empty if one may. The value has the right type; what is the option in an error."""
    try:
        if name in CHECKS:
            CHECKS[name](what, value)
    except OperatorError as exc:
        return str(exc)
    return ""
