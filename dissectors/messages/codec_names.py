"""Codec names behind the numbers and FourCCs that connect objects and metadata carry."""

from typing import Any, Final

VIDEO_CODECS: Final = {
    1: "JPEG",
    2: "Sorenson H.263",
    3: "Screen video",
    4: "On2 VP6",
    5: "On2 VP6 with alpha",
    6: "Screen video version 2",
    7: "H.264",
    12: "H.265 (not in the specification, used by Chinese CDNs)",
    13: "AV1 (not in the specification)",
}
"""FLV 10.1 §E.4.3.1, CodecID."""

AUDIO_CODECS: Final = {
    0: "Linear PCM, platform endian",
    1: "ADPCM",
    2: "MP3",
    3: "Linear PCM, little endian",
    4: "Nellymoser 16 kHz mono",
    5: "Nellymoser 8 kHz mono",
    6: "Nellymoser",
    7: "G.711 A-law",
    8: "G.711 mu-law",
    10: "AAC",
    11: "Speex",
    14: "MP3 8 kHz",
    15: "Device-specific sound",
}
"""FLV 10.1 §E.4.2.1, SoundFormat."""

FOURCCS: Final = {
    "avc1": "H.264",
    "hvc1": "H.265",
    "vvc1": "H.266",
    "av01": "AV1",
    "vp08": "VP8",
    "vp09": "VP9",
    "mp4a": "AAC",
    "Opus": "Opus",
    "fLaC": "FLAC",
    ".mp3": "MP3",
    "ac-3": "AC-3",
    "ec-3": "E-AC-3",
    "*": "any codec",
}
"""E-RTMP v2 "Enhanced Audio", "Enhanced Video"."""


def fourcc_of(number: int) -> str | None:
    """Return the FourCC written as a big-endian number (E-RTMP v2 "onMetaData"), or None."""
    if not 0x20000000 <= number <= 0x7E7E7E7E:
        return None
    text = number.to_bytes(4, "big").decode("latin-1")
    return text if text.isascii() and text.isprintable() else None


def codec_name(value: Any, table: dict[int, str]) -> str | None:
    """Return the codec's name for a tag value (7), a FourCC as number, or as string."""
    if isinstance(value, str):
        return FOURCCS.get(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    text = fourcc_of(value)
    if text is None:
        return table.get(value)
    name = FOURCCS.get(text)
    return f"{name} (FourCC '{text}')" if name else f"FourCC '{text}'"
