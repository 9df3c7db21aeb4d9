# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options in other people's files: only what is asked for changes, and read as the services read it."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host.files import Owned
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.ini import edited
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.plan import (
    ActualFile,
    DesiredFile,
    overruled,
    plan,
    secrets_of,
    sections_of,
    shown,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.precedence import ConfigFiles, Start

FILE = """\
# site settings
[DEFAULT]
# enabled_backends = commented
enabled_backends = lvm
debug=True
pci = {"a":
  "b"}

[lvm]
volume_driver: LVM

[database]
connection = mysql://cinder:secret@db/cinder
"""


@pytest.mark.parametrize(
    ("sections", "changed"),
    [
        pytest.param({}, {}, id="nothing wanted"),
        pytest.param({"DEFAULT": {"enabled_backends": "lvm", "debug": "true"}}, {}, id="all is there, True is true"),
        pytest.param(
            {"DEFAULT": {"enabled_backends": "rbd"}},
            {"enabled_backends = lvm": "enabled_backends = rbd"},
            id="another value",
        ),
        pytest.param({"DEFAULT": {"new": "1"}}, {'  "b"}': '  "b"}\nnew = 1'}, id="a new option ends its section"),
        pytest.param({"lvm": {"volume_driver": "X"}}, {"volume_driver: LVM": "volume_driver = X"}, id="written with a colon"),
        pytest.param(
            {"DEFAULT": {"pci": "none"}}, {'pci = {"a":\n  "b"}': "pci = none"}, id="a value of several lines goes as a whole"
        ),
    ],
)  # fmt: skip
def test_only_what_is_asked_for_changes(sections: dict[str, dict[str, str]], changed: dict[str, str]) -> None:
    wanted = FILE
    for old, new in changed.items():
        assert wanted.count(old + "\n") == 1
        wanted = wanted.replace(old + "\n", new + "\n")
    assert edited(FILE, sections) == wanted
    assert edited(wanted, sections) == wanted


def test_a_section_that_is_not_there_comes_last() -> None:
    assert edited(FILE, {"rbd": {"rbd_pool": "volumes"}}) == FILE + "\n[rbd]\nrbd_pool = volumes\n"
    assert edited("", {"rbd": {"rbd_pool": "volumes"}}) == "[rbd]\nrbd_pool = volumes\n"


def test_of_an_option_that_is_there_twice_the_one_that_counts_is_set() -> None:
    text = "[a]\nx = 1\nx = 2\n[b]\nx = 3\n[a]\ny = 4\n"
    assert edited(text, {"a": {"x": "5", "z": "6"}}) == "[a]\nx = 1\nx = 5\n[b]\nx = 3\n[a]\ny = 4\nz = 6\n"


def test_an_empty_section_of_somebody_is_used() -> None:
    assert edited("[rbd]\n\n[lvm]\na = 1\n", {"rbd": {"b": "2"}}) == "[rbd]\nb = 2\n\n[lvm]\na = 1\n"


def test_ends_of_lines_stay_as_they_are() -> None:
    text = "[a]\r\nx = 1\r\n[b]\ny = 2"
    assert edited(text, {"a": {"x": "1"}}) == text
    assert edited(text, {"b": {"z": "3"}}) == "[a]\r\nx = 1\r\n[b]\ny = 2\nz = 3\n"


OURS = Owned("root", "root", 0o644)


def test_services_are_restarted_where_their_file_changed_and_where_a_killed_run_has_not() -> None:
    desired = [
        DesiredFile("/a.conf", {"x": {"y": "1"}}, None, ("one", "both")),
        DesiredFile("/b.conf", {"x": {"y": "1"}}, OURS, ("two", "both")),
        DesiredFile("/c.conf", {"x": {"y": "1"}}, None, ("three",)),
    ]
    right = ActualFile("[x]\ny = 1\n", OURS)
    made = plan(
        desired, {"/a.conf": ActualFile("[x]\n", OURS), "/b.conf": right, "/c.conf": right}, {"three", "elsewhere"}
    )
    assert made.steps == [
        "set y in x of /a.conf",
        "restart one",
        "restart both",
        "restart three, which a killed run didn't restart",
    ]
    assert plan(desired, dict.fromkeys(("/a.conf", "/b.conf", "/c.conf"), right), set()).steps == []


def test_a_file_that_is_made_where_it_is_not_there_keeps_what_others_put_into_it() -> None:
    desired = DesiredFile("/b.conf", {"x": {"y": "1"}}, OURS)
    assert plan([desired], {"/b.conf": ActualFile(None)}, ()).steps == ["write /b.conf"]
    assert plan([desired], {"/b.conf": ActualFile("[x]\ny = 1\nz = 2\n", OURS)}, ()).steps == []
    assert desired.text("[x]\nz = 2\n") == "[x]\nz = 2\ny = 1\n"


CONF = "/etc/cinder/cinder.conf"
SNIPPET = "/etc/cinder/cinder.conf.d/a.conf"


def test_a_file_beside_it_may_say_the_same_and_nothing_else_where_the_start_is_unknown() -> None:
    desired = DesiredFile(CONF, {"DEFAULT": {"debug": "true"}})
    text = {CONF: desired.text("")}
    assert overruled(desired, ConfigFiles(text, {SNIPPET: "[DEFAULT]\ndebug = True\n[x]\ndebug = 1\n"}), None) == ""
    assert "a.conf also sets debug in section DEFAULT" in overruled(
        desired, ConfigFiles(text, {SNIPPET: "[DEFAULT]\ndebug = no\n"}), None
    )


@pytest.mark.parametrize("ours", [CONF, SNIPPET])
@pytest.mark.parametrize("start", Start)
def test_only_the_file_with_the_last_word_overrules(ours: str, start: Start) -> None:
    desired = DesiredFile(ours, {"DEFAULT": {"debug": "true"}})
    files = ConfigFiles(
        *({path: "[DEFAULT]\ndebug = " + ("true" if path == ours else "no")} for path in (CONF, SNIPPET))
    )
    last = CONF if start is Start.NAMED else SNIPPET
    found = overruled(desired, files, start)
    assert found == "" if last == ours else found.startswith(f"{last} also sets debug in section DEFAULT")


def test_diffs_show_no_more_than_what_is_asked_for() -> None:
    desired = DesiredFile(CONF, {"DEFAULT": {"enabled_backends": "rbd"}, "rbd": {"rbd_pool": "volumes"}})
    assert shown(desired, FILE, desired.text(FILE)) == (
        "[DEFAULT]\nenabled_backends = lvm\n",
        "[DEFAULT]\nenabled_backends = rbd\n[rbd]\nrbd_pool = volumes\n",
    )


@pytest.mark.parametrize(
    "option",
    ["connection", "transport_url", "admin_password", "metadata_proxy_shared_secret", "memcache_secret_key", "key", "auth_token"],
)  # fmt: skip
def test_diffs_and_errors_hide_secrets(option: str) -> None:
    desired = DesiredFile(CONF, {"database": {option: "n3w"}})
    before, after = shown(desired, f"[database]\n{option} = 0ld\n", f"[database]\n{option} = n3w\n")
    assert (before, after) == (f"[database]\n{option} = (hidden)\n", f"[database]\n{option} = (hidden, changed)\n")
    assert shown(desired, desired.text(""), desired.text("")) == (before, before)
    assert secrets_of([desired]) == {"n3w"}
    files = ConfigFiles({CONF: desired.text("")}, {SNIPPET: f"[database]\n{option} = 0ld\n"})
    found = overruled(desired, files, None)
    assert option in found
    assert not [value for value in ("n3w", "0ld") if value in found]


def test_diffs_hide_addresses_with_passwords_and_show_what_only_sounds_secret() -> None:
    sections = {"a": {"backend": "redis://me:n3w@host", "rbd_secret_uuid": "6f1d1a36", "monkey": "b", "keyring": "c"}}
    desired = DesiredFile(CONF, sections)
    _before, after = shown(desired, "", desired.text(""))
    assert after == "[a]\nbackend = (hidden, changed)\nrbd_secret_uuid = 6f1d1a36\nmonkey = b\nkeyring = c\n"


def test_a_section_in_two_spellings_is_refused() -> None:
    with pytest.raises(OperatorError, match="section libvirt is given twice"):
        sections_of("/x", {"Libvirt": {}, "libvirt": {}})


def test_values_become_text() -> None:
    assert sections_of("/x", {"a": {"b": True, "c": 3, "d": 0.5, "e": ""}}) == {
        "a": {"b": "true", "c": "3", "d": "0.5", "e": ""}
    }


def test_a_file_of_ones_own_loses_what_is_not_wanted_any_more() -> None:
    desired = DesiredFile(
        "/etc/nova/nova.conf.d/x.conf", {"notifications": {"a": "1"}}, services=("nova-compute",), only=True
    )
    there = "# from an older version\n[notifications]\na = 1\nb = 2\n"
    planned = plan([desired], {desired.path: ActualFile(there)}, ())
    assert planned.steps == ["drop b in notifications of /etc/nova/nova.conf.d/x.conf", "restart nova-compute"]
    assert desired.text(there) == "[notifications]\na = 1\n"
    same = there.replace("b = 2\n", "")
    assert plan([desired], {desired.path: ActualFile(same)}, ()).steps == []
