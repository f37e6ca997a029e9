"""The one result model: a tree of fields, each tied to its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from dissectors.text import hexdump


class Severity(IntEnum):
    """How bad an expert note or a finding is."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """What the tree writes: whatever is wrong is a warning there."""
        return "Note" if self is Severity.NOTE else "Warning"


class Expert(NamedTuple):
    """Something wrong or remarkable at a field; it stands as ``[Warning: …]`` below it."""

    severity: Severity
    code: str
    """Stable identifier in snake_case, for filters and rules."""
    text: str


@dataclass(slots=True)
class Field:
    """A node of the annotated tree.

    `start` and `length` are bytes in the coordinates of `space`: ``header`` counts from the
    first byte of the message's first chunk header, ``body`` from the first byte of the body,
    ``stream`` from the direction's first payload byte (handshake trees).
    A sub-byte field shares the span of its byte(s) and carries `mask`.
    """

    name: str
    """The specification's name in snake_case; the same in tree, JSON and filter."""
    label: str
    """The line people read; already safe for a terminal."""
    value: Any = None
    """A JSON-ready value."""
    start: int = 0
    length: int = 0
    mask: int = 0
    space: str = "body"
    plumbing: bool = False
    """AMF markers, lengths and the like: shown only with -VV and in the TUI on demand."""
    children: list[Field] = field(default_factory=list)
    experts: list[Expert] | tuple[()] = ()
    """Most have none, and a list for each would be a sixth of what a field costs."""

    @property
    def end(self) -> int:
        return self.start + self.length

    def add(
        self,
        name: str,
        label: str,
        value: Any = None,
        start: int | None = None,
        length: int = 0,
        *,
        mask: int = 0,
        plumbing: bool = False,
    ) -> Field:
        """Append a child in this field's space and return it.

        Without `start` the child carries no bytes of its own (a calculated value) and stands
        at the parent's start with length 0.
        """
        child = Field(
            name,
            label,
            value,
            self.start if start is None else start,
            length,
            mask,
            self.space,
            plumbing,
        )
        self.children.append(child)
        return child

    def remark(self, severity: Severity, code: str, text: str) -> None:
        """Attach something wrong or remarkable."""
        said = self.experts or []
        said.append(Expert(severity, code, text))
        self.experts = said

    def note(self, code: str, text: str) -> None:
        """Attach an expert note."""
        self.remark(Severity.NOTE, code, text)

    def warn(self, code: str, text: str) -> None:
        """Attach a warning."""
        self.remark(Severity.WARNING, code, text)

    def error(self, code: str, text: str) -> None:
        """Attach an error."""
        self.remark(Severity.ERROR, code, text)

    def find(self, name: str) -> Field | None:
        """Return the first child called `name`, or None."""
        for child in self.children:
            if child.name == name:
                return child
        return None

    def walk(self) -> Iterator[Field]:
        """Yield this field and everything below it, in tree order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            if node.children:
                stack += node.children[::-1]

    def leaves(self) -> Iterator[Field]:
        """Yield the fields without children."""
        stack = [self]
        while stack:
            node = stack.pop()
            if node.children:
                stack += node.children[::-1]
            else:
                yield node


class Dissection(NamedTuple):
    """A decoded message body."""

    title: str
    """In the tree's first line: ``AMF0 Command connect('live')``, ``Set Chunk Size 4096``."""
    info: str
    """In the list's last column: ``connect('live')``, ``Set Chunk Size 4096``."""
    body: Field
    """The `RTMP Body` node. Its name is the JSON key of the summary (``command``, ``audio`` …,
    ``body`` where there is none) and its value the summary itself."""


@lru_cache(maxsize=8192)
def bits(byte: int, mask: int, width: int = 8) -> str:
    """Return Wireshark's picture of a bit field: ``bits(0x43, 0xC0)`` → ``01.. ....``."""
    out = []
    for i in range(width - 1, -1, -1):
        out.append(("1" if byte >> i & 1 else "0") if mask >> i & 1 else ".")
        if i % 4 == 0 and i:
            out.append(" ")
    return "".join(out)


def cover(root: Field, data: bytes, start: int = 0) -> None:
    """Add an explicit field for every byte of `data` that no leaf below `root` stands for.

    Afterwards the leaf spans cover ``start … start + len(data)`` exactly (as fq's gap fields do).
    """
    if _covered(root, start, start + len(data)):
        return
    leaves = root.leaves() if root.children else ()
    spans = sorted([(leaf.start, leaf.start + leaf.length) for leaf in leaves if leaf.length])
    position = start
    gaps: list[tuple[int, int]] = []
    for low, high in spans:
        if low > position:
            gaps.append((position, low))
        position = max(position, high)
    end = start + len(data)
    if position < end:
        gaps.append((position, end))
    homes: dict[int, Field] = {}
    for low, high in gaps:
        piece = data[low - start : high - start]
        label = f"Undecoded: {high - low} byte{'s' * (high - low != 1)} ({hexdump(piece)})"
        home = _home(root, low, high)
        home.add("undecoded", label, None, low, high - low)
        homes[id(home)] = home
    for home in homes.values():
        home.children.sort(key=attrgetter("start"))


def _covered(root: Field, start: int, end: int) -> bool:
    """Whether the leaves stand in order without a gap, as nearly always: nothing to sort then."""
    stack = root.children[::-1]
    while stack:
        node = stack.pop()
        if node.children:
            stack += node.children[::-1]
        elif node.length:
            if node.start > start:
                return False
            behind = node.start + node.length
            if behind > start:
                start = behind
    return start >= end


def _home(node: Field, low: int, high: int) -> Field:
    """Return the deepest field with children whose span holds low … high."""
    for child in node.children:
        if child.children and child.start <= low and high <= child.end:
            return _home(child, low, high)
    return node
