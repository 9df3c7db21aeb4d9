# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is copied to a host starts there by itself, writes its file, and leaves by one line what it can't do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import metrics, metrics_files, metrics_service


def unpack(folder: Path) -> Path:
    """Write the shipped files alone into the folder."""
    for path, content in metrics_service.wanted_files(sys.executable, metrics.Settings("/d", "c")).items():
        if path.startswith(metrics_files.PROGRAM + "/"):
            here = folder / path[len(metrics_files.PROGRAM) + 1 :]
            here.parent.mkdir(parents=True, exist_ok=True)
            here.write_text(content)
    return folder


def imported(folder: Path, call: str = "") -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); from day2._tc import metrics; {call}"
    return subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False, cwd="/", env={}
    )


def test_the_shipped_program_imports_nothing_that_is_not_shipped(tmp_path: Path) -> None:
    done = imported(unpack(tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("part", [part for part in metrics_service._PARTS if not part.endswith("__init__")])
def test_a_part_that_is_forgotten_is_noticed(tmp_path: Path, part: str) -> None:
    unpack(tmp_path)
    (tmp_path / "day2" / f"{part}.py").unlink()
    assert imported(tmp_path).returncode != 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "isn't there; run limit_instances.yml"),
        ("{", "doesn't have the settings of metrics"),
        ('{"directory": "/nowhere/at/all", "compute": "c", "ports": {}}', "/nowhere/at/all/instance_qos.prom"),
    ],
)
def test_it_says_in_one_line_what_keeps_it(tmp_path: Path, text: str | None, said: str) -> None:
    unpack(tmp_path)
    settings = tmp_path / "settings.json"
    settings.unlink()
    if text is not None:
        settings.write_text(text)
    read = f"load = metrics.load; metrics.load = lambda: load({str(settings)!r}); metrics.SETTINGS_FILE = {str(settings)!r}; metrics.main()"
    done = imported(tmp_path, read)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
