"""A connection as a sequence diagram: who said what to whom, and how long the answer took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.tui.data.selection import COMMANDS, MEDIA, Rows, any_order, info_of, is_long, values
from analyzer.tui.model import Findings, rank
from dissectors import spec
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.model import Connection
    from analyzer.session import Session

PAUSE_NS: Final = 2_000_000_000
"""Silence of both sides that stands out: a line begins behind it."""
MAX_ALONE: Final = 2000
"""Messages with findings that get a line of their own; every frame of a stream may have one."""


class Step(NamedTuple):
    """One line: an event of the connection (row -1), a message, or several of one kind."""

    time_ns: int
    direction: int
    """0 client → server, 1 server → client, -1 neither."""
    row: int = -1
    number: int = 1
    """Of messages."""
    text: str = ""
    """Of events; messages are described when they are drawn."""
    severity: str = ""
    last_ns: int = 0


@dataclass(frozen=True)
class Ladder:
    """Steps by time: those of messages are columns, events stand between them."""

    events: list[Step]
    slots: Rows
    """How many steps of messages stand before each event, ascending."""
    rows: Rows
    """All messages; a step is those from its start to the next one's."""
    starts: Rows
    times: Rows
    """When the step's first message ended."""
    last: Rows
    """When its last message ended."""
    directions: Rows
    notes: dict[int, str]
    """What is special about a step, by its place among those of the messages."""

    def __len__(self) -> int:
        return len(self.starts) + len(self.events)

    def place(self, index: int) -> tuple[int, bool]:
        """Return which step of messages a line is (True), or would be behind an event (False)."""
        lines = self.slots + np.arange(len(self.slots))
        before = int(np.searchsorted(lines, index))
        event = before < len(lines) and int(lines[before]) == index
        return index - before, not event

    def line(self, place: int) -> int:
        """Return the line of a step of messages."""
        return place + int(np.searchsorted(self.slots, place, side="right"))

    def messages(self, place: int) -> Rows:
        """Return the messages of a step."""
        end = self.starts[place + 1] if place + 1 < len(self.starts) else len(self.rows)
        return self.rows[self.starts[place] : end]

    def step(self, index: int) -> Step:
        """Return a line."""
        place, of_messages = self.place(index)
        if not of_messages:
            return self.events[index - place]
        found = self.messages(place)
        return Step(
            int(self.times[place]),
            int(self.directions[place]),
            int(found[0]),
            len(found),
            self.notes.get(place, ""),
            last_ns=int(self.last[place]),
        )

    def rows_at(self, index: int) -> Rows:
        """Return the messages of a line, none for an event."""
        place, of_messages = self.place(index)
        return self.messages(place) if of_messages else self.rows[:0]

    def near(self, index: int) -> int | None:
        """Return the first message of a line; of an event, of the step behind it or the last."""
        if not len(self.starts):
            return None
        return int(self.messages(min(self.place(index)[0], len(self.starts) - 1))[0])

    def of_row(self, row: int) -> int | None:
        """Return the line a message is on."""
        hits = np.flatnonzero(self.rows == row)
        if not len(hits):
            return None
        return self.line(int(np.searchsorted(self.starts, hits[0], side="right")) - 1)


class Mark(NamedTuple):
    """The worst finding of a line."""

    severity: str
    title: str


def marks(found: Ladder, findings: Findings) -> dict[int, Mark]:
    """Return the worst finding of each line that has any."""
    rows = np.fromiter(findings.by_row, np.int64, len(findings.by_row))
    order = np.argsort(found.rows, kind="stable")
    near = np.searchsorted(found.rows[order], rows)
    known = near < len(order)
    places = order[near[known]]
    same = found.rows[places] == rows[known]
    steps = np.searchsorted(found.starts, places[same], side="right") - 1
    out: dict[int, Mark] = {}
    for row, step in zip(rows[known][same].tolist(), steps.tolist(), strict=True):
        line = found.line(step)
        worst = max(findings.by_row[row], key=lambda item: rank(item.severity))
        mark = Mark(worst.severity, safe(worst.title or worst.rule))
        out[line] = max(out.get(line, mark), mark, key=lambda item: rank(item.severity))
    return out


def ladder(session: Session, number: int, findings: Findings) -> Ladder:
    """Lay out a connection's steps. May be called from any thread."""
    connection = session.connections[number]
    rows = any_order(session, number).astype(np.uint32)
    order, table = ("index", "direction", "last_frame", "time_ns"), session.messages
    rows = rows[np.lexsort([table.column(name)[rows] for name in order])]
    types, directions = table.column("type_id")[rows], table.column("direction")[rows]
    times = values(session, rows, "time_ns")
    firsts = _firsts(types, directions)
    odd = np.flatnonzero(np.isin(rows, _with_findings(findings)))[:MAX_ALONE]
    configured = np.flatnonzero(np.isin(rows, _configurations(session, number)))
    alone = np.concatenate((np.fromiter(firsts, np.int64), configured, odd))
    begins = _begins(types, directions, alone)
    begins[1:] |= np.diff(times) >= PAUSE_NS
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(rows))[: len(starts)]
    opening = sorted(_opening(connection), key=lambda step: step.time_ns)
    last_ns = int(times[-1]) if len(times) else connection.start_ns
    ending = _ending(connection, last_ns, session.done)
    slots = [int(np.searchsorted(times[starts], step.time_ns)) for step in opening]
    return Ladder(
        [*opening, *ending],
        np.array(slots + [len(starts)] * len(ending), np.int64),
        rows,
        starts,
        times[starts],
        times[ends - 1],
        directions[starts],
        {int(np.searchsorted(starts, place)): text for place, text in firsts.items()},
    )


