"""Findings: what is wrong, with evidence. One function per rule, in one table."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.model import Diagnostic
from analyzer.rules import capture, chunk_stream, commands

if TYPE_CHECKING:
    from analyzer.session import Session

Rule = Callable[["Session"], Iterator[Diagnostic]]

RULES: Final[tuple[Rule, ...]] = (
    capture.damaged,
    capture.dropped,
    capture.unordered,
    capture.mid_stream,
    capture.snaplen,
    capture.gaps,
    chunk_stream.desynchronised,
    chunk_stream.resynchronised,
    chunk_stream.zero_chunk_size,
    chunk_stream.extended_timestamp_omitted,
    chunk_stream.fresh_chunk_stream,
    chunk_stream.replaced_message,
    commands.refused,
    commands.unanswered,
    commands.malformed,
)


def findings(session: "Session") -> list[Diagnostic]:
    """Run all rules; the order is that of connections, then time, then the table."""
    found = [diagnostic for rule in RULES for diagnostic in rule(session)]
    for diagnostic in found:
        if diagnostic.time_ns is None and diagnostic.frame is not None:
            diagnostic.time_ns = _time_of(session, diagnostic)
    found.sort(key=lambda item: (_connection_number(item), item.time_ns or 0))
    for number, diagnostic in enumerate(found):
        diagnostic.id = f"d{number}"
        key = "|".join((diagnostic.rule, diagnostic.connection or "", diagnostic.section or ""))
        diagnostic.fingerprint = sha256(key.encode()).hexdigest()[:16]
    return found


def _time_of(session: "Session", diagnostic: Diagnostic) -> int | None:
    """Return when the frame of the evidence was captured, as near as stored segments tell."""
    if diagnostic.connection is None:
        return None
    connection = session.connections[_connection_number(diagnostic)]
    times = []
    for direction in connection.tcp_connection.directions:
        before = np.flatnonzero(direction.segments.frame <= (diagnostic.frame or 0))
        if len(before):
            times.append(int(direction.segments.time_ns[before].max()))
    return max(times) - session.capture_start_ns if times else None


def _connection_number(diagnostic: Diagnostic) -> int:
    return int(diagnostic.connection[1:]) if diagnostic.connection else -1
