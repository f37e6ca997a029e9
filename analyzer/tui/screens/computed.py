"""The base of views whose content a worker computes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.binding import Binding, BindingType
from textual.worker import get_current_worker

from analyzer import memory
from analyzer.lookup import LARGE
from analyzer.tui.cells import count
from analyzer.tui.explain import nothing, waiting
from analyzer.tui.keys import LEAVE, MESSAGES, key, view_keys
from analyzer.tui.screens.view import ViewScreen
from analyzer.tui.summary import FOLLOWING, UPDATING, frozen, rates_now
from analyzer.tui.views import Focus, Jump
from analyzer.tui.widgets.bars import Piece
from analyzer.tui.widgets.connections import name_of, peers_of
from analyzer.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from analyzer.model import Connection
    from analyzer.session import Session
    from analyzer.tui.loader import Snapshot

INTERVAL: Final = 1.0
"""Seconds between two computations while a capture is indexed or goes on."""
SHARE: Final = 5
"""The next one waits this many times what the last one cost."""
ENDS: Final = (
    key("g", "end(True)", "First line", show="g"),
    key("G", "end(False)", "Last line", show="G"),
)
CONNECTION: Final = (
    key("c", "connection(1)", "Next connection", "connection", show="c"),
    key("C", "connection(-1)", "Previous connection", show="C"),
)


def own(*bindings: Binding) -> list[BindingType]:
    """Return a view's keys: its own, then those of all such views."""
    return [*bindings, *CONNECTION, *ENDS]


