# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: oslo_notifications
short_description: Receive notifications of Nova, Neutron and other OpenStack services as events
version_added: 0.1.0
author:
  - openstack_ops.day2 contributors (@openstack-ops)
description:
  - Consumes what OpenStack's services say on RabbitMQ about instances, ports and floating IPs (oslo.messaging's notifications, Nova's legacy
    and versioned ones alike) and hands it to the rule engine as small flat events.
  - An event has ids, names of hosts and times, and nothing that a tenant could have written, because rulebooks template what they get.
    The context of the request, and the user's token in it, is dropped.
  - With O(window), it gathers what happens on the computes, so that a storm of notifications becomes a few events.
  - A message is acknowledged after the rule engine has taken its event (with O(feedback)), so that a crash repeats an event instead of
    losing it. A message that comes again is known by its id.
  - Exchanges and queues that aren't durable die with their broker and take messages along, and messages are lost while nobody was
    connected to a queue that had expired. So there is an event C(reconcile) after each connect and every O(reconcile) seconds.
requirements:
  - aio-pika >= 9.4
options:
  brokers:
    description: The RabbitMQ servers, as V(host) or V(host:port). They are tried in turn. This list, and any other, may be text with commas.
    type: list
    elements: str
    required: true
  user:
    description: Who logs in. It needs C(configure), C(write) and C(read) on O(queue), and C(read) on the exchanges.
    type: str
    required: true
  password:
    description: The password of the user. One of O(password) and O(password_file) is needed.
    type: str
  password_file:
    description: A file that contains only the password, as an alternative to a variable of the rulebook.
    type: str
  vhost:
    description:
      - The virtual hosts, as a list where the services have one each (C(/nova) and C(/neutron) in OpenStack-Ansible). What comes from
        them is gathered together. Cells with a broker each are further sources in the rulebook, each with a C(name).
    type: list
    elements: str
    default: [/]
  tls:
    description: Speak TLS. The port is 5671 then where O(brokers) doesn't say another one.
    type: bool
    default: false
  ca_file:
    description: The certificate authorities to trust. Left out, those of the system.
    type: str
  cert_file:
    description: A certificate for the server to know us by, and its key where O(key_file) isn't said.
    type: str
  key_file:
    description: The key of O(cert_file).
    type: str
  verify:
    description: Verify the server's certificate and name.
    type: bool
    default: true
  heartbeat:
    description: A connection that was silent for twice this many seconds is closed.
    type: int
    default: 30
  timeout:
    description: Seconds to wait for a connection, and for each answer of the server.
    type: float
    default: 10.0
  exchanges:
    description: The services' exchanges (C(control_exchange) in their configuration).
    type: list
    elements: str
    default: [nova, neutron]
  topics:
    description: The topics that the services send to (C(topics) and C(versioned_notifications_topics) in their configuration).
    type: list
    elements: str
    default: [notifications, versioned_notifications]
  priorities:
    description: The priorities to listen to.
    type: list
    elements: str
    default: [info, error]
  consume:
    description:
      - V(own) makes a queue of our own, O(queue), and binds it to the exchanges, so that nobody else loses a message.
      - V(topics) consumes the queues that oslo.messaging itself makes for each of the O(topics). For topics that nobody else reads, because
        each message goes to one reader. Publishers make such a queue whether somebody reads it or not, so one that nobody reads grows.
    type: str
    choices: [own, topics]
    default: own
  queue:
    description: The name of our own queue. Rulebooks of different purposes need different ones.
    type: str
    default: openstack_ops.day2
  queue_type:
    description:
      - V(transient) is lost when its server restarts, as the services' own queues are by default. V(durable) survives that, V(quorum)
        survives the loss of a server too. Bindings to exchanges that aren't durable don't survive in any case.
      - The type of a queue can't be changed. Delete it, or name another.
    type: str
    choices: [transient, durable, quorum]
    default: transient
  queue_expires:
    description: The server deletes our queue when it had no consumer for this many seconds.
    type: int
    default: 3600
  prefetch:
    description: At most so many messages are in our hands and not acknowledged.
    type: int
    default: 1000
  max_size:
    description: A message of more bytes is skipped, with a warning.
    type: int
    default: 524288
  event_types:
    description:
      - Shell patterns (V(compute.instance.*)) of the notifications that become events at once. Others are acknowledged and dropped.
      - By default, those after which a port of an instance may have a device without its limit, or another limit.
    type: list
    elements: str
  delayed_event_types:
    description:
      - Those that become an event only after O(window) seconds, or with the next of O(event_types) of the same instance. Ignored without
        O(window).
      - By default, changes of instances' ports, because the device that belongs to them comes later.
    type: list
    elements: str
  window:
    description:
      - Make one event C(changed) of all that has come meanwhile. What happens to a host that has been quiet for this many seconds becomes an
        event at once; what happens to another one waits for the end of these seconds, or for an event of a quiet host.
      - While the rule engine takes no event, because ansible-rulebook runs as many actions as C(--max-concurrent-actions) says, everything
        gathers, too.
      - V(0) makes an event C(notification) of each notification.
    type: float
    default: 0.0
  reconcile:
    description: Seconds between two events C(reconcile). V(0) leaves only those after a connect.
    type: float
    default: 3600.0
  reconcile_spacing:
    description: After one C(reconcile), the next one comes after this many seconds at the earliest, however often the connection breaks.
    type: float
    default: 60.0
  limit_hosts:
    description:
      - Name the hosts in C(meta.hosts), which ansible-rulebook takes for C(--limit). Only for inventories that call each host as Nova does;
        another name is one that C(--limit) doesn't find, and the play ends with an error.
    type: bool
    default: false
  feedback:
    description:
      - Acknowledge a message only after the rule engine has taken its event. ansible-rulebook (1.2 or later) then needs a C(name) for the source.
    type: bool
    default: false
  feedback_timeout:
    description: An event that the rule engine hasn't taken after this many seconds is sent to it again, with a warning.
    type: float
    default: 120.0
