# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter limits_preview_page: what limits_preview tells, as one HTML page."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._page.page import draw
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos import preview

_TEMPLATE = Path(preview.__file__).with_name("preview.html")
_PARTS = ("totals", "rules", "unlimited", "changes", "unknown", "ports")


def limits_preview_page(told: t.Mapping[str, t.Any], taken: object = "") -> str:
    try:
        shown = {part: told[part] for part in _PARTS}
    except (KeyError, TypeError):
        raise AnsibleFilterError("limits_preview_page takes what the filter limits_preview returned.") from None
    return draw(_TEMPLATE.read_text(encoding="utf-8"), preview=shown, taken=str(taken))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"limits_preview_page": limits_preview_page}
