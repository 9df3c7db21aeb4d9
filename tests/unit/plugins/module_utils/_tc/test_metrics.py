# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What limits counted, as Prometheus reads it."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel.device import Stats
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import metrics, state
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ownership import EXEMPT, LIMITED
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.plan import survey_ports
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import parse_ports
from tests.unit.plugins.module_utils._tc.fake_kernel import FakeKernel
from tests.unit.plugins.module_utils._tc.test_plan import run

PORT = "fc618310-b936-4247-a5e4-2389a9d8c50e"
SERVER, PROJECT = "480cb82d-9bc5-4034-a14d-8799e33aad97", "3e2957cc29844e4aaabb952cef82afcf"
SETTINGS = metrics.Settings("/d", "cmp01", {PORT: (SERVER, PROJECT)})
LIMIT = {"rate": "20mbit", "ceil": "40mbit", "burst": "200mbit"}
DESIRED: dict[str, t.Any] = {"port_id": PORT, "plug": "ovs_hybrid", "egress": LIMIT, "ingress": LIMIT}
SAVED = {PORT: parse_ports([DESIRED], "sfq")[0]}
SAMPLE = re.compile(r"([a-z_]+)\{(.*)\} (\d+(?:\.\d+)?)\Z")


def limited() -> FakeKernel:
    """A hybrid port whose limits have counted something."""
    kernel = FakeKernel(*(f"{prefix}fc618310-b9" for prefix in ("tap", "qvb", "qvo")))
    run(kernel, DESIRED)
    for name, by in (("qvbfc618310-b9", 1), ("tapfc618310-b9", 100)):
        classes = kernel.devices[name].classes
        classes[LIMITED] = dataclasses.replace(classes[LIMITED], stats=Stats(7 * by, 6 * by, 5 * by, 4 * by, 3 * by))
        classes[EXEMPT] = dataclasses.replace(classes[EXEMPT], stats=Stats(2 * by, 1, 0, 0, 0))
    return kernel


def survey(kernel: FakeKernel, saved: t.Mapping[str, t.Any] | None = None) -> metrics.Found:
    return metrics.Found(survey_ports((), SAVED if saved is None else saved, kernel.devices))


def samples(text: str) -> dict[tuple[str, str], float]:
    """{(metric, one of its labels' text): value}, of text that Prometheus would take."""
    found: dict[tuple[str, str], float] = {}
    typed: set[str] = set()
    last = ""
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            last = line.split()[2]
            assert last not in typed, "a metric's lines have to follow each other"
        elif line.startswith("# TYPE "):
            assert line.split()[2:] in ([last, "counter"], [last, "gauge"])
            assert (line.split()[3] == "counter") == last.endswith("_total")
            typed.add(last)
        else:
            match = SAMPLE.match(line)
            assert match, line
            assert match.group(1) == last
            assert last in typed
            assert (last, match.group(2)) not in found
            found[last, match.group(2)] = float(match.group(3))
    return found


def test_each_direction_has_its_counters_and_its_limit() -> None:
    told = samples(metrics.render(SETTINGS, survey(limited())))
    who = f'compute="cmp01",project="{PROJECT}",instance_uuid="{SERVER}",port="{PORT}",device='
    for labels, by in (
        (who + '"qvbfc618310-b9",direction="egress"', 1),
        (who + '"tapfc618310-b9",direction="ingress"', 100),
    ):
        assert {name: value for (name, found), value in told.items() if found == labels} == {
            "instance_qos_bytes_total": 7 * by,
            "instance_qos_packets_total": 6 * by,
            "instance_qos_drops_total": 5 * by,
            "instance_qos_overlimits_total": 4 * by,
            "instance_qos_backlog_bytes": 3 * by,
            "instance_qos_exempt_bytes_total": 2 * by,
            "instance_qos_rate_bits_per_second": 20_000_000,
            "instance_qos_ceil_bits_per_second": 40_000_000,
        }
    of_host = {name: value for (name, labels), value in told.items() if "port=" not in labels and "what=" not in labels}
    assert of_host == {"instance_qos_ports": 1, "instance_qos_damaged_lines": 0, "instance_qos_read_seconds": 0}
    assert told["instance_qos_read_success", 'compute="cmp01",what="kernel"'] == 1
    assert not any(name == "instance_qos_unread" for name, _labels in told)


def test_a_rate_that_is_no_round_number_is_told_exactly() -> None:
    kernel = FakeKernel("tapfc618310-b9")
    run(kernel, {"port_id": PORT, "plug": "ovs", "ingress": {"rate": "1234568bit"}})
    classes = kernel.devices["tapfc618310-b9"].classes
    classes[LIMITED] = dataclasses.replace(classes[LIMITED], stats=Stats(0, 0, 0, 0, 0))
    rates = [
        value
        for (name, _labels), value in samples(metrics.render(SETTINGS, survey(kernel, {}))).items()
        if name.endswith("_rate_bits_per_second")
    ]
    assert rates == [1234568]


def test_what_a_fair_leaf_drops_of_other_flows_counts() -> None:
    kernel = limited()
    leaves = kernel.devices["tapfc618310-b9"].leaves
    leaves[LIMITED] = dataclasses.replace(leaves[LIMITED], drops=7777)
    drops = {
        name: value
        for name, value in samples(metrics.render(SETTINGS, survey(kernel))).items()
        if "drops_total" in name[0]
    }
    assert sorted(drops.values()) == [5, 7777]


