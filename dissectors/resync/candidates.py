"""RTMP 1.0 §5.3.1.2: places where a chunk header may stand, found by `re` at C speed.

Each pattern is anchored on zero bytes every likely header holds: the upper bytes of a small
little-endian message stream id (fmt 0), the upper byte of a small delta (fmt 1, 2).
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from dissectors import spec
from dissectors.resync.anchor import Known
from dissectors.resync.header import continuation_header

_TYPE: Final = rb"[\x01-\x06\x08\x09\x0f-\x14\x16]"
# The literal stands first: only then does `re` skip ahead to it. What precedes it is looked
# back at, in each of the three widths of a basic header.
_FMT0: Final = re.compile(
    rb"\x00(?=\x00\x00)(?<=%b[\x00-\x10]\x00)"
    rb"(?:(?<=[\x02-\x3f].{8}\x00)|(?<=\x00.{9}\x00)|(?<=\x01.{10}\x00))" % _TYPE,
    re.DOTALL,
)
_AFTER_DELTA: Final = rb".[\x00-\x3f]..%b)" % _TYPE
_BEFORE_DELTA: Final = rb"(?:(?<=[\x42-\x7f]%b)|(?<=\x40.%b)|(?<=\x41..%b))"
_FMT1: Final = re.compile(
    rb"\x00(?=[\x00-\x4e]" + _AFTER_DELTA + _BEFORE_DELTA % ((rb"\x00",) * 3), re.DOTALL
)
_FMT1_EXTENDED: Final = re.compile(
    rb"\xff(?=\xff\xff" + _AFTER_DELTA[1:] + _BEFORE_DELTA % ((rb"\xff",) * 3), re.DOTALL
)
_STALE_RANGE: Final = 64 * 1024
"""Header compression relative to before the gap is looked for this far; then come new headers."""
_STALE_PAYLOAD: Final = rb"(?:\xaf\x01|[\x17\x27\x37][\x00-\x02]|[\x80-\xdf][A-Za-z.]{3})"


def candidates(data: bytes, known: Known, limit: int) -> list[int]:
    """Return offsets in `data`, rising, without doubles; at most `limit`, the first ones."""
    found: set[int] = set()
    for pattern, fmt in ((_FMT0, 0), (_FMT1, 1), (_FMT1_EXTENDED, 1)):
        for match in islice(pattern.finditer(data), limit):
            found.update(_starts(data, match.start() - (8 if fmt == 0 else 0), fmt))
    for pattern in _stale_patterns(known):
        found.update(match.start() for match in pattern.finditer(data, 0, _STALE_RANGE))
    return sorted(found)[:limit]


def _starts(data: bytes, at: int, fmt: int) -> Iterator[int]:
    """Yield where a basic header that ends at `at` can start: one, two or three bytes before."""
    if at >= 3 and data[at - 3] == fmt << 6 | 1:
        yield at - 3
    if at >= 2 and data[at - 2] == fmt << 6:
        yield at - 2
    if at >= 1 and data[at - 1] >> 6 == fmt and data[at - 1] & 0x3F >= 2:
        yield at - 1


def _stale_patterns(known: Known) -> Iterator[re.Pattern[bytes]]:
    """Yield patterns for fmt 2 and fmt 3 headers that lean on state from before the gap."""
    for csid, (type_, length, _) in sorted(known.items()):
        if type_ in (spec.AUDIO, spec.VIDEO) and length > 0:
            mark = continuation_header(csid)
            fmt2 = re.escape(bytes((mark[0] & 0xBF,)) + mark[1:]) + rb"\x00[\x00-\x4e]."
            yield re.compile(fmt2, re.DOTALL)
            yield re.compile(re.escape(mark) + _STALE_PAYLOAD, re.DOTALL)
