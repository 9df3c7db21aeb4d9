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

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment import given
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.look import NotRecognised
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf import apply
from ansible_collections.openstack_ops.day2.plugins.modules import preflight_host

Ask = t.Callable[..., "list[str]"]
THERE = "sh"
GONE = "/nonexistent/tc"
LISTS = ("programs", "bindings", "services", "files", "configured", "restarted")


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

    def run(**options: t.Any) -> list[str]:
        params = {**{key: [] for key in LISTS}, "recognise": False, "deployment": None, **options}
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


def _host(**services: dict[str, str]) -> dict[str, t.Any]:
    named = {name.replace("_", "-"): one for name, one in services.items()}
    return {"deployer": "packages", "owner": "somebody", "lasts": "It stays.", "services": named}


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ({"nova_api": {"write": "/", "unit": "nova-api"}}, []),
        ({}, ["There is no nova-api on this host,"]),
        (
            {"nova_api": {}},
            [
                "An option of nova-api can't be set on this host: it belongs to somebody. It stays.",
                "Nothing on this host could make nova-api read its configuration: neither systemd nor",
            ],
        ),
        (
            {"nova_api": {"write": "/no/nova.conf", "unit": "nova-apis"}},
            ["There is no /no/nova.conf on this host;", "This host has no service 'nova-apis';"],
        ),
    ],
    ids=["all is there", "another host", "nothing is known", "neither is there"],
)
def test_who_reads_an_option_is_told_by_the_deployment(
    ask: Ask, host: dict[str, dict[str, str]], told: list[str]
) -> None:
    lacks = ask(configured=["nova-api"], restarted=["nova-api"], deployment=_host(**host))
    assert [one[: len(start)] for one, start in zip(lacks, told, strict=True)] == told


def test_a_deployment_that_is_not_recognised_is_missing_once(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(_run: object) -> t.NoReturn:
        raise NotRecognised("Nothing on this host tells which deployer made it.")

    monkeypatch.setattr(given, "look", look)
    both = {"configured": ["nova-compute"], "restarted": ["nova-compute"]}
    assert ask(**both) == ["Nothing on this host tells which deployer made it."]
    assert ask(**both, deployment={"deployer": "kola"})[0].startswith("day2_deployment.deployer is 'kola'; give kolla")


def test_the_host_is_not_asked_where_nothing_needs_it(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given, "look", pytest.fail)
    assert ask(services=["nova-api"]) == []


@pytest.mark.parametrize(
    ("error", "told"), [(NotRecognised("none"), []), (OperatorError("two"), ["two"])], ids=["no OpenStack", "several"]
)
def test_a_host_without_openstack_may_be_asked_who_made_it(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, error: Exception, told: list[str]
) -> None:
    def look(_run: object) -> t.NoReturn:
        raise error

    monkeypatch.setattr(given, "look", look)
    assert ask(recognise=True) == told
