"""What AMF3 values refer to: strings, objects and traits seen earlier (AMF3 §1.3, §2.2)."""

from typing import Final, NamedTuple

from dissectors.amf import Budget, decode_text, unquoted
from dissectors.cursor import Cursor
from dissectors.fields import Field

MARKERS: Final = {
    0x00: "Undefined",
    0x01: "Null",
    0x02: "False",
    0x03: "True",
    0x04: "Integer",
    0x05: "Double",
    0x06: "String",
    0x07: "XML document",
    0x08: "Date",
    0x09: "Array",
    0x0A: "Object",
    0x0B: "XML",
    0x0C: "ByteArray",
    0x0D: "Vector of int",
    0x0E: "Vector of uint",
    0x0F: "Vector of Number",
    0x10: "Vector of Object",
    0x11: "Dictionary",
}
"""AMF3 §3.1."""


class Traits(NamedTuple):
    """The shape of an object (AMF3 §3.12)."""

    class_name: str
    members: tuple[str, ...]
    dynamic: bool
    externalizable: bool


class _Entry(NamedTuple):
    """A row of the object table; `cost` are the bytes a reference to it repeats, -1 if open."""

    field: Field
    marker: int
    cost: int


class Amf3Tables:
    """The three reference tables of one message, and what is read with them."""

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self._strings: list[str] = []
        self._objects: list[_Entry] = []
        self._traits: list[Traits] = []
        self._bad = False

    def _u29(self, cur: Cursor, what: str) -> int:
        """AMF3 §1.3.1: 7 bits per byte while the top bit is set, all 8 bits of a fourth byte."""
        value = 0
        for _ in range(3):
            byte = cur.u8(what)
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        return value << 8 | cur.u8(what)

    def _text(self, cur: Cursor, node: Field, name: str, title: str, plumb: bool) -> str:
        """Read a U29S string: bytes, or the number of an earlier one (AMF3 §1.3.2).

        The empty string is never entered into the table.
        """
        at = cur.pos
        header = self._u29(cur, f"{title} length")
        used = cur.pos - at
        if not header & 1:
            return self._text_reference(node, name, title, plumb, header >> 1, (at, used))
        length = header >> 1
        if plumb:
            label = f"{title} length: {length}"
            node.add(f"{name}_length", label, length, at, used, plumbing=True)
        begin = cur.need(length, title)
        text = decode_text(cur.data[begin : begin + length], node)
        if length:
            self._strings.append(text)
        if plumb:
            label = f"{title}: {unquoted(text)}"
            node.add(name, label, text, begin, length, plumbing=True)
        return text

    def _text_reference(
        self, node: Field, name: str, title: str, plumb: bool, index: int, at: tuple[int, int]
    ) -> str:
        known = len(self._strings)
        if index < known:
            text = self._strings[index]
            self.budget.expand(len(text), node)
        else:
            self._bad = True
            text = f"$ref {index}"
            node.warn("reference_out_of_range", f"string {index}, but {known} strings so far")
        if plumb:
            label = f"{title}: {unquoted(text)} (string reference {index})"
            node.add(name, label, text, *at, plumbing=True)
        return text

    def _header(self, cur: Cursor, node: Field, title: str) -> int | None:
        """Read the U29 of an object type: the count, or None when it was a reference."""
        at = cur.pos
        header = self._u29(cur, title)
        used = cur.pos - at
        if header & 1:
            count = header >> 1
            node.add("count", f"{title}: {count}", count, at, used, plumbing=True)
            node.length = cur.pos - node.start
            return count
        index = header >> 1
        node.add("reference", f"Object reference: {index}", index, at, used, plumbing=True)
        self._resolve(node, index)
        return None

    def _resolve(self, node: Field, index: int) -> None:
        """Give `node` the value of entry `index` of the object table (AMF3 §2.2)."""
        marker = node.children[-2].value
        node.label += f" reference {index}"
        node.value = {"$ref": index}
        known = len(self._objects)
        if index >= known:
            self._bad = True
            node.warn("reference_out_of_range", f"object {index}, but {known} objects so far")
            return
        entry = self._objects[index]
        if entry.marker != marker:
            self._bad = True
            text = f"object {index} is of type {MARKERS[entry.marker]}"
            node.warn("reference_type", text)
        elif entry.cost < 0:
            node.note("cyclic_reference", f"object {index} holds this value")
        else:
            self.budget.expand(entry.cost, node)
            node.value = entry.field.value
            node.add("referenced", f"Refers to: {entry.field.label}")

    def _enter(self, node: Field, marker: int) -> tuple[int, int]:
        """Put `node` into the object table, before its content; return (index, expanded)."""
        self._objects.append(_Entry(node, marker, -1))
        return len(self._objects) - 1, self.budget.expanded

    def _leave(self, cur: Cursor, entered: tuple[int, int]) -> None:
        index, expanded = entered
        node, marker, _ = self._objects[index]
        cost = cur.pos - node.start + self.budget.expanded - expanded
        self._objects[index] = _Entry(node, marker, cost)
