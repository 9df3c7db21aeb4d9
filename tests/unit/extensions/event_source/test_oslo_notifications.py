# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the event source makes of messages that Nova and Neutron 2025.1 have sent. The broker's part has a real one, in tests/integration/events."""

from __future__ import annotations

import asyncio
import json
import typing as t
from pathlib import Path

import jsonschema
import pytest
import yaml

from ansible_collections.openstack_ops.day2.extensions.eda.plugins.event_source import oslo_notifications
from ansible_collections.openstack_ops.day2.extensions.eda.plugins.event_source.oslo_notifications import (
    Entry,
    Gathering,
    Malformed,
    Notification,
    Place,
    Places,
    Recent,
    Settings,
    SettingsError,
    changed,
    decode,
    flat,
    reconcile,
)

FIXTURES = Path(__file__).with_name("fixtures")
RECORDED = sorted(path.stem for path in FIXTURES.glob("*.json"))
SCHEMA = json.loads((Path(oslo_notifications.__file__).parent / "schemas" / "oslo_notifications.json").read_text())
NEEDED = {"brokers": ["rabbit1"], "user": "events", "password": "secret"}
HOSTILE = "{{ lookup('pipe','touch /tmp/pwned') }}"


def recorded(name: str) -> dict[str, t.Any]:
    """The inner message."""
    message = json.loads((FIXTURES / f"{name}.json").read_text())["body"]["oslo.message"]
    found: dict[str, t.Any] = json.loads(message)
    return found


def body(message: object) -> bytes:
    return json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(message)}).encode()


def told(event_type: str = "compute.instance.create.end", **facts: t.Any) -> Notification:
    empty: dict[str, t.Any] = dict.fromkeys(Notification.__dataclass_fields__)
    return Notification(**{**empty, "id": "m1", "type": event_type, "of_instance": True, "fresh": False, **facts})


# ---- decoding


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        (
            "compute.instance.create.end",
            {
                "id": "b190a77b-f6cc-430f-9253-6834505d219c",
                "host": "cmp02",
                "instance": "d22b764b-2cf3-4343-adc0-5615d5d09140",
                "project": "ab1d6b0120b2496cb11a2725b2b44b6d",
                "publisher": "compute.cmp02",
                "priority": "INFO",
            },
        ),
        (
            "compute.instance.power_on.end",
            {
                "host": "cmp01",
                "instance": "1d7a2152-ddb2-40e5-b183-a4c15cbaa804",
                "time": "2026-11-21T00:20:43.328688Z",
            },
        ),
        (
            "instance.interface_attach.end.versioned",
            {"host": "cmp01", "instance": "1d7a2152-ddb2-40e5-b183-a4c15cbaa804", "publisher": "nova-compute:cmp01"},
        ),
        (
            "port.update.end",
            {"host": "cmp02", "port": "619469d2-51f5-4980-aeaf-c743e69ced66", "of_instance": True},
        ),
        ("port.create.end", {"host": None, "port": "3575cfea-ffbd-47fe-a6b6-3f618a9a391a", "of_instance": False}),
        (
            "floatingip.update.end",
            {
                "floating_ip": "c80ad424-22a6-45e2-a915-92043a155382",
                "port": "45651e7f-aee4-4e97-8765-c15bf1eb80d7",
                "instance": "671b23f0-b8d3-4275-9379-80477c169f75",
                "host": None,
                "fresh": True,
            },
        ),
        ("floatingip.delete.end", {"port": None, "fresh": False, "project": "ab1d6b0120b2496cb11a2725b2b44b6d"}),
    ],
)
def test_a_recorded_message_tells_its_facts(name: str, facts: dict[str, t.Any]) -> None:
    found = decode(body(recorded(name)))
    assert {key: getattr(found, key) for key in facts} == facts


