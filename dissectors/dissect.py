"""Bytes to field trees: chunk headers and message bodies. Here damage becomes data."""

from typing import Any, Final, NamedTuple

from dissectors import spec
from dissectors.chunk_state import Flag
from dissectors.context import Context
from dissectors.cursor import Cursor, Malformed
from dissectors.damage import attach
from dissectors.fields import Dissection, Field, bits, cover
from dissectors.messages import (
    aggregate,
    audio,
    command,
    data,
    protocol_control,
    shared_object,
    user_control,
    video,
)
from dissectors.messages.sections import specific_section
from dissectors.registry import MessageTable, MessageType


class Brief(NamedTuple):
    """A message without its tree."""

    info: str
    summary: tuple[str, dict[str, Any]] | None
    """Its key and its value."""


def dissect_body(
    type_id: int, body: bytes, ctx: Context, table: MessageTable | None = None
) -> Dissection:
    """Decode a message body. Whatever the bytes are, the leaves of the tree cover them."""
    entry = (MESSAGE_TYPES if table is None else table).get(type_id) or unknown(type_id)
    root = Field(entry.key, "RTMP Body", None, 0, len(body))
    try:
        entry.read(Cursor(body, cut=ctx.truncated), root, ctx)
    except Malformed as fault:
        attach(root, fault, ctx.truncated)
    cover(root, body)
    if entry.describe is None:
        return Dissection(entry.name, entry.name, root)
    title, info = entry.describe(root, ctx)
    return Dissection(title, info, root)


def brief(type_id: int, body: bytes) -> Brief | None:
    """Return what a list and a summary say of a whole body, without its tree, where that is plain.

    It is what `dissect_body` makes of it; None where only that can tell.
    """
    entry = MESSAGE_TYPES.get(type_id)
    if entry is None:
        return Brief(type_name(type_id), None)
    found = entry.brief(body) if entry.brief is not None else None
    return None if found is None else Brief(found[0], (entry.key, found[1]))


def section_of(type_id: int, body: Field) -> str:
    """Return where the specifications describe a dissected body; "" where they do not."""
    entry = MESSAGE_TYPES.get(type_id)
    return "" if entry is None else specific_section(body) or entry.section


def unknown(type_id: int) -> MessageType:
    """The row of a type that no table names: its bytes are shown as they are."""
    return MessageType(f"Unknown (0x{type_id:02x})", "body", _read_nothing)


def _read_nothing(cur: Cursor, root: Field, ctx: Context) -> None:
    pass


_HEADER_SECTION: Final = "RTMP 1.0 §5.3.1"
MESSAGE_TYPES: Final[dict[int, MessageType]] = {}


def type_name(type_id: int) -> str:
    """Return the name of a message type, as Wireshark writes it."""
    entry = MESSAGE_TYPES.get(type_id)
    return entry.name if entry is not None else f"Unknown (0x{type_id:02x})"


class Header(NamedTuple):
    """What the state machine made of a message's first chunk header."""

    fmt: int
    csid: int
    msid: int
    type_id: int
    timestamp: int
    length: int
    flags: int = int(Flag.COMPLETE)
    delta: int | None = None
    """The delta that a fmt 3 inherits, where the message before it is known."""


def dissect_header(raw: bytes, header: Header) -> Field:
    """Annotate a message's first chunk header (RTMP 1.0 §5.3.1); `raw` is the header alone."""
    root = Field("header", "RTMP Header", None, 0, len(raw), space="header")
    cur = Cursor(raw)
    try:
        _basic_header(cur, root, header)
        _message_header(cur, root, header)
    except Malformed as fault:
        root.error("malformed", fault.reason)
    cover(root, raw)
    root.add("section", f"Section: {_HEADER_SECTION}", _HEADER_SECTION, root.end).plumbing = True
    return root


def _basic_header(cur: Cursor, root: Field, header: Header) -> None:
    first = cur.u8("basic header")
    fmt = root.add(
        "fmt", f"{bits(first, 0xC0)} = Format: {first >> 6}", first >> 6, 0, 1, mask=0xC0
    )
    if header.flags & Flag.FRESH:
        # librtmp and OBS do it with ping responses; SRS tolerates exactly fmt 1.
        fmt.note("fresh_chunk_stream", "the first chunk of a chunk stream should be fmt 0")
    low = first & 0x3F
    if low > 1:
        root.add("csid", f"{bits(first, 0x3F)} = Chunk Stream ID: {low}", low, 0, 1, mask=0x3F)
        return
    root.add(
        "csid_form",
        f"{bits(first, 0x3F)} = Chunk Stream ID in the next {'two bytes' if low else 'byte'}",
        low,
        0,
        1,
        mask=0x3F,
    )
    start = cur.need(low + 1, "chunk stream id")
    csid = root.add("csid", f"Chunk Stream ID: {header.csid}", header.csid, start, low + 1)
    if low and header.csid < 320:
        csid.note("csid_not_minimal", "the two-byte form would do")


