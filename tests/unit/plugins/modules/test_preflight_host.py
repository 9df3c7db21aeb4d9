# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host lacks is told with what brings it, and of alternatives one is enough."""

from __future__ import annotations

import os
import typing as t
from types import SimpleNamespace

import pytest
from ansible.module_utils.common.process import get_bin_path

from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf import apply
from ansible_collections.openstack_ops.day2.plugins.modules import preflight_host

Ask = t.Callable[..., "list[str]"]
THERE = "sh"
GONE = "/nonexistent/tc"


def _find(name: str) -> str | None:
    """AnsibleModule's own."""
    try:
        return str(get_bin_path(name))
    except ValueError:
        return None


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """What the module misses, as root, on a host whose one service is nova-api."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(apply, "manager_of", lambda name, _run: "systemd" if name == "nova-api" else "")

    def run(**options: list[str]) -> list[str]:
        params = {"programs": [], "bindings": [], "services": [], "files": [], **options}
        outcome = preflight_host.job(t.cast("t.Any", SimpleNamespace(params=params, get_bin_path=_find)))
        assert not outcome.changed
        assert outcome.failures == outcome.result["missing"]
        return list(outcome.failures)

    return run


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"programs": [THERE, f"{GONE} or {THERE}", ""]},
        {"services": ["nova-api", "nova-scheduler or nova-api", ""]},
        {"files": ["/"]},
    ],
)
def test_nothing_is_missing(ask: Ask, options: dict[str, list[str]]) -> None:
    assert ask(**options) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"programs": [GONE]}, f"{GONE} isn't installed on this host; install iproute2."),
        (
            {"programs": ["/no/mysql or /no/mariadb"]},
            "/no/mysql isn't installed on this host; install the package that brings it. "
            "Or: /no/mariadb isn't installed on this host; install mariadb-client.",
        ),
        ({"services": ["nova-compute"]}, "This host has no service 'nova-compute'; `systemctl list-units '*nova*'` tells what there is."),
        (
            {"services": ["cinder-volume or cinder-backup"]},
            "This host has no service 'cinder-volume' or 'cinder-backup'; `systemctl list-units '*cinder*'` tells what there is.",
        ),
        ({"files": ["/no/nova.conf"]}, "There is no /no/nova.conf on this host; install the service that reads it first."),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_with_what_brings_it(ask: Ask, options: dict[str, list[str]], told: str) -> None:
    assert ask(**options) == [told]


def test_a_program_of_root_is_found_by_an_account_whose_path_lacks_its_folder(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert ask(programs=["ldconfig"]) == []


def test_a_missing_binding_names_its_package(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "libvirt", None)
    (told,) = ask(bindings=["libvirt"])
    assert told.startswith("This host's Python has no libvirt binding; install python3-libvirt (a node with")


def test_whoever_is_not_root_is_told_who_it_is(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4294967294)
    (told,) = ask()
    assert told == "Modules run as 4294967294 on this host, not as root; check ansible_become and ansible_become_user."
