"""Wireshark's names in the display filter: what messages can answer, and why they cannot."""

import struct

import pytest

from analyzer import filters
from analyzer.filters import FilterError
from analyzer.session import Session
from tests.analyzer import talk
from tests.analyzer.talk import CAPTURES, answer, command, publish
from tests.dissectors.bodies import NULL, ecma, num, obj
from tests.dissectors.chunk_builder import Message


def tag(type_id: int, time: int, body: bytes) -> bytes:
    """FLV's order: the low 24 bits of the time, then the high 8 (FLV 10.1 §E.4.1)."""
    head = bytes([type_id]) + len(body).to_bytes(3, "big")
    head += (time & 0xFFFFFF).to_bytes(3, "big") + bytes([time >> 24]) + bytes(3)
    return head + body + struct.pack(">I", len(body) + 11)


AMF3 = b"\x0a\x0b\x01" + b"\x03a\x04\x07" + b"\x03b\x0c\x05\xca\xfe" + b"\x01"
DATE = b"\x0b" + struct.pack(">dh", 1_000, 0)
TYPED = b"\x10" + struct.pack(">H", 3) + b"Cls" + obj()[1:]
CLIENT = [
    *publish(),
    command("note", 7, NULL, b"\x11" + AMF3),
    command("more", 8, NULL, ecma(("x", DATE)), b"\x0a\0\0\0\x01" + num(1), TYPED),
    command("text", 9, NULL, b"\x0f\0\0\0\x04<a/>", b"\x0c\0\0\0\x04long"),
    Message(6, 22, 1, 500, tag(9, 1_000, b"\x27\x01\0\0\0ab") + tag(8, 1_040, b"\xaf\x01cd")),
    Message(6, 9, 1, 600, b"\x91hvc1\x00\x00\x00beef"),
]


@pytest.fixture(scope="module")
def session() -> Session:
    return talk.session(CLIENT, answer())


def count(session: Session, text: str) -> int:
    return len(filters.compile(text).rows(session, session.order()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("amf.integer == 7", 1),
        ("amf.integer", 1),
        ("amf.bytearray == ca:fe", 1),
        ("amf.bytearray contains fe", 1),
        ("amf.ecmaarray", 1),
        ("amf.strictarray and amf.arraylength == 1", 1),
        ("amf.array", 0),
        ("amf.date == 1000", 1),
        ('amf.classname == "Cls"', 1),
        ('amf.xml_doc contains "<a"', 1),
        ('amf.longstring == "long"', 1),
        ("amf.amf3_type == 4", 1),
        ("amf.amf0_type == 0x11", 1),
        ("amf and amf.object and command.name == connect", 1),
        ("amf and (audio or video)", 0),
        ("rtmpt.tag.type == 9", 1),
        ("rtmpt.tag.datasize == 4", 1),
        ("rtmpt.tag.timestamp == 540", 1),
        ("rtmpt.tag.ets == 0 and rtmpt.tag.tagsize == 15 and rtmpt.tag.streamid == 0", 1),
        ('rtmpt.video.data contains "beef"', 1),
        ('rtmpt.video.data contains "hvc1"', 0),
        ("rtmpt.audio.data == 12:08", 0),
        ("rtmpt.audio.data == 00:12:08", 1),
        ("ip and tcp", len(CLIENT) + 4),
        ("ip.addr", len(CLIENT) + 4),
        ("ipv6 or ipv6.addr or ipv6.src or ipv6.dst", 0),
    ],
)
def test_names(session: Session, text: str, expected: int) -> None:
    assert count(session, text) == expected


def test_families_of_addresses() -> None:
    session = Session([str(CAPTURES / "lab/nginx-ipv6.pcap")])
    session.run()
    every = len(session.order())
    assert every and count(session, "ip or ip.addr or ip.src or ip.dst") == 0
    for text in ("ipv6", "ipv6.addr", "ipv6.src and ipv6.dst", "ipv6.addr == ::/0"):
        assert count(session, text) == every
    assert count(session, "connection.client.ip == ::/0") == every


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rtmpt.handshake.c1", "handshake"),
        ("tcp.len > 5", "segment"),
        ("tcp.flags.syn == 1", "segment"),
        ("frame.len > 100", "packet"),
        ("eth", "packet"),
        ("amf.message.target_uri", "AMF over HTTP"),
        ("amf.stringlength == 4", "encoded"),
        ("http.request", "another protocol"),
    ],
)
def test_what_messages_cannot_answer(text: str, reason: str) -> None:
    with pytest.raises(FilterError, match=reason) as caught:
        filters.compile(text)
    assert "unknown" not in caught.value.message
    assert (caught.value.position, caught.value.length) == (0, len(text.split()[0]))


def test_every_name_of_tshark_has_an_answer() -> None:
    """Those of 4.4.18: each is a field, or its error says why it is none."""
    names = (
        "rtmpt.handshake.c0 rtmpt.header.ets rtmpt.scm.was rtmpt.ucm.eventtype rtmpt.tag.tagsize "
        "rtmpt.function.call rtmpt.audio.data rtmpt.video.data amf.version amf.header.name "
        "amf.message_count amf.amf0_type amf.amf3_type amf.number amf.integer amf.boolean "
        "amf.stringlength amf.string amf.string_reference amf.object_reference amf.date amf.xml "
        "amf.longstring amf.xml_doc amf.xmllength amf.int64 amf.bytearraylength amf.bytearray "
        "amf.object amf.traitcount amf.classnamelength amf.classname amf.membername amf.loop "
        "amf.membernamelength amf.trait_reference amf.ecmaarray amf.strictarray amf.array "
        "amf.arraylength amf.arraydenselength amf.end_of_object_marker "
        "amf.end_of_associative_part amf.end_of_dynamic_members"
    ).split()
    for name in names:
        try:
            filters.compile(name)
        except FilterError as error:
            assert "unknown" not in error.message, name


@pytest.mark.parametrize(("text", "place"), [("ip.addr == ::1", 11), ("ipv6.src == 10.0.0.1", 12)])
def test_addresses_of_the_other_family(text: str, place: int) -> None:
    with pytest.raises(FilterError, match="expected an IPv") as caught:
        filters.compile(text)
    assert caught.value.position == place


def test_the_caret_is_below_the_whole_operator() -> None:
    with pytest.raises(FilterError, match="!=") as caught:
        filters.compile("csid <> 3")
    assert (caught.value.position, caught.value.length) == (5, 2)