@pytest.mark.parametrize("name", RECORDED)
def test_nothing_of_the_context_and_nothing_that_a_tenant_writes_gets_into_an_event(name: str) -> None:
    message = recorded(name)
    for key in [key for key in message if key.startswith("_context_")]:
        message[key] = "of the context"
    payload = message["payload"]
    for part in (payload, payload.get("nova_object.data"), payload.get("port"), payload.get("floatingip")):
        if isinstance(part, dict):
            part.update(display_name=HOSTILE, name=HOSTILE, description=HOSTILE, metadata={HOSTILE: HOSTILE})
    event = flat(decode(body(message)), repeated=False)
    assert "of the context" not in json.dumps(event)
    assert HOSTILE not in json.dumps(event)
    assert event["id"] == message["message_id"] == event["meta"]["uuid"]
    assert event["time"].endswith("Z")
    assert all(value is None or isinstance(value, (str, bool)) for key, value in event.items() if key != "meta")


def test_what_is_no_id_and_no_host_name_is_null() -> None:
    message = recorded("compute.instance.create.end")
    message["payload"].update(host="all:!cmp01", instance_id=HOSTILE, tenant_id=["x"])
    message["publisher_id"] = HOSTILE
    found = decode(body(message))
    assert (found.host, found.instance, found.project, found.publisher) == (None, None, None, None)


def test_a_host_that_the_payload_has_given_up_is_the_one_that_speaks() -> None:
    message = recorded("compute.instance.delete.end")
    message["payload"]["host"] = None
    assert decode(body(message)).host == "cmp01"
    message["publisher_id"] = "conductor.ctl1"
    assert decode(body(message)).host is None


def test_a_payload_in_a_list_and_a_message_without_envelope_are_read_too() -> None:
    message = recorded("compute.instance.create.end")
    whole = decode(body(message))
    assert decode(body({**message, "payload": [message["payload"]]})) == whole
    assert decode(json.dumps(message).encode()) == whole


def test_a_message_without_id_has_the_same_one_each_time_it_comes() -> None:
    message = recorded("compute.instance.create.end")
    del message["message_id"]
    assert decode(body(message)).id == decode(body(message)).id != decode(body({**message, "priority": "WARN"})).id


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[]", "is no JSON object"),
        (b'{"oslo.version": "2.0", "oslo.message": {}}', "has an oslo.message that is no text"),
        (b'{"oslo.version": "2.0", "oslo.message": "{"}', "is no JSON"),
        (b"{}", "has no event_type"),
        (body({"event_type": HOSTILE}), "has no event_type"),
        (b" " * 1_000_000, "has 1000000 bytes, more than max_size (524288)"),
    ],
    ids=["empty", "no text", "deep", "list", "object inside", "cut off", "nothing", "hostile type", "1 MB"],
)
def test_a_malformed_message_says_why_and_not_what(sent: bytes, why: str) -> None:
    with pytest.raises(Malformed) as caught:
        decode(sent)
    assert str(caught.value) == why


@pytest.mark.parametrize("payload", [None, "text", 7, [], [1, 2], {"port": "x"}, {"nova_object.data": None}])
def test_a_payload_of_another_shape_tells_nothing_and_breaks_nothing(payload: object) -> None:
    found = decode(body({"event_type": "port.update.end", "message_id": "m1", "payload": payload}))
    assert (found.host, found.instance, found.port) == (None, None, None)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "yesterday", 7, None])
def test_a_time_that_is_none_tells_nothing_and_breaks_nothing(time: object) -> None:
    assert decode(body({"event_type": "port.update.end", "message_id": "m1", "timestamp": time})).time is None


# ---- which notifications


@pytest.mark.parametrize(
    ("event_type", "when"),
    [
        ("compute.instance.create.end", "now"),
        ("instance.create.end", "now"),
        ("instance.interface_attach.end", "now"),
        ("compute.instance.live_migration.post.dest.end", "now"),
        ("instance.live_migration_post_dest.end", "now"),
        ("compute.instance.finish_resize.end", "now"),
        ("instance.resize_finish.end", "now"),
        ("floatingip.update.end", "now"),
        ("port.update.end", "later"),
        ("compute.instance.create.start", None),
        ("compute.instance.update", None),
        ("compute.instance.exists", None),
        ("subnet.create.end", None),
    ],
)
def test_by_default_it_wants_to_know_what_may_leave_a_port_without_its_limit(event_type: str, when: str | None) -> None:
    assert Settings.of({**NEEDED, "window": 5}).when(event_type) == when


