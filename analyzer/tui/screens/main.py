"""The main screen: connections, messages, tree and bytes on one session."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.worker import get_current_worker

from analyzer.tui.details import Details
from analyzer.tui.explain import nothing
from analyzer.tui.field_filter import combine, expression
from analyzer.tui.keys import HEX, MAIN, TREE
from analyzer.tui.loader import Loader, Snapshot
from analyzer.tui.model import Findings, Picker, RowFilter, Rows
from analyzer.tui.screens.jumps import Jumps
from analyzer.tui.summary import top_line
from analyzer.tui.widgets.bars import Bar, Piece, hints, meter
from analyzer.tui.widgets.connections import ConnectionList
from analyzer.tui.widgets.hex import HexPane
from analyzer.tui.widgets.lines import Lines
from analyzer.tui.widgets.messages import MessageList
from analyzer.tui.widgets.panes import Panes
from analyzer.tui.widgets.prompt import Problem, Prompt
from analyzer.tui.widgets.tree import TreePane

if TYPE_CHECKING:
    from analyzer.session import Session

SPACE_TITLES: Final = {"message": "message", "stream": "TCP stream", "file": "capture file"}


class Progress(Message):
    """The loader has more (posted from its thread)."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot


class MainScreen(Jumps):
    """Four panes, a prompt and three bars."""

    BINDINGS: ClassVar[list[BindingType]] = [*MAIN]
    AUTO_FOCUS = "#messages"

    def __init__(self, session: Session, filter_text: str | None = None) -> None:
        super().__init__()
        self.session = session
        self.loader = Loader(session, self._tell)
        self.number = ""
        self.filter_text = ""
        self._start_filter = filter_text or ""
        self._filter: RowFilter | None = None
        self._picker = Picker(session)
        self._snapshot: Snapshot | None = None
        self._early: Snapshot | None = None
        """What was indexed before there was a screen to show it."""
        self._ready = False
        self._pending = False
        self._picking = False
        self._said: Piece | None = None
        self.messages = MessageList(session, id="messages")
        self.connections = ConnectionList(session, id="connections")
        self.tree_pane = TreePane(id="tree")
        self.hexes = HexPane(id="hex")
        self.panes = Panes(self.connections, self.messages, self.tree_pane, self.hexes)
        self.details = Details(session, self.tree_pane, self.hexes)
        self.prompt = Prompt(self._problem, _field_names, id="prompt")

    def compose(self) -> ComposeResult:
        yield Bar(id="top")
        yield self.panes
        yield self.prompt
        yield Bar(id="status")
        yield Bar(id="keys")

    def on_mount(self) -> None:
        self._titles()
        if self._start_filter:
            self.set_filter(self._start_filter)
        self._ready = True
        if self._early:
            self.on_progress(Progress(self._early))
        self.bars()

    def _titles(self) -> None:
        self.connections.set_title("Connections")
        shown, total = len(self.messages.rows), len(self._snapshot.order) if self._snapshot else 0
        text = f"{shown:,} of {total:,}" if shown != total else f"{total:,}"
        self.messages.set_title(f"Messages {text}")
        row = self.details.row
        self.tree_pane.set_title(self.session.message_id(row) if row is not None else "Message")
        self.hexes.set_title(f"Bytes: {SPACE_TITLES[self.details.space]}")

    @property
    def _done(self) -> bool:
        return self._snapshot is not None and self._snapshot.done

    # Data coming in

    def on_progress(self, message: Progress) -> None:
        snapshot = message.snapshot
        if snapshot.done:
            self._picker.forget()
        self._snapshot = snapshot
        self.connections.update(snapshot.findings, snapshot.done)
        self.panes.fit()
        self._pick()
        if snapshot.done:
            self._finished()
        self.bars()

    def _tell(self, snapshot: Snapshot) -> None:
        self._early = snapshot
        if self._ready:
            self.post_message(Progress(snapshot))

    def _finished(self) -> None:
        if not len(self.session.messages):
            self.messages.empty = nothing(self.session)
            self.panes.empty = True
            self.panes.rearrange()
            self.messages.refresh()

    def _pick(self) -> None:
        """Show the rows that pass connection and filter; a worker finds them."""
        if self._snapshot is None:
            return
        order, found = self._snapshot.order, self._snapshot.findings
        connection, row_filter = self.connections.connection, self._filter
        if connection is None and row_filter is None:
            self.workers.cancel_group(self, "rows")
            self._show_rows(order, found)
            return

        self._picking = True

        def work() -> None:
            worker = get_current_worker()
            rows = self._picker.pick(order, connection, row_filter, lambda: worker.is_cancelled)
            if rows is not None and not worker.is_cancelled:
                self.app.call_from_thread(self._show_rows, rows, found)

        self.run_worker(work, thread=True, exclusive=True, group="rows")

    def _show_rows(self, rows: Rows, found: Findings) -> None:
        if len(self.session.messages) or not self._done:
            waiting = (
                "Indexing …" if not self._done else "No message passes here. Esc clears the filter."
            )
            self.messages.empty = [waiting]
        self._picking = False
        renewed = found is not self.messages.findings
        self.messages.set_rows(rows, found)
        if self.messages.row is None:
            self.details.clear()
        elif renewed or self.details.row != self.messages.row:
            self._soon()
        self._titles()
        self.bars()

    # Panes and their links

    @on(Lines.Moved, "#messages")
    def _message_moved(self) -> None:
        self._soon()
        self.bars()

    def _soon(self) -> None:
        """Decode the message after the list has repainted; only the last one counts."""
        if not self._pending:
            self._pending = True
            self.call_after_refresh(self._show_details)

    def _show_details(self) -> None:
        self._pending = False
        row = self.messages.row
        if row is not None:
            self.details.show(row, self.messages.findings)
            self._titles()

    @on(Lines.Chosen, "#messages")
    def _message_chosen(self) -> None:
        self.tree_pane.focus()

    @on(Lines.Moved, "#connections")
    def _connection_moved(self) -> None:
        self._pick()

    @on(Lines.Chosen, "#connections")
    def _connection_chosen(self) -> None:
        self.messages.focus()

    @on(Lines.Moved, "#tree")
    def _field_moved(self) -> None:
        self.details.link()

    @on(HexPane.ByteMoved)
    def _byte_moved(self, event: HexPane.ByteMoved) -> None:
        self.details.byte_moved(event.space, event.offset, event.reveal)

    def action_space(self) -> None:
        self.details.next_space()
        self._titles()

    # Filter

    def _problem(self, text: str) -> Problem | None:
        from analyzer import filters

        try:
            filters.compile(text)
        except filters.FilterError as error:
            return error.message, error.position, error.length
        return None

    def set_filter(self, text: str) -> None:
        """Apply a filter; an empty one clears. An invalid one opens the prompt."""
        from analyzer import filters

        text = text.strip()
        if text and self._problem(text):
            self.prompt.open("filter", text)
            return
        self.prompt.remember("filter", text)
        self.filter_text = text
        self._filter = filters.compile(text) if text else None
        self._pick()
        self.bars()

    def _passes(self, text: str) -> bool:
        """Say whether a filter is valid and passes the message that is shown."""
        from analyzer import filters

        try:
            rows = np.array([self.details.row], dtype=np.int64)
            return len(filters.compile(text).rows(self.session, rows)) > 0
        except filters.FilterError:
            return False

    def action_filter(self) -> None:
        self.prompt.open("filter", self.filter_text)

    def action_apply(self, how: str) -> None:
        nodes = self.tree_pane.ancestors_and_field()
        text = expression(nodes, self._passes)
        if text is None and self.details.row is not None and 0 < len(nodes) < 3:
            text = f"type_id == {self.session.messages.column('type_id')[self.details.row]}"
        if text is None:
            self.say("the filter has no field for this line")
            return
        self.set_filter(combine(self.filter_text, text, how))
        self.say(f"filter: {self.filter_text}")

    # Prompt

    @on(Prompt.Submitted)
    def _submitted(self, event: Prompt.Submitted) -> None:
        self._close_prompt()
        if event.mode == "filter":
            self.set_filter(event.text)
        elif event.mode == "find":
            self.messages.needle = event.text.lower()
            self.messages.refresh()
            self.find(1)
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
        elif not self._done:
            self.loader.cancel()
            self.say("stopping …")
        elif self.filter_text:
            self.set_filter("")
        elif self.connections.connection is not None:
            self.connections.move_to(0)
        self.bars()

    def action_back(self) -> None:
        if self.panes.zoomed:
            self.action_zoom()
        else:
            self.app.exit(0)

    def action_copy(self) -> None:
        if self.focused is self.hexes:
            text = self.hexes.selected_bytes().hex(" ")
        elif self.focused is self.tree_pane:
            text = self.tree_pane.value_text()
        elif self.messages.row is not None:
            text = self.messages.info(self.messages.row)
        else:
            return
        self.app.copy_to_clipboard(text)
        self.say(f"copied: {text[:200]}")

    def action_help(self) -> None:
        from analyzer.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen())

    # Layout

    def action_layout(self) -> None:
        self.say(f"layout: {self.panes.next_layout()}")

    def action_zoom(self) -> None:
        pane = self.focused if isinstance(self.focused, Lines) else None
        self.panes.zoom(None if self.panes.zoomed else pane)

    def on_resize(self) -> None:
        self.panes.fit()
        self.bars()

    # Bars

    def say(self, text: str, style: str = "note") -> None:
        """Show a short message in the status line until the next one or 5 seconds."""
        self._said = (text, style)
        self.bars()
        said = self._said
        self.set_timer(5, lambda: self._unsay(said))

    def _unsay(self, said: Piece) -> None:
        if self._said is said:
            self._said = None
            self.bars()

    def on_descendant_focus(self) -> None:
        self.bars()

    def bars(self) -> None:
        if not self.is_mounted:
            return
        self.query_one("#top", Bar).show(top_line(self.session, self._done))
        self.query_one("#status", Bar).show(self._status())
        own = {self.tree_pane: TREE, self.hexes: HEX}.get(self.focused, ())  # type: ignore[call-overload]
        self.query_one("#keys", Bar).show(hints([*own, *MAIN]))

    def _status(self) -> list[Piece]:
        pieces: list[Piece] = []
        snapshot = self._snapshot
        if snapshot is None or not snapshot.done:
            fraction = snapshot.fraction if snapshot else 0.0
            text = f"indexing {meter(fraction)}" if fraction is not None else "indexing …"
            pieces.append((f"{text}  Esc stops  ", "warning"))
        elif self.loader.cancelled:
            pieces.append(("loading stopped, this is not all  ", "warning"))
        if self._picking:
            pieces.append(("filtering …  ", "warning"))
        if self.number:
            pieces.append((f"{self.number} …  ", "strong"))
        if self._said:
            pieces.append((f"{self._said[0]}  ", self._said[1]))
        total = len(self.messages.rows)
        if total:
            pieces.append((f"{self.messages.cursor + 1:,}/{total:,}  ", ""))
        if self.filter_text:
            pieces.append(("filter ", "dim"))
            pieces.append((self.filter_text, "good"))
        return pieces


def _field_names() -> list[str]:
    from analyzer import filters

    return [field.name for field in filters.fields()]
