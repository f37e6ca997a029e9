"""Ties the tree and the bytes of one message together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.tui.byte_views import PAYLOAD, SPACES, ByteView, Piece, chunk_pieces
from analyzer.tui.extra_views import extra_trees, extra_view
from analyzer.tui.frame_views import VIEWS
from analyzer.tui.listings.base import NONE, Listing
from analyzer.tui.listings.extras import Extra
from analyzer.tui.listings.messages import MessageListing
from analyzer.tui.listings.segments import SegmentListing
from analyzer.tui.model import Findings
from analyzer.tui.segment_views import SegmentDetails, in_spaces
from analyzer.tui.tree_lines import Range
from analyzer.tui.widgets.hex import HexPane, Ranges
from analyzer.tui.widgets.tree import TreePane
from dissectors.fields import Field, Severity
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.model import Diagnostic
    from analyzer.session import Session

_SEVERITY = {"error": Severity.ERROR, "warning": Severity.WARNING, "note": Severity.NOTE}


class Details:
    """Shows one row in both panes and keeps their highlights together."""

    def __init__(self, session: Session, tree: TreePane, hexes: HexPane) -> None:
        self.session = session
        self.tree = tree
        self.hexes = hexes
        self.space = SPACES[0]
        self._row: int | None = None
        self.shows = ("", NONE)
        """Unit of the list and row that are shown."""
        self.extra: Extra | None = None
        """The handshake or gap that is shown in place of a message."""
        self.segment: SegmentDetails | None = None
        """The TCP segment that is shown."""
        self._marked: list[Range] = []
        """Bytes of the chunk or segment under the list's cursor."""
        self._trees: list[tuple[Field, int]] = []
        """The messages' trees."""
        self._views: dict[str, ByteView] = {}

    def show(self, listing: Listing, line: int, findings: Findings) -> None:
        """Show what stands at a line: a message (with the chunk or segment marked), an extra."""
        row = listing.row(line)
        self.extra = self.segment = None
        if isinstance(listing, SegmentListing):
            self.segment = SegmentDetails(self.session, listing.segment(line))
        elif row == NONE:
            self.clear()
            return
        elif row < 0 and isinstance(listing, MessageListing):
            self.extra = listing.extras[row]
        self._row = row
        self.shows = (listing.UNIT, row)
        self._views.clear()
        self._marked = self._own(row, listing.span(line))
        self.tree.show_tree(self._roots(row, findings))
        self.hexes.show_view(self._view())
        self.link()
        self._to_marked()

    def _roots(self, row: int, findings: Findings) -> list[Field]:
        self._trees = []
        if self.extra is not None:
            return extra_trees(self.session, self.extra)
        roots, rows = [], [row]
        if self.segment is not None:
            roots, rows = [self.segment.tree()], self.segment.shown
        for number, each in enumerate(rows):
            self._trees.append((in_spaces(_tree(self.session, each), number), each))
        roots += [root for root, _ in self._trees]
        for each in rows:
            if found := findings.by_row.get(each):
                roots.append(_diagnostics(found))
        return roots

    def _own(self, row: int, span: tuple[int, int] | None) -> list[Range]:
        """Return the bytes of a segment, or of a chunk (stream offset, length)."""
        if self.segment is not None:
            return [(own.space, own.start, own.length) for own in self.segment.own]
        if span is None or row < 0:
            return []
        out: list[Range] = []
        for start, pieces in chunk_pieces(self.session, row):
            for piece in pieces:
                low = max(start + piece.at, span[0])
                high = min(start + piece.at + piece.length, sum(span))
                if low < high and piece.space:
                    out.append((piece.space, piece.start + low - start - piece.at, high - low))
        return [("stream", *span), *out]

    @property
    def row(self) -> int | None:
        """The message that is shown, a number below 0 for what is none; of a segment's several
        ones that whose tree the cursor is in."""
        path = self.tree.ancestors_and_field() if self.segment is not None else []
        for root, row in self._trees if path else ():
            if root is path[0]:
                return row
        return self._row

    @property
    def title(self) -> str:
        """What is shown, in a word or two."""
        if self._row is None:
            return "Message"
        if self.segment is not None:
            return f"TCP segment in frame {self.segment.segment.frame}"
        if self.extra is not None:
            return f"{self.extra.kind.capitalize()} {self.extra.name}"
        return self.session.message_id(self._row)

    def _to_marked(self) -> None:
        """Bring the chunk's or segment's own bytes into sight."""
        if places := self._places(self._marked):
            self.hexes.show_byte(places[0][0])

    def clear(self) -> None:
        self._row = None
        self.shows = ("", NONE)
        self.extra = self.segment = None
        self._marked = []
        self._views.clear()
        self.tree.show_tree([])
        self.hexes.show_view(ByteView(self.space, lambda at, length: b""))
        self.hexes.highlight([], [], move=False)

    def link(self, move: bool = True) -> None:
        """Highlight the bytes of the field under the tree's cursor, and those of its layer; of a
        chunk or segment all of its own ones, and what it has of the field."""
        fields, own = self._places(self.tree.field_ranges()), self._places(self._marked)
        fields = _common(fields, own) or fields
        self.hexes.highlight(own or self._places(self.tree.layer_ranges()), fields, move)

    def byte_moved(self, space: str, offset: int, reveal: bool) -> None:
        """Select the field of the byte under the hex cursor."""
        self.tree.select_byte(space, offset, reveal)
        self.link(move=False)

    def next_space(self) -> str:
        """Switch to the next byte space; the same field stays highlighted."""
        self.choose_space(SPACES[(SPACES.index(self.space) + 1) % len(SPACES)])
        return self.space

    def choose_space(self, space: str) -> None:
        self.space = space
        if self._row is not None:
            self.hexes.show_view(self._view())
            self.link()
            self._to_marked()

    def _view(self) -> ByteView:
        if self._row is None:
            return ByteView(self.space, lambda at, length: b"")
        if self.space not in self._views:
            if self.segment is not None:
                view = self.segment.view(self.space)
            else:
                view = _bytes(self.session, self._row, self.extra, self.space)
            self._views[self.space] = view
        return self._views[self.space]

    def _places(self, spans: list[Range]) -> Ranges:
        view = self._view()
        places: Ranges = []
        for space, start, length in spans:
            places += view.find(space, start, length)
            if space == "stream":  # bytes of messages, too
                places += view.at_stream(start, length)
        return _joined(places)


