"""Aggregate messages, RTMP 1.0 §7.1.6: type 22."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from dissectors.amf import sparing_most
from dissectors.context import CodecConfig, Context
from dissectors.cursor import Cursor, Malformed
from dissectors.fields import Dissection, Field
from dissectors.messages.media_config import (
    MAX_SUB_MESSAGES,
    Record,
    audio_records,
    video_records,
)
from dissectors.registry import Read
from dissectors.spec import AGGREGATE, AUDIO, DATA_AMF0, DATA_AMF3, VIDEO
from dissectors.text import hexdump

Dissect = Callable[[int, bytes, Context], Dissection]
"""Decodes a body by type id and leaves no byte uncovered; never raises."""

MAX_SUB_FIELDS: Final = 50_000
"""Fields of all sub-messages together, about 300 bytes each; real ones have some twenty."""
SPARING_BYTES: Final = 1024
"""Bytes that pay for one more sub-message where decoding is to be sparing."""

_HEADER: Final = 11
_TAGS: Final = {
    AUDIO: ("Audio Tag", "Audio Data"),
    VIDEO: ("Video Tag", "Video Data"),
    DATA_AMF0: ("Script Tag", "AMF0 Data"),
    DATA_AMF3: ("Script Tag", "AMF3 Data"),
}
"""What an aggregate may hold: Wireshark's name of the tag, name of the message type."""
_FILTER: Final = 0x20
"""FLV 10.1 §E.4.1: the tag's content is encrypted, behind an EncryptionTagHeader (annex F)."""


def type_name(type_id: int) -> str:
    """Return the message type's name as Wireshark writes it."""
    if type_id in _TAGS:
        return _TAGS[type_id][1]
    if type_id & _FILTER and type_id - _FILTER in _TAGS:
        return f"Encrypted {_TAGS[type_id - _FILTER][1]}"
    return f"Unknown (0x{type_id:02x})"


def _tag_name(kind: int) -> str:
    if kind & _FILTER and kind - _FILTER in _TAGS:
        return f"Encrypted {_TAGS[kind - _FILTER][0]}"
    return _TAGS[kind][0] if kind in _TAGS else f"Unknown Tag (0x{kind:02x})"


def reader(dissect: Dissect) -> Read:
    """Return the reader of type 22, which hands each sub-body to `dissect`."""

    def read(cur: Cursor, root: Field, ctx: Context) -> None:
        """Sub-messages up to the end: each is an FLV tag with its PreviousTagSize.

        Their times count from the first one, which stands for the aggregate's own timestamp. The
        aggregate's message stream id replaces theirs.
        """
        first: int | None = None
        room = MAX_SUB_FIELDS
        most = MAX_SUB_MESSAGES
        if ctx.sparing:
            most = min(sparing_most(len(cur), SPARING_BYTES), most)
        for _ in range(most):
            if not cur:
                return
            node = root.add("message", "Tag", None, cur.pos)
            raw = _read_header(cur, node)
            first = raw if first is None else first
            timestamp = (ctx.timestamp + raw - first) & 0xFFFFFFFF
            offset = (ctx.timestamp - first) & 0xFFFFFFFF
            shift = offset - (1 << 32) if offset > 1 << 31 else offset
            label = f"Timestamp: {timestamp} (calculated, rebased by {shift:+})"
            node.add("timestamp", label, timestamp, cur.pos)
            start = cur.pos
            room -= _read_body(cur, node, replace(ctx, timestamp=timestamp), dissect, room)
            room -= len(node.children)
            ctx = _configured(ctx, node.children[0].value, cur.data[start : cur.pos])
            _read_back_pointer(cur, node, ctx)
        if cur:
            text = f"[truncated: more than {most} sub-messages]"
            root.add("truncated", text, "max_sub_messages", cur.pos)

    return read


