"""RTMP 1.0 §5.3: what looks like chunks but is the body of a message, and chunks of any size."""

import random
import struct

import pytest

from dissectors.resync import Hints, search
from tests.dissectors.chunk_builder import Builder, Media, Message, Style, build, media
from tests.dissectors.resync_reader import read


def nested(size: int) -> Builder:
    """Data messages that carry a chunk stream of their own, unsplit, among other messages."""
    rng = random.Random(5)
    inner = build(media(rng, 1, Media(key_size=300, frame_size=300)), Style(65536, 0))
    messages = media(rng, 4, Media())
    for time in range(0, 4000, 500):
        body = b"\2\0\x06onData\x0c" + struct.pack(">I", len(inner.data)) + bytes(inner.data)
        messages.append(Message(5, 18, 1, time, body))
    builder = Builder(Style(128, 0))
    builder.set_chunk_size(size)
    return builder.add(sorted(messages, key=lambda message: message.time))


@pytest.mark.parametrize("size", [128, 500])
def test_chunks_in_a_body_are_not_taken_for_chunks(size: int) -> None:
    """The chunk headers of the message around cut them."""
    builder = nested(size)
    data, rows = bytes(builder.data), {row[:4] for row in builder.rows}
    for outer in [row for row in builder.rows if row.type == 18][1:5]:
        at = outer.offset + 700
        assert {row[:4] for row in read([(at, data[at:])]).rows} <= rows


def test_chunks_in_a_body_behind_a_hole() -> None:
    builder = nested(128)
    data, rows = bytes(builder.data), {row[:4] for row in builder.rows}
    for outer in [row for row in builder.rows if row.type == 18][1:5]:
        before, at = data[: outer.offset - 40], outer.offset + 700
        found = read([(0, before), (at, data[at:])], synchronised=True).rows
        assert {row[:4] for row in found} <= rows


@pytest.mark.parametrize("size", [1, 2, 7, 50, 100, 127])
def test_chunk_sizes_below_the_default(size: int) -> None:
    """§5.4.1: from 1 on."""
    builder = build(media(random.Random(2), 2, Media()), Style(size, 1))
    data = bytes(builder.data)
    at = builder.rows[9].offset + 1
    lock = search(data[at:], Hints(), final=True)
    assert lock is not None
    assert lock.chunk_size == size
    assert at + lock.offset in {row.offset for row in builder.rows[10:13]}


@pytest.mark.parametrize("csid", [67, 100, 319, 320, 10131, 65599])
@pytest.mark.parametrize("left", [1, 2])
def test_basic_header_cut_by_the_hole(csid: int, left: int) -> None:
    """§5.3.1.1: what is left of a wide one reads as another, or as a short one."""
    what = Media(video_csid=csid, audio_csid=csid - 1)
    builder = build(media(random.Random(5), 8, what), Style(1000, 0))
    data, rows = bytes(builder.data), builder.rows
    width = 2 if csid < 320 else 3
    row = next(row for row in rows[40:] if row.csid == csid)
    at = row.offset + width - min(left, width - 1)
    reading = read([(0, data[: rows[30].offset + 50]), (at, data[at:])], synchronised=True)
    assert {found[:4] for found in reading.rows} <= {row[:4] for row in rows}
    assert reading.rows[-1].offset == rows[-1].offset