def test_without_a_window_nothing_is_delayed_and_event_types_can_be_others() -> None:
    assert Settings.of(NEEDED).when("port.update.end") is None
    assert Settings.of({**NEEDED, "event_types": ["volume.*"]}).when("volume.attach.end") == "now"
    assert Settings.of({**NEEDED, "event_types": ["volume.*"]}).when("instance.create.end") is None


# ---- where


def test_a_floating_ip_leads_to_the_host_that_a_port_or_an_instance_was_last_told_to_be_on() -> None:
    places = Places()
    places.learn(told("port.update.end", port="p1", host="cmp01", instance="i1"))
    places.learn(told("instance.create.end", host="cmp02", instance="i2"))
    associated = {"floating_ip": "f1", "fresh": True}
    assert places.learn(told("floatingip.update.end", **associated, port="p1")) == Place(("cmp01",))
    # Moved: the old port's limit may be another one without it.
    moved = told("floatingip.update.end", floating_ip="f1", port="p2", instance="i2")
    assert places.learn(moved) == Place(("cmp01", "cmp02"))
    taken = told("floatingip.update.end", floating_ip="f1")
    assert places.learn(taken) == Place(ports=("p2",))


def test_a_floating_ip_of_unknown_past_leads_to_its_project_and_a_new_one_to_its_port() -> None:
    places = Places()
    assert places.learn(told("floatingip.update.end", floating_ip="f1", port="p1", project="x")) == Place(
        ports=("p1",), project="x"
    )
    assert places.learn(told("floatingip.delete.end", floating_ip="f1", project="x")) == Place(ports=("p1",))
    assert places.learn(told("floatingip.update.end", floating_ip="f2", port="p2", fresh=True)) == Place(ports=("p2",))
    assert places.learn(told("floatingip.create.end", floating_ip="f3", fresh=True)) == Place()
    places.forget()
    assert places.learn(told("floatingip.delete.end", floating_ip="f1", project="x")) == Place(project="x")


def test_what_is_remembered_has_an_end() -> None:
    memory: Recent[int, str] = Recent(2)
    for number in (1, 2, 1, 3):
        memory.set(number, "x")
    assert [number for number in (1, 2, 3) if number in memory] == [1, 3]


# ---- gathering


Step = tuple[float, str, str, str]


def gather(window: float, *steps: Step) -> list[tuple[float, list[str], int]]:
    """(second, host, when, instance) in; (second, hosts, notifications) of each event out, asked for as the source does."""
    gathering: Gathering[str] = Gathering(window)
    out: list[tuple[float, list[str], int]] = []
    todo = list(enumerate(steps))
    while todo or gathering.next_due() is not None:
        due = gathering.next_due()
        if due is None or (todo and todo[0][1][0] <= due):
            number, (now, host, when, instance) = todo.pop(0)
            gathering.add(told(id=f"m{number}", instance=instance), Place((host,)), when, now, "a message")
            # What comes at the same moment comes in first.
            if todo and todo[0][1][0] == now:
                continue
        else:
            now = due
        if entries := gathering.take(now):
            event = changed(entries)
            out.append((now, event["hosts"], event["notifications"]))
    return out


@pytest.mark.parametrize(
    ("steps", "events"),
    [
        pytest.param(
            [(0.0, "a", "now", "i1"), (1.0, "a", "now", "i1"), (2.0, "a", "now", "i2")],
            [(0.0, ["a"], 1), (5.0, ["a"], 2)],
            id="the first of a quiet host at once, what follows a window later",
        ),
        pytest.param(
            [(0.0, "a", "now", "i1"), (5.0, "a", "now", "i1")],
            [(0.0, ["a"], 1), (5.0, ["a"], 1)],
            id="a quiet host is quiet again after a window",
        ),
        pytest.param(
            [(0.0, "a", "now", "i1"), (1.0, "a", "now", "i1"), (2.0, "b", "now", "i2")],
            [(0.0, ["a"], 1), (2.0, ["a", "b"], 2)],
            id="what waits goes along with a quiet host's",
        ),
        pytest.param([(0.0, "a", "later", "i1")], [(5.0, ["a"], 1)], id="a delayed one waits for a window"),
        pytest.param(
            [(0.0, "a", "later", "i1"), (1.0, "a", "now", "i1")],
            [(1.0, ["a"], 2)],
            id="or for its instance",
        ),
        pytest.param(
            [(0.0, "a", "later", "i1"), (1.0, "a", "now", "i2")],
            [(1.0, ["a"], 1), (5.0, ["a"], 1)],
            id="and for no other instance",
        ),
    ],
)
def test_gathering(steps: list[Step], events: list[tuple[float, list[str], int]]) -> None:
    assert gather(5, *steps) == events


