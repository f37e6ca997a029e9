"""A field tree as the lines in sight: what is open, where a byte is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from dissectors.fields import Expert, Field

MANY_CHILDREN: Final = 200
"""A node with more children starts collapsed: a person wants the tree, not the array."""

Path = tuple[tuple[str, int], ...]
"""Names from the root down, each with its ordinal among siblings of the same name."""
Range = tuple[str, int, int]
"""(space, start, length)."""


@dataclass(slots=True)
class TreeLine:
    """A visible line: a field, or an expert note below one."""

    node: Field
    path: Path
    depth: int
    parent: int
    expanded: bool
    expert: Expert | None = None

    @property
    def expandable(self) -> bool:
        return self.expert is None and bool(self.node.children)


@dataclass
class TreeState:
    """Which paths a person opened or closed; remembered from message to message."""

    choices: dict[Path, bool] = field(default_factory=dict)

    def is_open(self, node: Field, path: Path) -> bool:
        if (choice := self.choices.get(path)) is not None:
            return choice
        if len(node.children) > MANY_CHILDREN:
            return False
        return not all(child.plumbing for child in node.children)

    def lines(self, roots: list[Field]) -> list[TreeLine]:
        """Return the visible lines, parents before children."""
        out: list[TreeLine] = []
        stack = [(node, path, 0, -1) for node, path in reversed(_named(roots, ()))]
        while stack:
            node, path, depth, parent = stack.pop()
            is_open = bool(node.children) and self.is_open(node, path)
            index = len(out)
            out.append(TreeLine(node, path, depth, parent, is_open))
            out.extend(
                TreeLine(node, path, depth + 1, index, False, expert) for expert in node.experts
            )
            if is_open:
                stack.extend(
                    (child, below, depth + 1, index)
                    for child, below in reversed(_named(node.children, path))
                )
        return out

    def reveal(self, roots: list[Field], space: str, offset: int) -> Path | None:
        """Open the ancestors of the innermost field at `offset` and return its path."""
        nodes, path = _named(roots, ()), None
        while True:
            inside = [item for item in nodes if _holds(item[0], space, offset)]
            if not inside:
                return path
            if path is not None:
                self.choices[path] = True
            node, path = min(inside, key=lambda item: item[0].length or 1 << 62)
            nodes = _named(node.children, path)

    def open_all(self, node: Field, path: Path, limit: int = 5000) -> None:
        """Open `node` and everything below it, `limit` nodes at most."""
        stack = [(node, path)]
        while stack and limit > 0:
            node, path = stack.pop()
            if node.children:
                self.choices[path] = True
                limit -= 1
                stack.extend(_named(node.children, path))


def _named(nodes: list[Field], path: Path) -> list[tuple[Field, Path]]:
    seen: dict[str, int] = {}
    out = []
    for node in nodes:
        ordinal = seen.get(node.name, 0)
        seen[node.name] = ordinal + 1
        out.append((node, (*path, (node.name, ordinal))))
    return out


def ranges(node: Field) -> list[Range]:
    """Return the bytes of a field; those of its children where it has none of its own."""
    if node.length:
        return [(node.space, node.start, node.length)]
    return [(c.space, c.start, c.length) for c in node.children[:64] if c.length]


def _holds(node: Field, space: str, offset: int) -> bool:
    return any(s == space and start <= offset < start + n for s, start, n in ranges(node))


def line_at(lines: list[TreeLine], space: str, offset: int, current: int) -> int | None:
    """Return the innermost visible line that shows the byte; the current one where it ties."""
    best: int | None = None
    size = 0
    for index, line in enumerate(lines):
        node = line.node
        if line.expert or node.space != space or not node.start <= offset < node.end:
            continue
        deeper = best is not None and line.depth > lines[best].depth and node.length <= size
        ties = best is not None and node.length == size and index == current
        if best is None or node.length < size or deeper or ties:
            best, size = index, node.length
    return best


def layer(lines: list[TreeLine], index: int) -> list[Range]:
    """Return the bytes of the nearest ancestor that spans more than the line's own field."""
    own = ranges(lines[index].node)
    parent = lines[index].parent
    while parent >= 0:
        around = ranges(lines[parent].node)
        if around and sum(r[2] for r in around) > sum(r[2] for r in own):
            return around
        parent = lines[parent].parent
    return []
