"""The list of findings and the pane that explains one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len, chop_cells
from rich.style import Style
from textual import events
from textual.strip import Strip

from analyzer.tui.cells import GLYPHS, Part, count, seconds, strip
from analyzer.tui.data.findings import Detail, Item
from analyzer.tui.widgets.lines import Lines

NARROW: Final = 44
"""Below this width the names of paragraphs stand before their text."""
UNITS: Final = frozenset("s ms µs B kB MB GB bytes bit/s kbit/s Mbit/s Hz fps ppm %".split())


class FindingList(Lines):
    """Headings and findings, one line each."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.items: list[Item] = []
        self._below: dict[int, int] = {}
        """Findings that follow from those below a heading, by the heading's place."""

    def show(self, items: list[Item]) -> None:
        """Show other findings; the cursor stays on its finding, or goes to the first."""
        kept = self.item.finding.fingerprint if self.item and self.item.finding else None
        self.items = items
        self._below = _effects(items)
        self.lines_changed()
        places = [n for n, item in enumerate(items) if item.finding is not None]
        same = [n for n in places if items[n].finding.fingerprint == kept]  # type: ignore[union-attr]
        if places:
            self.move_to((same or places)[0])

    @property
    def item(self) -> Item | None:
        return self.items[self.cursor] if self.cursor < len(self.items) else None

    def line_count(self) -> int:
        return len(self.items)

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        item = self.items[index]
        found = item.finding
        parts: list[Part]
        style = item.group if item.group in GLYPHS else "dim"
        if found is None:
            title = count(item.number, item.group) if item.group in GLYPHS else "not decided"
            below = self._below[index]
            more = f"  and {count(below, 'finding')} that follow{'s' * (below == 1)}"
            parts = [(f" {title}", self.part("header", selected))]
            parts.append((more if below else "", self.part("dim", selected)))
            return strip(parts, width, base)
        glyph = "↳" if item.depth else GLYPHS.get(item.group, "?")
        when = seconds(found.time_ns, 3) if found.time_ns is not None else "-"
        times = f" ×{found.count:,}" if found.count > 1 else ""
        parts = [
            (f"  {'  ' * item.depth}{glyph} ", self.part(style, selected)),
            (f"{when:>9} s  ", self.part("dim", selected)),
            (f"{found.connection or '-':<4} ", None),
            (f"{found.title or found.text}", self.part(style, selected)),
            (times, None),
        ]
        if found.title:
            parts.append((f"  {found.text}", self.part("dim", selected)))
        return strip(parts, width, base)


def _effects(items: list[Item]) -> dict[int, int]:
    found, heading = dict[int, int](), 0
    for place, item in enumerate(items):
        if item.finding is None:
            heading = place
            found[heading] = 0
        elif item.depth:
            found[heading] += 1
    return found


class DetailPane(Lines):
    """Paragraphs, wrapped; a line with a place can be gone to."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.details: list[Detail] = []
        self.wrapped: list[tuple[Detail, str, bool]] = []
        self._named = True
        """There is room for the names of paragraphs beside them."""

    def show(self, details: list[Detail]) -> None:
        self.details = details
        self._wrap()
        self.move_to(0, tell=False)

    def on_resize(self, event: events.Resize) -> None:
        self._wrap()

    def _wrap(self) -> None:
        whole = self.scrollable_content_region.width
        self._named = whole >= NARROW
        width = whole - (16 if self._named else 4)
        self.wrapped = [
            (detail, line, not number)
            for detail in self.details
            for number, line in enumerate(wrap(self._words_of(detail), width))
        ]
        self.lines_changed()

    def _words_of(self, detail: Detail) -> str:
        return detail.text if self._named or not detail.name else f"{detail.name}: {detail.text}"

    @property
    def message(self) -> str | None:
        """The message of the line under the cursor."""
        return self.wrapped[self.cursor][0].message if self.cursor < len(self.wrapped) else None

    def line_count(self) -> int:
        return len(self.wrapped)

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        detail, line, first = self.wrapped[index]
        mark = "↵" if detail.message and first else " "
        name = detail.name if first else ""
        return strip(
            [
                (f" {name:<12} " if self._named else " ", self.part("header", selected)),
                (line, self.part("note", selected) if detail.name == "What to try" else None),
                (f" {mark}", self.part("dim", selected)),
            ],
            width,
            base,
        )


def wrap(text: str, width: int, most: int = 40) -> list[str]:
    """Cut a text into lines of at most `width` cells, at spaces where there are any."""
    lines: list[str] = []
    line, width = "", max(width, 2)
    for word in _words(text[: width * most]):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        while cell_len(word) > width:
            lines.append(chop_cells(word[: width + 1], width)[0])
            word = word[len(lines[-1]) :]
        line = word
    return [*lines, line][:most]


def _words(text: str) -> Iterator[str]:
    """Split at spaces, but not between a number and its unit."""
    words = text.split(" ")
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if word[-1:].isdecimal() and place < len(words) and words[place].rstrip(",.;:)") in UNITS:
            word = f"{word} {words[place]}"
            place += 1
        yield word
