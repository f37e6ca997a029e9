"""Where the specifications describe a message: the section numbers shown with it."""

from collections.abc import Callable
from typing import Any, Final

from dissectors.fields import Field

_CALL: Final = "RTMP 1.0 §7.2.1.2"
"""A method call on the other end: whatever the specification does not define is one."""

COMMANDS: Final[dict[str, str]] = {
    "connect": "RTMP 1.0 §7.2.1.1",
    "createStream": "RTMP 1.0 §7.2.1.3",
    "play": "RTMP 1.0 §7.2.2.1",
    "play2": "RTMP 1.0 §7.2.2.2",
    "deleteStream": "RTMP 1.0 §7.2.2.3",
    "receiveAudio": "RTMP 1.0 §7.2.2.4",
    "receiveVideo": "RTMP 1.0 §7.2.2.5",
    "publish": "RTMP 1.0 §7.2.2.6",
    "seek": "RTMP 1.0 §7.2.2.7",
    "pause": "RTMP 1.0 §7.2.2.8",
    "onStatus": "RTMP 1.0 §7.2.2",
    "_result": "RTMP 1.0 §7.1.1",
    "_error": "RTMP 1.0 §7.1.1",
    "close": "RTMP 1.0 §7.2.1",
    "closeStream": "RTMP 1.0 §7.2.2",
}
_STATUS: Final = {
    "NetConnection.Connect.ReconnectRequest": 'E-RTMP v2 "Reconnect Request"',
}
_META_DATA: Final = "RTMP 1.0 §7.1.2, FLV 10.1 §E.5"
DATA: Final[dict[str, str]] = {
    "@setDataFrame": _META_DATA,
    "@clearDataFrame": _META_DATA,
    "onMetaData": _META_DATA,
    "onXMPData": "RTMP 1.0 §7.1.2, FLV 10.1 §E.6",
    "|AdditionalHeader": "RTMP 1.0 §7.1.2, FLV 10.1 annex F",
}
EVENTS: Final[dict[int, str]] = {34: "RFC 7425 §5.2", 41: "RFC 7425 §5.3.4"}
"""User control events of RTMFP; RTMP 1.0 has 0 to 4, 6 and 7."""
_EXTRA_EVENT: Final = "RTMP 1.0 §6.2 (the event is not in it)"
_SPECIFIED_EVENTS: Final = frozenset({0, 1, 2, 3, 4, 6, 7})


def _command(summary: dict[str, Any]) -> str | None:
    special = _STATUS.get(str(summary.get("code")))
    return special or COMMANDS.get(str(summary.get("name")), _CALL)


def _data(summary: dict[str, Any]) -> str | None:
    return DATA.get(str(summary.get("name")))


def _event(summary: dict[str, Any]) -> str | None:
    kind = summary.get("event_type")
    if kind is None or kind in _SPECIFIED_EVENTS:
        return None
    return EVENTS.get(kind, _EXTRA_EVENT)


def _audio(summary: dict[str, Any]) -> str | None:
    return 'E-RTMP v2 "Enhanced Audio"' if summary.get("enhanced") else None


def _video(summary: dict[str, Any]) -> str | None:
    return 'E-RTMP v2 "Enhanced Video"' if summary.get("enhanced") else None


_OF_SUMMARY: Final[dict[str, Callable[[dict[str, Any]], str | None]]] = {
    "command": _command,
    "data": _data,
    "user_control": _event,
    "audio": _audio,
    "video": _video,
}


def specific_section(body: Field) -> str | None:
    """Return a closer section than that of the message type, by what the message says."""
    of_summary = _OF_SUMMARY.get(body.name)
    return of_summary(body.value) if of_summary and isinstance(body.value, dict) else None
