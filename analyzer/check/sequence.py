"""Who said what to whom: the steps of a connection, for sequence diagrams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.index import Array
from dissectors import spec

if TYPE_CHECKING:
    from analyzer.session import Session

MAX_STEPS: Final = 60
"""Steps of one diagram; more cannot be read."""
LONGEST: Final = 4096
"""Bytes of a message that is decoded for its text; of a longer one the type is named."""
_MEDIA: Final = (spec.AUDIO, spec.VIDEO, spec.AGGREGATE)


class Step(NamedTuple):
    """A message, or a run of media messages of one direction; `text` is captured."""

    direction: int
    text: str
    time_ns: int
    frame: int
    messages: int = 1
    media: bool = False


def steps(session: Session, rows: Array) -> list[Step]:
    """Return the steps of a connection, by its rows in order: a run of media messages is one.

    Of more than `MAX_STEPS` the first and the last are kept, and a step without text stands for
    those left out.
    """
    if not len(rows):
        return []
    media = np.isin(session.messages.column("type_id")[rows], _MEDIA)
    direction = session.messages.column("direction")[rows]
    # A run goes on while only media of one direction comes; the other one's do not end it.
    key = np.where(media, direction.astype(np.int64), -1 - np.arange(len(rows)))
    starts = np.flatnonzero(np.diff(key, prepend=key[0] - 1))
    ends = np.append(starts[1:], len(rows))
    pieces = list(zip(starts.tolist(), ends.tolist(), strict=True))
    left_out = len(pieces) - MAX_STEPS
    if left_out > 0:
        half = MAX_STEPS // 2
        first = [_step(session, rows[low:high]) for low, high in pieces[:half]]
        last = [_step(session, rows[low:high]) for low, high in pieces[-half:]]
        hidden = pieces[half:-half]
        count = hidden[-1][1] - hidden[0][0]
        return [*first, Step(0, "", first[-1].time_ns, first[-1].frame, count), *last]
    return [_step(session, rows[low:high]) for low, high in pieces]


def _step(session: Session, rows: Array) -> Step:
    row, count = int(rows[0]), len(rows)
    is_media = session.value(row, "type_id") in _MEDIA
    if count > 1:
        text = _run(session, rows)
    else:
        short = is_media or session.value(row, "length") <= LONGEST
        text = session.info(row) if short else ""
    return Step(
        session.value(row, "direction"),
        text or session.type_name(row),
        session.value(row, "time_ns"),
        session.value(row, "last_frame"),
        count,
        is_media,
    )


def _run(session: Session, rows: Array) -> str:
    types = session.messages.column("type_id")[rows]
    lengths = session.messages.column("length")[rows].astype(np.int64)
    words = [
        f"{int((types == kind).sum())} {name}"
        for kind, name in (
            (spec.VIDEO, "video"),
            (spec.AUDIO, "audio"),
            (spec.AGGREGATE, "aggregate"),
        )
        if (types == kind).any()
    ]
    return f"{', '.join(words)} messages, {int(lengths.sum()):,} bytes"
