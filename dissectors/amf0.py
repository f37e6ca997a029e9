"""AMF0 values (AMF0 §2) as fields.

One reader serves one message: the reference table starts empty with each (AMF0 §4.1.3).
"""

import struct
from collections.abc import Callable
from typing import Any, Final

from dissectors.amf import (
    MAX_AMF_PLUMBING,
    Budget,
    LimitReached,
    date_text,
    decode_text,
    number,
    pairs,
    truncated,
    undecodable,
    unquoted,
)
from dissectors.amf3 import Amf3Reader
from dissectors.cursor import Cursor, Malformed
from dissectors.fields import Field
from dissectors.text import quote

NUMBER: Final = 0x00

MARKERS: Final = {
    0x00: "Number",
    0x01: "Boolean",
    0x02: "String",
    0x03: "Object",
    0x04: "MovieClip",
    0x05: "Null",
    0x06: "Undefined",
    0x07: "Reference",
    0x08: "ECMA array",
    0x09: "End Of Object Marker",
    0x0A: "Strict array",
    0x0B: "Date",
    0x0C: "Long string",
    0x0D: "Unsupported",
    0x0E: "RecordSet",
    0x0F: "XML",
    0x10: "Typed object",
    0x11: "Switch to AMF3",
}
"""AMF0 §2.1; the names are Wireshark's."""

_MARKER_LABELS: Final = {
    marker: f"AMF0 type: {name} (0x{marker:02x})" for marker, name in MARKERS.items()
}
_CONTAINERS: Final = frozenset({0x03, 0x08, 0x0A, 0x10, 0x11})
_END: Final = b"\0\0\x09"
_NO_NAME: Final = b"\0\0"
_F64: Final = struct.Struct(">d")


