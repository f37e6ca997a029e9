"""Summaries of coded audio and video frames from their first bytes, for lists and JSON.

Frames with equal headers share one decoded template; only DTS and PTS differ. What lies behind
the header (NAL units, OBUs, codec frame headers) is null here and decoded by `dissect`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

from dissectors import spec
from dissectors.context import CodecConfig, Context
from dissectors.dissect import dissect_body
from dissectors.messages import audio, video

BEHIND_THE_HEADER: Final = ("nal_units", "obus", "frame", "tracks")

FRAMES: Final = frozenset(
    {None, "nalu", "raw", "end_of_sequence", "coded_frames", "coded_frames_x", "sequence_end"}
)
"""Packet types of which the header says all that a list shows."""
FRAMED: Final = frozenset({"ac3", "eac3", "mp3"})
"""Codecs whose frames begin with a header of their own, which the list shows."""


class Template(NamedTuple):
    """What all frames with one header have in common."""

    info: str
    summary: dict[str, Any]


def template(type_id: int, head: bytes, length: int, config: CodecConfig | None) -> Template | None:
    """Return the template of a media message, None where the whole body must be decoded.

    `head`: its first bytes; `length`: that of the body; `config`: the configuration in force.
    """
    head = head[:length]
    codec = config.codec if config else None
    size = (
        _video_header(head, length, codec) if type_id == spec.VIDEO else _audio_header(head, length)
    )
    return _decoded(type_id, head[:size], length > size, codec) if size else None


def _video_header(head: bytes, length: int, codec: str | None) -> int:
    """Return the length of a coded frame's header, 0 where the header alone is not enough."""
    seen = video.peek(head, length, codec)
    if seen.is_config or seen.multitrack or seen.frame_type == "command":
        return 0
    return seen.header_length if seen.packet_type in FRAMES else 0


def _audio_header(head: bytes, length: int) -> int:
    seen = audio.peek(head, length)
    if seen.is_config or seen.multitrack or seen.codec in FRAMED:
        return 0
    return seen.header_length if seen.packet_type in FRAMES else 0


@lru_cache(maxsize=4096)
def _decoded(type_id: int, header: bytes, more: bool, codec: str | None) -> Template:
    known = {0: CodecConfig(codec, b"", "")} if codec else {}
    ctx = Context(type_id, video=known, truncated=True)
    decoded = dissect_body(type_id, header, ctx)
    summary = dict(decoded.body.value)
    for key in BEHIND_THE_HEADER:
        if key in summary:
            summary[key] = None
    return Template(decoded.info, summary)


def times(shared: Template, timestamp: int) -> tuple[int, ...]:
    """Return what the summary has of (DTS, PTS) for a frame at `timestamp`, mod 2^32."""
    summary = shared.summary
    if summary.get("dts") is None:
        return ()
    if summary["pts"] is None:
        return (timestamp,)
    return timestamp, (timestamp + (summary["composition_time"] or 0)) & 0xFFFFFFFF


def summary_at(shared: Template, timestamp: int) -> dict[str, Any]:
    """Return the summary of a frame at `timestamp` (RTMP milliseconds)."""
    found = times(shared, timestamp)
    return shared.summary | dict(zip(("dts", "pts"), found, strict=False))