def _read_header(cur: Cursor, node: Field) -> int:
    """Read u8 type, u24 size, u24 timestamp, u8 its top bits, u24 stream id; return the time.

    RTMP 1.0 §6.1.1 draws the timestamp as one u32. On the wire it is FLV's order (FLV 10.1
    §E.4.1): the low 24 bits, then the high 8, as every implementation reads it.
    """
    at = cur.pos
    kind = cur.u8("Type")
    node.label = _tag_name(kind)
    node.add("type_id", f"Type: {type_name(kind)} ({kind})", kind, at, 1)
    node.length = 1
    size = cur.u24("Data size")
    node.add("data_size", f"Data size: {size}", size, at + 1, 3)
    low, high = cur.u24("Timestamp"), cur.u8("Timestamp extended")
    node.add("timestamp_low", f"Timestamp: {low}", low, at + 4, 3)
    node.add("timestamp_extended", f"Timestamp Extended: {high}", high, at + 7, 1)
    stream = cur.u24("Stream ID")
    node.add("stream_id", f"Stream ID: {stream}", stream, at + 8, 3)
    node.length = _HEADER
    return high << 24 | low


def _read_body(cur: Cursor, node: Field, ctx: Context, dissect: Dissect, room: int) -> int:
    """Decode the sub-body into a child; return how many fields that made."""
    kind, size = node.children[0].value, node.children[1].value
    at = cur.pos
    if size > len(cur):
        text = f"sub-message of {size} bytes, {len(cur)} left in the aggregate"
        raise Malformed(text, at, len(cur))
    data = cur.take(size)
    node.length += size
    encrypted = kind & _FILTER and kind - _FILTER in _TAGS
    if kind == AGGREGATE or encrypted or room <= 0:
        child = node.add("data", f"Data: {hexdump(data)}", None, at, size)
        if kind == AGGREGATE:
            child.warn("nested_aggregate", "an aggregate inside an aggregate is not decoded")
        elif encrypted:
            child.note("encrypted_tag", "encrypted content (FLV 10.1 annex F)")
        else:
            text = f"[truncated: more than {MAX_SUB_FIELDS} fields]"
            node.add("truncated", text, "max_sub_fields", at)
        return 1
    title, info, body = dissect(kind, data, replace(ctx, type_id=kind))
    count = 0
    for field in body.walk():
        field.start += at
        count += 1
    node.label += f": {info}"
    body.label = f"Data ({title})"
    node.children.append(body)
    return count


def _configured(ctx: Context, kind: int, body: bytes) -> Context:
    """Return the state for the sub-messages that follow: a configuration counts at once."""
    if kind == VIDEO and (found := video_records(body)):
        return replace(ctx, video={**ctx.video, **_configs(found)})
    if kind == AUDIO and (found := audio_records(body)):
        return replace(ctx, audio={**ctx.audio, **_configs(found)})
    return ctx


def _configs(found: list[Record]) -> dict[int, CodecConfig]:
    return {track: CodecConfig(codec, record, "") for track, codec, record in found}


def _read_back_pointer(cur: Cursor, node: Field, ctx: Context) -> None:
    """Read u32: the size of the sub-message with its header. The last one may be missing."""
    at = cur.pos
    expected = node.length
    if not cur and not ctx.truncated:
        # nginx-rtmp and others tolerate it, some senders leave it out.
        node.note("back_pointer_missing", "no back pointer after the last sub-message")
        return
    pointer = cur.u32("Back pointer")
    child = node.add("back_pointer", f"Previous tag size: {pointer}", pointer, at, 4)
    node.length += 4
    if pointer != expected:
        child.warn("back_pointer", f"back pointer {pointer}, but the sub-message has {expected}")


def describe(root: Field, ctx: Context) -> tuple[str, str]:
    """Title ``Aggregate``, info ``Aggregate: 2 messages``."""
    messages: list[dict[str, Any]] = []
    for node in root.children:
        if node.name == "message":
            messages.append(_summary(node))
    root.value = {"messages": messages}
    return "Aggregate", f"Aggregate ({len(messages)} messages)"


def _summary(node: Field) -> dict[str, Any]:
    values = {child.name: child.value for child in node.children if child.name in _NUMBERS}
    kind = values.get("type_id")
    summary: dict[str, Any] = {
        "type_id": kind,
        "type": None if kind is None else type_name(kind),
        "timestamp": values.get("timestamp"),
        "length": values.get("data_size"),
    }
    for child in node.children:
        if child.name not in _NUMBERS and isinstance(child.value, dict):
            summary[child.name] = child.value
    return summary


_NUMBERS: Final = frozenset(
    {
        *("type_id", "data_size", "timestamp_low", "timestamp_extended", "stream_id"),
        *("timestamp", "back_pointer"),
    }
)
