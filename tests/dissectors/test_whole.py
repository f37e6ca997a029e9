"""The fast paths over whole messages, and the one that only counts them."""

import random

import pytest

from dissectors.reader import ChunkReader
from tests.hostile.frames import header


def flood(dice: random.Random) -> bytes:
    """Short media messages on three chunk streams, most of them fmt 3, and others in between."""
    sizes = {csid: dice.choice((0, 0, 1, 5, 127, 128, 129, 300)) for csid in (5, 6)}
    sizes[4] = dice.choice((0, 1, 5, 128))
    parts = []
    for csid, size in sizes.items():
        parts.append(header(csid, size, 8 + csid % 2, time=dice.randrange(50)))
        parts.append(payload(csid, size))
    for _ in range(200):
        csid = dice.choice((4, 4, 4, 5, 6))
        for _ in range(dice.choice((1, 1, 3, 90))):
            parts.append(bytes((0xC0 | csid,)) + payload(csid, sizes[csid]))
        if not dice.randrange(9):
            step = bytes((0x80 | csid, 0, 0, dice.randrange(40)))
            parts.append(step + payload(csid, sizes[csid]))
        if not dice.randrange(20):
            parts.append(header(2, 4, 3, msid=0) + bytes(4))
    return b"".join(parts)


def payload(csid: int, size: int) -> bytes:
    """A body in chunks of 128 bytes; zeros look like no header."""
    mark = bytes((0xC0 | csid,))
    return mark.join(bytes(min(128, size - at)) for at in range(0, size, 128))


def read(stream: bytes, pieces: list[int], *, unlisted: bool) -> ChunkReader:
    reader = ChunkReader(0)
    reader.unlisted = unlisted
    for low, high in zip([0, *pieces], [*pieces, len(stream)], strict=True):
        reader.feed(stream[low:high])
    return reader


@pytest.mark.parametrize("seed", range(12))
def test_a_flood_that_is_only_counted_leaves_the_same_state(seed: int) -> None:
    dice = random.Random(seed)
    stream = flood(dice)
    cuts = sorted(dice.randrange(len(stream)) for _ in range(seed))
    whole, counted = (read(stream, cuts, unlisted=flag) for flag in (False, True))
    rows, left = whole.take(), {row.number: row for row in counted.take()}
    assert whole.messages == counted.messages == len(rows) and len(left) < len(rows)
    # What is still listed is what it was: the same numbers, times and places.
    assert all(rows[number] == row for number, row in left.items())
    for csid in (4, 5, 6):
        end = bytes((0x80 | csid, 0, 0, 1))
        own = next(row.length for row in rows if row.csid == csid)
        after = end + payload(csid, own)
        last = []
        for reader in (whole, counted):
            reader.unlisted = False
            reader.feed(after)
            last.append(reader.take()[-1])
        assert last[0] == last[1]
