"""Is the chunk stream what the specification says? (CHK rules about boundaries and sizes)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.model import DIRECTIONS
from analyzer.rules import chunk_size
from analyzer.rules.gates import headless
from analyzer.rules.rule import SIDES, Evidence, Inconclusive, Outcome, Rule
from dissectors import spec
from dissectors.chunk_state import Flag, ReaderEvent

if TYPE_CHECKING:
    from analyzer.rules.scope import Rows, Scope

_SEARCHES = ("resync", "unreadable")
_UNKNOWN = "on unknown chunk stream"
_SWAPPED: Final = frozenset({128, 4096, *(1 << n for n in range(8, 17)), 60000})
"""Sizes that a sender meant if they appear with their bytes reversed."""


def _events(scope: Scope, *codes: str) -> Iterator[tuple[int, list[ReaderEvent]]]:
    for direction in (0, 1):
        reader = scope.half(direction).reader
        found = [event for event in reader.events if event.code in codes] if reader else []
        if found:
            yield direction, found


def _losses(scope: Scope) -> Iterator[tuple[int, list[ReaderEvent]]]:
    """Yield impossible headers where no bytes are missing before them."""
    for direction, events in _events(scope, "lost"):
        gaps = scope.tcp(direction).gaps
        hole = gaps[0].offset if len(gaps) else None
        own = [e for e in events if "missing" not in e.text]
        if headless(scope, direction):
            continue
        if own and (hole is None or own[0].stream_offset <= hole):
            yield direction, own


def _fit(scope: Scope, direction: int, event: ReaderEvent) -> chunk_size.Fit | None:
    key = ("chunk size", scope.connection.index, direction)
    offset = event.stream_offset
    return scope.shared.once(key, lambda: chunk_size.fitting(scope, direction, offset))


def _wrong(event: ReaderEvent, fit: chunk_size.Fit | None) -> tuple[int, int]:
    """Return the bytes from the first wrong chunk, where known, to the impossible header."""
    start = event.stream_offset if fit is None else min(fit.since, event.stream_offset)
    return start, event.stream_offset - start + 1


def desynchronised(scope: Scope) -> Iterator[Outcome]:
    """CHK-01: an impossible chunk header where no bytes are missing."""
    for direction, _ in _events(scope, "lost"):
        if headless(scope, direction):
            why = f"the beginning of what the {SIDES[direction]} sent was not captured"
            yield Inconclusive(why, DIRECTIONS[direction])
    for direction, events in _losses(scope):
        fit = _fit(scope, direction, events[0])
        if fit is None and _UNKNOWN in events[0].text:
            continue
        text = f"an impossible chunk header: {events[0].text}"
        if fit is not None:
            text = (
                f"the {SIDES[direction]} sends chunks of {fit.size} bytes, {fit.announced} are in "
                f"force, which leads to {text}"
            )
        yield Evidence(
            text,
            direction=direction,
            span=_wrong(events[0], fit),
            count=len(events),
            expected=f"chunks of {fit.announced} bytes" if fit else "a chunk header",
            actual=f"chunks of {fit.size} bytes" if fit else events[0].text,
            track=DIRECTIONS[direction],
        )


def adopted_size(scope: Scope) -> Iterator[Outcome]:
    """CHK-03: a sender uses the chunk size that the other side announced for itself."""
    for direction, events in _losses(scope):
        fit = _fit(scope, direction, events[0])
        if fit is not None and fit.peer:
            yield Evidence(
                f"the {SIDES[direction]} sends chunks of {fit.size} bytes, which only its peer "
                f"announced for its own; {fit.announced} are in force",
                direction=direction,
                span=_wrong(events[0], fit),
                expected=str(fit.announced),
                actual=str(fit.size),
                track=DIRECTIONS[direction],
            )


def resynchronised(scope: Scope) -> Iterator[Outcome]:
    """CHK-13: where chunk boundaries were found again, or not, and what that rests on."""
    for direction, events in _events(scope, *_SEARCHES):
        first, found = events[0], [event for event in events if event.code == "resync"]
        unread = sum(event.length for event in events if event.code == "unreadable")
        again = f"found {len(found)} time{'s' * (len(found) != 1)}" if found else "not found"
        yield Evidence(
            f"chunk boundaries {again} in {DIRECTIONS[direction]}, "
            f"{sum(event.length for event in events)} bytes skipped; first from stream offset "
            f"{first.stream_offset} to {first.stream_offset + first.length}: {first.text}",
            direction=direction,
            span=(first.stream_offset, first.length),
            count=1,
            severity="warning" if unread else "note",
            confidence="likely" if found else "definite",
            track=DIRECTIONS[direction],
        )


def illegal_size(scope: Scope) -> Iterator[Outcome]:
    """CHK-02: Set Chunk Size with a value that is none, or that peers refuse."""
    limits = scope.parameters
    for direction in (0, 1):
        rows = scope.rows(direction, (spec.SET_CHUNK_SIZE,))
        rows = rows[scope.column("received", rows) >= 4]
        values = np.ascontiguousarray(scope.head(rows)[:, :4]).view(">u4").ravel()
        kinds = (
            ("error", (values == 0) | (values > spec.MAX_CHUNK_SIZE), "is illegal"),
            ("warning", values > spec.MAX_MESSAGE_LENGTH, "is longer than any message; nginx-rtmp "
             "refuses it"),
            ("note", values > limits["large_bytes"], "is unusually large"),
        )  # fmt: skip
        for severity, chosen, words in kinds:
            if not chosen.any():
                continue
            value = int(values[chosen][0])
            swapped = int.from_bytes(value.to_bytes(4, "little"), "big")
            hint = f" (little-endian for {swapped}?)" if swapped in _SWAPPED else ""
            yield Evidence(
                f"Set Chunk Size {value} {words}{hint}",
                rows[chosen],
                expected="1 … 16777215",
                actual=str(value),
                severity=severity,  # type: ignore[arg-type]
                track=DIRECTIONS[direction],
            )
            break


def late_size(scope: Scope) -> Iterator[Outcome]:
    """CHK-04: Set Chunk Size after publish, or between the chunks of another message."""
    published = [call.row for call in scope.named("publish")]
    for direction in (0, 1):
        rows = scope.rows(direction, (spec.SET_CHUNK_SIZE,))
        everything = scope.rows(direction)
        # Rows are in the order the messages ended; which of the later ones began before?
        begun = np.minimum.accumulate(scope.column("stream_offset", everything)[::-1])[::-1]
        for row, place in zip(rows.tolist(), np.searchsorted(everything, rows), strict=True):
            later = begun[place + 1 : place + 2]
            if len(later) and later[0] < scope.value(row, "stream_offset"):
                yield Evidence(
                    "Set Chunk Size stands between the chunks of another message",
                    [row],
                    expected="all chunks of a message of one size",
                    severity="warning",
                    track=DIRECTIONS[direction],
                )
            elif direction == 0 and published and _after(scope, row, published[0]):
                yield Evidence(
                    "Set Chunk Size after publish",
                    [row],
                    expected="before publish",
                    track=DIRECTIONS[direction],
                )


def _after(scope: Scope, row: int, other: int) -> bool:
    return scope.value(row, "stream_offset") > scope.value(other, "stream_offset")


def fresh_chunk_stream(scope: Scope) -> Iterator[Outcome]:
    """CHK-08: a chunk stream was opened with another format than 0."""
    for direction, rows in flagged(scope, Flag.FRESH):
        yield Evidence(
            "a chunk stream begins with fmt 1",
            rows,
            expected="fmt 0",
            actual="fmt 1",
            track=DIRECTIONS[direction],
        )
    for direction, events in _losses(scope):
        if _UNKNOWN in events[0].text and _fit(scope, direction, events[0]) is None:
            yield Evidence(
                f"a chunk stream does not begin with fmt 0: {events[0].text}",
                direction=direction,
                span=(events[0].stream_offset, 1),
                severity="error",
                confidence="likely",
                expected="fmt 0",
                actual=events[0].text,
                track=DIRECTIONS[direction],
                help="fmt 2 and 3 take from the message before on their chunk stream, and there "
                "is none: receivers give up.",
            )


def replaced_message(scope: Scope) -> Iterator[Outcome]:
    """CHK-09: a message was abandoned, without an Abort Message or with one, or looks like it."""
    for direction, rows in flagged(scope, Flag.REPLACED):
        yield Evidence(
            "a new message header came before the message was complete",
            rows,
            expected="the rest of it, or an Abort Message",
            actual="another message header",
            track=DIRECTIONS[direction],
        )
    for direction, rows in flagged(scope, Flag.HEADER_REPEATED):
        yield Evidence(
            "a chunk inside a message has a new message header; read as the message going on, as "
            "FFmpeg does, because only that fits what follows",
            rows,
            severity="warning",
            confidence="likely",
            expected="fmt 3",
            actual="fmt 1 or 2",
            track=DIRECTIONS[direction],
            help="Many receivers drop the message here: continue it with fmt 3.",
        )
    for direction, rows in flagged(scope, Flag.ABORTED):
        yield Evidence(
            "an Abort Message drops a message; many receivers do not know it",
            rows,
            severity="note",
            track=DIRECTIONS[direction],
        )


def flagged(scope: Scope, flag: int) -> Iterator[tuple[int, Rows]]:
    """Yield the rows of each direction that carry `flag`, by message number."""
    for direction in (0, 1):
        rows = scope.rows(direction)
        rows = rows[scope.column("flags", rows) & flag != 0]
        if len(rows):
            yield direction, rows[np.argsort(scope.column("index", rows), kind="stable")]


RULES: Final = (
    Rule(
        "CHK-01",
        "Chunk boundaries lost",
        "error",
        "likely",
        desynchronised,
        section="RTMP 1.0 §5.3.1",
        help="The sender announces one chunk size and uses another, or writes headers that do not "
        "fit its messages.",
        blame="sender",
    ),
    Rule(
        "CHK-02",
        "Illegal chunk size",
        "error",
        "definite",
        illegal_size,
        section="RTMP 1.0 §5.4.1",
        help="Announce 4096 to 65536 bytes, in network byte order.",
        blame="sender",
        parameters={"large_bytes": 65536},
    ),
    Rule(
        "CHK-03",
        "The peer's chunk size adopted",
        "error",
        "definite",
        adopted_size,
        section="RTMP 1.0 §5.4.1",
        help="Each side announces the size of its own chunks; the other direction's does not "
        "change with it.",
        blame="sender",
    ),
    Rule(
        "CHK-04",
        "Set Chunk Size late",
        "note",
        "definite",
        late_size,
        section="RTMP 1.0 §5.4.1",
        help="Set the chunk size right after connect, and not inside another message.",
        blame="sender",
    ),
    Rule(
        "CHK-08",
        "Chunk stream not opened with fmt 0",
        "note",
        "definite",
        fresh_chunk_stream,
        gates=("full",),
        section="RTMP 1.0 §5.3.1.2.1",
        help="librtmp and OBS do this on chunk stream 2; some receivers refuse it.",
        blame="sender",
    ),
    Rule(
        "CHK-09",
        "Message abandoned",
        "error",
        "definite",
        replaced_message,
        section="RTMP 1.0 §5.3",
        help="Receivers differ in what they do with the rest; send an Abort Message.",
        blame="sender",
    ),
    Rule(
        "CHK-13",
        "Chunk boundaries found again",
        "note",
        "likely",
        resynchronised,
        section="RTMP 1.0 §5.3",
        help="After a gap or a start in the middle nothing marks a chunk header; values that "
        "follow from no byte seen are listed under `inferred` of each message.",
    ),
)
