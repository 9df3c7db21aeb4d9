# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what tenants wrote from ever being a template."""

from __future__ import annotations

import typing as t

from ansible.utils.unsafe_proxy import wrap_var

from .computes import ComputeHost, Instance, InstancePort, QosPolicy


def make_unsafe(value: t.Any) -> t.Any:
    """The same value with every string in it that could be a template marked as not being one.

    ansible-core 2.17 and 2.18 template every variable that isn't marked. From 2.19 on only strings that are
    marked as trusted are templates; there wrap_var takes such a mark away.
    """
    if isinstance(value, str):
        # Marking only what has a brace keeps thousands of ids and addresses plain and cheap.
        return wrap_var(value) if "{" in value else value
    if isinstance(value, dict):
        return {make_unsafe(key): make_unsafe(item) for key, item in value.items()}
    if isinstance(value, list):
        return [make_unsafe(item) for item in value]
    return value


def without_tenant_text(host: ComputeHost) -> ComputeHost:
    """The same host without the names that tenants have typed."""
    if "instance_ports" not in host:
        return host
    return {**host, "instance_ports": [_nameless(port) for port in host["instance_ports"]]}


def _nameless(port: InstancePort) -> InstancePort:
    instance: Instance | None = {**port["instance"], "name": None} if port["instance"] else None
    policy: QosPolicy | None = {**port["qos_policy"], "name": None} if port["qos_policy"] else None
    return {**port, "network_name": None, "instance": instance, "qos_policy": policy}
