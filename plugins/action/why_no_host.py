# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs where Ansible runs: asks a cloud's APIs why the scheduler finds no host."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._action import Action, Options, Variables
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import CLOUD_OPTIONS, Query
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.unsafe import make_unsafe
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.fetch import Asked, why
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.judge import lines

#: Nova's default, and the one that aggregates with extra specs need.
_FILTERS = [
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
    "AggregateInstanceExtraSpecsFilter",
]
_OPTIONS: Options = dict(
    flavor=dict(type="str"),
    instance=dict(type="str"),
    image=dict(type="str"),
    zone=dict(type="str"),
    filters=dict(type="list", elements="str", default=_FILTERS),
    max_io_ops=dict(type="int", default=8),
    **CLOUD_OPTIONS,
)


class ActionModule(Action):
    _requires_connection = False
    _supports_diff = False
    OPTIONS = _OPTIONS
    RULES: t.ClassVar[Options] = dict(
        required_one_of=[("flavor", "instance")],
        mutually_exclusive=[("flavor", "instance"), ("instance", "image"), ("instance", "zone")],
    )

    def job(self, options: Options, variables: Variables) -> Outcome:
        asked = Asked(*(options[name] or "" for name in ("flavor", "instance", "image", "zone")))
        report = why(Query.of(options), asked, enabled=options["filters"], max_io_ops=options["max_io_ops"])
        result = dict(
            text=make_unsafe(lines(report)),
            left=make_unsafe([one.compute.name for one in report.left]),
            steps=make_unsafe([dict(step) for step in report.steps]),
            computes=make_unsafe([one.public() for one in report.computes]),
            notes=make_unsafe(list(report.notes)),
        )
        return Outcome(changed=False, result=result)
