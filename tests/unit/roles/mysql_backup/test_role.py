# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role makes of its variables: argument_specs let numbers pass as texts and lists as one text, as -e and surveys give them."""

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


def trusted(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: trusted(one) for key, one in value.items()}
    return trust_as_template(value) if isinstance(value, str) else value


def templar(**given: t.Any) -> Templar:
    variables = {
        **trusted(read_yaml("roles/mysql_backup/defaults/main.yml")),
        **trusted(read_yaml("roles/mysql_backup/vars/main.yml")),
        "inventory_hostname_short": "db1",
        **given,
    }
    return Templar(loader=DataLoader(), variables=variables)


def role(name: str, **given: t.Any) -> t.Any:
    return templar(**given).template(trust_as_template("{{ " + name + " }}"))


def objections(**given: t.Any) -> list[str]:
    """What the role says of its options."""
    (checks,) = (
        one["openstack_ops.day2.preflight"]["checks"]
        for one in read_yaml("roles/mysql_backup/tasks/main.yml")
        if "checks" in one.get("openstack_ops.day2.preflight", ())
    )
    values = templar(**given)
    broken = [one["otherwise"] for one in checks if not values.template(trust_as_template(one["holds"]))]
    return [values.template(trust_as_template(one)) for one in broken]


@pytest.mark.parametrize(
    ("given", "stands"),
    [
        ({"mysql_backup_exclude": "test_nova, x,"}, {"exclude": ["test_nova", "x"]}),
        ({"mysql_backup_exclude": "test_nova"}, {"exclude": ["test_nova"]}),
        ({"mysql_backup_databases": ["a,b", 5]}, {"databases": ["a,b", "5"]}),
        ({"mysql_backup_databases": ""}, {"databases": []}),
        ({"mysql_backup_copy_options": "--bwlimit=1000"}, {"copy_options": ["--bwlimit=1000"]}),
        ({"mysql_backup_level": "3", "mysql_backup_nice": " 5 "}, {"level": 3, "nice": 5}),
        ({"mysql_backup_timeout": "60"}, {"timeout": 60}),
        (
            {"mysql_backup_binlog_schedule": "*/5 * * * *", "mysql_backup_binlog_days": "3"},
            {"binlogs": True, "binlog_days": 3},
        ),
        ({}, {"binlogs": False}),
        ({"mysql_backup_retention": {"days": "7", "count": None}}, {"retention": {"days": 7, "count": 0}}),
    ],
)
def test_settings_have_the_types_that_the_program_wants(given: dict[str, t.Any], stands: dict[str, t.Any]) -> None:
    settings = role("__mysql_backup_settings", **given)
    assert {name: settings[name] for name in stands} == stands
    assert all(type(settings[name]) is type(stands[name]) for name in stands)


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({}, []),
        ({"mysql_backup_restore_databases": ""}, []),
        ({"mysql_backup_restore_databases": []}, []),
        ({"mysql_backup_restore_databases": "nova, glance"}, ["--database=nova", "--database=glance"]),
        ({"mysql_backup_restore_databases": ["a,b", "--force", "a\nb"]}, ["--database=a,b", "--database=--force", "--database=a\nb"]),
        ({"mysql_backup_restore_databases": ","}, ["--database=", "--database="]),  # which no backup has; it isn't all of them
        ({"mysql_backup_restore_safety": "no", "mysql_backup_restore_accounts": "yes"}, ["--accounts", "--no-safety"]),
    ],
)  # fmt: skip
def test_a_restore_is_asked_for_what_was_named(given: dict[str, t.Any], options: list[str]) -> None:
    assert role("__mysql_backup_restore", **given)["options"] == options


@pytest.mark.parametrize("file", ["restore.yml", "verify.yml"])
def test_the_name_of_a_backup_is_no_option(file: str) -> None:
    commands = re.findall(
        r'argv: "\{\{ (\[__mysql_backup_program, .*)', (ROOT / "roles/mysql_backup/tasks" / file).read_text()
    )
    assert commands
    assert all("['--', " in one.partition("--identity")[2] or "['--', " in one for one in commands)