def test_a_storm_of_500_in_10_seconds_on_three_hosts_becomes_five_events_and_none_is_missing() -> None:
    events = gather(5, *((number / 50, f"cmp0{number % 3}", "now", f"i{number}") for number in range(500)))
    assert sum(count for _when, _hosts, count in events) == 500
    assert len(events) == 5


def entry(notification: Notification, place: Place) -> Entry[str]:
    return Entry(notification, place, 0.0, False, ["a message"])


def test_an_event_tells_what_it_stands_for_under_an_id_that_does_not_depend_on_the_order() -> None:
    one = entry(told(id="m1", instance="i1", time="2026-11-21T00:00:02Z"), Place(("cmp02",)))
    two = entry(told("port.update.end", id="m2", instance="i2", time="2026-11-21T00:00:01Z"), Place(("cmp01",)))
    event = changed([one, two])
    assert event == changed([two, one])
    assert event.pop("id") == event["meta"].pop("uuid")
    assert "hosts" not in event["meta"], "what Nova calls a host may be called otherwise in the inventory"
    assert changed([one, two], limit_hosts=True)["meta"]["hosts"] == ["cmp01", "cmp02"]
    assert event == {
        "kind": "changed",
        "hosts": ["cmp01", "cmp02"],
        "ports": [],
        "projects": [],
        "instances": ["i1", "i2"],
        "types": ["compute.instance.create.end", "port.update.end"],
        "notifications": 2,
        "first": "2026-11-21T00:00:01Z",
        "last": "2026-11-21T00:00:02Z",
        "meta": {},
    }


def test_an_event_of_one_notification_has_its_id_and_where_a_host_is_to_be_found_there_is_no_limit() -> None:
    event = changed([entry(told(id="m1"), Place(("cmp01",), ("p1",), "x"))], limit_hosts=True)
    assert event["meta"] == {"uuid": "m1"}
    assert (event["hosts"], event["ports"], event["projects"]) == (["cmp01"], ["p1"], ["x"])


def test_an_administrator_s_address_on_a_tenant_s_port_leads_to_the_port() -> None:
    places = Places()
    places.learn(told("port.update.end", host="cmp07", port="p1", project="tenant", instance="i1"))
    assert places.learn(told("floatingip.update.end", floating_ip="f1", port="p1", project="admin")) == Place(
        ("cmp07",), (), "admin"
    )


class Message:
    """What _take needs of aio_pika's message."""

    exchange, routing_key, redelivered = "nova", "notifications.info", False

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.acknowledged = False

    async def ack(self) -> None:
        self.acknowledged = True


def test_a_surprise_in_a_message_costs_that_message_and_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def surprised(*_: t.Any) -> t.Any:
        raise ZeroDivisionError("not a word of this")

    monkeypatch.setattr(oslo_notifications, "decode", surprised)
    source = oslo_notifications.Source(t.cast("t.Any", None), Settings.of(NEEDED), None)
    message = Message(b"{}")
    with caplog.at_level("WARNING"):
        asyncio.run(source._take(t.cast("t.Any", message)))
    assert message.acknowledged
    assert "on nova notifications.info can't be handled (ZeroDivisionError); it is skipped" in caplog.text
    assert "not a word of this" not in caplog.text


def test_after_a_message_that_is_too_large_everything_is_looked_at() -> None:
    source = oslo_notifications.Source(t.cast("t.Any", None), Settings.of({**NEEDED, "max_size": 10}), None)
    message = Message(b" " * 11)
    asyncio.run(source._take(t.cast("t.Any", message)))
    assert message.acknowledged
    assert source._wanted == "skipped"


def test_an_exchange_that_stays_silent_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    source = oslo_notifications.Source(t.cast("t.Any", None), Settings.of(NEEDED), None)
    asyncio.run(source._take(t.cast("t.Any", Message(b"no JSON"))))
    with caplog.at_level("WARNING"):
        source._tell_silent()
        source._tell_silent()
    assert caplog.text.count("Nothing has come from the exchange neutron since the start") == 1
    assert "exchange nova" not in caplog.text


