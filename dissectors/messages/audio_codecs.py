"""The table of audio codecs, and the reading of their configurations and frames by it."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from dissectors.codecs import aac, ac3, flac, flv_audio, mp3, opus
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.messages.enhanced import Track

ReadConfig = Callable[[Cursor, Field], None]
"""Reads a record into a field whose value is a dict, which it fills as it goes."""
ReadFrame = Callable[[Cursor, Field, dict[str, Any]], None]
"""Reads a frame to the cursor's end; fills the summary."""


class AudioCodec(NamedTuple):
    """A row of the table of codecs."""

    label: str
    read_frame: ReadFrame
    record: str = ""
    """Name of the configuration record."""
    read_config: ReadConfig | None = None
    section: str = ""
    """Where the record is specified."""


AUDIO_CODECS: Final[dict[str, AudioCodec]] = {
    "pcm": AudioCodec("PCM", flv_audio.read_opaque),
    "pcm_le": AudioCodec("PCM", flv_audio.read_opaque),
    "adpcm": AudioCodec("ADPCM", flv_audio.read_adpcm),
    "mp3": AudioCodec("MP3", mp3.read_frame),
    "nellymoser": AudioCodec("Nellymoser", flv_audio.read_nellymoser),
    "g711a": AudioCodec("G.711 A-law", flv_audio.read_opaque),
    "g711u": AudioCodec("G.711 µ-law", flv_audio.read_opaque),
    "aac": AudioCodec(
        "AAC",
        aac.read_frame,
        "AudioSpecificConfig",
        aac.read_config,
        "ISO/IEC 14496-3 §1.6.2.1",
    ),
    "speex": AudioCodec("Speex", flv_audio.read_opaque),
    "opus": AudioCodec(
        "Opus", opus.read_frame, "Opus identification header", opus.read_config, "RFC 7845 §5.1"
    ),
    "flac": AudioCodec(
        "FLAC", flac.read_frame, "FLAC stream information", flac.read_config, "RFC 9639 §8.2"
    ),
    "ac3": AudioCodec("AC-3", ac3.read_frame),
    "eac3": AudioCodec("E-AC-3", ac3.read_frame),
    "device_specific": AudioCodec("Device-specific sound", flv_audio.read_opaque),
}
"""By the id that summaries and `CodecConfig.codec` use."""


def config_text(config: dict[str, Any]) -> str:
    """Return an audio configuration in a few words: ``LC 44100 Hz stereo``."""
    words = []
    if config.get("profile"):
        words.append(str(config["profile"]))
    if config.get("sample_rate"):
        words.append(f"{config['sample_rate']} Hz")
    if config.get("channels"):
        words.append(aac.channel_text(config["channels"]))
    return " ".join(words)


def read_configuration(cur: Cursor, track: Track) -> None:
    """Read a configuration record to the cursor's end into a field of the track."""
    codec = AUDIO_CODECS.get(track.codec or "")
    if not cur:
        # E-RTMP v2: AC-3, E-AC-3 and MP3 have none; Opus may leave it out.
        if track.codec in ("aac", "flac"):
            track.node.note("empty_configuration", "the sequence start carries no configuration")
        return
    if codec is None or codec.read_config is None:
        flv_audio.read_opaque(cur, track.node, {})
        return
    config: dict[str, Any] = {}
    node = track.node.add("configuration", codec.record, config, cur.pos)
    track.summary["config"] = config
    codec.read_config(cur, node)
    if cur:
        node.add("data", f"Further data: {len(cur)} bytes", None, cur.pos, len(cur))
        cur.need(len(cur))
    node.length = cur.pos - node.start
    text = config_text(config)
    node.label = f"{codec.record}: {text}" if text else codec.record
    node.add("section", f"Section: {codec.section}", codec.section, plumbing=True)


def read_frame(cur: Cursor, track: Track) -> None:
    """Read a frame to the cursor's end."""
    codec = AUDIO_CODECS.get(track.codec or "")
    reader = codec.read_frame if codec else flv_audio.read_opaque
    reader(cur, track.node, track.summary)


def frame_text(frame: dict[str, Any]) -> str:
    """Return what a frame's own header says: ``128 kbit/s 44100 Hz joint stereo``."""
    words = []
    if frame.get("bitrate"):
        words.append(f"{frame['bitrate'] // 1000} kbit/s")
    if frame.get("sample_rate"):
        words.append(f"{frame['sample_rate']} Hz")
        words.append(str(frame.get("mode") or aac.channel_text(frame["channels"])))
    return " ".join(words)
