"""Without arguments on a terminal: which capture, or which interface?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from rich.style import Style
from textual import on
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.strip import Strip

from analyzer.tui import state
from analyzer.tui.cells import fit, strip, volume
from analyzer.tui.drawing import on_the_terminal
from analyzer.tui.keys import key
from analyzer.tui.widgets.bars import Bar, hints
from analyzer.tui.widgets.lines import Lines
from dissectors.text import safe

SUFFIXES: Final = (".pcap", ".pcapng", ".cap", ".dmp", ".ntar")
PACKED: Final = (".gz", ".bz2", ".xz", ".zst", ".lz4")
LOOKED_AT: Final = 10_000
"""Files of a folder that are looked at."""
LISTED: Final = 500
KEYS: Final = (
    key("enter", "choose", "Open it", "open", show="Enter"),
    key("j,down", "move(1)", "Next", "next", show="j ↓"),
    key("k,up", "move(-1)", "Previous", "previous", show="k ↑"),
    key("i", "interfaces", "To the interfaces", "interfaces", show="i"),
    key("q,escape", "quit", "Quit", "quit", show="q"),
)


class Choice(NamedTuple):
    """What was chosen: the path of a capture, or the name of an interface."""

    kind: str
    """`capture` or `interface`."""
    name: str


class Entry(NamedTuple):
    """A line: a heading, a hint (neither has a choice), or something to choose."""

    text: str
    more: str = ""
    choice: Choice | None = None
    heading: bool = False


def captures(folder: Path) -> list[Entry]:
    """Return the captures of a folder, the newest first."""
    found: list[tuple[float, str, int]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in islice(entries, LOOKED_AT):
                name = entry.name.lower()
                for packed in PACKED:
                    name = name.removesuffix(packed)
                if name.endswith(SUFFIXES) and entry.is_file():
                    status = entry.stat()
                    found.append((-status.st_mtime, entry.name, status.st_size))
    except OSError as error:
        return [Entry(f"cannot be read: {error.strerror}")]
    return [
        Entry(name, volume(size), Choice("capture", str(folder / name)))
        for _, name, size in sorted(found)[:LISTED]
    ]


def recent(paths: Sequence[str]) -> list[Entry]:
    """Return the captures opened last, those that are still there."""
    found = []
    for path in paths:
        try:
            size = Path(path).stat().st_size
        except (OSError, ValueError):
            continue
        found.append(Entry(path, volume(size), Choice("capture", path)))
    return found


def interfaces() -> list[Entry]:
    """Return the interfaces one can capture from; takes a moment."""
    from analyzer.sources import SourceError
    from analyzer.sources.live import interfaces

    try:
        listed = interfaces().splitlines()
    except (SourceError, OSError) as error:
        return [Entry(f"cannot be captured from: {safe(str(error))}")]
    found = []
    for line in listed:
        name, _, words = line.partition(". ")[2].partition(" ")
        if name:
            found.append(Entry(name, words.strip("()"), Choice("interface", name)))
    return found


class Choices(Lines):
    """Headings and what stands below them."""

    def __init__(self) -> None:
        super().__init__(id="choices")
        self.entries: list[Entry] = []

    def show(self, entries: list[Entry]) -> None:
        kept = self.entry
        self.entries = entries
        self.lines_changed()
        places = [n for n, entry in enumerate(entries) if entry.choice is not None]
        same = [n for n in places if kept is not None and entries[n] == kept]
        if places:
            self.move_to((same or places)[0])

    @property
    def entry(self) -> Entry | None:
        return self.entries[self.cursor] if self.cursor < len(self.entries) else None

    def line_count(self) -> int:
        return len(self.entries)

    def action_move(self, lines: int) -> None:
        """Step from choice to choice: headings are no place to stand."""
        step = 1 if lines > 0 else -1
        places = range(self.cursor + step, len(self.entries) if step > 0 else -1, step)
        target = next((n for n in places if self.entries[n].choice is not None), self.cursor)
        self.move_to(target)

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        entry = self.entries[index]
        if entry.heading:
            return strip([(f" {entry.text}", self.part("header", selected))], width, base)
        if entry.choice is None:
            return strip([(f"   {entry.text}", self.part("dim", selected))], width, base)
        room = width - 14
        text = entry.text if len(entry.text) <= room else "…" + entry.text[1 - room :]
        return strip(
            [(f"   {fit(text, room)}", None), (f" {entry.more:>10}", self.part("dim", selected))],
            width,
            base,
        )


class Chooser(App[Choice]):
    """Ends with a choice, or with none."""

    TITLE = "rtmp-analyze"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(self, folder: Path, known: state.State) -> None:
        super().__init__()
        self.animation_level = "none"
        if known.theme in self.available_themes:
            self.theme = known.theme
        self._folder = folder
        self._known = known
        self._files: list[Entry] = []
        self.choices = Choices()

    def compose(self) -> ComposeResult:
        yield Bar(id="top")
        yield self.choices
        yield Bar(id="keys")

    def on_mount(self) -> None:
        title = [("rtmp-analyze", "strong"), ("  which capture, or which interface?", "")]
        self.query_one("#top", Bar).show(title)
        self.query_one("#keys", Bar).show(hints(KEYS))
        lately = recent(self._known.recent)
        if lately:
            self._files += [Entry("Opened lately", heading=True), *lately, Entry("")]
        here = captures(self._folder) or [Entry("none (*.pcap, *.pcapng, *.cap, also compressed)")]
        self._files += [Entry("Captures in this folder", heading=True), *here, Entry("")]
        self._show([Entry("looking …")])
        self.choices.focus()
        self.run_worker(self._look, thread=True)

    def _look(self) -> None:
        self.call_from_thread(self._show, interfaces())

    def _show(self, found: list[Entry]) -> None:
        heading = Entry("Interfaces: capture live", heading=True)
        self.choices.show([*self._files, heading, *found])

    def action_interfaces(self) -> None:
        kinds = [entry.choice.kind if entry.choice else "" for entry in self.choices.entries]
        if "interface" in kinds:
            self.choices.move_to(kinds.index("interface"))

    @on(Lines.Chosen)
    def _chosen(self) -> None:
        entry = self.choices.entry
        if entry is not None and entry.choice is not None:
            self.exit(entry.choice)


def choose() -> Choice | None:
    """Ask; None where somebody left without a choice."""
    with on_the_terminal():
        return Chooser(Path(), state.load(state.path())).run()
