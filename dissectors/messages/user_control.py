"""User Control Messages, RTMP 1.0 §6.2 and §7.1.7: type 4."""

from typing import Any, Final, NamedTuple

from dissectors.context import Context
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.text import hexdump


class Value(NamedTuple):
    """One value of an event; `size` 4 or less is an integer, more are bytes."""

    name: str
    title: str
    size: int


class Event(NamedTuple):
    """A user control event: Wireshark's name, the JSON name, its values in wire order."""

    title: str
    name: str
    values: tuple[Value, ...]


_STREAM: Final = (Value("stream_id", "Stream ID", 4),)
_TIME: Final = (Value("timestamp", "Timestamp", 4),)
_SWF_RESPONSE: Final = (
    Value("version", "Version", 1),
    Value("version_2", "Version (repeated)", 1),
    Value("swf_size", "SWF size", 4),
    Value("swf_size_2", "SWF size (repeated)", 4),
    Value("hmac", "HMAC-SHA256 of the SWF hash", 32),
)
_BUFFER: Final = (*_STREAM, Value("buffer_length", "Buffer length (ms)", 4))
_FLOW_SYNC: Final = (Value("sync_id", "Sync ID", 4), Value("count", "Count", 4))
_KEEPALIVE: Final = (
    Value("server_period", "Server keepalive period (ms)", 4),
    Value("peer_period", "Peer keepalive period (ms)", 4),
)

EVENTS: Final[dict[int, Event]] = {
    0: Event("Stream Begin", "stream_begin", _STREAM),
    1: Event("Stream EOF", "stream_eof", _STREAM),
    2: Event("Stream Dry", "stream_dry", _STREAM),
    3: Event("Set Buffer Length", "set_buffer_length", _BUFFER),
    4: Event("Stream Is Recorded", "stream_is_recorded", _STREAM),
    6: Event("Ping Request", "ping_request", _TIME),
    7: Event("Ping Response", "ping_response", _TIME),
    # De facto: Flash Media Server, as librtmp, FFmpeg and SRS know them.
    26: Event("SWF Verification Request", "swf_verification_request", _SWF_RESPONSE[:1]),
    27: Event("SWF Verification Response", "swf_verification_response", _SWF_RESPONSE),
    31: Event("Buffer Empty", "buffer_empty", _STREAM),
    32: Event("Buffer Ready", "buffer_ready", _STREAM),
    # RFC 7425 §5.2 and §5.3.4, meant for RTMFP.
    34: Event("Flow Synchronization", "flow_synchronization", _FLOW_SYNC),
    41: Event("Set Keepalive Timers", "set_keepalive_timers", _KEEPALIVE),
}
"""By event type; 5 and 8 are seen and unassigned."""
_OTHERWISE: Final = frozenset(
    kind for kind, event in EVENTS.items() if any(value.size != 4 for value in event.values)
)
"""Events whose values are not all of four bytes."""


def read(cur: Cursor, root: Field, ctx: Context) -> None:
    """RTMP 1.0 §7.1.7: u16 event type, event data."""
    at = cur.pos
    kind = cur.u16("Event type")
    event = EVENTS.get(kind)
    title = event.title if event else "Unknown"
    node = root.add("event_type", f"Event type: {title} ({kind})", kind, at, 2)
    if event is None:
        node.note("event_unknown", f"event type {kind} is not assigned")
        _read_unknown(cur, root)
        return
    if kind == 26 and not cur:
        # Red5 sends and accepts the request without its version byte.
        node.note("version_missing", "the request has no version byte")
        return
    for name, title, size in event.values:
        at = cur.pos
        data = cur.take(size, title)
        if size > 4:
            root.add(name, f"{title}: {data.hex()}", data.hex(), at, size)
        else:
            value = int.from_bytes(data, "big")
            root.add(name, f"{title}: {value}", value, at, size)


def _read_unknown(cur: Cursor, root: Field) -> None:
    at = cur.pos
    data = cur.rest()
    if data:
        root.add("data", f"Event data: {hexdump(data)}", data[:64].hex(), at, len(data))


def describe(root: Field, ctx: Context) -> tuple[str, str]:
    """Title ``User Control Message Stream Begin 1``, info ``Stream Begin 1``."""
    node = root.find("event_type")
    if node is None:
        root.value = {"event": None, "event_type": None}
        return "User Control Message", "User Control Message"
    kind = node.value
    event = EVENTS.get(kind)
    summary: dict[str, Any] = {"event": event.name if event else None, "event_type": kind}
    if event is None:
        data = root.find("data")
        root.value = summary | {"data": data.value if data else ""}
        return f"User Control Message 0x{kind:02x}", f"User Control 0x{kind:02x}"
    for value in event.values:
        found = root.find(value.name)
        summary[value.name] = found.value if found else None
    root.value = summary
    text = _text(kind, event, summary)
    return f"User Control Message {text}", text


def _text(kind: int, event: Event, summary: dict[str, Any]) -> str:
    text = event.title
    shown = [summary[value.name] for value in event.values if value.size == 4]
    if kind == 3 and None not in shown:
        text += f" {shown[0]},{shown[1]}ms"
    elif shown and None not in shown and kind != 27:
        text += " " + ",".join(map(str, shown))
    return text


def brief(body: bytes) -> tuple[str, dict[str, Any]] | None:
    """Events of one or two integers, whole and nothing behind them."""
    kind = int.from_bytes(body[:2], "big")
    event = EVENTS.get(kind)
    if event is None or len(body) != 2 + 4 * len(event.values) or kind in _OTHERWISE:
        return None
    summary: dict[str, Any] = {"event": event.name, "event_type": kind}
    at = 2
    for value in event.values:
        summary[value.name] = int.from_bytes(body[at : at + 4], "big")
        at += 4
    return _text(kind, event, summary), summary
