# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of finding, with its severity and what it means. The report's schema and guide_audit list the same."""

from __future__ import annotations

import enum


class Kind(str, enum.Enum):
    """A kind by the name that the report has for it."""

    severity: str
    """As a rule; a finding may say otherwise."""
    meaning: str

    def __new__(cls, name: str, severity: str, meaning: str) -> Kind:
        made = str.__new__(cls, name)
        made._value_ = name
        made.severity = severity
        made.meaning = meaning
        return made

    ALLOCATION_WITHOUT_INSTANCE = (
        "allocation_without_instance", "critical", "Placement holds resources that no instance uses."
    )  # fmt: skip
    ALLOCATION_ON_OTHER_HOST = (
        "allocation_on_other_host", "critical", "Placement keeps resources on a host where the instance isn't."
    )  # fmt: skip
    ALLOCATION_DIFFERS = (
        "allocation_differs", "warning", "Placement keeps other resources for an instance than its flavor asks for."
    )  # fmt: skip
    INSTANCE_WITHOUT_ALLOCATION = (
        "instance_without_allocation", "critical", "What an instance takes is given away once more."
    )  # fmt: skip
    NEGATIVE = "negative", "critical", "Overcommitted: free capacity is negative. The finding says why."
    DISK_NOT_RESERVED = "disk_not_reserved", "critical", "Disk is given away that isn't there."
    RESERVATION_NOT_IN_EFFECT = (
        "reservation_not_in_effect", "warning", "nova.conf reserves disk that nova-compute hasn't told Placement."
    )  # fmt: skip
    INVENTORY_DIFFERS = "inventory_differs", "warning", "Placement has another size of the disk than the host."
    COMPUTE_WITHOUT_PROVIDER = (
        "compute_without_provider", "critical", "Placement doesn't know a compute that Nova has."
    )  # fmt: skip
    PROVIDER_WITHOUT_COMPUTE = (
        "provider_without_compute", "warning", "Placement offers the resources of a compute that Nova doesn't have."
    )  # fmt: skip
    COMPUTE_NOT_MAPPED = (
        "compute_not_mapped", "critical",
        "nova-compute has registered, and Nova schedules nothing there: no cell has the host.",
    )  # fmt: skip
    DUPLICATE_HYPERVISOR = (
        "duplicate_hypervisor", "critical", "Nova has several hypervisors of one host; all but one are stale."
    )  # fmt: skip
    STUCK = "stuck", "warning", "An instance or a migration has been changing for a long time."
    DOMAIN_UNKNOWN = "domain_unknown", "critical", "libvirt has a guest that Nova has forgotten."
    DOMAIN_ON_OTHER_HOST = (
        "domain_on_other_host", "critical", "libvirt has a guest that Nova has on another host."
    )  # fmt: skip
    DOMAIN_FOREIGN = "domain_foreign", "info", "libvirt runs a guest that Nova never knew."
    DOMAIN_MISSING = "domain_missing", "critical", "Nova has an instance on a host whose libvirt doesn't have it."
    DOMAIN_NOT_RUNNING = (
        "domain_not_running",
        "critical",
        "Nova has an instance as active or paused, and its guest is off.",
    )
    DOMAIN_PAUSED = "domain_paused", "critical", "Nova has an instance as active, and its guest is paused."
    DOMAIN_RUNNING = (
        "domain_running", "warning", "Nova has an instance as stopped, suspended or in error, and its guest runs."
    )  # fmt: skip
    DOMAIN_DIFFERS = "domain_differs", "warning", "A guest has other vCPUs or memory than its flavor says."
    LEFTOVER_DIRECTORY = "leftover_directory", "warning", "A folder that no instance on this host uses."
    LEFTOVER_VOLUME = "leftover_volume", "warning", "A logical volume that no instance on this host uses."
    LEFTOVER_IMAGE = (
        "leftover_image", "warning",
        "An image in Nova's pool of Ceph belongs to an instance that this cloud doesn't have.",
    )  # fmt: skip
    SECRET_MISSING = (
        "secret_missing", "critical",
        "A guest's disk, nova.conf or cinder.conf names a libvirt secret that isn't there.",
    )  # fmt: skip
    LIMIT_LOST = "limit_lost", "warning", "A port should be limited, and the kernel limits nothing."
    LIMIT_DIFFERS = "limit_differs", "warning", "A port's limit differs from the rules."
    UNKNOWN = (
        "unknown", "warning", "Something couldn't be looked at; it isn't taken for empty, nor is anything judged by it."
    )  # fmt: skip
