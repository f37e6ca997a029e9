"""The segment columns: stream ↔ file, and the frames that carry a range."""

import numpy as np

from analyzer.tcp import Piece, SegmentColumns


def columns(rows):
    """Return columns of (stream offset, length, frame); file offset 1000 + 10 per row."""
    made = SegmentColumns()
    for index, (offset, length, frame) in enumerate(rows):
        made.append(offset, 1000 + 10 * index, length, frame, frame * 7)
    return made


def frames(made, *ranges):
    starts, ends = np.array(ranges, dtype=np.int64).reshape(-1, 2).T
    return [tuple(row) for row in np.stack(made.frames(starts, ends), axis=1).tolist()]


def test_locate_cuts_pieces_and_shows_holes():
    made = columns([(0, 5, 1), (5, 5, 2), (20, 5, 3)])
    assert made.locate(3, 4) == [Piece(1003, 2, 1, 3), Piece(1010, 2, 2, 5)]
    assert made.locate(8, 14) == [
        Piece(1013, 2, 2, 8),
        Piece(None, 10, None, 10),
        Piece(1020, 2, 3, 20),
    ]
    assert made.locate(12, 3) == [Piece(None, 3, None, 12)]
    assert made.locate(24, 5) == [Piece(1024, 1, 3, 24), Piece(None, 4, None, 25)]
    assert made.locate(0, 0) == []
    assert columns([]).locate(0, 2) == [Piece(None, 2, None, 0)]
    assert columns([(4, 1, 1)]).locate(0, 5) == [Piece(None, 4, None, 0), Piece(1000, 1, 1, 4)]


def test_frames_of_an_ordered_stream():
    made = columns([(0, 5, 1), (5, 5, 2), (20, 5, 3)])
    assert frames(made, (0, 5), (4, 6), (0, 25), (9, 21)) == [
        (1, 1, 7, 7),
        (1, 2, 7, 14),
        (1, 3, 7, 21),
        (2, 3, 14, 21),
    ]


def test_frames_of_holes_are_unknown():
    made = columns([(5, 5, 2), (20, 5, 3)])
    assert frames(made, (0, 5), (10, 20), (12, 13), (25, 30)) == [(-1, -1, 0, 0)] * 4
    assert frames(columns([]), (0, 5)) == [(-1, -1, 0, 0)]
    assert frames(made) == []


def test_frames_of_a_reordered_stream():
    made = columns([(0, 5, 3), (5, 5, 9), (10, 5, 1), (15, 5, 4)])
    assert frames(made, (0, 20), (0, 8), (6, 11), (16, 17)) == [
        (1, 9, 7, 63),
        (3, 9, 21, 63),
        (1, 9, 7, 63),
        (4, 4, 28, 28),
    ]


def test_frames_agrees_with_a_plain_loop():
    random = np.random.default_rng(5)
    order = random.permutation(200)
    rows = [(3 * n + 100 * (n > 90), 3, int(order[n])) for n in range(200)]
    made = columns(rows)
    starts = random.integers(0, 720, 300)
    ends = starts + random.integers(1, 60, 300)
    first, last, first_time, last_time = made.frames(starts, ends)
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        inside = [frame for offset, size, frame in rows if offset < end and offset + size > start]
        assert first[index] == min(inside, default=-1)
        assert last[index] == max(inside, default=-1)
        assert first_time[index] == 7 * min(inside, default=0)
        assert last_time[index] == 7 * max(inside, default=0)


def test_single_rows_and_arrays_mix():
    made = SegmentColumns()
    made.append(0, 100, 1, 1, 1)
    block = np.arange(1, 1001)
    made.extend(block, 100 + block, np.ones(1000, dtype=np.int64), block + 1, block)
    view = made.stream_offset
    for offset in range(1001, 2000):
        made.append(offset, 100 + offset, 1, offset + 1, offset)
    assert len(made) == 2000
    assert made.stream_offset.tolist() == list(range(2000))
    assert made.file_offset.tolist() == list(range(100, 2100))
    assert view.tolist() == list(range(1001))
    assert sum(column.itemsize for column in (made.length, made.frame, made.time_ns)) == 16
