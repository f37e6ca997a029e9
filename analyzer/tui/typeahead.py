"""Keys typed faster than the screens they lead through are made: each one waits for its turn."""

from __future__ import annotations

import asyncio
import os
import re
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final, Protocol, runtime_checkable

from textual import events
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.message import Message
from textual.screen import Screen

PATIENCE: Final = 1.0
"""Seconds after which a key is let through whatever the one before it still does."""
AWAITED: Final = 0.4
"""The same where only rows are missing that are being computed."""
STEP: Final = 0.0005
"""Seconds between two looks at what tells nobody when it is ready."""
AT_ONCE: Final = frozenset({"escape", "q", "ctrl+c", "ctrl+q"})
"""Keys that lead away: what is being computed does not matter to them."""

Typed = events.Key | events.Paste


@runtime_checkable
class Awaiting(Protocol):
    """A screen that shows what a key asked for a little later."""

    awaited: bool


class TypeAhead:
    """Lets one key through at a time, to the screen and pane that the key before it led to.

    Textual sends a key to what has the focus at that moment; what it does there it does later.
    """

    def __init__(self, app: App[int], ready: Callable[[], bool]) -> None:
        """`ready`: whether the panes are there that a key can lead to."""
        self._app = app
        self._ready = ready
        self._typed: deque[Typed] = deque()
        self._let: Typed | None = None
        self._task: asyncio.Task[None] | None = None

    def holds(self, event: events.Event) -> bool:
        """Say whether an event has to wait: the app gets it once more when its turn comes."""
        if not isinstance(event, Typed) or event.is_forwarded:
            return False
        if event is self._let:
            self._let = None
            return False
        self._typed.append(event)
        if self._task is None:
            self._task = asyncio.create_task(self._let_through())
        return True

    async def _let_through(self) -> None:
        try:
            while self._typed and self._app.is_running:
                await self._turn(self._typed[0])
                self._let = self._typed.popleft()
                self._app.post_message(self._let)
        finally:
            self._task = None

    async def _turn(self, event: Typed) -> None:
        """Wait until what was typed before `event` has done what it does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._quiet()
        if isinstance(event, events.Key) and event.key in AT_ONCE:
            return
        screen = self._top()
        if not isinstance(screen, Awaiting):
            return
        try:
            async with asyncio.timeout(AWAITED):
                while screen.awaited and screen is self._top():
                    await asyncio.sleep(STEP)
        except TimeoutError:
            screen.awaited = False  # no other key waits for that

    def _top(self) -> Screen[Any] | None:
        """Return the screen in front; none where the program is ending."""
        stack = self._app.screen_stack
        return stack[-1] if stack else None

    async def _quiet(self) -> None:
        """Wait until no message is under way between the pane with the focus and the app."""
        while not self._is_quiet():
            await asyncio.sleep(STEP)

    def _is_quiet(self) -> bool:
        """Handlers do their work without a pause, so that all that is under way is in a queue."""
        screen = self._top()
        if screen is None or not screen.is_mounted or not self._ready():
            return False
        nodes = (screen.focused or screen).ancestors_with_self
        return not any(node.message_queue_size for node in nodes)


ESCAPE: Final = re.compile(r"\x1b(?=[^\x1b\[O\x7f\b])")
"""The escape key with another one behind it; not the beginning of a key's own sequence, and not
Alt with the backspace key, which deletes a word."""
BEGINNINGS: Final = {
    "left_square_bracket": ("left_square_bracket", "["),
    "alt+shift+o": ("O", "O"),
}
"""What Textual makes of Esc and a key that together begin other keys' sequences, when nothing
follows that completes one: it forgets the Esc. Each with the key that was pressed."""
UNMISTAKABLE: Final = "\x1b[27u"
"""The escape key as kitty's keyboard protocol writes it."""


PASTE_BEGINS: Final = "\x1b[200~"
PASTE_ENDS: Final = "\x1b[201~"
MOST_PASTED: Final = 1 << 16
"""Characters kept of a paste."""
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""What no paste hands on; line ends and tabs stay."""


class EscapeParser(XTermParser):
    """Takes Esc and a key typed in one burst for what they are: Textual makes Alt of them, or
    forgets the Esc. Nothing here is bound to Alt.

    Nothing that is pasted is a key: of an Esc in it, Textual would make one.
    """

    _ends = False
    """The last thing read was an Esc, of which more may follow."""
    _tail = ""
    """The last characters read, with which a mark may begin."""
    _pasted: str | None = None
    """What was pasted so far; None outside a bracketed paste."""

    def feed(self, data: str) -> Iterable[Message]:
        if not data:  # the end of the input
            yield from super().feed(data)
        while data:
            if self._pasted is None:
                part, data, found = self._up_to(PASTE_BEGINS, data)
                yield from super().feed(self._with_escapes(part))
                self._pasted = "" if found else None
            else:
                part, data, found = self._up_to(PASTE_ENDS, data)
                pasted = self._pasted + part
                if found:
                    self._pasted = None
                    text = CONTROL.sub("", pasted.removesuffix(PASTE_ENDS))
                    yield from super().feed(text + PASTE_ENDS)
                else:
                    self._pasted = pasted[:MOST_PASTED]

    def _up_to(self, mark: str, data: str) -> tuple[str, str, bool]:
        """Split `data` behind a mark that may have begun in an earlier read; say if it is there."""
        known = self._tail + data
        at = known.find(mark)
        if at < 0:
            self._tail = known[1 - len(mark) :]
            return data, "", False
        end = at + len(mark) - len(self._tail)
        self._tail = ""
        return data[:end], data[end:], True

    def _with_escapes(self, data: str) -> str:
        """Write each Esc that is a key by itself so that it cannot be mistaken."""
        if self._ends and ESCAPE.match(f"\x1b{data}"):
            data = UNMISTAKABLE[1:] + data
        self._ends = data.endswith("\x1b")
        return ESCAPE.sub(UNMISTAKABLE, data)

    def tick(self) -> Iterable[Message]:
        for number, event in enumerate(super().tick()):
            self._ends = False  # nothing followed in time
            if self._pasted is None:
                self._tail = ""
                if not number and isinstance(event, events.Key) and event.key in BEGINNINGS:
                    yield events.Key("escape", "\x1b")
                    event = events.Key(*BEGINNINGS[event.key])
            yield event


def keep_escapes() -> None:
    """Let the terminal's driver read with `EscapeParser`."""
    if os.name == "posix":
        from textual.drivers import linux_driver

        linux_driver.XTermParser = EscapeParser  # type: ignore[attr-defined]
