"""AMF3 values (AMF3 §3) as fields.

The three reference tables (strings, objects, traits) belong to one message (AMF3 §4.1).
"""

import struct
from collections.abc import Callable
from typing import Any, Final

from dissectors.amf import (
    LimitReached,
    date_text,
    decode_text,
    hex_value,
    number,
    pairs,
    truncated,
    undecodable,
)
from dissectors.amf3_objects import Amf3Objects
from dissectors.amf3_tables import MARKERS
from dissectors.cursor import Cursor, Malformed
from dissectors.fields import Field
from dissectors.text import hexdump, quote

_MARKER_LABELS: Final = {
    marker: f"AMF3 type: {name} (0x{marker:02x})" for marker, name in MARKERS.items()
}
_FIRST_OBJECT: Final = 0x07
"""Markers from here on enter the object table, and always have fields of their own."""

_NUMERIC: Final = {
    0x0D: (struct.Struct(">i"), "Integer"),
    0x0E: (struct.Struct(">I"), "Integer"),
    0x0F: (struct.Struct(">d"), "Double"),
}


class Amf3Reader(Amf3Objects):
    """Reads AMF3 values of one message, with its three tables and its limits."""

    def value(self, cur: Cursor, parent: Field, name: str = "value") -> Field:
        """Append the next value to `parent` as field `name` and return it."""
        if not cur:
            raise Malformed("AMF3 value expected", cur.pos)
        node = Field(name, "Value", None, cur.pos, 0, 0, parent.space)
        parent.children.append(node)
        self.fill(cur, node, "")
        return node

    def fill(self, cur: Cursor, node: Field, prefix: str) -> None:
        """Read the next value into `node`, whose label will start with `prefix`.

        At a limit the field says ``[truncated: …]`` and the cursor moves to its end.
        """
        try:
            self._fill(cur, node, prefix)
        except LimitReached as limit:
            truncated(limit, cur.pos)
            cur.pos = cur.end

    def switched(self, cur: Cursor, node: Field, prefix: str) -> None:
        """Read the value behind an AMF0 0x11 into `node`.

        AMF3 §4.1 resets the tables per message and does not say whether several values of one
        message share them. Red5 shares them; other encoders restart per value. A value that does
        not decode with the shared tables is tried with empty ones.
        """
        shared = bool(self._strings or self._objects or self._traits)
        kept = _State(self, cur, node)
        self._bad = False
        failure: Malformed | None = None
        try:
            self._fill(cur, node, prefix)
        except Malformed as error:  # raised again below unless the second reading succeeds
            failure = error
        if shared and (failure or self._bad) and self._retry(cur, node, prefix, kept):
            return
        if failure:
            raise failure

    def _retry(self, cur: Cursor, node: Field, prefix: str, before: "_State") -> bool:
        """Read again with empty tables; undo it and return False if that is no better."""
        first = _State(self, cur, node)
        before.restore(self, cur, node)
        self._strings, self._objects, self._traits = [], [], []
        self._bad = False
        try:
            self._fill(cur, node, prefix)
        except Malformed:  # the first reading stands, with its own error
            self._bad = True
        if self._bad:
            first.restore(self, cur, node)
            return False
        text = "decodes only with its own reference tables, not with those of the message"
        node.note("amf3_tables_restarted", text)
        return True

    def _fill(self, cur: Cursor, node: Field, prefix: str) -> None:
        """Read a value into `node`, whose label will start with `prefix`."""
        start = cur.pos
        try:
            marker = cur.u8("AMF3 value")
            reader = _READERS.get(marker)
            if reader is None:
                cur.pos = start
                raise Malformed(f"no AMF3 value starts with 0x{marker:02x}", start, 1)
            plumb = self.budget.spend(node)
            node.label = prefix + MARKERS[marker]
            if plumb or node.children or marker >= _FIRST_OBJECT:
                plumb = True
                label = _MARKER_LABELS[marker]
                node.add("marker", label, marker, start, 1, plumbing=True)
            reader(self, cur, node, prefix, plumb)
        except (Malformed, LimitReached):
            if node.value is None:
                node.value = undecodable()
            raise
        node.length = cur.pos - node.start

    def _undefined(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.2."""
        node.value = {"$amf": "undefined"}

    def _null(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.3."""

    def _false(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.4."""
        node.value = False
        node.label = f"{prefix}Boolean false"

    def _true(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.5."""
        node.value = True
        node.label = f"{prefix}Boolean true"

    def _integer(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.6: U29, sign-extended from 29 bits."""
        at = cur.pos
        value = self._u29(cur, "Integer")
        if value & 0x10000000:
            value -= 0x20000000
        node.label = f"{prefix}Integer {value}"
        node.value = value
        if plumb:
            node.add("integer", f"Integer: {value}", value, at, cur.pos - at, plumbing=True)

    def _double(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.7: IEEE 754 double."""
        at = cur.pos
        node.value, text = number(cur.f64("Double"))
        node.label = f"{prefix}Double {text}"
        if plumb:
            node.add("double", f"Double: {text}", node.value, at, 8, plumbing=True)

    def _string(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.8."""
        text = self._text(cur, node, "string", "String", plumb)
        node.value = text
        node.label = f"{prefix}String {quote(text)}"

    def _xml(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.9, §3.13: length, UTF-8."""
        raw = self._blob(cur, node, "String length", "xml")
        if raw is not None:
            text = decode_text(raw, node)
            node.label += f" {quote(text)}"
            node.value = {"$xml": text}

    def _byte_array(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.14: length, bytes."""
        raw = self._blob(cur, node, "Byte array length", "bytes")
        if raw is not None:
            node.label += f" ({len(raw)} bytes) {hexdump(raw)}"
            node.value = hex_value(raw)

    def _blob(self, cur: Cursor, node: Field, title: str, name: str) -> bytes | None:
        marker = node.children[-1].value
        length = self._header(cur, node, title)
        if length is None:
            return None
        at = cur.pos
        raw = cur.take(length, MARKERS[marker])
        if raw:
            node.add(name, f"Content: {hexdump(raw)}", None, at, length, plumbing=True)
        self._leave(cur, self._enter(node, marker))
        return raw

    def _date(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.10: U29 1, then ms since 1970 UTC as a double; no time zone."""
        if self._header(cur, node, "Date") is None:
            return
        at = cur.pos
        raw = cur.f64("Date")
        node.label = f"{prefix}Date {date_text(raw)}"
        ms, text = number(raw)
        node.value = {"$date": ms, "timezone": None}
        node.add("date", f"Date: {text} ms", ms, at, 8, plumbing=True)
        self._leave(cur, self._enter(node, 0x08))

    def _array(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.11: (name, value) pairs up to an empty name, then `count` dense values."""
        count = self._header(cur, node, "Length of dense portion")
        if count is None:
            return
        self.budget.enter(node)
        entered = self._enter(node, 0x09)
        found: list[tuple[str, Field]] = []
        items: list[Field] = []
        try:
            self._named_values(cur, node, found, "End Of associative part")
            self._items(cur, node, count, items)
        finally:
            self.budget.depth -= 1
            node.value = dense = [item.value for item in items]
            if found:
                associative = pairs((name, child.value) for name, child in found)
                node.value = {"$array": dense, "named": associative} if dense else associative
            node.label = f"{prefix}Array ({len(found) + len(items)} items)"
            node.length = cur.pos - node.start
        self._leave(cur, entered)

    def _vector_head(
        self, cur: Cursor, node: Field, title: str
    ) -> tuple[int, tuple[int, int]] | None:
        """Read count and `fixed` of a vector and enter it; None when it was a reference."""
        marker = node.children[-1].value
        count = self._header(cur, node, title)
        if count is None:
            return None
        at = cur.pos
        flag = cur.u8("flag")
        name, yes, no = ("weak", "weak", "strong") if marker == 0x11 else ("fixed", "yes", "no")
        label = f"{'Keys' if marker == 0x11 else 'Fixed length'}: {yes if flag else no}"
        node.add(name, label, bool(flag), at, 1, plumbing=True)
        return count, self._enter(node, marker)

    def _vector(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.15: s32, u32 or double elements, not U29."""
        layout, word = _NUMERIC[node.children[-1].value]
        head = self._vector_head(cur, node, "Vector length")
        if head is None:
            return
        count, entered = head
        values: list[Any] = []
        title = node.label
        try:
            for _ in range(count):
                at = cur.need(layout.size, "Vector element")
                (raw,) = layout.unpack_from(cur.data, at)
                self.budget.spend(node)
                value, text = number(float(raw))  # exact: a double holds every 32-bit integer
                values.append(value)
                label = f"{word} {text}"
                node.children.append(Field("item", label, value, at, layout.size, 0, node.space))
        finally:
            node.value = values
            node.label = f"{title} ({len(values)} items)"
            node.length = cur.pos - node.start
        self._leave(cur, entered)

    def _object_vector(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.15: class name of the elements, then values."""
        head = self._vector_head(cur, node, "Vector length")
        if head is None:
            return
        count, entered = head
        self.budget.enter(node)
        items: list[Field] = []
        title = node.label
        try:
            name = self._text(cur, node, "class_name", "Class name", True)
            if name:
                title = f"{prefix}Vector of {quote(name)}"
            self._items(cur, node, count, items)
        finally:
            self.budget.depth -= 1
            node.value = [item.value for item in items]
            node.label = f"{title} ({len(items)} items)"
            node.length = cur.pos - node.start
        self._leave(cur, entered)

    def _dictionary(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.16: (key value, value) pairs; keys may be of any type."""
        head = self._vector_head(cur, node, "Dictionary length")
        if head is None:
            return
        count, entered = head
        self.budget.enter(node)
        entries: list[Field] = []
        try:
            for done in range(count):
                if not cur:
                    text = f"dictionary of {count} entries ends after {done}"
                    raise Malformed(text, cur.pos)
                entry = node.add("entry", "Entry", [None, None], cur.pos)
                entries.append(entry)
                self._entry(cur, entry)
        finally:
            self.budget.depth -= 1
            node.value = {"$dictionary": [entry.value for entry in entries]}
            node.label = f"{prefix}Dictionary ({len(entries)} items)"
            node.length = cur.pos - node.start
        self._leave(cur, entered)

    def _entry(self, cur: Cursor, entry: Field) -> None:
        try:
            for place, name in enumerate(("key", "value")):
                node = entry.add(name, name.capitalize(), None, cur.pos)
                self._fill(cur, node, name.capitalize() + " ")
                entry.value[place] = node.value
        finally:
            entry.length = cur.pos - entry.start


class _State:
    """Where reading a value began or ended, to go back to it."""

    def __init__(self, reader: Amf3Reader, cur: Cursor, node: Field) -> None:
        self.pos = cur.pos
        self.field = (node.label, node.value, node.length)
        self.children, self.experts = list(node.children), list(node.experts)
        self.tables = (reader._strings, reader._objects, reader._traits)

    def restore(self, reader: Amf3Reader, cur: Cursor, node: Field) -> None:
        cur.pos = self.pos
        node.label, node.value, node.length = self.field
        node.children, node.experts = list(self.children), list(self.experts)
        reader._strings, reader._objects, reader._traits = self.tables


_READERS: Final[dict[int, Callable[[Amf3Reader, Cursor, Field, str, bool], None]]] = {
    0x00: Amf3Reader._undefined,
    0x01: Amf3Reader._null,
    0x02: Amf3Reader._false,
    0x03: Amf3Reader._true,
    0x04: Amf3Reader._integer,
    0x05: Amf3Reader._double,
    0x06: Amf3Reader._string,
    0x07: Amf3Reader._xml,
    0x08: Amf3Reader._date,
    0x09: Amf3Reader._array,
    0x0A: Amf3Reader._object,
    0x0B: Amf3Reader._xml,
    0x0C: Amf3Reader._byte_array,
    0x0D: Amf3Reader._vector,
    0x0E: Amf3Reader._vector,
    0x0F: Amf3Reader._vector,
    0x10: Amf3Reader._object_vector,
    0x11: Amf3Reader._dictionary,
}
"""AMF3 §3.1."""
