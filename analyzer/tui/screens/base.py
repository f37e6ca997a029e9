"""What the parts of the main screen share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

if TYPE_CHECKING:
    from analyzer.session import Session
    from analyzer.tui.details import Details
    from analyzer.tui.loader import Snapshot
    from analyzer.tui.widgets.connections import ConnectionList
    from analyzer.tui.widgets.hex import HexPane
    from analyzer.tui.widgets.messages import MessageList
    from analyzer.tui.widgets.prompt import Prompt
    from analyzer.tui.widgets.tree import TreePane


class Base(Screen[None]):
    """Panes and bars by name; `MainScreen` makes them."""

    session: Session
    messages: MessageList
    connections: ConnectionList
    tree_pane: TreePane
    hexes: HexPane
    details: Details
    prompt: Prompt
    snapshot: Snapshot | None
    filter_text: str
    awaited: bool = False
    """Somebody asked for what a worker is looking for: the next key waits a little."""
    furnished: bool = False
    """The panes are there."""
    number: str
    """Digits typed before ``g``."""

    def say(self, text: str, style: str = "note") -> None:
        """Show a short message in the status line."""
        raise NotImplementedError

    def bars(self) -> None:
        """Renew the three bars."""
        raise NotImplementedError

    def pick(self, asked: bool = True) -> None:
        """Show what passes connection, filter and marks, in the order wanted; not `asked`: the
        same as before, of more messages."""
        raise NotImplementedError

    def catch_up(self) -> None:
        """Decode the message under the cursor now: what a key does next is about it."""
        raise NotImplementedError

    @property
    def done(self) -> bool:
        """Whether everything was indexed."""
        return self.snapshot is not None and self.snapshot.done
