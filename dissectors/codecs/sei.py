"""SEI messages (ITU-T H.264 §7.3.2.3 and annex D; H.265 §7.3.5 and annex D; H.274 for H.266)."""

from typing import Any, Final

from dissectors.codecs.colour import TRANSFER, named
from dissectors.codecs.nal import unescape
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.text import hexdump, quote

SEI_NAMES: Final = {
    0: "buffering period",
    1: "picture timing",
    2: "pan-scan rectangle",
    3: "filler payload",
    4: "user data registered by ITU-T T.35",
    5: "user data unregistered",
    6: "recovery point",
    9: "scene information",
    45: "frame packing arrangement",
    47: "display orientation",
    128: "structure of pictures information",
    129: "active parameter sets",
    130: "decoding unit information",
    132: "decoded picture hash",
    133: "scalable nesting",
    136: "time code",
    137: "mastering display colour volume",
    144: "content light level information",
    147: "alternative transfer characteristics",
    148: "ambient viewing environment",
    149: "content colour volume",
}
MAX_SEI_MESSAGES: Final = 16
"""Named per SEI NAL unit; encoders send fewer than 8."""
MAX_ESCAPES: Final = 4096
"""Emulation prevention bytes looked for in one message; a hostile unit is made of them."""
MAX_PAYLOAD: Final = 4096
"""Bytes of a payload that are decoded."""
_ESCAPE: Final = b"\x00\x00\x03"
_CHROMATICITY: Final = 50_000
_LUMINANCE: Final = 10_000
"""Units of 0.00002 and of 0.0001 cd/m² (H.265 §D.3.28)."""


def read_sei(cur: Cursor, unit: Field) -> None:
    """sei_rbsp: the messages with their names, and the values that tell the picture's colours."""
    names = []
    for _ in range(MAX_SEI_MESSAGES):
        if len(cur) < 2 or (len(cur) < 8 and cur.peek(8).rstrip(b"\0") == b"\x80"):
            break  # rbsp_trailing_bits
        start = cur.pos
        kind, size = _number(cur), _number(cur)
        length = _escaped(cur, size)
        payload = unescape(cur.take(length)[:MAX_PAYLOAD])
        name = SEI_NAMES.get(kind, "SEI message")
        text = f"{name} ({kind}), {size} bytes ({hexdump(payload)})"
        node = unit.add("sei_message", text, kind, start, cur.pos - start, plumbing=True)
        if length < size:
            (node.note if cur.cut else node.warn)("sei_cut", f"only {length} bytes are there")
        reader = _READERS.get(kind)
        if reader is not None and size <= len(payload):
            reader(node, payload)
        names.append(name)
    else:
        if len(cur) >= 2:
            unit.note("limit_sei_messages", f"only the first {MAX_SEI_MESSAGES} are listed")
    if names:
        unit.label = f"{unit.label}: {', '.join(names)}"


def _number(cur: Cursor) -> int:
    """Read payloadType or payloadSize: 0xFF bytes count 255 each, the next byte ends it."""
    total = 0
    while cur:
        byte = cur.u8()
        total += byte
        if byte != 0xFF or total > 0xFFFFFF:
            break
    return total


def _escaped(cur: Cursor, size: int) -> int:
    """Return how many bytes of the NAL unit hold the next `size` bytes of its RBSP.

    Sizes do not count the emulation prevention bytes (H.264 §7.4.1), and 03 behind 00 00 is
    always one.
    """
    end = min(cur.pos + size, cur.end)
    low = max(cur.pos - 2, 0)
    for _ in range(MAX_ESCAPES):
        at = cur.data.find(_ESCAPE, low, min(end + 1, cur.end))
        if at < 0:
            break
        end, low = min(end + 1, cur.end), at + 3
    return end - cur.pos


def _value(node: Field, name: str, label: str, value: Any) -> None:
    node.add(name, label, value, node.start, node.length)


def _mastering_display(node: Field, payload: bytes) -> None:
    """mastering_display_colour_volume: green, blue, red, white point, luminances (§D.2.28)."""
    if len(payload) < 24:
        return
    for i, colour in enumerate(("green", "blue", "red", "white_point")):
        x, y = (int.from_bytes(payload[at : at + 2], "big") for at in (4 * i, 4 * i + 2))
        place = [x / _CHROMATICITY, y / _CHROMATICITY]
        title = colour.replace("_", " ").capitalize()
        _value(node, colour, f"{title}: {place[0]:g}, {place[1]:g}", place)
    for name, at in (("max_luminance", 16), ("min_luminance", 20)):
        nits = int.from_bytes(payload[at : at + 4], "big") / _LUMINANCE
        title = name.replace("_", " ").capitalize()
        _value(node, name, f"{title}: {nits:g} cd/m²", nits)


def _light_level(node: Field, payload: bytes) -> None:
    """content_light_level_info (§D.2.35)."""
    for name, title, at in (
        ("max_content_light_level", "Maximum content light level", 0),
        ("max_pic_average_light_level", "Maximum picture average light level", 2),
    ):
        if len(payload) >= at + 2:
            nits = int.from_bytes(payload[at : at + 2], "big")
            _value(node, name, f"{title}: {nits} cd/m²", nits)


def _transfer(node: Field, payload: bytes) -> None:
    """alternative_transfer_characteristics (§D.2.38)."""
    if payload:
        text = f"Preferred transfer: {named(TRANSFER, payload[0])}"
        _value(node, "preferred_transfer_characteristics", text, payload[0])


def _user_data(node: Field, payload: bytes) -> None:
    """user_data_unregistered: a UUID, then whatever its owner likes; encoders sign here."""
    if len(payload) < 16:
        return
    _value(node, "uuid", f"UUID: {payload[:16].hex()}", payload[:16].hex())
    text = payload[16:].rstrip(b"\0")
    if text and text.isascii():
        _value(node, "text", f"Text: {quote(text.decode())}", text.decode())


_READERS: Final = {
    5: _user_data,
    137: _mastering_display,
    144: _light_level,
    147: _transfer,
}
