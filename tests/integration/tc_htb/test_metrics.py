# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What limits count reaches node_exporter's folder: real traffic, the program as it lies on a host, and a folder of somebody else."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import socket
import subprocess
import sys
import typing as t
from pathlib import Path
from unittest import mock

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import metrics_files
from tests.integration.tc_htb.namespace import OTHER, PORT, Plug, kernel_text, shell, tc_htb
from tests.integration.tc_htb.test_role import RULES, Role
from tests.waiting import until

FOLDER = "/var/lib/prometheus/node-exporter"
FILE = f"{FOLDER}/instance_qos.prom"
KEY = PORT[:11]
SERVER, PROJECT = "480cb82d-9bc5-4034-a14d-8799e33aad97", "3e2957cc29844e4aaabb952cef82afcf"
#: 8 kB a second, and the packet that is taken out of the bucket at once.
LIMIT = {"rate": "64kbit", "ceil": "64kbit", "burst": "2kb"}
WANTED: dict[str, t.Any] = {
    "directory": FOLDER,
    "compute": "cmp01",
    "instances": {PORT: SERVER},
    "projects": {PORT: PROJECT},
}
NOBODY = 65534
_SO_SNDBUFFORCE = 32

#: A systemctl that remembers what was enabled, and starts a service's program.
_SYSTEMCTL = """\
#!/bin/sh
for unit; do :; done
case "$1" in
show)
  [ ! -e /run/enabled-$unit ] || printf 'ActiveState=active\nUnitFileState=enabled\n'
  [ -e /run/failed-$unit ] && echo Result=exit-code || echo Result=success
  ;;
enable) touch /run/enabled-$unit ;;
disable) rm -f /run/enabled-$unit ;;
start)
  rm -f /run/failed-$unit
  $(sed -n 's/^ExecStart=//p' /etc/systemd/system/$unit) || { touch /run/failed-$unit; exit 1; }
  ;;
esac
"""


@pytest.fixture(autouse=True)
def _systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    shell("mkdir -p /run/systemd/system && mount -t tmpfs tmpfs /etc/systemd/system")
    program = tmp_path / "systemctl"
    program.write_text(_SYSTEMCTL)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    yield
    shell("umount /etc/systemd/system; rm -rf /run/systemd /run/enabled-* /run/failed-* /var/lib/prometheus")


