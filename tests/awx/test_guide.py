# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""guide_awx in a real AWX: the file and the commands of the page import the collection and remove it.

Not walked: what needs Galaxy, a registry or the reader's vault. The images are tests/integration/images'.
"""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest

from tests.awx.conftest import ours
from tests.awx.controller import Controller
from tests.integration.elsewhere import Elsewhere
from tests.integration.page import Newcomer, Page

if t.TYPE_CHECKING:
    from tests.awx.conftest import Web


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    return Newcomer(tmp_path / "home", Elsewhere(tmp_path / "build").build())


def test_the_page(awx: Controller, scm_url: str, web: Web, newcomer: Newcomer) -> None:
    settings = ours(scm_url)
    newcomer.write("ours.yml", settings)
    page = Page(
        "awx",
        {
            "-e @awx.yml": "-e @awx.yml -e @ours.yml",
            "awx_scm_branch: v0.1.0": 'awx_scm_branch: ""',
            "https://alerts.example.com/awx": f"{web.url}/alerts",
        },
    )
    newcomer.copy(page)
    check, setup = (step for step in page.steps if "awx_setup" in step.command)
    check_removal, remove = (step for step in page.steps if "awx_remove" in step.command)
    organization = {"name": settings["awx_organization"]}
    try:
        newcomer.walk([check])
        assert awx.rows("organizations", **organization) == []
        newcomer.walk([setup])
        limit = awx.the("job_templates", name="Limit instances", organization__name=organization["name"])
        assert limit["survey_enabled"]
        assert re.search(r"changed=0 ", newcomer.walk([setup]))
        newcomer.walk([check_removal])
        assert awx.the("organizations", **organization)
    finally:
        newcomer.walk([remove])
    assert awx.rows("organizations", **organization) == []
