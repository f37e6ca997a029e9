"""Opening views over the main screen and going where they point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.tui.screens.base import Base
from analyzer.tui.screens.view import ViewScreen
from analyzer.tui.views import Focus, Jump, view

if TYPE_CHECKING:
    from analyzer.tui.loader import Snapshot


class Viewing(Base):
    """The part of the main screen that knows the table of views."""

    _aim: int | None = None
    """The row that is gone to as soon as it is shown."""

    def set_filter(self, text: str) -> None:
        raise NotImplementedError

    def action_view(self, name: str) -> None:
        """Open a view over this screen."""
        row = self.messages.row
        connection = self.connections.connection
        if connection is None and row is not None:
            connection = self.session.value(row, "connection")
        self._open(name, Focus(row, connection))

    def _open(self, name: str, focus: Focus) -> None:
        item = view(name)
        if item is not None:
            screen = item.open(self.session, focus)
            screen.snapshot = self.snapshot
            self.app.push_screen(screen, self.jump)

    def update_views(self, snapshot: Snapshot) -> None:
        """Tell the open views what is new."""
        for screen in self.app.screen_stack:
            if isinstance(screen, ViewScreen):
                screen.snapshot = snapshot
                if screen.is_mounted:
                    screen.update(snapshot)

    def jump(self, target: Jump | None) -> None:
        """Go where a view points."""
        if target is None:
            return
        if target.view is not None:
            self._open(target.view, Focus(target.row, target.connection))
            return
        row = target.row
        if row is None and target.diagnostic is not None:
            row = self.messages.findings.row_of(target.diagnostic)
            if row is None:
                self.say("no message belongs to this finding", "warning")
                return
        if target.connection is not None:
            self.connections.choose(target.connection)
        if target.filter is not None:
            self.set_filter(target.filter)
        if row is not None:
            self.show_row(row)
        self.set_focus(self.messages)

    def show_row(self, row: int) -> None:
        """Put the cursor on a message; what hides it is dropped."""
        position = self.messages.listing.place(row)
        if position is not None:
            self.messages.goto(position)
            return
        self._aim = row
        own = self.session.value(row, "connection")
        if self.connections.connection not in (None, own):
            self.connections.choose(None)
        self.set_filter("")

    def hit_aim(self) -> None:
        """Called when other rows are shown: go to the row that was waited for."""
        if self._aim is not None:
            position = self.messages.listing.place(self._aim)
            if position is not None:
                self._aim = None
                self.messages.goto(position)
