# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts for Prometheus ask for metrics that something here writes, and say what each is about."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import metrics
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit import export
from ansible_collections.openstack_ops.day2.roles.mysql_backup.files.mysql_backup.report import METRICS

ROOT = Path(__file__).resolve().parents[3]
GROUPS: list[dict[str, t.Any]] = yaml.safe_load((ROOT / "extensions/monitoring/alerts.yml").read_text())["groups"]
RULES: list[dict[str, t.Any]] = [rule for group in GROUPS for rule in group["rules"]]
#: node_exporter's own, for each file of its textfile collector.
OTHERS = {"node_textfile_mtime_seconds"}


@pytest.fixture(scope="module")
def written() -> set[str]:
    """The names that the audit, the backups, the logs and the limits write."""
    nothing: dict[str, t.Any] = {
        "cloud": "",
        "region": "",
        "taken": "2026-11-29T12:00:00Z",
        "findings": [],
        "nodes": [],
        "room": {"flavors": [], "computes": []},
    }
    names = set(re.findall(r"^# TYPE (\S+)", export.metrics(nothing), re.MULTILINE))
    names |= {f"mysql_backup_{name}" for name, *_rest in METRICS}
    program = (ROOT / "roles/central_logs/files/central_logs.py").read_text()
    for name in re.findall(r'numbers\[f?"([^"]+)"\]', program):
        names |= {f"central_logs_{name.replace('{what}', what)}" for what in ("certificate", "ca")}
    limits = metrics.render(metrics.Settings("/d", "c"), metrics.Found([]))
    names |= set(re.findall(r"^# TYPE (\S+)", limits, re.MULTILINE))
    return names


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_each_asks_for_what_is_written(rule: dict[str, t.Any], written: set[str]) -> None:
    asked = set(
        re.findall(
            r"\b(?:openstack_ops|mysql_backup|central_logs|instance_qos|node)_[a-z_]+\b(?![^{]*prom)", rule["expr"]
        )
    )
    if pattern := re.search(r'__name__=~"([^"]+)"', rule["expr"]):
        asked = {name for name in written if re.fullmatch(pattern.group(1), name)}
        assert len(asked) == 2
    assert asked
    assert asked <= written | OTHERS
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description"}


def test_each_source_has_an_alert_for_its_silence() -> None:
    for group in GROUPS:
        assert any("time() -" in rule["expr"] for rule in group["rules"]), group["name"]


DASHBOARD: dict[str, t.Any] = json.loads((ROOT / "extensions/monitoring/instance_qos.json").read_text())
PANELS: list[dict[str, t.Any]] = DASHBOARD["panels"]
#: What Grafana takes the place of, and labels that limits have.
VARIABLES = {"datasource", "compute", "project", "__range", "__rate_interval"}
LABELS = {"compute", "project", "instance_uuid", "port", "device", "direction", "reason", "what"}


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_each_panel_asks_for_what_is_written(panel: dict[str, t.Any], written: set[str]) -> None:
    for target in panel["targets"]:
        expr = target["expr"]
        asked = set(re.findall(r"\binstance_qos_[a-z_]+\b", expr))
        assert asked
        assert asked <= written
        assert set(re.findall(r"\$\{?(\w+)", json.dumps(panel))) <= VARIABLES
        assert set(re.findall(r"(\w+)=~?\"", expr)) <= LABELS
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= LABELS
        for left, right in ("()", "{}", "[]"):
            assert expr.count(left) == expr.count(right)


def test_panels_have_their_own_ids_and_places() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _y in cells) < 24
    assert {one["name"] for one in DASHBOARD["templating"]["list"]} == {"datasource", "compute", "project"}
