"""Ethernet … TCP: the input matrix, and that columns and careful reading agree."""

import random
import struct
from collections.abc import Callable

import dpkt
import numpy as np
import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import GRE, Dot1AD, Dot1Q, Ether

from analyzer.link import Flow, LinkLayer, SegmentBatch
from analyzer.sources import NO_LINK, FrameBatch
from tests.analyzer import wire
from tests.analyzer.wire import ethernet, ip4, ip6, tcp, udp

NOT_COLUMNS = ("data", "base", "rejected")
COLUMNS = [name for name in SegmentBatch.__dataclass_fields__ if name not in NOT_COLUMNS]
HELLO = b"hello, segment"
FOUR, SIX = ip4(tcp(HELLO)), ip6(tcp(HELLO))
FLOW4 = Flow(wire.A4, 5000, wire.B4, 1935)
FLOW6 = Flow(wire.A6, 5000, wire.B6, 1935)


def batch(
    frames: list[bytes],
    link: int | list[int] = 1,
    cut: int | None = None,
    wirelen: int | None = None,
    base: int = 1000,
    first: int = 1,
    time: int = 0,
) -> FrameBatch:
    """Put frames into a batch with a few bytes between them; `cut` is the snaplen."""
    kept = [frame[:cut] for frame in frames]
    sizes = [len(frame) for frame in kept]
    starts = np.cumsum([3] + [size + 3 for size in sizes])[:-1]
    return FrameBatch(
        data=b"\xee" * 3 + b"".join(frame + b"\xee" * 3 for frame in kept),
        base=base,
        first_frame=first,
        offset=starts.astype(np.int64),
        caplen=np.array(sizes, dtype=np.int64),
        wirelen=np.array([wirelen or len(frame) for frame in frames], dtype=np.int64),
        time_ns=np.arange(len(frames), dtype=np.int64) + time,
        link=np.array(link if isinstance(link, list) else [link] * len(frames), dtype=np.int32),
    )


def decode(frames: FrameBatch) -> tuple[SegmentBatch, LinkLayer]:
    """Decode in columns and carefully; both must say the same."""
    link, other = LinkLayer(), LinkLayer()
    found, careful = link.decode(frames), other.decode_carefully(frames)
    for name in COLUMNS:
        assert np.array_equal(getattr(found, name), getattr(careful, name)), name
        if name != "split":
            assert getattr(found, name).dtype == getattr(careful, name).dtype, name
    assert found.data == careful.data
    assert list(link.flows) == list(other.flows)
    assert link.counters == other.counters
    for at, size, where in zip(found.payload, found.captured, found.position, strict=True):
        where -= frames.base
        assert found.data[at : at + size] == frames.data[where : where + size]
    return found, link


def payloads(found: SegmentBatch) -> list[bytes]:
    return [
        found.data[at : at + size] for at, size in zip(found.payload, found.captured, strict=True)
    ]


def sll(body: bytes, kind: int) -> bytes:
    return struct.pack(">HHH8sH", 0, 1, 6, bytes(8), kind) + body


def sll2(body: bytes, kind: int) -> bytes:
    return struct.pack(">HHIHBB8s", kind, 0, 1, 1, 0, 6, bytes(8)) + body


