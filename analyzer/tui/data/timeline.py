"""Everything about a connection that changes over time, as series for plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.metrics import MANY, Stream, Track
from analyzer.metrics.windows import complete, per_window
from analyzer.tui.data.selection import COMMANDS, Column, Rows, rows_of, values
from analyzer.tui.data.series import (
    ARROWS,
    SECOND,
    Series,
    ascending,
    milliseconds,
    sorted_series,
)
from analyzer.tui.data.transport import transport
from dissectors import spec

if TYPE_CHECKING:
    from analyzer.session import Session

WINDOWS: Final = (250_000_000, SECOND, 5 * SECOND, 60 * SECOND)
"""Widths over which rates are taken: the first that makes no more points than a screen shows."""
MAX_WINDOWS: Final = 400
PING_REQUEST, PING_RESPONSE = 6, 7


def series(session: Session, connection: int) -> list[Series]:
    """Return what can be plotted; series without a value, or of nothing but zeros, are left out."""
    view = session.connections[connection]
    found: list[Series] = []
    streams = session.metrics.connection(connection).streams
    width = _window(view.end_ns - view.start_ns)
    for stream in streams:
        for track in stream.tracks:
            found.append(_bitrate(track, width, view.end_ns))
    for stream in streams:
        for track in stream.tracks:
            late = milliseconds(track.latency_ns)
            found.append(_series(track, "arrival less DTS", "ms", late))
        found += _skew(stream)
    for stream in streams:
        for track in stream.tracks:
            found.append(_steps(track))
            found += _pictures(track)
            found.append(_series(track, "frame size", "B", track.frames.size, "bars"))
            if len(track.frames) >= MANY:
                track.relax()
    for direction, side in enumerate(view.sides):
        tcp = view.tcp_connection.directions[side]
        found += transport(view, tcp, direction, width)
    found += _acknowledged(session, connection)
    found += _answers(session, connection)
    found += _pings(session, connection)
    found = [item for item in found if len(item.values) and bool(np.any(item.values))]
    for item in found:
        item.extent  # noqa: B018  (computed here, in the worker)
    return found


def _window(duration_ns: int) -> int:
    return next((w for w in WINDOWS if duration_ns // w <= MAX_WINDOWS), WINDOWS[-1])


def _name(track: Track, what: str) -> str:
    return f"{ARROWS[track.direction]} {track.name} {what}"


def _series(track: Track, what: str, unit: str, found: Column, kind: str = "line") -> Series:
    frames = track.frames
    return sorted_series(_name(track, what), unit, frames.time_ns, found, frames.row, kind)


def _bitrate(track: Track, width: int, end_ns: int) -> Series:
    frames = track.frames
    windows = complete(per_window(frames.time_ns, width, frames.size), width, end_ns)
    times = frames.time_ns if ascending(frames.time_ns) else np.maximum.accumulate(frames.time_ns)
    first = np.searchsorted(times, windows.start)
    rows = frames.row[np.minimum(first, max(len(frames) - 1, 0))]
    middle = windows.start + width // 2
    bits = windows.sums * (8 * SECOND / width)
    return sorted_series(_name(track, "bitrate"), "bit/s", middle, bits, rows)


def _steps(track: Track) -> Series:
    """The step of the decoding time from frame to frame: even, unless something is wrong."""
    frames, at = track.frames, track.joined
    name = _name(track, "DTS step")
    whole = len(at) and len(at) == len(frames) - 1  # no copies
    chosen = slice(1, None) if whole else at
    return sorted_series(name, "ms", frames.time_ns[chosen], track.steps_ms, frames.row[chosen])


def _pictures(track: Track) -> list[Series]:
    """Keyframe distances, at the keyframe that ends each group."""
    gops = track.gops
    closed = np.flatnonzero(gops.closed)
    at = gops.start[np.minimum(closed + 1, max(len(gops.start) - 1, 0))]
    frames, name = track.frames, _name(track, "keyframe distance")
    if not len(at):
        return []
    seconds = gops.duration_ms[closed] / 1000
    return [sorted_series(name, "s", frames.time_ns[at], seconds, frames.row[at], "bars")]


def _skew(stream: Stream) -> list[Series]:
    skew = stream.skew
    if skew is None or stream.audio is None:
        return []
    times, rows = stream.audio.frames.time_ns, stream.audio.frames.row
    if not ascending(times):
        order = np.argsort(times, kind="stable")
        times, rows = times[order], rows[order]
    rows = rows[np.minimum(np.searchsorted(times, skew.time_ns), len(times) - 1)]
    name = f"{ARROWS[stream.direction]} A/V skew (video ahead is above 0)"
    return [sorted_series(name, "ms", skew.time_ns, skew.skew_ms, rows)]


def _acknowledged(session: Session, connection: int) -> list[Series]:
    """Bytes sent but not acknowledged when an Acknowledgement came (RTMP 1.0 §5.4.3)."""
    found = []
    for direction in (0, 1):
        rows = rows_of(session, connection, type_id=spec.ACKNOWLEDGEMENT, direction=1 - direction)
        rows = rows[values(session, rows, "length") == 4]
        rows = rows[values(session, rows, "received") == 4]
        if not len(rows):
            continue
        heads = np.ascontiguousarray(session.messages.column("head")[rows])
        numbers = heads.view(np.uint8).reshape(len(rows), -1)[:, :4].astype(np.int64)
        numbers = numbers @ np.array([1 << 24, 1 << 16, 1 << 8, 1])
        times = values(session, rows, "time_ns")
        open_ = _sent_until(session, connection, direction, times) - numbers
        open_ = (open_ + (1 << 31)) % (1 << 32) - (1 << 31)  # sequence numbers wrap
        name = f"{ARROWS[direction]} bytes not acknowledged (RTMP)"
        found.append(sorted_series(name, "B", times, open_, rows))
    return found


def _sent_until(session: Session, connection: int, direction: int, times: Rows) -> Rows:
    """Return where the messages end that a direction had sent at each of the ascending `times`."""
    table, ends = session.messages, np.zeros(len(times) + 1, np.int64)
    for rows in table.blocks():
        for name, value in (("connection", connection), ("direction", direction)):
            rows = rows[table.column(name)[rows] == value]
        place = np.searchsorted(times, table.column("time_ns")[rows])
        np.maximum.at(ends, place, table.column("end_offset")[rows])
    found: Rows = np.maximum.accumulate(ends[:-1])
    return found


def _answers(session: Session, connection: int) -> list[Series]:
    """How long commands waited for their answers, at the answer."""
    rows = np.concatenate([rows_of(session, connection, type_id=kind) for kind in COMMANDS])
    pairs = [
        (exchange.latency_ns / 1e6, row)
        for row in rows.tolist()
        if (exchange := session.exchange(row)) is not None and exchange.reply == row
    ]
    if not pairs:
        return []
    waits, replies = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs], np.int64)
    times = values(session, replies, "time_ns")
    return [sorted_series("answers to commands", "ms", times, waits, replies, "points")]


def _pings(session: Session, connection: int) -> list[Series]:
    """How long Ping Requests waited for their Responses (RTMP 1.0 §7.1.7): round trips."""
    rows = rows_of(session, connection, type_id=spec.USER_CONTROL)
    rows = rows[values(session, rows, "received") == values(session, rows, "length")]
    heads = np.ascontiguousarray(session.messages.column("head")[rows])
    waiting: dict[tuple[int, bytes], int] = {}
    found: list[tuple[int, int, int]] = []
    for row, head in zip(rows.tolist(), heads.tolist(), strict=True):
        event, stamp = int.from_bytes(head[:2], "big"), bytes(head[2:6])
        side, time = session.value(row, "direction"), session.value(row, "time_ns")
        if event == PING_REQUEST:
            waiting[side, stamp] = time
        elif event == PING_RESPONSE and (asked := waiting.pop((1 - side, stamp), None)) is not None:
            found.append((time, time - asked, row))
    if not found:
        return []
    times, waits, replies = np.array(found).T
    return [sorted_series("RTMP pings answered after", "ms", times, waits / 1e6, replies, "points")]
