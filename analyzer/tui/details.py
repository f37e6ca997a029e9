"""Ties the tree and the bytes of one message together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.tui.byte_views import PAYLOAD, SPACES, ByteView, Piece
from analyzer.tui.extra_views import extra_trees, extra_view
from analyzer.tui.frame_views import VIEWS
from analyzer.tui.listings.base import NONE, Listing
from analyzer.tui.listings.extras import Extra
from analyzer.tui.listings.messages import MessageListing
from analyzer.tui.model import Findings
from analyzer.tui.tree_lines import Range
from analyzer.tui.widgets.hex import HexPane, Ranges
from analyzer.tui.widgets.tree import TreePane
from dissectors.fields import Expert, Field, Severity
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
        self.row: int | None = None
        self.shows = ("", NONE)
        """Unit of the list and row that are shown."""
        self.extra: Extra | None = None
        """The handshake or gap that is shown in place of a message."""
        self._span: tuple[int, int] | None = None
        """Stream bytes of the chunk or segment under the list's cursor."""
        self._views: dict[str, ByteView] = {}

    def show(self, listing: Listing, line: int, findings: Findings) -> None:
        """Show what stands at a line: a message (with the chunk or segment marked), an extra."""
        row = listing.row(line)
        if row == NONE:
            self.clear()
            return
        self.row = row
        self.shows = (listing.UNIT, row)
        self._views.clear()
        self._span = listing.span(line)
        self.extra = (
            listing.extras[row] if row < 0 and isinstance(listing, MessageListing) else None
        )
        if self.extra is not None:
            roots = extra_trees(self.session, self.extra)
        else:
            roots = [_tree(self.session, row)]
            if found := findings.by_row.get(row):
                roots.append(_diagnostics(found))
        self.tree.show_tree(roots)
        self.hexes.show_view(self._view())
        self.link()
        self._to_span()

    @property
    def title(self) -> str:
        """What is shown, in a word or two."""
        if self.row is None:
            return "Message"
        if self.extra is not None:
            return f"{self.extra.kind.capitalize()} {self.extra.name}"
        return self.session.message_id(self.row)

    def _to_span(self) -> None:
        """Bring the chunk's or segment's own bytes into sight."""
        if self._span is not None and (places := self._view().at_stream(*self._span)):
            self.hexes.highlight(places, self.hexes.field_ranges, move=False)
            self.hexes.show_byte(places[0][0])

    def clear(self) -> None:
        self.row = None
        self.shows = ("", NONE)
        self.extra = None
        self._views.clear()
        self.tree.show_tree([])
        self.hexes.show_view(ByteView(self.space, lambda at, length: b""))
        self.hexes.highlight([], [], move=False)

    def link(self, move: bool = True) -> None:
        """Highlight the bytes of the field under the tree's cursor."""
        self.hexes.highlight(
            self._places(self.tree.layer_ranges()), self._places(self.tree.field_ranges()), move
        )

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
        if self.row is not None:
            self.hexes.show_view(self._view())
            self.link()
            self._to_span()

    def _view(self) -> ByteView:
        if self.row is None:
            return ByteView(self.space, lambda at, length: b"")
        if self.space not in self._views:
            self._views[self.space] = _bytes(self.session, self.row, self.extra, self.space)
        return self._views[self.space]

    def _places(self, spans: list[Range]) -> Ranges:
        view = self._view()
        return sorted(place for span in spans for place in view.find(*span))


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
        node.experts.append(Expert(severity, item.rule, safe(item.text)))
        for name in ("expected", "actual", "section", "help"):
            value = getattr(item, name)
            if value:
                node.add(name, safe(f"{name.title()}: {value}"), str(value))
    return root
