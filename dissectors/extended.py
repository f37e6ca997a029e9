"""Extended timestamps on fmt 3 chunks: is the field there, and what does it mean? (§5.3.1.3)"""

from typing import Final

from dissectors.chunk_state import ChunkStream

SANE_STEP: Final = 10 * 60 * 1000
"""A timestamp step below ten minutes is taken for a delta when the wire is ambiguous."""


def is_repeated(cs: ChunkStream, field: bytes) -> bool:
    """Whether the four bytes behind a fmt 3 header inside a message are its extended timestamp.

    §5.3.1.3 wants it there. librtmp before its fix, OBS before January 2024 and others leave it
    out; SRS and Red5 write it masked to 31 bits. A payload that collides has odds of 2^-32.
    """
    value = int.from_bytes(field, "big")
    return value in (cs.extended_value, cs.timestamp, cs.timestamp & 0x7FFFFFFF)


def step(cs: ChunkStream, field: bytes) -> int | None:
    """Return the delta that the four bytes behind a fmt 3 header opening a message mean.

    The field repeats the last one; a sender that writes a new delta or the new absolute time
    instead is recognised by a small step. None: the field is left out, the bytes are payload.
    """
    value = int.from_bytes(field, "big")
    if value == cs.extended_value or value < SANE_STEP:
        return value
    absolute = (value - cs.timestamp) & 0xFFFFFFFF
    return absolute if absolute < SANE_STEP else None
