"""One message's bytes in three spaces: message, stream, file."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from analyzer.session import Session

SPACES: Final = ("message", "stream", "file")
NEAR: Final = 32
"""Bytes of other messages between two chunks that are still shown; a longer gap is named."""
PAGE: Final = 4096
"""Bytes fetched at once."""
PAGES: Final = 16
"""Pages kept per view."""

STAR: Final = ord("*")
"""In place of a byte that is not shown."""
PAYLOAD, HEADER, OTHER, MISSING, LINK, NETWORK, TRANSPORT = range(7)


class Piece(NamedTuple):
    """Bytes of one kind; `space` and `start` tie them to fields of the tree."""

    at: int
    length: int
    kind: int
    space: str = ""
    start: int = 0


class Block(NamedTuple):
    """Bytes that stand together: shown from a fresh line on, below an optional title."""

    at: int
    length: int
    address: int
    source: int
    """Where `fetch` finds the first byte."""
    title: str = ""


class ByteView:
    """A linear run of bytes, cut into blocks (for lines) and pieces (for meaning)."""

    def __init__(self, name: str, fetch: Callable[[int, int], bytes]) -> None:
        self.name = name
        self.blocks: list[Block] = []
        self.pieces: list[Piece] = []
        self.size = 0
        self._fetch = fetch
        self._pages: dict[int, bytes] = {}
        self._starts: list[int] = []
        self._by_space: dict[str, list[Piece]] = {}
        self._hides = False
        self._hidden: list[tuple[int, int]] = []

    def seal(self) -> ByteView:
        """Build the look-up tables once all pieces are in."""
        self._starts = [piece.at for piece in self.pieces]
        for piece in sorted(self.pieces, key=lambda p: p.start):
            if piece.space:
                self._by_space.setdefault(piece.space, []).append(piece)
        return self

    def block(self, address: int, source: int, pieces: list[Piece], title: str = "") -> None:
        """Append a block; the pieces' `at` are relative to it."""
        length = sum(piece.length for piece in pieces)
        self.blocks.append(Block(self.size, length, address, source, title))
        for piece in pieces:
            if piece.length:
                self.pieces.append(piece._replace(at=self.size + piece.at))
        self.size += length

    def read(self, block: Block, offset: int, length: int) -> bytes:
        """Return bytes of a block, through a small page cache."""
        start = block.source + offset
        end = start + min(length, block.length - offset)
        out = b""
        for page in range(start // PAGE * PAGE, end, PAGE):
            if page not in self._pages:
                if len(self._pages) >= PAGES:
                    self._pages.pop(next(iter(self._pages)))
                self._pages[page] = self._fetch(page, PAGE)
            out += self._pages[page][max(start - page, 0) : max(end - page, 0)]
        if self._hides:
            at = block.at + offset
            out = bytes(STAR if self.is_hidden(at + n) else byte for n, byte in enumerate(out))
        return out

    def hide(self, ranges: Sequence[tuple[int, int]], space: str = "body") -> ByteView:
        """Show no byte of these (start, length) of the body, nor of other messages; what was
        hidden before stays so."""
        spans = [
            (low, high) for start, length in ranges for low, high in self.find(space, start, length)
        ]
        spans += [(p.at, p.at + p.length) for p in self.pieces if p.kind == OTHER]
        self._hidden = sorted({*self._hidden, *spans})
        self._hides = True
        return self

    def is_hidden(self, at: int) -> bool:
        """Whether the byte at a place of the view is not to be shown."""
        place = bisect_right(self._hidden, (at, self.size + 1)) - 1
        return place >= 0 and at < self._hidden[place][1]

    def piece_at(self, at: int) -> Piece | None:
        index = bisect_right(self._starts, at) - 1
        if index < 0 or at >= self.pieces[index].at + self.pieces[index].length:
            return None
        return self.pieces[index]

    def pieces_in(self, low: int, high: int) -> list[Piece]:
        first = max(bisect_right(self._starts, low) - 1, 0)
        last = bisect_right(self._starts, high - 1)
        return self.pieces[first:last]

    def field_at(self, at: int) -> tuple[str, int] | None:
        """Return (space, offset) of a view byte, None for bytes of other messages."""
        piece = self.piece_at(at)
        if piece is None or not piece.space:
            return None
        return piece.space, piece.start + at - piece.at

    def describe(self, at: int) -> str:
        """Say what a byte is that belongs to no field; empty where there is nothing to say."""
        piece = self.piece_at(at)
        if piece is None or piece.space or piece.kind != HEADER:
            return ""
        return "a further chunk header of this message"

    def find(self, space: str, start: int, length: int) -> list[tuple[int, int]]:
        """Return where field bytes stand in the view: (low, high) pairs in view order."""
        pieces = self._by_space.get(space, [])
        end = start + length
        first = max(bisect_right(pieces, start, key=lambda p: p.start) - 1, 0)
        out: list[tuple[int, int]] = []
        for piece in pieces[first:]:
            if piece.start >= end:
                break
            low = max(start, piece.start)
            high = min(end, piece.start + piece.length)
            if low < high:
                shift = piece.at - piece.start
                if out and out[-1][1] == low + shift:
                    out[-1] = (out[-1][0], high + shift)
                else:
                    out.append((low + shift, high + shift))
        return sorted(out)

    def at_stream(self, start: int, length: int) -> list[tuple[int, int]]:
        """Return where stream bytes stand in a view of the stream or of the file."""
        if self.name == SPACES[0]:
            return []
        out = []
        for block in self.blocks:
            low, high = max(start, block.source), min(start + length, block.source + block.length)
            if low < high:
                out.append((block.at + low - block.source, block.at + high - block.source))
        return out


def _split(piece: Piece, missing: list[tuple[int, int]]) -> list[Piece]:
    """Cut the missing ranges of the body out of a payload piece."""
    out: list[Piece] = []
    position, end = piece.start, piece.start + piece.length
    for start, length in missing:
        low, high = max(start, position), min(start + length, end)
        if low >= high:
            continue
        shift = piece.at - piece.start
        out.append(Piece(position + shift, low - position, PAYLOAD, "body", position))
        out.append(Piece(low + shift, high - low, MISSING, "body", low))
        position = high
    out.append(Piece(piece.at + position - piece.start, end - position, PAYLOAD, "body", position))
    return out


def message_blocks(session: Session, row: int) -> list[tuple[str, bytes, list[Piece]]]:
    """Return title, bytes and pieces of the first chunk header, and of the body."""
    header, body = session.header_bytes(row), session.body(row)
    out = []
    if header:
        out.append(("chunk header", header, [Piece(0, len(header), HEADER, "header", 0)]))
    if body.data:
        piece = Piece(0, len(body.data), PAYLOAD, "body", 0)
        out.append(("body" if header else "", body.data, _split(piece, sorted(body.missing))))
    return out


def message_view(session: Session, row: int) -> ByteView:
    """The body with the chunk headers removed; the first chunk header stands above it."""
    blocks = message_blocks(session, row)
    data = b"".join(part for _, part, _ in blocks)
    view = ByteView("message", lambda at, length: data[at : at + length])
    for title, _, pieces in blocks:
        view.block(0, view.size, pieces, title)
    return view.seal()


def _fetch_stream(session: Session, row: int) -> Callable[[int, int], bytes]:
    table = session.messages
    connection = int(table.column("connection")[row])
    direction = int(table.column("direction")[row])
    return lambda at, length: session.stream(connection, direction, at, length)


def chunk_pieces(session: Session, row: int) -> list[tuple[int, list[Piece]]]:
    """Return stretches of the stream: (stream offset, pieces relative to it)."""
    missing = sorted(session.missing(row))
    out: list[tuple[int, list[Piece]]] = []
    body = end = 0
    for number, (offset, header, payload) in enumerate(_chunks(session, row)):
        gap = offset - end
        if out and 0 <= gap <= NEAR:
            start, pieces = out[-1]
            if gap:
                pieces.append(Piece(end - start, gap, OTHER))
        else:
            start, pieces = offset, []
            out.append((start, pieces))
        at = offset - start
        # Only the first chunk's header is in the tree; the others are dimmed bytes.
        pieces.append(Piece(at, header, HEADER, "" if number else "header", 0))
        pieces.extend(_split(Piece(at + header, payload, PAYLOAD, "body", body), missing))
        body += payload
        end = offset + header + payload
    return out


def _chunks(session: Session, row: int) -> list[tuple[int, int, int]]:
    spans = session.chunk_spans(row)
    return [(int(c.stream_offset), int(c.header_length), int(c.payload_length)) for c in spans]


def stream_view(session: Session, row: int) -> ByteView:
    """The direction's bytes from the message's first chunk to its last."""
    view = ByteView("stream", _fetch_stream(session, row))
    end: int | None = None
    for start, pieces in chunk_pieces(session, row):
        title = "" if end is None else _between(start - end)
        view.block(start, start, pieces, title)
        end = start + sum(piece.length for piece in pieces)
    return view.seal()


def _between(gap: int) -> str:
    return f"{gap:,} bytes of other messages" if gap > 0 else "elsewhere in the stream"
