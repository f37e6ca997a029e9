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


def anything(dice: random.Random) -> bytes:
    """Messages of every type and form of header, with times around where they are extended."""
    parts, lengths = [], {}
    for _ in range(300):
        csid, fmt = dice.choice((2, 3, 4, 5)), dice.randrange(4)
        fmt = fmt if csid in lengths else 0
        time = dice.choice((0, 40, 0xFFFFFE, 0xFFFFFF, 0x1000000, 0xFFFFFFFF))
        if fmt < 2:
            type_id = dice.choice((2, 3, 4, 5, 6, 8, 9, 15, 17, 18, 19, 20, 22, 99))
            lengths[csid] = dice.choice((0, 4, 5, 6)), type_id
            if type_id > 6:
                lengths[csid] = dice.choice((0, 3, 20, 128)), type_id
        length, type_id = lengths[csid]
        head = bytes((fmt << 6 | csid,))
        fields = min(time, 0xFFFFFF).to_bytes(3, "big") + length.to_bytes(3, "big")
        head += (fields + bytes((type_id, 1, 0, 0, 0)))[: (11, 7, 3, 0)[fmt]]
        if fmt < 3 and time >= 0xFFFFFF:
            head += time.to_bytes(4, "big")
        parts.append(head + dice.randbytes(length))
    return b"".join(parts)


@pytest.mark.parametrize("seed", range(12))
def test_whole_messages_give_the_rows_of_single_bytes(seed: int) -> None:
    stream = anything(random.Random(seed))
    at_once = read(stream, [], unlisted=False)
    singly = read(stream, list(range(1, len(stream))), unlisted=False)
    for reader in (at_once, singly):
        reader.finish()
    assert at_once.take() == singly.take()
    assert at_once.events == singly.events
