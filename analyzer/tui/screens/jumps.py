"""Moving about in the message list: go to, find, next finding, keyframe, command, mark."""

from __future__ import annotations

import time
from typing import Final

import numpy as np
from textual import events
from textual.worker import get_current_worker

from analyzer.tui import search
from analyzer.tui.hunting import Hunt
from analyzer.tui.listings.base import Listing
from analyzer.tui.model import (
    Target,
    Test,
    after_frame,
    commands,
    keyframes,
    locate,
    parse_target,
    seek,
)
from analyzer.tui.screens.hidings import Hidings
from analyzer.tui.stream_places import told_of_file
from analyzer.tui.widgets.lines import Lines

EXACT: Final = ("offset", "file offset")
"""Kinds of targets of which a list that hides lines would give another message."""
TELL: Final = 0.5
"""Seconds between two words about how far a search is."""


class Jumps(Hidings):
    """The main screen's actions that only move the cursor of the message list."""

    needle: search.Needle | None = None

    def show_row(self, row: int, note: str = "") -> None:
        """Put the cursor on a message; what hides it is lifted."""
        raise NotImplementedError

    # Keys with a meaning of their own

    def on_key(self, event: events.Key) -> None:
        if event.character and event.character in "0123456789" and not self.prompt.is_open:
            self.number = (self.number + event.character)[-12:].lstrip("0")
            self.bars()
        elif self.number and event.key not in {"g", "G", "colon"}:
            self.number = ""
            self.bars()

    def action_top(self) -> None:
        self._end(first=True)

    def action_bottom(self) -> None:
        self._end(first=False)

    def _end(self, first: bool) -> None:
        if self.number:
            number, self.number = self.number, ""
            self.goto(number)
            self.bars()
        elif isinstance(self.focused, Lines):
            if first:
                self.focused.action_first()
            else:
                self.focused.action_last()

    def action_find(self) -> None:
        known = self.needle
        self.prompt.open("find", hint=f"Enter finds '{known.text}' again" if known else "")

    def action_find_next(self, step: int) -> None:
        self.find(step)

    def action_goto(self) -> None:
        self.prompt.open("goto", self.number)
        self.number = ""

    def _seek(self, step: int, test: Test, what: str) -> bool:
        position = seek(self.messages.listing, self.messages.cursor, step, test)
        if position is None:
            self.say(f"no {'further' if step > 0 else 'earlier'} {what}{self.among_shown()}")
            return False
        self.messages.goto(position)
        return True

    def action_diagnostic(self, step: int) -> None:
        if not self._seek(step, self.messages.findings.test(), "finding"):
            return
        row = self.messages.row
        if row is not None and (found := self.messages.findings.by_row.get(row)):
            self.say(f"{found[0].severity}: {found[0].text}", found[0].severity)

    def action_keyframe(self, step: int) -> None:
        self._seek(step, keyframes(self.session), "keyframe")

    def action_command(self, step: int) -> None:
        self._seek(step, commands(self.session), "command")

    def action_mark(self) -> None:
        row = self.messages.row
        if row is None:
            self.say("only messages can be marked")
            return
        self.messages.marks ^= {row}
        self.messages.refresh()
        self.say(f"{len(self.messages.marks)} marked")

    def action_next_mark(self) -> None:
        marks = np.array(sorted(self.messages.marks), dtype=np.int64)
        listing = self.messages.listing
        position = seek(listing, self.messages.cursor, 1, lambda part: np.isin(part, marks))
        if position is None:  # marks go round
            position = seek(listing, -1, 1, lambda part: np.isin(part, marks))
        if position is None:
            many = len(marks)
            hidden = f"hidden by {self.hidings()}: {many} marked" if many else ""
            self.say(hidden or "no marked message here (m marks one)")
        else:
            self.messages.goto(position)

    def goto(self, text: str) -> None:
        if not text.strip():
            return
        target = parse_target(text)
        if target is None:
            self.say("not a place: 12, f34, c0.c2s.5, +1.5, @0x1f0, #0x1f0", "error")
            return
        listing, cursor = self.messages.listing, self.messages.cursor
        position = None
        if target.kind not in EXACT or not self.hidings():
            position = locate(self.session, listing, target, cursor)
        if position is not None:
            self.messages.goto(position)
            if note := self._told(target):
                self.say(note)
        elif target.kind == "number":
            shown = f"; {self.hidings()} hides others" if self.hidings() else ""
            self.say(f"no such message here: there are {listing.total:,}{shown}")
        elif not self._go_among_all(target):
            self.say(f"no such {'message' if target.kind == 'id' else target.kind} here")

    def _go_among_all(self, target: Target) -> bool:
        """Go to a place that is not among the lines shown, or that is told by its neighbours."""
        if self.snapshot is None:
            return False
        whole, here = self.everything(), self.messages.place
        line = None if here is None else whole.place(here)
        position, note = locate(self.session, whole, target, line or 0), self._told(target)
        if position is None and target.kind == "frame":
            position = after_frame(self.session, whole, int(target.value))
            note = f"no message in frame {target.value}; this is the next one"
        if position is not None:
            self.show_row(whole.row(position), note)
        return position is not None

    def _told(self, target: Target) -> str:
        """Say so where a byte of the file is no message's own."""
        if target.kind != "file offset":
            return ""
        return told_of_file(self.session, int(target.value))

    # Find

    def search_for(self, text: str) -> None:
        """Look for something new, from the line under the cursor on; nothing: the same again."""
        if not text and self.needle is not None:
            self.find(1)
            return
        try:
            self.needle = search.parse(text)
        except ValueError as error:
            self.say(str(error), "error")
            return
        self.messages.pattern = self.needle.pattern
        self.messages.refresh()
        self.find(1)

    def find(self, step: int) -> None:
        """Search in a worker: every text is made when it is looked at."""
        needle = self.needle
        if needle is None:
            self.say("nothing to find (ctrl+f asks)")
            return
        listing, start = self.messages.listing, self.messages.cursor
        self.say(f"searching '{needle.text}' … Esc stops")
        self.awaited = True
        self.run_worker(
            lambda: self._search(listing, start, step, needle),
            thread=True,
            exclusive=True,
            group="find",
        )

    @property
    def searching(self) -> bool:
        """Whether a worker is looking for something."""
        return any(item.group == "find" and item.is_running for item in self.workers)

    def _search(self, listing: Listing, start: int, step: int, needle: search.Needle) -> None:
        worker, told = get_current_worker(), time.monotonic()

        def go_on(share: float) -> bool:
            nonlocal told
            if not worker.is_cancelled and time.monotonic() - told > TELL:
                told = time.monotonic()
                text = f"searching '{needle.text}' … {share:.0%}, Esc stops"
                self.app.call_from_thread(self.say, text)
            return not worker.is_cancelled

        line = Hunt(self.session, listing, needle).run(start, step, go_on)
        if worker.is_cancelled:
            return
        if line is None:
            self.app.call_from_thread(self._missed, needle)
        else:
            wrapped = step if (line - start) * step <= 0 else 0
            self.app.call_from_thread(self._found, listing, line, wrapped)

    def _missed(self, needle: search.Needle) -> None:
        self.awaited = False
        where = self.among_shown() or " in this list"
        self.say(f"'{needle.text}' is nowhere{where}", "warning")

    def _found(self, listing: Listing, line: int, wrapped: int) -> None:
        """Show a match; `wrapped`: past the end (1) or the beginning (-1) of the list."""
        assert self.needle is not None
        self.awaited = False
        shown = self.messages.listing  # another one, perhaps, than the one searched
        place = line if listing is shown else shown.place(listing.row(line))
        if place is None:
            self.say(f"found '{self.needle.text}', but in a line that is not shown any more")
            return
        self.messages.goto(place)
        where = {1: ", from the top again", -1: ", from the end again"}.get(wrapped, "")
        self.say(f"found '{self.needle.text}'{where}", "warning" if wrapped else "note")
