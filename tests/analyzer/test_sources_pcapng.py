"""pcapng: sections, interfaces, clocks and blocks."""

import io
import struct

import pytest

from analyzer.sources import NO_LINK, Capture, FrameBatch, open_capture
from tests.analyzer import wire
from tests.analyzer.wire import enhanced, interface, old_packet, section, simple

SECOND = 10**9


def read(data: bytes) -> tuple[FrameBatch, Capture]:
    with open_capture(io.BytesIO(data)) as capture:
        (batch,) = capture.batches()
        return batch, capture


def frames(batch: FrameBatch) -> list[bytes]:
    return [batch.data[at : at + size] for at, size in zip(batch.offset, batch.caplen, strict=True)]


def codes(capture: Capture) -> list[str]:
    return [problem.code for problem in capture.problems]


@pytest.mark.parametrize(
    ("resolution", "offset", "ticks", "time"),
    [
        (None, None, 1_500_000, 1_500_000_000),
        (6, 100, 1_500_000, 101 * SECOND + SECOND // 2),
        (0, None, 1_700_000_000, 1_700_000_000 * SECOND),
        (9, -5, 7 * SECOND + 1, 2 * SECOND + 1),
        (12, None, 1_234_567, 1_234),
        (20, None, 1 << 63, (1 << 63) // 10**11),
        (0x80 | 20, None, 3 << 19, SECOND + SECOND // 2),
        (0x80 | 63, None, 3 << 62, SECOND + SECOND // 2),
        (0x80, None, 9, 9 * SECOND),
    ],
)
def test_clock(resolution: int | None, offset: int | None, ticks: int, time: int) -> None:
    for order in "<>":
        head = section(order) + interface(1, order, resolution, offset)
        batch, capture = read(head + enhanced(ticks, b"x", 0, order))
        assert batch.time_ns.tolist() == [time]
        assert capture.problems == []


@pytest.mark.parametrize("resolution", [21, 127, 0x80 | 64, 0xFF])
def test_absurd_resolution(resolution: int) -> None:
    batch, capture = read(section() + interface(1, "<", resolution) + enhanced(5, b"x"))
    assert batch.time_ns.tolist() == [5000]
    assert codes(capture) == ["bad_tsresol"]


@pytest.mark.parametrize("offset", [None, 1 << 62, -(1 << 62)])
def test_absurd_time(offset: int | None) -> None:
    head = section() + interface(1, "<", 0, offset)
    batch, capture = read(head + enhanced(1 << 63, b"x") + enhanced(3, b"y"))
    assert batch.time_ns.dtype == "int64"
    assert abs(batch.time_ns[0]) == (1 << 63) - 1
    assert codes(capture) == ["absurd_time"]
    assert not capture.truncated


def test_several_interfaces_one_of_them_late() -> None:
    batch, capture = read(
        section()
        + interface(1)
        + interface(113, resolution=9)
        + enhanced(1, b"a", 1)
        + enhanced(2, b"b", 0)
        + enhanced(3, b"absent", 2)
        + interface(101)
        + enhanced(4, b"c", 2)
    )
    assert batch.link.tolist() == [113, 1, NO_LINK, 101]
    assert frames(batch) == [b"a", b"b", b"", b"c"]
    assert batch.time_ns.tolist() == [1, 2000, 2000, 4000]
    assert capture.link_types == ["EN10MB", "LINUX_SLL", "RAW"]
    (problem,) = capture.problems
    assert (problem.code, problem.frame, problem.count) == ("absent_interface", 2, 1)
    assert not capture.truncated


def test_sections_of_differing_byte_order() -> None:
    parts = [
        section(order) + interface(link, order, 9) + enhanced(number, b"%d" % number, 0, order)
        for number, (order, link) in enumerate([("<", 1), (">", 0), (">", 12), ("<", 276)])
    ]
    batch, capture = read(b"".join(parts))
    assert frames(batch) == [b"0", b"1", b"2", b"3"]
    assert batch.link.tolist() == [1, 0, 12, 276]
    assert batch.time_ns.tolist() == [0, 1, 2, 3]
    assert capture.link_types == ["EN10MB", "NULL", "RAW", "LINUX_SLL2"]
    # Interfaces do not outlive their section.
    _, capture = read(b"".join(parts) + section() + enhanced(1, b"x"))
    assert codes(capture) == ["absent_interface"]


@pytest.mark.parametrize("order", ["<", ">"])
def test_three_kinds_of_packet(order: str) -> None:
    """A Simple Packet Block has no time: it takes that of the packet before it."""
    batch, capture = read(
        section(order)
        + interface(1, order, 9, snaplen=4)
        + simple(b"first", order)
        + enhanced(50, b"second", 0, order)
        + simple(b"3rd", order)
        + old_packet(60, b"fourth", 0, order)
    )
    assert frames(batch) == [b"firs", b"second", b"3rd", b"fourth"]
    assert batch.wirelen.tolist() == [5, 6, 3, 6]
    assert batch.time_ns.tolist() == [0, 50, 50, 60]
    assert capture.problems == []


def test_other_blocks_are_skipped_and_secrets_kept() -> None:
    keys = b"CLIENT_RANDOM 00 11\n"
    secret = wire.block(10, struct.pack("<II", 0x544C534B, len(keys)) + keys)
    others = [wire.block(kind, bytes(20)) for kind in (4, 5, 0xBAD, 0x40000BAD, 0x0BAD1DEA)]
    batch, capture = read(section() + interface() + b"".join(others) + secret + enhanced(1, b"x"))
    assert frames(batch) == [b"x"]
    assert capture.secrets == [(0x544C534B, keys)]
    assert capture.problems == []


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (enhanced(1, b"abcd")[:-4] + b"\xff\0\0\0", "bad_trailer"),
        (struct.pack("<II", 6, 2 << 30) + bytes(20), "bad_block_length"),
        (struct.pack("<II", 6, 33) + bytes(40), "bad_block_length"),
        (struct.pack("<II", 6, 8) + bytes(20), "bad_block_length"),
        (wire.block(0x0A0D0D0A, bytes(16)), "bad_section"),
    ],
)
def test_what_ends_the_reading(bad: bytes, code: str) -> None:
    good = section() + interface() + enhanced(1, b"x")
    batch, capture = read(good + bad + enhanced(2, b"y"))
    assert frames(batch) == [b"x"]
    assert capture.truncated
    (problem,) = capture.problems
    assert (problem.code, problem.offset, problem.frame) == (code, len(good), 1)


def test_packets_that_cannot_be_read_are_counted() -> None:
    batch, capture = read(
        section()
        + interface()
        + enhanced(1, b"x", caplen=5000)
        + wire.block(6, bytes(8))
        + wire.block(3, b"")
        + old_packet(1, b"x", 3)
        + enhanced(2, b"y")
    )
    assert frames(batch) == [b"", b"", b"", b"", b"y"]
    assert capture.packets == 5
    assert set(codes(capture)) == {"bad_caplen", "short_packet_block", "absent_interface"}


def test_bad_interface() -> None:
    _, capture = read(section() + wire.block(1, b"") + interface() + enhanced(1, b"x"))
    assert codes(capture) == ["bad_interface"]
