"""How a connection began: its stages with their times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from dissectors import spec

if TYPE_CHECKING:
    from analyzer.lookup import Lookup
    from analyzer.metrics.stream import Stream
    from analyzer.model import Connection

STAGES: Final = (
    "tcp", "handshake", "connect", "connect_reply", "create_stream", "create_stream_reply",
    "request", "request_reply", "metadata", "audio", "video", "keyframe",
)  # fmt: skip
"""In the usual order. `tcp`: the first packet; `handshake`: end of C2; `request`: publish or play,
then its answer, whatever it says; the first metadata, audio frame, video frame and keyframe."""
_CALLS: Final = {
    "connect": ("connect", "connect_reply"),
    "createStream": ("create_stream", "create_stream_reply"),
    "publish": ("request", "request_reply"),
    "play": ("request", "request_reply"),
    "play2": ("request", "request_reply"),
}


class Stage(NamedTuple):
    """A stage that was reached."""

    name: str
    time_ns: int
    """Since the capture's first packet."""
    row: int | None
    """The message, where it is one."""


def startup(
    session: Lookup,
    connection: Connection,
    rows: dict[tuple[int, int, int], int],
    metadata: list[int],
    streams: list[Stream],
) -> list[Stage]:
    """Return the stages that were reached, in the order of `STAGES`.

    `rows`: of commands, by connection, direction, index; `metadata`: rows of onMetaData.
    """
    found: dict[str, Stage] = {}

    def reach(name: str, time_ns: int, row: int | None = None) -> None:
        if name not in found or time_ns < found[name].time_ns:
            found[name] = Stage(name, time_ns, row)

    if all(connection.tcp_connection.saw_syn):
        reach("tcp", connection.start_ns)
    ended = _handshake_end(connection)
    if ended is not None:
        reach("handshake", ended - connection.epoch_ns)
    for command in connection.rtmp.commands:
        stages = _CALLS.get(command.name)
        direction = connection.sides.index(command.side)
        row = rows.get((connection.index, direction, command.number))
        if stages is None or row is None or direction:
            continue
        reach(stages[0], session.value(row, "time_ns"), row)
        exchange = session.exchange(row)
        if exchange is not None and exchange.call == row:
            reach(stages[1], session.value(exchange.reply, "time_ns"), exchange.reply)
    for row in metadata[:1]:
        reach("metadata", session.value(row, "time_ns"), row)
    for stream in streams:
        for track in stream.tracks:
            frames = track.frames
            reached = [(track.kind, 0)] if len(frames) else []
            if track.kind == "video" and frames.keyframe.any():
                reached.append(("keyframe", int(np.argmax(frames.keyframe))))
            for name, at in reached:
                row = int(frames.columns.row[frames.entry[at]])
                reach(name, session.value(row, "time_ns"), row)
    return [found[name] for name in STAGES if name in found]


def _handshake_end(connection: Connection) -> int | None:
    """Return when the last byte of C2 was captured, nanoseconds since the epoch."""
    side = connection.sides[0]
    half = connection.rtmp.halves[side]
    if not half.handshake_complete:
        return None
    last = np.array([half.skip + spec.HANDSHAKE_END - 1])
    frame, _, _, time = connection.tcp_connection.directions[side].frames(last, last + 1)
    return int(time[0]) if frame[0] >= 0 else None
