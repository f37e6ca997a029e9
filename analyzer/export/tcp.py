"""The TCP part of a connection in the JSON report: what happened below RTMP."""

from __future__ import annotations

from typing import Any, Final

from analyzer.model import DIRECTIONS, Connection
from analyzer.tcp import TcpConnection, TcpDirection

MOST_STALLS: Final = 100
"""Times of closed receive windows listed per direction; `count` and `total_ns` have all."""


def tcp_object(connection: Connection) -> dict[str, Any]:
    """Return both directions, and what holds for the connection."""
    tcp, epoch_ns = connection.tcp_connection, connection.epoch_ns
    found: dict[str, Any] = {
        name: _direction(tcp, side, epoch_ns)
        for name, side in zip(DIRECTIONS, connection.sides, strict=True)
    }
    return found | {
        "handshake": {
            "server_ns": tcp.handshake.server_ns,
            "client_ns": tcp.handshake.client_ns,
        },
        "one_sided": tcp.one_sided,
        "synthetic": tcp.handshake.synthetic,
    }


def _direction(tcp: TcpConnection, side: int, epoch_ns: int) -> dict[str, Any]:
    direction = tcp.directions[side]
    stats = direction.stats
    options = tcp.handshake.options[side]
    return {
        "bytes": direction.length - direction.gaps.missing(),
        "segments": stats.segments,
        "retransmitted": stats.retransmitted,
        "out_of_order": stats.out_of_order,
        "gaps": [
            {
                "stream_offset": gap.offset,
                "length": gap.length,
                "reason": gap.reason,
                "frame": gap.first_frame,
            }
            for gap in direction.gaps
        ],
        "retransmitted_bytes": stats.retransmitted_bytes,
        "duplicates": stats.duplicates,
        "overlaps": _overlaps(direction),
        "keep_alives": stats.keep_alives,
        "zero_window": _stalls(direction, epoch_ns),
        "window": _window(tcp, side),
        "mss": None if options is None else options.mss,
        "rtt": _round_trips(direction),
        "snaplen_cut": stats.snaplen_cut,
        "implausible": stats.implausible,
        "after_close": stats.after_close,
        "reset_bytes": stats.reset_bytes,
        "false_closes": _false_closes(tcp, side),
        "bad_checksums": stats.bad_checksums,
    }


def _overlaps(direction: TcpDirection) -> dict[str, Any]:
    """Bytes sent again with other values, and where that happened first."""
    first = next(direction.events.of("overlap_conflict"), None)
    place = first and {
        "stream_offset": first.offset,
        "length": first.length,
        "frame": first.frame,
    }
    return {"count": direction.stats.overlap_conflicts, "first": place}


def _false_closes(tcp: TcpConnection, side: int) -> dict[str, Any]:
    """FIN, RST and SYN that were not believed, and the first one with what refutes it."""
    first = next((item for item in tcp.false_closes if item.side == side), None)
    place = first and {"kind": first.kind, "frame": first.frame, "refuted_by": first.by}
    return {"count": tcp.directions[side].stats.false_closes, "first": place}


def _stalls(direction: TcpDirection, epoch_ns: int) -> dict[str, Any]:
    return {
        "count": direction.stats.zero_windows,
        "total_ns": direction.stats.zero_window_ns,
        "times": [
            {
                "frame": stall.frame,
                "start_ns": stall.start_ns - epoch_ns,
                "end_ns": None if stall.end_ns is None else stall.end_ns - epoch_ns,
            }
            for stall in direction.stalls()[:MOST_STALLS]
        ],
    }


def _window(tcp: TcpConnection, side: int) -> dict[str, Any] | None:
    """Bytes where the scale is known, else what stands in the header."""
    window, scale = tcp.directions[side].window, tcp.handshake.scale(side)
    if window.lowest < 0:
        return None
    shift = scale or 0
    return {"lowest": window.lowest << shift, "highest": window.highest << shift, "scale": scale}


def _round_trips(direction: TcpDirection) -> dict[str, Any] | None:
    trips = direction.round_trips
    if not trips.samples:
        return None
    return {
        "samples": trips.samples,
        "lowest_ns": trips.lowest_ns,
        "mean_ns": trips.mean_ns,
        "highest_ns": trips.highest_ns,
    }