class ComputedView(ViewScreen):
    """`compute()` runs in a worker and its result is given to `shown()`.

    `WHOLE` views may show all connections at once (`connection` None), others need one.
    """

    WHOLE: ClassVar[bool] = False
    HANDSHAKES: ClassVar[bool] = False
    """Whether there is something to show of connections that end without a message."""
    GROWS: ClassVar[bool] = False
    """Whether a capture that goes on adds lines at the end: a cursor there goes with it."""
    BINDINGS: ClassVar[list[BindingType]] = own()

    def __init__(self, session: Session, focus: Focus) -> None:
        super().__init__(session, focus)
        self._chosen: Connection | None = None
        if focus.connection is not None and focus.connection < len(session.connections):
            self._chosen = session.connections[focus.connection]
        self._next = 0.0
        self._stale = False
        """Something came too soon after the last computation."""
        self.awaited = True
        self._rested = False

    # What subclasses provide

    def compute(self, connection: int | None) -> object:
        """Return what is shown; runs in a thread."""
        raise NotImplementedError

    def shown(self, data: object) -> None:
        """Show what was computed."""
        raise NotImplementedError

    def empty(self, lines: list[str]) -> None:
        """Show why there is nothing."""
        raise NotImplementedError

    def nothing_to_show(self) -> bool:
        """Whether there is nothing to compute anything from."""
        if not self.session.connections:
            return True
        done = self.snapshot is not None and self.snapshot.done
        return not len(self.session.messages) and not (done and self.HANDSHAKES)

    def let_go(self) -> bool:
        """Drop what was computed where it is much; False: it is not."""
        return False

    # When it is computed

    @property
    def connection(self) -> int | None:
        """The connection that is shown; they are renumbered when indexing ends."""
        found = self.session.connections
        if self._chosen is None and found and not self.WHOLE:
            self._chosen = found[0]
        return None if self._chosen is None else self._chosen.index

    def on_mount(self) -> None:
        super().on_mount()
        if self.snapshot is None:
            self.awaited = False
            self.empty(self._waiting())

    def update(self, snapshot: Snapshot) -> None:
        self._stale = not snapshot.done and time.monotonic() < self._next
        if not self._stale:
            self._next = float("inf")
            asked = self.awaited
            self.recompute()
            self.awaited &= asked

    def rest(self) -> None:
        self._rested = len(self.session.messages) >= LARGE and self.let_go()
        if self._rested:
            memory.give_back()

    def on_unmount(self) -> None:
        if len(self.session.messages) >= LARGE and self.let_go():
            memory.give_back()

    def wake(self) -> None:
        if self._rested:
            self._rested = False
            self.recompute()

    def recompute(self) -> None:
        """Compute anew; a computation under way is dropped."""
        if self.nothing_to_show():
            self._next = 0.0
            self.awaited = False
            more = self.snapshot is None or not self.snapshot.done
            self.empty(self._waiting() if more else nothing(self.session))
            return
        app, connection = self.app, self.connection
        self.awaited = True

        def work() -> None:
            worker = get_current_worker()
            started = time.monotonic()
            try:
                data = self.compute(connection)
            except Exception as error:  # a view that fails says so; the others go on
                data = error
            self.session.relax(whole=True)
            if len(self.session.messages) >= LARGE:
                memory.give_back()
            self._next = time.monotonic() + max(INTERVAL, SHARE * (time.monotonic() - started))
            if not worker.is_cancelled and self.is_attached:
                app.call_from_thread(self._take, data)

        self.run_worker(work, thread=True, exclusive=True, group="view")

    def _take(self, data: object) -> None:
        self.awaited = False
        if not self.is_attached:
            return
        if isinstance(data, Exception):
            self.empty([f"This view failed: {type(data).__name__}. The others still work."])
            return
        self.title_bar()
        pane = self.focused if isinstance(self.focused, Lines) else None
        at_end = pane is not None and self._at_end(pane)
        self.shown(data)
        if at_end and self.capturing and pane is not None:  # who stands there goes on with it
            pane.action_last()

    # What every such view can do

    def hinted(self) -> list[Binding]:
        """Return the keys of the key bar, the most important ones first."""
        others = [item for item in view_keys() if item.action != f"view('{self.NAME}')"]
        enter, *more = self.own_keys()
        return [enter, *LEAVE, *more, MESSAGES, *others]

    def title_bar(self, *more: Piece) -> None:
        """Name the connection that is shown."""
        connection = self.connection
        if connection is None:
            text = count(len(self.session.connections), "connection")
            self._head(text, *more)
            return
        view = self.session.connections[connection]
        role = f"  {view.role}" if view.role else ""
        text = f"{view.id}  {peers_of(view, 45)}{role}  {name_of(view)}"
        self._head(text, *more)

    def _head(self, text: str, *more: Piece) -> None:
        """Of a capture that goes on, whether the screen does comes first, how fast it is last."""
        if not self.capturing or self.rates is None:
            self.head((text, ""), *more)
            return
        state = UPDATING
        if self.GROWS and isinstance(self.focused, Lines):
            state = FOLLOWING if self._at_end(self.focused) else frozen("G")
        *rates, (words, style) = rates_now(self.session, self.rates, state)
        self.head((words.strip(), style), (f"  {text}", ""), *rates, *more)

    @on(Lines.Moved)
    def _follow_or_stay(self) -> None:
        if self.GROWS and self.capturing:
            self.title_bar()

    @staticmethod
    def _at_end(pane: Lines) -> bool:
        return 1 < pane.line_count() == pane.cursor + 1

    @property
    def capturing(self) -> bool:
        """Whether packets still come in."""
        done = self.snapshot is not None and self.snapshot.done
        return self.session.options.reading.live and not done

    def tick(self) -> None:
        """The rates go on though nothing comes, and so does waiting; what was put off is shown."""
        if self._stale and self.snapshot is not None:
            self.update(self.snapshot)
        if self.nothing_to_show():
            self.empty(self._waiting())
        self.title_bar()

    def _waiting(self) -> list[str]:
        return waiting(self.session) if self.capturing else ["Indexing …"]

    def action_connection(self, step: int) -> None:
        """Show another connection; views of the whole capture have one step for all of them."""
        found: list[Connection | None] = [*self.session.connections]
        if self.WHOLE:
            found.insert(0, None)
        if len(found) > 1:
            self._chosen = found[(found.index(self._chosen) + step) % len(found)]
            self.focus_at = Focus(None, self.connection)
            self.recompute()

    def action_end(self, first: bool) -> None:
        if isinstance(self.focused, Lines):
            if first:
                self.focused.action_first()
            else:
                self.focused.action_last()

    def action_view(self, name: str) -> None:
        """Another view takes this one's place, on the same connection."""
        if name != self.NAME:
            self.dismiss(Jump(self.row_here(), None, self.connection, None, name))
