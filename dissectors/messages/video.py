"""Video messages: RTMP 1.0 §7.1.5, FLV 10.1 §E.4.3, E-RTMP v2 "Enhanced Video"."""

from typing import Any, Final

from dissectors.amf0 import Amf0Reader
from dissectors.codecs import av1
from dissectors.codecs.bits import bit_field
from dissectors.codecs.video_config import config_text
from dissectors.context import Context
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.messages import enhanced, media_config, media_head
from dissectors.messages import media_names as names
from dissectors.messages.enhanced import Track
from dissectors.messages.metadata import explain_color_info
from dissectors.messages.video_codecs import VIDEO_CODECS, read_configuration, read_frame
from dissectors.text import hexdump

peek = media_head.peek_video
config_record = media_config.video_records

SUMMARY_KEYS: Final = (
    "codec", "fourcc", "enhanced", "frame_type", "packet_type", "composition_time", "dts", "pts",
    "nano_offset", "multitrack", "track_id", "command", "nal_units", "obus", "frame", "config",
    "metadata", "tracks",
)  # fmt: skip
_TRACK_KEYS: Final = ("composition_time", "dts", "pts", "nal_units", "obus", "frame", "config")


def read(cur: Cursor, root: Field, ctx: Context) -> None:
    """FLV 10.1 §E.4.3.1 VIDEODATA, or E-RTMP v2 ExVideoTagHeader. May raise `Malformed`."""
    summary: dict[str, Any] = dict.fromkeys(SUMMARY_KEYS)
    summary["enhanced"] = False
    root.value = summary
    if not cur:
        return
    if cur.peek()[0] & 0x80:
        if not media_head.is_legacy_with_high_bit(cur.peek(media_head.HEAD_SIZE)):
            summary["enhanced"] = True
            _read_enhanced(cur, root, ctx, summary)
            return
        # Some DJI drones set the top bit of a legacy header; E-RTMP makes it IsExVideoHeader,
        # but no FourCC follows.
        root.warn("legacy_with_high_bit", "the IsExVideoHeader bit is set without a FourCC")
    _read_legacy(cur, root, ctx, summary)


def _read_legacy(cur: Cursor, root: Field, ctx: Context, summary: dict[str, Any]) -> None:
    """FLV 10.1 §E.4.3.1."""
    byte = cur.u8("video control")
    kind, codec_id = byte >> 4 & 7, byte & 15
    summary["frame_type"] = names.key_of(names.FRAME_TYPES, kind)
    summary["codec"] = names.key_of(names.VIDEO_CODEC_IDS, codec_id)
    kind_label = names.label_of(names.FRAME_TYPES, kind, "reserved frame type")
    codec_label = names.label_of(names.VIDEO_CODEC_IDS, codec_id, "unknown codec")
    control = root.add("control", f"Control: 0x{byte:02x} ({kind_label} {codec_label})", byte, 0, 1)
    frame_type = bit_field(control, "frame_type", byte, 0xF0 if byte < 0x80 else 0x70,
                           f"Frame type: {kind_label} ({kind})", kind, 0)  # fmt: skip
    codec_field = bit_field(control, "codec_id", byte, 0x0F, f"Codec: {codec_label} ({codec_id})",
                            codec_id, 0)  # fmt: skip
    if kind not in names.FRAME_TYPES:
        frame_type.warn("reserved_frame_type", f"frame type {kind} is reserved")
    if summary["codec"] is None:
        codec_field.note("unknown_codec", f"codec id {codec_id} is not assigned")
    if kind == names.COMMAND_FRAME:
        _read_command(cur, root, summary)
        return
    track = Track(root, summary, names.CODED_FRAMES, summary["codec"], 0)
    if codec_id not in names.AVC_LIKE_IDS:
        _add_times(track, ctx)
        content = read_frame(cur, track, ctx)
        _check_keyframe(frame_type, content)
        return
    _read_avc_like(cur, track, ctx, frame_type)


