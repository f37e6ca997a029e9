"""Is the capture fit for a verdict? (CAP rules)"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from analyzer.model import DIRECTIONS, Connection, Diagnostic
from analyzer.tcp import Gap

if TYPE_CHECKING:
    from analyzer.session import Session

_REASONS = {
    "not_captured": "not captured: the receiver acknowledged them without complaint",
    "lost": "lost on the way and repaired outside the capture",
    "never_delivered": "never delivered: the connection ended before they were acknowledged",
    "unknown": "missing; no acknowledgement tells why",
}

_NO_DAMAGE = frozenset({"capture_drops", "unordered_files"})
"""Problems that have rules of their own."""


def damaged(session: "Session") -> Iterator[Diagnostic]:
    """CAP-08: the capture file is cut short or damaged."""
    for problem in session.captures.problems:
        if problem.code in _NO_DAMAGE:
            continue
        times = f" ({problem.count} times)" if problem.count > 1 else ""
        yield Diagnostic(
            rule="CAP-08",
            severity="warning",
            text=f"{problem.text}{times}",
            frame=problem.frame or None,
            actual=f"file offset {problem.offset}",
            help="Everything before this place was read. Copy the capture again or stop the "
            "capture program before copying.",
        )


def dropped(session: "Session") -> Iterator[Diagnostic]:
    """CAP-09: the capture program itself lost packets."""
    for problem in session.captures.problems:
        if problem.code == "capture_drops":
            yield Diagnostic(
                rule="CAP-09",
                severity="warning",
                text=f"the capture dropped {problem.count} packets",
                actual=problem.text,
                help="What is missing in the streams may have been there on the wire. Narrow the "
                "capture filter (-f), or capture with -w on a faster disk.",
            )


def unordered(session: "Session") -> Iterator[Diagnostic]:
    """CAP-10: files of one set were not given in the order of their time."""
    for problem in session.captures.problems:
        if problem.code == "unordered_files":
            yield Diagnostic(
                rule="CAP-10",
                severity="warning",
                text=problem.text,
                frame=problem.frame,
                help="Streams that go on from file to file are torn. Give the files in the order "
                "they were written.",
            )


def mid_stream(session: "Session") -> Iterator[Diagnostic]:
    """CAP-01: the capture began after the connection."""
    for connection in session.connections:
        if connection.variant != "rtmp" or connection.handshake_seen:
            continue
        if any(half.from_start for half in connection.rtmp.halves):
            continue
        yield Diagnostic(
            rule="CAP-01",
            severity="warning",
            text="the capture begins mid-stream: no handshake, no connect command",
            connection=connection.id,
            frame=connection.tcp_connection.start_frame,
            time_ns=connection.start_ns,
            section="RTMP 1.0 §5.2",
            help="Start the capture before the connection is made.",
        )


def snaplen(session: "Session") -> Iterator[Diagnostic]:
    """CAP-03: packets were cut by the capture's snapshot length."""
    for connection, direction, gaps in _gaps(session, {"snaplen"}):
        total = sum(gap.length for gap in gaps)
        yield Diagnostic(
            rule="CAP-03",
            severity="error",
            text=f"{total} bytes from {_sender(direction)} cut off by the snapshot length "
            f"in {_places(gaps)}",
            connection=connection.id,
            frame=gaps[0].first_frame,
            help="Capture whole packets (tcpdump -s 0).",
        )


def gaps(session: "Session") -> Iterator[Diagnostic]:
    """CAP-04: bytes are missing from a stream."""
    for connection, direction, found in _gaps(session, set(_REASONS)):
        total, first = sum(gap.length for gap in found), found[0]
        yield Diagnostic(
            rule="CAP-04",
            severity="warning",
            text=f"{total} bytes from {_sender(direction)} missing in {_places(found)}; first "
            f"{first.length} bytes at stream offset {first.offset}, {_REASONS[first.reason]}",
            connection=connection.id,
            frame=first.first_frame,
            help="A capture that drops packets blames the wrong side: use a larger capture "
            "buffer, or capture at an endpoint.",
        )


def _sender(direction: int) -> str:
    return "the server" if direction else "the client"


def _places(gaps: list[Gap]) -> str:
    return f"{len(gaps)} place{'s' * (len(gaps) != 1)}"


def _gaps(session: "Session", reasons: set[str]) -> Iterator[tuple[Connection, int, list[Gap]]]:
    for connection in session.connections:
        for direction in range(len(DIRECTIONS)):
            found = [gap for gap in connection.tcp[direction].gaps if gap.reason in reasons]
            if found:
                yield connection, direction, found
