"""RTMP 1.0 §5.3.1.2: a fmt 1 or 2 header where a message is under way on its chunk stream.

The specification leaves open what it means. FFmpeg reads on in the message when the length is the
same, others drop it and begin a new one. What follows tells: only one of the two keeps in step.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from dissectors.resync.chain import MAX_WALKED, Chain, State
from dissectors.resync.evidence import Noise

_LOOK_AHEAD: Final = 24
"""Chunk headers walked beyond those of the message, to tell the readings apart."""
_GLANCE: Final = 3
"""The same where the sender is known to go on like this."""
_MARGIN: Final = 10.0
"""Bits by which the dropped message must be likelier, where both readings keep in step."""


class Verdict(NamedTuple):
    """`goes_on` is None when the data does not decide it; `walked` is the cost in headers."""

    goes_on: bool | None
    walked: int


def goes_on(
    data: bytes,
    start: int,
    csid: int,
    states: Mapping[int, State],
    chunk_size: int,
    *,
    usual: bool,
    final: bool,
) -> Verdict:
    """Whether the chunk whose payload begins at `start` continues the message under way.

    `states`: of every chunk stream, with what is `left` of their messages; `usual`: this sender's
    last such chunk did; `final`: decide with the data at hand.
    """
    noise = Noise(data)
    later = states[csid].left // chunk_size
    if usual:
        same = _walk(data, noise, start, csid, states, chunk_size, later + _GLANCE)
        if not same.broken:
            return Verdict(True if final or not _at_end(same) else None, same.walked)
    same = _walk(data, noise, start, csid, states, chunk_size, later + _LOOK_AHEAD)
    whole = states[csid].length
    anew = dict(states) | {csid: replace(states[csid], left=whole)}
    other = _walk(data, noise, start, csid, anew, chunk_size, whole // chunk_size + _LOOK_AHEAD)
    walked = same.walked + other.walked
    if same.broken != other.broken:
        return Verdict(other.broken, walked)
    if not final and not same.broken and (_at_end(same) or _at_end(other)):
        return Verdict(None, walked)
    margin = 0.0 if same.broken else _MARGIN
    return Verdict(same.bits + margin >= other.bits, walked)


def _walk(
    data: bytes,
    noise: Noise,
    start: int,
    csid: int,
    states: Mapping[int, State],
    chunk_size: int,
    limit: int,
) -> Chain:
    """Follow headers from the payload at `start` on."""
    chain = Chain(data, noise, start, chunk_size, chunk_size, {})
    chain.states = {key: replace(state) for key, state in states.items()}
    chain.limit = limit
    return chain.walk() if chain.payload(chain.states[csid]) else chain


def _at_end(chain: Chain) -> bool:
    """Whether a walk ended with the data."""
    return chain.steps < chain.limit and chain.walked < MAX_WALKED
