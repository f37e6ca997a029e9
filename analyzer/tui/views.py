"""The views besides the message list: one line each, loaded when first opened.

A view is a `analyzer.tui.screens.view.ViewScreen`: its constructor takes the session and a
`Focus`, it is told of everything new by `update(snapshot)`, and it ends with `dismiss(None)`
(back to where one came from) or `dismiss(Jump(...))`. The main screen binds `View.key`, opens
the screen over itself and goes where the jump says.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from analyzer.model import Diagnostic
    from analyzer.session import Session
    from analyzer.tui.screens.view import ViewScreen


class Focus(NamedTuple):
    """Where a person stands when a view opens."""

    row: int | None = None
    """The message under the cursor (a row of `session.messages`); None without messages."""
    connection: int | None = None
    """Index of the connection the list is limited to, else of the message's; None: neither."""


class Jump(NamedTuple):
    """Where the main screen goes when a view closes; the first of these that is given.

    Where the current filter or connection hides the target, they are dropped.
    """

    row: int | None = None
    """The message of this row."""
    diagnostic: Diagnostic | None = None
    """The message the finding is about, else the first one its frame completes."""
    connection: int | None = None
    """List the messages of this connection only; together with `row`: at this message."""
    filter: str | None = None
    """Show only what passes this filter, from any connection not given beside it."""
    view: str | None = None
    """Open another view by its name, with a focus of `row` and `connection`."""


class View(NamedTuple):
    """A line of the table."""

    key: str
    """Textual's key name."""
    name: str
    """What `Jump.view` and the palette call it."""
    title: str
    """One line of the help sheet."""
    screen: str
    """``module:class`` of the ViewScreen."""
    hint: str = ""
    """Its word in the key bar; none: only in the help sheet."""

    def open(self, session: Session, focus: Focus) -> ViewScreen:
        """Import the module and make the screen."""
        module, name = self.screen.split(":")
        screen: ViewScreen = getattr(import_module(module), name)(session, focus)
        return screen


_SCREENS: Final = "analyzer.tui.screens"
VIEWS: Final[tuple[View, ...]] = (
    View("o", "story", "What happened, connection by connection",
         f"{_SCREENS}.story:StoryScreen", "story"),
    View("e", "findings", "What is wrong, with evidence and what to try",
         f"{_SCREENS}.findings:FindingsScreen", "findings"),
    View("L", "ladder", "Handshake, commands and replies as a sequence diagram",
         f"{_SCREENS}.ladder:LadderScreen", "ladder"),
    View("T", "timeline", "Bit rates, clocks, pictures and TCP as plots over time",
         f"{_SCREENS}.timeline:TimelineScreen", "timeline"),
    View("F", "follow", "Follow a connection, message stream or chunk stream",
         f"{_SCREENS}.follow:FollowScreen", "follow"),
    View("S", "statistics", "Counts by type, chunk stream, message stream; TCP",
         f"{_SCREENS}.statistics:StatisticsScreen"),
    View("I", "interleave", "How chunk streams share a direction, chunk by chunk",
         f"{_SCREENS}.interleave:InterleaveScreen"),
)  # fmt: skip
"""Their keys are free on the main screen: see `analyzer.tui.keys`."""
START: Final[str | None] = "story"
"""Name of the view that is open when the program starts without a filter; None: the messages."""


def view(name: str) -> View | None:
    """Return the view of that name."""
    return next((item for item in VIEWS if item.name == name), None)
