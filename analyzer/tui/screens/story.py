"""The story: what happened on every connection, and what was found wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual import events, on
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget

from analyzer.tui.cells import fit, strip
from analyzer.tui.data.story import StoryLine, outline, story
from analyzer.tui.keys import LEAVE, MESSAGES, key, view_keys
from analyzer.tui.screens.computed import ENDS, ComputedView
from analyzer.tui.summary import UPDATING, Counts, counted, top_line
from analyzer.tui.widgets.bars import Piece, meter
from analyzer.tui.widgets.findings import wrap
from analyzer.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from analyzer.tui.loader import Snapshot

LABEL = 11
"""Cells of what a line is about."""
WRAPPED = 2000
"""Lines up to which long ones are wrapped."""


class StoryLines(Lines):
    """A block of lines for each connection."""

    DEFAULT_CSS = """
    StoryLines > .lines--title { background: $panel-lighten-1; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--title"}

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.lines: list[StoryLine] = []
        """As they stand on the screen: long ones are wrapped, without a label from the second."""
        self._story: list[StoryLine] = []
        self._placed = False
        """The cursor was put where Enter leads to what is wrong."""
        self._narrow = False
        """There is no room for labels: they stand before the text."""

    def show(self, lines: list[StoryLine]) -> None:
        """Show what is known now; the cursor stays on its connection's line of that name."""
        kept = self.line
        self._story = lines
        self._wrap()
        lines = self.lines
        if kept is not None and self.line is not None and self.line[:2] != kept[:2]:
            places = (n for n, line in enumerate(lines) if line[:2] == kept[:2])
            self.move_to(next(places, self.cursor))
        self._place()

    def _place(self) -> None:
        """Put the cursor on the first verdict with evidence, unless somebody moved it."""
        places = (n for n, item in enumerate(self.lines) if item.label == "verdict"
                  and item.jump.diagnostic is not None)  # fmt: skip
        place = next(places, None)
        if place is not None and not self._placed:
            self._placed = True
            if not self.cursor and place < self.page:
                self.move_to(place)

    def on_resize(self, event: events.Resize) -> None:
        self._wrap()
        self.show_cursor()

    def _wrap(self) -> None:
        whole = self.scrollable_content_region.width
        width = whole - LABEL - 6
        self._narrow = 0 < whole < LABEL + 26
        if not whole or len(self._story) > WRAPPED:
            self.lines = self._story
        elif self._narrow:
            self.lines = [
                line._replace(text=text, title=line.title and not number)
                for line in self._story
                for number, text in enumerate(
                    wrap(f"{'' if line.title else line.label} {line.text}".strip(), whole - 4)
                )
            ]
        else:
            self.lines = [
                line._replace(text=text, label="" if number else line.label)
                for line in self._story
                for number, text in enumerate([line.text] if line.title else wrap(line.text, width))
            ]
        self.lines_changed()

    @property
    def line(self) -> StoryLine | None:
        return self.lines[self.cursor] if self.cursor < len(self.lines) else None

    def to_connection(self, step: int) -> None:
        """Go to the next or previous connection's title."""
        titles = [n for n, line in enumerate(self.lines) if line.title]
        later = [n for n in titles if (n - self.cursor) * step > 0]
        if later:
            self.move_to(later[0] if step > 0 else later[-1])

    def line_count(self) -> int:
        return len(self.lines)

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        line = self.lines[index]
        layer = self.part(line.style, selected) if line.style else None
        if line.title:
            mark = self.part(line.style or "dim", selected)
            text = fit(f" {line.text}", width - 3)
            return strip(
                [(f" {line.label} ", mark), (text, self.part("title", selected))], width, base
            )
        if self._narrow:
            return strip([(f" {line.text}", layer)], width, base)
        parts = [
            (f"    {fit(line.label, LABEL)} ", layer or self.part("dim", selected)),
            (line.text, layer),
        ]
        return strip(parts, width, base)


class StoryScreen(ComputedView):
    """Opens first: everything that matters about a capture, without a key pressed."""

    NAME = "story"
    WHOLE = True
    HANDSHAKES = True
    BINDINGS: ClassVar[list[BindingType]] = [
        key("enter", "go", "To the messages or the evidence of this line", "open", show="Enter"),
        key("c", "connection(1)", "Next connection", "connection", show="c"),
        key("C", "connection(-1)", "Previous connection", show="C"),
        key("escape", "stop_or_leave", "Stop loading; else back where you came from", show="Esc"),
        *ENDS,
    ]
    AUTO_FOCUS = "#story"
    counts: Counts | None = None
    """How much there was when the lines that are shown were made."""

    def hinted(self) -> list[Binding]:
        others = [item for item in view_keys() if item.action != f"view('{self.NAME}')"]
        enter, *more = self.own_keys()
        return [enter, *LEAVE, MESSAGES, *others, *more]

    def content(self) -> Iterable[Widget]:
        self.lines = StoryLines(id="story")
        yield self.lines

    def compute(self, connection: int | None) -> tuple[Counts, list[StoryLine]]:
        going_on = not self.session.done and not self.session.options.reading.live
        with self.session.steady:
            counts = counted(self.session)
            titles = {t.connection: t for t in outline(self.session)} if going_on else {}
        # Measuring takes a while, in which indexing goes on: titles are of the header's moment.
        lines = story(self.session)
        return counts, [titles.get(item.connection, item) if item.title else item for item in lines]

    def recompute(self) -> None:
        if not self.lines.lines and not self.nothing_to_show():
            self.shown((counted(self.session), outline(self.session)))  # measuring takes a while
        super().recompute()
        self.awaited = False

    def update(self, snapshot: Snapshot) -> None:
        super().update(snapshot)
        self.title_bar()

    def shown(self, data: object) -> None:
        assert isinstance(data, tuple)
        self.counts, lines = data
        self.lines.show(lines)
        self.title_bar()

    def empty(self, lines: list[str]) -> None:
        self.counts = None
        self.lines.empty = lines
        self.lines.show([])
        self.title_bar()

    def head(self, *pieces: Piece, short: Sequence[Piece] = ()) -> None:
        """The capture as a whole from the first moment on: file, duration, counts, findings."""
        if pieces:
            super().head(*pieces, short=short)
        else:
            self.title_bar()

    def title_bar(self, *more: Piece) -> None:
        """The file, how far it was read, and counts of the moment that the lines are of."""
        snapshot = self.snapshot
        done = snapshot is not None and snapshot.done
        counts = None if self.capturing else self.counts

        def line(short: bool) -> list[Piece]:
            way: list[Piece] = []
            if not self.capturing:
                way.append((self._progress(done, short), "warning"))
            return top_line(
                self.session, done, self.rates, UPDATING, *way, counts=counts, short=short
            )

        self.head(*line(short=False), *more, short=[*line(short=True), *more])

    def _progress(self, done: bool, short: bool) -> str:
        """How far indexing is, and what stops it; then whether the lines are of all of it."""
        if done:
            behind = self.counts is not None and self.counts != counted(self.session)
            stopped = "  stopped" if short else "  loading stopped"
            return f"{stopped if self.session.cancelled else ''}{'  measuring …' * behind}"
        if self.session.cancelled:
            return "  stopping …"
        fraction = self.snapshot.fraction if self.snapshot is not None else 0.0
        if fraction is None:
            return "  indexing …  Esc stops"
        if short:
            return f"  {fraction:.0%}, Esc stops"
        return f"  indexing {meter(fraction)}  Esc stops"

    def action_stop_or_leave(self) -> None:
        """Stop loading first, as in the message list; then go back."""
        loading = self.snapshot is None or not self.snapshot.done
        if loading and not self.session.cancelled and not self.session.options.reading.live:
            self.call_later(self.run_action, "app.interrupt")
        else:
            self.action_leave()

    @property
    def connection(self) -> int | None:
        """The connection the cursor is on."""
        line = self.lines.line
        return line.connection if line is not None and line.connection >= 0 else None

    def row_here(self) -> int | None:
        line = self.lines.line
        return line.jump.row if line is not None else None

    def action_connection(self, step: int) -> None:
        self.lines.to_connection(step)

    @on(Lines.Chosen)
    def action_go(self) -> None:
        """Go where the line points."""
        if self.lines.line is not None:
            self.dismiss(self.lines.line.jump)
