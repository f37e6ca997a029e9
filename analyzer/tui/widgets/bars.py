"""One-line bars: what is open, what goes on, which keys work here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.style import Style
from textual.binding import Binding
from textual.strip import Strip
from textual.widget import Widget

from analyzer.tui.cells import Part, middle_out, strip
from analyzer.tui.widgets.layers import layer

Piece = tuple[str, str]
"""(text, style name without ``bar--``; empty for plain). Of ``name`` the middle may be left out."""
SPARE: Final = 10
"""Cells that must be free before a line is shown in full again."""
SHORTEST: Final = 5
"""Cells that remain of a name."""
METER: Final = 12


class Bar(Widget):
    """A line of styled pieces; the text may be anything, it is never read as markup."""

    DEFAULT_CSS = """
    Bar { height: 1; width: 100%; background: $panel; color: $foreground; }
    .-tiny Bar#keys, .-tiny Bar#top, .-tiny Bar#view-keys { display: none; }
    Bar > .bar--strong, Bar > .bar--name { text-style: bold; color: $text; }
    Bar > .bar--dim { color: $text-muted; }
    Bar > .bar--key { color: $text-accent; text-style: bold; }
    Bar > .bar--error { color: $text-error; text-style: bold; }
    Bar > .bar--warning { color: $text-warning; text-style: bold; }
    Bar:light > .bar--key { color: $primary-darken-2; }
    Bar:light > .bar--warning { color: $text; text-style: bold underline; }
    Bar > .bar--note { color: $text-primary; }
    Bar > .bar--good { color: $text-success; text-style: bold; }
    """
    SCOPED_CSS: ClassVar[bool] = False
    """The screen's height decides whether there is room for it."""
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "bar--plain",
        "bar--strong",
        "bar--name",
        "bar--dim",
        "bar--key",
        "bar--error",
        "bar--warning",
        "bar--note",
        "bar--good",
    }

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._pieces: list[Piece] = []
        self._short: list[Piece] = []
        self._is_short = False

    def show(self, pieces: Sequence[Piece], short: Sequence[Piece] = ()) -> None:
        """Show pieces; where they do not fit, `short` says the same in fewer cells."""
        if (list(pieces), list(short)) != (self._pieces, self._short):
            self._pieces, self._short = list(pieces), list(short)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self.get_component_rich_style("bar--plain")
        if y:
            return Strip.blank(self.size.width, base)
        parts: list[Part] = [(text, self._style(name)) for text, name in self._fitting()]
        return strip([(" ", None), *parts], self.size.width, base)

    def _fitting(self) -> list[Piece]:
        """Leave out the hints that do not fit: half a key is worse than none."""
        width, out = 1, list[Piece]()
        pieces = self._pieces
        room = self.size.width - SPARE * self._is_short  # numbers that change must not swap them
        self._is_short = bool(self._short) and _cells(pieces) >= room
        if self._is_short:
            pieces = self._short
        pieces = _with_short_name(pieces, self.size.width - 1)
        for place, (text, name) in enumerate(pieces):
            whole = text + pieces[place + 1][0].rstrip() if name == "key" else ""
            if whole and width + cell_len(whole) > self.size.width:
                break
            out.append((text, name))
            width += cell_len(text)
        return out

    def _style(self, name: str) -> Style | None:
        return layer(self, f"bar--{name}") if name else None


def _cells(pieces: Sequence[Piece]) -> int:
    return sum(cell_len(text) for text, _ in pieces)


def _with_short_name(pieces: list[Piece], width: int) -> list[Piece]:
    """Leave out as much of the middle of a name as the other pieces need."""
    over = _cells(pieces) - width
    if over <= 0:
        return pieces
    return [
        (middle_out(text, max(cell_len(text) - over, SHORTEST)), name) if name == "name"
        else (text, name)
        for text, name in pieces
    ]  # fmt: skip


def meter(fraction: float) -> str:
    """Return a progress bar, the number first, which must not be cut off: ``58% ███████░░░░░``."""
    full = round(fraction * METER)
    return f"{fraction:4.0%} {'█' * full}{'░' * (METER - full)}"


def hints(bindings: Sequence[Binding]) -> list[Piece]:
    """Return the key bar's pieces of the bindings that have a hint."""
    out: list[Piece] = []
    for binding in bindings:
        if binding.show and binding.tooltip:
            out.append((binding.key_display or binding.key, "key"))
            out.append((f" {binding.tooltip}  ", "dim"))
    return out