notes:
  - "An event has C(kind). V(notification) has C(id), C(type), C(time), C(priority), C(publisher), C(host), C(instance), C(port),
    C(floating_ip), C(project) and C(repeated). V(changed) has C(id), C(hosts), C(ports) and C(projects) (by which more hosts are to be
    found), C(instances), C(types), C(notifications) (their number), C(first) and C(last) (times). V(reconcile) has C(id), C(reason)
    (V(connected), V(bound), V(skipped) or V(schedule)) and C(time)."
  - C(meta.uuid) is the id, stable when the same notifications come again. With O(limit_hosts), C(meta.hosts) are the
    hosts, unless more are to be found.
  - Times are UTC, ISO 8601 with Z. What isn't told is null.
  - A message that can't be understood is acknowledged and dropped with a warning. At most ten such warnings are given in a minute. After
    one that is larger than O(max_size) comes an event C(reconcile) (V(skipped)).
  - Where nothing has come from one of the O(exchanges) by the time of a scheduled C(reconcile), a warning says so, once.
"""

EXAMPLES = r"""
- name: Tell of every instance that is created or deleted
  hosts: all
  sources:
    - name: notifications
      openstack_ops.day2.oslo_notifications:
        brokers: [rabbit1.example.com, rabbit2.example.com]
        user: events
        password_file: /run/secrets/rabbitmq
        tls: true
        event_types: ["*instance.create.end", "*instance.delete.end"]
        feedback: true
  rules:
    - name: Tell
      condition: event.kind == "notification"
      action:
        debug:
          msg: "{{ event.time }} {{ event.type }} {{ event.instance }} on {{ event.host }}"
