"""RTMP 1.0 §5.3: cross a hole by arithmetic, when it lies inside one message.

The hole's length is exact (TCP), and so is the rest of the message; only that no other chunk
stood in the hole must be proven, by what follows.
"""

from collections.abc import Mapping
from math import inf
from typing import Final, NamedTuple

from dissectors.resync.chain import LOOK_AHEAD, Chain, State
from dissectors.resync.evidence import Noise
from dissectors.resync.header import continuation_header

_ACCEPT: Final = 30.0
"""One hypothesis instead of millions: little evidence is needed."""
_BROKEN_COST: Final = 20.0


class Bridge(NamedTuple):
    """How reading goes on behind the hole."""

    header_left: int
    """Bytes of `after` that end a chunk header cut by the hole."""
    chunk_left: int
    """Payload bytes of the current chunk that follow."""
    message_left: int
    """Payload bytes of the message still to come, `chunk_left` included; 0: it is over."""
    missing: int
    """Payload bytes the hole took from the message, in one piece."""
    bits: float
    """Infinite when the hole ends inside the chunk it began in: nothing was guessed."""

    @property
    def skip(self) -> int:
        """Bytes of `after` before the next chunk header."""
        return self.header_left + self.chunk_left


def bridge(
    after: bytes,
    hole: int,
    chunk_left: int,
    message_left: int,
    chunk_size: int,
    csid: int,
    extended: bool,
    known: Mapping[int, tuple[int, int, int]],
) -> Bridge | None:
    """Return where a reader stands behind the hole, None when `after` does not prove it (yet).

    `chunk_left` and `message_left` are payload bytes due where the hole begins; `extended`: fmt 3
    chunks of `csid` repeat the extended timestamp; `known`: csid → (type, length, msid), that of
    `csid` itself included.
    """
    if hole <= chunk_left:
        return Bridge(0, chunk_left - hole, message_left - hole, hole, inf)
    mark = continuation_header(csid)
    header_length = len(mark) + (4 if extended else 0)
    landing = _predict(hole, chunk_left, message_left, chunk_size, header_length)
    if landing is None or landing.skip >= len(after):
        return None
    start = landing.skip
    chain = Chain(after, Noise(after), start, chunk_size, chunk_size, known)
    if csid in known:
        repeated = after[start + len(mark) : start + header_length]
        left = landing.message_left - landing.chunk_left
        chain.states[csid] = State(*known[csid], extended=repeated, left=left)
    chain.limit = LOOK_AHEAD
    chain.walk()
    if chain.broken and not chain.messages:
        return None  # the message does not end where it should: the hole held something else
    bits = chain.bits - (_BROKEN_COST if chain.broken else 0.0)
    return landing._replace(bits=bits) if bits >= _ACCEPT else None


def _predict(
    hole: int, chunk_left: int, message_left: int, chunk_size: int, header_length: int
) -> Bridge | None:
    """Return where `hole` bytes lead when every chunk in them belongs to the message."""
    over = hole - chunk_left
    due = message_left - chunk_left
    whole = min(over // (chunk_size + header_length), due // chunk_size)
    over -= whole * (chunk_size + header_length)
    due -= whole * chunk_size
    payload = min(chunk_size, due)
    header_gone = min(over, header_length) if payload else 0
    gone = over - header_gone
    if gone > payload or (header_gone < over and not payload):
        return None  # the hole reaches beyond the message
    left = payload - gone
    missing = message_left - due + gone
    header_left = header_length - header_gone if header_gone else 0
    if not header_gone:
        left = 0  # exactly before the next header
    return Bridge(header_left, left, message_left - missing, missing, 0.0)
