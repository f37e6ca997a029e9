"""What the main screen's three bars say: the capture, what goes on, which keys work."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from textual.binding import Binding

from analyzer.tui.cells import GLYPHS
from analyzer.tui.keys import HEX, MAIN, TREE, view_keys
from analyzer.tui.model import rank
from analyzer.tui.screens.live import Live
from analyzer.tui.screens.showing import Showing
from analyzer.tui.screens.viewing import Viewing
from analyzer.tui.summary import FOLLOWING, frozen, top_line
from analyzer.tui.widgets.bars import Bar, Piece, hints, meter
from dissectors.text import safe


class Said(NamedTuple):
    """A word in the status line; it goes when the cursor leaves the line it was said at."""

    text: str
    style: str
    line: int


class Telling(Showing, Viewing, Live):
    """The main screen's bars."""

    top_bar: Bar
    status_bar: Bar
    key_bar: Bar
    said: Said | None = None

    def say(self, text: str, style: str = "note") -> None:
        """Show a short message in the status line until the next one or 5 seconds."""
        self.said = said = Said(text, style, self.messages.cursor)
        self.bars()
        self.set_timer(5, lambda: self.unsay(said))

    def unsay(self, said: Said | None) -> None:
        """Take a message back, if it is still there."""
        if self.said is said:
            self.said = None
            self.bars()

    def bars(self) -> None:
        if not self.is_mounted or not self.furnished:
            return
        state = FOLLOWING if self.messages.follow else frozen("f")
        self.top_bar.show(
            *(top_line(self.session, self.done, self.rates, state, short=s) for s in (False, True))
        )
        self.status_bar.show(self._status())
        own = {self.tree_pane: TREE, self.hexes: HEX}.get(self.focused, ())  # type: ignore[call-overload]
        first = [replace(item, tooltip=self._way(item)) for item in MAIN[:3]]
        self.key_bar.show(hints([*first, *own, *view_keys(), *MAIN[3:]]))

    def _way(self, item: Binding) -> str:
        """What q does here: the key bar must not lie."""
        return "back" if item.action == "back" and self.can_go_back else item.tooltip or ""

    def _status(self) -> list[Piece]:
        pieces = [*self._going_on()]
        if self.number:
            pieces.append((f"{self.number} …  ", "strong"))
        if self.said:
            pieces.append((f"{self.said.text}  ", self.said.style))
        listing = self.messages.listing
        if len(listing):
            number = listing.number(self.messages.cursor)
            kind, _ = listing.cell("type", self.messages.cursor) if number is None else ("", "")
            place = kind if number is None else f"{number:,} of {listing.total:,}"
            pieces.append((f"{place}  ", ""))
        row = self.messages.row
        found = self.messages.findings.by_row.get(row, []) if row is not None else []
        if found and not self.said:
            worst = max(found, key=lambda item: rank(item.severity))
            text = f"{GLYPHS.get(worst.severity, '')} {worst.rule}: {safe(worst.text)}  "
            pieces.append((text, worst.severity))
        if self.only_marked:
            pieces.append(("marked only  ", "good"))
        if self.filter_text:
            pieces.append(("filter ", "dim"))
            pieces.append((self.filter_text, "good" if len(listing) else "warning"))
        return pieces

    def _going_on(self) -> list[Piece]:
        """What is under way, or was stopped."""
        pieces: list[Piece] = []
        snapshot = self.snapshot
        if snapshot is None or not snapshot.done:
            fraction = snapshot.fraction if snapshot else 0.0
            doing, key_ = ("capturing", "^c") if self.live else ("indexing", "Esc")
            measured = fraction is not None and not self.live
            text = f"{doing} {meter(fraction or 0)}" if measured else f"{doing} …"
            text = "the capture is ending …" if self.ending else f"{text}  {key_} stops"
            pieces.append((f"{text}  ", "warning"))
        elif self.loader.cancelled:
            pieces.append(("loading stopped, this is not all  ", "warning"))
        if self.picking:
            pieces.append(("filtering …  ", "warning"))
        return pieces
