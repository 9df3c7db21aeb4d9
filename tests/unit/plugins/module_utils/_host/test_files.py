# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are replaced as a whole, and never where another account has led the path."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import files
from ansible_collections.openstack_ops.day2.plugins.module_utils._host.files import Owned


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def untrusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns the files of these tests is another account."""
    monkeypatch.setattr(files, "_trusted", lambda: (0xFFFF,))


def test_a_file_keeps_owner_and_mode_but_never_set_user_id(tmp_path: Path) -> None:
    path = tmp_path / "nova.conf"
    path.write_text("old")
    path.chmod(0o6740)
    files.replace(str(path), "new\r\n\udcff")
    assert path.read_bytes() == b"new\r\n\xff"
    assert _mode(path) == 0o740
    found = files.read(str(path))
    assert found is not None
    assert found.text == "new\r\n\udcff"
    assert os.listdir(tmp_path) == ["nova.conf"]


def test_owner_and_group_may_be_numbers_and_a_mode_is_never_set_user_id(tmp_path: Path) -> None:
    path = tmp_path / "nova.conf"
    files.replace(str(path), "x", Owned(str(os.geteuid()), str(os.getegid()), 0o6777))
    assert (path.stat().st_uid, path.stat().st_gid, _mode(path)) == (os.geteuid(), os.getegid(), 0o777)
    with pytest.raises(OperatorError, match=r"should belong to the user 'no\.such', which this host doesn't have"):
        files.replace(str(path), "y", Owned("no.such", "root", 0o600))
    assert path.read_text() == "x"


def test_a_new_file_is_private(tmp_path: Path) -> None:
    files.replace(str(tmp_path / "new"), "x")
    assert _mode(tmp_path / "new") == 0o600


def test_a_missing_folder_is_named_with_the_whole_path(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "nova.conf"
    assert files.read(str(path)) is None
    with pytest.raises(FileNotFoundError) as caught:
        files.replace(str(path), "x")
    assert caught.value.filename == str(path)
    files.remove(str(path))


def test_links_of_trusted_accounts_are_followed_and_stay(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "real" / "link").symlink_to(tmp_path / "real" / "file")
    files.replace(str(tmp_path / "folder" / "link"), "x")
    assert (tmp_path / "real" / "file").read_text() == "x"
    assert (tmp_path / "real" / "link").is_symlink()


def test_a_circle_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OperatorError, match="leads through more than 8 links"):
        files.read(str(tmp_path / "a"))


@pytest.mark.usefixtures("untrusted")
@pytest.mark.parametrize("name", ["link", "folder/file"])
def test_links_of_another_account_are_refused(tmp_path: Path, name: str) -> None:
    victim = tmp_path / "real"
    victim.mkdir()
    (victim / "file").write_text("root's")
    (tmp_path / "link").symlink_to(victim / "file")
    (tmp_path / "folder").symlink_to(victim)
    with pytest.raises(OperatorError, match="is a link that another account can change"):
        files.read(str(tmp_path / name))
    with pytest.raises(OperatorError, match="is a link that another account can change"):
        files.replace(str(tmp_path / name), "x")
    assert (victim / "file").read_text() == "root's"


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_links_in_a_folder_that_others_can_write_to_are_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)
    (tmp_path / "open" / "link").symlink_to(tmp_path / "file")
    with pytest.raises(OperatorError, match="is a link that another account can change"):
        files.replace(str(tmp_path / "open" / "link"), "x")


def test_below_a_folder_that_others_can_write_to_files_are_replaced_and_links_refused(tmp_path: Path) -> None:
    below = tmp_path / "open" / "nova.conf.d"
    below.mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)
    files.replace(str(below / "a.conf"), "x")
    assert (below / "a.conf").read_text() == "x"
    (below / "link").symlink_to(below / "a.conf")
    with pytest.raises(OperatorError, match="is a link that another account can change"):
        files.replace(str(below / "link"), "y")


def test_below_a_sticky_folder_what_belongs_to_a_trusted_account_is_trusted(tmp_path: Path) -> None:
    below = tmp_path / "sticky" / "mine"
    below.mkdir(parents=True)
    (tmp_path / "sticky").chmod(0o1777)
    (below / "link").symlink_to(below / "file")
    files.replace(str(below / "link"), "x")
    assert (below / "file").read_text() == "x"


def test_folders_above_need_not_be_listed() -> None:
    """A report of somebody who isn't root, whose folder lies in one that only lets through."""
    with tempfile.TemporaryDirectory(dir="/tmp") as above:
        folder = Path(above) / "closed" / "reports"
        folder.mkdir(parents=True)
        root = os.geteuid() == 0
        if root:
            Path(above).chmod(0o755)
            os.chown(folder, 65534, 65534)
        folder.parent.chmod(0o311)
        try:
            if root:
                os.seteuid(65534)
            files.replace(str(folder / "audit.json"), "{}")
            found = files.read(str(folder / "audit.json"))
        finally:
            if root:
                os.seteuid(0)
            folder.parent.chmod(0o755)
    assert found is not None
    assert found.text == "{}"


@pytest.mark.usefixtures("untrusted")
def test_hard_links_are_refused_where_another_account_can_make_them(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("root's")
    os.link(tmp_path / "file", tmp_path / "other")
    with pytest.raises(OperatorError, match="has a second name"):
        files.replace(str(tmp_path / "other"), "x")
    assert (tmp_path / "file").read_text() == "root's"


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OperatorError, match="isn't a regular file"):
        files.read(str(tmp_path / "pipe"))


@pytest.mark.parametrize("path", ["nova.conf", "/", "/etc/..", "/etc/../etc/passwd"])
def test_other_than_absolute_paths_of_files_are_refused(path: str) -> None:
    with pytest.raises(OperatorError, match=r"isn't the absolute path|has \.\. in it"):
        files.read(path)


def test_folders_are_made_and_those_that_are_there_stay(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    files.make_folder(str(tmp_path / "a" / "b"))
    files.make_folder(str(tmp_path / "a" / "b"))
    assert (_mode(tmp_path), _mode(tmp_path / "a" / "b")) == (0o750, 0o755)


def test_leftovers_are_files_of_killed_runs_and_nothing_else_of_such_a_name(tmp_path: Path) -> None:
    (tmp_path / ".nova.conf.0123456789abcdef").touch()
    (tmp_path / ".nova.conf.1111111111111111").mkdir()
    (tmp_path / ".nova.conf.2222222222222222").symlink_to("/etc/passwd")
    (tmp_path / ".nova.conf.swp").touch()
    assert files.leftovers(str(tmp_path / "nova.conf")) == (str(tmp_path / ".nova.conf.0123456789abcdef"),)


@pytest.mark.usefixtures("untrusted")
def test_a_folder_is_not_made_where_another_account_has_led_the_path(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "nova").symlink_to("elsewhere")
    with pytest.raises(OperatorError, match="is a link that another account can change"):
        files.make_folder(str(tmp_path / "nova" / "nova.conf.d"))
    assert os.listdir(tmp_path / "elsewhere") == []
