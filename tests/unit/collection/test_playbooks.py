# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook reads no variable that somebody's inventory may have for another purpose."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from jinja2 import Environment
from jinja2.meta import find_undeclared_variables

from tests.places import ROOT
from tests.unit.collection.playbook import entries_of, options_of, options_of_entry, roles_of
from tests.unit.collection.tree import playbooks, read_yaml

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19

    def trust_as_template(value: str) -> str:
        return value


if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Ansible's own, and what the inventory plugin nova_computes gives each host.
GIVEN = {
    "ansible_check_mode", "ansible_limit", "ansible_play_batch", "ansible_play_hosts", "ansible_play_hosts_all", "ansible_playbook_python",
    "ansible_verbosity", "dict", "groups", "hostvars", "instance_ports",
    "inventory_hostname", "item", "lookup", "omit",
}  # fmt: skip
# Keys whose values are expressions without braces.
BARE = {"when", "that", "failed_when", "changed_when"}
# What one playbook hands on to another in AWX.
HANDED_ON = {"reserve_disk": {"compute_audit_reservations"}}

every_playbook = pytest.mark.parametrize("playbook", playbooks())
# Those of AWX have no hosts.
every_day2_playbook = pytest.mark.parametrize("playbook", [name for name in playbooks() if not name.startswith("awx_")])


