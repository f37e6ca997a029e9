"""RTMP 1.0 §5.3.2, §5.4.1: is the message at hand split, and into chunks of which size?"""

from types import MappingProxyType
from typing import Final

from dissectors.resync import sizes
from dissectors.resync.anchor import Known
from dissectors.resync.chain import Chain, State
from dissectors.resync.effort import Effort
from dissectors.resync.evidence import Noise
from dissectors.resync.header import UNKNOWN, continuation_header

_WHOLE: Final = 30.0
"""One hypothesis instead of many: little evidence is needed."""


def split_size(
    data: bytes,
    header_end: int,
    csid: int,
    length: int,
    extended: bool,
    minimum: int,
    known: Known = MappingProxyType({}),
    effort: Effort | None = None,
) -> int | None:
    """Return the chunk size that splits the message whose header ends at `header_end`.

    For a reader whose chunk size is open: the message is longer than `minimum`. `extended`: its
    header ended in an extended timestamp; `known`: the other chunk streams' (type, length, msid),
    without those inside a message. Return `sizes.UNSPLIT` when it is one chunk, None when
    `data` does not decide it yet.
    """
    chain = _at_message(data, header_end, csid, length, extended, minimum, known)
    size = chain.choose_size(csid, chain.states[csid])
    if effort is not None:
        effort.spend(chain.walked)
    return size


def is_whole(
    data: bytes,
    header_end: int,
    csid: int,
    length: int,
    extended: bool,
    known: Known,
    effort: Effort,
) -> bool:
    """Whether what follows proves that the message whose header ends at `header_end` is one chunk.

    The arguments are those of `split_size`; one hypothesis instead of many needs little evidence.
    """
    end = header_end + length
    if end < len(data) and data[end] & 0x3F < 2:
        return False  # a wide basic header, or the byte before one
    chain = _at_message(data, header_end, csid, length, extended, length, known)
    fork = chain.fork(csid, sizes.UNSPLIT, sizes.FORK_LOOK_AHEAD)
    effort.spend(chain.walked)
    return not fork.broken and fork.bits >= _WHOLE


def may_hold(
    data: bytes,
    header_end: int,
    csid: int,
    length: int,
    extended: bool,
    size: int,
    known: Known,
    effort: Effort,
) -> bool | None:
    """Whether the message may have chunks of `size`: a header can stand behind the first one.

    None: it cannot, but the message can be one chunk as far as it is seen.
    """
    chain = _at_message(data, header_end, csid, length, extended, size, known)
    fork = chain.fork(csid, size, 1)
    effort.spend(chain.walked)
    if fork.headers or not fork.broken:
        return True
    mark = continuation_header(csid)
    common = (header_end + each for each in sizes.COMMON + sizes.COMMON_LARGE if each > size)
    seen = any(at < header_end + length and data.startswith(mark, at) for at in common)
    return None if len(data) < header_end + length and not seen else False


def _at_message(
    data: bytes,
    header_end: int,
    csid: int,
    length: int,
    extended: bool,
    minimum: int,
    known: Known,
) -> Chain:
    """Return a chain that stands behind a message header."""
    chain = Chain(data, Noise(data), header_end, None, minimum, known)
    repeated = data[header_end - 4 : header_end] if extended else b""
    chain.states[csid] = State(UNKNOWN, length, 0, extended=repeated, left=length)
    return chain
