# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The RabbitMQ of the lab's cloud, seen as a service that publishes, and the event source in this process."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
import typing as t
import uuid
from contextlib import asynccontextmanager, suppress

import aio_pika
import aio_pika.abc

from ansible_collections.openstack_ops.day2.extensions.eda.plugins.event_source.oslo_notifications import main

HOST, PORT, USER, PASSWORD = "127.0.77.1", 5672, "os", "secret"
PATIENCE = 300.0
Event = dict[str, t.Any]


def message(event_type: str = "compute.instance.create.end", **payload: t.Any) -> bytes:
    inner = {
        "message_id": str(uuid.uuid4()),
        "publisher_id": "compute.cmp01",
        "event_type": event_type,
        "priority": "INFO",
        "payload": {"instance_id": str(uuid.uuid4()), "host": "cmp01", **payload},
        "timestamp": "2026-11-21 00:20:17.252813",
        "_context_auth_token": "gAAAAA-token",
    }
    return json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(inner)}).encode()


def identity(body: bytes) -> str:
    return str(json.loads(json.loads(body)["oslo.message"])["message_id"])


class Service:
    """What a service of OpenStack is for RabbitMQ: an exchange with a name of its own, and for each topic a queue."""

    def __init__(self, channel: aio_pika.abc.AbstractChannel, durable: bool) -> None:
        self.name = f"day2-test-{uuid.uuid4()}"
        self.queue = f"{self.name}-events"
        self.channel = channel
        self._durable = durable
        self.exchange: aio_pika.abc.AbstractExchange

    async def declare(self) -> None:
        self.exchange = await self.channel.declare_exchange(self.name, "topic", durable=self._durable)

    async def queue_for(self, name: str, key: str = "notifications.info") -> aio_pika.abc.AbstractQueue:
        queue = await self.channel.declare_queue(name, durable=self._durable)
        await queue.bind(self.exchange, key)
        return queue

    async def send(self, *bodies: bytes, key: str = "notifications.info") -> None:
        for body in bodies:
            await self.exchange.publish(aio_pika.Message(body), key)

    async def waiting(self, name: str) -> int:
        """How many messages of a queue nobody has taken."""
        channel = await (await connect()).channel()
        try:
            queue = await channel.declare_queue(name, passive=True)
            return int(queue.declaration_result.message_count or 0)
        finally:
            await channel.close()

    async def until_waiting(self, name: str, number: int) -> None:
        await until(f"{number} messages wait in {name}", lambda: self.waiting(name), lambda found: found == number)


_Found = t.TypeVar("_Found")


async def until(
    what: str, look: t.Callable[[], t.Awaitable[_Found]], holds: t.Callable[[_Found], object] = bool
) -> _Found:
    """Wait until what is found there holds. Otherwise the error tells what it was last."""
    end = time.monotonic() + PATIENCE
    while not holds(found := await look()):
        assert time.monotonic() < end, f"After {PATIENCE:g} s still not: {what}. Seen last: {found!r}"
        await asyncio.sleep(0.1)
    return found


_connections: list[aio_pika.abc.AbstractConnection] = []


def forget_connections() -> None:
    """Those to a broker that has gone."""
    _connections.clear()


async def connect() -> aio_pika.abc.AbstractConnection:
    while _connections and _connections[-1].is_closed:
        _connections.pop()
    if not _connections:
        _connections.append(
            await aio_pika.connect(host=HOST, port=PORT, login=USER, password=PASSWORD, timeout=PATIENCE)
        )
    return _connections[-1]


@asynccontextmanager
async def service(*, declared: bool = True, durable: bool = False) -> t.AsyncIterator[Service]:
    connection = await connect()
    made = Service(await connection.channel(), durable)
    if declared:
        await made.declare()
    try:
        yield made
    finally:
        with suppress(Exception):
            channel = await (await connect()).channel()
            await channel.exchange_delete(made.name)
            for name in (made.queue, f"{made.name}-other", f"{made.name}.info"):
                await channel.queue_delete(name)
        while _connections:
            with suppress(Exception):
                await _connections.pop().close()


class Engine:
    """What ansible-rulebook is for a source: a queue to put events into, and another on which they come back as taken."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.taken: asyncio.Queue[Event] = asyncio.Queue()
        self._passed: list[Event] = []

    async def next(self, kind: str | None = None, *, take: bool = True) -> Event:
        """The next event, or the next of this kind; those before it stay for later."""
        for event in self._passed:
            if kind in (None, event["kind"]):
                self._passed.remove(event)
                return event
        while True:
            event = await asyncio.wait_for(self.events.get(), PATIENCE)
            if take:
                await self.taken.put(event)
            if kind in (None, event["kind"]):
                return event
            self._passed.append(event)


@asynccontextmanager
async def listening(to: Service, **args: t.Any) -> t.AsyncIterator[Engine]:
    """The source, which has connected, and what it says. Whatever ends it early is raised."""
    engine = Engine()
    wanted = {
        "brokers": [f"{HOST}:{PORT}"],
        "user": USER,
        "password": PASSWORD,
        "exchanges": [to.name],
        "topics": ["notifications"],
        "queue": to.queue,
        "feedback": True,
        "eda_feedback_queue": engine.taken,
        "reconcile_spacing": 0,
        **args,
    }
    source = asyncio.create_task(main(engine.events, wanted))
    try:
        first = asyncio.create_task(engine.next("reconcile"))
        await asyncio.wait({source, first}, return_when=asyncio.FIRST_COMPLETED)
        if source.done():
            first.cancel()
            source.result()
        assert (await first)["reason"] == "connected"
        yield engine
    finally:
        source.cancel()
        await asyncio.gather(source, return_exceptions=True)


async def connects(to: Service, **args: t.Any) -> None:
    async with listening(to, **args):
        pass


async def does_not_connect(to: Service, said: t.Callable[[], str], words: str, **args: t.Any) -> None:
    """It says why not, and tries on."""
    trying = asyncio.create_task(connects(to, **args))

    async def text() -> str:
        assert not trying.done(), "it connected, or has ended"
        return said()

    try:
        await until(f"it says {words!r}", text, lambda found: words in found)
    finally:
        trying.cancel()
        await asyncio.gather(trying, return_exceptions=True)


class Wire:
    """A wire to the broker that can be cut: what is sent afterwards goes nowhere, and nobody is told. With TLS on our side of it on request."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self._cut = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        self._cut = True

    def mend(self) -> None:
        """New connections work again; those that were cut stay dead."""
        self._cut = False
        for task in self._tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(HOST, PORT)
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                if not self._cut:
                    sink.write(data)
                    await sink.drain()
        finally:
            sink.close()
