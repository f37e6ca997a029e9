"""Captures that keep the first bytes of every segment only (a snap length)."""

import random
from pathlib import Path

import pytest

from dissectors.resync.islands import MAX_ISLANDS, Holes, Island, Islands
from tests.analyzer import talk
from tests.dissectors.chunk_builder import Builder, Media, Row, Style, media
from tests.dissectors.resync_reader import Reading, read

CAPTURES = Path(__file__).parents[2] / "captures"
SEGMENT = 1448


def cut_short(builder: Builder, seen: int) -> list[tuple[int, bytes]]:
    """Return the first `seen` bytes of segments as a sender makes that pushes out messages."""
    starts = {at for row in builder.rows for at in range(row.offset, row.end, SEGMENT)}
    ends = [*sorted(starts)[1:], len(builder.data)]
    return [
        (start, bytes(builder.data[start : min(end, start + seen)]))
        for start, end in zip(sorted(starts), ends, strict=True)
    ]


def stream(seed: int, chunk_size: int, compress: int) -> Builder:
    builder = Builder(Style(compress=compress))
    builder.set_chunk_size(chunk_size)
    return builder.add(media(random.Random(seed), 8, Media()))


def known(reading: Reading) -> set[Row]:
    return {row._replace(end=0) for row in [*reading.rows, *reading.damaged]}


@pytest.mark.parametrize("seen", [42, 146])
@pytest.mark.parametrize("compress", [0, 1, 3])
@pytest.mark.parametrize("chunk_size", [128, 4096, 60_000])
def test_messages_are_found_by_their_headers(chunk_size: int, compress: int, seen: int) -> None:
    builder = stream(5, chunk_size, compress)
    found = known(read(cut_short(builder, seen), synchronised=True))
    true = {row._replace(end=0) for row in builder.rows}
    assert found <= true
    assert len(found) >= 0.97 * len(true)


def test_nothing_is_found_in_noise() -> None:
    rng = random.Random(1)
    opening = bytes(stream(5, 4096, 1).data[:300])
    pieces = [(0, opening), *((at, rng.randbytes(146)) for at in range(1448, 2_000_000, 1448))]
    reading = read(pieces, synchronised=True)
    assert all(row.offset < 300 for row in known(reading))


def media_of(name: str) -> set[tuple[int, ...]]:
    """Return what of the media follows from bytes that were seen; timestamps may be inferred."""
    table = talk.opened(CAPTURES / f"lab/{name}.pcap").messages
    mine = (table.column("direction") == 0) & (table.column("type_id") != 20)
    columns = ("stream_offset", "csid", "type_id", "length")
    return set(zip(*(table.column(each)[mine].tolist() for each in columns), strict=True))


def test_a_real_capture_tells_as_much_as_it_holds() -> None:
    """The whole capture of the same session says what is true."""
    true, found = media_of("nginx-snaplen96-whole"), media_of("nginx-snaplen96")
    assert found <= true and len(found) >= 0.6 * len(true)


def test_what_is_seen_ends_where_a_hole_begins() -> None:
    holes = Holes([(10, 20), (30, 40)])
    assert [holes.seen_until(at, 50) for at in (0, 9, 10, 19, 20, 40)] == [10, 10, 10, 19, 30, 50]
    assert holes.seen_until(22, 25) == 25


def test_pieces_are_bounded_and_looked_at_a_few_times_only() -> None:
    islands = Islands()
    looked = 0
    for number in range(1000):
        looked += len(islands) * islands.add(Island(number * 1500, bytes(100)))
        assert len(islands) <= MAX_ISLANDS
    assert looked < 20 * 1000