@pytest.mark.parametrize(
    ("link", "frame", "flow"),
    [
        (1, ethernet(FOUR), FLOW4),
        (1, ethernet(SIX, 0x86DD), FLOW6),
        (1, ethernet(b"\0\x05\x08\0" + FOUR, 0x8100), FLOW4),
        (1, ethernet(b"\0\x05\x81\0\0\x06\x86\xdd" + SIX, 0x88A8), FLOW6),
        (1, ethernet(b"\0\x05\x81\0\0\x06\x08\0" + FOUR, 0x9100), FLOW4),
        (1, ethernet(b"\0\x05\x81\0" * 5 + b"\0\x06\x08\0" + FOUR, 0x8100), FLOW4),
        (113, sll(FOUR, 0x0800), FLOW4),
        (113, sll(SIX, 0x86DD), FLOW6),
        (113, sll(b"\0\x05\x08\0" + FOUR, 0x8100), FLOW4),
        (276, sll2(FOUR, 0x0800), FLOW4),
        (276, sll2(SIX, 0x86DD), FLOW6),
        (276, sll2(b"\0\x05\x86\xdd" + SIX, 0x8100), FLOW6),
        *((0, struct.pack(order + "I", 2) + FOUR, FLOW4) for order in "<>"),
        *((0, struct.pack("<I", family) + SIX, FLOW6) for family in (10, 24, 28, 30)),
        (0, struct.pack(">I", 30) + SIX, FLOW6),
        (108, struct.pack(">I", 2) + FOUR, FLOW4),
        (108, struct.pack(">I", 24) + SIX, FLOW6),
        *((link, FOUR, FLOW4) for link in (12, 14, 101, 228)),
        *((link, SIX, FLOW6) for link in (12, 14, 101, 229)),
        (1, ethernet(ip4(tcp(HELLO), options=bytes(24))), FLOW4),
        (1, ethernet(ip4(tcp(HELLO, options=bytes(32)))), FLOW4),
        # Padding up to the Ethernet minimum, and a frame check sequence.
        (1, ethernet(FOUR) + bytes(40), FLOW4),
        # Segmentation left to the network card: IP says 0.
        (1, ethernet(ip4(tcp(HELLO), length=0)), FLOW4),
        (1, ethernet(ip6(tcp(HELLO), length=0), 0x86DD), FLOW6),
        # Hop-by-hop options, routing, destination options, an atomic fragment, AH.
        (101, ip6(b"\6\0\1\4" + bytes(4) + tcp(HELLO), 0), FLOW6),
        (101, ip6(b"\x3c\0" + bytes(6) + b"\6\1" + bytes(14) + tcp(HELLO), 43), FLOW6),
        (101, ip6(b"\6\0\0\0\0\0\0\x09" + tcp(HELLO), 44), FLOW6),
        (101, ip4(b"\6\4" + bytes(22) + tcp(HELLO), 51), FLOW4),
        # LLC with SNAP behind a length, which trims the padding.
        (1, ethernet(b"\xaa\xaa\3\0\0\0\x08\0" + FOUR, 8 + len(FOUR)) + bytes(9), FLOW4),
    ],
)
def test_matrix(link: int, frame: bytes, flow: Flow) -> None:
    found, layer = decode(batch([frame], link))
    assert payloads(found) == [HELLO]
    assert list(layer.flows) == [flow]
    assert found.seq.tolist() == [1]
    assert (found.length.tolist(), found.window.tolist()) == ([len(HELLO)], [512])
    assert found.data[found.header[0] :].startswith(struct.pack(">HH", 5000, 1935))
    assert found.ident.tolist() == [77 if flow == FLOW4 else -1]


def test_against_other_builders() -> None:
    packet = IP(src=wire.A4, dst=wire.B4) / TCP(sport=5000, dport=1935) / HELLO
    frames = [
        bytes(Ether() / packet),
        bytes(Ether() / Dot1Q(vlan=3) / packet),
        bytes(Ether() / Dot1AD(vlan=4) / Dot1Q(vlan=3) / packet),
        bytes(Ether() / IP(src="1.1.1.1") / GRE() / packet),
        bytes(dpkt.ethernet.Ethernet(data=dpkt.ip.IP(bytes(packet)))),
    ]
    found, layer = decode(batch(frames))
    assert payloads(found) == [HELLO] * 5
    assert list(layer.flows) == [FLOW4]


