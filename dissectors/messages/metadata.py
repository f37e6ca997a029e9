"""What the properties of onMetaData and its relatives mean (FLV 10.1 §E.5, E-RTMP v2)."""

from typing import Any, Final

from dissectors.amf import explain, number, properties
from dissectors.codecs.colour import MATRIX, PRIMARIES, TRANSFER, named
from dissectors.fields import Field
from dissectors.messages.codec_names import AUDIO_CODECS, VIDEO_CODECS, codec_name

UNITS: Final = {
    "duration": "s",
    "totalduration": "s",
    "lasttimestamp": "s",
    "lastkeyframetimestamp": "s",
    "audiodelay": "s",
    "width": "pixels",
    "height": "pixels",
    "displayWidth": "pixels",
    "displayHeight": "pixels",
    "framerate": "frames/s",
    "fps": "frames/s",
    "videoframerate": "frames/s",
    "videodatarate": "kbit/s",
    "audiodatarate": "kbit/s",
    "totaldatarate": "kbit/s",
    "maxBitrate": "kbit/s",
    "audiosamplerate": "Hz",
    "audiosamplesize": "bits",
    "filesize": "bytes",
    "datasize": "bytes",
    "videosize": "bytes",
    "audiosize": "bytes",
}

_CODECS: Final = {
    "videocodecid": ("Video codec", VIDEO_CODECS),
    "audiocodecid": ("Audio codec", AUDIO_CODECS),
}
_TRACK_MAPS: Final = frozenset({"videoTrackIdInfoMap", "audioTrackIdInfoMap"})
MAX_TRACKS: Final = 256
"""Track ids are one byte (E-RTMP v2 "Multitrack")."""


def explain_metadata(node: Field) -> None:
    """Add units to known numbers and the codec names behind codec ids.

    Any value may be wrong (sizes and frame rates often are); the bit stream decides.
    """
    for key, item in properties(node):
        if key in _TRACK_MAPS:
            for _, track in properties(item)[:MAX_TRACKS]:
                for name, value in properties(track):
                    _explain(name, value)
        else:
            _explain(key, item)


def _explain(key: str, item: Field) -> None:
    value = item.value
    unit = UNITS.get(key)
    if unit:
        if isinstance(value, int | float) and not isinstance(value, bool):
            item.label += f" {unit}"
        return
    codec = _CODECS.get(key)
    if codec:
        title, table = codec
        name = codec_name(value, table)
        if name:
            explain(item, "codec", f"{title}: {name}", name)


def explain_sample_access(values: list[Field]) -> None:
    """|RtmpSampleAccess: may the client read raw audio and video samples?"""
    for word, node in zip(("audio", "video"), values, strict=False):
        if isinstance(node.value, bool):
            may = "may" if node.value else "may not"
            explain(node, f"{word}_access", f"The client {may} read {word} samples")


def explain_frame_info(node: Field) -> None:
    """onFI: system date and time of the encoder (Flash Media Live Encoder)."""
    for key, item in properties(node):
        title = {"sd": "System date", "st": "System time", "tc": "Timecode"}.get(key)
        if title and isinstance(item.value, str | int | float):
            explain(item, "meaning", title)


def explain_cue_point(node: Field) -> None:
    """onCuePoint: `time` counts seconds (FLV 10.1 §E.5 and ActionScript)."""
    for key, item in properties(node):
        value: Any = item.value
        if key == "time" and isinstance(value, int | float) and not isinstance(value, bool):
            explain(item, "meaning", f"Cue point at {number(float(value))[1]} s")


_COLOUR: Final = {
    "colorPrimaries": ("Colour primaries", PRIMARIES),
    "transferCharacteristics": ("Transfer", TRANSFER),
    "matrixCoefficients": ("Matrix", MATRIX),
}
"""ITU-T H.273 §8.1–8.3."""
_NITS: Final = frozenset({"maxFall", "maxCLL", "maxLuminance", "minLuminance"})


def explain_color_info(node: Field) -> None:
    """colorInfo of a video Metadata packet (E-RTMP v2 "Metadata Frame"): names and units."""
    for _, group in properties(node):
        for key, item in properties(group):
            value: Any = item.value
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if key in _NITS:
                item.label += " nits"
            elif key == "bitDepth":
                item.label += " bits"
            elif key in _COLOUR and isinstance(value, int):
                title, table = _COLOUR[key]
                explain(item, "meaning", f"{title}: {named(table, value)}")
