"""The input line at the bottom: filter, find, go to."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from rich.highlighter import Highlighter
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from analyzer.tui import search
from analyzer.tui.completion import Completion
from analyzer.tui.widgets.bars import Bar, Piece
from dissectors.text import safe

HISTORY: Final = 100
LABELS: Final = {"filter": "Filter", "find": "Find", "goto": "Go to"}
HELP: Final = {
    "filter": 'csid == 3 and command.name == "connect"   ↑ history   Tab completes   Enter applies',
    "find": search.HELP,
    "goto": "12 message · f34 frame · c0.c2s.5 id · +1.5 s · @0x1f0 stream · #0x1f0 file offset",
}

Problem = tuple[str, int, int]
"""(text, position, length) of what is wrong with a filter."""


class _Fields(Suggester):
    """Shows the first completion behind the cursor."""

    def __init__(self, completion: Completion) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._completion = completion
        self.active = False

    async def get_suggestion(self, value: str) -> str | None:
        return self._completion.suggestion(value) if self.active else None


class _Wrong(Highlighter):
    """Marks the wrong part of the filter in the input itself."""

    problem: Problem | None = None

    def highlight(self, text: Text) -> None:
        if self.problem:
            _, start, length = self.problem
            text.stylize("bold underline", start, start + max(length, 1))


class _Line(Input):
    """An input whose keys for history and completion stay inside it, and whose text is safe."""

    def insert_text_at_cursor(self, text: str) -> None:
        super().insert_text_at_cursor(safe(text))

    async def _on_key(self, event: events.Key) -> None:
        prompt = self.query_ancestor(Prompt)
        if event.key in {"up", "down"}:
            prompt.recall(-1 if event.key == "up" else 1)
        elif event.key == "tab":
            prompt.complete()
        else:
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()


class Prompt(Vertical):
    """Shown while somebody types; `check` says what is wrong with a filter, `doubt` of a right one
    why it can pass nothing."""

    DEFAULT_CSS = """
    Prompt { height: 2; background: $panel; }
    Prompt Horizontal { height: 1; }
    Prompt #label { width: 8; background: $accent; color: auto; text-style: bold; }
    Prompt Input, Prompt Input:focus {
        border: none; height: 1; padding: 0 1; width: 1fr; background: $surface;
    }
    Prompt.-valid Input, Prompt.-valid Input:focus {
        background: $success-muted; color: $text-success;
    }
    Prompt.-doubtful Input, Prompt.-doubtful Input:focus {
        background: $warning-muted; color: $text-warning;
    }
    Prompt.-invalid Input, Prompt.-invalid Input:focus {
        background: $error-muted; color: $text-error;
    }
    """

    class Submitted(Message):
        def __init__(self, mode: str, text: str) -> None:
            super().__init__()
            self.mode = mode
            self.text = text

    def __init__(
        self,
        check: Callable[[str], Problem | None],
        doubt: Callable[[str], Problem | None],
        completion: Completion,
        *,
        id: str,
    ) -> None:
        super().__init__(id=id)
        self.display = False
        self.mode = "filter"
        self._check = check
        self._doubt = doubt
        self.completion = completion
        self._suggester = _Fields(self.completion)
        self._wrong = _Wrong()
        self.history: dict[str, list[str]] = {}
        self._place = 0
        self._typed = ""
        self._hint = ""

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Bar(id="label")
            yield _Line(
                suggester=self._suggester,
                highlighter=self._wrong,
                select_on_focus=False,
                id="line",
            )
        yield Bar(id="note")

    COMPONENT_CLASSES: ClassVar[set[str]] = set()

    @property
    def is_open(self) -> bool:
        return bool(self.display)

    @property
    def line(self) -> Input:
        return self.query_one("#line", Input)

    def open(self, mode: str, text: str = "", hint: str = "") -> None:
        """Ask; `hint` stands below the line while nothing was typed."""
        self.mode, self._hint = mode, hint
        self._place = len(self.history.setdefault(mode, []))
        self._suggester.active = mode == "filter"
        self.query_one("#label", Bar).show([(LABELS[mode], "")])
        self.display = True
        text = safe(text)
        self.line.value = text
        self.line.cursor_position = len(text)
        self._judge(text)
        self.screen.set_focus(self.line)  # at once: the next key is for the line

    def close(self) -> None:
        self.display = False

    def remember(self, mode: str, text: str) -> None:
        history = self.history.setdefault(mode, [])
        if text:
            if text in history:
                history.remove(text)
            history.append(text)
            del history[:-HISTORY]

    def recall(self, step: int) -> None:
        """Walk through the history; past its end stands what was typed."""
        history = self.history.get(self.mode, [])
        if self._place == len(history):
            self._typed = self.line.value
        self._place = max(min(self._place + step, len(history)), 0)
        text = history[self._place] if self._place < len(history) else self._typed
        self.line.value = text = safe(text)
        self.line.cursor_position = len(text)

    def complete(self) -> None:
        """Complete the name before the cursor; what stands behind it stays."""
        if self.mode == "filter":
            at = self.line.cursor_position
            before = self.completion.extended(self.line.value[:at])
            self.line.value = before + self.line.value[at:]
            self.line.cursor_position = len(before)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._judge(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.mode == "filter" and event.value.strip() and self._check(event.value):
            self._judge(event.value, asked=True)
            return
        self.remember(self.mode, event.value)
        self.post_message(self.Submitted(self.mode, event.value))

    def _judge(self, text: str, asked: bool = False) -> None:
        """Colour the line and point at the error; unless `asked`, completions come first."""
        filters = self.mode == "filter" and bool(text.strip())
        wrong = self._check(text) if filters else None
        doubt = self._doubt(text) if filters and not wrong else None
        self._wrong.problem = problem = wrong or doubt
        self.set_class(wrong is not None, "-invalid")
        self.set_class(doubt is not None, "-doubtful")
        self.set_class(filters and problem is None, "-valid")
        told = problem is not None and asked
        completion = self.completion.note(text) if self.mode == "filter" and not told else ""
        plain = HELP[self.mode] if text or not self._hint else f"{self._hint} · {HELP[self.mode]}"
        note: list[Piece] = [(completion or plain, "note" if completion else "dim")]
        if problem and not completion:
            note = self._pointed(problem, "error" if wrong else "warning")
        self.query_one("#note", Bar).show(note)
        self.line.refresh()

    def _pointed(self, problem: Problem, style: str) -> list[Piece]:
        """Return what is wrong, below its place where there is room."""
        message, position, length = problem
        at = max(position - self.line.scroll_offset.x, 0)
        # 8 cells of label, 1 of padding; the bar itself starts with one space
        mark = " " * (8 + at) + "^" + "~" * (length - 1)
        if len(mark) + len(message) > self.size.width > 0:
            return [(f"column {position + 1}: {message}", style)]
        return [(mark, style), (f" {message}", style)]
