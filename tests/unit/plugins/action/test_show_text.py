# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines are printed as they are, and nobody else's text can forge one."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleActionFail

from ansible_collections.openstack_ops.day2.plugins.action import show_text

if t.TYPE_CHECKING:
    from .conftest import RunAction

NAME = "openstack_ops.day2.show_text"
TABLE = ["host   limited", 'cmp01       11  "\\" {{ 7 * 7 }}']
#: What a tenant may call a server: clears the screen, forges a line, writes from right to left.
HOSTILE = "a\x1b[2J\nok: [cmp02]\r\x07\u202e\x9bm"


def play(folder: Path, lines: list[str], *words: str, **environment: str) -> str:
    """What a playbook prints that shows lines on two hosts, and then what was registered there on the first."""
    tasks = [
        {"name": "Show", NAME: {"text": "{{ given }}"}, "register": "shown"},
        {"name": "Again", NAME: {"text": "{{ shown.text }}"}, "run_once": True},
    ]
    (folder / "show.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    (folder / "given.yml").write_text(yaml.safe_dump({"given": lines}).replace("- ", "- !unsafe "))
    done = subprocess.run(
        ["ansible-playbook", "-i", "cmp01,cmp02", "-c", "local", "-e", "@given.yml", "show.yml", *words],
        cwd=folder,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def printed(said: str, task: str) -> list[str]:
    return said.partition(f"TASK [{task}]")[2].partition("\n\n")[0].splitlines()[1:]


@pytest.mark.parametrize("words", [(), ("--check", "--diff"), ("-v",)], ids=["a run", "check mode", "-v"])
def test_lines_are_printed_under_their_task_as_they_are_and_once(tmp_path: Path, words: tuple[str, ...]) -> None:
    said = play(tmp_path, TABLE, *words)
    # The results of hosts may be told after the lines of others.
    assert sorted(printed(said, "Show")) == sorted([*TABLE, "ok: [cmp01]", *TABLE, "ok: [cmp02]"])
    assert printed(said, "Again") == [*TABLE, "ok: [cmp01]"]


def test_the_output_of_a_callback_for_programs_stays_theirs(tmp_path: Path) -> None:
    said = json.loads(play(tmp_path, TABLE, ANSIBLE_STDOUT_CALLBACK="ansible.posix.json"))
    assert [host["text"] for task in said["plays"][0]["tasks"] for host in task["hosts"].values()] == [TABLE] * 3


def test_lines_stay_where_hosts_without_a_change_are_hidden(tmp_path: Path) -> None:
    said = play(tmp_path, TABLE, ANSIBLE_DISPLAY_OK_HOSTS="false")
    assert (said.count("ok: ["), [said.count(f"\n{line}\n") for line in TABLE]) == (0, [3, 3])


def test_lines_are_in_the_log(tmp_path: Path) -> None:
    play(tmp_path, TABLE, ANSIBLE_LOG_PATH=str(tmp_path / "log"))
    assert TABLE[1] in (tmp_path / "log").read_text()


def test_somebody_elses_text_forges_no_line_and_moves_no_cursor(
    run_action: RunAction, capsys: pytest.CaptureFixture[str]
) -> None:
    clean = "x\ta?[2J?ok: [cmp02]????m".expandtabs()
    assert run_action(NAME, {"text": ["x\t" + HOSTILE, "y"]})["text"] == [clean, "y"]
    assert capsys.readouterr().out == f"{clean}\ny\n"


def test_what_other_plugins_say_of_their_progress_is_clean_too(
    run_action: RunAction, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show_text, "printable", str)
    assert run_action(NAME, {"text": HOSTILE})["text"] == [HOSTILE]
    assert capsys.readouterr().out == "a?[2J?ok: [cmp02]????m\n"


@pytest.mark.parametrize(
    ("text", "lines"), [("one, with a comma", ["one, with a comma"]), ([1, "b"], ["1", "b"]), ([], [])]
)
def test_a_text_is_one_line(
    run_action: RunAction, capsys: pytest.CaptureFixture[str], text: object, lines: list[str]
) -> None:
    made = run_action(NAME, {"text": text})
    assert (made["text"], made["changed"]) == (lines, False)
    assert capsys.readouterr().out == "".join(f"{line}\n" for line in lines)


def test_nothing_is_printed_of_a_task_with_no_log(run_action: RunAction, capsys: pytest.CaptureFixture[str]) -> None:
    run_action(NAME, {"text": "secret"}, no_log=True)
    assert capsys.readouterr().out == ""


def test_what_isnt_text_is_refused(run_action: RunAction) -> None:
    with pytest.raises(AnsibleActionFail, match="text has .*, which isn't a line; give a list of lines"):
        run_action(NAME, {"text": [{"a": 1}]})


@pytest.mark.parametrize("callback", ["json", "ansible.posix.json", "jsonl", "ansible.posix.jsonl"])
def test_callbacks_for_programs_are_known(
    run_action: RunAction, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, callback: str
) -> None:
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", callback)
    assert run_action(NAME, {"text": "a"})["text"] == ["a"]
    assert capsys.readouterr().out == ""
