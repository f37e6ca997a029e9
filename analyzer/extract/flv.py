"""FLV files, FLV 10.1 §E: the tags as they were sent, Enhanced RTMP's too."""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from dissectors import spec

HEADER: Final = b"FLV\x01"
_SET_DATA_FRAME: Final = b"\x02\x00\x0d@setDataFrame"
_NO_SCRIPT: Final = (
    b"\x02\x00\x11|RtmpSampleAccess",
    b"\x02\x00\x0f@clearDataFrame",
    b"\x02\x00\x08onStatus",
)
"""Data messages for the player and the server, not for the file."""


class FlvWriter:
    """Writes header and tags."""

    def __init__(self, out: BinaryIO, *, audio: bool, video: bool) -> None:
        self._out = out
        self.tags = 0
        flags = (4 if audio else 0) | (1 if video else 0)
        out.write(HEADER + bytes([flags]) + struct.pack(">II", 9, 0))

    def tag(self, type_id: int, timestamp: int, body: bytes) -> bool:
        """Write a message as a tag; False where FLV has none for it. `timestamp`: ms mod 2^32."""
        if type_id in (spec.DATA_AMF0, spec.DATA_AMF3):
            script = script_data(type_id, body)
            if script is None:
                return False
            type_id, body = spec.DATA_AMF0, script
        elif type_id not in (spec.AUDIO, spec.VIDEO):
            return False
        head = bytes([type_id]) + len(body).to_bytes(3, "big")
        # §E.4.1: the upper eight bits follow the lower 24; then the stream id, always 0.
        head += (timestamp & 0xFFFFFF).to_bytes(3, "big") + bytes([timestamp >> 24, 0, 0, 0])
        self._out.write(head + body + (len(body) + len(head)).to_bytes(4, "big"))
        self.tags += 1
        return True


def script_data(type_id: int, body: bytes) -> bytes | None:
    """Return a data message as SCRIPTDATA (§E.4.4), None for one that is no part of the media."""
    if type_id == spec.DATA_AMF3:
        if body[:1] != b"\0":
            return None
        body = body[1:]  # the values behind this byte are AMF0
    if body.startswith(_SET_DATA_FRAME):
        body = body[len(_SET_DATA_FRAME) :]
    if not body.startswith(b"\x02") or body.startswith(_NO_SCRIPT):
        return None
    return body