def _joined(places: Ranges) -> Ranges:
    """Return ranges in order, those that touch or overlap as one."""
    out: Ranges = []
    for low, high in sorted(places):
        if out and low <= out[-1][1]:
            out[-1] = out[-1][0], max(high, out[-1][1])
        else:
            out.append((low, high))
    return out


def _common(left: Ranges, right: Ranges) -> Ranges:
    """Return what is in both of two lists of ranges, each in order."""
    out: Ranges = []
    one = other = 0
    while one < len(left) and other < len(right):
        (a, b), (c, d) = left[one], right[other]
        if max(a, c) < min(b, d):
            out.append((max(a, c), min(b, d)))
        one, other = one + (b <= d), other + (d <= b)
    return out


def _tree(session: Session, row: int) -> Field:
    """Return the message's tree; where the decoder fails, the raw body and the reason.

    A view that fails falls back to raw bytes and says so: one bad body must not end a session
    of looking at the others.
    """
    try:
        return session.tree(row)
    except Exception as error:
        body = session.body(row).data
        root = Field("message", "Message that could not be decoded")
        root.error("internal_error", safe(f"{type(error).__name__}: {error}"))
        root.add("body", f"RTMP Body: {len(body)} bytes", None, 0, len(body))
        return root


def _bytes(session: Session, row: int, extra: Extra | None, space: str) -> ByteView:
    """Return the view of a byte space; the plain body where that one fails."""
    hidden = getattr(session, "hidden", None)  # `tui.hiding` is loaded with --redact only
    if extra is not None:
        view = extra_view(session, extra, space)
        return view if hidden is None else view.hide(())
    try:
        view = VIEWS[space](session, row)
        return view if hidden is None else view.hide(hidden(row))
    except Exception:
        view = ByteView("message", lambda at, length: data[at : at + length])
        data = session.body(row).data
        view.block(0, 0, [Piece(0, len(data), PAYLOAD, "body", 0)], f"no {space} view; body")
        return view.seal()


def _diagnostics(found: list[Diagnostic]) -> Field:
    """Return what the rules say about this message as a tree of its own."""
    root = Field("diagnostics", f"Diagnostics ({len(found)})")
    for item in found:
        node = root.add("diagnostic", safe(f"{item.rule} ({item.confidence})"), item.rule)
        severity = _SEVERITY.get(item.severity, Severity.NOTE)
        node.remark(severity, item.rule, safe(item.text))
        for name in ("expected", "actual", "section", "help"):
            value = getattr(item, name)
            if value:
                node.add(name, safe(f"{name.title()}: {value}"), str(value))
    return root
