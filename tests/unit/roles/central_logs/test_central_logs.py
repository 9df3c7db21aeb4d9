# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What writes and looks after central logs: lines whole or not at all, certificates before they expire, nothing dropped unseen."""

from __future__ import annotations

import base64
import errno
import json
import os
import time
import typing as t
from pathlib import Path

import pytest

from roles.central_logs.files import central_logs as program

NOW = 1_780_000_000.0
DAY = 86400


# --------------------------------------------------------------------- store
@pytest.mark.parametrize(
    ("message", "name", "line"),
    [
        (b"node1/nova-compute a line\n", "node1/nova-compute.log", b"a line\n"),
        (b"node1/x  two blanks\n", "node1/x.log", b" two blanks\n"),
        (b"../etc one\n", "_/_.log", b"../etc one\n"),
        (b"node1/../x one\n", "_/_.log", b"node1/../x one\n"),
        (b"node1/.hidden one\n", "_/_.log", b"node1/.hidden one\n"),
        (b"a/b/c one\n", "_/_.log", b"a/b/c one\n"),
        (b"no-blank\n", "_/_.log", b"no-blank\n"),
        (b"node1/" + b"x" * 300 + b" one\n", "_/_.log", b"node1/" + b"x" * 300 + b" one\n"),
    ],
)
def test_each_line_lands_inside_the_folder(tmp_path: Path, message: bytes, name: str, line: bytes) -> None:
    store = program.Store(str(tmp_path))
    store.write(message)
    store.write(message)
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert found == [tmp_path / name]
    assert found[0].read_bytes() == line * 2


