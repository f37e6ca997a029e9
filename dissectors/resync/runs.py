"""RTMP 1.0 §5.3.1.2: equal messages in a row, of which no header says how long they are.

FFmpeg sends constant-size audio as `c4` + payload for hours (G.711, AC-3, PCM), with `84` + delta
where the step between two differs. Where nothing else is sent, only the period shows: the same
two bytes, header and first byte of the body, again and again, and between them what differs.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from dissectors import spec
from dissectors.resync.anchor import Known
from dissectors.resync.effort import Effort
from dissectors.resync.evidence import Noise
from dissectors.resync.payload import payload_bits

_RANGE: Final = 16 << 10
"""Bytes looked at."""
LEAST_BYTES: Final = 64
"""Fewer show no row."""
_PAIR: Final = re.compile(rb"[\xc2-\xc9][\x00-\x16\x18-\x26\x28-\xbf]")
"""A usual chunk stream, and what may open an audio body but not a video one."""
_MAX_PAIRS: Final = 4
_LENGTHS: Final = range(8, 8192)
_MOST: Final = 24
"""Messages looked at."""
_ACCEPT: Final = 72.0
_REMEMBERED: Final = 50.0
"""Worth of a length that is the same as before the gap."""
_LEAST: Final = 3
"""Messages in a row."""
_PROOF: Final = 4
"""Bytes that agree before a header, in a row of messages whose length is known."""
_COLUMNS: Final = 64
_VARIED: Final = 0.7
"""Share of the places in a body at which the messages differ: others are tables."""


class Run(NamedTuple):
    """Messages in a row from `offset` on."""

    offset: int
    end: int
    csid: int
    length: int
    messages: int
    bits: float
    chunk_size: int | None
    """None when none of them is split."""


def find_run(
    data: bytes, noise: Noise, known: Known, chunk_size: int | None, effort: Effort
) -> Run | None:
    """Return the first row of equal audio messages, all of them begun by fmt 2 or 3."""
    window = data[:_RANGE]
    effort.spend(len(window) >> 9)
    pairs = Counter(match.group() for match in _PAIR.finditer(window))
    likely = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:_MAX_PAIRS]
    found = []
    for pair, number in likely:
        if number >= _LEAST and not effort.refuses():
            found.append(_run(window, noise, known, chunk_size, pair, effort))
    return min((run for run in found if run is not None), default=None)


def _run(
    window: bytes,
    noise: Noise,
    known: Known,
    chunk_size: int | None,
    pair: bytes,
    effort: Effort,
) -> Run | None:
    """Return the row whose bodies begin with `pair[1]`, on the chunk stream of `pair[0]`."""
    csid, mark = pair[0] & 0x3F, pair[:1]
    form = rb"(?:%b|%b\x00[\x00-\x4e].)(?=%b)"
    header = re.compile(
        form % (re.escape(mark), re.escape(bytes((mark[0] & 0xBF,))), re.escape(pair[1:])),
        re.DOTALL,
    )
    bodies = {match.start(): match.end() for match in header.finditer(window)}
    starts = sorted(bodies)
    effort.spend(len(starts) >> 2)
    distances = Counter(after - bodies[start] for start, after in pairwise(starts))
    for distance, number in sorted(distances.items(), key=lambda item: (-item[1], item[0]))[:2]:
        if distance not in _LENGTHS or number + 1 < _LEAST:
            continue
        first, row = _longest_row(bodies, starts, distance, len(window) - distance)
        if len(row) < _LEAST:
            continue
        effort.spend((_COLUMNS + distance) >> 3)
        split = _split(window, row, distance, mark, chunk_size)
        if split is None or not _is_audio(window, row, distance, split):
            continue
        length = distance - len(split)
        bits = (len(row) - 1) * (noise.bits(pair[0], first) + noise.bits(pair[1], first) - 2.0)
        bits += _REMEMBERED * (known.get(csid, ())[:2] == (spec.AUDIO, length))
        if bits >= _ACCEPT:
            size = split[0] if split else None
            return Run(first, row[-1] + distance, csid, length, len(row), bits, size)
    return None


def _longest_row(
    bodies: dict[int, int], starts: Sequence[int], distance: int, last: int
) -> tuple[int, list[int]]:
    """Return where the longest row with `distance` from body to next header begins, and its
    bodies up to `last`.
    """
    best: tuple[int, list[int]] = (0, [])
    seen: set[int] = set()
    for start in starts:
        row: list[int] = []
        at = start
        while at not in seen and bodies.get(at, last + 1) <= last and len(row) < _MOST:
            seen.add(at)
            row.append(bodies[at])
            at = bodies[at] + distance
        if len(row) > len(best[1]):
            best = start, row
    return best


def _split(
    window: bytes, row: Sequence[int], distance: int, mark: bytes, chunk_size: int | None
) -> list[int] | None:
    """Return where in the bodies continuation headers stand; None when they do not fit."""
    if chunk_size is None:
        places = (at for at in range(1, distance) if _is_column(window, row, at, mark[0]))
        chunk_size = next(places, distance)
    due = list(range(chunk_size, distance, chunk_size + 1))
    return due if all(_is_column(window, row, at, mark[0]) for at in due) else None


def _is_column(window: bytes, row: Sequence[int], at: int, value: int) -> bool:
    return all(window[body + at] == value for body in row)


def _is_audio(window: bytes, row: Sequence[int], distance: int, split: Sequence[int]) -> bool:
    """Whether the bodies can be audio, and differ as such."""
    body = row[0]
    shown = payload_bits(spec.AUDIO, window, body, body + distance, distance, 8.0)
    same = all(_is_column(window, row, at, window[body + at]) for at in range(4))
    if shown < 0 or (same and not shown):
        return False  # the same four bytes: extended timestamps in the chunks of one message
    columns = [at for at in range(1, min(distance, _COLUMNS)) if at not in split]
    varied = sum(not _is_column(window, row, at, window[body + at]) for at in columns)
    return varied >= _VARIED * len(columns)


def row_before(
    data: bytes, start: int, csid: int, length: int, opening: bytes, chunk_size: int
) -> int:
    """Return where the row begins that ends at the header at `start`: messages of `length` bytes,
    each begun by a fmt 3 header and `opening`; `start` when it is too short to be no chance.
    """
    mark = bytes((0xC0 | csid,))
    due = range(chunk_size, length + (length - 1) // chunk_size, chunk_size + 1)
    step, first = 1 + length + len(due), start
    while (
        first >= step
        and data.startswith(mark + opening, first - step)
        and all(data[first - step + 1 + at] == mark[0] for at in due)
    ):
        first -= step
    proof = (start - first) // step * (1 + len(opening) + len(due))
    return first if proof >= _PROOF else start
