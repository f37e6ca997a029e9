"""What the list shows: unit, columns, order, marked only, following the end."""

from __future__ import annotations

from typing import Final

from textual import on
from textual.worker import get_current_worker

from analyzer import memory
from analyzer.lookup import LARGE
from analyzer.tui.explain import all_hidden, nothing
from analyzer.tui.listings.base import Listing
from analyzer.tui.listings.messages import MessageListing
from analyzer.tui.model import Findings
from analyzer.tui.picker import UNITS, Picker, Request, Sorting
from analyzer.tui.screens.filtering import Filtering
from analyzer.tui.widgets.messages import MessageList
from analyzer.tui.widgets.panes import Panes

MANY: Final = 1 << 16
"""Lines that are not laid out between two key presses."""
TITLES = {"message": "Messages", "chunk": "Chunks", "segment": "TCP segments"}
SPACES = {"chunk": "stream", "segment": "stream"}
"""The byte space that shows where such a line's bytes stand."""


class Showing(Filtering):
    """The main screen's actions that change the listing."""

    picker: Picker
    panes: Panes
    unit: str = UNITS[0]
    picking: bool = False
    """A worker is looking for what is to be shown."""

    def _request(self) -> Request:
        marked = frozenset(self.messages.marks) if self.only_marked else None
        return Request(
            self.unit, self.connections.connection, self.row_filter, self.messages.sorting, marked
        )

    def pick(self, asked: bool = True) -> None:
        snapshot = self.snapshot
        if snapshot is None:
            return
        self.awaited |= asked or not len(self.messages.listing)
        order, extras, found = snapshot.order, snapshot.extras, snapshot.findings
        request = self._request()
        if request.quick and len(order) < MANY:
            self.workers.cancel_group(self, "rows")
            listing = self.picker.pick(order, extras, request, lambda: False)
            assert listing is not None
            self._show(listing, found)
            return
        self.picking = not request.quick

        def work() -> None:
            worker = get_current_worker()
            listing = self.picker.pick(order, extras, request, lambda: worker.is_cancelled)
            if listing is not None and not worker.is_cancelled:
                listing.prepare()
                self.app.call_from_thread(self._show, listing, found)
            if len(order) >= LARGE:
                memory.give_back()  # what building it took

        self.run_worker(work, thread=True, exclusive=True, group="rows")

    def _show(self, listing: Listing, found: Findings) -> None:
        if not len(listing) and (len(self.session.messages) or not self.done):
            self.messages.empty = self._why_empty(listing.UNIT)
        self.picking = self.awaited = False
        renewed = found is not self.messages.findings
        self.messages.show(listing, found)
        self.listed(renewed)

    def _why_empty(self, unit: str) -> list[str]:
        if not self.hidings():
            return [f"No {unit} here." if self.done else "Indexing …"]
        text, connection = self.filter_text, self.connections.connection
        doubt = self.doubt(text) if text else None
        asks = bool(text) and doubt is None and self.done  # it takes a moment
        values = self.values_asked_for(text) if asks else []
        lines = all_hidden(
            unit, text, doubt[0] if doubt else "", values, self.only_marked, connection
        )
        return lines if self.done else [f"{lines[0][:-1]} so far.", *lines[1:]]

    def listed(self, renewed: bool) -> None:
        """Take over another listing in the other panes."""
        raise NotImplementedError

    def list_title(self) -> str:
        """Return the list's title: what its lines are and how many of how many."""
        listing = self.messages.listing
        title = TITLES[listing.UNIT]
        total = len(self.snapshot.order) if self.snapshot else 0
        if isinstance(listing, MessageListing) and listing.total != total:
            return f"{title} {listing.total:,} of {total:,}"
        return f"{title} {listing.total:,}"

    def finished(self) -> None:
        """Explain a capture without messages."""
        if not len(self.session.messages):
            self.messages.empty = nothing(self.session)
            self.panes.empty = not self.session.connections
            self.panes.rearrange()
            self.messages.refresh()

    # Actions

    def set_unit(self, unit: str) -> None:
        """Show lines of another kind."""
        self.unit = unit
        self.details.choose_space(SPACES.get(unit, "message"))
        self.pick()

    def action_unit(self) -> None:
        self.set_unit(UNITS[(UNITS.index(self.unit) + 1) % len(UNITS)])
        self.say(f"lines are {TITLES[self.unit]}")

    def action_only_marked(self) -> None:
        if not self.only_marked and not self.messages.marks:
            self.say("no marked message (m marks one)")
            return
        self.only_marked = not self.only_marked
        self.pick()

    def action_follow(self) -> None:
        self.messages.follow = not self.messages.follow
        if self.messages.follow:
            self.messages.action_last()
        self.say("following the end" if self.messages.follow else "staying here (f follows)")

    def action_columns(self) -> None:
        from analyzer.tui.screens.columns import Choice, ColumnScreen

        def chosen(choice: Choice | None) -> None:
            if choice is not None:
                self.messages.choose_columns(choice.columns)
                self.sort(choice.sorting)

        self.app.push_screen(ColumnScreen(self.messages), chosen)

    @on(MessageList.HeaderClicked)
    def _header_clicked(self, event: MessageList.HeaderClicked) -> None:
        now = self.messages.sorting
        self.sort(Sorting(event.column, event.column == now.column and not now.reverse))

    def sort(self, sorting: Sorting) -> None:
        """Sort the messages; chunks and segments stay in wire order."""
        if sorting.column == "no":
            sorting = Sorting()
        if sorting == self.messages.sorting:
            return
        if self.unit != UNITS[0]:
            self.say(f"{TITLES[self.unit]} stay in wire order; messages can be sorted (r)")
            return
        reason = self.picker.too_many(self.messages.listing, sorting)
        if reason:
            self.say(reason, "warning")
            return
        self.messages.sorting = sorting
        self.say(f"sorted by {sorting.column}{', reversed' if sorting.reverse else ''}")
        self.pick()