def test_a_line_that_the_disk_does_not_take_leaves_nothing_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = program.Store(str(tmp_path))
    store.write(b"h/s first\n")
    write = os.write
    room = [3]

    def little(handle: int, data: t.Any) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write(handle, data[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(os, "write", little)
    for _attempt in range(2):
        with pytest.raises(OSError, match="No space left"):
            store.write(b"h/s second\n")
    assert (tmp_path / "h/s.log").read_bytes() == b"first\n"
    room[0] = 100
    store.write(b"h/s second\n")
    assert (tmp_path / "h/s.log").read_bytes() == b"first\nsecond\n"


def test_a_renamed_file_is_made_anew_when_it_is_told(tmp_path: Path) -> None:
    store = program.Store(str(tmp_path))
    store.write(b"h/s one\n")
    (tmp_path / "h/s.log").rename(tmp_path / "h/s.log.1")
    store.close()
    store.write(b"h/s two\n")
    assert (tmp_path / "h/s.log").read_bytes() == b"two\n"


# -------------------------------------------------------------- certificates
def _der(tag: int, value: bytes) -> bytes:
    size = bytes([len(value)]) if len(value) < 128 else b"\x82" + len(value).to_bytes(2, "big")
    return bytes([tag]) + size + value


def _pem(begin: bytes, end: bytes, tag: int = 0x17, version: bytes = b"\xa0\x03\x02\x01\x02") -> str:
    dates = _der(0x30, _der(tag, begin) + _der(tag, end))
    body = version + _der(0x02, b"\x01") + _der(0x30, b"") + _der(0x30, b"x" * 200) + dates + _der(0x30, b"")
    text = base64.encodebytes(_der(0x30, _der(0x30, body) + _der(0x30, b""))).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"


def _until(path: Path, seconds: float, begin: bytes = b"200101000000Z") -> str:
    path.write_text(_pem(begin, time.strftime("%y%m%d%H%M%SZ", time.gmtime(seconds)).encode()))
    return str(path)


def test_the_first_certificate_to_expire_counts(tmp_path: Path) -> None:
    path = tmp_path / "chain.pem"
    path.write_text(_pem(b"200101000000Z", b"300102030405Z") + _pem(b"20200101000000Z", b"20290102030405Z", 0x18, b""))
    assert program.valid_until(str(path), NOW) == 1862017445


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.pem").write_text(text)
    with pytest.raises(program.Failure, match=r"holds no certificate|can't be read"):
        program.valid_until(str(tmp_path / "x.pem"), NOW)


def test_one_that_is_not_valid_yet_is_said(tmp_path: Path) -> None:
    with pytest.raises(program.Failure, match="isn't valid before 2045"):
        program.valid_until(_until(tmp_path / "x.pem", NOW + DAY, b"450101000000Z"), NOW)


# --------------------------------------------------------------------- watch
OURS = "central-logs-node.service"
REFUSAL = "omrelp[x:1]: authentication error, peer is 'y' - DISABLING action"


def entry(number: int, unit: str | None, message: str | list[int]) -> str:
    """A line of journalctl's JSON."""
    fields = {"__CURSOR": f"i={number}", "MESSAGE": message, **({"_SYSTEMD_UNIT": unit} if unit else {})}
    return json.dumps(fields) + "\n"


class Host:
    """systemd and the journal, as far as they are asked."""

    def __init__(self, folder: Path, part: str, days: float) -> None:
        self.state = "active"
        #: Unit and message of what rsyslog has said, ours and the system's own, in the order of the journal.
        self.said: list[tuple[str | None, str | list[int]]] = [(OURS, "omrelp[x:1]: suspended")]
        self.deaf = False
        self.now = NOW - 60
        self.runs: list[tuple[str, ...]] = []
        self.spool = folder
        certificates = {name: _until(folder / f"{name}.pem", NOW + days * DAY) for name in ("ca", "certificate")}
        self.settings = program.Settings(
            part,
            "central-logs-" + part,
            certificates,
            "key",
            str(folder),
            "",
            directory=str(folder),
            server="x",
            port=1,
        )

    def __call__(self, *words: str) -> tuple[int, str]:
        self.runs.append(words)
        assert words[0] != "systemctl" or words[2:] == ("--", self.settings.unit)
        if words[1] == "is-active":
            return (0 if self.active else 3), self.state + "\n"
        if words[1] in ("stop", "start"):
            self.state = "active" if words[1] == "start" else "inactive"
        if words[0] == "journalctl":
            return (1, "") if self.deaf else (0, self.journal(words))
        return 0, ""

    def journal(self, words: tuple[str, ...]) -> str:
        """As journalctl prints it: a field that an entry doesn't have isn't there."""
        assert words[1:5] == ("--quiet", "--all", "--output=json", "--output-fields=MESSAGE,_SYSTEMD_UNIT")
        assert words[6:] == (f"_SYSTEMD_UNIT={self.settings.unit}.service", "+", "SYSLOG_IDENTIFIER=rsyslogd", "_UID=0")
        option, _equals, place = words[5].partition("=")
        assert option == ("--after-cursor" if place else "--boot")
        after = int(place.removeprefix("i=")) if place else 0
        return "".join(entry(number, *said) for number, said in enumerate(self.said, 1) if number > after)

    def refuse(self) -> None:
        """rsyslog switches its sending off."""
        self.said.append((OURS, REFUSAL))

    @property
    def active(self) -> bool:
        return self.state == "active"

    def look(self) -> tuple[dict[str, float], list[str]]:
        """A minute after the last one, as watch() does it."""
        self.now += 60
        watching = program.Watch(self.settings, self, self.now)
        found = watching.look()
        (self.spool / "status.json").write_text(json.dumps({"looked": watching.looked}))
        return found


@pytest.mark.parametrize("part", ["server", "node"])
def test_it_is_told_weeks_before_and_stopped_just_before(tmp_path: Path, part: str) -> None:
    host = Host(tmp_path, part, 31)
    numbers, told = host.look()
    assert (numbers["certificate_seconds_left"], told) == (31 * DAY, [])
    host = Host(tmp_path, part, 29)
    assert ["expires in 29 days" in one for one in host.look()[1]] == [True, True]
    assert host.active
    host = Host(tmp_path, part, 0.001)
    numbers, told = host.look()
    assert (numbers["active"], host.active) == (0, False)
    assert f"central-logs-{part} is stopped, because the ca in" in told[-1]


def test_after_the_renewal_it_starts_by_itself_and_only_then(tmp_path: Path) -> None:
    host = Host(tmp_path, "server", 0.001)
    host.look()
    host.look()
    assert not host.active
    for name in ("ca", "certificate"):
        _until(tmp_path / f"{name}.pem", NOW + 365 * DAY)
    assert host.look()[0]["active"] == 1
    host.state = "inactive"  # somebody stops it
    assert host.look()[0]["active"] == 0


def test_what_rsyslog_dropped_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, "node", 300)
    answer = [""]
    monkeypatch.setattr(program, "mismatch", lambda _settings: answer[0])
    (tmp_path / "journal").write_text("place 1")
    (tmp_path / "forward.qi").write_text("+iQueueSize:2:1:0:\n")
    host.look()
    (tmp_path / "journal").write_text("place 2")
    (tmp_path / "forward.qi").write_text("+iQueueSize:2:2:17:\n")
    numbers, _told = host.look()
    assert numbers["queue_lines"] == 17
    (tmp_path / "journal").write_text("place 3")
    (tmp_path / "forward.00000001").write_text("lines")
    host.refuse()
    answer[0] = "the certificate of x isn't accepted"
    numbers, told = host.look()
    assert (host.active, (tmp_path / "journal").read_text()) == (False, "place 1")
    assert not list(tmp_path.glob("forward.*"))
    assert "is stopped, because the certificate of x isn't accepted" in told[-1]
    host.look()
    assert not host.active
    answer[0] = ""
    host.look()
    assert host.active


def test_lines_of_files_stay_in_the_queue_for_nowhere_else_are_they(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "mismatch", lambda _settings: "the certificate of x isn't accepted")
    host = Host(tmp_path, "node", 300)
    host.settings = host.settings._replace(files=["/var/log/kolla/*/*.log"])
    (tmp_path / "journal.good").write_text("place 1")
    (tmp_path / "journal").write_text("place 3")
    (tmp_path / "forward.00000001").write_text("lines")
    host.refuse()
    host.look()
    assert (host.active, (tmp_path / "journal").read_text()) == (False, "place 1")
    assert (tmp_path / "forward.00000001").read_text() == "lines"


def test_a_queue_that_cannot_be_read_is_not_taken_for_empty(tmp_path: Path) -> None:
    host = Host(tmp_path, "node", 300)
    (tmp_path / "journal").write_text("place 1")
    (tmp_path / "forward.qi").write_text("<torn")
    numbers, _told = host.look()
    host.look()
    assert "queue_lines" not in numbers
    assert not (tmp_path / "journal.good").exists()


def test_a_refusal_that_is_over_costs_nothing_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "mismatch", lambda _settings: "")
    host = Host(tmp_path, "node", 300)
    (tmp_path / "journal.good").write_text("place 1")
    (tmp_path / "journal").write_text("place 3")
    host.refuse()
    host.look()
    assert (host.active, (tmp_path / "journal").read_text()) == (True, "place 1")


