"""The table of video codecs, and the reading of their configurations and frames by it."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from dissectors.codecs import av1, avc, flv_video, hevc, nal, vpx, vvc
from dissectors.codecs.video_config import config_text
from dissectors.context import Context
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.messages.enhanced import Track

ReadConfig = Callable[[Cursor, Field], None]
"""Reads a record into a field whose value is a dict, which it fills as it goes."""
ReadFrame = Callable[[Cursor, Field, bytes | None, dict[str, Any]], bool | None]
"""Reads a frame given the record in force, fills the summary; is it a random access point?"""


class VideoCodec(NamedTuple):
    """A row of the table of codecs."""

    label: str
    read_frame: ReadFrame
    record: str = ""
    """Name of the configuration record."""
    read_config: ReadConfig | None = None
    syntax: nal.NalSyntax | None = None
    section: str = ""
    """Where the record is specified."""


_VP_RECORD: Final = ("VP codec configuration record", vpx.read_config)
_VP_SECTION: Final = 'VP-ISOBMFF "VP Codec Configuration Box"'

VIDEO_CODECS: Final[dict[str, VideoCodec]] = {
    "h264": VideoCodec(
        "H.264",
        avc.read_frame,
        "AVC decoder configuration record",
        avc.read_config,
        avc.SYNTAX,
        "ISO/IEC 14496-15 §5.3.3.1",
    ),
    "hevc": VideoCodec(
        "HEVC",
        hevc.read_frame,
        "HEVC decoder configuration record",
        hevc.read_config,
        hevc.SYNTAX,
        "ISO/IEC 14496-15 §8.3.3.1",
    ),
    "vvc": VideoCodec(
        "VVC",
        vvc.read_frame,
        "VVC decoder configuration record",
        vvc.read_config,
        section="ISO/IEC 14496-15 §11.2.4.2",
    ),
    "av1": VideoCodec(
        "AV1",
        av1.read_frame,
        "AV1 codec configuration record",
        av1.read_config,
        section="AV1-ISOBMFF §2.3.3",
    ),
    "vp8": VideoCodec("VP8", vpx.read_vp8, *_VP_RECORD, section=_VP_SECTION),
    "vp9": VideoCodec("VP9", vpx.read_vp9, *_VP_RECORD, section=_VP_SECTION),
    "h263": VideoCodec("Sorenson H.263", flv_video.read_h263),
    "screen": VideoCodec("Screen video", flv_video.read_screen),
    "screen2": VideoCodec("Screen video 2", flv_video.read_screen2),
    "vp6": VideoCodec("VP6", flv_video.read_vp6),
    "vp6_alpha": VideoCodec("VP6 alpha", flv_video.read_vp6_alpha),
    "jpeg": VideoCodec("JPEG", flv_video.read_opaque),
    "h263_realtime": VideoCodec("Realtime H.263", flv_video.read_opaque),
    "mpeg4": VideoCodec("MPEG-4", flv_video.read_opaque),
}
"""By the id that summaries and `CodecConfig.codec` use."""


def read_configuration(
    cur: Cursor,
    track: Track,
    reader: ReadConfig | None = None,
    record: str = "",
    section: str = "",
) -> None:
    """Read a configuration record to the cursor's end into a field of the track."""
    codec = VIDEO_CODECS.get(track.codec or "")
    if not cur:
        track.node.note("empty_configuration", "the sequence start carries no configuration")
        return
    if reader is None:
        reader = codec.read_config if codec else None
        record, section = (codec.record, codec.section) if codec else ("", "")
    if reader is None:
        flv_video.read_opaque(cur, track.node, None, {})
        return
    config: dict[str, Any] = {}
    node = track.node.add("configuration", record, config, cur.pos)
    track.summary["config"] = config
    start_code = cur.peek(4) == b"\x00\x00\x00\x01"
    if start_code and codec and codec.syntax and track.codec in ("h264", "hevc"):
        _read_annex_b(cur, node, codec.syntax, config)
    else:
        reader(cur, node)
    if cur:
        node.add("data", f"Further data: {len(cur)} bytes", None, cur.pos, len(cur))
        cur.need(len(cur))
    node.length = cur.pos - node.start
    text = config_text(config)
    node.label = f"{record}: {text}" if text else record
    if section:
        node.add("section", f"Section: {section}", section, plumbing=True)


def _read_annex_b(cur: Cursor, node: Field, syntax: nal.NalSyntax, config: dict[str, Any]) -> None:
    """Parameter sets behind start codes where a record is wanted; some encoders send it so."""
    nal.read_units(cur, node, syntax, 4, [])
    for unit in node.children:
        if isinstance(unit.value, dict) and "width" in unit.value:
            config |= nal.content(unit)
            return


def read_frame(cur: Cursor, track: Track, ctx: Context) -> bool | None:
    """Read a frame to the cursor's end; return whether it is a random access point."""
    codec = VIDEO_CODECS.get(track.codec or "")
    config = ctx.video.get(track.track_id)
    record = config.record if config and config.codec == track.codec else None
    reader = codec.read_frame if codec else flv_video.read_opaque
    return reader(cur, track.node, record, track.summary)
