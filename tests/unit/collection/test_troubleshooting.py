# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of symptoms quotes errors that there are."""

from __future__ import annotations

import re

import pytest

from tests.places import ROOT

PAGE = (ROOT / "docs/docsite/rst/troubleshooting.rst").read_text()
QUOTED = re.findall(r'^"(.+)"$', PAGE, re.MULTILINE)
SOURCE = "\n".join(
    path.read_text() for folder in ("plugins", "roles") for kind in ("py", "yml") for path in (ROOT / folder).rglob(f"*.{kind}")
)  # fmt: skip


def test_there_are_errors_on_the_page() -> None:
    assert len(QUOTED) >= 4


@pytest.mark.parametrize("quoted", QUOTED)
def test_an_error_that_is_quoted_is_one_of_ours(quoted: str) -> None:
    assert [part for part in quoted.split("...") if part.strip() and part not in SOURCE] == []
