# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role refuses because the programs that it configures would ignore it."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.checks import CHECKS, refused
from tests.places import ROOT
from tests.unit.collection.tree import read_yaml

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19

    def trust_as_template(value: str) -> str:
        return value


def templar_of(**given: t.Any) -> Templar:
    """With the role's defaults and variables, and what is given."""
    variables = {
        name: trust_as_template(value) if isinstance(value, str) else value
        for source in ("defaults", "vars")
        for name, value in read_yaml(f"roles/central_logs/{source}/main.yml").items()
    }
    return Templar(loader=DataLoader(), variables={**variables, "inventory_hostname": "h", **given})


def templated(name: str, **given: t.Any) -> t.Any:
    return templar_of(**given).template(trust_as_template("{{ " + name + " }}"))


def objections(**given: t.Any) -> list[str]:
    """What the role says of its options, without those that have no default."""
    templar = templar_of(**given)
    (checks,) = (
        task["openstack_ops.day2.preflight"]["checks"]
        for task in read_yaml("roles/central_logs/tasks/main.yml")
        if "checks" in task.get("openstack_ops.day2.preflight", ())
    )
    return [
        templar.template(trust_as_template(one["otherwise"]))
        for one in checks
        if any(name in one["holds"] for name in given) and not templar.template(trust_as_template(one["holds"]))
    ]


@pytest.mark.parametrize("size", ["1G", "500M", "1k", "1000000", 1000000])
def test_sizes_that_logrotate_takes(size: t.Any) -> None:
    assert objections(central_logs_rotate_size=size) == []


@pytest.mark.parametrize("size", ["1g", "1GB", "1.5G", "1 G", "-1G", "1T", "", "0"])
def test_sizes_for_which_logrotate_would_pass_by_all_logs(size: str) -> None:
    (said,) = objections(central_logs_rotate_size=size)
    assert f"central_logs_rotate_size is '{size}', for which logrotate would pass by all logs" in said


def test_a_window_that_librelp_would_ignore() -> None:
    (said,) = objections(central_logs_window=1)
    assert "central_logs_window 2 or more (of 1, librelp makes 128)" in said


def test_units_and_paths_are_no_options_of_the_commands_that_get_them() -> None:
    said = [(ROOT / "roles/central_logs" / name).read_text() for name in ("vars/main.yml", "templates/logrotate.j2")]
    commands = [found for text in said for found in re.findall(r"systemctl .*?(?:\"[$]1\"|[{][{])", text)]
    assert len(commands) == 2
    assert all(" -- " in command for command in commands)


@pytest.mark.parametrize(("state", "of_one"), [("absent", {}), ("present", {"state": "absent"})])
def test_a_services_file_is_removed_by_who_writes_it(state: str, of_one: dict[str, str]) -> None:
    """By descriptor, with the restart noted: service_conf, not a module that goes by the file's name."""
    (task,) = read_yaml("roles/central_logs/tasks/services.yml")
    assert task["openstack_ops.day2.service_conf"] == {"files": "{{ __central_logs_files }}"}
    (found,) = templated(
        "__central_logs_files",
        central_logs_state=state,
        central_logs_services=[{"project": "nova", "units": ["nova-compute"], **of_one}],
    )
    assert found == {
        "path": "/etc/nova/nova.conf.d/central-logs.conf",
        "state": "absent",
        "create": True,
        "only": True,
        "services": ["nova-compute"],
        "sections": {},
    }


@pytest.mark.parametrize(("part", "asked"), [("node", ["nova-compute"]), ("server", [])])
def test_hosts_are_asked_for_the_services_that_log_there(part: str, asked: list[str]) -> None:
    ask, _end = read_yaml("roles/central_logs/tasks/needs.yml")
    services = [{"project": "nova", "units": ["nova-compute"]}]
    templar = templar_of(central_logs_part=part, central_logs_services=services)
    templar.available_variables = {
        **templar.available_variables,
        **{name: trust_as_template(value) for name, value in ask["vars"].items()},
    }
    text = ask["openstack_ops.day2.preflight_host"]["services"]
    assert templar.template(trust_as_template(text)) == asked


KOLLA = {"deployer": "kolla-ansible", "logs": ["/var/log/kolla/*/*.log"]}
NUMBERS = (-1, 0, 1, 2, 999, 1000, 1024, 1025, 65535, 65536, 10**9 - 1, 10**9)


@pytest.mark.parametrize("option", [name for name in CHECKS if name.startswith("central_logs_")])
def test_the_preflight_refuses_what_the_role_refuses(option: str) -> None:
    sizes = ("1G", "500M", "0", "1g", "1.5G", "")
    for value in sizes if option == "central_logs_rotate_size" else NUMBERS:
        assert bool(refused(option, option, value)) == bool(objections(**{option: value})), value


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({}, []),
        ({"day2_deployment": KOLLA}, KOLLA["logs"]),
        ({"__day2_host": {"deployment": KOLLA}}, KOLLA["logs"]),
        ({"__day2_host": {"deployment": None}, "__central_logs_host": {"deployment": KOLLA}}, KOLLA["logs"]),
        ({"__day2_host": {"deployment": None}, "__central_logs_host": {"deployment": None}}, []),
        ({"__day2_host": {"deployment": KOLLA}, "__central_logs_host": {"skipped": True}}, KOLLA["logs"]),
        ({"day2_deployment": {"deployer": "packages"}}, []),
        ({"day2_deployment": None, "__central_logs_host": {"deployment": KOLLA}}, KOLLA["logs"]),
        ({"day2_deployment": {}, "__central_logs_host": {"deployment": KOLLA}}, KOLLA["logs"]),
        ({"day2_deployment": KOLLA, "central_logs_files": []}, []),
        ({"day2_deployment": KOLLA, "central_logs_files": ["/x"]}, ["/x"]),
        ({"day2_deployment": KOLLA, "central_logs_part": "server"}, []),
        ({"central_logs_part": "server", "central_logs_files": ["/x"]}, []),
    ],
)
def test_files_that_nobody_named_are_those_of_the_deployer(given: dict[str, t.Any], read: list[str]) -> None:
    assert templated("__central_logs_read", **given) == read


@pytest.mark.parametrize("told", [{}, {"logs": None}])
def test_logs_that_the_inventory_leaves_out_are_not_none(told: dict[str, None]) -> None:
    host = {"central_logs_part": "node", "central_logs_server": "log1"}
    left_out = {**host, "day2_deployment": {"deployer": "kolla-ansible", **told}}
    assert [one.partition(",")[0] for one in objections(**left_out)] == ["day2_deployment has no logs"]
    assert objections(**left_out, central_logs_files=[]) == []
    assert objections(**host, day2_deployment=KOLLA) == []
