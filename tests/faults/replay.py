"""A bundled capture of real programs with a fault put into its messages; no network is needed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

from analyzer.session import Session
from tests.analyzer.rules.builder import Talk, capture
from tests.dissectors.chunk_builder import Message
from tests.faults.proxy import PACKET, Writer
from tests.faults.rewrite import REWRITINGS
from tests.faults.truth import Sent

COLUMNS = ("csid", "type_id", "msid", "timestamp")


class Replay(NamedTuple):
    capture: bytes
    sent: tuple[list[Sent], list[Sent]]
    """Of each direction, in order."""
    times_ns: list[int]
    """Of each frame, since the first."""


def replayed(path: Path, fault: str) -> Replay:
    """Return a capture file of the first connection, as it were with the fault between the peers.

    Messages keep their times; TCP is made anew.
    """
    session = Session([str(path)])
    session.run()
    rewriting = REWRITINGS[fault]
    talk = Talk(server_port=session.connections[0].server.port)
    writers = [Writer(rewriting, direction) for direction in (0, 1)]
    sent: tuple[list[Sent], list[Sent]] = [], []
    c1, c2 = (
        session.stream(0, 0, at, size) for at, size in ((0, 1 + PACKET), (1 + PACKET, PACKET))
    )
    answer = rewriting.greeting(session.stream(0, 1, 0, 1 + 2 * PACKET))
    talk.syn().raw(0, c1).raw(1, answer).raw(0, c2)
    for row in session.order().tolist():
        body, missing = session.body(row)
        if session.value(row, "connection") or missing:
            continue
        direction = session.value(row, "direction")
        message = Message(*(session.value(row, name) for name in COLUMNS), body)
        talk.now = max(talk.now, session.value(row, "time_ns") / 1e6)
        items = writers[direction].changed(message)
        start = len(talk.packets) + 1
        talk.raw(direction, writers[direction].encoded(message, items))
        frames = range(start, len(talk.packets) + 1)
        sent[direction].extend(Sent(item, item != message, frames) for item in items)
    times = [round(time * 1e6) for time, _, _ in talk.fin(0).packets]
    return Replay(capture(talk), sent, [time - times[0] for time in times])


def analysed(path: Path, fault: str) -> tuple[Session, Replay]:
    """Return the session that has read such a capture, and what it is to find."""
    replay = replayed(path, fault)
    session = Session([io.BytesIO(replay.capture)])
    session.run()
    return session, replay
