"""Set Chunk Size lost in a hole in mid-session (RTMP 1.0 §5.4.1): the old size is but likely."""

import random
import struct
from dataclasses import replace

import pytest

from dissectors.chunk_state import Flag, MessageRow
from dissectors.reader import ChunkReader
from tests.dissectors.chunk_builder import Builder, Media, Message, Style, basic_header, media
from tests.dissectors.resync_reader import read

Pieces = list[tuple[int, bytes]]


def talk(before: int, after: int, compress: int, frame_size: int = 3000) -> tuple[Builder, int]:
    """Return media under one chunk size and then another, and where Set Chunk Size stands."""
    rng = random.Random(f"{before} {after} {compress}")
    builder = Builder(Style(128, compress))
    builder.set_chunk_size(before)
    what = Media(key_size=18_000, frame_size=frame_size)
    builder.add(media(rng, 3, what))
    at = len(builder.data)
    builder.set_chunk_size(after)
    builder.add(media(rng, 6, replace(what, start=3000)))
    return builder, at


def without(data: bytes, *holes: tuple[int, int]) -> Pieces:
    """Return what is left of `data`."""
    starts = [0, *(end for _, end in holes)]
    ends = [*(start for start, _ in holes), len(data)]
    return [(start, data[start:end]) for start, end in zip(starts, ends, strict=True)]


def rows(pieces: Pieces) -> tuple[list[MessageRow], ChunkReader]:
    """Return the rows of a reader that knows the chunk stream from its start."""
    reader, end = ChunkReader(0), 0
    for base, data in pieces:
        if base > end:
            reader.gap(base - end)
        reader.feed(data)
        end = base + len(data)
    reader.finish()
    return reader.take(), reader


@pytest.mark.parametrize("compress", [0, 1, 3])
@pytest.mark.parametrize("after", [128, 1000, 4096, 8192, 16384, 60000, 65536])
@pytest.mark.parametrize("before", [128, 4096, 60000])
def test_messages_behind_the_hole_are_whole(before: int, after: int, compress: int) -> None:
    builder, at = talk(before, after, compress)
    data, hole = bytes(builder.data), (at - 3000, at + 4000)
    reading = read(without(data, hole), synchronised=True)
    intact = [row for row in builder.rows if row.end <= hole[0] or row.offset >= hole[1]]
    real = {row[:4] + row[5:] for row in builder.rows}
    assert {row[:4] + row[5:] for row in reading.rows} <= real
    got = {row.offset for row in reading.rows}
    missed = [row for row in intact if row.offset not in got]
    assert len(missed) <= 12, missed  # fmt 2 and 3 headers whose length stood in the hole
    assert not {row.offset for row in reading.damaged} & {row.offset for row in intact}


@pytest.mark.parametrize("after", [16384, 60000, 65536])
def test_what_relies_on_another_size_is_called_inferred(after: int) -> None:
    builder, at = talk(4096, after, 1)
    found, reader = rows(without(bytes(builder.data), (at - 3000, at + 4000)))
    behind = [row for row in found if row.header_offset > at]
    assert any(row.length > 4096 for row in behind)
    for row in behind:
        assert bool(row.flags & Flag.INFERRED_CHUNK_SIZE) == (row.length > 4096)
        assert row.flags & Flag.COMPLETE
    default, announced, inferred = reader.chunk_size_changes
    assert (default.size, announced.size, announced.number) == (128, 4096, 0)
    assert inferred.number is None and inferred.stream_offset > at
    assert 4096 < inferred.size <= after


def test_the_old_size_stays_when_it_still_splits() -> None:
    builder, at = talk(4096, 4096, 1)
    found, reader = rows(without(bytes(builder.data), (at - 3000, at + 4000)))
    assert [change.size for change in reader.chunk_size_changes] == [128, 4096]
    assert not any(row.flags & Flag.INFERRED_CHUNK_SIZE for row in found)


def test_a_frame_with_a_hole_lacks_no_more_than_the_hole() -> None:
    builder, at = talk(4096, 65536, 1, frame_size=1500)
    key = next(row for row in builder.rows if row.offset > at + 4000 and row.length > 15_000)
    hole = (key.offset + 10_000, key.offset + 11_448)
    found, _ = rows(without(bytes(builder.data), (at - 3000, at + 4000), hole))
    frame = next(row for row in found if row.header_offset == key.offset)
    assert frame.received == key.length - 1448
    assert frame.end_offset == key.end


def test_a_size_said_later_is_certain() -> None:
    builder, at = talk(4096, 65536, 1)
    builder.set_chunk_size(8192)
    said = len(builder.data)
    builder.add(media(random.Random(1), 3, Media(start=9000, key_size=18_000)))
    found, reader = rows(without(bytes(builder.data), (at - 3000, at + 4000)))
    later = [row for row in found if row.header_offset >= said]
    assert later and not any(row.flags & Flag.INFERRED_CHUNK_SIZE for row in later)
    assert reader.chunk_size_changes[-1][:2] == (said, 8192)


@pytest.mark.parametrize(("type_id", "length"), [(0x1A, 984_985), (0x7F, 666_609), (9, 3 << 20)])
def test_chance_is_no_header_on_a_new_chunk_stream(type_id: int, length: int) -> None:
    builder, at = talk(4096, 4096, 1)
    resume = next(row for row in builder.rows if row.offset > at + 60_000)
    chance = basic_header(1, 17) + b"\x12\x34\x56" + struct.pack(">I", length)[1:]
    chance += bytes((type_id,)) + random.Random(3).randbytes(900)
    data = bytes(builder.data)
    data = data[: resume.offset] + chance + data[resume.offset :]
    found, _ = rows(without(data, (at - 3000, at + 4000)))
    assert not [row for row in found if row.csid == 17]
    assert len([row for row in found if row.header_offset > resume.offset]) > 100


def test_messages_of_unknown_types_stay_without_a_hole() -> None:
    messages = [Message(17, 0x1A, 1, number, bytes(500)) for number in range(9)]
    builder = Builder(Style(128, 1)).add(messages)
    found, _ = rows([(0, bytes(builder.data))])
    assert [row.type_id for row in found] == [0x1A] * 9
