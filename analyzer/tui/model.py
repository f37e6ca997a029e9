"""Which rows are shown, and finding one: everything over columns, nothing of textual."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from analyzer.model import Diagnostic
    from analyzer.session import Session

Rows = NDArray[np.int64]
Test = Callable[[Rows], NDArray[np.bool_]]

SLICE: Final = 16384
"""Rows filtered or searched between two looks at the cancel flag."""
SLOW_SLICE: Final = 256
"""The same where bodies must be decoded: quitting waits for one slice."""
VIDEO: Final = 9


class RowFilter(Protocol):
    """What `analyzer.filters.compile` returns."""

    @property
    def decodes(self) -> bool: ...

    def rows(self, session: Session, rows: Rows) -> Rows: ...


class Picker:
    """Computes the rows to show; remembers the verdict on rows it has already judged."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._judged: tuple[RowFilter, NDArray[np.bool_]] | None = None

    def forget(self) -> None:
        """Judge all rows anew (indexing ended: names and diagnostics are complete)."""
        self._judged = None

    def pick(
        self,
        order: Rows,
        connection: int | None,
        row_filter: RowFilter | None,
        cancelled: Callable[[], bool],
    ) -> Rows | None:
        """Return the rows of `order` that pass; None when cancelled. Runs in a worker."""
        if connection is not None:
            order = order[self._session.messages.column("connection")[order] == connection]
        if row_filter is None:
            return order
        mask = self._mask(row_filter, int(order.max()) + 1 if len(order) else 0, cancelled)
        return None if mask is None else order[mask[order]]

    def _mask(
        self, row_filter: RowFilter, count: int, cancelled: Callable[[], bool]
    ) -> NDArray[np.bool_] | None:
        mask = np.zeros(count, dtype=np.bool_)
        seen = 0
        judged = self._judged
        if judged is not None and judged[0] is row_filter:
            seen = min(len(judged[1]), count)
            mask[:seen] = judged[1][:seen]
        step = SLOW_SLICE if row_filter.decodes else SLICE
        for start in range(seen, count, step):
            if cancelled():
                return None
            rows = np.arange(start, min(start + step, count), dtype=np.int64)
            mask[row_filter.rows(self._session, rows)] = True
        if judged is None or judged[0] is not row_filter or len(judged[1]) < count:
            self._judged = (row_filter, mask)
        return mask


def seek(rows: Rows, start: int, step: int, test: Test) -> int | None:
    """Return the nearest position before (`step` -1) or after (1) `start` that passes."""
    position = start + step
    while 0 <= position < len(rows):
        if step > 0:
            low, high = position, min(position + SLICE, len(rows))
        else:
            low, high = max(position - SLICE + 1, 0), position + 1
        hits = np.flatnonzero(test(rows[low:high]))
        if len(hits):
            return low + int(hits[0 if step > 0 else -1])
        position = high if step > 0 else low - 1
    return None


def keyframes(session: Session) -> Test:
    """Video frames of frame type 1, sequence headers not counted (FLV 10.1 §E.4.3.1).

    With E-RTMP's IsExHeader bit the low nibble is the packet type (1 and 3 carry frames);
    without it the second byte of AVC (7), and of HEVC as CDNs sent it (12), is.
    """
    types = session.messages.column("type_id")
    heads = session.messages.column("head")

    def test(rows: Rows) -> NDArray[np.bool_]:
        hits = types[rows] == VIDEO
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
    table = session.messages
    count = len(table)
    keys = (
        table.column("connection")[:count].astype(np.int64) << 33
        | table.column("direction")[:count].astype(np.int64) << 32
        | table.column("index")[:count].astype(np.int64)
    )
    wanted = {_key_of(name): name for name in ids if _ID.fullmatch(name)}
    rows = np.flatnonzero(np.isin(keys, np.fromiter(wanted, np.int64, len(wanted))))
    return {wanted[int(keys[row])]: int(row) for row in rows}


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
    """A place somebody typed: kind is ``number``, ``frame``, ``id``, ``time`` or ``offset``."""

    kind: str
    value: int | str


def parse_target(text: str) -> Target | None:
    """Read ``12``, ``f34``, ``c0.c2s.5``, ``+1.5``, ``@0x1f0``; None for anything else."""
    text = text.strip().lower()
    if re.fullmatch(r"\d{1,12}", text):
        return Target("number", int(text))
    if match := re.fullmatch(r"f(?:rame)? ?(\d{1,12})", text):
        return Target("frame", int(match[1]))
    if _ID.fullmatch(text):
        return Target("id", text)
    if match := re.fullmatch(r"\+(\d{1,9})(?:\.(\d{1,9}))?s?", text):
        return Target("time", int(match[1]) * 10**9 + int((match[2] or "0").ljust(9, "0")))
    if match := re.fullmatch(r"@(0x[0-9a-f]{1,12}|\d{1,14})", text):
        return Target("offset", int(match[1], 0))
    return None


def locate(session: Session, rows: Rows, target: Target, here: int) -> int | None:
    """Return the position in `rows` of the target; `here` is the current position.

    A frame means the first message it touches, a time the first message completed then or
    later, an offset the message of this direction whose first chunk stands there or before.
    """
    table, value = session.messages, target.value
    if not len(rows):
        return None
    if isinstance(value, str):
        row = _rows_of({value}, session).get(value)
        return None if row is None else position_of(rows, row)
    if target.kind == "number":
        return value - 1 if 1 <= value <= len(rows) else None
    if target.kind == "frame":
        hits = (table.column("first_frame")[rows] <= value) & (
            table.column("last_frame")[rows] >= value
        )
    elif target.kind == "time":
        hits = table.column("time_ns")[rows] >= value
    else:
        offsets = table.column("stream_offset")[rows]
        same = np.ones(len(rows), dtype=np.bool_)
        for name in ("connection", "direction"):
            column = table.column(name)[rows]
            same &= column == column[min(here, len(rows) - 1)]
        candidates = np.flatnonzero(same & (offsets <= value))
        return int(candidates[np.argmax(offsets[candidates])]) if len(candidates) else None
    found = np.flatnonzero(hits)
    return int(found[0]) if len(found) else None


def position_of(rows: Rows, row: int, guess: int = 0) -> int | None:
    """Return where `row` stands in `rows`, trying `guess` first."""
    if guess < len(rows) and rows[guess] == row:
        return guess
    hits = np.flatnonzero(rows == row)
    return int(hits[0]) if len(hits) else None
