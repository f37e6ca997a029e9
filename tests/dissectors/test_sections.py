"""Every message names the section that describes it."""

import pytest

from dissectors.dissect import MESSAGE_TYPES, Header, dissect_header, section_of
from dissectors.handshake_tree import dissect_handshake
from tests.dissectors.bodies import dissect, num, obj, string


def section(type_id: int, body: bytes) -> str:
    return section_of(type_id, dissect(type_id, body).body)


def test_every_type_has_one():
    assert all(entry.section.startswith("RTMP 1.0 §") for entry in MESSAGE_TYPES.values())
    assert section(99, b"") == ""


@pytest.mark.parametrize(
    ("type_id", "body", "wanted"),
    [
        (1, bytes(4), "RTMP 1.0 §5.4.1"),
        (4, bytes(6), "RTMP 1.0 §6.2, §7.1.7"),
        (4, bytes.fromhex("001f00000001"), "RTMP 1.0 §6.2 (the event is not in it)"),
        (8, b"\xaf\x01", "RTMP 1.0 §7.1.4, FLV 10.1 §E.4.2"),
        (8, b"\x91Opus\xfc", 'E-RTMP v2 "Enhanced Audio"'),
        (9, b"\x92av01", 'E-RTMP v2 "Enhanced Video"'),
        (18, string("onMetaData"), "RTMP 1.0 §7.1.2, FLV 10.1 §E.5"),
        (18, string("onTextData"), "RTMP 1.0 §7.1.2"),
    ],
)
def test_sections(type_id, body, wanted):
    assert section(type_id, body) == wanted


def test_a_request_to_reconnect_is_of_enhanced_rtmp():
    code = string("NetConnection.Connect.ReconnectRequest")
    body = string("onStatus") + num(0) + b"\x05" + obj(("code", code))
    assert section(20, body) == 'E-RTMP v2 "Reconnect Request"'


def test_headers_and_handshakes_name_theirs():
    header = dissect_header(bytes.fromhex("4300000000002714"), Header(1, 3, 0, 20, 0, 39))
    assert [node.value for node in header.children if node.name == "section"] == ["RTMP 1.0 §5.3.1"]
    packet = b"\3" + bytes(1536)
    (tree,) = dissect_handshake(packet, b"")
    sections = [node.value for node in tree.walk() if node.name == "section"]
    assert sections == ["RTMP 1.0 §5.2.2", "RTMP 1.0 §5.2.3"]
