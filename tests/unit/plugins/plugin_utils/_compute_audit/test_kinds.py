# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema, the guide and the page know the kinds of findings that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit import report
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.kinds import Kind
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.model import SEVERITIES
from tests.places import ROOT


def test_every_kind_has_a_severity_and_one_sentence() -> None:
    for kind in Kind:
        assert kind.severity in SEVERITIES
        assert kind.meaning.endswith(".")


def test_the_schema_has_the_same_kinds() -> None:
    schema = json.loads((ROOT / "docs/audit-report-1.json").read_text())
    told = schema["$defs"]["finding"]["properties"]["kind"]
    assert told["enum"] == [kind.value for kind in Kind]
    assert told["description"] == "; ".join(f"{kind.value}: {kind.meaning.rstrip('.')}" for kind in Kind) + "."


def test_the_guide_s_table_has_the_same_kinds() -> None:
    guide = (ROOT / "docs/docsite/rst/guide_audit.rst").read_text()
    rows = re.findall(r"   \* - ``(\w+)``\n     - (\w+)\n     - (.+)\n", guide)
    assert rows == [(kind.value, kind.severity, kind.meaning) for kind in Kind]


def test_the_page_explains_the_kinds() -> None:
    template = Path(report.__file__).with_name("page.html").read_text()
    page = report.page(template, {})
    inside = page.split('<script type="application/json" id="kinds">')[1].split("</script>")[0]
    assert json.loads(inside) == {kind.value: kind.meaning for kind in Kind}
