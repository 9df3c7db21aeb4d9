# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes `ansible_collections.openstack_ops.day2` importable, the way Ansible itself does it."""

from __future__ import annotations

from pathlib import Path

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

_ROOT = Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    # The ansible package's collections (awx.awx), also where another ansible-core runs the tests.
    packages = sorted(str(path) for path in (_ROOT / ".venv" / "lib").glob("python3*/site-packages"))
    finder = _AnsibleCollectionFinder(paths=[str(_ROOT / ".venv" / "collections"), *packages])
    finder._install()
