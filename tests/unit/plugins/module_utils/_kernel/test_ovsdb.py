# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database's own protocol over a real socket; the answers are what ovsdb-server 3.1 sends."""

from __future__ import annotations

import json
import socket
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel import ovsdb


@pytest.fixture
def answering(tmp_path: Path) -> t.Callable[[bytes], str]:
    """Start a server that answers one question with these bytes, in two parts; returns its path."""

    def start(answer: bytes) -> str:
        path = str(tmp_path / "db.sock")
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen()

        def serve() -> None:
            with server, server.accept()[0] as connection:
                question = json.loads(connection.recv(65536))
                assert question["method"] == "transact"
                connection.sendall(answer[:20])
                connection.sendall(answer[20:])

        threading.Thread(target=serve, daemon=True).start()
        return path

    return start


def rows(config: list[list[str]], interfaces: list[dict[str, t.Any]]) -> bytes:
    result = [{"rows": [{"other_config": ["map", config]}]}, {"rows": interfaces}]
    return json.dumps({"id": 0, "error": None, "result": result}).encode()


def test_offload_and_policing_are_read(answering: t.Callable[[bytes], str]) -> None:
    policed = [{"name": "tapfc618310-b9", "ingress_policing_rate": 10000}]
    switch = ovsdb.ask(answering(rows([["hw-offload", "true"]], policed)))
    assert switch == ovsdb.Switch(offload=True, policed={"tapfc618310-b9": 10000})


def test_an_ordinary_switch(answering: t.Callable[[bytes], str]) -> None:
    assert ovsdb.ask(answering(rows([["hw-offload", "false"]], []))) == ovsdb.Switch()


def test_no_switch_on_this_host(tmp_path: Path) -> None:
    assert ovsdb.ask(str(tmp_path / "none.sock")).absent


def test_a_socket_that_nobody_listens_to_any_more(tmp_path: Path) -> None:
    path = str(tmp_path / "db.sock")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    assert ovsdb.ask(path).absent


def test_the_first_socket_that_is_there_is_asked(tmp_path: Path, answering: t.Callable[[bytes], str]) -> None:
    there = answering(rows([["hw-offload", "true"]], []))
    switch = ovsdb.ask(str(tmp_path / "none.sock"), there)
    assert (switch.offload, switch.absent) == (True, False)


@pytest.mark.parametrize("answer", [b"", b"not json", b'{"id":0,"error":"x","result":null}'])
def test_a_database_that_talks_nonsense_is_told(answering: t.Callable[[bytes], str], answer: bytes) -> None:
    with pytest.raises(OperatorError, match="doesn't answer .* see to ovsdb-server, then run again"):
        ovsdb.ask(answering(answer))