def _templates(value: object, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _templates(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _templates(inner, key)
    elif isinstance(value, str):
        yield f"{{{{ {value} }}}}" if key in BARE and "{{" not in value else value


def _filters_away(template: str) -> str:
    """Without collection filters, whose names Jinja2 doesn't know."""
    return re.sub(r"\|\s*[a-z_]+(\.[a-z0-9_]+)+", "| default", template)


def _set_inside(plays: object) -> set[str]:
    """Variables that the playbook sets itself: vars, register."""
    found: set[str] = set()
    if isinstance(plays, dict):
        found |= {name for name in plays.get("vars", {}) if name.startswith("__")}
        if "register" in plays:
            found.add(plays["register"])
        for inner in plays.values():
            found |= _set_inside(inner)
    elif isinstance(plays, list):
        for inner in plays:
            found |= _set_inside(inner)
    return found


class Jinja(Environment):
    """Knows every filter and test, since only names of variables matter here."""

    def __init__(self) -> None:
        super().__init__()
        source = "".join((ROOT / f"playbooks/{name}.yml").read_text() for name in playbooks())
        for name in re.findall(r"\|\s*([a-z_0-9]+)", source):
            self.filters.setdefault(name, str)
        for name in re.findall(r"\bis (?:not )?([a-z_0-9]+)", source):
            self.tests.setdefault(name, callable)


def _read(playbook: str) -> set[str]:
    """Every variable that the playbook reads and doesn't set."""
    plays = read_yaml(f"playbooks/{playbook}.yml")
    jinja = Jinja()
    names: set[str] = set()
    for template in _templates(plays):
        names |= find_undeclared_variables(jinja.parse(_filters_away(template)))
    return names - _set_inside(plays) - GIVEN


@every_playbook
def test_its_own_variables_carry_its_name_and_the_others_are_options_of_its_roles(playbook: str) -> None:
    known = set(options_of(playbook)) | HANDED_ON.get(playbook, set())
    results = tuple(f"{role}_" for role in roles_of(playbook))
    wrong = {
        name
        for name in _read(playbook) - known
        if not name.startswith(f"{playbook}_")
        and not (name.startswith(results) and name.endswith(("_result", "_proof")))
    }
    assert wrong == set(), f"Call them {playbook}_NAME, or use the options of its roles."


@every_playbook
def test_its_head_tells_of_every_variable_of_its_own(playbook: str) -> None:
    text = (ROOT / f"playbooks/{playbook}.yml").read_text()
    head = text[: text.index("\n- name:")]
    told = set(re.findall(rf"\b{playbook}_[a-z0-9_]+", head))
    told |= {f"{name.rpartition('_')[0]}{end}" for name in told for end in re.findall(r"(?<=[ ,])(_[a-z_]+)", head)}
    own = {name for name in _read(playbook) if name.startswith(f"{playbook}_")}
    mirrored = {name.replace("_outbound_", "_inbound_") for name in own} if "_outbound_*" in head else own
    assert mirrored - told == set()


def _preflight(playbook: str) -> list[dict[str, t.Any]]:
    first = read_yaml(f"playbooks/{playbook}.yml")[0]
    assert first["hosts"] == "all:localhost", "With another pattern --limit would skip it."
    assert all(task["run_once"] and task["tags"] == "always" for task in first["tasks"])
    return [task["openstack_ops.day2.preflight"] for task in first["tasks"]]


@every_day2_playbook
def test_it_begins_with_the_preflight_which_knows_its_variables_and_roles(playbook: str) -> None:
    checks = _preflight(playbook)
    own = {name for name in _read(playbook) if name.startswith(f"{playbook}_")}
    for check in checks:
        assert check["playbook"] == playbook
        assert set(check["variables"]) == own
        assert set(check.get("roles", [])) >= roles_of(playbook)


#: Keys of Ceph clients come from the cluster or from a vault.
ONE_OF_SEVERAL = {"ceph_openstack_admin_host", "ceph_openstack_keys"}


@every_day2_playbook
def test_the_preflight_asks_for_what_the_roles_require(playbook: str) -> None:
    required = {
        name
        for role, entry, given in entries_of(playbook)
        for name, option in options_of_entry(role, entry).items()
        if option.get("required") and name not in given
    }
    (check,) = _preflight(playbook)
    asked = {name for names in check.get("required", []) for name in names.split(" or ")}
    assert required <= asked
    # A role may also require one of several, which its specs can't say; those it says are optional.
    assert asked - required <= ONE_OF_SEVERAL & set(options_of(playbook))


#: Read only, or look at every host themselves: run_drill before it chooses what to break, and the role of the limits before it asks
#: those that differ.
ASKS_NO_HOST_FIRST = {
    "adopt_ceph", "audit_computes", "check_passwords", "limit_instances", "preview_limits", "remove_limits", "report", "run_drill", "show_disks",
    "show_limits", "show_pools", "verify_ceph",
}  # fmt: skip


def _asked(play: dict[str, t.Any]) -> bool:
    """Whether a play asks its hosts for what is needed, in its own tasks or in a role's."""
    return any(
        "openstack_ops.day2.preflight_host" in task
        or task.get("ansible.builtin.import_role", {}).get("tasks_from") == "needs"
        for task in play.get("tasks", [])
    )


@pytest.mark.parametrize(
    "playbook", [name for name in playbooks() if any(play.get("become") for play in read_yaml(f"playbooks/{name}.yml"))]
)
def test_hosts_are_asked_for_what_is_needed_before_the_first_is_changed(playbook: str) -> None:
    plays = [play for play in read_yaml(f"playbooks/{playbook}.yml")[1:] if play.get("become")]
    if playbook in ASKS_NO_HOST_FIRST:
        assert not any(map(_asked, plays))
        return
    changing = [number for number, play in enumerate(plays) if not _asked(play) or len(play["tasks"]) > 1]
    before = [play for play in plays[: changing[0] + 1] if _asked(play)]
    for number in changing:
        # Whoever stops for one host that isn't reached stops here, too.
        fatal = plays[number].get("any_errors_fatal", False)
        assert any(
            play["hosts"] == plays[number]["hosts"] and play.get("any_errors_fatal", False) >= fatal for play in before
        )
    assert not any("serial" in play for play in before), "One batch would be changed before the next is asked."


def test_the_role_of_the_limits_asks_the_computes_that_differ() -> None:
    first, *_rest = read_yaml("roles/instance_qos/tasks/limit.yml")
    assert first["ansible.builtin.import_tasks"] == "needs.yml"


@every_day2_playbook
def test_what_it_hands_on_has_public_names(playbook: str) -> None:
    """AWX shows them as artifacts, and gives them to the next job of a workflow."""
    text = (ROOT / f"docs/docsite/rst/playbook_{playbook}.rst").read_text()
    handed = re.findall(r"``(\w+)``", text.partition("by ``set_stats``: ")[2])
    assert [name for name in handed if name.startswith("_")] == []


@pytest.mark.parametrize("needs", sorted(ROOT.glob("roles/*/tasks/needs.yml")), ids=lambda path: path.parts[-3])
def test_what_a_role_needs_is_asked_once_and_told_in_one_error(needs: Path) -> None:
    ask, end = read_yaml(str(needs.relative_to(ROOT)))
    assert "openstack_ops.day2.preflight_host" in ask
    assert ask["failed_when"] is False
    assert end["openstack_ops.day2.preflight"] == {"register": ask["register"]}
    assert end["run_once"]


@pytest.mark.parametrize("playbook", ["awx_setup", "awx_remove"])
def test_those_of_awx_begin_with_the_preflight_which_knows_what_can_be_set(playbook: str) -> None:
    (task,) = read_yaml(f"playbooks/{playbook}.yml")[0]["tasks"]
    source = "".join(path.read_text() for path in (ROOT / "awx").glob("*.yml"))
    assert set(task["openstack_ops.day2.preflight"]["variables"]) == set(
        re.findall(r"^(awx_\w+):", source, re.MULTILINE)
    )


@every_day2_playbook
def test_the_preflight_looks_for_the_hosts_of_every_play(playbook: str) -> None:
    plays = read_yaml(f"playbooks/{playbook}.yml")[1:]
    # Together, since --limit may name hosts of one play alone.
    (check,) = _preflight(playbook)
    assert check["group"] == ":".join(dict.fromkeys(play["hosts"] for play in plays))


@pytest.mark.parametrize(
    ("given", "meant"), [("a.yml", "{here}/a.yml"), ("~/a.yml", "{home}/a.yml"), ("/x/a.yml", "/x/a.yml")]
)
def test_a_file_of_passwords_is_looked_for_where_ansible_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, meant: str
) -> None:
    """Whatever PWD says: what starts Ansible without a shell leaves its own there."""
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PWD", "/")
    path = read_yaml("playbooks/check_passwords.yml")[1]["vars"]["__path"]
    found = Templar(loader=DataLoader(), variables={"check_passwords_file": given}).template(trust_as_template(path))
    assert found == meant.format(here=here, home=home)


def test_no_playbook_takes_its_directory_from_the_environment() -> None:
    paths = [*(ROOT / "playbooks").rglob("*.yml"), *(ROOT / "roles").rglob("*.yml")]
    assert [str(path) for path in paths if "'PWD'" in path.read_text()] == []
