"""Which rows are shown, and finding one: everything over columns, nothing of textual."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.tui.listings.base import NONE, Listing, Rows
from analyzer.tui.stream_places import at_file, row_at_file
from dissectors import spec

if TYPE_CHECKING:
    from analyzer.model import Diagnostic
    from analyzer.session import Session
    from analyzer.tui.listings.extras import Extras

Test = Callable[[Rows], NDArray[np.bool_]]

SLICE: Final = 16384
"""Lines searched at once."""


def seek(listing: Listing, start: int, step: int, test: Test) -> int | None:
    """Return the nearest line before (`step` -1) or after (1) `start` whose row passes.

    Lines of one message that follow each other count as one.
    """
    count = len(listing)
    here = listing.row(start) if 0 <= start < count else NONE
    position = start + step
    while 0 <= position < count:
        if step > 0:
            low, high = position, min(position + SLICE, count)
        else:
            low, high = max(position - SLICE + 1, 0), position + 1
        rows = listing.rows(low, high)
        hits = np.flatnonzero(_real(rows, test) & (rows != here))
        if len(hits):
            return low + int(hits[0 if step > 0 else -1])
        position = high if step > 0 else low - 1
    return None


def _real(rows: Rows, test: Test) -> NDArray[np.bool_]:
    """Test rows, of which negative ones are no messages and never pass."""
    if not len(rows) or int(rows.min()) >= 0:
        return test(rows)
    passed = np.zeros(len(rows), dtype=np.bool_)
    real = rows >= 0
    passed[real] = test(rows[real])
    return passed


def keyframes(session: Session) -> Test:
    """Video frames of frame type 1, sequence headers not counted (FLV 10.1 §E.4.3.1).

    With E-RTMP's IsExHeader bit the low nibble is the packet type (1 and 3 carry frames);
    without it the second byte of AVC (7), and of HEVC as CDNs sent it (12), is.
    """
    types = session.messages.column("type_id")
    heads = session.messages.column("head")

    def test(rows: Rows) -> NDArray[np.bool_]:
        hits = types[rows] == spec.VIDEO
        if not hits.any():
            return np.asarray(hits, dtype=np.bool_)
        raw = np.ascontiguousarray(heads[rows]).view(np.uint8).reshape(len(rows), -1)
        first, second = raw[:, 0], raw[:, 1]
        low = first & 0x0F
        enhanced = first >= 0x80
        frames = np.where(
            enhanced, (low == 1) | (low == 3), ~(np.isin(low, (7, 12)) & (second != 1))
        )
        return np.asarray(hits & (first >> 4 & 7 == 1) & frames, dtype=np.bool_)

    return test


def commands(session: Session) -> Test:
    """Command messages (RTMP 1.0 §7.1.1)."""
    types = session.messages.column("type_id")
    return lambda rows: np.isin(types[rows], (spec.COMMAND_AMF0, spec.COMMAND_AMF3))


SEVERITIES: Final = ("note", "warning", "error")


@dataclass
class Findings:
    """Diagnostics by row and by connection."""

    total: int = 0
    by_row: dict[int, list[Diagnostic]] = field(default_factory=dict)
    by_connection: dict[str, list[Diagnostic]] = field(default_factory=dict)

    def worst(self, row: int) -> str | None:
        found = self.by_row.get(row)
        return max(found, key=lambda d: rank(d.severity)).severity if found else None

    def row_of(self, item: Diagnostic) -> int | None:
        """Return the row a finding was tied to."""
        return next((row for row, found in self.by_row.items() if item in found), None)

    def test(self) -> Test:
        wanted = np.fromiter(self.by_row, dtype=np.int64, count=len(self.by_row))
        return lambda rows: np.isin(rows, wanted)


def rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


def findings(session: Session) -> Findings:
    """Tie every diagnostic to a row: its message, else the first message its frame completes."""
    out = Findings()
    diagnostics = list(session.diagnostics)
    out.total = len(diagnostics)
    rows = _rows_of({d.message for d in diagnostics if d.message}, session)
    for item in diagnostics:
        if item.connection:
            out.by_connection.setdefault(item.connection, []).append(item)
        row = rows.get(item.message) if item.message else None
        if row is None and item.frame is not None and item.connection:
            row = _row_of_frame(session, item.connection, item.frame)
        if row is not None:
            out.by_row.setdefault(row, []).append(item)
    return out


_ID: Final = re.compile(r"c(\d{1,9})\.(c2s|s2c)\.(\d{1,9})")


def _rows_of(ids: set[str], session: Session) -> dict[str, int]:
    if not ids:
        return {}
    table, found = session.messages, dict[str, int]()
    wanted = {_key_of(name): name for name in ids if _ID.fullmatch(name)}
    chosen = np.fromiter(wanted, np.int64, len(wanted))
    for rows in table.blocks():
        keys = table.column("connection")[rows].astype(np.int64) << 33
        keys |= table.column("direction")[rows].astype(np.int64) << 32
        keys |= table.column("index")[rows]
        hits = np.flatnonzero(np.isin(keys, chosen))
        found |= {wanted[int(keys[hit])]: int(rows[hit]) for hit in hits}
    return found


def _key_of(name: str) -> int:
    connection, direction, index = name.split(".")
    return int(connection[1:]) << 33 | (direction == "s2c") << 32 | int(index)


def _row_of_frame(session: Session, connection: str, frame: int) -> int | None:
    table = session.messages
    count = len(table)
    number = int(connection[1:]) if connection[1:].isdecimal() else -1
    hits = np.flatnonzero(
        (table.column("connection")[:count] == number)
        & (table.column("first_frame")[:count] <= frame)
        & (table.column("last_frame")[:count] >= frame)
    )
    return int(hits[0]) if len(hits) else None


class Target(NamedTuple):
    """A place somebody typed.

    Kind is ``number``, ``frame``, ``id``, ``time``, ``offset`` (in the stream) or ``file offset``.
    """

    kind: str
    value: int | str


def parse_target(text: str) -> Target | None:
    """Read ``12``, ``f34``, ``c0.c2s.5``, ``+1.5``, ``@0x1f0``, ``#0x1f0``; None for others.

    Plain ``0x1f0`` is ``@0x1f0``: so offsets are written in the byte pane.
    """
    text = text.strip().lower()
    if re.fullmatch(r"\d{1,12}", text):
        return Target("number", int(text))
    if match := re.fullmatch(r"f(?:rame)? ?(\d{1,12})", text):
        return Target("frame", int(match[1]))
    if _ID.fullmatch(text):
        return Target("id", text)
    if match := re.fullmatch(r"\+(\d{1,9})(?:\.(\d{1,9}))?s?", text):
        return Target("time", int(match[1]) * 10**9 + int((match[2] or "0").ljust(9, "0")))
    if match := re.fullmatch(r"([@#])(0x[0-9a-f]{1,12}|[1-9]\d{0,13}|0)", text):
        return Target("offset" if match[1] == "@" else "file offset", int(match[2], 0))
    if re.fullmatch(r"0x[0-9a-f]{1,12}", text):
        return Target("offset", int(text, 16))
    return None


def locate(session: Session, listing: Listing, target: Target, here: int) -> int | None:
    """Return the line of the target; `here` is the current line.

    A frame means the first message it touches, a time the first message completed then or
    later, an offset the handshake, gap or message of this direction whose first chunk stands there
    or before, a file offset what has this byte of the capture, or the next message in the file.
    """
    table, value = session.messages, target.value
    if not len(listing):
        return None
    if isinstance(value, str):
        row = _rows_of({value}, session).get(value)
        return None if row is None else listing.place(row)
    if target.kind == "number":
        return listing.numbered(value)
    if target.kind == "file offset":
        place = at_file(session, value)
        extra = None if place is None else _extra_at(listing, *place[1:])
        row = row_at_file(session, value) if extra is None else extra
        return None if row is None else listing.place(row)
    rows = listing.rows(0, len(listing))
    real = np.flatnonzero(rows >= 0)
    rows = rows[real]
    if not len(rows):
        return None
    if target.kind == "frame":
        hits = (table.column("first_frame")[rows] <= value) & (
            table.column("last_frame")[rows] >= value
        )
    elif target.kind == "time":
        hits = table.column("time_ns")[rows] >= value
    else:
        offsets = table.column("stream_offset")[rows]
        side = _side(session, listing, listing.row(min(here, len(listing) - 1)), int(rows[0]))
        if (extra := _extra_at(listing, *side, value)) is not None:
            return listing.place(extra)
        same = table.column("connection")[rows] == side[0]
        same &= table.column("direction")[rows] == side[1]
        if not same.any():
            return None
        candidates = np.flatnonzero(same & (offsets <= value))
        if not len(candidates) or value >= table.column("end_offset")[rows[same]].max():
            return None
        return int(real[candidates[np.argmax(offsets[candidates])]])
    found = np.flatnonzero(hits)
    return int(real[found[0]]) if len(found) else None


def _side(session: Session, listing: Listing, row: int, other: int) -> tuple[int, int]:
    """Return connection and direction of a row: of a handshake's or a gap's, too."""
    extras: Extras | None = getattr(listing, "extras", None)
    if extras is not None and row in extras:
        return extras[row].connection, extras[row].direction
    row = row if row >= 0 else other
    return session.value(row, "connection"), session.value(row, "direction")


def _extra_at(listing: Listing, connection: int, direction: int, offset: int) -> int | None:
    """Return the row of the handshake or gap that has a stream byte, where the list has such."""
    extras: Extras | None = getattr(listing, "extras", None)
    for number, item in enumerate(extras.items if extras is not None else ()):
        own = (item.connection, item.direction) == (connection, direction)
        if own and item.start <= offset < item.start + item.length:
            return -1 - number
    return None


def after_frame(session: Session, listing: Listing, frame: int) -> int | None:
    """Return the line of the first message that begins after a frame."""
    rows = listing.rows(0, len(listing))
    real = np.flatnonzero(rows >= 0)
    first = session.messages.column("first_frame")[rows[real]]
    later = np.flatnonzero(first > frame)
    return int(real[later[np.argmin(first[later])]]) if len(later) else None
