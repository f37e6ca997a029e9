"""The composition root: one session, one screen."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from analyzer.tui import state
from analyzer.tui.drawing import on_the_terminal
from analyzer.tui.keys import MAIN
from analyzer.tui.palette import ViewCommands
from analyzer.tui.screens.main import MainScreen
from analyzer.tui.screens.view import ViewScreen
from analyzer.tui.state import State
from analyzer.tui.typeahead import TypeAhead, keep_escapes
from analyzer.tui.views import START

if TYPE_CHECKING:
    from analyzer.session import Session


GRACE: Final = 3.0
"""Seconds that leaving may take when the system says so."""
KEPT_EVERY: Final = 1.0
"""Seconds after which a new habit is written at the latest."""


HEIGHTS: Final = [(0, "-tiny"), (8, "-small"), (14, "-roomy")]
"""Screens have the class of their height: from so many lines on."""


class AnalyzerApp(App[int]):
    """Shows a session that indexes in the background."""

    TITLE = "rtmp-analyze"
    VERTICAL_BREAKPOINTS = HEIGHTS
    COMMANDS = App.COMMANDS | {ViewCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", show=False, priority=True),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]

    def __init__(
        self,
        session: Session,
        filter_text: str | None = None,
        remembered: State | None = None,
        place: Path | None = None,
    ) -> None:
        """`place`: the file where what is remembered is kept; None: nowhere."""
        super().__init__()
        self.animation_level = "none"  # an animated page costs 6 times a plain one
        remembered = remembered or State()
        if remembered.theme in self.available_themes:
            self.theme = remembered.theme
        self._recent = remembered.recent
        self._typeahead = TypeAhead(self, lambda: self.main.furnished)
        self.main = MainScreen(session, filter_text)
        self.main.restore(remembered)
        self._place = place
        self._kept: State | None = None
        self.main.loader.start()  # the first rows are there when the first screen is drawn

    def on_load(self) -> None:
        """Leave in order when told to go: the terminal is restored."""
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None:
                with suppress(NotImplementedError, RuntimeError):  # not on every system
                    loop.add_signal_handler(number, self._told_to_go, 128 + number)

    def on_mount(self) -> None:
        self.set_interval(KEPT_EVERY, self.keep)

    def _told_to_go(self, code: int) -> None:
        """Leave; at once where Textual waits for a terminal that is gone to take what it wrote."""
        last = threading.Timer(GRACE, os._exit, (code,))
        last.daemon = True
        last.start()
        self.keep()
        self.exit(code)

    def remember(self) -> State:
        """Return what is to be remembered."""
        return replace(self.main.remember(), theme=self.theme, recent=self._recent)

    def keep(self) -> None:
        """Write what is to be remembered, if it has changed: a terminal may be gone any time."""
        now = self.remember()
        if self._place is not None and now != self._kept:
            state.save(self._place, now)
            self._kept = deepcopy(now)

    def action_interrupt(self) -> None:
        """What ends a capture everywhere ends it here, too; the program goes on."""
        screen = self.screen
        tell = screen.say if isinstance(screen, ViewScreen) else self.main.say
        if not self.main.stop_loading():
            tell("ctrl+q quits")
        elif screen is self.main and self.main.ending:
            self.main.bars()  # they say so
        else:
            tell("ending it …")

    def get_default_screen(self) -> Screen[None]:
        return self.main

    async def on_event(self, event: events.Event) -> None:
        if not self._typeahead.holds(event):
            await super().on_event(event)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every key of the main screen by its description, then Textual's own (theme, quit …)."""
        if isinstance(screen, MainScreen):
            for binding in MAIN:
                if not binding.action.startswith("app."):
                    yield SystemCommand(
                        binding.description,
                        f"key {binding.key_display}",
                        lambda action=binding.action: self.call_next(screen.run_action, action),
                    )
        yield from super().get_system_commands(screen)


SWITCH: Final = 0.0005
"""Seconds after which a thread that computes lets the interface have the interpreter, when it asks;
a tenth of Python's own, of which a key press would take a dozen."""


def run(
    session: Session,
    filter_text: str | None = None,
    redact: bool = False,
    paths: Sequence[str] = (),
) -> int:
    """Show `session` (not yet run) until somebody quits; return the exit code.

    `redact`: placeholders and stars stand in place of stream names and other secrets. `paths` are
    the captures, to be offered next time.

    What made indexing fail is raised once the terminal is back to normal.
    """
    sys.setswitchinterval(SWITCH)
    keep_escapes()
    place = state.path()
    if redact:
        from analyzer.tui.hiding import Hidden

        session = Hidden(session)
    known = state.load(place)
    known.opened(paths)
    app = AnalyzerApp(session, filter_text, known, place)
    app.keep()  # the capture is offered next time, however this ends
    app.main.start = START
    with on_the_terminal():
        code = app.run()
    app.keep()
    loader = app.main.loader
    if not loader.cancelled:
        loader.cancel()
    loader.join(timeout=2)
    if loader.failure is not None:
        raise loader.failure
    if code is None:  # ended without a choice: a crash has printed its report
        return app.return_code or 0
    return code
