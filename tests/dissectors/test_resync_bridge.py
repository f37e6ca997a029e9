"""Holes inside one message, and chunk sizes told from bytes (RTMP 1.0 §5.3.2, §5.4.1)."""

import random
from math import inf

import pytest

from dissectors.resync import UNSPLIT, bridge, split_size
from dissectors.resync.header import read_header
from tests.dissectors.chunk_builder import Media, Message, Style, build, media

KNOWN = {6: (9, 5000, 1), 4: (8, 300, 1)}


def stream(style: Style, length: int = 5000) -> bytes:
    rng = random.Random(7)
    first = Message(6, 9, 1, 0, b"\x27\x01\0\0\0" + rng.randbytes(length - 5))
    return bytes(build([first, *media(rng, 2, Media(start=40))], style).data)


def test_hole_inside_a_chunk_is_arithmetic() -> None:
    found = bridge(b"anything", 100, 150, 500, 4096, 6, False, {})
    assert found is not None
    assert found == (0, 50, 400, 100, inf)
    assert found.skip == 50


@pytest.mark.parametrize("hole", [129, 130, 200, 257, 258, 1448, 2896, 4000])
def test_bridge_lands_where_the_stream_goes_on(hole: int) -> None:
    """Header 12, chunks of 128 + 1: the hole begins behind the first payload's 28th byte."""
    data = stream(Style(128))
    begin = 12 + 28
    after = data[begin + hole :]
    found = bridge(after, hole, 100, 4972, 128, 6, False, KNOWN)
    assert found is not None
    body = [at for at in range(12, len(data)) if (at - 12) % 129 != 128][:5000]
    assert found.missing == sum(begin <= at < begin + hole for at in body)
    assert found.message_left == 4972 - found.missing
    left = body.index(next(at for at in body if at >= begin + hole))
    assert (begin + hole + found.skip - 12) % 129 == 128 or found.chunk_left == 5000 - left


def test_bridge_over_the_end_of_a_header_with_extended_timestamp() -> None:
    rng = random.Random(3)
    what = Media(start=0x1000000)
    data = bytes(build(media(rng, 3, what), Style(128, 0)).data)
    header = read_header(data, 0)
    assert header is not None
    assert header.extended
    begin = header.end + 128
    for gone in range(1, 5):
        after = data[begin + gone :]
        known = {header.csid: (header.type, header.length, 1)}
        left = header.length - 128
        found = bridge(after, gone, 0, left, 128, header.csid, True, known)
        assert found is not None
        assert (found.header_left, found.chunk_left, found.missing) == (5 - gone, 128, 0)


def test_no_bridge_when_another_message_stood_in_the_hole() -> None:
    rng = random.Random(7)
    pair = [Message(6, 9, 1, 0, b"\x27\x01\0\0\0" + rng.randbytes(4995))]
    pair.append(Message(4, 8, 1, 0, b"\xaf\x01" + rng.randbytes(300)))
    data = bytes(build([*pair, *media(rng, 2, Media(start=40))], Style(128, interleave=True)).data)
    assert bridge(data[1500:], 1460, 100, 4972, 128, 6, False, KNOWN) is None


def test_no_bridge_beyond_the_message() -> None:
    data = stream(Style(128))
    assert bridge(data[6000:], 5960, 100, 4972, 128, 6, False, KNOWN) is None
    assert bridge(b"", 200, 100, 4972, 128, 6, False, KNOWN) is None


@pytest.mark.parametrize("size", [128, 1400, 3333, 4096, 4999])
def test_split_size(size: int) -> None:
    data = stream(Style(size))
    assert split_size(data, 12, 6, 5000, False, 128) in (size, None)
    if size <= 2500 or size == 4096:
        assert split_size(data, 12, 6, 5000, False, 128) == size


def test_split_size_of_a_whole_message() -> None:
    data = stream(Style(60000))
    assert split_size(data, 12, 6, 5000, False, 128) == UNSPLIT


def test_split_size_waits_for_bytes() -> None:
    data = stream(Style(4096))
    for end in (12, 500, 4000, 4108, 4109, 5000, 5013):
        assert split_size(data[:end], 12, 6, 5000, False, 128) is None


def test_split_size_with_extended_timestamp() -> None:
    data = bytes(build(media(random.Random(3), 3, Media(start=0x1000000)), Style(128, 0)).data)
    header = read_header(data, 0)
    assert header is not None
    assert split_size(data, header.end, header.csid, header.length, True, 128) == 128


def test_split_size_is_bounded() -> None:
    marks = b"\xc6" * 2_000_000
    assert split_size(marks, 0, 6, 0xFFFFFF, False, 128) in (None, 128)
