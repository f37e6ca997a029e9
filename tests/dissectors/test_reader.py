"""The reader over generated streams: fast path, interleavings, holes, mid-stream starts."""

import random
import time

import pytest

from dissectors.chunk_state import ChunkStream, Flag, MessageRow
from dissectors.reader import ChunkReader
from tests.dissectors.chunk_builder import Builder, Media, Message, Style, build, media


class SlowReader(ChunkReader):
    """The same state machine without the stride comparison."""

    def _fast_run(self, cs: ChunkStream, buffer: bytes, position: int, end: int) -> int:
        return position

    def _whole(self, buffer: bytes, position: int) -> int:
        return position


def rows_of(reader: ChunkReader, pieces: list[bytes]) -> list[MessageRow]:
    rows: list[MessageRow] = []
    for piece in pieces:
        reader.feed(piece)
        rows += reader.take()
    reader.finish()
    return rows + reader.take()


def cut(data: bytes, rng: random.Random, most: int) -> list[bytes]:
    pieces, position = [], 0
    while position < len(data):
        size = rng.randint(1, most)
        pieces.append(data[position : position + size])
        position += size
    return pieces


def stream(seed: int) -> tuple[Builder, Style]:
    rng = random.Random(seed)
    style = Style(
        chunk_size=128,
        compress=rng.choice((0, 1, 2, 3)),
        repeat_extended=rng.random() < 0.8,
        csid_bytes=rng.choice((1, 2, 3)),
        interleave=rng.random() < 0.5,
    )
    builder = Builder(style)
    builder.set_chunk_size(rng.choice((1, 7, 128, 500, 4096, 70000)))
    what = Media(
        video_csid=rng.choice((6, 63, 64, 319, 320, 65599)),
        audio_csid=rng.choice((4, 65, 1000)),
        start=rng.choice((0, 0xFFFFFF - 500, 0x1000000)),
        key_size=2500,
        frame_size=400,
    )
    messages = media(rng, 1.0, what)
    builder.add(messages[: len(messages) // 2])
    builder.set_chunk_size(rng.choice((3, 128, 1000, 65536)))
    builder.add(messages[len(messages) // 2 :])
    return builder, style


@pytest.mark.parametrize("seed", range(40))
def test_fast_path_equals_slow_path_and_the_truth(seed):
    builder, style = stream(seed)
    data = bytes(builder.data)
    rng = random.Random(seed)
    fast = rows_of(ChunkReader(0), cut(data, rng, 3000))
    slow = rows_of(SlowReader(0), [data])
    assert fast == slow
    assert all(row.flags & Flag.COMPLETE for row in fast)
    truth = sorted((r.offset, r.csid, r.type, r.length, r.msid) for r in builder.rows)
    got = [(r.header_offset, r.csid, r.type_id, r.length, r.msid) for r in fast]
    assert sorted(got) == truth
    omitted = [row for row in fast if row.flags & Flag.EXTENDED_OMITTED]
    assert not omitted or not style.repeat_extended


def talk(chunk_size: int, seconds: float = 3.0, seed: int = 5) -> Builder:
    builder = Builder(Style())
    builder.set_chunk_size(chunk_size)
    return builder.add(media(random.Random(seed), seconds, Media(start=20)))


def with_hole(builder: Builder, start: int, length: int) -> tuple[ChunkReader, list[MessageRow]]:
    data = bytes(builder.data)
    reader = ChunkReader(0)
    reader.feed(data[:start])
    reader.gap(length)
    reader.feed(data[start + length :])
    reader.finish()
    return reader, reader.take()


@pytest.mark.parametrize("chunk_size", [128, 1000, 4096, 60000])
@pytest.mark.parametrize("length", [1, 40, 1448, 4000])
def test_a_hole_costs_no_message_that_it_does_not_touch(chunk_size, length):
    builder = talk(chunk_size)
    rng = random.Random(chunk_size + length)
    for _ in range(6):
        start = rng.randrange(200, len(builder.data) - 60000)
        _, rows = with_hole(builder, start, length)
        complete = {
            (r.header_offset, r.csid, r.type_id, r.length, r.end_offset)
            for r in rows
            if r.flags & Flag.COMPLETE
        }
        truth = {(r.offset, r.csid, r.type, r.length, r.end) for r in builder.rows}
        assert complete <= truth, "nothing is invented"
        end = start + length
        untouched = {r for r in truth if r[4] <= start or r[0] >= end}
        assert len(untouched - complete) <= 2


def test_a_hole_inside_one_chunk_keeps_step():
    builder = talk(60000)
    big = max(builder.rows, key=lambda row: row.length)
    reader, rows = with_hole(builder, big.offset + 100, 1448)
    assert not reader.events
    assert len(rows) == len(builder.rows)
    [damaged] = [row for row in rows if row.flags & Flag.DAMAGED]
    assert damaged.header_offset == big.offset
    assert damaged.received == damaged.length - 1448


def test_a_hole_over_chunk_headers_of_one_message_is_bridged():
    builder = talk(1000)
    big = max(builder.rows, key=lambda row: row.length)
    reader, rows = with_hole(builder, big.offset + 1500, 1448)
    assert [event.code for event in reader.events] == ["lost", "bridged"]
    assert len(rows) == len(builder.rows)
    [damaged] = [row for row in rows if row.flags & Flag.DAMAGED]
    assert damaged.header_offset == big.offset
    assert [run.body_offset for run in damaged.runs] == sorted(
        run.body_offset for run in damaged.runs
    )


def test_mid_stream_start_marks_what_it_cannot_know():
    builder = build(media(random.Random(3), 6.0, Media(start=20)), Style(chunk_size=4096))
    start = builder.rows[40].offset + 5
    reader = ChunkReader(0, synchronised=False)
    reader.feed(bytes(builder.data[start:]))
    reader.finish()
    rows = [row for row in reader.take() if row.flags & Flag.COMPLETE]
    truth = {(r.offset - start, r.csid, r.type, r.length) for r in builder.rows}
    got = {(r.header_offset, r.csid, r.type_id, r.length) for r in rows}
    assert got <= truth
    assert len(got) >= len([r for r in builder.rows if r.offset > start]) - 5
    assert all(row.flags & (Flag.INFERRED_MSID | Flag.INFERRED_TIMESTAMP) for row in rows)


def test_a_hole_behind_an_undecided_message_does_not_cost_it():
    """Its chunk size is open until what follows it shows; at a hole what came must do."""
    builder = build(media(random.Random(10), 10.0, Media()), Style(chunk_size=1 << 16))
    data, rows = bytes(builder.data), builder.rows
    longest = max(range(1, len(rows)), key=lambda index: rows[index].length)
    stop, again = rows[longest + 1].end, rows[longest + 2].end
    reader = ChunkReader(rows[1].offset, synchronised=False)
    reader.feed(data[rows[1].offset : stop])
    reader.gap(again - stop)
    reader.feed(data[again:])
    reader.finish()
    got = {row.header_offset for row in reader.take() if row.flags & Flag.COMPLETE}
    assert rows[longest].offset in got


def acknowledgements(apart: bool) -> tuple[bytes, list[int]]:
    """A player's direction; `apart`: header and body in segments of their own, as FFmpeg does."""
    builder, starts = Builder(Style(128, 3)), []
    for number in range(300):
        starts.append(len(builder.data))
        value = number * 250_000 + (number * 7919) % 1000
        builder.add([Message(2, 3, 0, 0, value.to_bytes(4, "big"))])
        if apart:
            starts.append(len(builder.data) - 4)
    return bytes(builder.data), starts


@pytest.mark.parametrize("apart", [False, True])
def test_control_only_directions_lock_anywhere(apart):
    data, starts = acknowledgements(apart)
    truth = set(starts[:: 2 if apart else 1])
    for at in starts[4:-20:7]:
        reader = ChunkReader(
            at,
            synchronised=False,
            segment_starts=lambda low, high: [start for start in starts if low <= start < high],
        )
        rows = rows_of(reader, [data[at:]])
        got = {row.header_offset for row in rows}
        assert got <= truth
        assert len(got) >= len([start for start in truth if start >= at]) - 1
        assert {(row.type_id, row.length) for row in rows} == {(3, 4)}


@pytest.mark.parametrize("hole", [0, 7])
@pytest.mark.parametrize(
    "pattern",
    [
        "090000000000100801",
        "060000100020000901000000270100000000001ff765" + "c6" * 40,
        "420000000000040300000000",
        "040000100000100801000000af01000000",
    ],
)
def test_hostile_bytes_cost_linear_time(pattern, hole):
    unit = bytes.fromhex(pattern)
    data = unit * ((1 << 20) // len(unit))
    reader, began = ChunkReader(0, synchronised=False), time.process_time()
    for at in range(0, len(data), 5000):
        reader.feed(data[at : at + 5000])
        if hole:
            reader.gap(hole)
    reader.finish()
    assert time.process_time() - began < 4


def test_lock_and_lose_again_and_again():
    piece = bytes(talk(128, 1.0).data)[:3000] + b"\xff" * 200
    reader, began = ChunkReader(0, synchronised=False), time.process_time()
    reader.feed(piece * 300)
    reader.finish()
    assert reader.resyncs >= 290
    assert time.process_time() - began < 4


def test_random_bytes_give_no_message():
    data = random.Random(1).randbytes(1 << 20)
    reader = ChunkReader(0, synchronised=False, rtmp_likely=False)
    reader.feed(data)
    reader.finish()
    assert reader.take() == []


def test_hostile_announcements_cost_nothing():
    header = bytes([6]) + bytes(3) + b"\xff\xff\xff\x09" + b"\x01\0\0\0"
    data = b"".join(bytes([csid]) + header[1:] + bytes(128) for csid in list(range(3, 64)) * 200)
    rows = rows_of(ChunkReader(0), [data])
    assert all(row.received <= 128 for row in rows)


def test_too_many_open_messages():
    header = bytes(3) + b"\x00\xff\xff\x09" + b"\x01\0\0\0"
    data = b"".join(
        b"\x01" + (csid - 64).to_bytes(2, "little") + header + bytes(128)
        for csid in range(64, 64 + 3000)
    )
    reader = ChunkReader(0)
    rows = rows_of(reader, [data])
    assert len(rows) == 3000
    assert any(event.code == "open_messages" for event in reader.events)


def test_message_of_sixteen_megabytes():
    body = bytes(0xFFFFFF)
    builder = build([Message(6, 9, 1, 0, body)], Style(chunk_size=128))
    [row] = rows_of(ChunkReader(0), [bytes(builder.data)])
    assert row.flags & Flag.COMPLETE
    assert row.length == row.received == 0xFFFFFF
    assert row.chunks == -(-0xFFFFFF // 128)
    assert len(row.runs) == 1