"""

import asyncio
import contextlib
import json
import logging
import re
import ssl
import time
import typing as t
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from fnmatch import fnmatchcase

import aio_pika
import aio_pika.abc
import aio_pika.exceptions

# ansible-rulebook runs this file by its path: it stands alone. What is pure comes first.

logger = logging.getLogger("openstack_ops.day2.oslo_notifications")
# They tell of each attempt, with tracebacks. What matters of it is told here, once.
for _library in ("aiormq", "aio_pika"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)

_NOW = (
    "create.end",
    "evacuate.end",
    "finish_resize.end",
    "interface_attach.end",
    "interface_detach.end",
    "live_migration*.end",
    "power_on.end",
    "reboot.end",
    "rebuild.end",
    "rescue.end",
    "resize*.end",
    "restore.end",
    "resume.end",
    "shelve_offload.end",
    "soft_delete.end",
    "delete.end",
    "unrescue.end",
    "unshelve.end",
)
EVENT_TYPES = (
    *(f"compute.instance.{name}" for name in _NOW),
    *(f"instance.{name}" for name in _NOW),
    "floatingip.create.end",
    "floatingip.update.end",
    "floatingip.delete.end",
)
DELAYED_EVENT_TYPES = ("port.create.end", "port.update.end", "port.delete.end")

# What goes into an event. Everything else that calls itself an id or a host is nobody's.
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}\Z")
_HOST = re.compile(r"[0-9A-Za-z]([0-9A-Za-z._-]{0,253}[0-9A-Za-z])?\Z")
_TYPE = re.compile(r"[0-9A-Za-z._-]{1,128}\Z")
_COMPUTE_PUBLISHER = re.compile(r"(?:nova-compute:|compute\.)(.+)\Z")
_REMEMBERED = 20_000


class SettingsError(Exception):
    """The error: which argument, what was found, what was wanted."""


class Malformed(Exception):
    """Why a message is none that we understand. Never its contents."""


class TooLarge(Malformed):
    """It may tell of anything."""


# ---- settings


@dataclass(frozen=True)
class Settings:
    brokers: list[str]
    user: str
    password: str | None = field(default=None, repr=False)
    password_file: str | None = None
    vhost: list[str] = field(default_factory=lambda: ["/"])
    tls: bool = False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify: bool = True
    heartbeat: int = 30
    timeout: float = 10.0
    exchanges: list[str] = field(default_factory=lambda: ["nova", "neutron"])
    topics: list[str] = field(default_factory=lambda: ["notifications", "versioned_notifications"])
    priorities: list[str] = field(default_factory=lambda: ["info", "error"])
    consume: str = "own"
    queue: str = "openstack_ops.day2"
    queue_type: str = "transient"
    queue_expires: int = 3600
    prefetch: int = 1000
    max_size: int = 524_288
    event_types: list[str] | None = None
    delayed_event_types: list[str] | None = None
    window: float = 0.0
    reconcile: float = 3600.0
    reconcile_spacing: float = 60.0
    limit_hosts: bool = False
    feedback: bool = False
    feedback_timeout: float = 120.0

    @classmethod
    def of(cls, args: dict[str, t.Any]) -> Settings:
        """From the rulebook's arguments. Empty is as good as left out, and a template makes text of a number."""
        given = {key: value for key, value in args.items() if value not in (None, "") and key != "eda_feedback_queue"}
        known = {part.name: str(part.type).split(" | ", maxsplit=1)[0] for part in fields(cls)}
        if unknown := sorted(set(given) - set(known)):
            raise SettingsError(
                f"There is no argument {unknown[0]}; there are {', '.join(sorted(known))}. Correct the rulebook."
            )
        for name in ("brokers", "user"):
            if not given.get(name):
                raise SettingsError(f"The argument {name} is missing; say it in the rulebook's source.")
        made = cls(**{key: _converted(key, value, known[key]) for key, value in given.items()})
        for name, choices in (
            ("consume", ("own", "topics")),
            ("queue_type", ("transient", "durable", "quorum")),
        ):
            if getattr(made, name) not in choices:
                raise SettingsError(f"{name} is {getattr(made, name)!r}; it has to be one of {', '.join(choices)}.")
        for name, least in (("heartbeat", 1), ("timeout", 0.1), ("queue_expires", 1), ("prefetch", 1), ("max_size", 1)):
            if getattr(made, name) < least:
                raise SettingsError(f"{name} is {getattr(made, name)}; it has to be at least {least}.")
        for name in ("window", "reconcile", "reconcile_spacing", "feedback_timeout"):
            if getattr(made, name) < 0:
                raise SettingsError(f"{name} is {getattr(made, name)}; it can't be less than 0.")
        if (made.password is None) == (made.password_file is None):
            raise SettingsError("One of password and password_file is needed, and not both.")
        for broker in made.brokers:
            made.address(broker)
        return made

    def address(self, broker: str) -> tuple[str, int]:
        """The host and port of a broker; an IPv6 address with a port is in brackets."""
        found = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(\d+))?|([^:\s/@]+)(?::(\d+))?|([0-9A-Fa-f:.]+)", broker)
        if not found:
            raise SettingsError(f"brokers has {broker.rsplit('@', 1)[-1]!r}; each has to be host or host:port.")
        port = found[2] or found[4]
        return found[1] or found[3] or found[5], int(port) if port else (5671 if self.tls else 5672)

    def secret(self) -> str:
        if self.password is not None:
            return self.password
        try:
            with open(str(self.password_file), encoding="utf-8") as file:
                return file.read().strip()
        except OSError as exc:
            raise SettingsError(f"password_file {self.password_file} can't be read: {exc.strerror}.") from None

    @property
    def routing_keys(self) -> list[str]:
        return [f"{topic}.{priority}" for topic in self.topics for priority in self.priorities]

    def when(self, event_type: str) -> str | None:
        """now, later, or None where nobody wants to know."""
        for when, patterns in (
            ("now", EVENT_TYPES if self.event_types is None else self.event_types),
            ("later", DELAYED_EVENT_TYPES if self.delayed_event_types is None else self.delayed_event_types),
        ):
            if (when == "now" or self.window) and any(fnmatchcase(event_type, pattern) for pattern in patterns):
                return when
        return None


def _converted(name: str, value: t.Any, wanted: str) -> t.Any:
    try:
        if wanted == "bool":
            if isinstance(value, bool):
                return value
            return {"true": True, "yes": True, "false": False, "no": False}[str(value).lower()]
        if wanted == "int":
            return int(str(value))
        if wanted == "float":
            return float(str(value))
        if wanted.startswith("list"):
            if isinstance(value, str):
                value = [part.strip() for part in value.split(",") if part.strip()]
            if not isinstance(value, list) or not all(isinstance(part, str) and part for part in value):
                raise ValueError
            return value
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            raise ValueError
        return str(value)
    except (KeyError, ValueError):
        shown = "something else" if name == "password" else repr(value)
        kind = {"bool": "true or false", "int": "an int", "float": "a number", "str": "text"}.get(
            wanted, "a list of strings"
        )
        raise SettingsError(f"{name} has to be {kind}; it is {shown}.") from None


# ---- one message


@dataclass(frozen=True)
class Notification:
    """What an event may tell of a message."""

    id: str
    type: str
    time: str | None
    priority: str | None
    publisher: str | None
    host: str | None
    instance: str | None
    port: str | None
    floating_ip: str | None
    project: str | None
    of_instance: bool
    """Whether it is about something of an instance: a port of a router or of DHCP has no limit."""
    fresh: bool
    """A floating IP that can't have been another port's before."""


@dataclass(frozen=True)
class _Subject:
    """What a message is about, as it says itself; nothing is checked yet."""

    project: t.Any
    host: t.Any = None
    instance: t.Any = None
    port: t.Any = None
    floating_ip: t.Any = None
    of_instance: bool = True
    fresh: bool = False


