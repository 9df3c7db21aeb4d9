# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the operating system, as an operator reads them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._module import os_error


@pytest.mark.parametrize(
    ("number", "way_out"),
    [(errno.EPERM, "lift that with chattr -ia."), (errno.EBUSY, "change the file that is mounted there.")],
)
def test_what_keeps_a_file_from_being_replaced_is_told_with_the_way_out(
    tmp_path: Path, number: int, way_out: str
) -> None:
    path = tmp_path / "nova.conf"
    without = f"{path}: {os.strerror(number)}."
    assert os_error(OSError(number, os.strerror(number), str(path))) == without
    path.write_text("")
    said = os_error(OSError(number, os.strerror(number), str(path)))
    assert said.startswith(f"{without} If ")
    assert said.endswith(way_out)


def test_a_missing_program_is_told_with_its_package() -> None:
    missing = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), b"lvs")
    assert os_error(missing) == "lvs isn't installed on this host; install lvm2."


def test_an_error_without_a_file() -> None:
    assert os_error(OSError(errno.ENOMEM, "Cannot allocate memory")) == "The host: Cannot allocate memory."
