"""RTMP 1.0 §7.1.6: aggregate messages."""

from dissectors.messages.aggregate import MAX_SUB_MESSAGES
from tests.dissectors.bodies import codes, dissect, lines, obj, string


def sub(type_id: int, timestamp: int, data: bytes, pointer: int | None = None) -> bytes:
    low, high = (timestamp & 0xFFFFFF).to_bytes(3, "big"), bytes([timestamp >> 24])
    head = bytes([type_id]) + len(data).to_bytes(3, "big") + low + high + bytes(3)
    back = 11 + len(data) if pointer is None else pointer
    return head + data + back.to_bytes(4, "big")


SCRIPT = string("onCuePoint") + obj(("name", string("x")))


def test_sub_messages_are_rebased_and_decoded():
    body = sub(8, 100, b"\xaf\x01\x01\x02") + sub(18, 120, SCRIPT)
    found = dissect(22, body, timestamp=1000, msid=1)
    assert (found.title, found.info) == ("Aggregate", "Aggregate (2 messages)")
    assert found.body.name == "aggregate"
    first, second = found.body.value["messages"]
    assert (first["type"], first["timestamp"], first["length"]) == ("Audio Data", 1000, 4)
    assert "audio" in first
    assert second["timestamp"] == 1020
    assert second["data"] == {"name": "onCuePoint", "values": [{"name": "x"}]}


def test_spans_of_sub_fields_are_in_the_aggregate():
    body = sub(8, 0, b"\xaf\x01\x01") + sub(18, 0, SCRIPT)
    found = dissect(22, body)
    name = found.body.children[1].find("data").children[0]
    assert (name.label, name.start) == ("String 'onCuePoint'", 18 + 11)
    assert body[name.start : name.end] == string("onCuePoint")


def test_tree_of_the_header():
    found = dissect(22, sub(18, 0x01000054, SCRIPT), timestamp=5000)
    assert lines(found.body)[1:8] == [
        "    Script Tag: onCuePoint()",
        "        Type: AMF0 Data (18)",
        f"        Data size: {len(SCRIPT)}",
        "        Timestamp: 84",
        "        Timestamp Extended: 1",
        "        Stream ID: 0",
        "        Timestamp: 5000 (calculated, rebased by -16772300)",
    ]


def test_times_wrap():
    body = sub(8, 0, b"") + sub(8, 32, b"")
    found = dissect(22, body, timestamp=0xFFFFFFF0)
    assert [m["timestamp"] for m in found.body.value["messages"]] == [0xFFFFFFF0, 16]


def test_back_pointers():
    assert codes(dissect(22, sub(8, 0, b"", pointer=12)).body) == ["back_pointer"]
    missing = dissect(22, sub(8, 0, b"")[:-4])
    assert codes(missing.body) == ["back_pointer_missing"]


def test_bad_size_stops_and_shows_the_rest():
    body = sub(8, 0, b"") + b"\x09\xff\xff\xff" + bytes(7) + b"abc"
    found = dissect(22, body)
    assert codes(found.body) == ["malformed"]
    assert len(found.body.value["messages"]) == 2
    assert any(node.name == "undecoded" for node in found.body.walk())


def test_nested_aggregates_are_not_decoded():
    found = dissect(22, sub(22, 0, sub(18, 0, SCRIPT)))
    assert codes(found.body) == ["nested_aggregate"]


def test_a_broken_sub_message_does_not_disturb_the_next():
    found = dissect(22, sub(18, 0, b"\x02\xff\xffabc") + sub(18, 0, SCRIPT))
    assert codes(found.body) == ["malformed"]
    assert found.body.value["messages"][1]["data"]["name"] == "onCuePoint"


def test_number_of_sub_messages_is_limited():
    found = dissect(22, sub(99, 0, b"") * (MAX_SUB_MESSAGES + 2))
    assert len(found.body.value["messages"]) == MAX_SUB_MESSAGES
    assert found.body.children[-2].name == "truncated"


AVCC = bytes.fromhex("1700000000014d400affe10016674d400ada1a3dcb20220000030002000003003d1e242a80")
FRAME = b"\x27\x01\0\0\x28" + b"\0\0\0\2\x41\x9a"


def test_a_configuration_counts_for_the_sub_messages_behind_it():
    body = sub(9, 40, FRAME) + sub(9, 80, AVCC) + sub(9, 120, FRAME)
    _, config, after = dissect(22, body, timestamp=1000).body.value["messages"]
    assert config["video"]["config"]["profile"] == "Main"
    assert (after["video"]["dts"], after["video"]["pts"]) == (1080, 1120)
    assert after["video"]["nal_units"] == [{"type": 1, "name": "non-IDR slice", "length": 2}]
    found = dissect(22, body).body
    notes = [[e.code for n in child.walk() for e in n.experts] for child in found.children]
    assert "no_codec_configuration" in notes[0] and not notes[2]


def test_encrypted_tags_are_named():
    """FLV 10.1 §E.4.1: bit 5 of the type is the Filter bit; the content is not guessed at."""
    found = dissect(22, sub(0x28, 0, b"\x01Encryption\0") + sub(8, 0, b"\xaf\x01"))
    first, second = (node for node in found.body.children if node.name == "message")
    assert first.label == "Encrypted Audio Tag"
    assert found.body.value["messages"][0]["type"] == "Encrypted Audio Data"
    assert codes(first) == ["encrypted_tag"]
    assert second.label.startswith("Audio Tag: AAC raw")