def _read_avc_like(cur: Cursor, track: Track, ctx: Context, frame_type: Field) -> None:
    """AVCVIDEOPACKET, FLV 10.1 §E.4.3.2; the unofficial ids follow it."""
    root, summary = track.node, track.summary
    codec_id = cur.data[cur.pos - 1] & 15
    start = cur.pos
    packet = cur.u8("AVC packet type")
    force = ctx.video.get(0)
    record = cur.data[start + 4 : start + 10]
    codec = media_head.video_codec(
        codec_id, packet, record, cur.end - start - 4, force.codec if force else None
    )
    summary["codec"] = codec
    summary["packet_type"] = names.key_of(names.AVC_PACKET_TYPES, packet)
    label = names.label_of(names.AVC_PACKET_TYPES, packet)
    field = root.add("packet_type", f"AVC packet type: {label} ({packet})", packet, start, 1)
    if codec_id == 7 and codec == "hevc":
        # OBS before 29.1 sent HEVC with the codec id of H.264.
        root.warn("hevc_as_avc", "H.265 under codec id 7, which is H.264")
    if packet not in names.AVC_PACKET_TYPES:
        field.warn("reserved_packet_type", f"aVC packet type {packet} is reserved")
    time = cur.s24("composition time")
    summary["composition_time"] = time
    root.add("composition_time", f"Composition time: {time}", time, start + 1, 3)
    track = track._replace(codec=codec)
    if packet == 0:
        read_configuration(cur, track)
    elif packet == 1:
        _add_times(track, ctx)
        content = read_frame(cur, track, ctx)
        _check_keyframe(frame_type, content)
    elif cur:
        _read_opaque(cur, root)


def _read_enhanced(cur: Cursor, root: Field, ctx: Context, summary: dict[str, Any]) -> None:
    """E-RTMP v2 "Enhanced Video", ExVideoTagHeader and ExVideoTagBody."""
    byte = cur.u8("video control")
    kind, packet = byte >> 4 & 7, byte & 15
    kind_label = names.label_of(names.FRAME_TYPES, kind, "reserved frame type")
    label = enhanced.packet_label(enhanced.VIDEO, packet)
    shown = label if packet == names.METADATA else f"{kind_label} {label}"
    control = root.add("control", f"Control: 0x{byte:02x} ({shown})", byte, 0, 1)
    bit_field(control, "is_ex_video_header", byte, 0x80, "IsExVideoHeader: 1", 1, 0)
    frame_type = bit_field(control, "frame_type", byte, 0x70, f"Frame type: {kind_label} ({kind})",
                           kind, 0)  # fmt: skip
    enhanced.packet_field(enhanced.VIDEO, control, byte, 0)
    summary["frame_type"] = names.key_of(names.FRAME_TYPES, kind)
    packet = enhanced.read_modex(cur, root, enhanced.VIDEO, packet, summary)
    if kind == names.COMMAND_FRAME and packet != names.METADATA:
        summary["packet_type"] = names.key_of(names.VIDEO_PACKET_TYPES, packet)
        _read_command(cur, root, summary)
        return

    def packet_body(inner: Cursor, track: Track) -> None:
        for key in _TRACK_KEYS:
            track.summary.setdefault(key, None)
        content = _read_packet(inner, track, ctx)
        _check_keyframe(frame_type, content)

    if packet == names.VIDEO_MULTITRACK:
        enhanced.read_tracks(cur, root, enhanced.VIDEO, summary, packet_body)
        return
    summary["packet_type"] = names.key_of(names.VIDEO_PACKET_TYPES, packet)
    summary["fourcc"], codec = enhanced.read_fourcc(cur, root, enhanced.VIDEO)
    summary["codec"] = codec
    packet_body(cur, Track(root, summary, packet, codec, 0))


def _read_packet(cur: Cursor, track: Track, ctx: Context) -> bool | None:
    """ExVideoTagBody of one track; returns whether its content is a random access point."""
    packet, node = track.packet, track.node
    if packet == names.SEQUENCE_START:
        read_configuration(cur, track)
    elif packet == names.MPEG2TS_SEQUENCE_START and track.codec == "av1":
        record, section = "AV1 video descriptor", "AV1-MPEG2-TS §2.1"
        read_configuration(cur, track, av1.read_descriptor, record, section)
    elif packet in (names.CODED_FRAMES, names.CODED_FRAMES_X):
        if track.codec in names.COMPOSITION_TIME_CODECS:
            time, start = 0, cur.pos
            if packet == names.CODED_FRAMES:
                time = cur.s24("composition time")
                node.add("composition_time", f"Composition time: {time}", time, start, 3)
            track.summary["composition_time"] = time
        _add_times(track, ctx)
        return read_frame(cur, track, ctx)
    elif packet == names.METADATA:
        _read_metadata(cur, track)
    elif cur:
        if packet == names.SEQUENCE_END:
            node.note("sequence_end_data", "SequenceEnd has no body")
        elif packet not in names.VIDEO_PACKET_TYPES:
            node.warn("reserved_packet_type", f"video packet type {packet} is reserved")
        _read_opaque(cur, node)
    return None


