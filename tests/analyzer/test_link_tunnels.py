"""Tunnels and fragments: TCP further inside than one IP header."""

import random
import struct

import numpy as np
import pytest

from analyzer.link import LinkLayer, fragments
from tests.analyzer.test_link import FLOW4, FLOW6, FOUR, HELLO, SIX, batch, decode, payloads
from tests.analyzer.wire import ethernet, ip4, ip6, tcp, udp

PPPOE = struct.pack(">HHH", 0x1100, 9, 2 + len(FOUR)) + b"\0\x21" + FOUR
LABELS = b"\0\x01\0\x40\0\x02\x01\x40"
INNER = ethernet(FOUR)


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, ethernet(PPPOE, 0x8864)),
        (1, ethernet(b"\0\x05\x88\x64" + PPPOE + bytes(9), 0x8100)),
        (51, PPPOE),
        (9, b"\xff\x03\0\x21" + FOUR),
        (9, b"\x21" + FOUR),
        (50, b"\xff\x03\0\x21" + FOUR),
        (50, b"\x0f\0\x08\0" + FOUR),
        (104, b"\x0f\0\x08\0" + FOUR),
        (204, b"\1\xff\x03\0\x21" + FOUR),
        (219, LABELS + FOUR),
        (9, b"\xff\x03\x02\x81" + LABELS + FOUR),
        (1, ethernet(LABELS + FOUR, 0x8847)),
        (1, ethernet(LABELS + bytes(4) + INNER, 0x8847)),
        (1, ethernet(LABELS + INNER, 0x8848)),
        (101, ip4(FOUR, 4)),
        (101, ip6(FOUR, 4)),
        (101, ip4(b"\0\0\x08\0" + FOUR, 47)),
        (101, ip4(b"\xb0\0\x65\x58" + bytes(12) + INNER, 47)),
        (101, ip4(b"\x30\x81\x88\x0b" + bytes(12) + b"\xff\x03\0\x21" + FOUR, 47)),
        (101, ip4(b"\x10\0\x88\xbe" + bytes(4) + bytes(8) + INNER, 47)),
        (101, ip4(b"\0\0\x88\xbe" + INNER, 47)),
        (101, ip4(udp(b"\x08" + bytes(7) + INNER, 4789), 17)),
        (101, ip6(udp(b"\x08" + bytes(7) + INNER, 8472), 17)),
        (101, ip4(udp(b"\x02\0\x65\x58" + bytes(4) + bytes(8) + INNER, 6081), 17)),
        (101, ip4(udp(b"\0\0\x08\0" + bytes(4) + FOUR, 6081), 17)),
        (101, ip4(udp(b"\x30\xff" + bytes(6) + FOUR, 2152), 17)),
        (101, ip4(udp(b"\x34\xff" + bytes(6) + b"\0\0\0\x85\1\0\0\0" + FOUR, 2152), 17)),
    ],
)
def test_tunnel(link: int, frame: bytes) -> None:
    found, layer = decode(batch([frame], link))
    assert payloads(found) == [HELLO]
    assert list(layer.flows) == [FLOW4]


def test_6in4() -> None:
    found, layer = decode(batch([ethernet(ip4(SIX, 41))]))
    assert (payloads(found), list(layer.flows)) == ([HELLO], [FLOW6])


def test_nesting_ends() -> None:
    for depth, count in ((13, 1), (14, 0), (60, 0)):
        packet = FOUR
        for _ in range(depth):
            packet = ip4(packet, 4)
        found, layer = decode(batch([packet], 101))
        assert (len(found), layer.counters.too_deep) == (count, 1 - count)


