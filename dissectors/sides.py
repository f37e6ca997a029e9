"""Which side is the client, where nobody saw who opened the connection.

RTMP 1.0 §6.2, §7: some messages only a client sends, some only a server.
"""

from __future__ import annotations

from typing import Final

from dissectors import spec

_SURE: Final = 4
"""Votes of what the specification gives to one side."""
_USUAL: Final = 1
"""Of what the other side might send, too, and hardly ever does."""

_CLIENT_COMMANDS: Final = frozenset(
    {
        "connect", "createStream", "deleteStream", "closeStream", "publish", "play", "play2",
        "seek", "pause", "pauseRaw", "receiveAudio", "receiveVideo", "releaseStream", "FCPublish",
        "FCUnpublish", "FCSubscribe", "FCUnsubscribe", "getStreamLength", "checkBandwidth",
        "_checkbw", "set_playlist",
    }
)  # fmt: skip
_SERVER_COMMANDS: Final = frozenset(
    {
        "onStatus", "onPlayStatus", "onFCPublish", "onFCUnpublish", "onFCSubscribe",
        "onFCUnsubscribe", "onBWDone", "_onbwdone", "_onbwcheck", "playlist_ready",
    }
)  # fmt: skip
_REPLIES: Final = frozenset({"_result", "_error"})
"""A client may answer a server's call."""
_EVENTS: Final = {
    b"\0\0": -_SURE, b"\0\1": -_SURE, b"\0\2": -_SURE, b"\0\3": _SURE,
    b"\0\4": -_SURE, b"\0\6": -_SURE, b"\0\7": _SURE,
}  # fmt: skip
"""User Control event → votes for the sender as the client (§7.1.7)."""
_HANDLERS: Final = (
    (b"@setDataFrame", _SURE),
    (b"|RtmpSampleAccess"[:13], -_SURE),
    (b"onMetaData", -_USUAL),
)
"""First bytes of a data message's handler: publishers wrap their metadata (§7.1.2)."""


def command_votes(name: str) -> int:
    """Return votes for the sender of a command as the client; negative: as the server."""
    if name in _REPLIES:
        return -_USUAL
    return _SURE * ((name in _CLIENT_COMMANDS) - (name in _SERVER_COMMANDS))


def message_votes(type_id: int, head: bytes) -> int:
    """Return the same for any other message, of which the first 16 bytes are given."""
    if type_id == spec.USER_CONTROL:
        return _EVENTS.get(head[:2], 0)
    if type_id in (spec.SET_PEER_BANDWIDTH, spec.AGGREGATE):
        return -_USUAL
    if type_id == spec.DATA_AMF0:
        return next((votes for name, votes in _HANDLERS if head[3:].startswith(name)), 0)
    return 0


TELLING: Final = frozenset(
    {spec.USER_CONTROL, spec.SET_PEER_BANDWIDTH, spec.AGGREGATE, spec.DATA_AMF0}
)
"""Message types for which `message_votes` may give votes."""