class Amf0Reader:
    """Reads the AMF0 values of one message, with its reference table and its limits."""

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self.amf3 = Amf3Reader(self.budget)
        self._targets: list[Field] = []
        self._costs: list[int] = []  # bytes a reference repeats; -1 while the target is open
        self._cut = False

    def value(self, cur: Cursor, parent: Field, name: str = "value") -> Field:
        """Append the next value to `parent` as field `name` and return it.

        At a limit the field says ``[truncated: …]`` and the cursor moves to its end.
        """
        node = Field(name, "Value", None, cur.pos, 0, 0, parent.space)
        if not cur:
            raise Malformed("AMF0 value expected", cur.pos)
        parent.children.append(node)
        try:
            self._fill(cur, node, "")
        except LimitReached as limit:
            truncated(limit, cur.pos)
            cur.pos = cur.end
        return node

    def values(self, cur: Cursor, parent: Field, name: str = "value") -> None:
        """Append every value up to the end of `cur`."""
        while cur:
            self.value(cur, parent, name)

    def property(self, cur: Cursor, parent: Field) -> Field:
        """Append one (u16 name, value) pair as shared object events hold them."""
        node = Field("property", "Property", None, cur.pos, 0, 0, parent.space)
        parent.children.append(node)
        try:
            self._property(cur, node)
        except LimitReached as limit:
            truncated(limit, cur.pos)
            cur.pos = cur.end
        return node

    def _fill(self, cur: Cursor, node: Field, prefix: str) -> None:
        """Read a value into `node`, whose label will start with `prefix`."""
        start = cur.pos
        try:
            if start >= cur.end:
                raise Malformed("AMF0 value expected", start)
            marker = cur.data[start]
            reader = _READERS.get(marker)
            if reader is None:
                raise Malformed(f"no AMF0 value starts with 0x{marker:02x}", start, 1)
            cur.pos = start + 1
            plumb = self.budget.spend(node)
            if marker == NUMBER and cur.end - start > 8:
                self._whole_number(cur, node, prefix, plumb or bool(node.children))
                return
            node.label = prefix + MARKERS[marker]
            if plumb or node.children or marker in _CONTAINERS:
                plumb = True
                label = _MARKER_LABELS[marker]
                node.children.append(Field("marker", label, marker, start, 1, 0, node.space, True))
            reader(self, cur, node, prefix, plumb)
        except (Malformed, LimitReached):
            if node.value is None:
                node.value = undecodable()
            raise
        node.length = cur.pos - node.start

    def _whole_number(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """The fast path of `_number`, behind its marker, when all its bytes are there."""
        at = cur.pos
        cur.pos = at + 8
        node.value, text = number(_F64.unpack_from(cur.data, at)[0])
        node.label = f"{prefix}Number {text}"
        node.length = at + 8 - node.start
        if plumb:
            space, mark = node.space, _MARKER_LABELS[NUMBER]
            node.children += (
                Field("marker", mark, NUMBER, at - 1, 1, 0, space, True),
                Field("number", f"Number: {text}", node.value, at, 8, 0, space, True),
            )

    def _number(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.2: IEEE 754 double. Whole ones take `_whole_number`, so this one is cut."""
        cur.need(8, "Number")

    def _boolean(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.3: 0 is false, everything else true."""
        at = cur.pos
        node.value = bool(cur.u8("Boolean"))
        text = "true" if node.value else "false"
        node.label = f"{prefix}Boolean {text}"
        if plumb:
            node.add("boolean", f"Boolean: {text}", node.value, at, 1, plumbing=True)

    def _string(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.4: u16 length, UTF-8."""
        text = self._text(cur, node, 2, plumb)
        node.label = f"{prefix}String {quote(text)}"
        node.value = text

    def _long_string(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.14: u32 length, UTF-8."""
        text = self._text(cur, node, 4, plumb)
        node.label = f"{prefix}Long string {quote(text)}"
        node.value = text

    def _xml(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.17: an XML document, carried as a long string."""
        text = self._text(cur, node, 4, plumb)
        node.label = f"{prefix}XML {quote(text)}"
        node.value = {"$xml": text}

    def _text(self, cur: Cursor, node: Field, width: int, plumb: bool) -> str:
        at = cur.pos
        length = cur.uint(width, "String length")
        if plumb:
            label = f"String length: {length}"
            length_field = Field("string_length", label, length, at, width, 0, node.space, True)
            node.children.append(length_field)
        node.length = cur.pos - node.start
        begin = cur.need(length, "String")
        text = decode_text(cur.data[begin : begin + length], node)
        if plumb and length:
            label = f"String: {unquoted(text)}"
            node.children.append(Field("string", label, text, begin, length, 0, node.space, True))
        return text

    def _null(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.7."""

    def _undefined(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.8."""
        node.value = {"$amf": "undefined"}

    def _unsupported(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.15: what the sender could not serialize."""
        node.value = {"$amf": "unsupported"}

    def _date(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.13: ms since 1970 UTC, s16 time zone (should be 0; FLV says minutes)."""
        at = cur.need(10, "Date")
        (raw,) = _F64.unpack_from(cur.data, at)
        zone = int.from_bytes(cur.data[at + 8 : at + 10], "big", signed=True)
        node.label = f"{prefix}Date {date_text(raw)}"
        if zone:
            node.label += f" (time zone {zone:+} min)"
        ms, text = number(raw)
        node.value = {"$date": ms, "timezone": zone}
        if plumb:
            node.add("date", f"Date: {text} ms", ms, at, 8, plumbing=True)
            node.add("timezone", f"Time zone: {zone}", zone, at + 8, 2, plumbing=True)

    def _reference(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.9: u16 index into the containers of this message, in order of their markers."""
        at = cur.pos
        index = cur.u16("Reference")
        node.label = f"{prefix}Reference {index}"
        node.value = {"$ref": index}
        if plumb:
            node.add("reference", f"Reference: {index}", index, at, 2, plumbing=True)
        if index >= len(self._targets):
            known = len(self._targets)
            node.warn("reference_out_of_range", f"reference {index}, but {known} objects so far")
        elif self._costs[index] < 0:
            node.note("cyclic_reference", f"reference {index} is an object that holds this value")
        else:
            self.budget.expand(self._costs[index], node)
            target = self._targets[index]
            node.value = target.value
            if plumb:
                node.add("referenced", f"Refers to: {target.label}", None)

    def _object(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.5: properties up to the end marker."""
        self._container(cur, node, prefix + "Object")

    def _ecma_array(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.10: like Object after a count, which is a hint only.

        Many encoders write 0 or a number that is off by one: nothing is allocated or stopped by it.
        """
        at = cur.pos
        count = cur.u32("Array length")
        node.add("array_length", f"Array length: {count}", count, at, 4, plumbing=True)
        found = self._container(cur, node, prefix + "ECMA array")
        if count != found:
            text = f"array length says {count}, {found} properties found (the count is a hint)"
            node.note("ecma_count", text)

    def _typed_object(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.18: class name, then like Object (the printed grammar names a wrong marker)."""
        at = cur.pos
        length = cur.u16("Class name length")
        node.add("class_name_length", f"Class name length: {length}", length, at, 2, plumbing=True)
        begin = cur.need(length, "Class name")
        name = decode_text(cur.data[begin : begin + length], node)
        if length:
            label = f"Class name: {quote(name)}"
            node.add("class_name", label, name, begin, length, plumbing=True)
        try:
            self._container(cur, node, f"{prefix}Typed object {quote(name)}")
        finally:
            node.value = {"$class": name, "value": node.value}

    def _container(self, cur: Cursor, node: Field, title: str) -> int:
        """Read properties up to the end marker; return how many there were."""
        index, before = self._open(node, cur)
        found: list[tuple[str, Field]] = []
        data, children, space = cur.data, node.children, node.space
        try:
            # The fast path sees a name that is not empty; `_ended` also finds all of these.
            while (
                cur.end - cur.pos > 2 and data[cur.pos : cur.pos + 2] != _NO_NAME
            ) or not self._ended(cur, node):
                child = Field("property", "Property", None, cur.pos, 0, 0, space)
                children.append(child)
                found.append(("", child))
                self._property(cur, child, found)
        finally:
            self.budget.depth -= 1
            node.value = pairs((name, child.value) for name, child in found)
            node.label = f"{title} ({len(found)} items)"
            node.length = cur.pos - node.start
        self._costs[index] = node.length + self.budget.expanded - before
        return len(found)

    def _property(
        self, cur: Cursor, node: Field, found: list[tuple[str, Field]] | None = None
    ) -> None:
        """Read a name (u16 length, UTF-8) and its value into `node`."""
        at, data = cur.need(2, "Property name length"), cur.data
        length = data[at] << 8 | data[at + 1]
        begin = cur.need(length, "Property name")
        end = cur.pos
        key = decode_text(data[begin:end], node)
        if found is not None:
            found[-1] = (key, node)
        marker = data[end] if end < cur.end else NUMBER
        shown = unquoted(key)
        if self.budget.nodes < MAX_AMF_PLUMBING or marker in _CONTAINERS:
            label, space = f"Name length: {length}", node.space
            node.children += (
                Field("name_length", label, length, at, 2, 0, space, True),
                Field("name", f"Name: {shown}", key, begin, length, 0, space, True),
            )
        node.label = f"Property '{shown}'"
        node.length = end - at
        self._fill(cur, node, f"Property '{shown}' ")

    def _ended(self, cur: Cursor, node: Field) -> bool:
        """Is this the end of the properties? Reads the end marker.

        An empty name ends an object only when 0x09 follows it: 00 00 before another marker is a
        property without a name (AMF0 §2.5), where several decoders stop.
        """
        at = cur.pos
        left = cur.peek(3)
        if left == _END:
            cur.pos += 3
            label = "End Of Object Marker"
            node.add("end_of_object_marker", label, None, at, 3, plumbing=True)
            return True
        if left.strip(b"\0") or len(left) > 2:
            return False
        # Some encoders forget the marker of the last object, FFmpeg and others accept that.
        if left:
            cur.pos += len(left)
            label = "End Of Object Marker (incomplete)"
            node.add("end_of_object_marker", label, None, at, len(left), plumbing=True)
        if not self._cut:
            self._cut = True
            node.warn("missing_end_marker", "the message ends before the end marker 00 00 09")
        return True

    def _strict_array(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §2.12: u32 count, values, no end marker."""
        at = cur.pos
        count = cur.u32("Array length")
        node.add("array_length", f"Array length: {count}", count, at, 4, plumbing=True)
        index, before = self._open(node, cur)
        items: list[Any] = []
        children, space, fill = node.children, node.space, self._fill
        first = len(children)
        try:
            for done in range(count):
                if cur.pos >= cur.end:
                    text = f"array of {count} values ends after {done}"
                    raise Malformed(text, cur.pos)
                child = Field("item", "Value", None, cur.pos, 0, 0, space)
                children.append(child)
                fill(cur, child, "")
        finally:
            self.budget.depth -= 1
            items = [child.value for child in children[first:] if child.name == "item"]
            node.value = items
            node.label = f"{prefix}Strict array ({len(items)} items)"
            node.length = cur.pos - node.start
        self._costs[index] = node.length + self.budget.expanded - before

    def _avmplus(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF0 §3.1: one AMF3 value follows, after it AMF0 goes on (E-RTMP v2 "AMF3")."""
        node.length = cur.pos - node.start
        self.amf3.switched(cur, node, prefix)

    def _open(self, node: Field, cur: Cursor) -> tuple[int, int]:
        """Enter a container; return its place in the reference table and the bytes repeated."""
        node.length = cur.pos - node.start
        self.budget.enter(node)
        self._targets.append(node)
        self._costs.append(-1)
        return len(self._costs) - 1, self.budget.expanded


_READERS: Final[dict[int, Callable[[Amf0Reader, Cursor, Field, str, bool], None]]] = {
    0x00: Amf0Reader._number,
    0x01: Amf0Reader._boolean,
    0x02: Amf0Reader._string,
    0x03: Amf0Reader._object,
    0x05: Amf0Reader._null,
    0x06: Amf0Reader._undefined,
    0x07: Amf0Reader._reference,
    0x08: Amf0Reader._ecma_array,
    0x0A: Amf0Reader._strict_array,
    0x0B: Amf0Reader._date,
    0x0C: Amf0Reader._long_string,
    0x0D: Amf0Reader._unsupported,
    0x0F: Amf0Reader._xml,
    0x10: Amf0Reader._typed_object,
    0x11: Amf0Reader._avmplus,
}
"""AMF0 §2.1. MovieClip (04) and RecordSet (0e) are reserved and have no format."""
