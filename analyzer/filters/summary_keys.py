"""Every key of the decoded summaries: JSON and filter use the same paths. One table per kind."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple


class Key(NamedTuple):
    """A row of the documentation."""

    path: str
    """``video.config.width``; lists are passed through: ``video.nal_units.type``."""
    type: str
    """Of the JSON value; each may be null."""
    meaning: str
    section: str


_C = "RTMP 1.0 §7.2"
_COMMAND: Final = (
    ("", "object", "the message is a command", "RTMP 1.0 §7.1.1"),
    ("name", "string", "connect, publish, _result, onStatus …", _C),
    ("transaction_id", "AMF", "a Number: pairs a call with its `_result` or `_error`", _C),
    ("object", "AMF", "the command object; its properties follow after a dot", _C),
    ("object.app", "string", "connect: the application", "RTMP 1.0 §7.2.1.1"),
    ("object.tcUrl", "string", "connect: the server's URL", "RTMP 1.0 §7.2.1.1"),
    ("object.flashVer", "string", "connect: the client's version", "RTMP 1.0 §7.2.1.1"),
    ("arguments", "list", "AMF values after the command object; .0 is the first", _C),
    ("arguments.code", "string", "a property of any of them", _C),
    ("arguments.level", "string", "a property of any of them", _C),
    ("named", "object", "arguments that are no objects, by their names in the specification", _C),
    ("named.stream_name", "string", "play, releaseStream, FCPublish … getStreamLength", _C),
    ("named.publishing_name", "string", "publish: the stream, often a secret key",
     "RTMP 1.0 §7.2.2.6"),
    ("named.publishing_type", "string", "publish: live, record or append", "RTMP 1.0 §7.2.2.6"),
    ("named.start", "number", "play: seconds, or milliseconds as Flash and FFmpeg send it",
     "RTMP 1.0 §7.2.2.1"),
    ("named.duration", "number", "play: as start", "RTMP 1.0 §7.2.2.1"),
    ("named.reset", "boolean", "play: flush the playlist", "RTMP 1.0 §7.2.2.1"),
    ("named.stream_id", "number", "deleteStream, and the `_result` of createStream",
     "RTMP 1.0 §7.2.1.3"),
    ("named.stream_length", "number", "`_result` of getStreamLength, seconds", "de facto"),
    ("named.bool_flag", "boolean", "receiveAudio, receiveVideo", "RTMP 1.0 §7.2.2.4"),
    ("named.pause_flag", "boolean", "pause, pauseRaw", "RTMP 1.0 §7.2.2.8"),
    ("named.milliseconds", "number", "seek, pause", "RTMP 1.0 §7.2.2.7"),
    ("code", "string", "status code: NetStream.Publish.Start …", "RTMP 1.0 §7.2.2"),
    ("level", "string", "status, warning or error", "RTMP 1.0 §7.2.2"),
    ("description", "string", "the server's own words", "RTMP 1.0 §7.2.2"),
    ("call", "string", "of a reply: id of the message it answers", _C),
    ("reply", "string", "of a call: id of the message that answers it", _C),
    ("latency_ns", "integer", "time between the two, at the capture point", _C),
)  # fmt: skip

_D = "RTMP 1.0 §7.1.2"
_DATA: Final = (
    ("", "object", "the message is a data message", _D),
    ("name", "string", "onMetaData, @setDataFrame, onCuePoint …", _D),
    ("values", "list", "AMF values after the name; properties follow after a dot", _D),
    ("code", "string", "onStatus and onPlayStatus: status code", _D),
    ("level", "string", "onStatus and onPlayStatus: status level", _D),
    ("description", "string", "onStatus and onPlayStatus: the server's own words", _D),
    ("raw", "bytes", "body that is no AMF, as FFmpeg's timecode", "de facto"),
)

_E = "E-RTMP v2 Enhanced Audio"
_ASC = "ISO/IEC 14496-3 §1.6.2.1"
_FLAC = "RFC 9639 §8.2"
_AUDIO: Final = (
    ("", "object", "the message is audio", "RTMP 1.0 §7.1.4"),
    ("codec", "string", "aac, opus, flac, ac3, eac3, mp3, speex, g711a, nellymoser …",
     "FLV 10.1 §E.4.2.1"),
    ("fourcc", "string", "FourCC on the wire", _E),
    ("enhanced", "boolean", "ExAudioTagHeader", _E),
    ("packet_type", "string",
     "sequence_header, raw; sequence_start, coded_frames, multichannel_config …",
     "FLV 10.1 §E.4.2.2"),
    ("sound_rate", "integer", "SoundRate in Hz; meaningless for AAC and others",
     "FLV 10.1 §E.4.2.1"),
    ("sound_size", "integer", "SoundSize in bits", "FLV 10.1 §E.4.2.1"),
    ("sound_type", "string", "mono or stereo, as the header says", "FLV 10.1 §E.4.2.1"),
    ("nano_offset", "integer", "ModEx TimestampOffsetNano in nanoseconds", _E),
    ("multitrack", "string", "one_track, many_tracks or many_tracks_many_codecs", _E),
    ("track_id", "integer", "track of the message, or the first of several", _E),
    ("tracks", "list", "many tracks: each with the keys of `audio` that can differ", _E),
    ("config", "object", "the codec configuration that the message carries", "§ of its codec"),
    ("config.profile", "string", "AAC: LC, HE-AAC, HE-AACv2, Main …", _ASC),
    ("config.object_type", "integer", "AAC: audio object type as written", _ASC),
    ("config.core_object_type", "integer", "AAC: object type below SBR and PS", _ASC),
    ("config.core_sample_rate", "integer", "AAC: rate below SBR, Hz", _ASC),
    ("config.sample_rate", "integer", "output rate, Hz", _ASC),
    ("config.channels", "integer", "number of channels", _ASC),
    ("config.core_channels", "integer", "AAC: channels before parametric stereo", _ASC),
    ("config.sbr", "boolean", "AAC: spectral band replication; null: not signalled", _ASC),
    ("config.ps", "boolean", "AAC: parametric stereo; null: not signalled", _ASC),
    ("config.frame_length", "integer", "AAC: samples per frame", "ISO/IEC 14496-3 §4.4.1"),
    ("config.version", "integer", "Opus: version of the header", "RFC 7845 §5.1"),
    ("config.pre_skip", "integer", "Opus: samples to drop at the start", "RFC 7845 §5.1"),
    ("config.input_sample_rate", "integer", "Opus: rate before encoding, Hz", "RFC 7845 §5.1"),
    ("config.output_gain", "integer", "Opus: 1/256 dB", "RFC 7845 §5.1"),
    ("config.mapping_family", "integer", "Opus: channel mapping family", "RFC 7845 §5.1.1"),
    ("config.stream_count", "integer", "Opus: number of streams", "RFC 7845 §5.1.1"),
    ("config.coupled_count", "integer", "Opus: number of coupled streams", "RFC 7845 §5.1.1"),
    ("config.channel_mapping", "list", "Opus: decoded channel by output channel",
     "RFC 7845 §5.1.1"),
    ("config.bit_depth", "integer", "FLAC: bits per sample", _FLAC),
    ("config.samples", "integer", "FLAC: samples of the stream, 0 if unknown", _FLAC),
    ("config.min_block_size", "integer", "FLAC: samples", _FLAC),
    ("config.max_block_size", "integer", "FLAC: samples", _FLAC),
    ("config.min_frame_size", "integer", "FLAC: bytes, 0 if unknown", _FLAC),
    ("config.max_frame_size", "integer", "FLAC: bytes, 0 if unknown", _FLAC),
    ("frame", "object", "a coded frame's own header; null in lists for most codecs",
     "§ of its codec"),
    ("frame.bitrate", "integer", "MP3, AC-3: bit/s", "ISO/IEC 11172-3 §2.4.1.3"),
    ("frame.sample_rate", "integer", "MP3, AC-3, E-AC-3: Hz", "ISO/IEC 11172-3 §2.4.1.3"),
    ("frame.channels", "integer", "MP3, AC-3, E-AC-3", "ETSI TS 102 366 §4.4.2.3"),
    ("frame.mode", "string", "MP3: stereo, joint stereo, dual channel, mono",
     "ISO/IEC 11172-3 §2.4.2.3"),
    ("frame.version", "string", "MP3: MPEG version", "ISO/IEC 11172-3 §2.4.2.3"),
    ("frame.layer", "integer", "MP3: layer", "ISO/IEC 11172-3 §2.4.2.3"),
    ("frame.padding", "integer", "MP3: a padding slot follows", "ISO/IEC 11172-3 §2.4.2.3"),
    ("frame.crc", "boolean", "MP3: a check word follows the header", "ISO/IEC 11172-3 §2.4.2.3"),
    ("frame.codec", "string", "ac3 or eac3, as the frame says", "ETSI TS 102 366 §E.1.2"),
    ("frame.bsid", "integer", "AC-3, E-AC-3: bit stream identification",
     "ETSI TS 102 366 §4.4.2.1"),
    ("frame.lfe", "boolean", "AC-3, E-AC-3: low frequency effects channel",
     "ETSI TS 102 366 §4.4.2.7"),
    ("frame.blocks", "integer", "E-AC-3: audio blocks per frame", "ETSI TS 102 366 §E.1.3.1.4"),
    ("frame.frame_size", "integer", "AC-3, E-AC-3: bytes", "ETSI TS 102 366 §E.1.3.1.3"),
    ("frame.stream_type", "string", "E-AC-3: independent, dependent …",
     "ETSI TS 102 366 §E.1.3.1.1"),
    ("frame.dependent_channels", "integer", "E-AC-3: channels of the dependent substream",
     "ETSI TS 102 366 §E.3.8"),
    ("frame.config", "integer", "Opus: configuration 0–31", "RFC 6716 §3.1"),
    ("frame.stereo", "boolean", "Opus: stereo", "RFC 6716 §3.1"),
    ("frame.code", "integer", "Opus: frame count code", "RFC 6716 §3.1"),
    ("frame.frame_us", "integer", "Opus: microseconds per frame", "RFC 6716 §3.1"),
    ("frame.frames", "integer", "Opus: frames in the packet", "RFC 6716 §3.2"),
    ("multichannel", "object", "MultichannelConfig", _E),
    ("multichannel.order", "string", "unspecified, native or custom", _E),
    ("multichannel.channels", "integer", "number of channels", _E),
    ("multichannel.mapping", "list", "FL, FR, FC, LFE1 … in order", _E),
)  # fmt: skip

_V = "E-RTMP v2 Enhanced Video"
_SPS = "ITU-T H.264 §7.3.2.1"
_AVCC = "ISO/IEC 14496-15 §5.3.3"
_VIDEO: Final = (
    ("", "object", "the message is video", "RTMP 1.0 §7.1.5"),
    ("codec", "string", "h264, hevc, vvc, av1, vp8, vp9, h263, vp6, screen …",
     "FLV 10.1 §E.4.3.1"),
    ("fourcc", "string", "FourCC on the wire", _V),
    ("enhanced", "boolean", "ExVideoTagHeader", _V),
    ("frame_type", "string",
     "keyframe, inter_frame, disposable_inter_frame, generated_keyframe, command",
     "FLV 10.1 §E.4.3.1"),
    ("packet_type", "string",
     "sequence_header, nalu, end_of_sequence; sequence_start, coded_frames, metadata …",
     "FLV 10.1 §E.4.3.2"),
    ("composition_time", "integer", "PTS - DTS in milliseconds", "FLV 10.1 §E.4.3.2"),
    ("dts", "integer", "decoding time in milliseconds: the message's timestamp",
     "FLV 10.1 §E.4.3.2"),
    ("pts", "integer", "presentation time in milliseconds, mod 2^32", "FLV 10.1 §E.4.3.2"),
    ("nano_offset", "integer", "ModEx TimestampOffsetNano, to be added to PTS", _V),
    ("multitrack", "string", "one_track, many_tracks or many_tracks_many_codecs", _V),
    ("track_id", "integer", "track of the message, or the first of several", _V),
    ("tracks", "list", "many tracks: each with the keys of `video` that can differ", _V),
    ("command", "string", "start_seek or end_seek", "FLV 10.1 §E.4.3.1"),
    ("nal_units", "list", "H.264, HEVC, VVC; null in lists, decoded for filters",
     "ISO/IEC 14496-15 §5.2.3"),
    ("nal_units.type", "integer", "nal_unit_type", "ITU-T H.264 §7.4.1"),
    ("nal_units.name", "string", "its name: IDR slice, SPS, SEI …", "ITU-T H.264 §7.4.1"),
    ("nal_units.length", "integer", "bytes behind the length field", "ISO/IEC 14496-15 §5.2.3"),
    ("obus", "list", "AV1; null in lists, decoded for filters", "AV1 §5.3"),
    ("obus.type", "integer", "obu_type", "AV1 §6.2.2"),
    ("obus.name", "string", "its name: sequence header, frame …", "AV1 §6.2.2"),
    ("obus.length", "integer", "bytes of the OBU's content", "AV1 §5.3.1"),
    ("frame", "object", "VP8, VP9, VP6, H.263, Screen: the frame's own header", "§ of its codec"),
    ("frame.keyframe", "boolean", "the frame is a random access point", "VP9 §7.2"),
    ("frame.profile", "integer", "VP8, VP9: profile", "VP9 §7.2"),
    ("frame.width", "integer", "pixels", "VP9 §7.2.3"),
    ("frame.height", "integer", "pixels", "VP9 §7.2.3"),
    ("config", "object", "the codec configuration that the message carries", "§ of its codec"),
    ("config.profile", "string", "High, Main 10 …", _SPS),
    ("config.profile_idc", "integer", "its number", _SPS),
    ("config.level", "string", "4.1, 1b …", _SPS),
    ("config.level_idc", "integer", "its number", _SPS),
    ("config.tier", "string", "HEVC, AV1: Main or High", "ITU-T H.265 §7.4.4"),
    ("config.constraint_flags", "integer", "H.264: the byte between profile and level", _SPS),
    ("config.nal_length_size", "integer", "bytes of a NAL unit's length", _AVCC),
    ("config.sps", "integer", "H.264: number of sequence parameter sets", _AVCC),
    ("config.pps", "integer", "H.264: number of picture parameter sets", _AVCC),
    ("config.sps_id", "integer", "of the first SPS", _SPS),
    ("config.width", "integer", "pixels, cropping applied", _SPS),
    ("config.height", "integer", "pixels, cropping applied", _SPS),
    ("config.interlaced", "boolean", "frames may hold two fields", _SPS),
    ("config.chroma_format", "string", "4:2:0, 4:2:2, 4:4:4, monochrome", _SPS),
    ("config.bit_depth_luma", "integer", "bits", _SPS),
    ("config.bit_depth_chroma", "integer", "bits", _SPS),
    ("config.reference_frames", "integer", "H.264: max_num_ref_frames", _SPS),
    ("config.sample_aspect_ratio", "list", "[horizontal, vertical]", "ITU-T H.264 §E.2.1"),
    ("config.full_range", "boolean", "full instead of limited range", "ITU-T H.264 §E.2.1"),
    ("config.frame_rate", "list", "[numerator, denominator]", "ITU-T H.264 §E.2.1"),
    ("config.colour", "object", "colour description", "ITU-T H.273 §8"),
    ("config.colour.primaries", "integer", "colour primaries", "ITU-T H.273 §8.1"),
    ("config.colour.transfer", "integer", "transfer characteristics", "ITU-T H.273 §8.2"),
    ("config.colour.matrix", "integer", "matrix coefficients", "ITU-T H.273 §8.3"),
    ("metadata", "AMF", "Metadata packet: colorInfo with colorConfig, hdrCll, hdrMdcv", _V),
)  # fmt: skip

_CONTROL: Final = (
    ("", "object", "the message is a protocol control message", "RTMP 1.0 §5.4"),
    ("chunk_size", "integer", "Set Chunk Size: bytes of payload per chunk", "RTMP 1.0 §5.4.1"),
    ("csid", "integer", "Abort Message: the chunk stream", "RTMP 1.0 §5.4.2"),
    ("sequence_number", "integer", "Acknowledgement: bytes received so far", "RTMP 1.0 §5.4.3"),
    ("stream_bytes", "integer", "bytes that had been sent the other way by then",
     "RTMP 1.0 §5.4.3"),
    ("unacknowledged", "integer", "how far the acknowledgement is behind them", "RTMP 1.0 §5.4.3"),
    ("window_size", "integer", "types 5 and 6: the window in bytes", "RTMP 1.0 §5.4.4"),
    ("limit_type", "string", "Set Peer Bandwidth: hard, soft or dynamic", "RTMP 1.0 §5.4.5"),
)  # fmt: skip

_U = "RTMP 1.0 §7.1.7"
_SWF = "de facto (librtmp)"
_USER_CONTROL: Final = (
    ("", "object", "the message is a user control message", _U),
    ("event", "string", "stream_begin, ping_request, set_buffer_length, buffer_empty …", _U),
    ("event_type", "integer", "the event's number", _U),
    ("stream_id", "integer", "message stream of the event", _U),
    ("buffer_length", "integer", "Set Buffer Length: milliseconds", _U),
    ("timestamp", "integer", "Ping Request and Response: the sender's clock", _U),
    ("version", "integer", "SWF verification: version", _SWF),
    ("version_2", "integer", "SWF verification: version, repeated", _SWF),
    ("swf_size", "integer", "SWF verification: bytes of the SWF file", _SWF),
    ("swf_size_2", "integer", "SWF verification: the same, repeated", _SWF),
    ("hmac", "string", "SWF verification: digest of the file", _SWF),
    ("sync_id", "integer", "Flow Synchronization", "RFC 7425 §5.2"),
    ("count", "integer", "Flow Synchronization", "RFC 7425 §5.2"),
    ("server_period", "integer", "Set Keepalive Timers: milliseconds", "RFC 7425 §5.3.4"),
    ("peer_period", "integer", "Set Keepalive Timers: milliseconds", "RFC 7425 §5.3.4"),
    ("data", "string", "an unknown event's data in hex, first 64 bytes", _U),
)

_S = "RTMP 1.0 §7.1.3"
_SHARED_OBJECT: Final = (
    ("", "object", "the message is a shared object", _S),
    ("name", "string", "name of the object", _S),
    ("version", "integer", "current version", _S),
    ("persistent", "boolean", "the server keeps it", _S),
    ("events", "list", "its events in order", _S),
    ("events.event", "string", "use, release, change, send_message, clear …", _S),
    ("events.event_type", "integer", "the event's number", _S),
    ("events.properties", "AMF", "properties set; they follow after a dot", _S),
    ("events.property_names", "list", "properties named without a value", _S),
    ("events.handler", "string", "SendMessage: the handler", _S),
    ("events.arguments", "list", "SendMessage: AMF values", _S),
    ("events.code", "string", "Status: SharedObject.NoWriteAccess …", _S),
    ("events.level", "string", "Status: level", _S),
    ("events.data", "bytes", "data of an unknown event", _S),
)

_A = "RTMP 1.0 §7.1.6"
_AGGREGATE: Final = (
    ("", "object", "the message is an aggregate", _A),
    ("messages", "list", "its sub-messages, each with its own summary", _A),
    ("messages.type_id", "integer", "message type id", _A),
    ("messages.type", "string", "name of the message type", _A),
    ("messages.timestamp", "integer", "rebased on the aggregate's timestamp, milliseconds", _A),
    ("messages.length", "integer", "bytes of the body", _A),
    ("messages.audio", "object", "as `audio`", _A),
    ("messages.video", "object", "as `video`", _A),
    ("messages.data", "object", "as `data`", _A),
)

_ROOTS: Final = {
    "command": _COMMAND,
    "data": _DATA,
    "audio": _AUDIO,
    "video": _VIDEO,
    "control": _CONTROL,
    "user_control": _USER_CONTROL,
    "shared_object": _SHARED_OBJECT,
    "aggregate": _AGGREGATE,
}
FREE: Final = frozenset(
    {
        "command.object", "command.arguments", "command.named", "data.values", "video.metadata",
        "shared_object.events.properties", "shared_object.events.arguments",
    }
)  # fmt: skip
"""Below these stand names from the wire."""
_OPEN: Final = frozenset({"shared_object", "aggregate"})


def keys() -> Iterator[Key]:
    """Yield every key, by kind, in the order of the summaries."""
    for root, rows in _ROOTS.items():
        for path, kind, meaning, section in rows:
            yield Key(f"{root}.{path}" if path else root, kind, meaning, section)


def known(path: str) -> bool:
    """Return whether a message can have this path: below `FREE`, and in what is nested, any."""
    parts = path.split(".")
    if parts[0] in _OPEN:
        return True
    plain = canonical(".".join(part for part in parts if not part.isdecimal()))
    return plain in _paths() or any(plain.startswith(f"{free}.") for free in FREE)


@cache
def parts_of(path: str) -> tuple[str, ...]:
    """Return the keys directly below an object, which has no value to compare; none for others."""
    found = {key.path: key.type for key in keys()}
    if found.get(canonical(path)) != "object":
        return ()
    prefix = f"{canonical(path)}."
    return tuple(f"{path}.{name[len(prefix):]}" for name in found
                 if name.startswith(prefix) and "." not in name[len(prefix):])  # fmt: skip


@cache
def _paths() -> frozenset[str]:
    return frozenset(key.path for key in keys())


def canonical(path: str) -> str:
    """Return the documented form of a path: tracks and sub-messages repeat what others say."""
    for inner in ("audio", "video", "data"):
        prefix = f"aggregate.messages.{inner}."
        if path.startswith(prefix):
            path = f"{inner}.{path.removeprefix(prefix)}"
    for kind in ("audio", "video"):
        path = path.replace(f"{kind}.tracks.", f"{kind}.", 1)
    return path