def decode(body: bytes, max_size: int = 524_288) -> Notification:
    """What a message of oslo.messaging says. Raises Malformed for anything that isn't one."""
    message = _message(body, max_size)
    event_type = message.get("event_type")
    if not isinstance(event_type, str) or not _TYPE.match(event_type):
        raise Malformed("has no event_type")
    publisher = _matching(_PUBLISHER, message.get("publisher_id"))
    identity = _matching(_ID, message.get("message_id"))
    subject = _subject(event_type, _unwrapped(message.get("payload")), publisher)
    return Notification(
        id=identity or str(uuid.uuid5(uuid.NAMESPACE_OID, body.decode("utf-8", "replace"))),
        type=event_type,
        time=_utc(message.get("timestamp")),
        priority=_matching(_ID, message.get("priority")),
        publisher=publisher,
        host=_matching(_HOST, subject.host),
        instance=_matching(_ID, subject.instance),
        port=_matching(_ID, subject.port),
        floating_ip=_matching(_ID, subject.floating_ip),
        project=_matching(_ID, subject.project),
        of_instance=subject.of_instance,
        fresh=subject.fresh,
    )


def _message(body: bytes, max_size: int) -> dict[str, t.Any]:
    """The message, out of its envelope if it has one."""
    if len(body) > max_size:
        raise TooLarge(f"has {len(body)} bytes, more than max_size ({max_size})")
    message = _json(body)
    if "oslo.message" not in message:
        return message
    inner = message["oslo.message"]
    if not isinstance(inner, str):
        raise Malformed("has an oslo.message that is no text")
    return _json(inner)


def _subject(event_type: str, payload: dict[str, t.Any], publisher: str | None) -> _Subject:
    def project(owner: dict[str, t.Any]) -> t.Any:
        return owner.get("project_id") or owner.get("tenant_id")

    if event_type.startswith(("compute.instance.", "instance.")):
        # Without a host it was never anywhere, or the compute that speaks has just given it up.
        spoken = _COMPUTE_PUBLISHER.match(publisher or "")
        return _Subject(
            project(payload),
            host=payload.get("host") or (spoken and spoken[1]),
            instance=payload.get("instance_id") or payload.get("uuid"),
        )
    port, address = payload.get("port"), payload.get("floatingip")
    if isinstance(port, dict):
        return _Subject(
            project(port),
            host=port.get("binding:host_id"),
            instance=port.get("device_id"),
            port=port.get("id"),
            of_instance=str(port.get("device_owner") or "").startswith("compute:"),
        )
    if isinstance(address, dict):
        details = address.get("port_details")
        return _Subject(
            project(address),
            instance=details.get("device_id") if isinstance(details, dict) else None,
            port=address.get("port_id"),
            floating_ip=address.get("id"),
            fresh=event_type.startswith("floatingip.create.") or address.get("revision_number") in (0, 1),
        )
    return _Subject(
        project(payload),
        host=payload.get("host"),
        instance=payload.get("instance_id") or payload.get("instance_uuid"),
    )


_PUBLISHER = re.compile(r"[0-9A-Za-z._:-]{1,255}\Z")


