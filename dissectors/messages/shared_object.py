"""Shared object messages, RTMP 1.0 §7.1.3: types 19 (AMF0) and 16 (AMF3).

The specification gives an outline only; layout and event data are those of Flash Media Server as
Red5 and others read them.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from dissectors.amf import Budget, decode_text, pairs, sparing_most, unquoted
from dissectors.amf0 import Amf0Reader
from dissectors.amf3 import Amf3Reader
from dissectors.context import Context
from dissectors.cursor import Cursor, Malformed
from dissectors.damage import attach
from dissectors.fields import Field
from dissectors.spec import SHARED_OBJECT_AMF3
from dissectors.status_codes import STATUS_CODES
from dissectors.text import hexdump, quote

MAX_EVENTS: Final = 10_000
"""Events of one message; an empty one takes 5 bytes, real messages hold a handful."""

_FIXED: Final = 14
"""Bytes of name length, version and flags."""

_Reader = Amf0Reader | Amf3Reader
_ReadEvent = Callable[[Cursor, Field, _Reader], None]


def _empty(cur: Cursor, event: Field, reader: _Reader) -> None:
    """Use, Release, Clear, Use Success carry no data."""


def _text(cur: Cursor, node: Field, name: str, title: str) -> Field:
    """Read an untyped string: u16 length, UTF-8."""
    at = cur.pos
    child = node.add(name, title, None, at)
    length = cur.u16(f"{title} length")
    label = f"{title} length: {length}"
    child.add(f"{name}_length", label, length, at, 2, plumbing=True)
    child.length = 2
    begin = cur.need(length, title)
    child.value = decode_text(cur.data[begin : begin + length], child)
    child.label = f"{title}: {unquoted(child.value)}"
    if length:
        label = f"String: {unquoted(child.value)}"
        child.add("string", label, child.value, begin, length, plumbing=True)
    child.length = cur.pos - at
    return child


def _properties(cur: Cursor, event: Field, reader: _Reader) -> None:
    """Request Change and Change: (u16 name, AMF value) until the length is used up."""
    while cur:
        if isinstance(reader, Amf0Reader):
            reader.property(cur, event)
            continue
        entry = event.add("property", "Property", None, cur.pos)
        name = _text(cur, entry, "name", "Name")
        name.plumbing = True
        entry.label = f"Property {quote(name.value)}"
        entry.length = name.length
        reader.fill(cur, entry, entry.label + " ")


def _property_name(cur: Cursor, event: Field, reader: _Reader) -> None:
    """Success, Remove, Request Remove: the name, seldom with its value."""
    while cur:
        name = _text(cur, event, "property_name", "Property name")
        name.label = f"Property name: {unquoted(name.value)}"
        if event.children[0].value == 5 and cur:
            reader.value(cur, event, "value")


def _send_message(cur: Cursor, event: Field, reader: _Reader) -> None:
    """A typed String with the handler's name, then its arguments."""
    name = "handler"
    while cur:
        reader.value(cur, event, name)
        name = "argument"


def _status(cur: Cursor, event: Field, reader: _Reader) -> None:
    """Two untyped strings: code and level."""
    if not cur:
        return
    code = _text(cur, event, "code", "Code")
    meaning = STATUS_CODES.get(code.value)
    if meaning:
        code.add("meaning", f"Meaning: {meaning}", meaning)
    if cur:
        _text(cur, event, "level", "Level")


class Event(NamedTuple):
    """A shared object event: title, JSON name, reader of its data."""

    title: str
    name: str
    read: _ReadEvent


EVENTS: Final[dict[int, Event]] = {
    1: Event("Use", "use", _empty),
    2: Event("Release", "release", _empty),
    3: Event("Request Change", "request_change", _properties),
    4: Event("Change", "change", _properties),
    5: Event("Success", "success", _property_name),
    6: Event("Send Message", "send_message", _send_message),
    7: Event("Status", "status", _status),
    8: Event("Clear", "clear", _empty),
    9: Event("Remove", "remove", _property_name),
    10: Event("Request Remove", "request_remove", _property_name),
    11: Event("Use Success", "use_success", _empty),
}
"""RTMP 1.0 §7.1.3."""


def read(cur: Cursor, root: Field, ctx: Context) -> None:
    """Name, version, flags, then events; type 16 starts with the encoding of its values."""
    encoding = 0
    if ctx.type_id == SHARED_OBJECT_AMF3:
        encoding = _read_encoding(cur, root)
    _text(cur, root, "name", "Name")
    at = cur.pos
    version = cur.u32("Version")
    root.add("version", f"Version: {version}", version, at, 4)
    at = cur.pos
    flags = cur.u32("Flags")
    word = {0: "temporary", 2: "persistent"}.get(flags, "Unknown")
    root.add("persistence", f"Persistence: {word} ({flags})", flags, at, 4)
    at = cur.pos
    unknown = cur.u32("Flags")
    root.add("flags", f"Flags: 0x{unknown:08x}", unknown, at, 4)
    budget = Budget(len(cur), sparing=ctx.sparing)
    reader: _Reader = Amf3Reader(budget) if encoding == 3 else Amf0Reader(budget)
    most = min(sparing_most(len(cur)), MAX_EVENTS) if ctx.sparing else MAX_EVENTS
    for _ in range(most):
        if not cur:
            return
        _read_event(cur, root, reader)
    if cur:
        text = f"[truncated: more than {most} events]"
        root.add("truncated", text, "max_events", cur.pos)


