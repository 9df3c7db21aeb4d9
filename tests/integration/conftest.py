# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of several folders start from."""

from __future__ import annotations

import os
from pathlib import Path

import openstack
import pytest
from openstack.connection import Connection

from tests.integration.elsewhere import Elsewhere
from tests.places import CLOUDS_YAML


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection's package, built of the checkout as it is."""
    return Elsewhere(tmp_path_factory.mktemp("build")).build()


@pytest.fixture(scope="session")
def cloud() -> Connection:
    """The admin's own view of the lab's cloud, through the SDK's resources; without the cloud, tests that use it fail."""
    # The programs that run here find their clouds.yaml by themselves; only this process needs telling.
    os.environ["OS_CLIENT_CONFIG_FILE"] = str(CLOUDS_YAML)
    try:
        connection = openstack.connect(cloud="mini")
        connection.authorize()
    except openstack.exceptions.SDKException as exc:
        pytest.fail(
            f"The lab's cloud does not answer ({str(exc).partition(':')[0]}); run `tests/lab/cloud up` and `seed`.",
            pytrace=False,
        )
    return connection
