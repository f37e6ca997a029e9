"""What the properties of the connect command's objects mean (RTMP 1.0 §7.2.1.1, E-RTMP v2)."""

from collections.abc import Callable
from typing import Any, Final

from dissectors.amf import explain, properties
from dissectors.fields import Field
from dissectors.messages.codec_names import FOURCCS
from dissectors.status_codes import login_parameters
from dissectors.text import safe

AUDIO_CODEC_FLAGS: Final = {
    0x001: "NONE",
    0x002: "ADPCM",
    0x004: "MP3",
    0x008: "INTEL",
    0x010: "UNUSED",
    0x020: "NELLY8",
    0x040: "NELLY",
    0x080: "G711A",
    0x100: "G711U",
    0x200: "NELLY16",
    0x400: "AAC",
    0x800: "SPEEX",
}
VIDEO_CODEC_FLAGS: Final = {
    0x01: "UNUSED",
    0x02: "JPEG",
    0x04: "SORENSON",
    0x08: "HOMEBREW",
    0x10: "VP6",
    0x20: "VP6ALPHA",
    0x40: "HOMEBREWV",
    0x80: "H264",
}
VIDEO_FUNCTION_FLAGS: Final = {
    1: "CLIENT_SEEK",
    2: "CLIENT_HDR",
    4: "CLIENT_VIDEO_PACKET_TYPE_METADATA",
    8: "CLIENT_LARGE_SCALE_TILE",
}
CAPS_EX_FLAGS: Final = {1: "Reconnect", 2: "Multitrack", 4: "ModEx", 8: "TimestampNanoOffset"}
INFO_MAP_FLAGS: Final = {1: "CanDecode", 2: "CanEncode", 4: "CanForward"}
OBJECT_ENCODINGS: Final = {0: "AMF0", 3: "AMF3"}


def flag_names(value: Any, table: dict[int, str]) -> list[str] | None:
    """Return the names of the bits set in `value`, unknown ones in hex; None for no integer."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
        return None
    names = [name for bit, name in table.items() if value & bit]
    unknown = value & ~sum(table)
    return [*names, hex(unknown)] if unknown else names


def _flags(title: str, table: dict[int, str]) -> Callable[[Field], None]:
    def line(node: Field) -> None:
        names = flag_names(node.value, table)
        if names is not None:
            explain(node, "flags", f"{title}: {', '.join(names) or 'none'}", names)

    return line


def _object_encoding(node: Field) -> None:
    if isinstance(node.value, int | float):
        name = OBJECT_ENCODINGS.get(int(node.value)) if node.value in OBJECT_ENCODINGS else None
        explain(node, "meaning", f"Object encoding: {name or 'Unknown'}", name)


def _fourcc_list(node: Field) -> None:
    if isinstance(node.value, list):
        names = [FOURCCS.get(item, item) for item in node.value[:64] if isinstance(item, str)]
        explain(node, "codecs", f"Codecs: {safe(', '.join(names)) or 'none'}", names)


def _info_map(node: Field) -> None:
    line = _flags("Capabilities", INFO_MAP_FLAGS)
    for _, entry in properties(node)[:64]:
        line(entry)


def _login(node: Field) -> None:
    if isinstance(node.value, str):
        for name, value in login_parameters(node.value[:4096]).items():
            explain(node, f"auth_{name}", f"Authentication {name}: {safe(value)}", value)


_LINES: Final[dict[str, Callable[[Field], None]]] = {
    "app": _login,
    "tcUrl": _login,
    "audioCodecs": _flags("Audio codecs", AUDIO_CODEC_FLAGS),
    "videoCodecs": _flags("Video codecs", VIDEO_CODEC_FLAGS),
    "videoFunction": _flags("Video functions", VIDEO_FUNCTION_FLAGS),
    "capsEx": _flags("Capabilities", CAPS_EX_FLAGS),
    "objectEncoding": _object_encoding,
    "fourCcList": _fourcc_list,
    "videoFourCcInfoMap": _info_map,
    "audioFourCcInfoMap": _info_map,
}


def explain_connect(node: Field) -> None:
    """Add calculated lines below the known properties of a connect object or its reply."""
    for key, item in properties(node):
        line = _LINES.get(key)
        if line:
            line(item)