def pieces4(body: bytes, sizes: list[int], protocol: int = 6, **more: int) -> list[bytes]:
    """Cut an IPv4 payload; sizes but the last are multiples of eight."""
    out, at = [], 0
    for number, size in enumerate(sizes):
        flag = 0x2000 if number < len(sizes) - 1 else 0
        out.append(ip4(body[at : at + size], protocol, fragment=flag | at // 8, **more))
        at += size
    return out


def pieces6(body: bytes, sizes: list[int], following: int = 6) -> list[bytes]:
    out, at = [], 0
    for number, size in enumerate(sizes):
        head = struct.pack(">BBHI", following, 0, at | (number < len(sizes) - 1), 99)
        out.append(ip6(head + body[at : at + size], 44))
        at += size
    return out


def joined(found: object) -> bytes:
    return b"".join(payloads(found))  # type: ignore[arg-type]


@pytest.mark.parametrize("cut", [pieces4, pieces6])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2), (0, 0, 2, 1, 3, 1)])
def test_fragments_in_any_order(cut: object, order: tuple[int, ...]) -> None:
    assert callable(cut)
    body = random.Random(1).randbytes(100)
    parts = cut(tcp(body, seq=0xFFFFFFF0, flags=0x19), [8, 48, 24, 40])
    frames = batch([parts[number] for number in order], 101)
    found, layer = decode(frames)
    assert joined(found) == body
    # One row per piece of payload, which the capture has in different places.
    assert len(set(found.position.tolist())) == len(found) == 3
    assert len(set(found.frame.tolist())) == 1
    starts = np.cumsum([0, *found.length.tolist()])[:-1]
    assert found.seq.tolist() == [(0xFFFFFFF0 + int(start)) % 2**32 for start in starts]
    assert [flags & 9 for flags in found.flags.tolist()] == [0, 0, 9]
    assert found.payload[0] - found.header[0] == 20
    assert found.split == len(frames.data)
    assert len(layer.flows) == 1


def test_fragments_over_batches() -> None:
    """The position of bytes of an earlier batch is that of the capture."""
    body = bytes(range(200))
    first, second = pieces4(tcp(body), [120, 100])
    link = LinkLayer()
    one, two = batch([first], 101, base=0), batch([second, FOUR], 101, base=5000, first=2)
    assert len(link.decode(one)) == 0
    found = link.decode(two)
    assert joined(found) == body + HELLO
    assert found.frame.tolist() == [2, 2, 3]
    at = int(found.position[0])
    assert one.data[at : at + 100] == body[:100]
    at = int(found.position[1]) - two.base
    assert two.data[at : at + 100] == body[100:]
    assert link.counters.fragments == 1


def test_overlapping_fragments_first_wins() -> None:
    body = tcp(b"a" * 60)
    first, last = pieces4(body, [40, 40])
    evil = ip4(b"X" * 48, fragment=0x2000 | 2)
    found, _ = decode(batch([first, evil, last], 101))
    assert joined(found) == b"a" * 20 + b"X" * 24 + b"a" * 16


def test_fragments_cut_by_snaplen() -> None:
    """What is missing is known by length, never filled in."""
    body = bytes(range(1, 181))
    found, _ = decode(batch(pieces4(tcp(body), [120, 80]), 101, cut=90))
    assert found.length.tolist() == [100, 80]
    assert payloads(found) == [body[:50], body[100:170]]


def test_fragmented_tunnel_of_fragments() -> None:
    body = random.Random(2).randbytes(300)
    frames = []
    for inner in pieces4(tcp(body), [160, 160]):
        vxlan = udp(b"\x08" + bytes(7) + ethernet(inner), 4789)
        frames += pieces4(vxlan, [96, len(vxlan) - 96], 17, ident=len(frames))
    found, layer = decode(batch(frames, 101))
    assert joined(found) == body
    assert list(layer.flows) == [FLOW4]


def test_fragment_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MAX_DATAGRAMS", 10)
    whole = pieces4(tcp(bytes(44)), [32, 32], ident=500)
    others = [pieces4(tcp(bytes(44)), [32, 32], ident=number)[0] for number in range(40)]
    found, layer = decode(batch([whole[0], *others, whole[1]], 101))
    assert len(found) == 0
    assert layer.counters.incomplete == 32
    # Thirty seconds of the capture's own time.
    for wait, count in ((29, 2), (31, 0)):
        link = LinkLayer()
        link.decode(batch([whole[0]], 101))
        found = link.decode(batch([whole[1]], 101, time=wait * 10**9))
        assert len(found) == count
    # Beyond 64 KiB, of no multiple of eight, or empty: no fragment at all.
    bad = [ip4(bytes(80), fragment=0x1FFF), ip4(bytes(7), fragment=0x2000), ip4(b"", fragment=3)]
    found, layer = decode(batch(bad, 101))
    assert layer.counters.malformed == 3


def test_fragment_noise() -> None:
    source = random.Random(3)
    for _ in range(30):
        body = tcp(source.randbytes(source.randrange(400)))
        parts = [
            ip4(
                body[at : at + source.choice((8, 16, 17, 64))],
                fragment=source.choice((0, 0x2000)) | at // 8,
                ident=source.randrange(2),
            )
            for at in source.choices(range(0, 400, 8), k=30)
        ]
        decode(batch(parts, 101, cut=source.choice((None, 40))))