def _read_encoding(cur: Cursor, root: Field) -> int:
    """Type 16: u8, 0 says AMF0 values (each may switch with 0x11), 3 says AMF3 values.

    Servers that forget the format selector of types 15 and 17 may forget this byte as well: then
    the u16 name length stands first, and read one byte later it exceeds the message.
    """
    at, head, left = cur.pos, cur.peek(3), len(cur)
    here, next_byte = (int.from_bytes(head[i : i + 2], "big") + _FIXED for i in (0, 1))
    if len(head) == 3 and head[0] == 0 and here <= left < next_byte + 1:
        root.note("encoding_missing", "no encoding byte: the name starts at once")
        return 0
    encoding = cur.u8("Encoding")
    word = {0: "AMF0", 3: "AMF3"}.get(encoding, "Unknown")
    node = root.add("encoding", f"Encoding: {word} ({encoding})", encoding, at, 1)
    if word == "Unknown":
        node.warn("encoding_unknown", f"encoding {encoding} is not defined; read as AMF0")
    return encoding


def _read_event(cur: Cursor, root: Field, reader: _Reader) -> None:
    """Read u8 type, u32 length, data. The length bounds whatever the data says."""
    at = cur.pos
    node = root.add("event", "Event", None, at)
    kind = cur.u8("Event type")
    event = EVENTS.get(kind)
    title = event.title if event else f"Unknown event {kind}"
    node.label = title
    node.add("event_type", f"Event type: {title} ({kind})", kind, at, 1, plumbing=True)
    length = cur.u32("Event data length")
    node.add("event_length", f"Event length: {length}", length, at + 1, 4, plumbing=True)
    node.length = 5
    available = min(length, len(cur))
    data = cur.sub(available)
    node.length += available
    if event is None:
        node.note("event_unknown", f"event type {kind} is not defined")
        raw = data.rest()
        if raw:
            value = {"$hex": raw[:256].hex(), "length": len(raw)}
            node.add("data", f"Event data: {hexdump(raw)}", value, at + 5, len(raw))
    else:
        try:
            event.read(data, node, reader)
        except Malformed as fault:  # the event's length says where the next one stands
            attach(node, fault, data.cut)
    if available < length:
        raise Malformed(f"event of {length} bytes, {available} left", at, 5 + available)


def describe(root: Field, ctx: Context) -> tuple[str, str]:
    """Title ``AMF0 Shared Object chat``, info ``chat: Use Success, Clear``."""
    kind = "AMF3 Shared Object" if ctx.type_id == SHARED_OBJECT_AMF3 else "AMF0 Shared Object"
    name, version = root.find("name"), root.find("version")
    persistence = root.find("persistence")
    events = [node for node in root.children if node.name == "event"]
    root.value = {
        "name": name.value if name else None,
        "version": version.value if version else None,
        "persistent": bool(persistence.value & 2) if persistence else None,
        "events": [_summary(node) for node in events],
    }
    if name is None or name.value is None:
        return kind, kind
    shown = quote(name.value, 256)
    titles = [node.label for node in events]
    more = ", …" if len(titles) > 8 else ""
    info = f"{shown} {', '.join(titles[:8])}{more}".rstrip()
    return f"{kind} {shown}", info


def _summary(node: Field) -> dict[str, Any]:
    kind = node.find("event_type")
    event = EVENTS.get(kind.value) if kind else None
    summary: dict[str, Any] = {
        "event": event.name if event else None,
        "event_type": kind.value if kind else None,
    }
    if event is None:
        data = node.find("data")
        return summary | {"data": data.value if data else None}
    if event.read is _properties:
        found = []
        for child in node.children:
            key = child.find("name") if child.name == "property" else None
            if key is not None and isinstance(key.value, str):
                found.append((key.value, child.value))
        summary["properties"] = pairs(found)
    elif event.read is _property_name:
        names = [child.value for child in node.children if child.name == "property_name"]
        summary["property_names"] = names
    elif event.read is _send_message:
        handler = node.find("handler")
        summary["handler"] = handler.value if handler else None
        summary["arguments"] = [c.value for c in node.children if c.name == "argument"]
    elif event.read is _status:
        for key_name in ("code", "level"):
            value = node.find(key_name)
            summary[key_name] = value.value if value else None
    return summary
