"""How does a connection end? (END rules)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.model import DIRECTIONS
from analyzer.rules.rule import NOTHING, SIDES, Evidence, Inconclusive, Outcome, Rule

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope

_PROPER: Final = frozenset({"FCUnpublish", "deleteStream"})
_LAST_WORDS: Final = (
    "Unpublish", "Play.Stop", "Play.Complete", "Play.UnpublishNotify", "Connect.Closed",
    "StreamNotFound", "Play.Failed", "BadName", "Rejected",
)  # fmt: skip


def _open(scope: Scope) -> Inconclusive | None:
    if scope.connection.closed_by is None:
        return Inconclusive("the end of the connection was not captured")
    return None


def no_farewell(scope: Scope) -> Iterator[Outcome]:
    """END-01: a publisher closes without saying that its stream ends."""
    if scope.connection.role not in ("publish", "both") or scope.closed_by() == "server":
        yield NOTHING
        return
    if (reason := _open(scope)) is not None:
        yield reason
        return
    said = {call.command.name for call in scope.commands() if not call.direction}
    if said & _PROPER:
        return
    only = "closeStream" in said
    yield Evidence(
        f"the publisher closed {'after closeStream only' if only else 'without a word'}: "
        "no FCUnpublish, no deleteStream",
        frame=_close_frame(scope),
        time_ns=scope.end_ns,
        about=scope.last,
        expected="FCUnpublish and deleteStream",
        actual="closeStream" if only else "nothing",
        blame="client",
        key="closeStream" if only else "",
    )


def _close_frame(scope: Scope) -> int | None:
    closed = scope.connection.tcp_connection.first_close
    return closed[2] if closed is not None else None


def cut_message(scope: Scope) -> Iterator[Outcome]:
    """END-02: the connection ends inside a message."""
    if (reason := _open(scope)) is not None:
        yield reason
        return
    for direction in (0, 1):
        rows = scope.rows(direction)
        if len(scope.tcp(direction).gaps) or not len(rows):
            continue
        tail = rows[-64:]  # few messages are open at once, and those cut end last
        lengths, received = scope.column("length", tail), scope.column("received", tail)
        at_end = scope.column("end_offset", tail) >= scope.tcp(direction).length
        cut = tail[(received < lengths) & at_end]
        if len(cut):
            missing = int(np.sum(lengths[np.isin(tail, cut)].astype(np.int64)))
            missing -= int(np.sum(received[np.isin(tail, cut)].astype(np.int64)))
            row = int(cut[0])
            yield Evidence(
                f"the last message of the {SIDES[direction]}, {scope.session.type_name(row)}, is "
                f"incomplete: {missing} bytes never came",
                cut,
                count=1,
                track=DIRECTIONS[direction],
                expected=f"{scope.value(row, 'length')} bytes",
                actual=f"{scope.value(row, 'received')} bytes",
            )


def no_status(scope: Scope) -> Iterator[Outcome]:
    """END-03: the server closes without a status or Stream EOF."""
    if scope.closed_by() != "server" or scope.connection.role is None:
        yield NOTHING
        return
    said = [call.code for call in scope.commands() if call.direction]
    asked = {call.command.name for call in scope.commands() if not call.direction}
    if any(word in code for code in said for word in _LAST_WORDS) or _stream_eof(scope):
        return
    if asked & (_PROPER | {"closeStream"}):
        return  # the client ended it
    publish = scope.connection.role != "play"
    yield Evidence(
        "the server closed without a status that says why",
        frame=_close_frame(scope),
        time_ns=scope.end_ns,
        about=scope.last,
        severity="warning" if publish else "note",
        expected="onStatus or Stream EOF",
        actual=scope.connection.closed_by,
        blame="server",
    )


def _stream_eof(scope: Scope) -> bool:
    """User Control event 1 (RTMP 1.0 §7.1.7)."""
    rows = scope.whole(scope.rows(1, (4,)))
    head = scope.head(rows)
    return bool(((head[:, 0] == 0) & (head[:, 1] == 1)).any())


RULES: Final = (
    Rule(
        "END-01",
        "No farewell of the publisher",
        "note",
        "definite",
        no_farewell,
        gates=("clear", "dir"),
        section="RTMP 1.0 §7.2.2.3",
        help="Servers that wait for deleteStream may show the stream as live for some time.",
    ),
    Rule(
        "END-02",
        "Last message incomplete",
        "note",
        "definite",
        cut_message,
        gates=("clear", "tcp"),
        section="RTMP 1.0 §5.3",
        help="The end of the stream is lost with it: the sender did not wait until all was sent.",
        blame="sender",
    ),
    Rule(
        "END-03",
        "Closed by the server without a status",
        "note",
        "definite",
        no_status,
        gates=("clear", "dir", "whole"),
        section="RTMP 1.0 §7.2.2",
        help="The server's log says why; many servers never tell the client.",
    ),
)