@pytest.mark.parametrize("state", ["active", "activating", "inactive"])
def test_a_refusal_before_a_restart_is_seen_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """The role restarts rsyslog when its server's name changes, which may be before anybody has looked."""
    monkeypatch.setattr(program, "mismatch", lambda _settings: "")
    host = Host(tmp_path, "node", 300)
    host.look()
    (tmp_path / "journal.good").write_text("place 1")
    (tmp_path / "journal").write_text("place 3")
    host.refuse()
    host.state = state
    host.look()
    assert (tmp_path / "journal").read_text() == "place 1"
    assert host.active is (state != "inactive")  # what somebody has stopped isn't started
    # Once: the next look doesn't read again what has been sent since.
    (tmp_path / "journal").write_text("place 4")
    host.look()
    assert (tmp_path / "journal").read_text() == "place 4"


def test_a_journal_that_does_not_answer_proves_nothing(tmp_path: Path) -> None:
    host = Host(tmp_path, "node", 300)
    (tmp_path / "journal").write_text("place 1")
    host.deaf = True
    host.look()
    host.look()
    assert not (tmp_path / "journal.good").exists()
    assert host.active
    host.deaf = False
    host.look()
    host.look()
    assert (tmp_path / "journal.good").read_text() == "place 1"


def test_a_refusal_while_the_journal_did_not_answer_is_seen_when_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "mismatch", lambda _settings: "")
    host = Host(tmp_path, "node", 300)
    host.look()
    (tmp_path / "journal.good").write_text("place 1")
    (tmp_path / "journal").write_text("place 3")
    host.refuse()
    host.deaf = True
    host.look()
    host.look()
    assert (tmp_path / "journal").read_text() == "place 3"
    host.deaf = False
    host.look()
    assert (tmp_path / "journal").read_text() == "place 1"


def test_what_others_say_of_their_servers_is_no_refusal(tmp_path: Path) -> None:
    host = Host(tmp_path, "node", 300)
    (tmp_path / "journal.good").write_text("place 1")
    (tmp_path / "journal").write_text("place 3")
    host.said += [("rsyslog.service", REFUSAL), (OURS, '{"__CURSOR": "i=0"}'), (OURS, "omrelp[x:1]: suspended")]
    host.look()
    assert (tmp_path / "journal").read_text() == "place 3"
    for _look in range(2):  # nothing is new, so the place stays
        host.look()
    asked = [words[5] for words in host.runs if words[0] == "journalctl"]
    assert asked == ["--boot", "--after-cursor=i=4", "--after-cursor=i=4"]


