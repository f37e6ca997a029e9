"""However a conversation is cut into packets, and in whatever order these stand in the file."""

import io
import random
from pathlib import Path

import pytest

from analyzer.session import Session
from tests.analyzer import talk, wire

CAPTURES = Path(__file__).parents[2] / "captures"
FAR = 40
"""Packets by which a capture's order was seen to be wrong: `lo`, several queues."""


def session(data: bytes) -> Session:
    found = Session([io.BytesIO(data)])
    found.run()
    return found


def report(found: Session) -> list[object]:
    """Everything about messages that does not tell frames or times."""
    columns = ("stream_offset", "end_offset", "type_id", "timestamp", "length", "flags")
    rows = [
        (found.message_id(row), *(found.value(row, name) for name in columns), found.body(row).data)
        for row in found.order().tolist()
    ]
    ends = [(str(each.client), str(each.server), each.closed_by) for each in found.connections]
    return [ends, sorted(rows)]


NAMES = ("real/publish-play-nginx", "lab/nginx-audio-only", "lab/nms-hevc", "lab/nginx-lossy")


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_shuffled_within_40_packets(name, seed):
    header, packets = wire.records((CAPTURES / f"{name}.pcap").read_bytes())
    rng = random.Random(seed)
    order = sorted(range(len(packets)), key=lambda number: number + rng.random() * FAR)
    mixed = [packets[at][:8] + packets[number][8:] for at, number in enumerate(order)]
    found = session(header + b"".join(mixed))
    assert not any(d.gaps for c in found.connections for d in c.tcp_connection.directions)
    assert report(found) == report(session(header + b"".join(packets)))


@pytest.mark.parametrize("name", NAMES)
def test_every_packet_twice(name):
    header, packets = wire.records((CAPTURES / f"{name}.pcap").read_bytes())
    found = session(header + b"".join(packet + packet for packet in packets))
    whole = session(header + b"".join(packets))
    assert report(found) == report(whole)
    for one, other in zip(found.connections, whole.connections, strict=True):
        for twice, once in zip(
            one.tcp_connection.directions, other.tcp_connection.directions, strict=True
        ):
            assert twice.stats.duplicates == once.stats.segments
            assert twice.stats.retransmitted == once.stats.retransmitted


def test_segments_of_any_size():
    sizes = (1, 2, 13, 128, 536, 1448, 65_000)
    first, *others = (report(session(talk.pcap(talk.publish(), talk.answer(), n))) for n in sizes)
    assert all(other == first for other in others)
