"""The base of every view that is opened over the main screen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from analyzer.tui.keys import MOVE, VIEW, view_keys
from analyzer.tui.views import Focus, Jump
from analyzer.tui.widgets.bars import Bar, Piece, hints

if TYPE_CHECKING:
    from analyzer.session import Session
    from analyzer.tui.loader import Snapshot


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

    def content(self) -> Iterable[Widget]:
        """Yield the view's widgets, from top to bottom."""
        raise NotImplementedError

    def update(self, snapshot: Snapshot) -> None:
        """Take over what was indexed since: called at once when the view opens, about ten times
        a second while indexing, and once with `snapshot.done`. Must be quick (< 30 ms): start a
        worker for what is not."""

    def compose(self) -> ComposeResult:
        yield Bar(id="view-top")
        yield from self.content()
        yield Bar(id="view-keys")

    def on_mount(self) -> None:
        self.head()
        self.say("")
        if self.snapshot is not None:
            self.update(self.snapshot)

    def head(self, *pieces: Piece) -> None:
        """Show pieces of text after the view's name."""
        self.query_one("#view-top", Bar).show([(self.NAME, "strong"), ("  ", ""), *pieces])

    def say(self, text: str, style: str = "note") -> None:
        """Show a message before the keys; an empty one takes it away."""
        said: list[Piece] = [(f"{text}  ", style)] if text else []
        self.query_one("#view-keys", Bar).show([*said, *hints([*self.own_keys(), *VIEW])])

    @classmethod
    def own_keys(cls) -> list[Binding]:
        """The keys this view adds to those every view has."""
        common = {binding.action for binding in (*VIEW, *view_keys())}
        own = [item for item in cls.BINDINGS if isinstance(item, Binding)]
        return [item for item in own if item.action not in common]

    def action_close(self) -> None:
        self.dismiss(None)

    def action_view(self, name: str) -> None:
        """Another view takes this one's place."""
        if name != self.NAME:
            self.dismiss(Jump(self.focus_at.row, None, self.focus_at.connection, None, name))

    def action_help(self) -> None:
        from analyzer.tui.screens.help import HelpScreen

        own = self.own_keys()
        sections = [(self.NAME.capitalize(), own)] if own else []
        self.app.push_screen(
            HelpScreen([*sections, ("Every view", [*VIEW, *view_keys()]), ("Lists", MOVE)])
        )
