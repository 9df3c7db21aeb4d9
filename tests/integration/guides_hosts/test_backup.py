# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""guide_backup, with a real MariaDB: what is lost after the backup is back at the end of the page."""

from __future__ import annotations

import re

from tests.integration.guides_hosts.containers import Containers
from tests.integration.page import Newcomer, Page

DATABASES = ("keystone", "nova", "nova_cell0", "nova_api")
SERVICES = ("nova-scheduler", "nova-conductor", "nova-api")
COUNT = "mariadb --skip-column-names --execute 'SELECT COUNT(*) FROM nova.instances'"
SINCE = f"systemctl show --property=ActiveState,ActiveEnterTimestampMonotonic {' '.join(SERVICES)}"


def test_backing_up_and_getting_back(newcomer: Newcomer, containers: Containers) -> None:
    containers.start("mariadb", "db1", "ctl1")
    for name in DATABASES:
        containers.on("db1", f"mariadb --execute 'CREATE DATABASE {name}; CREATE TABLE {name}.instances (id INT)'")
    containers.on("db1", "mariadb --execute 'INSERT INTO nova.instances SELECT seq FROM mysql.seq_1_to_100'")
    for name in SERVICES:
        unit = f"/etc/systemd/system/{name}.service"
        containers.on("ctl1", f"printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >{unit}; systemctl start {name}")
    page = Page("backup")
    newcomer.copy(page)
    db1 = containers.enter("db1")

    said = newcomer.walk(page.steps_before("restore_mysql"), db1)
    assert re.search(r"^mysql-db1-\d{8}T\d{6}Z .* verified$", said, re.MULTILINE)
    assert "mysql_backup_verified_success" in containers.on("db1", "cat /var/lib/prometheus/node-exporter/*")
    assert "0 2 * * * root" in containers.on("db1", "cat /etc/cron.d/*")

    # A bad night: rows are gone, and a migration that went wrong has left a table.
    containers.on("db1", "mariadb --execute 'DELETE FROM nova.instances WHERE id > 3; CREATE TABLE nova.half (id INT)'")
    before = containers.on("ctl1", SINCE)
    *asking, restoring = page.steps_from("restore_mysql")
    newcomer.walk(asking, db1)
    assert (containers.on("db1", COUNT).strip(), containers.on("ctl1", SINCE)) == ("3", before)

    newcomer.walk([restoring], db1)
    assert containers.on("db1", COUNT).strip() == "100"
    assert "half" not in containers.on("db1", "mariadb --execute 'SHOW TABLES FROM nova'")
    assert containers.on("ctl1", SINCE) != before
    assert containers.on("ctl1", SINCE).count("ActiveState=active") == len(SERVICES)
    assert "safety" in containers.on("db1", "mysql-backup list")
