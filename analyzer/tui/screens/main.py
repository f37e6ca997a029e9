"""The main screen: connections, messages, tree and bytes on one session."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from analyzer.interim import Pace
from analyzer.tui.completion import Completion
from analyzer.tui.details import Details
from analyzer.tui.keys import (
    COLUMNS,
    HEX,
    LIST,
    MAIN,
    MOUSE,
    MOVE,
    PALETTE,
    PROMPT,
    QUIT,
    TREE,
    view_keys,
)
from analyzer.tui.loader import Loader, Snapshot
from analyzer.tui.picker import Picker
from analyzer.tui.rates import Rates
from analyzer.tui.screens.copying import Copying
from analyzer.tui.screens.jumps import Jumps
from analyzer.tui.screens.telling import Telling
from analyzer.tui.state import State
from analyzer.tui.values import Values
from analyzer.tui.views import Focus
from analyzer.tui.widgets.bars import Bar
from analyzer.tui.widgets.connections import ConnectionList
from analyzer.tui.widgets.hex import HexPane
from analyzer.tui.widgets.lines import Lines
from analyzer.tui.widgets.messages import MessageList
from analyzer.tui.widgets.panes import Panes
from analyzer.tui.widgets.prompt import Prompt
from analyzer.tui.widgets.tree import TreePane

if TYPE_CHECKING:
    from analyzer.session import Session

SOON: Final = 0.5
"""Seconds after which the panes are made though nothing was indexed."""
SPACE_TITLES: Final = {"message": "message", "stream": "TCP stream", "file": "capture file"}
THEMES: Final = ("textual-dark", "textual-light")


class Progress(Message):
    """The loader has more (posted from its thread)."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot


