"""The configuration records of a message, for state by position (no tree is built)."""

from collections.abc import Iterator
from typing import Final

from dissectors.messages import media_names as names
from dissectors.messages.media_head import (
    MAX_TRACKS,
    is_legacy_with_high_bit,
    read_ex_head,
    video_codec,
)
from dissectors.spec import AGGREGATE, AUDIO, VIDEO

MAX_SUB_MESSAGES: Final = 4_000
"""Sub-messages of one aggregate; an empty one takes 15 bytes, real ones hold some dozen."""
_SUB_HEADER: Final = 11

Record = tuple[int, str, bytes]
"""(track id, codec, record bytes without any tag header)."""


def records(kind: int, type_id: int, body: bytes) -> list[Record]:
    """Return the `AUDIO` or `VIDEO` configurations that a message carries, if any."""
    if type_id == AGGREGATE:
        found = (records(kind, sub, data) for sub, data in sub_messages(body) if sub == kind)
        return [record for each in found for record in each]
    if type_id != kind:
        return []
    return video_records(body) if kind == VIDEO else audio_records(body)


def sub_messages(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and body of an aggregate's audio and video messages (RTMP 1.0 §7.1.6)."""
    position = 0
    for _ in range(MAX_SUB_MESSAGES):
        start = position + _SUB_HEADER
        if start > len(body):
            return
        end = start + int.from_bytes(body[position + 1 : position + 4], "big")
        if end > len(body):
            return
        if body[position] in (AUDIO, VIDEO):
            yield body[position], body[start:end]
        position = end + 4


def video_records(body: bytes) -> list[Record]:
    """Return the configurations that a video message carries, [] when it is no sequence start.

    An empty record configures nothing and is left out.
    """
    if len(body) < 2:
        return []
    if body[0] & 0x80 and not is_legacy_with_high_bit(body):
        command = body[0] >> 4 & 7 == names.COMMAND_FRAME
        found = _ex_records(body, names.VIDEO_MULTITRACK, names.VIDEO_FOURCCS, command)
        return [record for record in found if record[2]]
    if body[0] & 15 not in names.AVC_LIKE_IDS or body[1] or len(body) < 6:
        return []
    if body[0] >> 4 & 7 == names.COMMAND_FRAME:
        return []
    codec = video_codec(body[0] & 15, 0, body[5:11], len(body) - 5, None)
    return [(0, codec, body[5:])] if codec else []


def audio_records(body: bytes) -> list[Record]:
    """Return the configurations that an audio message carries, [] when it is no sequence start.

    AC-3, E-AC-3 and MP3 have none; E-RTMP v2 starts them with an empty record, kept as b"".
    """
    if not body:
        return []
    if body[0] >> 4 == names.EX_AUDIO:
        found = _ex_records(body, names.AUDIO_MULTITRACK, names.AUDIO_FOURCCS, False)
        return [record for record in found if record[2] or record[1] != "aac"]
    if body[0] >> 4 == names.AAC and len(body) > 2 and body[1] == 0:
        return [(0, "aac", body[2:])]
    return []


def _ex_records(
    body: bytes, multitrack: int, fourccs: dict[bytes, str], command: bool
) -> Iterator[Record]:
    ex = read_ex_head(body, multitrack, command)
    if ex.packet != names.SEQUENCE_START or ex.fourcc is None or not ex.end:
        return
    codec = fourccs.get(ex.fourcc)
    if ex.multitrack is None or ex.multitrack == names.ONE_TRACK:
        if codec:
            yield ex.track_id or 0, codec, body[ex.end :]
        return
    pos = ex.end - 4  # the first track's id
    for _ in range(MAX_TRACKS):
        if pos + 4 > len(body):
            return
        track, size = body[pos], int.from_bytes(body[pos + 1 : pos + 4], "big")
        record = body[pos + 4 : pos + 4 + size]
        if codec and len(record) == size:
            yield track, codec, record
        pos += 4 + size
        if ex.multitrack == names.MANY_CODECS:
            codec = fourccs.get(body[pos : pos + 4])
            pos += 4
