"""The base of every view that is opened over the main screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from analyzer.tui.keys import LEAVE, MESSAGES, MOUSE, MOVE, PALETTE, QUIT, VIEW, view_keys
from analyzer.tui.views import Focus, Jump
from analyzer.tui.widgets.bars import Bar, Piece, hints

if TYPE_CHECKING:
    from analyzer.session import Session
    from analyzer.tui.loader import Snapshot
    from analyzer.tui.rates import Rates


SAID: Final = 5.0
"""Seconds a message stands in the key bar."""


class ViewScreen(Screen[Jump | None]):
    """A title bar, the view's own widgets, a bar of keys.

    Subclasses give `NAME`, `BINDINGS` (made with `keys.key`, so help and key bar know them),
    `content()` and `update()`; they call `head()` when the title changes, `say()` for a word in
    the key bar, `dismiss(Jump(...))` to go somewhere.
    """

    NAME: ClassVar[str] = ""
    """The view's name and first words of the title bar."""
    BINDINGS: ClassVar[list[BindingType]] = [*VIEW, *view_keys()]

    def __init__(self, session: Session, focus: Focus) -> None:
        super().__init__()
        self.session = session
        self.focus_at = focus
        self.snapshot: Snapshot | None = None
        """What was indexed up to now: rows in order, findings by row."""
        self.rates: Rates | None = None
        """How fast a capture comes in that goes on."""
        self.top_bar = Bar(id="view-top")
        self.key_bar = Bar(id="view-keys")
        self._silence: Timer | None = None
        self.root = False
        """The program began here: q ends it."""
        self.awaited = False
        """What the last key asked for is being computed: the next one waits a little."""

    def content(self) -> Iterable[Widget]:
        """Yield the view's widgets, from top to bottom."""
        raise NotImplementedError

    def update(self, snapshot: Snapshot) -> None:
        """Take over what was indexed since: called at once when the view opens, about ten times
        a second while indexing, and once with `snapshot.done`. Must be quick (< 30 ms): start a
        worker for what is not."""

    def rest(self) -> None:
        """Give up what takes much memory: the view was closed, but may be shown again."""

    def wake(self) -> None:
        """Get it again: the view is shown again."""

    def tick(self) -> None:
        """A second has passed while a capture goes on."""

    def compose(self) -> ComposeResult:
        yield self.top_bar
        yield from self.content()
        yield self.key_bar

    def on_mount(self) -> None:
        self.head()
        self.say("")
        if self.snapshot is not None:
            self.update(self.snapshot)

    def head(self, *pieces: Piece, short: Sequence[Piece] = ()) -> None:
        """Show pieces of text after the view's name; `short` ones on narrow terminals."""
        name: list[Piece] = [(self.NAME, "strong"), ("  ", "")]
        self.top_bar.show([*name, *pieces], [*name, *short] if short else [])

    def say(self, text: str, style: str = "note") -> None:
        """Show a message before the keys; an empty one takes it away."""
        said: list[Piece] = [(f"{text}  ", style)] if text else []
        keys = [replace(item, tooltip="quit") if self._quits(item) else item
                for item in self.hinted()]  # fmt: skip
        self.key_bar.show([*said, *hints(keys)])
        if self._silence is not None:
            self._silence.stop()
        self._silence = self.set_timer(SAID, lambda: self.say("")) if text else None

    def _quits(self, item: Binding) -> bool:
        return self.root and item.action == "close"

    def hinted(self) -> list[Binding]:
        """Return the keys of the key bar, the most important ones first."""
        return [*LEAVE, *self.own_keys(), MESSAGES]

    @classmethod
    def own_keys(cls) -> list[Binding]:
        """The keys this view adds to those every view has."""
        common = {binding.action for binding in (*VIEW, *view_keys())}
        own = [item for item in cls.BINDINGS if isinstance(item, Binding)]
        return [item for item in own if item.action not in common]

    def action_close(self) -> None:
        """Go back; where the program began, end it."""
        self.dismiss(None)

    def action_leave(self) -> None:
        """Go back, but never out of the program."""
        if self.root:
            self.say("q quits")
        else:
            self.dismiss(None)

    def action_messages(self) -> None:
        """Go to the message list."""
        self.dismiss(Jump(self.row_here()))

    def row_here(self) -> int | None:
        """Return the message under the cursor."""
        return self.focus_at.row

    def action_view(self, name: str) -> None:
        """Another view takes this one's place."""
        if name != self.NAME:
            self.dismiss(Jump(self.focus_at.row, None, self.focus_at.connection, None, name))

    def action_help(self) -> None:
        from analyzer.tui.screens.help import HelpScreen, Section

        own = self.own_keys()
        mine = {item.key for item in own}
        every = [item for item in (*VIEW, *view_keys()) if item.key not in mine]
        sections: list[Section] = [(self.NAME.capitalize(), own)] if own else []
        sections += [("Every view", [*every, QUIT, PALETTE]), ("Lists", MOVE), ("Mouse", MOUSE)]
        self.app.push_screen(HelpScreen(sections))
