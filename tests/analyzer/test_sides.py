"""Client and server of connections that the capture shows from the middle on."""

import io
import struct

import pytest

from analyzer.options import Options
from analyzer.session import Session
from tests.analyzer import wire
from tests.analyzer.rules.builder import C, S, Talk, capture, command, good
from tests.analyzer.talk import CAPTURES
from tests.dissectors.bodies import NULL, num


def records(name: str) -> tuple[bytes, list[bytes]]:
    return wire.records((CAPTURES / "lab" / f"{name}.pcap").read_bytes())


def moved(record: bytes, client: int, server: int) -> bytes:
    """Give an IPv4 packet on Ethernet other ports."""
    tcp = 16 + 14 + (record[30] & 15) * 4
    ports = [server if port == 1935 else client for port in struct.unpack_from(">HH", record, tcp)]
    return record[:tcp] + struct.pack(">HH", *ports) + record[tcp + 4 :]


def read(header: bytes, kept: list[bytes], **options: object) -> Session:
    session = Session([io.BytesIO(header + b"".join(kept))], Options(**options))
    session.run()
    return session


@pytest.mark.parametrize("name", ["nginx-no-bframes", "ertmp-hevc-aac", "gst-rtmp2sink"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_what_a_publisher_says_at_the_end_tells_the_client(name, part):
    """The server has the higher port: no port tells who is who."""
    header, packets = records(name)
    kept = [moved(each, 30_000, 50_000) for each in packets[int(part * len(packets)) :]]
    (found,) = read(header, kept, decode_as=frozenset({50_000})).connections
    assert (found.client.port, found.server.port) == (30_000, 50_000)
    assert not found.from_start


def test_a_status_alone_is_read_and_tells_the_server():
    """After the start in the middle, the server says nothing but one onStatus: 120 bytes."""
    header, packets = records("nginx-no-bframes")
    session = read(header, packets[len(packets) // 2 :])
    (found,) = session.connections
    answers = [item for item in found.rtmp.commands if item.side == found.sides[1]]
    assert [item.name for item in answers] == ["onStatus"]
    assert [item.name for item in found.rtmp.commands if item.side == found.sides[0]] == [
        "FCUnpublish",
        "deleteStream",
    ]


def test_the_port_of_rtmp_tells_more_than_messages():
    """FFmpeg says FCUnpublish and deleteStream when it has served a player, too."""
    header, packets = records("ffmpeg-listen-play")
    (found,) = read(header, packets[len(packets) // 2 :]).connections
    assert found.rtmp.client_votes[found.sides[1]] > found.rtmp.client_votes[found.sides[0]]
    assert found.server.port == 1935


def ports(*talks: Talk) -> list[tuple[int, int]]:
    session = Session([io.BytesIO(capture(*talks))], Options(decode_as=frozenset({50_000})))
    session.run()
    return [(found.client.port, found.server.port) for found in session.connections]


def silent(port: int, start_ms: float = 0) -> Talk:
    """A publisher that says nothing but media, to a server with a higher port."""
    talk = Talk(port=port, server_port=50_000, start_ms=start_ms).publishing()
    talk.packets.clear()
    return talk.media(3)


def test_nothing_tells():
    assert ports(silent(30_000)) == [(50_000, 30_000)]  # the lower port is taken for the server's


def test_who_serves_others_is_the_server():
    assert ports(silent(30_000), silent(30_001)) == [(30_000, 50_000), (30_001, 50_000)]
    whole = Talk(port=30_001, server_port=50_000, start_ms=5_000).publishing().media(1)
    assert ports(silent(30_000), whole) == [(30_000, 50_000), (30_001, 50_000)]


@pytest.mark.parametrize(
    ("side", "message"),
    [(C, command("closeStream", 0, NULL)), (S, command("onBWDone", 0, NULL, num(0)))],
)
def test_one_message_tells(side, message):
    talk = silent(30_000)
    talk.send(side, message)
    assert ports(talk.media(1, start=3000)) == [(30_000, 50_000)]


def test_what_was_opened_in_the_capture_is_certain():
    talk = Talk(port=1935, server_port=900)
    talk.publishing().media(1)
    assert ports(talk) == [(1935, 900)]
    assert ports(good()) == [(50_000, 1935)]
