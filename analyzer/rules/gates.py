"""Preconditions of rules: where one fails, nothing is claimed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from analyzer.rules.rule import SIDES, Gate
from dissectors import spec

if TYPE_CHECKING:
    from analyzer.rules.rule import Evidence
    from analyzer.rules.scope import Scope


def _full(scope: Scope) -> str | None:
    view = scope.connection
    if not view.from_start:
        return "the beginning of the connection was not captured"
    if not view.handshake_seen:
        return "no complete RTMP handshake was captured"
    for direction in (0, 1):
        if headless(scope, direction):
            return f"the beginning of what the {SIDES[direction]} sent was not captured"
    if scope.session.messages.first:
        return "of an input without an end, only the last messages are kept"
    return None


def headless(scope: Scope, direction: int) -> bool:
    """Whether a direction may begin anywhere: no SYN of its sender, and no version 3 first."""
    seen = scope.connection.tcp_connection.saw_syn[scope.connection.sides[direction]]
    first = scope.half(direction).first[:1]
    return not seen and bool(first) and first[0] != spec.VERSION


def _dir(scope: Scope) -> str | None:
    return None if scope.connection.both_directions else "only one direction was captured"


def _tcp(scope: Scope) -> str | None:
    return (
        "the TCP layer of this capture is made up"
        if scope.connection.tcp_connection.handshake.synthetic
        else None
    )


def _clear(scope: Scope) -> str | None:
    if any(problem.code == "shortened" for problem in scope.session.captures.problems):
        return "the file was made shorter while it was read: bodies cannot be read again"
    read = len(scope.rows(0)) or len(scope.rows(1))
    return None if read else scope.connection.why_unread


def _whole(scope: Scope) -> str | None:
    if _full(scope) is not None:
        return _full(scope)
    holes = sum(len(scope.tcp(direction).gaps) for direction in (0, 1))
    return f"bytes are missing in {holes} place{'s' * (holes != 1)}" if holes else None


GATES: Final[Mapping[Gate, Callable[[Scope], str | None]]] = {
    "clear": _clear,
    "dir": _dir,
    "full": _full,
    "tcp": _tcp,
    "whole": _whole,
}
"""Gate → why it fails for this connection, or None."""


def failing(scope: Scope, gates: Sequence[Gate]) -> str | None:
    """Return why one of the gates fails, None when all are open."""
    for gate in gates:
        key = ("gate", gate, scope.connection.index)
        reason = scope.shared.once(key, lambda gate=gate: GATES[gate](scope))  # type: ignore[misc]
        if reason is not None:
            return reason
    return None


def behind_hole(scope: Scope, evidence: Evidence) -> str | None:
    """Say so where bytes of the evidence's direction are missing before it."""
    direction, span = evidence.direction, evidence.span
    if len(evidence.rows):
        row = int(evidence.rows[0])
        direction, offset = scope.value(row, "direction"), scope.value(row, "stream_offset")
    elif span is not None and direction is not None:
        offset = span[0]
    else:
        return None
    gaps = scope.tcp(direction).gaps
    if len(gaps) and gaps[0].offset < offset:
        return f"bytes are missing before it, first at stream offset {gaps[0].offset}"
    return None