def _message_header(cur: Cursor, root: Field, header: Header) -> None:
    fmt, start = header.fmt, cur.pos
    extended_field: Field | None = None
    if fmt < 3:
        value = cur.u24("timestamp")
        if fmt == 0:
            extended_field = root.add("timestamp", f"Timestamp: {value}", value, start, 3)
        else:
            extended_field = root.add(
                "timestamp_delta", f"Timestamp delta: {value}", value, start, 3
            )
    rest = (_length_type_msid(cur, root, header) if fmt < 2 else None) or []
    if len(cur) >= 4:
        _extended(cur, root, header, extended_field)
    if fmt == 3 and header.delta is not None:
        root.add("timestamp_delta", f"Timestamp delta: {header.delta} (inherited)", header.delta)
    if fmt:
        how = "inferred" if header.flags & Flag.INFERRED_TIMESTAMP else "calculated"
        root.add("timestamp", f"Timestamp: {header.timestamp} ({how})", header.timestamp)
    root.children.extend(rest)
    if fmt > 1:
        how = "inferred" if header.flags & Flag.INFERRED_LENGTH else "inherited"
        root.add("length", f"Body size: {header.length} ({how})", header.length)
        name = type_name(header.type_id)
        root.add("type_id", f"Type ID: {name} (0x{header.type_id:02x}) ({how})", header.type_id)
    if fmt and (header.msid or header.flags & Flag.INFERRED_MSID):
        how = "inferred" if header.flags & Flag.INFERRED_MSID else "inherited"
        root.add("msid", f"Message stream ID: {header.msid} ({how})", header.msid)


def _length_type_msid(cur: Cursor, root: Field, header: Header) -> list[Field]:
    """Read what follows the timestamp in fmt 0 and 1; shown below the calculated timestamp."""
    holder = Field("", "", space="header")
    start = cur.pos
    length = cur.u24("message length")
    holder.add("length", f"Body size: {length}", length, start, 3)
    start = cur.pos
    type_id = cur.u8("message type")
    text = f"Type ID: {type_name(type_id)} (0x{type_id:02x})"
    node = holder.add("type_id", text, type_id, start, 1)
    if type_id not in MESSAGE_TYPES:
        node.note("unknown_type", "no specification names this message type")
    if header.fmt == 0:
        start = cur.pos
        msid = int.from_bytes(cur.take(4, "message stream id"), "little")
        holder.add("msid", f"Message stream ID: {msid}", msid, start, 4)
    return holder.children


def _extended(cur: Cursor, root: Field, header: Header, field: Field | None) -> None:
    start = cur.pos
    value = cur.u32("extended timestamp")
    node = root.add("extended_timestamp", f"Extended timestamp: {value}", value, start, 4)
    if field is not None and field.value != spec.EXTENDED_TIMESTAMP:
        node.warn("unexpected_extended_timestamp", "the timestamp field does not announce it")
    if header.fmt and value & 0x80000000:
        # librtmp writes a step backwards as a delta mod 2^32 where fmt 0 is wanted.
        node.warn("negative_delta", f"a step of {value - (1 << 32)} ms as a wrapped delta")


MESSAGE_TYPES.update(
    {
        1: MessageType(
            "Set Chunk Size",
            "control",
            protocol_control.read_set_chunk_size,
            protocol_control.describe_set_chunk_size,
            section="RTMP 1.0 §5.4.1",
            brief=protocol_control.brief_set_chunk_size,
        ),
        2: MessageType(
            "Abort Message",
            "control",
            protocol_control.read_abort,
            protocol_control.describe_abort,
            section="RTMP 1.0 §5.4.2",
            brief=protocol_control.brief_abort,
        ),
        3: MessageType(
            "Acknowledgement",
            "control",
            protocol_control.read_acknowledgement,
            protocol_control.describe_acknowledgement,
            section="RTMP 1.0 §5.4.3",
            brief=protocol_control.brief_acknowledgement,
        ),
        4: MessageType(
            "User Control Message",
            "user_control",
            user_control.read,
            user_control.describe,
            section="RTMP 1.0 §6.2, §7.1.7",
            brief=user_control.brief,
        ),
        5: MessageType(
            "Window Acknowledgement Size",
            "control",
            protocol_control.read_window_acknowledgement_size,
            protocol_control.describe_window_acknowledgement_size,
            section="RTMP 1.0 §5.4.4",
            brief=protocol_control.brief_window_acknowledgement_size,
        ),
        6: MessageType(
            "Set Peer Bandwidth",
            "control",
            protocol_control.read_set_peer_bandwidth,
            protocol_control.describe_set_peer_bandwidth,
            section="RTMP 1.0 §5.4.5",
            brief=protocol_control.brief_set_peer_bandwidth,
        ),
        8: MessageType(
            "Audio Data",
            "audio",
            audio.read,
            audio.describe,
            section="RTMP 1.0 §7.1.4, FLV 10.1 §E.4.2",
        ),
        9: MessageType(
            "Video Data",
            "video",
            video.read,
            video.describe,
            section="RTMP 1.0 §7.1.5, FLV 10.1 §E.4.3",
        ),
        15: MessageType("AMF3 Data", "data", data.read, data.describe, section="RTMP 1.0 §7.1.2"),
        16: MessageType(
            "AMF3 Shared Object",
            "shared_object",
            shared_object.read,
            shared_object.describe,
            section="RTMP 1.0 §7.1.3",
        ),
        17: MessageType(
            "AMF3 Command", "command", command.read, command.describe, section="RTMP 1.0 §7.1.1"
        ),
        18: MessageType("AMF0 Data", "data", data.read, data.describe, section="RTMP 1.0 §7.1.2"),
        19: MessageType(
            "AMF0 Shared Object",
            "shared_object",
            shared_object.read,
            shared_object.describe,
            section="RTMP 1.0 §7.1.3",
        ),
        20: MessageType(
            "AMF0 Command", "command", command.read, command.describe, section="RTMP 1.0 §7.1.1"
        ),
        22: MessageType(
            "Aggregate",
            "aggregate",
            aggregate.reader(dissect_body),
            aggregate.describe,
            section="RTMP 1.0 §7.1.6",
        ),
    }
)