def _with_findings(findings: Findings) -> list[int]:
    """Rows with more than a note."""
    return [row for row in findings.by_row if findings.worst(row) != "note"]


def _firsts(types: Rows, directions: Rows) -> dict[int, str]:
    """Return where the first audio and the first video of each direction are."""
    found: dict[int, str] = {}
    for type_id, kind in zip(MEDIA, ("audio", "video"), strict=True):
        for direction in (0, 1):
            places = np.flatnonzero((types == type_id) & (directions == direction))[:1]
            found |= {int(place): f"first {kind}: " for place in places}
    return found


def _begins(types: Rows, directions: Rows, alone: Rows) -> np.ndarray:
    """Say which messages begin a line.

    A run of media may mix audio and video; everything else ends it. Messages at `alone` (the
    first ones, codec configurations) have lines of their own.
    """
    kind = np.isin(types, (*MEDIA, spec.AGGREGATE)).astype(np.uint8)
    kind[types == spec.ACKNOWLEDGEMENT] = 2
    key = kind * 2 + directions
    begins = np.ones(len(types), dtype=np.bool_)
    begins[1:] = (key[1:] != key[:-1]) | (kind[1:] == 0)
    begins[alone] = True
    begins[alone[alone < len(types) - 1] + 1] = True
    return begins


def _configurations(session: Session, number: int) -> Rows:
    """Messages with a codec configuration."""
    streams = session.metrics.connection(number).streams
    found = [track.config_rows for stream in streams for track in stream.tracks]
    return np.concatenate([np.zeros(0, np.int64), *found])


def _opening(connection: Connection) -> list[Step]:
    """TCP's opening and the handshake (RTMP 1.0 §5.2), as far as captured."""
    steps = []
    syn = any(connection.tcp_connection.saw_syn)
    text = "TCP connection opens" if syn else "the capture begins: TCP was open already"
    steps.append(Step(connection.start_ns, 0 if syn else -1, text=text))
    rtmp = connection.rtmp
    if not rtmp.handshake_seen:
        return steps
    names = (("C0 C1", "C2"), ("S0 S1", "S2"))
    for direction, side in enumerate(connection.sides):
        half = rtmp.halves[side]
        stream = connection.tcp_connection.directions[side]
        for text, low, high in ((names[direction][0], 0, 1537), (names[direction][1], 1537, 3073)):
            if len(half.first) <= low:
                continue
            high = min(high, len(half.first))
            edge = np.array([half.skip + low]), np.array([half.skip + high])
            frame, _, _, time = stream.frames(*edge)
            if int(frame[0]) >= 0:
                whole = "" if high in (1537, 3073) else f" (only {high - low} bytes)"
                steps.append(
                    Step(int(time[0]) - connection.epoch_ns, direction, text=f"{text}{whole}")
                )
    return steps


def _ending(connection: Connection, last_ns: int, done: bool) -> list[Step]:
    """How the connection ended: FIN or RST, of whom, and what was open."""
    tcp = connection.tcp_connection
    end = max(connection.end_ns, last_ns)
    if tcp.first_close is None:
        text = "the capture ends; the connection is still open" if done else "… and goes on"
        return [Step(end, -1, text=text)]
    side, kind, frame = tcp.first_close
    direction = connection.sides.index(side)
    text = "TCP FIN: no more data" if kind == "fin" else "TCP RST: connection torn down"
    severity = "warning" if kind == "rst" else ""
    steps = [Step(end, direction, text=f"{text} (frame {frame})", severity=severity)]
    if kind == "fin" and tcp.first_reset is not None:
        side, frame = tcp.first_reset
        text = f"TCP RST after the FIN (frame {frame})"
        steps.append(Step(end, connection.sides.index(side), text=text, severity="note"))
    return steps


class Said(NamedTuple):
    """What a line says."""

    text: str
    answer_ns: int | None = None
    """How long the call waited for this reply."""
    refused: bool = False


def said(session: Session, found: Ladder, index: int) -> Said:
    """Describe a line."""
    step = found.step(index)
    if step.row < 0:
        return Said(step.text)
    if step.number > 1:
        return Said(step.text + _several(session, found.rows_at(index)))
    text = step.text + info_of(session, step.row)
    exchange = session.exchange(step.row)
    answer = exchange.latency_ns if exchange and exchange.reply == step.row else None
    return Said(text, answer, "_error" in text or refused(session, step.row))


def _several(session: Session, rows: Rows) -> str:
    types = values(session, rows, "type_id")
    total = int(values(session, rows, "length").sum())
    names = {
        spec.AUDIO: "audio",
        spec.VIDEO: "video",
        spec.AGGREGATE: "aggregate",
        spec.ACKNOWLEDGEMENT: "acknowledgement",
    }
    parts = [
        f"{number:,} {names.get(int(kind), 'message')}"
        for kind, number in zip(*np.unique(types, return_counts=True), strict=True)
    ]
    text = ", ".join(parts[::-1])
    return f"{text} ({total:,} bytes)" if spec.ACKNOWLEDGEMENT not in types else text


def refused(session: Session, row: int) -> bool:
    """Whether a command carries an information object of level error (RTMP 1.0 §7.2.2)."""
    if session.value(row, "type_id") not in COMMANDS or is_long(session, row):
        return False
    summary = session.summary(row)
    values = summary[1].get("arguments") if summary else None
    return isinstance(values, list) and any(
        isinstance(value, dict) and value.get("level") == "error" for value in values
    )
