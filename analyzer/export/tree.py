"""Annotated trees as text, in Wireshark's words (interfaces: four spaces per level)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from analyzer.export.ansi import paint
from analyzer.export.request import Request
from analyzer.failures import UNWRITTEN
from analyzer.index import Array
from analyzer.session import Session
from dissectors.fields import Field
from dissectors.spans import Span
from dissectors.text import safe

INDENT = "    "
ARROWS = ("client → server", "server → client")


def write(session: Session, out: TextIO, request: Request) -> None:
    """Write a line of context and the tree of each message, with a blank line between."""
    greeted: set[int] = set()
    write_rows(session, out, request, request.rows(session), greeted)
    if request.filter is None:  # RTMPE, or a server that did not go on: nothing but a handshake
        for connection in range(len(session.connections)):
            if connection not in greeted:
                _write_handshake(session, out, request, connection)


def write_rows(
    session: Session,
    out: TextIO,
    request: Request,
    rows: Array,
    greeted: set[int],
    first: bool = True,
) -> None:
    """Write trees; `greeted` are the connections whose handshake stands already, `first` is
    True where no message does.
    """
    last, text = None, ""
    for row in rows.tolist():
        connection = session.value(row, "connection")
        if request.filter is None and connection not in greeted:
            greeted.add(connection)
            _write_handshake(session, out, request, connection)
        if not first:
            out.write("\n")
        first = False
        out.write(paint(request.color, "dim", context(session, row)) + "\n")
        try:
            tree = session.tree(row)
            body = tree.children.pop()
            if body is not last:  # equal messages share it
                last, text = body, "".join(line + "\n" for line in tree_lines(body, request, 1))
            shown = "".join(line + "\n" for line in tree_lines(tree, request)) + text
        except Exception as error:
            session.unwritten(row, error)
            last, shown = None, UNWRITTEN + "\n"
        out.write(shown)
        if request.hexdump and session.available(row):
            raw = session.body(row)
            hidden = request.hidden_bytes(session, row, raw.data)
            for line in hex_lines(raw.data, hidden, raw.missing):
                out.write(line + "\n")


def _write_handshake(session: Session, out: TextIO, request: Request, connection: int) -> None:
    for tree in session.handshake_tree(connection):
        out.write(paint(request.color, "dim", f"c{connection}.handshake") + "\n")
        out.writelines(line + "\n" for line in tree_lines(tree, request))
        out.write("\n")


def context(session: Session, row: int) -> str:
    """Return where a message stands: ``c0.c2s.3  frame 14  0.390247 s  client → server``."""
    first, last = session.value(row, "first_frame"), session.value(row, "last_frame")
    frames = f"frame {last}" if first == last else f"frames {first}–{last}"
    time = seconds(session.value(row, "time_ns"))
    arrow = ARROWS[session.value(row, "direction")]
    return f"{session.message_id(row)}  {frames}  {time} s  {arrow}"


def seconds(time_ns: int) -> str:
    """Return nanoseconds as seconds with six digits, cut, not rounded."""
    sign = "-" if time_ns < 0 else ""
    whole, rest = divmod(abs(time_ns) // 1000, 1_000_000)
    return f"{sign}{whole}.{rest:06d}"


def tree_lines(root: Field, request: Request, depth: int = 0) -> Iterator[str]:
    """Yield the lines of a tree, `depth` levels in; plumbing only where it is wanted."""
    stack: list[tuple[int, Field]] = [(depth, root)]
    while stack:
        depth, field = stack.pop()
        style = "title" if depth == 0 else ""
        yield INDENT * depth + paint(request.color, style, request.label(field))
        for expert in field.experts:
            text = f"[{expert.severity.word}: {request.shown(safe(expert.text))}]"
            yield INDENT * (depth + 1) + paint(request.color, expert.severity.name.lower(), text)
        stack.extend(
            (depth + 1, child)
            for child in reversed(field.children)
            if request.plumbing or not child.plumbing
        )


def hex_lines(
    data: bytes, hidden: Sequence[tuple[int, int]], missing: Sequence[Span] = ()
) -> Iterator[str]:
    """Yield a hex dump, sixteen bytes a line; redacted bytes are ``**``, missing ones ``??``."""
    marks = bytearray(len(data))
    for sign, spans in ((b"?", missing), (b"*", hidden)):
        for start, length in spans:
            length = min(length, len(data) - start)
            marks[start : start + length] = sign * length
    for start in range(0, len(data), 16):
        piece, covered = data[start : start + 16], marks[start : start + 16]
        cells = [
            chr(mark) * 2 if mark else f"{byte:02x}"
            for byte, mark in zip(piece, covered, strict=True)
        ]
        text = "".join(
            chr(mark) if mark else chr(byte) if 0x20 <= byte < 0x7F else "."
            for byte, mark in zip(piece, covered, strict=True)
        )
        digits = " ".join(cells[:8]) + "  " + " ".join(cells[8:])
        yield f"{start:06x}  {digits:<49} {text}"
