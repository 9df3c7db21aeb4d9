# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cinder.conf tells computes about its RBD backends. Pure."""

from __future__ import annotations

from .ini import Sections, same_section

_OPTIONS = ("rbd_user", "rbd_secret_uuid", "rbd_pool")


def rbd_backends(sections: Sections) -> dict[str, dict[str, str]]:
    """The enabled RBD backends by name, each with rbd_user, rbd_secret_uuid and rbd_pool; empty where an option isn't set."""
    names = [name.strip() for name in sections.get("DEFAULT", {}).get("enabled_backends", "").split(",")]
    return {
        name: {option: sections[same_section(name)].get(option, "") for option in _OPTIONS}
        for name in names
        if "rbd" in sections.get(same_section(name), {}).get("volume_driver", "").lower()
    }