@pytest.mark.parametrize(
    "said",
    [
        (
            OURS,
            "omrelp[before:2]: authentication error - DISABLING action",
        ),  # of a server that the role has replaced since
        (None, REFUSAL),  # its process was gone when journald looked
        (OURS, list(REFUSAL.replace("'y'", "'\xff'").encode("latin-1"))),  # as journalctl writes what isn't UTF-8
    ],
)
def test_a_refusal_is_known_by_its_unit_whatever_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: tuple[str | None, str | list[int]]
) -> None:
    monkeypatch.setattr(program, "mismatch", lambda _settings: "")
    host = Host(tmp_path, "node", 300)
    (tmp_path / "journal.good").write_text("place 1")
    (tmp_path / "journal").write_text("place 3")
    host.said.append(said)
    host.look()
    assert (tmp_path / "journal").read_text() == "place 1"


def test_a_place_of_before_a_refusal_is_none_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """rsyslog may have dropped lines between the look at the journal and that at its queue, which is empty then."""
    monkeypatch.setattr(program, "mismatch", lambda _settings: "")
    host = Host(tmp_path, "node", 300)
    (tmp_path / "journal.good").write_text("place 1")
    (tmp_path / "journal.candidate").write_text("place 3")
    (tmp_path / "journal").write_text("place 4")
    host.refuse()
    host.look()
    host.look()
    assert (tmp_path / "journal.good").read_text() == "place 1"


def test_rsyslog_begins_where_it_was_started_first(tmp_path: Path) -> None:
    """What its server refuses in the first minute is read again, too."""
    host = Host(tmp_path, "node", 300)
    program.begin_here(host.settings, lambda *_words: (1, ""))
    program.begin_here(host.settings, lambda *_words: (0, ""))
    assert not list(tmp_path.glob("journal*"))
    program.begin_here(host.settings, lambda *_words: (0, "no JSON"))
    assert not list(tmp_path.glob("journal*"))
    program.begin_here(host.settings, lambda *_words: (0, entry(7, None, "the last line")))
    assert [path.read_text() for path in sorted(tmp_path.glob("journal*"))] == ["i=7", "i=7"]
    program.begin_here(host.settings, lambda *_words: (0, entry(9, None, "another one")))
    assert (tmp_path / "journal").read_text() == "i=7"


def test_metrics_in_another_accounts_folder_go_through_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Debian the folder of node_exporter is the account prometheus's, and root writes into it each minute."""
    shadow, folder = tmp_path / "shadow", tmp_path / "node-exporter"
    shadow.write_text("root:*:1::::::\n")
    shadow.chmod(0o640)
    folder.mkdir()
    for name in ("central_logs_node.prom", "central_logs_node.prom.new"):
        (folder / name).symlink_to(shadow)
    host = Host(tmp_path, "node", 300)
    host.settings = host.settings._replace(metrics=str(folder))
    monkeypatch.setattr(program, "settings", lambda _path: host.settings)
    monkeypatch.setattr(program, "run", host)
    assert program.watch("node.json") == 0
    assert (shadow.read_text(), shadow.stat().st_mode & 0o777) == ("root:*:1::::::\n", 0o640)
    written = folder / "central_logs_node.prom"
    assert not written.is_symlink()
    assert (written.stat().st_mode & 0o777, "central_logs_active" in written.read_text()) == (0o644, True)


def test_metrics_are_node_exporters() -> None:
    assert program.metrics("node", {"active": 1.0, "queue_lines": 17.0}).splitlines() == [
        "# TYPE central_logs_active gauge",
        'central_logs_active{part="node"} 1',
        "# TYPE central_logs_queue_lines gauge",
        'central_logs_queue_lines{part="node"} 17',
    ]


def test_the_journal_gets_what_is_new(tmp_path: Path) -> None:
    status = tmp_path / "status.json"
    assert program.news(str(status), ["a", "b"]) == ["a", "b"]
    status.write_text('{"told": ["a"]}')
    assert program.news(str(status), ["a", "b"]) == ["b"]
    status.write_text("[")
    assert program.news(str(status), ["a"]) == ["a"]


def test_one_that_has_expired_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["certificate", _until(tmp_path / "x.pem", time.time() + DAY)]) == 0
    assert program.main(["certificate", _until(tmp_path / "x.pem", time.time() - DAY)]) == 1
    assert "central-logs: It expired on 20" in capsys.readouterr().err