@pytest.mark.parametrize(
    ("gone", "reason", "counted"),
    [
        pytest.param(["tapfc618310-b9"], "no_device", ["egress"], id="the instance is off"),
        pytest.param([], "no_limit", [], id="somebody removed it"),
    ],
)
def test_a_saved_limit_that_is_not_there_has_no_counters_and_says_so(
    gone: list[str], reason: str, counted: list[str]
) -> None:
    kernel = limited()
    for name in gone:
        del kernel.devices[name]
    if not gone:
        kernel = FakeKernel(*kernel.devices)
    told = samples(metrics.render(SETTINGS, survey(kernel)))
    directions = {"egress", "ingress"}
    for (name, labels), value in told.items():
        if name == "instance_qos_unread":
            assert f'reason="{reason}"' in labels
            assert f'instance_uuid="{SERVER}"' in labels
            assert value == 1
    unread = {
        one
        for one in directions
        for name, labels in told
        if name == "instance_qos_unread" and f'direction="{one}"' in labels
    }
    assert unread == directions - set(counted)
    assert {
        one
        for one in directions
        for name, labels in told
        if name.endswith("bytes_total") and f'direction="{one}"' in labels
    } == set(counted)


def test_a_port_of_which_only_devices_are_known_has_what_is_known() -> None:
    told = metrics.render(metrics.Settings("/d", "cmp01"), survey(limited(), {}))
    assert 'project="",instance_uuid="",port="fc618310-b9",device="qvbfc618310-b9"' in told
    # The last run of Ansible knew the port, though nothing of it is saved.
    told = metrics.render(SETTINGS, survey(limited(), {}))
    assert f'project="{PROJECT}",instance_uuid="{SERVER}",port="{PORT}",device="qvbfc618310-b9"' in told


@pytest.mark.parametrize(
    "hostile", ['a"} 1\nx{y="', "a\\", 'a\\"', "a\nb", "\ud800\udc80", "\x1b[2J", "\u2028", "a\rb", "\u202e", "{}"]
)
def test_nothing_that_is_in_a_label_ends_it(hostile: str) -> None:
    told = metrics.render(metrics.Settings("/d", hostile, {PORT: (hostile, hostile)}), survey(limited()))
    told.encode()
    plain = metrics.render(metrics.Settings("/d", "x", {PORT: ("x", "x")}), survey(limited()))
    assert [line.partition("{")[0] for line in told.splitlines()] == [
        line.partition("{")[0] for line in plain.splitlines()
    ]
    samples(told)
    values = re.findall(
        r'compute="((?:[^"\\]|\\.)*)",project="((?:[^"\\]|\\.)*)",instance_uuid="((?:[^"\\]|\\.)*)",port="' + PORT, told
    )
    assert len(values) == 16
    assert len({value for row in values for value in row}) == 1


def test_what_cannot_be_read_is_told_and_not_taken_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "limits.jsonl"
    path.mkdir()

    def refuses() -> t.NoReturn:
        raise OSError(errno.EAGAIN, "the kernel's list changed each time while it was read")

    monkeypatch.setattr(metrics, "Kernel", refuses)
    found = metrics.look(str(path))
    assert set(found.unreadable) == {"kernel", "saved"}
    told = samples(metrics.render(SETTINGS, found))
    assert {name for name, _labels in told} == {"instance_qos_read_success", "instance_qos_read_seconds"}
    assert {labels: value for (name, labels), value in told.items() if name == "instance_qos_read_success"} == {
        'compute="cmp01",what="kernel"': 0,
        'compute="cmp01",what="saved"': 0,
    }


def test_damaged_lines_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "limits.jsonl"
    path.write_text(state.render(state.Saved(SAVED)) + "1 00000000 {}\nrubbish\n")
    kernel = limited()

    class Reads:
        def __enter__(self) -> t.Any:
            return self

        def __exit__(self, *_exc: object) -> None:
            pass

        def read(self, _wanted: object, *, stats: bool) -> t.Any:
            assert stats
            return kernel.devices

    monkeypatch.setattr(metrics, "Kernel", Reads)
    told = samples(metrics.render(SETTINGS, metrics.look(str(path))))
    assert told["instance_qos_damaged_lines", 'compute="cmp01"'] == 2
    assert told["instance_qos_ports", 'compute="cmp01"'] == 1


def test_settings_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    assert metrics.load(str(path)) is None
    path.write_text(metrics.encode(SETTINGS))
    assert metrics.load(str(path)) == SETTINGS
    for text in (
        "",
        "[]",
        "{}",
        '{"directory": "/d", "compute": "c", "ports": {"a": ["b"]}}',
        '{"directory": "/d", "compute": "c", "ports": 1}',
        "[" * 10_000,
    ):
        path.write_text(text)
        with pytest.raises(OperatorError, match="doesn't have the settings of metrics; run limit_instances.yml"):
            metrics.load(str(path))


def test_the_file_is_replaced_whole_and_readable_whatever_the_umask(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, directory=str(tmp_path))
    left = tmp_path / f".{metrics.FILE_NAME}.{'0' * 16}"
    left.write_text("half of")
    umask = os.umask(0o077)
    try:
        for _time in range(2):
            metrics.write(settings, survey(limited()))
    finally:
        os.umask(umask)
    assert os.listdir(tmp_path) == [metrics.FILE_NAME]
    assert stat.S_IMODE(os.stat(settings.path).st_mode) == 0o644
    samples(Path(settings.path).read_text())
