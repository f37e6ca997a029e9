"""RTMP 1.0 §7.1.3 and Flash Media Server's layout of shared object messages."""

import pytest

from dissectors.messages.shared_object import MAX_EVENTS
from tests.dissectors.bodies import codes, dissect, lines, num, string, utf8


def event(kind: int, data: bytes = b"") -> bytes:
    return bytes([kind]) + len(data).to_bytes(4, "big") + data


def message(*events: bytes, flags: int = 0, version: int = 3) -> bytes:
    head = utf8("chat") + version.to_bytes(4, "big") + flags.to_bytes(4, "big") + bytes(4)
    return head + b"".join(events)


@pytest.mark.parametrize(
    ("data", "summary"),
    [
        (event(1), {"event": "use", "event_type": 1}),
        (event(2), {"event": "release", "event_type": 2}),
        (
            event(3, utf8("a") + num(1)),
            {"event": "request_change", "event_type": 3, "properties": {"a": 1}},
        ),
        (
            event(4, utf8("a") + num(1) + utf8("b") + string("x")),
            {"event": "change", "event_type": 4, "properties": {"a": 1, "b": "x"}},
        ),
        (event(5, utf8("a")), {"event": "success", "event_type": 5, "property_names": ["a"]}),
        (
            event(6, string("say") + num(1)),
            {"event": "send_message", "event_type": 6, "handler": "say", "arguments": [1]},
        ),
        (
            event(7, utf8("SharedObject.NoWriteAccess") + utf8("error")),
            {
                "event": "status",
                "event_type": 7,
                "code": "SharedObject.NoWriteAccess",
                "level": "error",
            },
        ),
        (event(8), {"event": "clear", "event_type": 8}),
        (event(9, utf8("a")), {"event": "remove", "event_type": 9, "property_names": ["a"]}),
        (
            event(10, utf8("a")),
            {"event": "request_remove", "event_type": 10, "property_names": ["a"]},
        ),
        (event(11), {"event": "use_success", "event_type": 11}),
    ],
)
def test_events(data, summary):
    found = dissect(19, message(data))
    assert found.body.value["events"] == [summary]
    assert codes(found.body) == []
    (node,) = [child for child in found.body.children if child.name == "event"]
    assert node.length == len(data)


def test_message_tree_and_title():
    found = dissect(19, message(event(11), event(8), event(4, utf8("a") + num(1)), flags=2))
    assert found.title == "AMF0 Shared Object 'chat'"
    assert found.info == "'chat' Use Success, Clear, Change"
    assert found.body.name == "shared_object"
    assert found.body.value["persistent"] is True
    assert lines(found.body)[1:] == [
        "    Name: chat",
        "    Version: 3",
        "    Persistence: persistent (2)",
        "    Flags: 0x00000000",
        "    Use Success",
        "    Clear",
        "    Change",
        "        Property 'a' Number 1",
    ]


def test_type_16_with_either_encoding():
    amf0 = dissect(16, b"\0" + message(event(4, utf8("a") + b"\x11\x04\x05")))
    amf3 = dissect(16, b"\x03" + message(event(4, utf8("a") + b"\x04\x05")))
    for found in (amf0, amf3):
        assert found.title == "AMF3 Shared Object 'chat'"
        assert found.body.value["events"][0]["properties"] == {"a": 5}
    assert codes(dissect(16, b"\x09" + message(event(1))).body) == ["encoding_unknown"]


def test_type_16_shows_each_value_once():
    """AMF3 values are marked like AMF0's: one line per property, its marker below on demand."""
    data = event(4, utf8("p") + b"\x04\x01" + utf8("q") + b"\x06\x05hi")
    found = dissect(16, b"\3" + message(data))
    (change,) = [child for child in found.body.children if child.name == "event"]
    shown = [node for node in change.children if not node.plumbing]
    assert [node.label for node in shown] == ["Property 'p' Integer 1", "Property 'q' String 'hi'"]
    assert all(child.plumbing for node in shown for child in node.children)
    assert found.body.value["events"][0]["properties"] == {"p": 1, "q": "hi"}
    assert codes(found.body) == []


def test_type_16_without_its_encoding_byte():
    found = dissect(16, message(event(8)))
    assert (found.info, codes(found.body)) == ("'chat' Clear", ["encoding_missing"])


def test_an_event_is_bounded_by_its_length():
    """A string that claims more than its event must not eat the next one."""
    found = dissect(19, message(event(6, string("say") + b"\x02\x00\x05ab"), event(8)))
    assert "malformed" in codes(found.body)


def test_unknown_event_is_skipped_by_its_length():
    found = dissect(19, message(event(99, b"\1\2"), event(8)))
    first, second = found.body.value["events"]
    assert first == {"event": None, "event_type": 99, "data": {"$hex": "0102", "length": 2}}
    assert second["event"] == "clear"


def test_surplus_data_in_an_event_stays_in_it():
    found = dissect(19, message(event(8, b"\xaa"), event(11)))
    (clear, success) = [child for child in found.body.children if child.name == "event"]
    assert clear.children[-1].name == "undecoded"
    assert success.label == "Use Success"


def test_event_longer_than_the_message():
    found = dissect(19, message(b"\x04\x00\x00\xff\xff" + utf8("a") + num(1)))
    assert codes(found.body) == ["malformed"]
    assert found.body.value["events"][0]["properties"] == {"a": 1}


def test_number_of_events_is_limited():
    found = dissect(19, message(event(8) * (MAX_EVENTS + 5)))
    assert len(found.body.value["events"]) == MAX_EVENTS
    assert any(child.name == "truncated" for child in found.body.children)


def test_a_damaged_event_does_not_hide_the_next_ones():
    """The event data length bounds each event whatever its data says."""
    damaged = event(7, utf8("SharedObject.NoReadAccess") + b"\x7f\xff")
    change = event(4, utf8("a") + b"\x03\0\1b\x02\0\x09x")
    found = dissect(19, message(damaged, change, event(8), event(9, utf8("k"))))
    names = [entry["event"] for entry in found.body.value["events"]]
    assert names == ["status", "change", "clear", "remove"]
    assert found.body.value["events"][0]["code"] == "SharedObject.NoReadAccess"
    assert codes(found.body) == ["malformed", "malformed"]
