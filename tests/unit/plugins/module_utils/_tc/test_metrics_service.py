# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the timer is wanted, and what it takes to have it or to have it gone."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import (
    metrics,
    metrics_files,
    metrics_service,
    restorer_service,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.metrics_service import Actual, MetricsPlan, plan

SETTINGS = metrics.Settings("/srv/textfile", "cmp01")
WANTED = metrics_service.wanted_files("/usr/bin/python3", SETTINGS)
THERE = Actual(contents=WANTED, folder=True, path=SETTINGS.path, written=True, installed=True, running=True)


def test_what_is_as_wanted_needs_nothing() -> None:
    assert not plan(THERE, SETTINGS, WANTED).acts
    assert not plan(Actual(), None, {}).acts


def test_a_new_host_gets_all_of_it() -> None:
    assert plan(Actual(folder=True), SETTINGS, WANTED) == MetricsPlan(write=WANTED, enable=True, start=True)
    assert plan(Actual(), SETTINGS, WANTED).make == "/srv/textfile"


@pytest.mark.parametrize(
    ("there", "enable"),
    [
        (dataclasses.replace(THERE, running=False), True),
        (dataclasses.replace(THERE, folder=False), False),
        (dataclasses.replace(THERE, failing=True), False),
    ],
)
def test_what_stopped_or_failed_is_started(there: Actual, enable: bool) -> None:
    steps = plan(there, SETTINGS, WANTED)
    assert (steps.enable, steps.start) == (enable, True)
    assert steps.write == {}


def test_other_ports_change_the_settings_alone() -> None:
    now = dataclasses.replace(SETTINGS, ports={"fc618310-b936-4247-a5e4-2389a9d8c50e": ("a", "b")})
    steps = plan(THERE, now, metrics_service.wanted_files("/usr/bin/python3", now))
    assert set(steps.write) == {metrics_files.SETTINGS_FILE}
    assert (steps.enable, steps.start) == (False, True)
    assert steps.forget == ""


def test_another_folder_takes_the_file_from_the_old_one() -> None:
    now = dataclasses.replace(SETTINGS, directory="/srv/other")
    steps = plan(THERE, now, metrics_service.wanted_files("/usr/bin/python3", now))
    assert set(steps.write) == {metrics_files.SETTINGS_FILE, metrics_files.SERVICE_FILE}
    assert steps.forget == "/srv/textfile/instance_qos.prom"


def test_removing_takes_the_file_too() -> None:
    assert plan(THERE, None, {}) == MetricsPlan(forget=SETTINGS.path, remove=True)
    assert plan(dataclasses.replace(THERE, written=False), None, {}) == MetricsPlan(remove=True)


@pytest.mark.parametrize("text", ["/var/lib/prometheus/node-exporter", "/srv/a", "/x.d/y@1"])
def test_plain_paths_are_taken(text: str) -> None:
    assert metrics_service.check_directory(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "srv/a",
        "/srv/../etc",
        "/srv/./a",
        "/srv//a",
        "/srv/a/",
        "/srv/a b",
        "/srv/a\nExecStart=/bin/sh",
        "/srv/%n",
        '/srv/"a',
        "/srv/$A",
        "/srv/a\\x20b",
        "/srv/a\n",
    ],
)
def test_what_a_unit_could_read_otherwise_is_refused(text: str) -> None:
    with pytest.raises(OperatorError, match=r"isn't the path of a folder .* give the folder that node_exporter"):
        metrics_service.check_directory(text)


def test_the_unit_may_write_where_the_metrics_go_and_nowhere_else() -> None:
    lines = WANTED[metrics_files.SERVICE_FILE].splitlines()
    assert [
        line for line in lines if line.startswith(("ReadWritePaths", "CapabilityBoundingSet", "ProtectSystem"))
    ] == [
        "CapabilityBoundingSet=CAP_DAC_OVERRIDE",
        "ProtectSystem=strict",
        "ReadWritePaths=-/srv/textfile",
    ]


def test_the_unit_may_do_no_more_than_the_restorers() -> None:
    text = WANTED[metrics_files.SERVICE_FILE]
    assert text.endswith("\n" + restorer_service.CONFINED)
    lines = [line for line in text.splitlines() if "=" in line and not line.startswith("#")]
    assert len({line.partition("=")[0] for line in lines}) == len(lines)