def test_a_value_of_the_option_file_begins_no_line() -> None:
    text = (ROOT / "roles/mysql_backup/templates/client.cnf.j2").read_text()
    client = {"user": "x", "password": 'a"b\\c\n[client-admin]\nuser=y\r'}
    made = templar(mysql_backup_client=client, ansible_managed="-", mysql_backup_create_account="false").template(
        trust_as_template(text),
        escape_backslashes=False,  # as ansible.builtin.template does
    )
    assert 'password="a\\"b\\\\c\\n[client-admin]\\nuser=y\\r"' in made.splitlines()
    assert "!include" not in made


@pytest.mark.parametrize(
    ("pattern", "fine", "wrong"),
    [
        (
            "__mysql_backup_client_pattern",
            ["user", "password", "ssl-ca", "ssl_verify_server_cert", "protocol"],
            ["pasword", "user\n", "user=x\npassword", "init-command", "!include /x", ""],
        ),
        (
            "__mysql_backup_path_pattern",
            ["/srv/a b", "/var/lib/backups/mysql", "/srv/.hidden", "/srv/a..b", "/srv/é"],
            ["srv", "", "/srv/..", "/srv/../etc", "/srv/./x", "/srv\n", "/srv\nx", "~/x"],
        ),
    ],
)  # fmt: skip
def test_what_is_handed_to_others_is_judged_first(pattern: str, fine: list[str], wrong: list[str]) -> None:
    found = role(pattern).strip()
    assert [one for one in fine if not re.match(found, one)] == []
    assert [one for one in wrong if re.match(found, one)] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, []),
        ({"mysql_backup_schedule": "", "mysql_backup_verify_schedule": "0 5 * * 1-5"}, []),
        ({"mysql_backup_level": "19", "mysql_backup_nice": "0", "mysql_backup_client": {"user": "x"}}, []),
        ({"mysql_backup_schedule": "0 22-5 * * *"}, ["has 22-5, which cron ignores"]),
        ({"mysql_backup_verify_schedule": "50-10 2 1-31 * *"}, ["has 50-10, which cron ignores"]),
        ({"mysql_backup_schedule": "2am"}, ["mysql_backup_schedule is '2am', which cron ignores"]),
        ({"mysql_backup_binlog_schedule": "*/5 * * * *"}, []),
        ({"mysql_backup_binlog_days": "-1"}, ["give days, or 0 to keep logs"]),
        ({"mysql_backup_binlog_schedule": "often"}, ["mysql_backup_binlog_schedule is 'often', which cron ignores"]),
        (
            {"mysql_backup_binlog_schedule": "* * * * *", "mysql_backup_client": {"compress": ""}},
            ["has compress, which mariadb-binlog"],
        ),
        ({"mysql_backup_name": "db1\n"}, ["it may have letters"]),
        ({"mysql_backup_level": "10", "mysql_backup_compression": "gzip"}, ["gzip has 1 to 9"]),
        ({"mysql_backup_level": 0}, ["zstd has 1 to 19"]),
        ({"mysql_backup_nice": -1}, ["give 0 to 19"]),
        ({"mysql_backup_timeout": "-5"}, ["every run would be stopped at once"]),
        ({"mysql_backup_directory": "backups"}, ["take the path of a folder from / on"]),
        ({"mysql_backup_copy_to": "/var/lib/backups/mysql/copy/"}, ["is inside mysql_backup_directory"]),
        ({"mysql_backup_retention": {"days": "-1"}}, ["is below 0"]),
        ({"mysql_backup_admin_client": {"pasword": "x"}}, ["have pasword, which isn't how to log in"]),
        ({"mysql_backup_create_account": "yes", "mysql_backup_client": {"user": "x"}}, ["can't name a user"]),
    ],
)
def test_what_the_types_of_options_cannot_say_is_judged(given: dict[str, t.Any], said: list[str]) -> None:
    told = objections(**given)
    assert len(told) == len(said), told
    assert all(part in text for part, text in zip(said, told, strict=True))


@pytest.mark.parametrize("option", [name for name in CHECKS if name.startswith("mysql_backup_")])
def test_the_preflight_refuses_what_the_role_refuses(option: str) -> None:
    for value in (-1, 0, 1, 9, 19, 20, 10**9):
        assert bool(refused(option, option, value)) == bool(objections(**{option: value})), value
