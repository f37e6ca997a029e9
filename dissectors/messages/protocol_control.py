"""Protocol control messages, RTMP 1.0 §5.4: types 1, 2, 3, 5 and 6."""

from typing import Any

from dissectors.context import Context
from dissectors.cursor import Cursor, Malformed
from dissectors.fields import Field
from dissectors.registry import ReadBrief
from dissectors.spec import LIMIT_TYPES


def _read_u32(cur: Cursor, root: Field, name: str, title: str) -> Field:
    """Read the u32 that is the whole message."""
    at = cur.pos
    value = cur.u32(title)
    return root.add(name, f"{title}: {value}", value, at, 4)


def _describe_u32(root: Field, name: str, title: str) -> tuple[str, str]:
    node = root.find(name)
    value = node.value if node else None
    root.value = {name: value}
    text = title if value is None else f"{title} {value}"
    return text, text


def _brief_u32(name: str, title: str, mask: int = 0xFFFFFFFF) -> ReadBrief:
    def brief(body: bytes) -> tuple[str, dict[str, Any]] | None:
        if len(body) != 4:
            return None
        value = int.from_bytes(body, "big") & mask
        return f"{title} {value}", {name: value}

    return brief


def read_set_chunk_size(cur: Cursor, root: Field, ctx: Context) -> None:
    """RTMP 1.0 §5.4.1: a zero bit, then a 31-bit size of at least 1."""
    at = cur.pos
    raw = cur.u32("Chunk size")
    size = raw & 0x7FFFFFFF
    if raw != size:
        reserved = root.add("reserved", "Reserved bit: 1", 1, at, 4, mask=0x80000000)
        reserved.warn("reserved_bit", "the top bit must be zero; it is not part of the size")
    node = root.add("chunk_size", f"Chunk size: {size}", size, at, 4, mask=0x7FFFFFFF)
    if not size:
        node.error("chunk_size_zero", "a chunk size of 0 is illegal")


def describe_set_chunk_size(root: Field, ctx: Context) -> tuple[str, str]:
    return _describe_u32(root, "chunk_size", "Set Chunk Size")


brief_set_chunk_size = _brief_u32("chunk_size", "Set Chunk Size", 0x7FFFFFFF)


def read_abort(cur: Cursor, root: Field, ctx: Context) -> None:
    """RTMP 1.0 §5.4.2: the chunk stream whose partly received message is discarded."""
    _read_u32(cur, root, "csid", "Chunk stream ID")


def describe_abort(root: Field, ctx: Context) -> tuple[str, str]:
    return _describe_u32(root, "csid", "Abort Message")


brief_abort = _brief_u32("csid", "Abort Message")


def read_acknowledgement(cur: Cursor, root: Field, ctx: Context) -> None:
    """RTMP 1.0 §5.4.3: bytes received so far, mod 2^32."""
    _read_u32(cur, root, "sequence_number", "Sequence number")


def describe_acknowledgement(root: Field, ctx: Context) -> tuple[str, str]:
    return _describe_u32(root, "sequence_number", "Acknowledgement")


brief_acknowledgement = _brief_u32("sequence_number", "Acknowledgement")


def read_window_acknowledgement_size(cur: Cursor, root: Field, ctx: Context) -> None:
    """RTMP 1.0 §5.4.4: the peer acknowledges at least every so many bytes."""
    _read_window(cur, root)


def describe_window_acknowledgement_size(root: Field, ctx: Context) -> tuple[str, str]:
    return _describe_u32(root, "window_size", "Window Acknowledgement Size")


brief_window_acknowledgement_size = _brief_u32("window_size", "Window Acknowledgement Size")


def _read_window(cur: Cursor, root: Field) -> None:
    node = _read_u32(cur, root, "window_size", "Window acknowledgement size")
    if not node.value:
        node.warn("window_size_zero", "a window of 0 bytes lets the sender never continue")


def read_set_peer_bandwidth(cur: Cursor, root: Field, ctx: Context) -> None:
    """RTMP 1.0 §5.4.5: window size, limit type.

    Some senders leave out the limit type (4-byte body); FFmpeg accepts that, and so do we.
    """
    _read_window(cur, root)
    if not cur:
        if ctx.truncated:
            raise Malformed("Limit type needs 1 byte, 0 left", cur.pos)
        root.warn("limit_type_missing", "the body has 4 bytes; the limit type is missing")
        return
    at = cur.pos
    limit = cur.u8("Limit type")
    word = LIMIT_TYPES.get(limit, "Unknown")
    node = root.add("limit_type", f"Limit type: {word} ({limit})", word.lower(), at, 1)
    if limit not in LIMIT_TYPES:
        node.warn("limit_type_unknown", f"limit type {limit} is not defined")
        node.value = limit


def describe_set_peer_bandwidth(root: Field, ctx: Context) -> tuple[str, str]:
    window, limit = root.find("window_size"), root.find("limit_type")
    summary: dict[str, Any] = {
        "window_size": window.value if window else None,
        "limit_type": limit.value if limit else None,
    }
    root.value = summary
    text = _bandwidth(*summary.values())
    return text, text


def _bandwidth(window: int | None, limit: str | int | None) -> str:
    text = "Set Peer Bandwidth"
    if window is not None:
        text += f" {window}"
        if limit is not None:
            text += f",{limit.capitalize() if isinstance(limit, str) else limit}"
    return text


def brief_set_peer_bandwidth(body: bytes) -> tuple[str, dict[str, Any]] | None:
    if len(body) != 5:
        return None
    window, limit = int.from_bytes(body[:4], "big"), body[4]
    word = LIMIT_TYPES[limit].lower() if limit in LIMIT_TYPES else limit
    return _bandwidth(window, word), {"window_size": window, "limit_type": word}
