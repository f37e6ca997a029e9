"""Runs the session in a thread and tells the interface what is there so far."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from analyzer.tui.listings.base import Rows
from analyzer.tui.listings.extras import Extras, Gatherer
from analyzer.tui.listings.order import Ordering
from analyzer.tui.model import Findings, findings

if TYPE_CHECKING:
    from analyzer.session import Session

INTERVAL: Final = 0.1
"""Seconds between two reports at least; sorting must not eat the time of indexing."""
LIVE_INTERVAL: Final = 0.4
"""The same of a capture that goes on for hours: each report is a screen drawn anew."""
SHARE: Final = 10
"""A report waits this many times what the last one cost."""
PATIENCE: Final = 0.5
"""Seconds after which indexing goes on though nobody has seen the first report."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was indexed up to one moment."""

    order: Rows
    findings: Findings
    fraction: float | None
    """0 … 1; None when the size of the capture is unknown."""
    done: bool = False
    extras: Extras = field(default_factory=lambda: Extras([]))
    """Handshakes and gaps, which stand between the messages."""


class Loader:
    """One thread that indexes. `tell` is called from it and must be thread-safe."""

    def __init__(self, session: Session, tell: Callable[[Snapshot], None]) -> None:
        self.failure: Exception | None = None
        self.cancelled = False
        self.shown_in = 0.0
        """Seconds the interface needed for the last snapshot; told by whom `tell` reaches."""
        self._session = session
        self._tell = tell
        self._next = 0.0
        self._findings = Findings()
        self._gatherer = Gatherer()
        self._ordering = Ordering()
        self._interval = LIVE_INTERVAL if session.options.reading.live else INTERVAL
        self._seen = threading.Event()
        self._reporting = threading.Lock()
        self._told = (0, 0)
        """Messages and connections of the last report."""
        self._ended = False
        # A daemon: quitting never waits for a capture to end.
        self._thread = threading.Thread(target=self._run, name="indexing", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def seen(self) -> None:
        """The first report is on the screen: indexing may have the interpreter again."""
        self._seen.set()

    def cancel(self) -> None:
        """Stop after the batch under way; a live capture ends, and its report follows."""
        if self._session.options.reading.live:
            self._session.stop()
            return
        self.cancelled = True
        self._session.cancel()

    def join(self, timeout: float) -> None:
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def behind(self) -> bool:
        """Whether more was indexed than was reported: input that pauses brings no next batch."""
        due = not self._ended and time.monotonic() >= self._next
        return due and bool(len(self._session.messages)) and self._told != self._counts()

    def catch_up(self) -> None:
        """Report what is there though no batch comes. Runs in a thread of its own."""
        with self._session.steady:
            self._report(done=False)

    def _counts(self) -> tuple[int, int]:
        return len(self._session.messages), len(self._session.connections)

    def _run(self) -> None:
        try:
            if not self._session.done:
                self._session.run(self._progress)
        except Exception as error:  # kept for the one who started the interface
            self.failure = error
        self._report(done=True)

    def _progress(self, session: Session) -> bool:
        started = time.monotonic()
        if started >= self._next and len(session.messages):
            self._report(done=False)
            cost = time.monotonic() - started + self.shown_in
            self._seen.wait(PATIENCE)
            self._seen.set()
            self._next = time.monotonic() + max(self._interval, SHARE * cost)
        return not self.cancelled

    def _report(self, done: bool) -> None:
        with self._reporting:
            if not self._ended:
                self._ended = done
                self._tell(self._snapshot(done))

    def _snapshot(self, done: bool) -> Snapshot:
        session = self._session
        self._told = self._counts()
        if done or len(session.diagnostics) != self._findings.total:
            self._findings = findings(session)
        size = session.capture.size
        fraction = min(session.capture.bytes_read / size, 1.0) if size else None
        extras = self._gatherer.gather(session)
        order = self._ordering.of(session.messages, anew=done)
        return Snapshot(order, self._findings, fraction, done, extras)
