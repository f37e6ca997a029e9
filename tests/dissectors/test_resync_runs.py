"""RTMP 1.0 §5.3.1.2: equal messages in a row, none of whose headers says how long they are."""

import random

import pytest

from dissectors.resync import Effort, Hints, search
from dissectors.resync.evidence import Noise
from dissectors.resync.runs import find_run, row_before
from tests.dissectors.chunk_builder import Message, Row, Style, build

FREE = 10_000


def audio(
    size: int, style: Style, step: int = 20, opening: bytes = b"\x72"
) -> tuple[bytes, list[Row]]:
    rng = random.Random(size)
    body = [opening + rng.randbytes(size - len(opening)) for _ in range(60)]
    builder = build([Message(4, 8, 1, step * n, each) for n, each in enumerate(body)], style)
    return bytes(builder.data), builder.rows


@pytest.mark.parametrize("chunk_size", [64, 128, 4096])
@pytest.mark.parametrize("size", [100, 161, 321])
def test_g711_alone(size: int, chunk_size: int) -> None:
    data, rows = audio(size, Style(chunk_size, 3))
    at = rows[5].offset + 7
    lock = search(data[at:], Hints(), final=True)
    assert lock is not None
    assert (at + lock.offset, lock.streams) == (rows[6].offset, ((4, 8, size, 0),))
    assert lock.chunk_size_open is (size <= chunk_size)
    assert lock.chunk_size == (chunk_size if size > chunk_size else max(size, 128))


def test_length_from_before_the_gap_needs_less() -> None:
    data, rows = audio(161, Style(4096, 3))
    few = data[rows[9].offset + 3 : rows[14].offset + 9]
    assert search(few, Hints(4096), final=True) is None
    lock = search(few, Hints(4096, {4: (8, 161, 7)}), final=True)
    assert lock is not None
    assert lock.streams == ((4, 8, 161, 7),)


def test_extended_timestamps_in_a_long_message_are_no_row() -> None:
    """§5.3.1.3: every chunk of it repeats them, and looks like a message that begins alike."""
    time, rng = b"\x01\0\0\x28", random.Random(3)
    data = b"".join(b"\xc6" + time + rng.randbytes(128) for _ in range(60))
    assert find_run(data, Noise(data), {}, None, Effort(FREE)) is None
    assert find_run(data, Noise(data), {}, 128, Effort(FREE)) is None


def test_tables_are_no_rows() -> None:
    table = b"".join(b"\xc4\x72" + n.to_bytes(30, "big") for n in range(300))
    assert find_run(table, Noise(table), {}, None, Effort(FREE)) is None
    assert search(table, Hints(), final=True) is None


def test_row_that_ends_where_a_header_is() -> None:
    data, rows = audio(200, Style(128, 3), opening=b"\xaf\x01")
    end, first = rows[20].offset, rows[2].offset
    assert row_before(data, end, 4, 200, b"\xaf\x01", 128) == first
    assert row_before(data, end, 4, 200, b"\xaf\x00", 128) == end
    assert row_before(data, end, 4, 201, b"\xaf\x01", 128) == end
    assert row_before(data[rows[19].offset + 1 :], 200, 4, 200, b"\xaf\x01", 128) == 200


def test_effort_is_spent_and_kept() -> None:
    data = b"\xc4\x72\xaa" * 50_000
    effort = Effort(FREE)
    assert find_run(data, Noise(data), {}, None, effort) is None
    assert effort.left < FREE - 500
    spent = Effort(0)
    assert find_run(data, Noise(data), {}, None, spent) is None
    assert spent.left > -100
