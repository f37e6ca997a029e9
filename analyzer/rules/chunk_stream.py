"""Is the chunk stream what the specification says? (CHK rules)"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from analyzer.model import DIRECTIONS, Diagnostic
from dissectors.chunk_state import Flag, ReaderEvent

if TYPE_CHECKING:
    from analyzer.session import Session

_SEARCHES = ("resync", "unreadable")


def _events(session: "Session", code: str) -> Iterator[tuple[str, int, list[ReaderEvent]]]:
    for connection in session.connections:
        for direction, side in enumerate(connection.sides):
            reader = connection.rtmp.halves[side].reader
            found = [event for event in reader.events if event.code == code] if reader else []
            if found:
                yield connection.id, direction, found


def _flagged(
    session: "Session", flag: int, rule: str, severity: str, text: str, section: str, help_: str
) -> Iterator[Diagnostic]:
    """One finding per connection and direction whose rows carry `flag`."""
    table = session.messages
    rows = np.nonzero(table.column("flags") & flag)[0]
    keys = table.column("connection")[rows].astype(np.int64) * 2 + table.column("direction")[rows]
    for key in sorted(set(keys.tolist())):
        own = rows[keys == key]
        first = int(own[np.argmin(table.column("index")[own])])
        yield Diagnostic(
            rule=rule,
            severity=severity,
            text=f"{text} ({len(own)} message{'s' * (len(own) > 1)})",
            connection=f"c{key // 2}",
            message=session.message_id(first),
            frame=session.value(first, "first_frame"),
            time_ns=session.value(first, "first_time_ns"),
            section=section,
            help=help_,
        )


def desynchronised(session: "Session") -> Iterator[Diagnostic]:
    """CHK-01: an impossible chunk header where no bytes are missing."""
    for connection, direction, events in _events(session, "lost"):
        own = [event for event in events if "missing" not in event.text]
        if own:
            yield Diagnostic(
                rule="CHK-01",
                severity="error",
                text=f"chunk boundaries were lost {len(own)} times in "
                f"{'s2c' if direction else 'c2s'}; first at stream offset "
                f"{own[0].stream_offset}: {own[0].text}",
                connection=connection,
                confidence="likely",
                section="RTMP 1.0 §5.3.1",
                help="The sender announces one chunk size and uses another, or writes headers "
                "that do not fit its messages.",
            )


def resynchronised(session: "Session") -> Iterator[Diagnostic]:
    """CHK-13: where chunk boundaries were found again, or not, and what that rests on."""
    for connection in session.connections:
        for direction, side in enumerate(connection.sides):
            reader = connection.rtmp.halves[side].reader
            events = [event for event in reader.events if event.code in _SEARCHES] if reader else []
            if not events:
                continue
            first, found = events[0], [event for event in events if event.code == "resync"]
            unread = sum(event.length for event in events if event.code == "unreadable")
            again = f"found {len(found)} time{'s' * (len(found) != 1)}" if found else "not found"
            stream = connection.tcp_connection.directions[side]
            [*_, piece] = stream.locate(first.stream_offset, 1)
            yield Diagnostic(
                rule="CHK-13",
                severity="warning" if unread else "note",
                text=f"chunk boundaries {again} in {DIRECTIONS[direction]}, "
                f"{sum(event.length for event in events)} bytes skipped; first from stream offset "
                f"{first.stream_offset} to {first.stream_offset + first.length}: {first.text}",
                connection=connection.id,
                frame=piece.frame,
                confidence="likely" if found else "definite",
                section="RTMP 1.0 §5.3",
                help="After a gap or a start in the middle nothing marks a chunk header; values "
                "that follow from no byte seen are listed under `inferred` of each message.",
            )


def zero_chunk_size(session: "Session") -> Iterator[Diagnostic]:
    """CHK-02: Set Chunk Size 0."""
    for connection, _, events in _events(session, "chunk_size_zero"):
        yield Diagnostic(
            rule="CHK-02",
            severity="error",
            text="Set Chunk Size 0; the size before it stays in force",
            connection=connection,
            expected="1 … 16777215",
            actual="0",
            section="RTMP 1.0 §5.4.1",
            help=f"Seen {len(events)} times.",
        )


def extended_timestamp_omitted(session: "Session") -> Iterator[Diagnostic]:
    """CHK-05: the extended timestamp is missing on fmt 3 chunks."""
    yield from _flagged(
        session,
        Flag.EXTENDED_OMITTED,
        "CHK-05",
        "error",
        "fmt 3 chunks lack the extended timestamp",
        "RTMP 1.0 §5.3.1.3",
        "Old librtmp and OBS before January 2024 do this; most receivers lose the stream 4 h 40 "
        "min after its start. Update the sender.",
    )


def fresh_chunk_stream(session: "Session") -> Iterator[Diagnostic]:
    """CHK-08: a chunk stream was opened with another format than 0."""
    yield from _flagged(
        session,
        Flag.FRESH,
        "CHK-08",
        "note",
        "a chunk stream begins with fmt 1",
        "RTMP 1.0 §5.3.1.2.1",
        "librtmp and OBS do this on chunk stream 2; some receivers refuse it.",
    )


def replaced_message(session: "Session") -> Iterator[Diagnostic]:
    """CHK-09: a message was abandoned without an Abort Message."""
    yield from _flagged(
        session,
        Flag.REPLACED,
        "CHK-09",
        "error",
        "a new message header came before the message was complete",
        "RTMP 1.0 §5.3",
        "Receivers differ in what they do with the rest; send an Abort Message.",
    )
