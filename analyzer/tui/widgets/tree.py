"""The field tree of one message."""

from __future__ import annotations

import json
import re
from typing import ClassVar, Final

from rich.style import Style
from textual.binding import BindingType
from textual.strip import Strip

from analyzer.tui.cells import GLYPHS, Part, strip
from analyzer.tui.keys import TREE
from analyzer.tui.tree_lines import Path, Range, TreeLine, TreeState, layer, line_at, ranges
from analyzer.tui.widgets.lines import Lines
from dissectors.fields import Field, Severity

_DERIVED: Final = re.compile(r"\((?:inherited|calculated|inferred)[^()]{0,80}\)$")
"""Values that were not on the wire in this message; the word stands there without colour, too."""


class TreePane(Lines):
    """Visible lines of a tree; what a person opened stays open for the next message."""

    BINDINGS: ClassVar[list[BindingType]] = [*TREE]
    DEFAULT_CSS = """
    TreePane > .lines--layer { color: $text-primary; text-style: bold; }
    TreePane > .lines--derived { color: $text-secondary; text-style: italic; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--layer", "lines--derived"}

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.state = TreeState()
        self.roots: list[Field] = []
        self.lines: list[TreeLine] = []
        self._path: Path = ()

    def line_count(self) -> int:
        return len(self.lines)

    def show_tree(self, roots: list[Field]) -> None:
        """Show another message; the cursor stays on the same path, or its nearest ancestor."""
        self.roots = roots
        self._rebuild(self._path)

    def _rebuild(self, path: Path) -> None:
        self.lines = self.state.lines(self.roots)
        places = {line.path: index for index, line in reversed(list(enumerate(self.lines)))}
        wanted = path
        while wanted and wanted not in places:
            wanted = wanted[:-1]
        self.set_reactive(TreePane.cursor, places.get(wanted, 0))
        self.lines_changed()
        self.show_cursor()

    # The field under the cursor

    @property
    def line(self) -> TreeLine | None:
        return self.lines[self.cursor] if self.cursor < len(self.lines) else None

    def field_ranges(self) -> list[Range]:
        return ranges(self.line.node) if self.line else []

    def layer_ranges(self) -> list[Range]:
        return layer(self.lines, self.cursor) if self.line else []

    def select_byte(self, space: str, offset: int, reveal: bool = False) -> None:
        """Put the cursor on the innermost visible field of a byte; `reveal` opens what hides it."""
        if reveal:
            path = self.state.reveal(self.roots, space, offset)
            if path is not None:
                self._rebuild(path)
                self._path = path
            return
        index = line_at(self.lines, space, offset, self.cursor)
        if index is not None:
            self._path = self.lines[index].path
            self.move_to(index, tell=False)

    def move_to(self, index: int, tell: bool = True) -> None:
        super().move_to(index, tell)
        if self.line:
            self._path = self.line.path

    def ancestors_and_field(self) -> list[Field]:
        """Return the fields from the root down to the one under the cursor."""
        out: list[Field] = []
        index = self.cursor if self.line else -1
        while index >= 0:
            out.append(self.lines[index].node)
            index = self.lines[index].parent
        return out[::-1]

    def value_text(self) -> str:
        """Return what copying takes: the value, else the label."""
        line = self.line
        if line is None:
            return ""
        if line.expert:
            return line.expert.text
        value = line.node.value
        if value is None:
            return line.node.label
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    # Opening and closing

    def _set(self, is_open: bool) -> None:
        line = self.line
        if line and line.expandable and line.expanded != is_open:
            self.state.choices[line.path] = is_open
            self._rebuild(line.path)

    def action_open_close(self) -> None:
        if self.line:
            self._set(not self.line.expanded)

    def action_choose(self) -> None:
        self.action_open_close()

    def action_expand(self) -> None:
        line = self.line
        if line and line.expanded:
            self.move_to(self.cursor + 1)
        else:
            self._set(True)

    def action_collapse(self) -> None:
        line = self.line
        if line and line.expandable and line.expanded:
            self._set(False)
        elif line and line.parent >= 0:
            self.move_to(line.parent)

    def action_expand_all(self) -> None:
        if self.line:
            self.state.open_all(self.line.node, self.line.path)
            self._rebuild(self.line.path)

    # Drawing

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        line = self.lines[index]
        indent = "  " * min(line.depth, max(width // 4, 4))
        if line.expert:
            severity = line.expert.severity.name.lower()
            word = line.expert.severity.word
            text = f"{indent}  {GLYPHS[severity]} [{word}: {line.expert.text}]"
            return strip([(text, self.part(severity, selected))], width, base)
        mark = ("▾ " if line.expanded else "▸ ") if line.expandable else "  "
        style: str | None = None
        if _DERIVED.search(line.node.label):
            style = "derived"
        elif line.node.plumbing:
            style = "dim"
        elif line.depth < 2 and line.expandable:
            style = "layer"
        parts: list[Part] = [
            (indent + mark, self.part("dim", selected)),
            (line.node.label, self.part(style, selected) if style else None),
        ]
        if not line.expanded and (worst := _worst_below(line.node)):
            name = worst.name.lower()
            parts.append((f" {GLYPHS[name]}", self.part(name, selected)))
        return strip(parts, width, base)


def _worst_below(node: Field, limit: int = 500) -> Severity | None:
    """Return the worst expert below a closed node; looks at `limit` nodes, no more."""
    worst: Severity | None = None
    for number, item in enumerate(node.walk()):
        if number >= limit:
            break
        for expert in item.experts if number else ():
            worst = max(worst or expert.severity, expert.severity)
    return worst