def test_directions_and_numbering() -> None:
    """Flows are numbered as they appear; `a` is the smaller endpoint, as a number."""
    back = struct.pack(">HH", 1935, 5000) + tcp(b"back")[4:]
    frames = [
        ethernet(ip4(tcp(b"1"), source="9.0.0.1", target="10.0.0.1")),
        ethernet(ip4(tcp(b"2"), source="200.0.0.1", target="10.0.0.1")),
        ethernet(ip6(tcp(b"3"), source="ff::", target="fe::1"), 0x86DD),
        ethernet(ip4(back, source="10.0.0.1", target="200.0.0.1")),
        ethernet(ip6(back, source="fe::1", target="ff::"), 0x86DD),
        ethernet(ip4(tcp(b"6"), source="1.1.1.1", target="1.1.1.1")),
    ]
    found, layer = decode(batch(frames))
    assert found.flow.tolist() == [0, 1, 2, 1, 2, 3]
    assert found.reverse.tolist() == [False, True, True, False, False, True]
    assert layer.flows[:] == [
        Flow("9.0.0.1", 5000, "10.0.0.1", 1935),
        Flow("10.0.0.1", 1935, "200.0.0.1", 5000),
        Flow("fe::1", 1935, "ff::", 5000),
        Flow("1.1.1.1", 1935, "1.1.1.1", 5000),
    ]
    assert found.frame.tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("cut", range(14 + 40, 14 + 40 + len(HELLO) + 1))
def test_snaplen_cuts_the_payload(cut: int) -> None:
    found, _ = decode(batch([ethernet(ip4(tcp(HELLO)))], cut=cut))
    assert payloads(found) == [HELLO[: cut - 54]]
    assert found.length.tolist() == [len(HELLO)]


@pytest.mark.parametrize("cut", range(14 + 36, 14 + 60))
def test_snaplen_cuts_the_header(cut: int) -> None:
    """payload - header is what was captured of the header."""
    found, _ = decode(batch([ethernet(ip4(tcp(HELLO, options=bytes(20))))], cut=cut))
    assert (payloads(found), found.length.tolist()) == ([b""], [len(HELLO)])
    assert (found.payload - found.header).tolist() == [cut - 34]


def test_snaplen_cuts_an_offloaded_packet() -> None:
    frames = batch([ethernet(ip4(tcp(bytes(9000)), length=0))], cut=96)
    found, _ = decode(frames)
    assert (found.captured.tolist(), found.length.tolist()) == ([42], [9000])
    # A wire length that cannot be meant.
    frames.wirelen[0] = 1 << 31
    found, _ = decode(frames)
    assert found.length.tolist() == [42]


def test_jumbogram() -> None:
    body = tcp(bytes(70_000))
    option = b"\6\0\xc2\4" + struct.pack(">I", len(body) + 8)
    found, _ = decode(batch([ip6(option + body, 0, length=0) + b"padding"], 101))
    assert found.length.tolist() == [70_000]


def test_frame_beyond_64_kib() -> None:
    found, _ = decode(batch([ethernet(ip4(tcp(bytes(65_495))) + bytes(20)), ethernet(FOUR)]))
    assert found.length.tolist() == [65_495, len(HELLO)]


def test_what_gives_no_segment() -> None:
    frames = [
        ethernet(bytes(28), 0x0806),
        ethernet(b"\xfe\xfe\3" + bytes(40), 43),
        ethernet(ip4(udp(b"x", 53), 17)),
        ethernet(ip4(udp(b"x", 4789), 17)),
        ethernet(ip4(bytes(8), 1)),
        ethernet(ip6(bytes(8), 58), 0x86DD),
        ethernet(ip4(b"\0\0", 17)),
        ethernet(ip4(b"")),
        ethernet(ip4(tcp(b"")[:12] + b"\x40" + bytes(7))),
        ethernet(ip4(tcp(b"")[:12] + b"\xf0" + bytes(7))),
        ethernet(ip4(tcp(b""), length=19)),
        ethernet(FOUR, 0x86DD),
        ethernet(ip4(tcp(b""))[:20]),
        ethernet(b"")[:10],
        b"",
    ]
    found, layer = decode(batch(frames))
    counters = layer.counters
    assert (len(found), len(layer.flows)) == (0, 0)
    assert (counters.not_ip, counters.not_tcp) == (2, 4)
    assert counters.malformed == len(frames) - 6
    found, layer = decode(batch([FOUR] * 4, [147, 147, 999, NO_LINK]))
    assert layer.counters.unsupported_link == {147: 2, 999: 1}
    assert layer.counters.unreadable == 1