def _json(text: str | bytes) -> dict[str, t.Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("is no JSON") from None
    if not isinstance(found, dict):
        raise Malformed("is no JSON object")
    return found


def _unwrapped(payload: t.Any) -> dict[str, t.Any]:
    """The facts of a payload: of a versioned object its data, of a list its only part."""
    if isinstance(payload, list) and len(payload) == 1:
        payload = payload[0]
    if isinstance(payload, dict) and isinstance(payload.get("nova_object.data"), dict):
        payload = payload["nova_object.data"]
    return payload if isinstance(payload, dict) else {}


def _matching(pattern: re.Pattern[str], value: t.Any) -> str | None:
    return value if isinstance(value, str) and pattern.match(value) else None


def _utc(value: t.Any) -> str | None:
    """oslo's timestamps are UTC and don't say so. None for what isn't one, or lies outside the years that Python knows."""
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        if found.tzinfo is None:
            found = found.replace(tzinfo=timezone.utc)
        return found.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return None


# ---- what it means, and for which host

_Key = t.TypeVar("_Key")
_Value = t.TypeVar("_Value")


class Recent(t.Generic[_Key, _Value]):
    """A dictionary that forgets what was set longest ago."""

    def __init__(self, size: int = _REMEMBERED) -> None:
        self._size = size
        self._items: OrderedDict[_Key, _Value] = OrderedDict()

    def __contains__(self, key: _Key) -> bool:
        return key in self._items

    def get(self, key: _Key | None) -> _Value | None:
        return None if key is None else self._items.get(key)

    def set(self, key: _Key, value: _Value) -> None:
        self._items[key] = value
        self._items.move_to_end(key)
        if len(self._items) > self._size:
            self._items.popitem(last=False)

    def clear(self) -> None:
        self._items.clear()


@dataclass(frozen=True)
class Place:
    """Where a notification calls for a look: at hosts, or somewhere, namely where these ports are or this project's."""

    hosts: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    project: str | None = None


class Places:
    """What was told before: it says which host a floating IP's port is on. A gap in the messages is a reason to forget it all."""

    def __init__(self) -> None:
        self._instances: Recent[str, str] = Recent()
        self._ports: Recent[str, str] = Recent()
        self._floating: Recent[str, str | None] = Recent()

    def forget(self) -> None:
        for memory in (self._instances, self._ports, self._floating):
            memory.clear()

    def learn(self, told: Notification) -> Place:
        if told.floating_ip is None:
            if told.host and told.instance and told.of_instance:
                self._instances.set(told.instance, told.host)
            if told.host and told.port:
                self._ports.set(told.port, told.host)
            return Place((told.host,)) if told.host else Place(ports=(told.port,) if told.port else ())

        known = told.fresh or told.floating_ip in self._floating
        before = self._floating.get(told.floating_ip)
        self._floating.set(told.floating_ip, told.port)
        if not known:
            # It may have been another port's of the project until now, and that one's limit may be another one without it. The port that
            # has it now is perhaps of another project: an administrator may give his address to a tenant.
            now = self._at(told.port, told.instance) if told.port else Place()
            return Place(now.hosts, now.ports, told.project)
        hosts: list[str] = []
        ports: list[str] = []
        for port in dict.fromkeys(port for port in (before, told.port) if port):
            place = self._at(port, told.instance if port == told.port else None)
            hosts += place.hosts
            ports += place.ports
        return Place(tuple(dict.fromkeys(hosts)), tuple(ports))

    def _at(self, port: str, instance: str | None) -> Place:
        """The host of a port, or where it isn't known the port."""
        host = self._ports.get(port) or self._instances.get(instance)
        return Place((host,)) if host else Place(ports=(port,))


# ---- gathering

_Handle = t.TypeVar("_Handle")


@dataclass
class Entry(t.Generic[_Handle]):
    """A notification that waits for its event."""

    told: Notification
    place: Place
    due: float
    delayed: bool
    messages: list[_Handle]
    """The message that told it, and others where it came again."""


class Gathering(t.Generic[_Handle]):
    """What waits. Of a quiet host it is due at once, of another one a window after its last event."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._entries: dict[str, Entry[_Handle]] = {}
        self._last: dict[str | None, float] = {}

    def get(self, identity: str) -> Entry[_Handle] | None:
        return self._entries.get(identity)

    def add(self, told: Notification, place: Place, when: str, now: float, message: _Handle) -> None:
        if when == "later":
            self._entries[told.id] = Entry(told, place, now + self._window, True, [message])
            return
        quiet = min(self._last.get(host, float("-inf")) + self._window for host in place.hosts or (None,))
        self._entries[told.id] = Entry(told, place, max(now, quiet), False, [message])
        # What was delayed until the instance has its devices need not wait any longer.
        for entry in self._entries.values():
            if told.instance and entry.told.instance == told.instance:
                entry.delayed = False

    def next_due(self) -> float | None:
        return min((entry.due for entry in self._entries.values()), default=None)

    def take(self, now: float) -> list[Entry[_Handle]]:
        """Once something is due, everything but what is delayed: another host in a run costs less than another run."""
        due = self.next_due()
        return [] if due is None or due > now else self.take_all(now)

    def take_all(self, now: float) -> list[Entry[_Handle]]:
        taken = [entry for entry in self._entries.values() if entry.due <= now or not entry.delayed]
        for entry in taken:
            del self._entries[entry.told.id]
            self._last.update(dict.fromkeys(entry.place.hosts or (None,), now))
        self._last = {host: last for host, last in self._last.items() if last + self._window > now}
        return taken


def changed(entries: t.Sequence[Entry[_Handle]], *, limit_hosts: bool = False) -> dict[str, t.Any]:
    """One event of all these notifications. Its id depends on them alone."""
    told = [entry.told for entry in entries]
    ids, times = sorted(one.id for one in told), sorted(one.time for one in told if one.time)
    hosts = sorted({host for entry in entries for host in entry.place.hosts})
    ports = sorted({port for entry in entries for port in entry.place.ports})
    projects = sorted({entry.place.project for entry in entries if entry.place.project})
    event: dict[str, t.Any] = {
        "kind": "changed",
        "id": ids[0] if len(ids) == 1 else str(uuid.uuid5(uuid.NAMESPACE_OID, ",".join(ids))),
        "hosts": hosts,
        "ports": ports,
        "projects": projects,
        "instances": sorted({one.instance for one in told if one.instance}),
        "types": sorted({one.type for one in told}),
        "notifications": len(told),
        "first": times[0] if times else None,
        "last": times[-1] if times else None,
    }
    # Where a host has to be looked up, a limit to the others would leave it out.
    return _with_meta(event, hosts if limit_hosts and not (ports or projects) else [])


def flat(told: Notification, repeated: bool, *, limit_hosts: bool = False) -> dict[str, t.Any]:
    """The event of a single notification."""
    event: dict[str, t.Any] = {"kind": "notification"}
    for name in ("id", "type", "time", "priority", "publisher", "host", "instance", "port", "floating_ip", "project"):
        event[name] = getattr(told, name)
    event["repeated"] = repeated
    return _with_meta(event, [told.host] if told.host and limit_hosts else [])


def reconcile(reason: str) -> dict[str, t.Any]:
    now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
    return _with_meta({"kind": "reconcile", "id": str(uuid.uuid4()), "reason": reason, "time": now}, [])


def _with_meta(event: dict[str, t.Any], hosts: list[str]) -> dict[str, t.Any]:
    event["meta"] = {"uuid": event["id"], **({"hosts": hosts} if hosts else {})}
    return event


class Said:
    """Warnings, at most ten in a minute."""

    def __init__(self, most: int = 10, per: float = 60.0) -> None:
        self._most, self._per = most, per
        self._since, self._count = float("-inf"), 0

    def warn(self, now: float, text: str) -> None:
        if now - self._since > self._per:
            if self._count > self._most:
                logger.warning("%d more messages were skipped.", self._count - self._most)
            self._since, self._count = now, 0
        self._count += 1
        if self._count <= self._most:
            logger.warning("%s", text)


# ---- the broker


class EventQueue(t.Protocol):
    """The part of ansible-rulebook's queue used here."""

    async def put(self, event: dict[str, t.Any], /) -> None: ...


_BROKEN = (
    aio_pika.exceptions.AMQPError,
    aio_pika.exceptions.ChannelInvalidStateError,
    OSError,
    asyncio.TimeoutError,
    RuntimeError,
)
_LOOK_AGAIN = 30.0
_LOOK_SOON = 2.0
_LONGEST_PAUSE = 30.0


class Source:
    def __init__(self, queue: EventQueue, settings: Settings, feedback: asyncio.Queue[t.Any] | None) -> None:
        self._queue = queue
        self._settings = settings
        self._feedback = feedback if settings.feedback else None
        self._places = Places()
        self._gathering: Gathering[aio_pika.abc.AbstractIncomingMessage] = Gathering(settings.window)
        self._handing: dict[str, Entry[aio_pika.abc.AbstractIncomingMessage]] = {}
        """By id, what the engine is just being given."""
        self._done: Recent[str, None] = Recent()
        self._said = Said()
        self._wake = asyncio.Event()
        self._wanted: str | None = None
        self._reconciled = float("-inf")
        self._complained: set[str] = set()
        """The vhosts that nobody reaches, which has been said."""
        self._connects: dict[str, int] = {}
        self._there: dict[str, set[str]] = {}
        """By vhost, the exchanges or queues that it has."""
        self._heard: set[str] = set()
        """The exchanges from which something has come."""
        self._told_silent: set[str] = set()
        self._stopping = False
        self.counts = {"received": 0, "malformed": 0, "repeated": 0, "uninteresting": 0, "events": 0, "connects": 0}

    async def run(self) -> None:
        tasks = [asyncio.create_task(self._stay_connected(vhost)) for vhost in self._settings.vhost]
        tasks.append(asyncio.create_task(self._emit()))
        try:
            done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            self._stopping = True
            pending = set(tasks)
            while pending:
                # More than once, because before Python 3.12 asyncio.wait_for can swallow it.
                for task in pending:
                    task.cancel()
                _done, pending = await asyncio.wait(pending, timeout=1)
            logger.info("Stopped: %s", ", ".join(f"{count} {name}" for name, count in self.counts.items()))

    # -- connecting

    async def _stay_connected(self, vhost: str) -> None:
        """Broker after broker. A pause grows while none answers, and is told once."""
        pause, attempt = 1.0, 0
        while True:
            broker = self._settings.brokers[attempt % len(self._settings.brokers)]
            attempt += 1
            connected = self._connects.get(vhost, 0)
            try:
                why = await self._session(broker, vhost)
            except aio_pika.exceptions.ProbableAuthenticationError:
                why = f"refuses the user {self._settings.user}; correct user, password or vhost"
            except _BROKEN as exc:
                why = f"{type(exc).__name__}: {_one_line(exc)}"
            except asyncio.CancelledError:
                # aiormq cancels whoever waits for an answer when its connection breaks.
                if self._stopping:
                    raise
                why = "the connection has broken"
            if self._connects.get(vhost, 0) > connected:
                pause = 1.0
            if vhost not in self._complained:
                self._complained.add(vhost)
                logger.warning(
                    "%s: %s. Trying again until it works, saying so only then.", self._name(broker, vhost), why
                )
            await asyncio.sleep(pause if attempt % len(self._settings.brokers) == 0 else 0.1)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _name(self, broker: str, vhost: str) -> str:
        return broker if len(self._settings.vhost) == 1 else f"{broker} {vhost}"

    async def _session(self, broker: str, vhost: str) -> str:
        """One connection for as long as it holds; what ended it."""
        settings = self._settings
        host, port = settings.address(broker)
        connection = await asyncio.wait_for(
            aio_pika.connect(
                host=host,
                port=port,
                login=settings.user,
                password=settings.secret(),
                virtualhost=vhost,
                ssl=settings.tls,
                ssl_context=_tls(settings) if settings.tls else None,
                timeout=settings.timeout,
                heartbeat=settings.heartbeat,
                client_properties={"connection_name": f"openstack_ops.day2 {settings.queue}"},
            ),
            settings.timeout * 2,
        )
        try:
            channel = await connection.channel(publisher_confirms=False)
            await channel.set_qos(prefetch_count=settings.prefetch)
            ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

            def end(_sender: t.Any, exc: BaseException | None) -> None:
                if not ended.done():
                    ended.set_result(f"the connection has ended ({_one_line(exc) if exc else 'closed'})")

            channel.close_callbacks.add(end)
            return await self._consume(connection, channel, ended, broker, vhost)
        finally:
            with contextlib.suppress(*_BROKEN):
                await asyncio.wait_for(connection.close(), settings.timeout)

    async def _consume(
        self,
        connection: aio_pika.abc.AbstractConnection,
        channel: aio_pika.abc.AbstractChannel,
        ended: asyncio.Future[str],
        broker: str,
        vhost: str,
    ) -> str:
        settings = self._settings
        own = await self._own_queue(channel) if settings.consume == "own" else None
        attached: set[str] = set()
        told_missing: set[str] = set()
        first = True
        while True:
            names = settings.exchanges if own else settings.routing_keys
            there = {name for name in names if await self._exists(connection, name, exchange=own is not None)}
            new = there - attached
            for name in sorted(new):
                if own:
                    for key in settings.routing_keys:
                        await own.bind(name, key, timeout=settings.timeout)
                else:
                    queue = await channel.get_queue(name, ensure=False)
                    await queue.consume(self._take, timeout=settings.timeout)
            # One that was there and is gone takes its bindings along; made again, it has to be bound again.
            attached = self._there[vhost] = there
            if first:
                if own:
                    await own.consume(self._take, timeout=settings.timeout)
                self._connected(broker, vhost)
            elif new:
                self._places.forget()
                self._want("bound")
            # Several vhosts have all of them together.
            lacking = set(names).difference(*self._there.values())
            complete = len(self._there) == len(settings.vhost)
            if complete and (missing := sorted(lacking - told_missing)):
                told_missing.update(missing)
                what = "exchange" if own else "queue"
                logger.warning(
                    "%s: there is no %s %s yet. A service makes it when it sends its first notification; looking again. If it has its own vhost "
                    "(/nova and /neutron in OpenStack-Ansible), name all in vhost.",
                    self._name(broker, vhost),
                    what,
                    ", ".join(missing),
                )
            first = False
            done, _pending = await asyncio.wait({ended}, timeout=_LOOK_SOON if lacking else _LOOK_AGAIN)
            if done:
                return ended.result()
            if own and (await self._consumers(connection, own.name)) == 0:
                return f"the queue {own.name} is gone, or we aren't its consumer any more"

    async def _own_queue(self, channel: aio_pika.abc.AbstractChannel) -> aio_pika.abc.AbstractQueue:
        settings = self._settings
        arguments: dict[str, t.Any] = {
            "x-expires": settings.queue_expires * 1000,
            # A second rulebook on the same queue waits until the first is gone: one place has to know what runs on a host.
            "x-single-active-consumer": True,
        }
        if settings.queue_type == "quorum":
            arguments["x-queue-type"] = "quorum"
        try:
            return await channel.declare_queue(
                settings.queue,
                durable=settings.queue_type != "transient",
                arguments=arguments,
                timeout=settings.timeout,
            )
        except aio_pika.exceptions.ChannelPreconditionFailed:
            raise SettingsError(
                f"The queue {settings.queue} is there and isn't as queue_type ({settings.queue_type}) and queue_expires "
                f"({settings.queue_expires}) want it. Delete it (rabbitmqctl delete_queue), or name another with queue."
            ) from None

    async def _exists(self, connection: aio_pika.abc.AbstractConnection, name: str, exchange: bool) -> bool:
        """Declared passively, on a channel that may die of it: to declare it otherwise than its service does is an error."""
        channel = await connection.channel(publisher_confirms=False)
        try:
            if exchange:
                await asyncio.wait_for(channel.get_exchange(name, ensure=True), self._settings.timeout)
            else:
                await asyncio.wait_for(channel.get_queue(name, ensure=True), self._settings.timeout)
        except aio_pika.exceptions.ChannelNotFoundEntity:
            return False
        finally:
            if not channel.is_closed:
                await channel.close()
        return True

    async def _consumers(self, connection: aio_pika.abc.AbstractConnection, name: str) -> int:
        channel = await connection.channel(publisher_confirms=False)
        try:
            queue = await channel.declare_queue(name, passive=True, timeout=self._settings.timeout)
            return queue.declaration_result.consumer_count or 0
        except aio_pika.exceptions.ChannelNotFoundEntity:
            return 0
        finally:
            if not channel.is_closed:
                await channel.close()

    def _connected(self, broker: str, vhost: str) -> None:
        self.counts["connects"] += 1
        self._connects[vhost] = self._connects.get(vhost, 0) + 1
        level = logging.WARNING if vhost in self._complained else logging.INFO
        name = self._name(broker, vhost)
        logger.log(level, "%s: connected, listening to %s.", name, ", ".join(self._settings.routing_keys))
        self._complained.discard(vhost)
        # What the old connection had in its hands comes again, or is gone; the reconcile sees to that.
        self._places.forget()
        self._want("connected")

    # -- messages

    async def _take(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        """Whatever a message does to us, it costs that message alone: an error in here would leave it unacknowledged, and go unsaid."""
        self.counts["received"] += 1
        self._heard.add(str(message.exchange or ""))
        try:
            await self._understand(message)
        except Exception as exc:
            self.counts["malformed"] += 1
            self._said.warn(
                time.monotonic(),
                f"A message on {message.exchange} {message.routing_key} can't be handled ({type(exc).__name__}); it is skipped. Report this.",
            )
            await _acknowledge(message)

    async def _understand(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        try:
            told = decode(message.body, self._settings.max_size)
        except Malformed as exc:
            self.counts["malformed"] += 1
            self._said.warn(
                time.monotonic(), f"A message on {message.exchange} {message.routing_key} {exc}; it is skipped."
            )
            if isinstance(exc, TooLarge):
                self._want("skipped")
            await _acknowledge(message)
            return
        if told.id in self._done:
            self.counts["repeated"] += 1
            await _acknowledge(message)
            return
        if waiting := self._gathering.get(told.id) or self._handing.get(told.id):
            self.counts["repeated"] += 1
            waiting.messages.append(message)
            return
        when = self._settings.when(told.type)
        place = self._places.learn(told)
        nowhere = self._settings.window and not (told.of_instance and (place.hosts or place.ports or place.project))
        if when is None or nowhere:
            self.counts["uninteresting"] += 1
            logger.debug("Nobody wants %s.", told.type)
            await _acknowledge(message)
            return
        self._gathering.add(told, place, when, time.monotonic(), message)
        self._wake.set()

    # -- events

    def _want(self, reason: str) -> None:
        self._wanted = self._wanted or reason
        self._wake.set()

    async def _emit(self) -> None:
        settings = self._settings
        while True:
            now = time.monotonic()
            if self._wanted and now >= self._reconciled + settings.reconcile_spacing:
                reason, self._wanted, self._reconciled = self._wanted, None, now
                # What is looked at after a reconcile has begun is part of it.
                await self._hand_over(reconcile(reason), self._gathering.take_all(now) if settings.window else [])
                continue
            if settings.reconcile and self._reconciled > 0 and now >= self._reconciled + settings.reconcile:
                self._tell_silent()
                self._want("schedule")
                continue
            if entries := self._gathering.take(now):
                if settings.window:
                    await self._hand_over(changed(entries, limit_hosts=settings.limit_hosts), entries)
                for entry in () if settings.window else entries:
                    again = any(message.redelivered for message in entry.messages)
                    await self._hand_over(flat(entry.told, again, limit_hosts=settings.limit_hosts), [entry])
                continue
            pauses = [due for due in (self._gathering.next_due(),) if due is not None]
            if self._wanted:
                pauses.append(self._reconciled + settings.reconcile_spacing)
            if settings.reconcile and self._reconciled > 0:
                pauses.append(self._reconciled + settings.reconcile)
            self._wake.clear()
            await _within(max(0.0, min(pauses) - time.monotonic()) if pauses else None, self._wake.wait())

    def _tell_silent(self) -> None:
        silent = sorted(set(self._settings.exchanges) - self._heard - self._told_silent)
        self._told_silent.update(silent)
        if silent:
            logger.warning(
                "Nothing has come from the exchange %s since the start. If its service has another vhost or broker, name it; if it sends to other "
                "topics than %s, or to none, see send_notifications.",
                ", ".join(silent),
                ", ".join(self._settings.topics),
            )

    async def _hand_over(
        self, event: dict[str, t.Any], entries: list[Entry[aio_pika.abc.AbstractIncomingMessage]]
    ) -> None:
        """Acknowledges the entries' messages once the engine has the event."""
        self._handing = {entry.told.id: entry for entry in entries}
        await self._put(event)
        self._handing = {}
        for entry in entries:
            self._done.set(entry.told.id, None)
            for message in entry.messages:
                await _acknowledge(message)

    async def _put(self, event: dict[str, t.Any]) -> None:
        """Returns when the rule engine has taken the event."""
        self.counts["events"] += 1
        await self._queue.put(event)
        while self._feedback is not None:
            taken = await _within(self._settings.feedback_timeout or None, self._feedback.get())
            if taken is None:
                logger.warning(
                    "The rule engine hasn't taken the event %s for %s s; it is handed over again.",
                    event["id"],
                    self._settings.feedback_timeout,
                )
                await self._queue.put(event)
                continue
            # Of an event that was handed over twice, the second answer comes while another one is waited for.
            if not isinstance(taken, dict) or taken.get("meta", {}).get("uuid") == event["meta"]["uuid"]:
                return


async def _within(seconds: float | None, waiting: t.Coroutine[t.Any, t.Any, t.Any]) -> t.Any:
    """What comes within the time, or None. Unlike asyncio.wait_for, it never takes a cancellation for an answer."""
    task = asyncio.ensure_future(waiting)
    try:
        await asyncio.wait({task}, timeout=seconds)
        return task.result() if task.done() else None
    finally:
        task.cancel()


async def _acknowledge(message: aio_pika.abc.AbstractIncomingMessage) -> None:
    # Over a connection that has ended nothing can be said. The broker sends the message again, and its id is known.
    with contextlib.suppress(*_BROKEN):
        await message.ack()


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as exc:
        raise SettingsError(f"ca_file, cert_file or key_file can't be used: {exc}.") from None
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _one_line(exc: BaseException) -> str:
    return " ".join(str(exc).split())[:300] or type(exc).__name__


async def main(queue: EventQueue, args: dict[str, t.Any]) -> None:
    settings = Settings.of(args)
    feedback = args.get("eda_feedback_queue")
    if settings.feedback and feedback is None:
        raise SettingsError(
            "feedback is true, and ansible-rulebook gave no queue for it; give the source a name, or use ansible-rulebook 1.2 or later."
        )
    await Source(queue, settings, feedback).run()
