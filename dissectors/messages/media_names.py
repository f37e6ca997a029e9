"""Value names of audio and video messages (FLV 10.1 §E.4.2, §E.4.3; E-RTMP v2)."""

from typing import Final, NamedTuple


class Name(NamedTuple):
    """A value's name in JSON and in labels."""

    key: str
    label: str


FRAME_TYPES: Final[dict[int, Name]] = {
    1: Name("keyframe", "keyframe"),
    2: Name("inter_frame", "inter-frame"),
    3: Name("disposable_inter_frame", "disposable inter-frame"),
    4: Name("generated_keyframe", "generated key frame"),
    5: Name("command", "video info/command frame"),
}
"""FLV 10.1 §E.4.3.1; the labels are Wireshark's."""
KEYFRAME: Final = 1
INTER_FRAME: Final = 2
COMMAND_FRAME: Final = 5

COMMANDS: Final[dict[int, Name]] = {
    0: Name("start_seek", "StartSeek"),
    1: Name("end_seek", "EndSeek"),
}
"""VideoCommand, FLV 10.1 §E.4.3.1, E-RTMP v2 "Enhanced Video"."""

AVC_PACKET_TYPES: Final[dict[int, Name]] = {
    0: Name("sequence_header", "sequence header"),
    1: Name("nalu", "NALU"),
    2: Name("end_of_sequence", "end of sequence"),
}
"""FLV 10.1 §E.4.3.2."""
AAC_PACKET_TYPES: Final[dict[int, Name]] = {
    0: Name("sequence_header", "sequence header"),
    1: Name("raw", "raw"),
}
"""FLV 10.1 §E.4.2.2."""

SEQUENCE_START: Final = 0
CODED_FRAMES: Final = 1
SEQUENCE_END: Final = 2
CODED_FRAMES_X: Final = 3
METADATA: Final = 4
MPEG2TS_SEQUENCE_START: Final = 5
VIDEO_MULTITRACK: Final = 6
MULTICHANNEL_CONFIG: Final = 4
AUDIO_MULTITRACK: Final = 5
MODEX: Final = 7

VIDEO_PACKET_TYPES: Final[dict[int, Name]] = {
    SEQUENCE_START: Name("sequence_start", "SequenceStart"),
    CODED_FRAMES: Name("coded_frames", "CodedFrames"),
    SEQUENCE_END: Name("sequence_end", "SequenceEnd"),
    CODED_FRAMES_X: Name("coded_frames_x", "CodedFramesX"),
    METADATA: Name("metadata", "Metadata"),
    MPEG2TS_SEQUENCE_START: Name("mpeg2ts_sequence_start", "MPEG2TSSequenceStart"),
    VIDEO_MULTITRACK: Name("multitrack", "Multitrack"),
    MODEX: Name("modex", "ModEx"),
}
"""E-RTMP v2 "Enhanced Video", VideoPacketType."""
AUDIO_PACKET_TYPES: Final[dict[int, Name]] = {
    SEQUENCE_START: Name("sequence_start", "SequenceStart"),
    CODED_FRAMES: Name("coded_frames", "CodedFrames"),
    SEQUENCE_END: Name("sequence_end", "SequenceEnd"),
    MULTICHANNEL_CONFIG: Name("multichannel_config", "MultichannelConfig"),
    AUDIO_MULTITRACK: Name("multitrack", "Multitrack"),
    MODEX: Name("modex", "ModEx"),
}
"""E-RTMP v2 "Enhanced Audio", AudioPacketType."""
MULTITRACK_TYPES: Final[dict[int, Name]] = {
    0: Name("one_track", "OneTrack"),
    1: Name("many_tracks", "ManyTracks"),
    2: Name("many_tracks_many_codecs", "ManyTracksManyCodecs"),
}
"""E-RTMP v2, AvMultitrackType."""
ONE_TRACK: Final = 0
MANY_CODECS: Final = 2
TIMESTAMP_OFFSET_NANO: Final = 0
"""E-RTMP v2, VideoPacketModExType and AudioPacketModExType."""

