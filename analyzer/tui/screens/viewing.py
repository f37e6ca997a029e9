"""Opening views over the main screen, going where they point, and the way back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from analyzer.tui.data.findings import row_of
from analyzer.tui.data.selection import rows_of
from analyzer.tui.picker import UNITS
from analyzer.tui.screens.hidings import Hidings
from analyzer.tui.screens.view import ViewScreen
from analyzer.tui.views import Focus, Jump, view

if TYPE_CHECKING:
    from analyzer.model import Diagnostic
    from analyzer.tui.loader import Snapshot
    from analyzer.tui.rates import Rates

MESSAGES: Final = "messages"
"""What the message list is called among the views."""


class Viewing(Hidings):
    """The part of the main screen that knows the table of views."""

    start: str | None = None
    """The view that is open at first, and that q ends with; None: the messages."""
    rates: Rates
    unit: str
    _aim_note: str = ""
    """What is said there."""
    _opened: int = 0
    trail: list[ViewScreen | None]
    """Where somebody came through, as it was left; None stands for the messages. Each place is
    there once at most."""

    def set_filter(self, text: str) -> None:
        raise NotImplementedError

    def set_unit(self, unit: str) -> None:
        """Show lines of another kind."""
        raise NotImplementedError

    def action_view(self, name: str) -> None:
        """Open a view over this screen."""
        row = self.messages.row
        connection = self.connections.connection
        if connection is None and row is not None:
            connection = self.session.value(row, "connection")
        self.open_view(name, Focus(row, connection), None)

    def open_view(self, name: str, focus: Focus, came: ViewScreen | None) -> None:
        """Open a view; `came` is where from (None: from the messages)."""
        item = view(name)
        if item is None:
            return
        self.trail.append(came)
        self._arrive(name)
        if name == self.start:
            self._forget(*self.trail)
        screen = item.open(self.session, focus)
        self._opened += 1
        self.app.install_screen(screen, f"{name}-{self._opened}")  # it outlives being closed
        self._present(screen)

    def _present(self, screen: ViewScreen) -> None:
        known, screen.snapshot = screen.snapshot, self.snapshot
        screen.rates = self.rates
        screen.root = not self.trail and self.start == screen.NAME
        self.app.push_screen(screen, partial(self._left, screen))
        if screen.is_mounted:
            screen.say("")
            if self.snapshot is not None and self.snapshot is not known:
                screen.update(self.snapshot)
            screen.wake()

    async def furnish(self) -> None:
        """Make the panes, if that was put off."""
        raise NotImplementedError

    async def _left(self, screen: ViewScreen, target: Jump | None) -> None:
        """A view was closed: go back, or where it points."""
        await self.furnish()
        if target is None:
            self._go_back(screen.NAME)
            self._forget(screen)
        else:
            self.jump(target, screen)
        for closed in self.trail:
            if closed is not None and closed not in self.app.screen_stack:
                closed.rest()

    def _arrive(self, name: str) -> None:
        """Take a place out of the trail: it is where one stands now."""
        self._forget(*(item for item in self.trail if (item.NAME if item else MESSAGES) == name))

    def _forget(self, *screens: ViewScreen | None) -> None:
        """Let go of closed views."""
        for screen in screens:
            if screen in self.trail:
                self.trail.remove(screen)
            if screen is not None and screen not in self.app.screen_stack:
                self.app.uninstall_screen(screen)
                screen.remove()

    @property
    def can_go_back(self) -> bool:
        """Whether q on the messages leads to a view, not out of the program."""
        return bool(self.trail) or self.start is not None

    def go_back(self) -> None:
        """Return from the messages to where one came from; quit where the program began."""
        self._go_back(MESSAGES)

    def _go_back(self, name: str) -> None:
        if self.trail:
            screen = self.trail.pop()
            if screen is not None:
                self._present(screen)
            else:
                self.at_messages()
        elif name == (self.start or MESSAGES):
            self.app.exit(0)
        elif self.start is not None:
            self.action_view(self.start)
        else:
            self.at_messages()

    def at_messages(self) -> None:
        """The messages are what is seen now."""
        self.set_focus(self.messages)
        self.bars()

    def update_views(self, snapshot: Snapshot) -> None:
        """Tell the open views what is new."""
        for screen in self.app.screen_stack:
            if isinstance(screen, ViewScreen):
                screen.snapshot = snapshot
                if screen.is_mounted:
                    if snapshot.done:
                        screen.say("")  # what was said of loading is past
                    screen.update(snapshot)

    def jump(self, target: Jump, came: ViewScreen | None = None) -> None:
        """Go where a view points; `came` is that view."""
        if target.view is not None:
            self.open_view(target.view, Focus(target.row, target.connection), came)
            return
        if came is not None:
            self.trail.append(came)
            self._arrive(MESSAGES)
        row, note = target.row, ""
        if row is None and target.diagnostic is not None:
            row, note = self._evidence(target.diagnostic)
            if row is None:
                self.say("no message belongs to this finding, and none follows it", "warning")
                return
        if target.connection is not None:
            self.connections.choose(target.connection)
        if target.filter is not None:
            self.only_marked = False
            self.set_filter(target.filter)
        if row is not None:
            self.show_row(row, note)
        self.at_messages()

    def _evidence(self, item: Diagnostic) -> tuple[int | None, str]:
        """Return the message a finding is about, else the next one of its connection and a word
        about that; what the list hides counts, too."""
        row = self.messages.findings.row_of(item)
        if row is None and item.message:
            row = row_of(self.session, item.message)
        if row is None and item.connection and item.frame is not None:
            rows = rows_of(self.session, int(item.connection[1:]))
            later = rows[self.session.messages.column("last_frame")[rows] >= item.frame]
            if len(later):
                text = f"no message belongs to frame {item.frame}; this is the next one"
                return int(later[0]), text
        return row, ""

    def show_row(self, row: int, note: str = "") -> None:
        """Put the cursor on a message, with a word about it; what hides it is lifted."""
        self.aim, self._aim_note = row, note
        if row < 0 and self.unit != UNITS[0]:
            self.set_unit(UNITS[0])  # only among messages do handshakes and gaps have lines
        lifted = self.lift(row)
        if lifted:
            self._aim_note = f"{note}; {lifted}" if note else lifted
            self.pick()
        self.hit_aim()

    def hit_aim(self) -> None:
        """Called when other rows are shown: go to the row that was waited for."""
        if self.aim is not None:
            position = self.messages.listing.place(self.aim)
            if position is not None:
                self.aim = None
                self.messages.goto(position)
                if self._aim_note:
                    self.say(self._aim_note)