def test_a_reconcile_says_why() -> None:
    event = reconcile("connected")
    assert (event["kind"], event["reason"], event["meta"]) == ("reconcile", "connected", {"uuid": event["id"]})


# ---- settings


def test_documentation_schema_and_settings_know_the_same_arguments_and_defaults() -> None:
    options = yaml.safe_load(oslo_notifications.DOCUMENTATION)["options"]
    assert set(options) == set(Settings.__dataclass_fields__) == set(SCHEMA["properties"])
    of_type = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array"}
    for name, option in options.items():
        assert SCHEMA["properties"][name]["type"] == of_type[option["type"]], name
        assert SCHEMA["properties"][name].get("default") == option.get("default"), name
        assert SCHEMA["properties"][name].get("enum") == option.get("choices"), name
        if "default" in option:
            assert getattr(Settings.of(NEEDED), name) == option["default"], name
    assert SCHEMA["required"] == [name for name, option in options.items() if option.get("required")]


def test_the_examples_arguments_are_as_the_schema_wants_them() -> None:
    (ruleset,) = yaml.safe_load(oslo_notifications.EXAMPLES)
    args = ruleset["sources"][0]["openstack_ops.day2.oslo_notifications"]
    jsonschema.validate(args, SCHEMA)
    Settings.of(args)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"broker": "x"}, "There is no argument broker; there are "),
        ({"brokers": []}, "The argument brokers is missing; say it in the rulebook's source."),
        ({"brokers": 7}, "brokers has to be a list of strings; it is 7."),
        ({"brokers": ["u:secret@rabbit1:x"]}, "brokers has 'rabbit1:x'; each has to be host or host:port."),
        ({"password": None}, "One of password and password_file is needed, and not both."),
        ({"password_file": "/x"}, "One of password and password_file is needed, and not both."),
        ({"heartbeat": "often"}, "heartbeat has to be an int; it is 'often'."),
        ({"heartbeat": 0}, "heartbeat is 0; it has to be at least 1."),
        ({"window": -1}, "window is -1.0; it can't be less than 0."),
        ({"queue_type": "classic"}, "queue_type is 'classic'; it has to be one of transient, durable, quorum."),
        ({"tls": "perhaps"}, "tls has to be true or false; it is 'perhaps'."),
    ],
)
def test_a_wrong_argument_gets_a_sentence(args: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.of({**NEEDED, **args})
    assert str(caught.value).startswith(sentence)
    assert "secret" not in str(caught.value)


def test_what_a_template_has_made_text_of_is_taken_and_the_password_is_not_shown() -> None:
    settings = Settings.of({**NEEDED, "window": "5", "tls": "true", "prefetch": "10", "vhost": "", "brokers": "a, b:1"})
    assert settings.brokers == ["a", "b:1"]
    assert (settings.window, settings.tls, settings.prefetch, settings.vhost) == (5.0, True, 10, ["/"])
    assert Settings.of({**NEEDED, "vhost": "/nova, /neutron"}).vhost == ["/nova", "/neutron"]
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(
    ("broker", "address"),
    [
        ("rabbit1", ("rabbit1", 5671)),
        ("rabbit1:5672", ("rabbit1", 5672)),
        ("192.0.2.1", ("192.0.2.1", 5671)),
        ("[2001:db8::1]:5000", ("2001:db8::1", 5000)),
        ("[2001:db8::1]", ("2001:db8::1", 5671)),
        ("2001:db8::1", ("2001:db8::1", 5671)),
    ],
)
def test_a_broker_is_a_host_and_perhaps_a_port(broker: str, address: tuple[str, int]) -> None:
    assert Settings.of({**NEEDED, "brokers": [broker], "tls": True}).address(broker) == address


def test_a_password_file_that_is_not_there_gets_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "password"
    settings = Settings.of({"brokers": ["x"], "user": "u", "password_file": str(file)})
    with pytest.raises(SettingsError) as caught:
        settings.secret()
    assert str(caught.value) == f"password_file {file} can't be read: No such file or directory."
    file.write_text("secret\n")
    assert settings.secret() == "secret"
