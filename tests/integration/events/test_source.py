# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source against the RabbitMQ of the lab's cloud (`tests/lab/cloud up`)."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.extensions.eda.plugins.event_source.oslo_notifications import SettingsError
from tests.integration.events.broker import (
    HOST,
    Wire,
    connects,
    does_not_connect,
    forget_connections,
    identity,
    listening,
    message,
    service,
    until,
)

CLOUD = Path(__file__).resolve().parents[2] / "lab" / "cloud"


def run(story: t.Callable[[], t.Coroutine[t.Any, t.Any, None]]) -> None:
    asyncio.run(story())


@pytest.fixture(autouse=True)
def _said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "openstack_ops.day2.oslo_notifications")


@pytest.mark.parametrize("durable", [False, True], ids=["exchange that isn't durable", "durable exchange"])
def test_what_is_understood_becomes_an_event_and_everything_else_is_skipped(
    durable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        good = message()
        async with service(durable=durable) as nova, listening(nova) as engine:
            await nova.send(
                b"{garbage", b"", message("instance.created.by.aliens"), message(text="x" * 1_000_000), good
            )
            event = await engine.next("notification")
            assert (event["id"], event["host"]) == (identity(good), "cmp01")
            assert "token" not in json.dumps(event)
            # What was too large may have told of anything.
            assert (await engine.next("reconcile"))["reason"] == "skipped"
            await nova.until_waiting(nova.queue, 0)
        async with listening(nova) as engine:
            await asyncio.sleep(0)
            assert engine.events.empty(), "something came again, so it had not been acknowledged"

    run(story)
    skipped = [record.getMessage() for record in caplog.records if "skipped" in record.getMessage()]
    assert len(skipped) == 3
    assert "has 10" in skipped[2]
    assert "bytes, more than max_size (524288); it is skipped." in skipped[2]


def test_nobody_elses_queue_loses_a_message() -> None:
    async def story() -> None:
        async with service() as nova:
            other = f"{nova.name}-other"
            await nova.queue_for(other)
            async with listening(nova, window=1) as engine:
                bodies = [message(host=f"cmp{number % 7}") for number in range(300)]
                await nova.send(*bodies)
                told = 0
                while told < 300:
                    told += (await engine.next("changed"))["notifications"]
            assert told == 300
            assert await nova.waiting(other) == 300

    run(story)


def test_a_message_is_acknowledged_after_its_event_was_taken_and_comes_again_after_a_crash() -> None:
    async def story() -> None:
        body = message()
        async with service() as nova:
            async with listening(nova) as engine:
                await nova.send(body)
                event = await engine.next(take=False)
                assert (event["id"], event["repeated"]) == (identity(body), False)
            await nova.until_waiting(nova.queue, 1)
            async with listening(nova) as engine:
                event = await engine.next()
                assert (event["id"], event["repeated"]) == (identity(body), True)
                await nova.until_waiting(nova.queue, 0)
                # The next event is made after this one's message was acknowledged.
                await nova.send(message())
                await engine.next()
            async with listening(nova) as engine:
                await nova.send(last := message())
                came = [(await engine.next())["id"]]
                while came[-1] != identity(last):
                    came.append((await engine.next())["id"])
                assert identity(body) not in came

    run(story)


def test_an_event_that_the_engine_does_not_take_is_handed_over_again() -> None:
    async def story() -> None:
        async with service() as nova, listening(nova, feedback_timeout=0.5) as engine:
            await nova.send(message())
            first = await engine.next(take=False)
            assert await engine.next() == first

    run(story)


def test_a_repeat_is_known_by_its_id() -> None:
    async def story() -> None:
        one, two = message(), message()
        async with service() as nova, listening(nova) as engine:
            await nova.send(one, one)
            assert (await engine.next())["id"] == identity(one)
            await nova.send(one, two)
            assert (await engine.next())["id"] == identity(two)
            await nova.until_waiting(nova.queue, 0)

    run(story)


def test_a_storm_becomes_a_few_events_while_the_engine_is_busy() -> None:
    async def story() -> None:
        async with service() as nova, listening(nova, window=1) as engine:
            await nova.send(message(host="cmp0"))
            first = await engine.next(take=False)
            await nova.send(*(message(host=f"cmp{number % 50}") for number in range(500)))
            await asyncio.sleep(1)
            await engine.taken.put(first)
            # One event, unless the machine is too busy to read 500 messages in a second.
            events = [await engine.next()]
            while sum(event["notifications"] for event in events) < 500:
                events.append(await engine.next())
            assert sum(event["notifications"] for event in events) == 500
            assert len({host for event in events for host in event["hosts"]}) == 50
            assert len(events) < 50

    run(story)


def test_a_queue_of_another_type_is_told_in_a_sentence() -> None:
    async def story() -> None:
        async with service() as nova:
            await nova.channel.declare_queue(nova.queue, durable=True)
            with pytest.raises(SettingsError) as caught:
                async with listening(nova):
                    raise AssertionError("it connected")
            assert str(caught.value).startswith(f"The queue {nova.queue} is there and isn't as queue_type (transient)")

    run(story)


@pytest.mark.parametrize("queue_type", ["durable", "quorum"])
def test_a_queue_can_be_one_that_survives(queue_type: str) -> None:
    async def story() -> None:
        async with service() as nova, listening(nova, queue_type=queue_type) as engine:
            await nova.send(body := message())
            assert (await engine.next())["id"] == identity(body)

    run(story)


def test_an_exchange_that_comes_later_is_bound_then_and_everything_is_looked_at(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        async with service(declared=False) as nova, listening(nova) as engine:
            await nova.declare()
            assert (await engine.next("reconcile"))["reason"] == "bound"
            await nova.send(body := message())
            assert (await engine.next())["id"] == identity(body)

    run(story)
    assert caplog.text.count("there is no exchange") == 1


def test_the_queue_that_a_service_makes_for_a_topic_is_emptied() -> None:
    async def story() -> None:
        async with service() as nova:
            await nova.queue_for(f"{nova.name}.info", f"{nova.name}.info")
            await nova.send(before := message(), key=f"{nova.name}.info")
            args = {"consume": "topics", "topics": [nova.name], "priorities": ["info"]}
            async with listening(nova, **args) as engine:
                await nova.send(after := message(), key=f"{nova.name}.info")
                assert [(await engine.next())["id"] for _time in range(2)] == [identity(before), identity(after)]
                await nova.until_waiting(f"{nova.name}.info", 0)

    run(story)


def test_brokers_are_tried_in_turn_and_a_wrong_password_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with service() as nova:
            await does_not_connect(nova, lambda: caplog.text, "refuses the user os", password="wrong")
            await connects(nova, brokers=[f"{HOST}:1", HOST])

    run(story)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "refuses the user os; correct user, password or vhost" in warnings[0]
    assert [f"{HOST}:1" in warnings[1], "connected" in warnings[2], len(warnings)] == [True, True, 3]
    assert "wrong" not in caplog.text


def test_a_cut_wire_is_noticed_by_the_heartbeat_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async def said() -> str:
        return caplog.text

    async def story() -> None:
        async with (
            service() as nova,
            Wire() as wire,
            # A busy machine takes seconds to connect, or to answer a heartbeat.
            listening(nova, brokers=[wire.address], heartbeat=5) as engine,
        ):
            wire.cut()
            await nova.send(meanwhile := message())
            await until("it notices the cut", said, lambda text: "Trying again" in text)
            wire.mend()
            assert (await engine.next("reconcile"))["reason"] == "connected"
            assert (await engine.next("notification"))["id"] == identity(meanwhile)

    run(story)
    assert caplog.text.count("Trying again until it works") == 1


def test_tls_verifies_who_answers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=127.0.0.1 "
            f"-addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
        ).split(),
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def story() -> None:
        async with service() as nova, Wire(context) as wire:
            secured: dict[str, t.Any] = {"brokers": [wire.address], "tls": True}
            async with listening(nova, **secured, ca_file=str(certificate)) as engine:
                await nova.send(body := message())
                assert (await engine.next())["id"] == identity(body)
            await connects(nova, **secured, verify=False)
            await does_not_connect(nova, lambda: caplog.text, "certificate verify failed", **secured)

    run(story)


def test_a_broker_that_starts_again_is_found_again_and_everything_is_looked_at(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        async with service() as nova, listening(nova) as engine:
            restart = await asyncio.create_subprocess_exec(CLOUD, "restart-bus", stdout=subprocess.DEVNULL)
            assert await restart.wait() == 0
            assert (await engine.next("reconcile"))["reason"] == "connected"
            forget_connections()
            async with service() as again:
                # A service declares its exchange anew when it sends; the old one died with the broker.
                again.name, again.queue = nova.name, nova.queue
                await again.declare()
                assert (await engine.next("reconcile"))["reason"] == "bound"
                await again.send(body := message())
                assert (await engine.next())["id"] == identity(body)

    run(story)
    assert caplog.text.count("Trying again until it works") == 1
