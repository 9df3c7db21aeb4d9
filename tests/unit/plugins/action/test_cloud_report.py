# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action cloud_report: where the files go, what is told of files that can't be read, and what can't be meant."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import action_loader, connection_loader
from ansible.template import Templar

NAME = "openstack_ops.day2.cloud_report"
HOSTILE = "</script><script>alert(1)</script>"
FOUND = {"limits": {"limited": 1, "saved": 1, "restorer": HOSTILE}, "unknown": {}}
HOSTVARS: dict[str, dict[str, t.Any]] = {
    "cmp01": {"cloud_report_info": {"found": FOUND}},
    "cmp02": {"cloud_report_info": {"unreachable": True, "msg": "Connection\nrefused"}},
    "db1": {},
}


def run(check: bool = False, **options: t.Any) -> dict[str, t.Any]:
    loader = DataLoader()
    args = {"hosts": list(HOSTVARS), **options}
    context = PlayContext()
    context.check_mode = check
    plugin = action_loader.get(
        NAME,
        task=Task.load({"action": NAME, "args": args, "check_mode": check}),
        connection=connection_loader.get("ansible.builtin.local", PlayContext(), "/dev/null"),
        play_context=context,
        loader=loader,
        templar=Templar(loader=loader),
        shared_loader_obj=None,
    )
    groups = {"nova_computes": ["cmp01", "cmp02"], "mysql": ["db1"]}
    return dict(plugin.run(task_vars={"hostvars": HOSTVARS, "groups": groups}))


def line(result: dict[str, t.Any], name: str) -> str:
    return next(str(one["line"]) for one in result["report"]["sections"] if one["name"] == name)


def test_the_page_and_the_json_hold_the_same_and_are_the_owner_s_alone(tmp_path: Path) -> None:
    result = run(json=str(tmp_path / "r.json"), html=str(tmp_path / "r.html"))
    page = (tmp_path / "r.html").read_text()
    inside = page.split('<script type="application/json" id="report">')[1].split("</script>")[0]
    assert json.loads(inside) == json.loads((tmp_path / "r.json").read_text()) == result["report"]
    assert HOSTILE not in page
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert result["changed"] is False


def test_who_told_nothing_is_named_with_the_reason() -> None:
    result = run()
    assert result["report"]["silent"] == ["cmp02", "db1"]
    rows = next(one["rows"] for one in result["report"]["sections"] if one["name"] == "hosts")
    assert [row["text"] for row in rows] == [
        "didn't answer: Connection refused",
        "didn't answer: not reached, or it failed before (see above)",
    ]
    assert result["text"][0] == result["report"]["verdict"]
    assert result["state"] == "critical"


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    assert run(check=True, json=str(tmp_path / "r.json"))["state"] == "critical"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no {path}: audit_computes writes it"),
        ("", "{path} isn't JSON: audit_computes writes it"),
        ("[" * 100_000, "{path} isn't JSON: audit_computes writes it"),
        ("[1]", "{path} holds no report: audit_computes writes it"),
        ("{}", "{path} isn't a report of audit_computes"),
    ],
    ids=["missing", "empty", "deep", "list", "object"],
)
def test_a_file_that_cannot_be_read_is_told_and_keeps_nothing_else(
    tmp_path: Path, text: str | None, words: str
) -> None:
    path = tmp_path / "audit.json"
    if text is not None:
        path.write_text(text)
    result = run(audit=str(path))
    assert line(result, "audit").startswith(words.format(path=path))
    assert line(result, "ceph").startswith("no report of it was named: verify_ceph writes it")
    assert line(run(audit=str(tmp_path)), "audit") == f"{tmp_path} can't be read: Is a directory"


def test_what_cannot_be_meant_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(AnsibleActionFail, match=r"There is no folder .*/absent for the report r.json"):
        run(html=str(tmp_path / "r.html"), json=str(tmp_path / "absent/r.json"))
    for value in (0, -1, "nan"):
        with pytest.raises(AnsibleActionFail, match="backup_hours is .*; write a number above 0"):
            run(backup_hours=value, html=str(tmp_path / "r.html"))
    assert list(tmp_path.iterdir()) == []


def test_a_report_goes_where_our_own_link_leads_and_never_through_anybody_else_s(tmp_path: Path) -> None:
    ours, shared = tmp_path / "ours", tmp_path / "shared"
    ours.mkdir(0o755)
    shared.mkdir()
    shared.chmod(0o777)
    for folder in (ours, shared):
        (folder / "r.json").symlink_to(tmp_path / f"{folder.name}.json")
    run(json=str(ours / "r.json"))
    assert (ours / "r.json").is_symlink()
    assert (tmp_path / "ours.json").exists()
    with pytest.raises(AnsibleActionFail, match="r.json is a link that another account can change"):
        run(json=str(shared / "r.json"))
    assert not (tmp_path / "shared.json").exists()


def test_a_report_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "r.json").mkdir()
    with pytest.raises(AnsibleActionFail, match=r"/r\.json"):
        run(json=str(tmp_path / "r.json"))