def tc_htb_metrics(*, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module's own main() with these options; return what it printed."""
    from ansible.module_utils import basic

    from ansible_collections.openstack_ops.day2.plugins.modules import tc_htb_metrics as module

    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
    printed = io.StringIO()
    with (
        mock.patch.object(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()),
        mock.patch.object(basic, "_ANSIBLE_PROFILE", "legacy", create=True),
        mock.patch.object(sys, "stdout", printed),
        pytest.raises(SystemExit),
    ):
        module.main()
    return json.loads(printed.getvalue())


def again() -> None:
    """What the timer does each minute."""
    shell(f"systemctl start {metrics_files.SERVICE}")


def value(name: str, **labels: str) -> float:
    """The one sample of a metric with these labels."""
    found = [
        float(line.rpartition(" ")[2])
        for line in Path(FILE).read_text().splitlines()
        if line.startswith(f"instance_qos_{name}{{") and all(f'{key}="{one}"' in line for key, one in labels.items())
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def names() -> set[str]:
    return set(re.findall(r"^(\w+)\{", Path(FILE).read_text(), re.MULTILINE))


def flood(device: str, packets: int) -> None:
    """Send this many packets of 1000 bytes of IPv4 out of a device, as fast as it takes them or drops them."""
    frame = b"\x02\0\0\0\0\2" + b"\x02\0\0\0\0\1" + b"\x08\0" + b"\x45" + b"\0" * 985
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, 1 << 24)
        sock.bind((device, 0))
        for _packet in range(packets):
            with contextlib.suppress(OSError):  # ENOBUFS says that the queue has dropped it
                sock.send(frame)


def wait_for(sent: int, **labels: str) -> None:
    """Until all that was sent has come to the limit."""

    def come() -> bool:
        again()
        passed = sum(value(name, **labels) for name in ("packets_total", "drops_total"))
        return passed + value("backlog_bytes", **labels) / 1000 >= sent

    until(f"{sent} packets have come to the limit", come, seen=Path(FILE).read_text)


@pytest.mark.parametrize(
    ("kind", "prefix", "sender", "direction", "other"),
    [
        ("ovs_hybrid", "tap", "tap", "ingress", "egress"),
        ("ovs_hybrid", "qvb", "qvb", "egress", "ingress"),
        ("ovs", "ifb", "vm-", "egress", "ingress"),
    ],
)
def test_traffic_above_the_limit_counts_up(
    plug: Plug, kind: str, prefix: str, sender: str, direction: str, other: str
) -> None:
    plug.hybrid() if kind == "ovs_hybrid" else plug.native()
    tc_htb({"port_id": PORT, "plug": kind, "egress": LIMIT, "ingress": LIMIT})
    assert tc_htb_metrics(**WANTED)["changed"]
    whose = {"port": PORT, "instance_uuid": SERVER, "project": PROJECT, "compute": "cmp01"}
    here = {**whose, "direction": direction, "device": prefix + KEY}
    assert value("drops_total", **here) == 0
    assert value("rate_bits_per_second", **here) == 64000

    # The leaf has room for 127 packets, and 8 a second leave.
    flood(sender + KEY, 1000)
    wait_for(1000, **here)
    dropped = value("drops_total", **here)
    assert dropped > 0
    assert value("overlimits_total", **here) > 0
    assert value("bytes_total", **here) > 0
    assert f"(dropped {dropped:.0f}," in shell(f"tc -s qdisc show dev {prefix}{KEY} | grep -A1 'parent 1:100'")

    flood(sender + KEY, 1000)
    wait_for(2000, **here)
    assert value("drops_total", **here) > dropped
    assert value("drops_total", **whose, direction=other) == 0


def test_check_predicts_it_and_a_second_run_changes_nothing(plug: Plug) -> None:
    plug.hybrid()
    tc_htb({"port_id": PORT, "plug": "ovs_hybrid", "egress": LIMIT, "ingress": LIMIT}, persist=True)
    limits = kernel_text(), shell("cat /var/lib/openstack_ops.day2/tc_htb/limits.jsonl")
    predicted = tc_htb_metrics(**WANTED, check=True)
    assert not os.path.exists(FOLDER)
    done = tc_htb_metrics(**WANTED)
    for key in ("changed", "timer", "path", "diff"):
        assert predicted[key] == done[key]
    assert (done["changed"], done["timer"], done["path"]) == (True, "running", FILE)
    for check in (True, False):
        assert not tc_htb_metrics(**WANTED, check=check)["changed"]

    # Another port, another folder, and what somebody has changed.
    assert tc_htb_metrics(**{**WANTED, "instances": {PORT: SERVER, OTHER: SERVER}})["changed"]
    moved = {**WANTED, "directory": "/var/lib/prometheus/other"}
    assert tc_htb_metrics(**moved)["path"] == "/var/lib/prometheus/other/instance_qos.prom"
    assert os.listdir(FOLDER) == []
    assert os.listdir(moved["directory"]) == ["instance_qos.prom"]
    shell(f"echo >>{metrics_files.SERVICE_FILE}; echo '{{' >{metrics_files.SETTINGS_FILE}; rm /run/enabled-*")
    assert tc_htb_metrics(**moved, check=True)["changed"]
    assert tc_htb_metrics(**moved)["changed"]
    assert not tc_htb_metrics(**moved)["changed"]

    for check in (True, False):
        gone = tc_htb_metrics(state="absent", check=check)
        assert (gone["changed"], gone["timer"], gone["path"]) == (True, "absent", "")
    assert not tc_htb_metrics(state="absent")["changed"]
    assert os.listdir(moved["directory"]) == []
    assert shell("ls /etc/systemd/system") == "openstack-ops-tc-htb.service\n"
    assert shell("ls /var/lib/openstack_ops.day2") == "tc_htb\ntc_restorer\n"
    assert (kernel_text(), shell("cat /var/lib/openstack_ops.day2/tc_htb/limits.jsonl")) == limits


def test_a_limit_that_is_not_there_says_so_instead_of_counting(plug: Plug) -> None:
    plug.hybrid()
    tc_htb({"port_id": PORT, "plug": "ovs_hybrid", "egress": LIMIT, "ingress": LIMIT}, persist=True)
    tc_htb_metrics(**WANTED)
    assert "instance_qos_unread" not in names()
    shell(f"tc qdisc del dev tap{KEY} root")
    again()
    assert value("unread", port=PORT, direction="ingress", reason="no_limit") == 1
    plug.remove("tap" + KEY)
    again()
    assert value("unread", port=PORT, direction="ingress", reason="no_device") == 1
    assert value("rate_bits_per_second", port=PORT, direction="egress") == 64000
    assert value("ports") == 1
    shell("echo rubbish >>/var/lib/openstack_ops.day2/tc_htb/limits.jsonl")
    again()
    assert value("damaged_lines") == 1
    shell("rm /var/lib/openstack_ops.day2/tc_htb/limits.jsonl; mkdir /var/lib/openstack_ops.day2/tc_htb/limits.jsonl")
    again()
    assert (value("read_success", what="saved"), value("read_success", what="kernel")) == (0, 1)
    assert value("rate_bits_per_second", port=PORT, direction="egress") == 64000


@pytest.mark.parametrize(
    "plant",
    [
        pytest.param("ln -s /run/secret {file}", id="a link"),
        pytest.param("mkdir {file}", id="a folder"),
        pytest.param("mkfifo {file}", id="a pipe"),
        pytest.param("rmdir {folder}; ln -s /etc/systemd/system {folder}", id="a link in the folder's place"),
    ],
)
def test_whose_the_folder_is_can_turn_it_nowhere_else(plant: str) -> None:
    shell(f"mkdir -p {FOLDER}; chown -R {NOBODY} /var/lib/prometheus")
    tc_htb_metrics(**WANTED)
    found = os.stat(FILE)
    assert (found.st_uid, found.st_mode & 0o777) == (0, 0o644)
    shell(f"echo secret >/run/secret; rm {FILE}")
    shell(f"setpriv --reuid={NOBODY} --clear-groups -- bash -ec '{plant.format(file=FILE, folder=FOLDER)}'")
    before = shell("cd /etc/systemd/system; ls; cat *; cat /run/secret")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        again()
    assert "/instance_qos.prom" in refused.value.stderr
    assert "Traceback" not in refused.value.stderr
    assert shell("cd /etc/systemd/system; ls; cat *; cat /run/secret") == before
    # Each run says so, also when nothing but that is in the way.
    for _run in range(2):
        failed = tc_htb_metrics(**{**WANTED, "compute": "cmp02"})
        assert failed["failed"]
        assert failed["msg"]
    shell(f"rm -rf {FOLDER}")
    assert tc_htb_metrics(**{**WANTED, "compute": "cmp02"})["changed"]
    assert value("ports", compute="cmp02") == 0


def test_the_role_writes_metrics_and_takes_them_away(plug: Plug, tmp_path: Path) -> None:
    role = Role(tmp_path)
    ports = [f"{number:08x}" + PORT[8:] for number in range(6)]
    for port_id in ports:
        plug.hybrid(port_id)
    # A port that is refused fails the host, and keeps nobody's limits from being counted.
    shell(f"tc qdisc add dev tap{ports[5][:11]} root tbf rate 1mbit burst 10k latency 50ms")
    asked = {"instance_qos_metrics_directory": FOLDER}
    done = role.run(RULES, "--limit", "cmp01", **asked)
    assert done.returncode == 2, done.stdout
    assert "made by hand or by another tool" in done.stdout
    assert value("ports", compute="cmp01") == 5
    for port_id in ports[:5]:
        for direction in ("egress", "ingress"):
            labels = {"port": port_id, "instance_uuid": PORT, "project": PROJECT, "direction": direction}
            assert value("rate_bits_per_second", **labels) == 20_000_000

    # One port's limit is taken away, by somebody who doesn't name the folder: the others go on counting.
    one = role.run(RULES, "--limit", "cmp01", play="remove_limits", instance_qos_only_ports=[ports[3]])
    assert one.returncode == 0, one.stdout
    again()
    assert value("ports", compute="cmp01") == 4

    gone = role.run(RULES, "--limit", "cmp01", play="remove_limits", **asked)
    assert gone.returncode == 0, gone.stdout
    assert os.listdir(FOLDER) == []
    assert not os.path.exists("/var/lib/openstack_ops.day2")
    assert os.listdir("/etc/systemd/system") == []
