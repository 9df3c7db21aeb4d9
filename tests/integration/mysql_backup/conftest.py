# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One MariaDB server for all of these tests, with a cloud's databases in it."""

from __future__ import annotations

import subprocess
import tempfile
import typing as t
from pathlib import Path

import pytest

from tests.integration.mysql_backup.host import Database, Host
from tests.places import ROOT

PROGRAMS = (
    "mariadbd=mariadb-server-core",
    "mariadb-dump=mariadb-client",
    "zstd",
    "gpg",
    "age",
    "faketime",
    "rsync",
    "/usr/share/i18n/charmaps/ISO-8859-1.gz=locales",
)

CLOUD = """
CREATE DATABASE keystone CHARACTER SET utf8mb3; CREATE DATABASE nova CHARACTER SET utf8mb3;
CREATE DATABASE neutron CHARACTER SET utf8mb3; CREATE DATABASE `odd-name` CHARACTER SET utf8mb4;
USE keystone;
CREATE TABLE keystone.project (id CHAR(32) PRIMARY KEY, name VARCHAR(64), extra TEXT);
INSERT INTO keystone.project SELECT MD5(seq), CONCAT('project ', seq), '{{}}' FROM seq_1_to_50;
CREATE TABLE nova.instances (
  id INT AUTO_INCREMENT PRIMARY KEY, uuid CHAR(36) UNIQUE, host VARCHAR(255), user_data BLOB, info TEXT,
  short VARCHAR(8) GENERATED ALWAYS AS (LEFT(uuid, 8)) VIRTUAL, KEY (host));
INSERT INTO nova.instances (uuid, host, user_data, info)
  SELECT CONCAT(MD5(seq), '-abc'), CONCAT('cmp', seq MOD 9), UNHEX(SHA2(seq, 512)),
         CONCAT('{{"network": "', MD5(seq * 3), SHA2(seq * 7, 512), SHA2(seq * 11, 512), '"}}')
  FROM seq_1_to_{instances};
CREATE TABLE nova.quotas (project CHAR(32) PRIMARY KEY, cores INT NOT NULL);
INSERT INTO nova.quotas SELECT MD5(seq), 100 FROM seq_1_to_50;
CREATE TABLE neutron.quotas (project CHAR(32) PRIMARY KEY, ports INT NOT NULL);
INSERT INTO neutron.quotas SELECT MD5(seq), 100 FROM seq_1_to_50;
CREATE TABLE neutron.ports (id CHAR(36) CHARACTER SET utf8mb4 PRIMARY KEY, name VARCHAR(64) CHARACTER SET utf8mb4, device CHAR(36));
INSERT INTO neutron.ports SELECT UUID(), CONCAT('tap', seq), MD5(seq) FROM seq_1_to_500;
INSERT INTO neutron.ports VALUES ('😀', 'line\\none\\n--\\n-- Current Database: `nova`\\n--\\n😀', 'x'), ('y', '''";`', NULL);
CREATE TABLE keystone.serial (only_row INT PRIMARY KEY, number BIGINT NOT NULL); INSERT INTO keystone.serial VALUES (1, 0);
CREATE TABLE neutron.serial (only_row INT PRIMARY KEY, number BIGINT NOT NULL); INSERT INTO neutron.serial VALUES (1, 0);
CREATE TABLE `odd-name`.`ta``ble` (a INT); INSERT INTO `odd-name`.`ta``ble` VALUES (3), (1), (2);
CREATE SEQUENCE nova.numbers; SELECT NEXT VALUE FOR nova.numbers;
CREATE VIEW nova.on_ports AS SELECT i.uuid, p.name FROM nova.instances i JOIN neutron.ports p ON p.device = MD5(i.id);
CREATE TRIGGER nova.lower_host BEFORE INSERT ON nova.instances FOR EACH ROW SET NEW.host = LOWER(NEW.host);
CREATE PROCEDURE nova.count_instances() SELECT COUNT(*) FROM nova.instances;
CREATE EVENT nova.purge ON SCHEDULE EVERY 1 DAY DO DELETE FROM nova.instances WHERE id < 0;
"""


@pytest.fixture(scope="session")
def _programs() -> None:
    subprocess.run([str(ROOT / "tools/need"), *PROGRAMS], check=True, timeout=600)


@pytest.fixture(scope="session")
def memory(_programs: None) -> t.Iterator[Path]:
    """A folder in memory: what a database server syncs to disk is not what these tests are about."""
    with tempfile.TemporaryDirectory(prefix="day2-mysql-backup.", dir="/dev/shm") as folder:
        Path(folder).chmod(0o755)  # for the scratch server, which has an account of its own
        yield Path(folder)


@pytest.fixture(scope="session")
def server(memory: Path) -> t.Iterator[Database]:
    database = Database(memory / "server")
    database.install()
    database.start()
    yield database
    database.stop()


@pytest.fixture
def database(server: Database) -> Database:
    """The cloud's databases, as new."""
    server.wipe()
    server.ask(CLOUD.format(instances=2000))
    return server


@pytest.fixture
def large(database: Database) -> Database:
    """So much in it that a dump takes long enough to be interrupted."""
    database.ask(
        "INSERT INTO nova.instances (uuid, host, user_data, info)"
        " SELECT UUID(), host, RANDOM_BYTES(400), HEX(RANDOM_BYTES(400)) FROM nova.instances, nova.seq_1_to_20"
    )
    return database


@pytest.fixture
def host(database: Database, memory: Path, tmp_path: Path) -> Host:
    scratch = memory / "scratch"
    scratch.mkdir(exist_ok=True)
    return Host(tmp_path / "host", database, {"scratch": str(scratch)})