def _read_opaque(cur: Cursor, node: Field) -> None:
    length = len(cur)
    label = f"Video data: {length} bytes ({hexdump(cur.peek(17))})"
    node.add("data", label, None, cur.need(length), length)


def _read_metadata(cur: Cursor, track: Track) -> None:
    """E-RTMP v2 "Metadata Frame": AMF pairs of name and value, of which colorInfo is defined."""
    metadata: dict[str, Any] = {}
    # The summary is created by _read_enhanced or, for a track of many, by read_tracks.
    track.summary["metadata"] = metadata
    reader = Amf0Reader()
    while cur:
        name = reader.value(cur, track.node, "name")
        value = reader.value(cur, track.node, "value") if cur else None
        metadata[str(name.value)] = value.value if value else None
        if name.value == "colorInfo" and value is not None:
            explain_color_info(value)


def _read_command(cur: Cursor, root: Field, summary: dict[str, Any]) -> None:
    """UI8 VideoCommand; no packet type, composition time or FourCC is there."""
    start = cur.pos
    code = cur.u8("video command")
    summary["command"] = names.key_of(names.COMMANDS, code)
    label = names.label_of(names.COMMANDS, code)
    root.add("command", f"Video command: {label} ({code})", code, start, 1)


def _add_times(track: Track, ctx: Context) -> None:
    """The message's timestamp is the decoding time (FLV 10.1 §E.4.3.2)."""
    offset = track.summary.get("composition_time") or 0
    dts = ctx.timestamp
    pts = (dts + offset) & 0xFFFFFFFF
    track.summary.update(dts=dts, pts=pts)
    track.node.add("dts", f"DTS: {dts} (calculated)", dts)
    track.node.add("pts", f"PTS: {pts} (calculated)", pts)


def _check_keyframe(frame_type: Field, content: bool | None) -> None:
    """Compare the header's frame type with what the frame holds."""
    if frame_type.value == names.KEYFRAME and content is False:
        text = "flagged as keyframe, but the content is no random access point"
        frame_type.warn("keyframe_flag_wrong", text)
    elif frame_type.value == names.INTER_FRAME and content:
        text = "flagged as inter frame, but the content is a random access point"
        frame_type.warn("keyframe_flag_missing", text)


def describe(root: Field, ctx: Context) -> tuple[str, str]:
    """Return (title, info): ``H.264 keyframe NALU cts=80``. Completes the summary."""
    summary = root.value if isinstance(root.value, dict) else dict.fromkeys(SUMMARY_KEYS)
    root.value = summary
    if summary["packet_type"] == "metadata":
        # FFmpeg 8 writes frame type 5 (0xD4), which would mean a command; E-RTMP v2 says that
        # the frame type of a metadata message is to be ignored.
        summary["frame_type"] = None
    if summary["codec"] is None and summary["fourcc"] is None and not root.find("control"):
        return "Video Data", "empty"
    words = [_codec_text(summary, root)]
    if summary["frame_type"]:
        words.append(_FRAME_LABELS[summary["frame_type"]])
    if summary["packet_type"] == "sequence_header":
        words = words[:1]
    if summary["packet_type"]:
        words.append(_PACKET_LABELS[summary["packet_type"]])
    if summary["command"]:
        words.append(str(summary["command"]).replace("_", " "))
    if summary["composition_time"] is not None and summary["dts"] is not None:
        words.append(f"cts={summary['composition_time']}")
    if summary["nano_offset"]:
        words.append(f"nano={summary['nano_offset']}")
    if summary["config"]:
        words.append(config_text(summary["config"]))
    words.append(enhanced.tracks_text(summary))
    return "Video Data", " ".join(word for word in words if word) or "unknown"


_FRAME_LABELS: Final = {name.key: name.label for name in names.FRAME_TYPES.values()}
_PACKET_LABELS: Final = {
    name.key: name.label
    for table in (names.AVC_PACKET_TYPES, names.VIDEO_PACKET_TYPES)
    for name in table.values()
}


def _codec_text(summary: dict[str, Any], root: Field) -> str:
    codec = VIDEO_CODECS.get(summary["codec"] or "")
    if codec:
        return codec.label
    if summary["fourcc"]:
        return str(summary["fourcc"])
    control = root.find("control")
    return f"codec {control.value & 15}" if control and not summary["enhanced"] else ""