VIDEO_CODEC_IDS: Final[dict[int, Name]] = {
    1: Name("jpeg", "JPEG"),
    2: Name("h263", "Sorensen H.263"),
    3: Name("screen", "Screen video"),
    4: Name("vp6", "On2 VP6"),
    5: Name("vp6_alpha", "On2 VP6+alpha"),
    6: Name("screen2", "Screen video version 2"),
    7: Name("h264", "H.264"),
    8: Name("h263_realtime", "Realtime H.263"),
    9: Name("mpeg4", "MPEG-4"),
    12: Name("hevc", "H.265"),
    13: Name("av1", "AV1"),
    14: Name("vvc", "H.266"),
}
"""CodecID, FLV 10.1 §E.4.3.1. From 8 on nothing is assigned: FFmpeg's flv.h has 8 and 9; 12 is
HEVC at Chinese CDNs, SRS and gortmplib; SRS has 13 as AV1; 14 is VVC at some."""
AVC_LIKE_IDS: Final = frozenset({7, 12, 13, 14})
"""Codec ids whose bodies have an AVCPacketType and a composition time."""

VIDEO_FOURCCS: Final[dict[bytes, str]] = {
    b"avc1": "h264",
    b"hvc1": "hevc",
    b"vvc1": "vvc",
    b"av01": "av1",
    b"vp08": "vp8",
    b"vp09": "vp9",
}
"""E-RTMP v2, VideoFourCc."""
AUDIO_FOURCCS: Final[dict[bytes, str]] = {
    b"ac-3": "ac3",
    b"ec-3": "eac3",
    b"Opus": "opus",
    b".mp3": "mp3",
    b"fLaC": "flac",
    b"mp4a": "aac",
}
"""E-RTMP v2, AudioFourCc."""
COMPOSITION_TIME_CODECS: Final = frozenset({"h264", "hevc", "vvc"})
"""Codecs whose PacketTypeCodedFrames starts with an SI24 composition time."""

SOUND_FORMATS: Final[dict[int, Name]] = {
    0: Name("pcm", "Uncompressed"),
    1: Name("adpcm", "ADPCM"),
    2: Name("mp3", "MP3"),
    3: Name("pcm_le", "Uncompressed, little-endian"),
    4: Name("nellymoser", "Nellymoser 16kHz"),
    5: Name("nellymoser", "Nellymoser 8kHz"),
    6: Name("nellymoser", "Nellymoser"),
    7: Name("g711a", "G711A"),
    8: Name("g711u", "G711U"),
    10: Name("aac", "AAC"),
    11: Name("speex", "SPEEX"),
    13: Name("opus", "Opus"),
    14: Name("mp3", "MP3 8kHz"),
    15: Name("device_specific", "Device-specific"),
}
"""SoundFormat, FLV 10.1 §E.4.2.1, with Wireshark's labels, but for 10, which it calls HE-AAC.
13 is unofficial: Opus at some Chinese CDNs."""
EX_AUDIO: Final = 9
AAC: Final = 10
SOUND_RATES: Final = ((5512, "5.5 kHz"), (11025, "11 kHz"), (22050, "22 kHz"), (44100, "44 kHz"))
"""SoundRate in Hz (0 is 5512.5) and Wireshark's label."""
FIXED_RATES: Final = {4: 16000, 5: 8000, 7: 8000, 8: 8000, 10: None, 11: 16000, 14: 8000}
"""Formats whose SoundRate says nothing, with the real rate; AAC has it in its configuration."""
SOUND_SIZES: Final = ((8, "8 bit"), (16, "16 bit"))
SOUND_TYPES: Final = ("mono", "stereo")


def key_of(table: dict[int, Name], code: int) -> str | None:
    """Return a value's JSON name, None when it has none."""
    name = table.get(code)
    return name.key if name else None


def label_of(table: dict[int, Name], code: int, unknown: str = "reserved") -> str:
    """Return a value's label."""
    name = table.get(code)
    return name.label if name else unknown


def fourcc_text(raw: bytes) -> str:
    """Return a FourCC as JSON and labels show it: its characters, or hex if unprintable."""
    text = raw.decode("latin-1")
    return text if text.isascii() and text.isprintable() else f"0x{raw.hex()}"
