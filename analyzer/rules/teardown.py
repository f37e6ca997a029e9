"""How does a connection end? (END rules)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.model import DIRECTIONS
from analyzer.rules.rule import CLOSING, NOTHING, SIDES, Evidence, Inconclusive, Outcome, Rule

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope

_PROPER: Final = frozenset({"FCUnpublish", "deleteStream"})
_PUSH: Final = "LNX.11,1,102,55"
"""flashVer of nginx-rtmp's push, which only closes its connection when its own publisher ends."""
_LAST_WORDS: Final = (
    "Unpublish", "Play.Stop", "Play.Complete", "Play.UnpublishNotify", "Connect.Closed",
    "StreamNotFound", "Play.Failed", "BadName", "Rejected", "ReconnectRequest",
)  # fmt: skip


_OPEN: Final = Inconclusive("the end of the connection was not captured")


def _unfit(scope: Scope) -> Outcome | None:
    """Return what is said instead of judging how a publisher ends, None where that can be told."""
    if not scope.publishes:
        return NOTHING
    return _OPEN if scope.connection.closed_by is None else None


def no_farewell(scope: Scope) -> Iterator[Outcome]:
    """END-01: a publisher closes without saying that its stream ends."""
    outcome = _unfit(scope) if scope.closed_by() != "server" else NOTHING
    if outcome is not None:
        yield outcome
        return
    if scope.asked & _PROPER:
        return
    only = "closeStream" in scope.asked
    yield Evidence(
        f"the publisher closed {'after closeStream only' if only else 'without a word'}: "
        "no FCUnpublish, no deleteStream",
        frame=scope.close_frame,
        time_ns=scope.end_ns,
        about=scope.last,
        expected="FCUnpublish and deleteStream",
        actual="closeStream" if only else "nothing",
        blame="client",
        key="closeStream" if only else "",
    )


def broken_off(scope: Scope) -> Iterator[Outcome]:
    """END-04: a publisher is gone while its media were coming."""
    media = scope.media(0)
    outcome = _unfit(scope) if len(media) else NOTHING
    if outcome is not None:
        yield outcome
        return
    if scope.closed_by() != "client" or scope.asked & CLOSING or _last_words(scope):
        return  # somebody ended the stream
    if scope.connection.flash_ver == _PUSH:
        return
    idle = (scope.end_ns - int(scope.column("time_ns", media).max())) / 1e9
    if idle <= scope.parameters["idle_s"]:
        yield Evidence(
            f"the publisher is gone in mid-stream: {idle:.1f} s after its last audio or video the "
            "connection ends, without FCUnpublish, deleteStream or closeStream",
            frame=scope.close_frame,
            time_ns=scope.end_ns,
            about=scope.last,
            direction=0,
            expected="a command that ends the stream",
            actual=scope.connection.closed_by,
        )


def cut_message(scope: Scope) -> Iterator[Outcome]:
    """END-02: the connection ends inside a message."""
    if scope.connection.closed_by is None:
        yield _OPEN
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
    if _last_words(scope) or _stream_eof(scope):
        return
    if scope.asked & CLOSING:
        return  # the client ended it
    publish = scope.connection.role != "play"
    yield Evidence(
        "the server closed without a status that says why",
        frame=scope.close_frame,
        time_ns=scope.end_ns,
        about=scope.last,
        severity="warning" if publish else "note",
        expected="onStatus or Stream EOF",
        actual=scope.connection.closed_by,
        blame="server",
    )


def _last_words(scope: Scope) -> bool:
    """Whether the server said that it ends the stream or the connection."""
    said = [call.code for call in scope.commands() if call.direction]
    return any(word in code for code in said for word in _LAST_WORDS)


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
    Rule(
        "END-04",
        "Publisher gone in mid-stream",
        "warning",
        "likely",
        broken_off,
        gates=("clear", "dir", "whole"),
        section="RTMP 1.0 §7.2.2.3",
        help="An encoder that crashed, was killed, or closes its socket without ending the stream. "
        "Its log or its exit status says which.",
        blame="client",
        parameters={"idle_s": 1},
    ),
)
