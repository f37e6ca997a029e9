"""A capture that goes on: rates, findings so far, the end of it by Ctrl+C."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from textual.timer import Timer

from analyzer.interim import Pace, judge
from analyzer.tui.loader import Loader, Snapshot
from analyzer.tui.model import Findings, findings
from analyzer.tui.rates import Rates, Sample
from analyzer.tui.screens.base import Base
from analyzer.tui.screens.view import ViewScreen

TICK: Final = 1.0
"""Seconds between two looks at the clock: rates fall to nothing when nothing comes."""
LATE: Final = 0.2
"""Seconds between two looks for what came after a report, and nothing behind it."""


class Live(Base):
    """The main screen's part that a capture file does not need."""

    loader: Loader
    rates: Rates
    pace: Pace
    ending: bool = False
    """Somebody ended the capture; what it still holds is read."""
    _clocks: Sequence[Timer] = ()
    _came: float = 0.0
    """When something was indexed last."""
    _so_far: Findings | None = None
    """What the rules found while the capture goes on."""

    def on_progress_of(self, snapshot: Snapshot) -> None:
        """Take in that there is more."""
        raise NotImplementedError

    @property
    def live(self) -> bool:
        """Whether packets still come in."""
        return self.session.options.reading.live and not self.done

    def start_clock(self) -> None:
        if self.session.options.reading.live:
            self._clocks = [
                self.set_interval(TICK, self._tick),
                self.set_interval(LATE, self._catch_up),
            ]

    def note(self, snapshot: Snapshot) -> Snapshot:
        """Count what came, and add what the rules found so far."""
        self._came = time.monotonic()
        self._sample()
        if snapshot.done or self._so_far is None:
            return snapshot
        return replace(snapshot, findings=self._so_far)

    def _sample(self) -> None:
        capture = self.session.capture
        counts = capture.bytes_read, capture.packets, len(self.session.messages)
        self.rates.note(Sample(time.monotonic(), *counts))

    def _tick(self) -> None:
        if not self.live:
            for clock in self._clocks:
                clock.stop()
            return
        self._sample()
        self.bars()
        for screen in self.app.screen_stack:
            if isinstance(screen, ViewScreen) and screen.is_mounted:
                screen.tick()
        if self.snapshot is not None and self.pace.due() and not self._busy("judge"):
            self.run_worker(self._judge, thread=True, group="judge")

    def _catch_up(self) -> None:
        if self.live and self.loader.behind and not self._busy("behind"):
            self.run_worker(self.loader.catch_up, thread=True, group="behind")

    def _busy(self, group: str) -> bool:
        return any(item.group == group and item.is_running for item in self.workers)

    def _judge(self) -> None:
        """Let the rules look at what there is. Runs in a thread."""
        started = time.monotonic()
        silent = int((started - self._came) * 1e9)
        session = getattr(self.session, "plain", self.session)  # with --redact
        found = judge(session, silent)
        if found is not None:
            self.session.interim = found
            self.app.call_from_thread(self._judged, findings(self.session))
        self.pace.took(time.monotonic() - started)

    def _judged(self, tied: Findings) -> None:
        if self.live and self.snapshot is not None:
            self._so_far = tied
            self.on_progress_of(replace(self.snapshot, findings=tied))

    def stop_loading(self) -> bool:
        """End a capture or loading; what came stays. False where there is nothing to end."""
        if self.done:
            return False
        self.ending = self.live
        self.loader.cancel()
        return True

    def ended(self) -> None:
        """Say that no more packets come, on whatever screen is in front."""
        self.ending = False
        if self.session.options.reading.live:
            screen = self.app.screen
            tell = screen.say if isinstance(screen, ViewScreen) else self.say
            tell("the capture has ended")
