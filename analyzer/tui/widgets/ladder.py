"""A sequence diagram: client on the left, server on the right, time downwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from analyzer.tui.cells import GLYPHS, Part, fit, seconds, span, strip
from analyzer.tui.data.ladder import PAUSE_NS, Ladder, Mark, Said, said
from analyzer.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from analyzer.session import Session

KEPT = 2000
NARROW = 60
"""Below this width there is no room for lifelines and latencies."""


class LadderLines(Lines):
    """One line per step."""

    HEADER = 1
    DEFAULT_CSS = """
    LadderLines > .lines--media { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--media"}

    def __init__(self, session: Session, *, id: str) -> None:
        super().__init__(id=id)
        self.session = session
        self.ladder: Ladder | None = None
        self._marks: dict[int, Mark] = {}
        self.peers = ("client", "server")
        self._said: dict[int, Said] = {}

    def show(self, ladder: Ladder, marks: dict[int, Mark]) -> None:
        """Show another ladder; `marks`: the worst findings of its lines."""
        self.ladder, self._marks = ladder, marks
        self._said.clear()
        self.lines_changed()

    def line_count(self) -> int:
        return len(self.ladder) if self.ladder else 0

    @property
    def row(self) -> int | None:
        """The first message of the line under the cursor."""
        if self.ladder is None or not len(self.ladder):
            return None
        rows = self.ladder.rows_at(self.cursor)
        return int(rows[0]) if len(rows) else None

    @property
    def near(self) -> int | None:
        """The same; of an event: the next message, behind the last one that."""
        return self.ladder.near(self.cursor) if self.ladder is not None else None

    def draw_header(self, width: int, base: Style) -> Strip:
        if width < NARROW:
            return strip([(f"  {'time':>9}", None)], width, base)
        lanes = width - 31
        client, server = self.peers
        names = fit(client, lanes // 2) + fit(server, lanes - lanes // 2, right=True)
        return strip([(f"  {'time':>10} {'Δ':>8} {'answer':>8} {names}", None)], width, base)

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        assert self.ladder is not None
        step = self.ladder.step(index)
        words = self._said.get(index)
        if words is None:
            if len(self._said) >= KEPT:
                self._said.clear()
            words = self._said[index] = said(self.session, self.ladder, index)
        mark = self._marks.get(index)
        worst = step.severity or (mark.severity if mark else None)
        label = f"{words.text}  [{mark.title}]" if mark else words.text
        if words.refused:
            worst = "error"
        before = self.ladder.step(index - 1) if index else step
        waited = step.time_ns - max(before.time_ns, before.last_ns)
        pause = "warning" if waited >= PAUSE_NS else "dim"
        answer = span(words.answer_ns) if words.answer_ns is not None else ""
        style = worst or ("media" if step.number > 1 else ("c2s", "s2c", "dim")[step.direction])
        if width < NARROW:
            text = f"{'→← '[step.direction]} {label}"
            return strip(
                [
                    (f"{GLYPHS.get(worst or '', ' ')} ", self.part(style, selected)),
                    (f"{seconds(step.time_ns, 3):>9} ", None),
                    (text, self.part(style, selected)),
                ],
                width,
                base,
            )
        parts: list[Part] = [
            (f"{GLYPHS.get(worst or '', ' ')} ", self.part(worst, selected) if worst else None),
            (f"{seconds(step.time_ns):>10} ", None),
            (f"{span(waited) if index else '':>8} ", self.part(pause, selected)),
            (f"{answer:>8} ", self.part("note", selected)),
            (arrow(label, step.direction, width - 31), self.part(style, selected)),
        ]
        return strip(parts, width, base)


def arrow(text: str, direction: int, width: int) -> str:
    """Return a text on an arrow between two lifelines, exactly `width` cells wide."""
    inside = width - 2
    if inside < 8:
        return fit(text, width)
    shown = fit(f" {text} ", min(inside - 4, cell_len(text[: 4 * width]) + 2))
    left = inside - cell_len(shown)
    if direction < 0:
        return f"┊{fit(shown.center(inside), inside)}┊"
    if direction == 0:
        return f"├─{shown}{'─' * (left - 2)}▶┤"
    return f"├◀{'─' * (left - 2)}{shown}─┤"
