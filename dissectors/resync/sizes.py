"""RTMP 1.0 §5.3.2, §5.4.1: which chunk sizes would split a message the way the bytes show."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from dissectors import spec

UNSPLIT: Final = spec.MAX_MESSAGE_LENGTH
"""Answer for "this message is one chunk": no message is longer."""
COMMON: Final = (128, 256, 512, 1024, 1400, 2048, 4000, 4096, 5000, 8192, 10000, 16384, 20000)
COMMON_LARGE: Final = (32768, 60000, 64000, 65535, 65536, 131072, 262144, 524288, 1048576)
_COMMON: Final = frozenset(COMMON + COMMON_LARGE)
FORK_LOOK_AHEAD: Final = 24
"""Chunk headers walked to compare two sizes."""
FAR_LOOK_AHEAD: Final = 200
"""The same when the next few messages do not tell them apart."""
MARKS_RANGE: Final = 1 << 20
"""First continuation marks are looked for this far; larger chunks exist in theory only."""
MAX_MARKS: Final = 4096
"""Marks tried per message: chance gives that many in the range."""
MAX_OPTIONS: Final = 1024
FEW_OPTIONS: Final = 8
MAX_NARROWED: Final = 48
"""Hypotheses walked one by one."""
_DECISIVE: Final = 20.0
_MARGIN: Final = 10.0
_COMMON_COST: Final = 1.0
"""Nearly every sender uses one of these sizes."""


class Option(NamedTuple):
    """A chunk size that fits what is visible, and the bits its choice among others costs."""

    chunk_size: int
    cost: float


class Ranking:
    """Weighs hypotheses; the best wins only when it is clearly ahead."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, Option]] = []

    def add(self, option: Option, bits: float) -> None:
        self._entries.append((bits, option))

    def contenders(self) -> list[Option]:
        """Return the hypotheses that are not clearly behind the best; none when it is weak."""
        best = max((bits for bits, _ in self._entries), default=0.0)
        if best < _DECISIVE:
            return []
        return [option for bits, option in self._entries if bits > best - _MARGIN]

    def winner(self) -> int | None:
        """Return the chunk size or `UNSPLIT`, None when the bytes do not decide it yet."""
        left = self.contenders()
        return left[0].chunk_size if len(left) == 1 else None


def options(
    data: bytes, body: int, mark: bytes, extended: bytes, length: int, minimum: int
) -> Iterator[Option]:
    """Yield the sizes ≥ `minimum` under which a message at `body` is split as the bytes show.

    The default is no minimum: smaller sizes are legal (§5.4.1), but must show. `mark` is the basic
    header that its fmt 3 chunks carry, `extended` the timestamp they may repeat. A common size is
    yielded unseen: another message may stand between the chunks.
    """
    stop = min(body + length, len(data))
    last = min(stop, body + minimum + MARKS_RANGE)
    for size in COMMON + COMMON_LARGE:
        if minimum <= size < length and body + size < stop:
            yield Option(size, _COMMON_COST)
    cost = float(min(length, MAX_MARKS * 256).bit_length())
    found = 0
    least = 1 if minimum <= spec.DEFAULT_CHUNK_SIZE else minimum
    marks = re.compile(re.escape(mark)).finditer(data, min(body + least, last), last)
    for tried, match in enumerate(marks):
        if tried >= MAX_MARKS or found >= MAX_OPTIONS:
            break
        size = match.start() - body
        if size not in _COMMON and _lines_up(data, body, mark, extended, length, size):
            found += 1
            yield Option(size, cost)


def is_common(size: int) -> bool:
    """Return whether `size` is one that products use."""
    return size in _COMMON


def fits(data: bytes, body: int, mark: bytes, extended: bytes, length: int, size: int) -> bool:
    """Return whether a message at `body` looks split, or whole, as `size` demands."""
    if size < length:
        return _lines_up(data, body, mark, extended, length, size)
    return body + length >= len(data) or _may_be_header(data, body + length)


def _lines_up(data: bytes, body: int, mark: bytes, extended: bytes, length: int, size: int) -> bool:
    """Return whether every continuation of the message stands where `size` puts it."""
    at = body + size
    repeated = extended and data.startswith(extended, at + len(mark))
    step = size + len(mark) + (4 if repeated else 0)
    chunks = (length - 1) // size
    marks = data[at : at + (chunks - 1) * step + 1 : step]
    if marks.strip(mark[:1]):
        return False
    end = body + length + chunks * (step - size)
    return end >= len(data) or _may_be_header(data, end)


def _may_be_header(data: bytes, pos: int) -> bool:
    """Return whether the bytes at `pos` can open a chunk; a sieve, the chain looks closer."""
    fmt, csid = data[pos] >> 6, data[pos] & 0x3F
    if fmt > 1 or csid < 2:
        return True
    return data[pos + 7 : pos + 8] < b"\x17"
