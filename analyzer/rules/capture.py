"""Is the capture fit for a verdict? (CAP rules)"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from analyzer.model import DIRECTIONS
from analyzer.rules.rule import SIDES, Evidence, Outcome, Rule
from analyzer.tcp import Gap

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope

_REASONS = {
    "not_captured": "not captured: the receiver acknowledged them without complaint",
    "lost": "lost on the way and repaired outside the capture",
    "never_delivered": "never delivered: the connection ended before they were acknowledged",
    "unknown": "missing; no acknowledgement tells why",
}


def mid_stream(scope: Scope) -> Iterator[Outcome]:
    """CAP-01: the capture begins in the middle of a connection."""
    view = scope.connection
    if view.variant == "rtmp" and not view.handshake_seen and not view.from_start:
        yield Evidence(
            "the capture begins mid-stream: no handshake, no connect command",
            frame=view.tcp_connection.start_frame,
            time_ns=view.start_ns,
            expected="SYN and handshake",
            actual="other bytes",
        )


def no_payload(scope: Scope) -> Iterator[Outcome]:
    """CAP-02: a side acknowledges bytes of which the capture has none."""
    for direction in (0, 1):
        stream = scope.tcp(direction)
        missing = stream.gaps.missing()
        if not stream.stats.segments and missing > scope.parameters["acknowledged_bytes"]:
            yield Evidence(
                f"no payload of the {SIDES[direction]} was captured, but {missing} of its bytes "
                "were acknowledged",
                direction=direction,
                frame=stream.gaps[0].first_frame or None,
                expected="payload of both sides",
                actual="acknowledgements alone",
                track=DIRECTIONS[direction],
            )


def snaplen(scope: Scope) -> Iterator[Outcome]:
    """CAP-03: packets were cut when captured."""
    for direction, gaps in _gaps(scope, {"snaplen"}):
        total = sum(gap.length for gap in gaps)
        share = 100 * total / max(scope.tcp(direction).length, 1)
        yield Evidence(
            f"{total} bytes ({share:.0f} %) from the {SIDES[direction]} cut off by the snapshot "
            f"length in {_places(gaps)}",
            direction=direction,
            frame=gaps[0].first_frame,
            span=(gaps[0].offset, gaps[0].length),
            count=1,
            expected="whole packets",
            actual=f"{total} bytes cut off",
            track=DIRECTIONS[direction],
        )


def gaps(scope: Scope) -> Iterator[Outcome]:
    """CAP-04: bytes are missing from a stream."""
    for direction, found in _gaps(scope, _REASONS):
        total, first = sum(gap.length for gap in found), found[0]
        yield Evidence(
            f"{total} bytes from the {SIDES[direction]} missing in {_places(found)}; first "
            f"{first.length} bytes at stream offset {first.offset}, {_REASONS[first.reason]}",
            direction=direction,
            frame=first.first_frame,
            span=(first.offset, first.length),
            count=1,
            expected="every byte",
            actual=f"{total} bytes missing",
            blame="capture" if first.reason in ("not_captured", "lost") else "network",
            track=DIRECTIONS[direction],
        )


def synthetic(scope: Scope) -> Iterator[Outcome]:
    """CAP-05: a program wrote packets around the bytes it read and wrote itself."""
    if scope.connection.tcp_connection.handshake.synthetic:
        yield Evidence(
            "written by MediaMTX, not captured from a network: times are when the server read and "
            "wrote, and nothing can be said about TCP"
        )


def unusual_port(scope: Scope) -> Iterator[Outcome]:
    """CAP-06: RTMP recognised by its content on another port."""
    port = scope.connection.server.port
    if port != scope.parameters["port"] and scope.connection.variant == "rtmp":
        yield Evidence(
            f"RTMP on TCP port {port}, recognised by its content",
            frame=scope.connection.tcp_connection.start_frame,
            time_ns=scope.connection.start_ns,
            expected=f"{scope.parameters['port']:g}",
            actual=str(port),
        )


def open_end(scope: Scope) -> Iterator[Outcome]:
    """CAP-07: the capture ends while the connection is open."""
    last = scope.capture_end_ns - scope.end_ns
    if scope.connection.closed_by is None and last <= 1e6 * scope.parameters["margin_ms"]:
        yield Evidence(
            "the capture ends while the connection is open: nothing can be said about its end",
            time_ns=scope.end_ns,
            about=scope.last,
            expected="FIN or RST",
            actual="none",
        )


def false_closes(scope: Scope) -> Iterator[Outcome]:
    """CAP-11: a FIN, RST or SYN ended nothing, or bytes came behind an end."""
    tcp, start = scope.connection.tcp_connection, scope.session.capture_start_ns
    for direction in (0, 1):
        side, who = scope.connection.sides[direction], SIDES[direction]
        listed = [item for item in tcp.false_closes if item.side == side]
        if listed:
            first = listed[0]
            why = "its sequence number is out of the window"
            if first.by is not None:
                why = f"frame {first.by} shows that the connection goes on"
            elif first.kind == "syn":
                why = "nothing answers it"
            yield Evidence(
                f"a {first.kind.upper()} in the name of the {who} ended nothing: {why}",
                direction=direction,
                frame=first.frame,
                time_ns=first.time_ns - start,
                count=scope.tcp(direction).stats.false_closes,
                actual=first.kind,
                track=DIRECTIONS[direction],
                key=first.kind,
            )
        late = next(scope.tcp(direction).events.of("after_close"), None)
        if late is not None:
            yield Evidence(
                f"the {who} still sent data after the connection had ended",
                direction=direction,
                frame=late.frame,
                time_ns=late.time_ns - start,
                count=scope.tcp(direction).stats.after_close,
                severity="note",
                track=f"{DIRECTIONS[direction]}/late",
                key="late",
            )


def altered(scope: Scope) -> Iterator[Outcome]:
    """CAP-12: a segment brings other bytes for a place that an earlier one had filled."""
    for direction in (0, 1):
        event = next(scope.tcp(direction).events.of("overlap_conflict"), None)
        if event is None:
            continue
        frame = scope.frame_at(direction, event.offset)
        where = "" if frame is None else f" in frame {frame}"
        yield Evidence(
            f"bytes from the {SIDES[direction]} were sent again with other values: stream offset "
            f"{event.offset}, first{where}, then in frame {event.frame}; the first ones are read",
            direction=direction,
            frame=event.frame,
            time_ns=event.time_ns - scope.session.capture_start_ns,
            span=(event.offset, event.length),
            count=scope.tcp(direction).stats.overlap_conflicts,
            track=DIRECTIONS[direction],
        )


def _places(found: list[Gap]) -> str:
    return f"{len(found)} place{'s' * (len(found) != 1)}"


def _gaps(scope: Scope, reasons: Iterable[str]) -> Iterator[tuple[int, list[Gap]]]:
    for direction in (0, 1):
        found = [gap for gap in scope.tcp(direction).gaps if gap.reason in reasons]
        if found:
            yield direction, found


RULES: Final = (
    Rule(
        "CAP-01",
        "The capture begins mid-stream",
        "warning",
        "definite",
        mid_stream,
        gates=(),
        section="RTMP 1.0 §5.2",
        help="Start the capture before the connection is made.",
        blame="capture",
    ),
    Rule(
        "CAP-02",
        "One direction without payload",
        "error",
        "definite",
        no_payload,
        gates=(),
        help="Capture at a point that sees both directions, and whole packets.",
        blame="capture",
        parameters={"acknowledged_bytes": 3073},
    ),
    Rule(
        "CAP-03",
        "Packets cut when captured",
        "error",
        "definite",
        snaplen,
        gates=(),
        help="Capture whole packets (tcpdump -s 0).",
        blame="capture",
    ),
    Rule(
        "CAP-04",
        "Bytes missing from a stream",
        "warning",
        "definite",
        gaps,
        gates=(),
        help="A capture that drops packets blames the wrong side: use a larger capture buffer, or "
        "capture at an endpoint.",
        blame="capture",
    ),
    Rule(
        "CAP-05",
        "Packets made up by a program",
        "note",
        "definite",
        synthetic,
        gates=(),
        help="Judge TCP by a capture from the network.",
        blame="capture",
    ),
    Rule(
        "CAP-06",
        "RTMP on another port",
        "note",
        "definite",
        unusual_port,
        gates=(),
        help="Other tools may need to be told: -d tcp.port==PORT,rtmp.",
        parameters={"port": 1935},
    ),
    Rule(
        "CAP-07",
        "The capture ends before the connection",
        "note",
        "definite",
        open_end,
        gates=(),
        help="Stop the capture after the connection was closed.",
        parameters={"margin_ms": 1000},
    ),
    Rule(
        "CAP-11",
        "An end that was none",
        "warning",
        "likely",
        false_closes,
        gates=("tcp",),
        section="RFC 5961 §3",
        help="Something on the path forges or repeats TCP segments (firewall, load balancer, "
        "attacker), or the capture mixes connections. Compare with a capture at the other end.",
        blame="network",
    ),
    Rule(
        "CAP-12",
        "Sent again with other bytes",
        "warning",
        "definite",
        altered,
        gates=("tcp",),
        section="RFC 9293 §3.10.7.4",
        help="The receiver may have read other bytes than are shown here. Something on the path "
        "changes or injects payload, or a network card is broken.",
        blame="network",
    ),
)
