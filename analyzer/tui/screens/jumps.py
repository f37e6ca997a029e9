"""Moving about in the message list: go to, find, next diagnostic, keyframe, mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from textual import events
from textual.screen import Screen
from textual.worker import get_current_worker

from analyzer.tui.model import Rows, Test, keyframes, locate, parse_target, seek
from analyzer.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from analyzer.session import Session
    from analyzer.tui.widgets.messages import MessageList
    from analyzer.tui.widgets.prompt import Prompt


class Jumps(Screen[None]):
    """The main screen's actions that only move the cursor of the message list."""

    session: Session
    messages: MessageList
    prompt: Prompt
    number: str
    """Digits typed before ``g``."""

    def say(self, text: str, style: str = "note") -> None:
        raise NotImplementedError

    def bars(self) -> None:
        raise NotImplementedError

    # Keys with a meaning of their own

    def on_key(self, event: events.Key) -> None:
        if event.character and event.character in "0123456789" and not self.prompt.is_open:
            self.number = (self.number + event.character)[-12:].lstrip("0")
            self.bars()  # and on to the app: the prompt may be opening at this moment
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
        self.prompt.open("find", self.messages.needle)

    def action_find_next(self, step: int) -> None:
        self.find(step)

    def action_goto(self) -> None:
        self.prompt.open("goto", self.number)
        self.number = ""

    def _seek(self, step: int, test: Test, what: str) -> bool:
        position = seek(self.messages.rows, self.messages.cursor, step, test)
        if position is None:
            self.say(f"no {'further' if step > 0 else 'earlier'} {what}")
            return False
        self.messages.goto(position)
        return True

    def action_diagnostic(self, step: int) -> None:
        if not self._seek(step, self.messages.findings.test(), "diagnostic"):
            return
        row = self.messages.row
        if row is not None and (found := self.messages.findings.by_row.get(row)):
            self.say(f"{found[0].severity}: {found[0].text}", found[0].severity)

    def action_keyframe(self, step: int) -> None:
        self._seek(step, keyframes(self.session), "keyframe")

    def action_mark(self) -> None:
        row = self.messages.row
        if row is not None:
            self.messages.marks ^= {row}
            self.messages.refresh()
            self.say(f"{len(self.messages.marks)} marked")

    def action_next_mark(self) -> None:
        marks = np.array(sorted(self.messages.marks), dtype=np.int64)
        rows = self.messages.rows
        position = seek(rows, self.messages.cursor, 1, lambda part: np.isin(part, marks))
        if position is None:  # marks go round
            position = seek(rows, -1, 1, lambda part: np.isin(part, marks))
        if position is None:
            self.say("no marked message here (m marks one)")
        else:
            self.messages.goto(position)

    def goto(self, text: str) -> None:
        target = parse_target(text)
        if target is None:
            self.say("not a place: 12, f34, c0.c2s.5, +1.5, @0x1f0", "error")
            return
        position = locate(self.session, self.messages.rows, target, self.messages.cursor)
        if position is None:
            self.say(
                f"no such {'message' if target.kind in {'number', 'id'} else target.kind} here"
            )
        else:
            self.messages.goto(position)

    # Find

    def find(self, step: int) -> None:
        """Search the info column in a worker: every text is made when it is looked at."""
        needle = self.messages.needle
        if not needle:
            self.say("nothing to find (ctrl+f asks)")
            return
        rows, start = self.messages.rows, self.messages.cursor
        self.say(f"searching '{needle}' …")
        self.run_worker(
            lambda: self._search(rows, start, step, needle),
            thread=True,
            exclusive=True,
            group="find",
        )

    def _search(self, rows: Rows, start: int, step: int, needle: str) -> None:
        worker = get_current_worker()
        for count, position in enumerate(range(start + step, len(rows) if step > 0 else -1, step)):
            if count % 256 == 0 and worker.is_cancelled:
                return
            if needle in self.session.info(int(rows[position])).lower():
                self.app.call_from_thread(self._found, rows, position, needle)
                return
        self.app.call_from_thread(self._found, rows, None, needle)

    def _found(self, rows: Rows, position: int | None, needle: str) -> None:
        if position is None:
            self.say(f"'{needle}' not found in this direction")
        elif rows is self.messages.rows:
            self.messages.goto(position)
            self.say(f"found '{needle}'")
