"""Addresses: prefixes kept, one to one, what has a meaning of its own stays."""

import struct
from ipaddress import ip_address
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.redaction.addresses import Addresses
from tests.analyzer import talk, wire
from tests.analyzer.redaction.shared import packets, redact, rows, sums_are_right
from tests.analyzer.talk import answer, publish
from tests.dissectors.bodies import obj, string
from tests.dissectors.chunk_builder import build

MAP = Addresses(b"a key")


def common(one: int, two: int, bits: int) -> int:
    return bits - (one ^ two).bit_length()


@settings(deadline=None)
@given(st.integers(1, 2**32 - 2), st.integers(1, 2**32 - 2))
def test_ipv4_prefixes_of_networks_are_kept(one: int, two: int) -> None:
    old = one.to_bytes(4, "big"), two.to_bytes(4, "big")
    new = [int.from_bytes(MAP.ip(each), "big") for each in old]
    assert (new[0] == new[1]) == (one == two)
    shared = common(one, two, 32)
    if shared >= 16:
        assert common(new[0], new[1], 32) == shared


@settings(deadline=None)
@given(st.integers(2**64, 2**128 - 2**64), st.integers(0, 40))
def test_ipv6(value: int, bit: int) -> None:
    other = value ^ 1 << bit
    new = [int.from_bytes(MAP.ip(each.to_bytes(16, "big")), "big") for each in (value, other)]
    assert common(*new, 128) == 127 - bit


def test_addresses_with_a_meaning_stay() -> None:
    for text in (
        "127.0.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "169.254.1.1",
        "::1",
        "::",
    ):
        assert MAP.ip(ip_address(text).packed) == ip_address(text).packed
    assert MAP.mac(b"\xff" * 6) == b"\xff" * 6
    new = MAP.mac(bytes.fromhex("001122334455"))
    assert new[0] & 3 == 2 and new != bytes.fromhex("001122334455")


def test_key_decides() -> None:
    address = ip_address("192.0.2.7").packed
    assert Addresses(b"a key").ip(address) == MAP.ip(address)
    assert len({Addresses(bytes([key])).ip(address) for key in range(8)}) == 8


def test_capture(tmp_path: Path) -> None:
    client = publish(url="rtmp://10.0.0.2/live")
    client[0] = talk.command(
        "connect", 1, obj(("app", string("live")), ("tcUrl", string("rtmp://10.0.0.2/live")))
    )
    data = talk.pcap(client, answer())
    arp = b"\xff" * 6 + bytes.fromhex(
        "0011223344550806000108000604000100112233445 50a000001".replace(" ", "")
    )
    arp += bytes(6) + bytes.fromhex("0a000002")
    udp = wire.ethernet(wire.ip4(wire.udp(b"10.0.0.1 asks", 53), protocol=17))
    for packet in (arp, udp):
        data += struct.pack("<IIII", 9, 9, len(packet), len(packet)) + packet
    copy = redact(tmp_path, data, "--anonymize", "--salt", "x")
    for text in (b"10.0.0.2", b"10.0.0.1", b"\x0a\0\0\1", b"\x0a\0\0\2", b"\0\x11\x22\x33\x44\x55"):
        assert text not in copy
    before, after = talk.opened(tmp_path / "in.pcap"), talk.opened(tmp_path / "out.pcap")
    assert rows(before) == rows(after)
    assert all(sums_are_right(packet) for packet in packets(copy)[:-2])
    names = {view.client.ip for view in after.connections} | {after.connections[0].server.ip}
    assert len(names) == 2
    assert redact(tmp_path, data, "--anonymize", "--salt", "x") == copy
    assert redact(tmp_path, data, "--anonymize", "--salt", "y") != copy
    assert redact(tmp_path, data, "--anonymize") == redact(tmp_path, data, "--anonymize")


def test_client_that_a_proxy_names(tmp_path: Path) -> None:
    for prefix in (
        b"\xf3\0\4\xcb\0\x71\x09",
        b"PROXY TCP4 203.0.113.9 203.0.113.10 51000 1935\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xcb\0\x71\x0a\xc7\x38\x07\x8f",
    ):
        greeting = b"\x03" + bytes(1536 * 2)
        data = talk.streams(
            prefix + greeting + bytes(build(publish()).data),
            greeting + bytes(build(answer()).data),
        )
        copy = redact(tmp_path, data, "--anonymize")
        assert talk.opened(tmp_path / "in.pcap").connections[0].proxied_client
        assert b"\xcb\0\x71\x09" not in copy and b"203.0.113" not in copy
