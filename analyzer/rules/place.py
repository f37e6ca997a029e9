"""Where evidence stands: message, frame, time, stream bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyzer.model import Place

if TYPE_CHECKING:
    from analyzer.rules.rule import Evidence
    from analyzer.rules.scope import Scope

_NO_FRAME = 0xFFFFFFFF
"""In the index: none of the message's bytes is captured."""


def place(scope: Scope, evidence: Evidence, most: int) -> list[Place]:
    """Return the places of the first `most` occurrences and of the last one."""
    rows = [int(row) for row in evidence.rows[:most]]
    if len(evidence.rows) > most > 1:
        rows.append(int(evidence.rows[-1]))
    if rows:
        return [_of_row(scope, row, evidence.span) for row in rows]
    return [_of_evidence(scope, evidence)]


def _of_row(scope: Scope, row: int, span: tuple[int, int] | None) -> Place:
    session = scope.session
    frame: int | None = session.value(row, "last_frame")
    start = session.value(row, "stream_offset")
    return Place(
        session.message_id(row),
        None if frame == _NO_FRAME else frame,
        session.value(row, "time_ns"),
        span or (start, session.value(row, "end_offset") - start),
    )


def _of_evidence(scope: Scope, evidence: Evidence) -> Place:
    frame, time, span = evidence.frame, evidence.time_ns, evidence.span
    if span is not None and evidence.direction is not None and scope.known is not None:
        at = np.array([span[0]], np.int64)
        first, _, first_time, _ = scope.tcp(evidence.direction).frames(at, at + max(span[1], 1))
        if int(first[0]) >= 0:
            frame = int(first[0]) if frame is None else frame
            if time is None:
                time = int(first_time[0]) - scope.session.capture_start_ns
    if time is None and frame is not None and scope.known is not None:
        time = _time_of(scope, frame)
    about = evidence.about
    if about is None and span is not None and evidence.direction is not None:
        about = _message_at(scope, evidence.direction, span[0])
    message = None if about is None else scope.session.message_id(about)
    return Place(message, frame, time, span)


def _message_at(scope: Scope, direction: int, offset: int) -> int | None:
    """Return the row of the message that a stream byte belongs to."""
    if scope.known is None:
        return None
    rows = scope.rows(direction)
    at = int(np.searchsorted(scope.column("end_offset", rows), offset, side="right"))
    if at < len(rows) and scope.value(int(rows[at]), "stream_offset") <= offset:
        return int(rows[at])
    return None


def _time_of(scope: Scope, frame: int) -> int | None:
    """Return when a frame was captured, as near as stored segments tell."""
    times = []
    for direction in (0, 1):
        segments = scope.tcp(direction).segments
        before = np.flatnonzero(segments.frame <= frame)
        if len(before):
            times.append(int(segments.time_ns[before].max()))
    return max(times) - scope.session.capture_start_ns if times else None
