#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tc_htb_metrics
short_description: Write what bandwidth limits of instance ports counted, for Prometheus' node_exporter
version_added: 0.1.0
description:
  - Installs a timer on a compute host that writes C(instance_qos.prom) each minute for node_exporter's textfile collector. It has what each
    limit of M(openstack_ops.day2.tc_htb) passed and dropped, and how often traffic waited for it, in each direction.
  - The file is replaced as a whole, and is written safely into a folder that belongs to another account.
  - The timer is independent of the restorer. Limits are kept whatever becomes of the metrics.
  - >-
    Every metric has the label C(compute). Those of limits also have C(project), C(instance_uuid), C(port), C(device) and C(direction)
    (C(egress) is what the instance sends). They are C(instance_qos_bytes_total), C(instance_qos_packets_total),
    C(instance_qos_drops_total), C(instance_qos_overlimits_total) (how often traffic came to wait; 0 on kernels before 4.20),
    C(instance_qos_exempt_bytes_total), C(instance_qos_backlog_bytes), C(instance_qos_rate_bits_per_second) and
    C(instance_qos_ceil_bits_per_second). Counters begin anew with their device.
  - >-
    A saved limit that can't be read has none of these, but C(instance_qos_unread) with a C(reason), C(no_device) where the instance may
    be off, or C(no_limit). Of the host there are C(instance_qos_ports), C(instance_qos_damaged_lines) (of the saved limits),
    C(instance_qos_read_success) for C(what) (C(kernel) and C(saved)), and C(instance_qos_read_seconds).
attributes:
  check_mode:
    support: full
    description: Predicts what the run does, and touches nothing.
  diff_mode:
    support: full
    description: Shows the timer and its settings before and after.
  idempotent:
    support: full
    description: A second run changes nothing.
  platform:
    support: full
    platforms: linux
    description: Works on Linux with systemd.
extends_documentation_fragment:
  - openstack_ops.day2.attributes
options:
  state:
    description: V(absent) removes the timer, its program and the file of metrics.
    type: str
    choices: [present, absent]
    default: present
  directory:
    description:
      - The folder that node_exporter's textfile collector reads, on Debian C(/var/lib/prometheus/node-exporter). One that isn't there is
        made. A file in the folder of a former run is removed.
      - Required with O(state=present).
    type: str
  compute:
    description: The name of this host in the label C(compute). Required with O(state=present).
    type: str
  instances:
    description: The instance that each port belongs to, by the port's id. A port that isn't listed has an empty label.
    type: dict
    default: {}
  projects:
    description: The project that each port belongs to, by the port's id.
    type: dict
    default: {}
seealso:
  - module: openstack_ops.day2.tc_htb
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Show Prometheus which instances hit their limit
  openstack_ops.day2.tc_htb_metrics:
    directory: /var/lib/prometheus/node-exporter
    compute: "{{ inventory_hostname }}"
    instances: "{{ dict(instance_ports | map(attribute='port_id') | zip(instance_ports | map(attribute='instance.id', default=''))) }}"
    projects: "{{ dict(instance_ports | map(attribute='port_id') | zip(instance_ports | map(attribute='project_id'))) }}"

- name: No metrics any more
  openstack_ops.day2.tc_htb_metrics:
    state: absent
"""

RETURN = r"""
timer:
  description: What the timer is after the call, V(running), V(stopped) or V(absent).
  returned: success
  type: str
  sample: running
path:
  description: The file of metrics, empty where there is none.
  returned: success
  type: str
  sample: /var/lib/prometheus/node-exporter/instance_qos.prom
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, first_of, shown
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import lock
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run, runner
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import metrics, metrics_files, metrics_service
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import check_port_id

_LOCK_SECONDS = 60
_ID_LENGTH = 64


def wanted(params: t.Mapping[str, t.Any]) -> t.Optional[metrics.Settings]:
    """The settings that the options describe, None for state absent. Raises OperatorError that names what is wrong."""
    if params["state"] == "absent":
        return None
    instances, projects = (_by_port(params[name], name) for name in ("instances", "projects"))
    ports = {port_id: (instances.get(port_id, ""), projects.get(port_id, "")) for port_id in {**instances, **projects}}
    return metrics.Settings(metrics_service.check_directory(params["directory"]), params["compute"], ports)


def _by_port(given: t.Mapping[str, t.Any], option: str) -> dict[str, str]:
    """{port id: an id, empty if it isn't known}."""
    found: dict[str, str] = {}
    problems = []
    for key, value in given.items():
        try:
            port_id = check_port_id(key, f"{option}: the key")
        except OperatorError as exc:
            problems.append(str(exc))
            continue
        found[port_id] = "" if value is None else str(value)
        if len(found[port_id]) > _ID_LENGTH:
            problems.append(
                f"{option}: {shown(value)} of port {port_id} isn't an id; ids have at most {_ID_LENGTH} characters."
            )
    if problems:
        raise OperatorError(first_of(problems))
    return found


def job(module: AnsibleModule) -> Outcome:
    settings = wanted(module.params)
    if settings is not None and not os.path.isdir("/run/systemd/system"):
        raise OperatorError(
            "Metrics need a timer of systemd, and this host was not booted with it; set state: absent, or leave this host out."
        )
    run_command = runner(module)
    if module.check_mode:
        change = metrics_service.settle(run_command, settings, check=True)
    else:
        with lock.locked("tc_metrics", _LOCK_SECONDS):
            change = metrics_service.settle(run_command, settings)
    path = settings.path if settings else ""
    return Outcome(
        changed=change.plan.acts,
        result=dict(
            timer=change.after,
            path=path,
            # A third of what 1000 ports send through the wire.
            invocation=dict(
                module_args=dict(
                    module.params, instances=f"{len(module.params['instances'])} ports", projects="the same"
                )
            ),
        ),
        diff=dict(
            before=dict(
                timer=change.before.word,
                path=change.before.path,
                settings=change.before.contents.get(metrics_files.SETTINGS_FILE, ""),
            ),
            after=dict(timer=change.after, path=path, settings=metrics.encode(settings) if settings else ""),
        ),
    )


def main() -> None:
    spec = dict(
        state=dict(type="str", choices=["present", "absent"], default="present"),
        directory=dict(type="str"),
        compute=dict(type="str"),
        instances=dict(type="dict", default={}),
        projects=dict(type="dict", default={}),
    )
    required = [("state", "present", ["directory", "compute"])]
    run(AnsibleModule(argument_spec=spec, required_if=required, supports_check_mode=True), job)


if __name__ == "__main__":
    main()