def test_families_must_fit() -> None:
    frames = [struct.pack("<I", 7) + FOUR, struct.pack("<I", 2) + SIX]
    found, layer = decode(batch(frames, 0))
    assert (len(found), layer.counters.not_ip, layer.counters.malformed) == (0, 1, 1)
    found, layer = decode(batch([SIX, FOUR], [228, 229]))
    assert (len(found), layer.counters.malformed) == (0, 2)


def test_empty_batch() -> None:
    found, _ = decode(batch([]))
    assert len(found) == 0


def test_flow_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the first bound a flow must bring payload, past the second there is none more."""
    monkeypatch.setattr("analyzer.link.model.EAGER_FLOWS", 3)
    monkeypatch.setattr("analyzer.link.model.MAX_FLOWS", 5)
    sizes = [0, 0, 0, 0, 1, 1, 1, 0]
    frames = [
        ethernet(ip4(tcp(bytes(size)), source=f"10.1.0.{number}"))
        for number, size in enumerate(sizes)
    ]
    found, layer = decode(batch(frames))
    assert found.frame.tolist() == [1, 2, 3, 5, 6]
    assert layer.counters.unknown_flow == 3


def test_mixing_collisions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flows stay apart when their keys mix to the same number."""
    monkeypatch.setattr("analyzer.link.columns._MIX", np.uint64(0))
    frames = [ethernet(ip4(tcp(b"x"), source=f"10.0.0.{1 + n % 7}")) for n in range(20)]
    frames += [ethernet(ip6(tcp(b"x"), source=f"fe::{1 + n % 5}"), 0x86DD) for n in range(20)]
    _, layer = decode(batch(frames))
    assert len(layer.flows) == 12


def _mutated(source: random.Random, frame: bytes) -> bytes:
    data = bytearray(frame)
    for _ in range(source.randrange(4)):
        data[source.randrange(len(data))] = source.choice((0, 1, 4, 6, 0x45, 255, 129))
    return bytes(data[: source.randrange(len(data) + 20)])


@pytest.mark.parametrize("link", [0, 1, 9, 12, 50, 51, 101, 104, 108, 113, 204, 219, 228, 229, 276])
def test_garbage(link: int) -> None:
    """Mutated frames and noise: no exception, and both ways say the same."""
    source = random.Random(link)
    builders: list[Callable[[], bytes]] = [
        lambda: FOUR,
        lambda: SIX,
        lambda: ethernet(FOUR),
        lambda: ethernet(b"\0\x05\x81\0\0\x06\x86\xdd" + SIX, 0x88A8),
        lambda: sll(FOUR, 0x0800),
        lambda: sll2(SIX, 0x86DD),
        lambda: ethernet(ip4(udp(bytes(8) + ethernet(FOUR), 4789), 17)),
        lambda: ethernet(b"\x11\0\0\1\0\x38\0\x21" + FOUR, 0x8864),
        lambda: ethernet(b"\x11\0\0\1\0\x38\0\x57" + SIX, 0x8864),
        lambda: ip6(b"\6\0\1\4" + bytes(4) + tcp(HELLO), 0),
        lambda: source.randbytes(source.randrange(1, 200)),
    ]
    for _ in range(12):
        frames = [_mutated(source, source.choice(builders)()) for _ in range(40)]
        decode(batch(frames, link, cut=source.choice((None, 60, 80))))
