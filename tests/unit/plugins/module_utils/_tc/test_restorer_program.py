# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is copied to a host starts there by itself, where nothing else of the collection is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import restorer_service
from tests.restorer_program import unpack


def _imported(folder: Path) -> subprocess.CompletedProcess[str]:
    """Import the program in isolated mode: neither the environment nor the working directory adds to its path."""
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); from day2._tc.restorer import main"
    return subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False, cwd="/", env={}
    )


def test_the_shipped_program_imports_nothing_that_is_not_shipped(tmp_path: Path) -> None:
    done = _imported(unpack(tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("part", [part for part in restorer_service._PARTS if not part.endswith("__init__")])
def test_a_part_that_is_forgotten_is_noticed(tmp_path: Path, part: str) -> None:
    """Each part is needed, too: none is shipped for nothing."""
    unpack(tmp_path)
    (tmp_path / "day2" / f"{part}.py").unlink()
    done = _imported(tmp_path)
    assert done.returncode != 0
    assert part.rpartition("/")[2] in done.stderr
