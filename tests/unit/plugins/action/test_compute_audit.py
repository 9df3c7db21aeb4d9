# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an audit writes its reports. What it finds is tested beside what finds it."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._openstack.fake_cloud import FakeCloud

if t.TYPE_CHECKING:
    from .conftest import RunAction

NAME = "openstack_ops.day2.compute_audit"
KINDS = ("json", "html", "csv", "metrics")


@pytest.mark.parametrize("bad", KINDS)
def test_nothing_is_written_where_one_report_has_no_folder(tmp_path: Path, run_action: RunAction, bad: str) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    with FakeCloud() as cloud:
        args = {
            "cloud": "fake",
            "clouds_yaml_path": cloud.clouds_yaml(tmp_path),
            "hosts": [],
            "since": "2026-11-30T02:00:00Z",
            **{kind: str(folder / kind) for kind in KINDS},
        }
        made = run_action(NAME, args, task_vars={"hostvars": {}})
        assert (made["changed"], sorted(one.name for one in folder.iterdir())) == (True, sorted(KINDS))
        assert json.loads((folder / "json").read_text())["summary"] == made["summary"]
        for one in folder.iterdir():
            one.unlink()
        cloud.asked.clear()
        with pytest.raises(AnsibleActionFail, match=f"There is no folder .*/absent for the report {bad}"):
            run_action(NAME, {**args, bad: str(folder / "absent" / bad)}, task_vars={"hostvars": {}})
        assert (list(folder.iterdir()), cloud.asked) == ([], [])
        os.mkfifo(folder / bad)
        with pytest.raises(AnsibleActionFail, match=f"{bad} isn't a regular file"):
            run_action(NAME, args, task_vars={"hostvars": {}})
        assert ([one.name for one in folder.iterdir()], cloud.asked) == ([bad], [])


def test_it_tells_how_far_it_is(tmp_path: Path, run_action: RunAction, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeCloud() as cloud:
        args = {"cloud": "fake", "clouds_yaml_path": cloud.clouds_yaml(tmp_path), "hosts": ["cmp01"]}
        hosts = {"cmp01": {"compute": {"host": "cmp01"}}}
        made = run_action(NAME, {**args, "since": "2026-11-30T02:00:00Z"}, task_vars={"hostvars": hosts})
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["[audit] 0 of 1 hosts answered", "[audit] reading Placement's resource providers"]
    assert said[-1] == f"[audit] comparing 8 servers; {made['requests']} requests were needed"
