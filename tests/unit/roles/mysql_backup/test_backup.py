# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose turn it is, and which databases."""

from __future__ import annotations

import pytest

from roles.mysql_backup.files.mysql_backup.backup import chosen, elected
from roles.mysql_backup.files.mysql_backup.failure import BackupError
from roles.mysql_backup.files.mysql_backup.report import metrics
from roles.mysql_backup.files.mysql_backup.settings import Settings


@pytest.mark.parametrize(
    ("addresses", "index"),
    [
        pytest.param("192.0.2.1:3306,192.0.2.2:3306,192.0.2.3:3306", 2, id="the last of three"),
        pytest.param("192.0.2.1:3306,192.0.2.2:3306,", 1, id="not an arbitrator at the end"),
        pytest.param(",192.0.2.2:3306", 1, id="nor one at the beginning"),
    ],
)
def test_one_member_with_data_is_elected(addresses: str, index: int) -> None:
    assert elected(addresses) == index


def test_databases_are_all_or_those_asked_for_less_the_excluded() -> None:
    present = ["cinder", "keystone", "nova"]
    assert chosen(present, Settings("/")) == present
    assert chosen(present, Settings("/", exclude=["cinder"])) == ["keystone", "nova"]
    assert chosen(present, Settings("/", databases=["nova", "cinder"])) == ["cinder", "nova"]
    for settings, error in (
        (Settings("/", databases=["glance"]), "Database glance should be backed up, but the server doesn't have it."),
        (Settings("/", exclude=present), "There is no database to back up on this server."),
    ):
        with pytest.raises(BackupError) as caught:
            chosen(present, settings)
        assert str(caught.value) == error


def test_metrics_tell_only_what_is_known() -> None:
    text = metrics({"run": {"started": 1795227658, "success": 0}}, "db1")
    assert 'mysql_backup_run_started_timestamp_seconds{name="db1"} 1795227658\n' in text
    assert 'mysql_backup_run_success{name="db1"} 0\n' in text
    assert "good_timestamp" not in text