class MainScreen(Telling, Jumps, Copying):
    """Four panes, a prompt and three bars."""

    BINDINGS: ClassVar[list[BindingType]] = [*MAIN, *view_keys()]
    AUTO_FOCUS = "#messages"

    def __init__(self, session: Session, filter_text: str | None = None) -> None:
        super().__init__()
        self.session = session
        self.loader = Loader(session, self._tell)
        self.picker = Picker(session)
        self.number = ""
        self.filter_text = ""
        self._start_filter = filter_text or ""
        self.trail = []
        self.snapshot = None
        self._early: Snapshot | None = None
        """What was indexed before there was a screen to show it."""
        self._ready = False
        self._furnishing = False
        self._pending = False
        self._listed = False
        self.top_bar, self.status_bar, self.key_bar = (Bar(id=n) for n in ("top", "status", "keys"))
        self.rates = Rates()
        self.pace = Pace()
        self.messages = MessageList(session, id="messages")
        self.messages.empty = ["Waiting for messages …"]
        self.connections = ConnectionList(session, id="connections")
        self.tree_pane = TreePane(id="tree")
        self.hexes = HexPane(id="hex")
        self.panes = Panes(self.connections, self.messages, self.tree_pane, self.hexes)
        self.details = Details(session, self.tree_pane, self.hexes)
        self.prompt = Prompt(
            self.problem, self.doubt, Completion(_field_names, Values(session).of), id="prompt"
        )

    def restore(self, state: State) -> None:
        """Take over what was remembered, before the screen is made."""
        self.panes.layout_name = self.panes.picked = state.layout
        self.panes.shares = dict(state.shares)
        self.messages.chosen = {unit: tuple(names) for unit, names in state.columns.items()}
        self.prompt.history = {mode: list(texts) for mode, texts in state.history.items()}

    def remember(self) -> State:
        """Return what is to be remembered of this screen."""
        columns = {unit: list(names) for unit, names in self.messages.chosen.items()}
        panes = self.panes
        return State("", panes.picked, panes.shares, columns, self.prompt.history)

    def compose(self) -> ComposeResult:
        if self._start_filter:
            self.start = None
        self.furnished = self.start is None
        if self.furnished:
            yield from self._widgets()

    def _widgets(self) -> Iterator[Widget]:
        yield self.top_bar
        yield self.panes
        yield self.prompt
        yield self.status_bar
        yield self.key_bar

    def on_mount(self) -> None:
        self._titles()
        if self._start_filter:
            self.set_filter(self._start_filter)
        self._ready = True
        if self._early:
            self.on_progress(Progress(self._early))
        if self.start:
            self.open_view(self.start, Focus(), None)
            self.trail.clear()  # the program begins here
            self.set_timer(SOON, self.furnish)
        self.start_clock()
        self.bars()

    async def furnish(self) -> None:
        """Make the panes, which take a tenth of a second, where a view covered them at first."""
        if self._furnishing or self.furnished:
            return
        self._furnishing = True
        await self.mount(*self._widgets())
        self.furnished = True
        if self.snapshot is not None:
            self._fill(self.snapshot)
        self.panes.fit()
        self.bars()

    def _titles(self) -> None:
        self.connections.set_title("Connections")
        self.messages.set_title(self.list_title())
        self.tree_pane.set_title(self.details.title)
        self.hexes.set_title(f"Bytes: {SPACE_TITLES[self.details.space]}")

    # Data coming in

    def on_progress(self, message: Progress) -> None:
        self.on_progress_of(self.note(message.snapshot))

    def on_progress_of(self, snapshot: Snapshot) -> None:
        started = time.monotonic()
        if snapshot.done:
            self.picker.forget()
        if self.snapshot is None and (self.live or self.session.options.endless):
            self.messages.follow = True
        self.snapshot = snapshot
        if self.furnished:
            self._fill(snapshot)
        else:
            self.call_after_refresh(self.furnish)  # the view's first rows come first
        self.update_views(snapshot)
        if snapshot.done:
            self.ended()
        self.bars()
        self.loader.shown_in = time.monotonic() - started
        self.call_after_refresh(self.loader.seen)

    def _fill(self, snapshot: Snapshot) -> None:
        """Show in the panes what was indexed."""
        self.connections.update(snapshot.findings, snapshot.done)
        self.panes.fit()
        self.pick(asked=False)
        if snapshot.done:
            self.unsay(self.said)  # what was said of loading is past
            self.finished()

    def _tell(self, snapshot: Snapshot) -> None:
        self._early = snapshot
        if self._ready:
            self.post_message(Progress(snapshot))

    def listed(self, renewed: bool) -> None:
        if not self._listed:
            self._listed = True
            self.set_timer(1, _collect)
        self.hit_aim()
        if self.messages.place is None:
            self.details.clear()
        elif renewed or self.details.shows != (self.messages.listing.UNIT, self.messages.place):
            self._soon()
        self._titles()
        self.bars()

    # Panes and their links

    @on(Lines.Moved, "#messages")
    def _message_moved(self) -> None:
        if self.messages.cursor < len(self.messages.listing) - 1:
            self.messages.follow = False
        if self.said is not None and self.said.line != self.messages.cursor:
            self.unsay(self.said)
        self._soon()
        self.bars()

    def _soon(self) -> None:
        """Decode the message after the list has repainted; only the last one counts."""
        if not self._pending:
            self._pending = True
            self.call_after_refresh(self._show_details)

    def catch_up(self) -> None:
        if self._pending:
            self._show_details()

    def _show_details(self) -> None:
        self._pending = False
        messages = self.messages
        if messages.place is not None:
            self.details.show(messages.listing, messages.cursor, messages.findings)
            self._titles()

    @on(Lines.Chosen, "#messages")
    def _message_chosen(self) -> None:
        self.tree_pane.focus()

    @on(Lines.Moved, "#connections")
    def _connection_moved(self) -> None:
        self.pick()

    @on(Lines.Chosen, "#connections")
    def _connection_chosen(self) -> None:
        self.messages.focus()

    @on(Lines.Moved, "#tree")
    def _field_moved(self) -> None:
        self.details.link()

    @on(HexPane.ByteMoved)
    def _byte_moved(self, event: HexPane.ByteMoved) -> None:
        self.details.byte_moved(event.space, event.offset, event.reveal)

    @on(HexPane.Outside)
    def _byte_outside(self, event: HexPane.Outside) -> None:
        self.say(event.text)

    def action_space(self) -> None:
        self.details.next_space()
        self._titles()

    # Prompt

    @on(Prompt.Submitted)
    def _submitted(self, event: Prompt.Submitted) -> None:
        self._close_prompt()
        if event.mode == "filter":
            self.set_filter(event.text)
        elif event.mode == "find":
            self.search_for(event.text)
        else:
            self.goto(event.text)

    def _close_prompt(self) -> None:
        self.prompt.close()
        self.set_focus(self.messages)

    # Leaving, copying, help

    def action_escape(self) -> None:
        if self.prompt.is_open:
            self._close_prompt()
        elif self.number:
            self.number = ""
        elif self.panes.zoomed:
            self.action_zoom()
        elif self.searching:
            self.workers.cancel_group(self, "find")
            self.say("search stopped")
        elif not self.done and not self.live:
            self.loader.cancel()
            self.say("stopping …")
        elif self.filter_text:
            self.set_filter("")
        elif self.only_marked:
            self.action_only_marked()
        elif self.can_go_back:
            self.go_back()
        elif self.connections.connection is not None:
            self.connections.move_to(0)
        self.bars()

    def action_back(self) -> None:
        if self.panes.zoomed:
            self.action_zoom()
        else:
            self.go_back()

    def action_help(self) -> None:
        from analyzer.tui.screens.help import HelpScreen

        self.app.push_screen(
            HelpScreen(
                [
                    ("Messages, tree and bytes", [*MAIN, QUIT, PALETTE]),
                    ("Views", view_keys()),
                    ("Every pane", MOVE),
                    ("List", LIST),
                    ("Tree", TREE),
                    ("Bytes", HEX),
                    ("Typing a filter, a search, a place", PROMPT),
                    ("Choosing columns", COLUMNS),
                    ("Mouse", MOUSE),
                ]
            )
        )

    # Layout

    def action_layout(self) -> None:
        self.say(f"layout: {self.panes.next_layout()}")

    def action_zoom(self) -> None:
        pane = self.focused if isinstance(self.focused, Lines) else None
        self.panes.zoom(None if self.panes.zoomed else pane)

    def action_grow(self, step: int) -> None:
        if isinstance(self.focused, Lines):
            self.panes.grow(self.focused, step)

    def action_theme(self) -> None:
        dark = self.app.current_theme.dark
        self.app.theme = THEMES[1] if dark else THEMES[0]
        self.say(f"theme: {self.app.theme}")

    def on_resize(self) -> None:
        if self.furnished:
            self.panes.fit()
        self.bars()

    def on_descendant_focus(self) -> None:
        self.catch_up()
        self.bars()


def _collect() -> None:
    """Turn the garbage collection on: everything up to here stays."""
    gc.freeze()
    gc.enable()


def _field_names() -> dict[str, str]:
    """Return the filter's fields and what each is."""
    from analyzer import filters

    return {field.name: field.description for field in filters.fields()}
