# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of several files that set an option, the one counts that counts for the real oslo.config, in both ways of starting a service.

FUZZ=100000 tries more files.
"""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path

import pytest
from oslo_config import cfg

from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.precedence import (
    ConfigFiles,
    Start,
    companions,
    effective,
    setter,
    start_of,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.processes import start_of_services

FILES = int(os.environ.get("FUZZ", "300"))
OPTIONS = [(section, option) for section in ("DEFAULT", "libvirt") for option in ("one", "two")]


def oslo(start: Start) -> dict[tuple[str, str], str | None]:
    """What the real oslo.config makes of the files that nova-compute reads."""
    conf = cfg.ConfigOpts()
    for section, option in OPTIONS:
        conf.register_opt(cfg.StrOpt(option), group=None if section == "DEFAULT" else section)
    own, folders = cfg.find_config_files("nova", "nova-compute"), cfg.find_config_dirs("nova", "nova-compute")
    command = [f"--config-file={path}" for path in own] if start is Start.NAMED else []
    conf(command, default_config_files=own, default_config_dirs=folders)
    return {
        (section, option): conf[option] if section == "DEFAULT" else conf[section][option]
        for section, option in OPTIONS
    }


def _text(pick: random.Random) -> str:
    lines = []
    for _number in range(pick.randrange(4)):
        lines.append(f"[{pick.choice(['DEFAULT', 'libvirt', 'Libvirt'])}]")
        lines += [f"{pick.choice(['one', 'two'])} = {pick.randrange(3)}" for _number in range(pick.randrange(3))]
    return "".join(line + "\n" for line in lines)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of Nova's files."""
    found = tmp_path / "nova"
    for name in ("nova.conf.d", "nova-compute.conf.d"):
        (found / name).mkdir(parents=True)
    monkeypatch.setattr(cfg, "_get_config_dirs", lambda _project: [str(found)])
    return found


def test_a_program_reads_files_of_the_project_and_its_own(folder: Path) -> None:
    for name in ("nova.conf", "nova-compute.conf", "nova-api.conf"):
        (folder / name).touch()
    theirs = (cfg.find_config_files("nova", "nova-compute"), cfg.find_config_dirs("nova", "nova-compute"))
    assert len(theirs[0]) == len(theirs[1]) == 2
    for path in ("nova.conf", "nova.conf.d/x.conf", "nova-compute.conf", "nova-compute.conf.d/x.conf"):
        own, folders = companions(str(folder / path), ["nova-compute"])
        assert (own, folders) == theirs


def test_generated_files_have_the_last_word_as_in_oslo_config(folder: Path) -> None:
    pick, undecided = random.Random(15), 0
    own = [folder / name for name in ("nova.conf", "nova-compute.conf")]
    beside = [folder / name for name in ("nova.conf.d/a.conf", "nova.conf.d/b.conf", "nova-compute.conf.d/a.conf")]
    for _number in range(FILES):
        for path in (*own, *beside):
            path.write_text(_text(pick))
        files = ConfigFiles(*({str(path): path.read_text() for path in paths} for paths in (own, beside)))
        values = {start: oslo(start) for start in Start}
        for (section, option), start in itertools.product(OPTIONS, Start):
            value = values[start][section, option]
            assert effective(files, start).value(section, option) == value
            assert (setter(files, start, section, option) == "") == (value is None)
        for key in OPTIONS:
            plain, named = (values[start][key] for start in Start)
            found = effective(files, None)
            assert found.is_undecided(*key) == (plain != named)
            assert found.value(*key) == (plain if plain == named else None)
            undecided += plain != named
    assert undecided


def test_the_reservation_of_a_service_that_is_started_plainly_and_with_config_file() -> None:
    files = ConfigFiles(
        {"nova.conf": "[DEFAULT]\nreserved_host_disk_mb = 61440\n"},
        {"x.conf": "[DEFAULT]\nreserved_host_disk_mb = 0\n"},
    )
    asked = ("DEFAULT", "reserved_host_disk_mb")
    assert [effective(files, start).value(*asked) for start in (Start.PLAIN, Start.NAMED, None)] == ["0", "61440", None]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["/usr/bin/nova-compute"], Start.PLAIN),
        (["python3", "/usr/bin/nova-compute", "--config-file=/etc/nova/nova.conf"], Start.NAMED),
        (["nova-compute", "--config-file", "/etc/nova/nova.conf"], Start.NAMED),
        (["nova-compute", "--config-file", "a", "--config-dir", "b"], None),
    ],
)
def test_a_command_line_tells_how_a_service_was_started(command: list[str], expected: Start | None) -> None:
    assert start_of(command) is expected


@pytest.mark.parametrize(
    ("commands", "services", "expected"),
    [
        ([["/usr/bin/python3", "/usr/bin/nova-compute", "--config-file", "x"]], ["nova-compute"], Start.NAMED),
        ([["python3", "/bin/nova-compute"]], ["openstack-nova-compute.service"], Start.PLAIN),
        ([["nova-compute"], ["nova-api", "--config-file", "x"]], ["nova-compute", "nova-api"], None),
        ([["nova-compute"], ["nova-compute", "--config-file", "x"]], ["nova-compute"], None),
        ([["tail", "-f", "-n", "9", "nova-compute"]], ["nova-compute"], None),
        ([["nova-compute"]], ["nova-compute", "nova-api"], None),
        ([["nova-compute"]], [], None),
    ],
)
def test_running_processes_tell_how_services_were_started(
    tmp_path: Path, commands: list[list[str]], services: list[str], expected: Start | None
) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "1").mkdir()  # a process that has ended meanwhile
    for number, command in enumerate(commands, 10):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "cmdline").write_text("\0".join(command) + "\0")
    assert start_of_services(services, str(tmp_path)) is expected


def test_the_files_that_are_read_together() -> None:
    assert companions("/etc/nova/nova.conf") == (["/etc/nova/nova.conf"], ["/etc/nova/nova.conf.d"])
    assert companions("/etc/nova/nova-compute.conf") == (
        ["/etc/nova/nova.conf", "/etc/nova/nova-compute.conf"],
        ["/etc/nova/nova.conf.d", "/etc/nova/nova-compute.conf.d"],
    )
    assert companions("/etc/nova/nova.conf.d/x.conf") == (["/etc/nova/nova.conf"], ["/etc/nova/nova.conf.d"])
