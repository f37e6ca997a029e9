"""What a byte stream is, by its first bytes (RTMP 1.0 §5.2)."""

import random

import pytest

from dissectors import handshake
from dissectors.connection import RtmpConnection
from dissectors.probe import Start, recognise
from dissectors.spec import HANDSHAKE_SIZE

RNG = random.Random(3389)
CHUNK = bytes.fromhex("030000000000271400000000") + bytes(39)


def packet(head: bytes = bytes(8)) -> bytes:
    """C1, S1, C2 or S2."""
    return head + RNG.randbytes(HANDSHAKE_SIZE - len(head))


def start(data: bytes) -> Start:
    return Start(data, 0, True, handshake.classify(data[:2048]).kind)


def said(client: bytes, server: bytes, *, likely: bool = False) -> str | None:
    return recognise([start(client), start(server)], likely, final=True)


TPKT = bytes.fromhex("0300001302f08064")
NOISE = [b"\3" + TPKT[1:5] + b"\xe0" + packet()[5:] + packet() for _ in range(2)]
C1, S1 = packet(b"\0\0\0\7\x0a\0\2\0"), packet(b"\0\0\0\7\5\0\0\1")


def test_two_bytes_3_are_no_handshake_where_nothing_else_speaks_for_it() -> None:
    assert said(*NOISE) is None
    assert said(*NOISE, likely=True) == "rtmp"


@pytest.mark.parametrize(
    ("client", "server"),
    [
        pytest.param(b"\3" + packet(), b"\3" + packet(), id="zeros"),
        pytest.param(b"\3" + C1, b"\3" + S1 + C1, id="S2 repeats C1"),
        pytest.param(b"\3" + C1 + S1[:100], b"\3" + S1, id="part of C2 repeats S1"),
        pytest.param(b"\3" + C1 + packet() + CHUNK, b"\3" + S1 + packet(), id="a chunk follows"),
    ],
)
def test_what_speaks_for_a_handshake_on_any_port(client: bytes, server: bytes) -> None:
    assert said(client, server) == "rtmp"


@pytest.mark.parametrize("server", [b"", b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"])
def test_a_tunnel_is_told_by_its_request_whichever_side_is_seen_first(server: bytes) -> None:
    request = b"POST /open/1 HTTP/1.1\r\nHost: x\r\n\r\n"
    sides = [start(request), start(server)]
    assert recognise(sides, False, final=False) == "rtmpt"
    assert recognise(sides[::-1], False, final=False) == "rtmpt"


def test_an_answer_alone_is_no_verdict_yet() -> None:
    answer = start(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n")
    assert recognise([start(b""), answer], False, final=False) is None
    request = start(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert recognise([request, answer], False, final=False) == "other"


@pytest.mark.parametrize("server", [b"", b"\3" + S1 + C1])
def test_another_version_on_a_likely_port(server: bytes) -> None:
    assert said(b"\4" + C1, server, likely=True) == "rtmp"
    assert said(b"\4" + C1, server) is None
    assert said(b"\x20" + C1, server, likely=True) is None, "no version: a text protocol"
    assert said(b"\4" + C1[:-1], server, likely=True) is None


@pytest.mark.parametrize("first", [0x00, 0x03, 0x06, 0x16, 0x45])
@pytest.mark.parametrize("likely", [True, False])
def test_a_hole_in_what_is_no_handshake(first: int, likely: bool) -> None:
    """64 KiB that nobody recognises, one of the first bytes missing."""
    connection = RtmpConnection(likely=likely, from_start=(True, True))
    connection.feed(0, bytes([first]))
    connection.gap(0, 1)
    for _ in range(3):
        connection.feed(0, bytes(33_000))
        connection.feed(1, bytes([first]) * 100)
    connection.finish()
    assert connection.variant is not None


def test_a_hole_at_the_very_beginning() -> None:
    connection = RtmpConnection(likely=True, from_start=(True, True))
    connection.gap(0, 1)
    connection.feed(0, RNG.randbytes(70_000))
    connection.feed(0, RNG.randbytes(70_000))
    connection.finish()
    assert not connection.take(0)


def test_single_bytes_tell_what_the_whole_tells() -> None:
    def variant(size: int) -> tuple[str | None, bytes]:
        connection = RtmpConnection(likely=False, from_start=(True, True))
        for side, data in enumerate((b"\3" + C1 + S1 + CHUNK, b"\3" + S1 + C1)):
            for at in range(0, len(data), size):
                connection.feed(side, data[at : at + size])
        connection.finish()
        return connection.variant, connection.halves[0].first

    assert variant(1) == variant(9000) == ("rtmp", b"\3" + C1 + S1)


def test_holes_that_follow_each_other_are_one() -> None:
    connection = RtmpConnection(likely=True, from_start=(False, False))
    connection.feed(0, b"\3")
    for _ in range(3):
        connection.gap(0, 5)
    assert connection.halves[0].waiting == [15]
