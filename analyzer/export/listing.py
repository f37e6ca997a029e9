"""One line per message, in columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TextIO

import numpy as np

from analyzer.aggregates import sub_messages
from analyzer.export.ansi import paint
from analyzer.export.kinds import ODD, PLAIN, SHORT, kinds
from analyzer.export.messages import BLOCK
from analyzer.export.request import Request
from analyzer.export.tree import seconds
from analyzer.failures import UNWRITTEN
from analyzer.index import Array
from analyzer.lookup import MEDIA_KINDS
from analyzer.model import DIRECTIONS
from analyzer.session import Session
from dissectors import spec
from dissectors.chunk_state import Flag
from dissectors.text import safe

_COLUMNS: Final = (
    *("time_ns", "connection", "direction", "csid", "msid", "type_id", "timestamp", "length"),
    "flags",
)
_BLOCK: Final = 512
"""Lines joined into one write."""
INSIDE: Final = "└ "
"""Stands before the type of a message that is inside the aggregate above."""
STREAMED: Final = "{0:>12}  {1:<4}  {2:<3}  {3:>4}  {4:>4}  {5:<26}  {6:>10}  {7:>7}  {8}"
"""Columns of a list whose widest values are not known yet."""


def write(session: Session, out: TextIO, request: Request) -> None:
    """Write a header line, a line per message: time, direction, …, info, then the problems."""
    rows = request.rows(session)
    template = _template(session, rows, len(session.connections) > 1)
    write_titles(out, request, template)
    write_rows(session, out, request, rows, template)
    write_problems(session, out, request)


def write_problems(session: Session, out: TextIO, request: Request) -> None:
    """Say in which way the capture itself is not whole; not where certain messages are wanted."""
    for problem in session.captures.problems if request.filter is None else ():
        place = f" (behind frame {problem.frame})" if problem.frame else ""
        text = f"[Warning: {request.shown(safe(problem.text))}{place}]"
        out.write(paint(request.color, "warning", text) + "\n")


def write_titles(out: TextIO, request: Request, template: str) -> None:
    """Write the header line."""
    titles = ("time", "conn", "dir", "csid", "msid", "type", "timestamp", "length", "info")
    out.write(paint(request.color, "title", template.format(*titles).rstrip()) + "\n")


def write_rows(session: Session, out: TextIO, request: Request, rows: Array, template: str) -> None:
    """Write a line per message."""
    block: list[str] = []
    for start in range(0, len(rows), BLOCK):
        for line in _lines(session, request, rows[start : start + BLOCK], template):
            block.append(line)
            if len(block) >= _BLOCK:
                out.write("\n".join(block) + "\n")
                block.clear()
    if block:
        out.write("\n".join(block) + "\n")


def _lines(session: Session, request: Request, rows: Array, template: str) -> Iterator[str]:
    infos: dict[bytes, str] = {}
    names: dict[int, str] = {}
    lists = [session.messages.column(name)[rows].tolist() for name in _COLUMNS]
    for row, kind, values in zip(
        rows.tolist(), kinds(session, rows), zip(*lists, strict=True), strict=True
    ):
        time, connection, direction, csid, msid, type_id, timestamp, length, flags = values
        name = names.setdefault(type_id, "") or session.type_name(row)
        names[type_id] = name
        side = DIRECTIONS[direction]
        info = infos.get(kind)
        if info is None:
            info, lasting = _info(session, request, row, type_id, length)
            if lasting and kind != ODD:
                infos[kind] = info
        marks = _flags(session, row, flags)
        line = template.format(
            seconds(time), f"c{connection}", side, csid, msid, name, timestamp, length, marks + info
        )
        yield paint(request.color, side if flags & Flag.COMPLETE else "warning", line.rstrip())
        if type_id == spec.AGGREGATE:
            for sub in sub_messages(session, row):
                info = request.shown(safe(sub.info))
                inside = INSIDE + sub.type
                inner = template.format(
                    "", f"c{connection}", side, "", "", inside, sub.timestamp, sub.length, info
                )
                yield paint(request.color, side, inner.rstrip())


def _info(
    session: Session, request: Request, row: int, type_id: int, length: int
) -> tuple[str, bool]:
    """Return what a message says, and whether all rows of its kind say the same."""
    try:
        shared, media = None, type_id in MEDIA_KINDS
        if media and (shared := session.template(row)) is not None:
            words = shared.info
        else:
            words = session.dissect(row).info if media else session.info(row)
        info = request.shown(safe(words))
    except Exception as error:
        session.unwritten(row, error)
        return UNWRITTEN, False
    return info, media and (shared is not None or length <= SHORT)


def _flags(session: Session, row: int, flags: int) -> str:
    """Return what a reader must know before trusting the line."""
    if flags & PLAIN == Flag.COMPLETE:
        return ""
    marks = ""
    if flags & Flag.ABORTED:
        marks += "[aborted] "
    elif not flags & Flag.COMPLETE:
        marks += "[incomplete] "
    inferred = session.inferred(row)
    return marks + (f"[inferred: {', '.join(inferred)}] " if inferred else "")


def _template(session: Session, rows: Array, several: bool) -> str:
    """Return the line's format with columns as wide as their widest value."""

    def width(name: str, title: int) -> int:
        column = session.messages.column(name)[rows]
        return max(title, len(str(int(column.max()))) if len(column) else 0)

    type_ids = session.messages.column("type_id")[rows]
    first = np.unique(type_ids, return_index=True)[1].tolist()
    names = [len(session.type_name(int(rows[place]))) for place in first]
    if spec.AGGREGATE in type_ids:
        names.append(len(INSIDE + "Video Data"))
    latest = session.messages.column("time_ns")[rows]
    time = max(8, len(seconds(int(latest.max()))) if len(latest) else 0)
    connection = f"{{1:<{max(4, len(str(len(session.connections))) + 1)}}}  " if several else ""
    return (
        f"{{0:>{time}}}  {connection}{{2:<3}}  {{3:>{width('csid', 4)}}}  "
        f"{{4:>{width('msid', 4)}}}  {{5:<{max([4, *names])}}}  "
        f"{{6:>{width('timestamp', 9)}}}  {{7:>{width('length', 6)}}}  {{8}}"
    )
