"""AAC: the AudioSpecificConfig and the frames (ISO/IEC 14496-3 §1.6, §4.4)."""

from typing import Any, Final

from dissectors.codecs.bits import BitReader
from dissectors.cursor import Cursor
from dissectors.fields import Field, bits
from dissectors.text import hexdump

OBJECT_TYPES: Final = {
    1: "Main",
    2: "LC",
    3: "SSR",
    4: "LTP",
    5: "SBR",
    6: "Scalable",
    7: "TwinVQ",
    17: "ER LC",
    19: "ER LTP",
    20: "ER Scalable",
    22: "ER BSAC",
    23: "LD",
    29: "PS",
    36: "ALS",
    39: "ELD",
    42: "USAC",
}
SBR: Final = 5
PS: Final = 29
BSAC: Final = 22
GA_TYPES: Final = frozenset({1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23})
"""Object types with a GASpecificConfig, §1.6.2.1."""
RATES: Final = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
)  # fmt: skip
EXPLICIT_RATE: Final = 15
CHANNELS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 13: 24, 14: 8}
CHANNEL_NAMES: Final = {1: "mono", 2: "stereo", 6: "5.1", 7: "6.1", 8: "7.1"}
SYNC_EXTENSION: Final = 0x2B7
PS_EXTENSION: Final = 0x548
MAX_CONFIG_BYTES: Final = 64
"""A config with a program_config_element and its comment is below this in practice."""
ADTS_MASK: Final = 0xFFF6
ADTS_SYNC: Final = 0xFFF0


def channel_text(channels: int) -> str:
    return CHANNEL_NAMES.get(channels, f"{channels} channels")


def object_name(kind: int) -> str:
    return OBJECT_TYPES.get(kind, f"object type {kind}")


class _Lines:
    """Fields of a bit string. They cross byte boundaries, so each has the span of the whole
    string and a mask of that width."""

    def __init__(self, node: Field, start: int, data: bytes) -> None:
        self.bits = BitReader(data)
        self._node = node
        self._start = start
        self._length = len(data)
        self._word = int.from_bytes(data, "big")

    def add(self, name: str, width: int, text: str, value: Any) -> None:
        """Append a field of the `width` bits read last."""
        mask = ((1 << width) - 1) << self.bits.left
        total = self._length * 8
        picture = f"{bits(self._word, mask, total)} = " if self._length <= 2 else ""
        self._node.add(name, f"{picture}{text}", value, self._start, self._length, mask=mask)


def read_config(cur: Cursor, node: Field) -> None:
    """AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1."""
    config = node.value
    start = cur.pos
    data = cur.rest()
    if not data:
        node.warn("empty_configuration", "the AudioSpecificConfig is empty")
        return
    lines = _Lines(node, start, data[:MAX_CONFIG_BYTES])
    kind = _object_type(lines, "audio_object_type", "Object type")
    rate = _rate(lines, "sampling_frequency", "Sample rate")
    code = lines.bits.u(4)
    channels = CHANNELS.get(code)
    text = (
        channel_text(channels) if channels else "in a program config element" if not code else "?"
    )
    lines.add("channel_configuration", 4, f"Channels: {text} ({code})", code)
    config |= {"object_type": kind, "core_object_type": kind, "core_sample_rate": rate}
    config |= {"sample_rate": rate, "channels": channels, "sbr": None, "ps": None}
    if kind in (SBR, PS):
        config["sbr"] = True
        config["ps"] = True if kind == PS else None
        config["sample_rate"] = _rate(lines, "extension_sampling_frequency", "SBR sample rate")
        kind = _object_type(lines, "core_object_type", "Core object type")
        config["core_object_type"] = kind
        if kind == BSAC:
            lines.add("extension_channels", 4, f"Extension channels: {lines.bits.u(4)}", None)
    if kind in GA_TYPES:
        _general_audio(lines, config, kind, code)
    if config["sbr"] is None and lines.bits.left >= 16:
        _sync_extension(lines, config)
    _finish(node, config, lines.bits.failed)
    if len(data) > MAX_CONFIG_BYTES:
        left = len(data) - MAX_CONFIG_BYTES
        node.add("data", f"Further data: {left} bytes", None, start + MAX_CONFIG_BYTES, left)


def _finish(node: Field, config: dict[str, Any], failed: bool) -> None:
    if failed:
        node.error("malformed_audio_specific_config", "the AudioSpecificConfig ends early")
    if config["sample_rate"] == 0:
        node.error("reserved_sample_rate", "the AudioSpecificConfig holds a reserved sample rate")
    profile = object_name(config["core_object_type"])
    if config["ps"]:
        profile = "HE-AAC v2"
    elif config["sbr"] and config["core_object_type"] == 2:
        profile = "HE-AAC"
    config["profile"] = profile
    node.add("profile", f"Profile: {profile} (calculated)", profile)


def _object_type(lines: _Lines, name: str, label: str) -> int:
    """GetAudioObjectType, §1.6.2.1."""
    kind, width = lines.bits.u(5), 5
    if kind == 31:
        kind, width = 32 + lines.bits.u(6), 11
    lines.add(name, width, f"{label}: {object_name(kind)} ({kind})", kind)
    return kind


def _rate(lines: _Lines, name: str, label: str) -> int:
    code, width = lines.bits.u(4), 4
    if code == EXPLICIT_RATE:
        rate, width = lines.bits.u(24), 28
    else:
        rate = RATES[code] if code < len(RATES) else 0
    shown = f"{rate} Hz" if rate else "reserved"
    lines.add(name, width, f"{label}: {shown} ({code})", rate)
    return rate


def _general_audio(lines: _Lines, config: dict[str, Any], kind: int, channel_code: int) -> None:
    """GASpecificConfig, §4.4.1."""
    reader = lines.bits
    short = reader.u(1)
    samples = (480 if short else 512) if kind == 23 else (960 if short else 1024)
    config["frame_length"] = samples
    lines.add("frame_length_flag", 1, f"Frame length: {samples} samples ({short})", short)
    core = reader.u(1)
    lines.add("depends_on_core_coder", 1, f"Depends on core coder: {core}", core)
    if core:
        lines.add("core_coder_delay", 14, f"Core coder delay: {reader.u(14)}", None)
    extension = reader.u(1)
    lines.add("extension_flag", 1, f"Extension flag: {extension}", extension)
    if not channel_code and not reader.failed:
        before = reader.left
        config["channels"] = _program_config(reader) or None
        text = f"Program config element: {config['channels']} channels"
        lines.add("program_config_element", before - reader.left, text, config["channels"])


def _program_config(reader: BitReader) -> int:
    """program_config_element, §4.4.1.1; return its number of channels."""
    reader.u(4 + 2 + 4)  # element_instance_tag, object_type, sampling_frequency_index
    front, side, back, lfe = reader.u(4), reader.u(4), reader.u(4), reader.u(2)
    data, coupling = reader.u(3), reader.u(4)
    for width in (4, 4, 3):  # mono, stereo and matrix mixdown
        if reader.flag():
            reader.u(width)
    channels = lfe
    for _ in range(front + side + back):
        channels += 2 if reader.flag() else 1
        reader.u(4)
    reader.u(4 * lfe + 4 * data + 5 * coupling)
    reader.u(reader.left % 8)  # byte_alignment, counted from the start of the config
    reader.u(8 * reader.u(8))  # comment_field
    return 0 if reader.failed else channels


def _sync_extension(lines: _Lines, config: dict[str, Any]) -> None:
    """Backward compatible signalling of SBR and PS, §1.6.6.3."""
    reader = lines.bits
    if reader.peek(11) != SYNC_EXTENSION:
        return
    reader.u(11)
    lines.add("sync_extension_type", 11, "Sync extension: 0x2b7", SYNC_EXTENSION)
    kind = _object_type(lines, "extension_object_type", "Extension object type")
    if kind != SBR:
        return
    config["sbr"] = reader.flag()
    lines.add("sbr_present", 1, f"SBR present: {int(config['sbr'])}", config["sbr"])
    if not config["sbr"]:
        return
    config["sample_rate"] = _rate(lines, "extension_sampling_frequency", "SBR sample rate")
    if reader.left >= 12 and reader.peek(11) == PS_EXTENSION:
        reader.u(11)
        config["ps"] = reader.flag()
        lines.add("ps_present", 1, f"PS present: {int(config['ps'])}", config["ps"])


def read_frame(cur: Cursor, node: Field, out: dict[str, Any]) -> None:
    """A raw_data_block, §4.4.2.1."""
    if not cur:
        return
    length = len(cur)
    head = int.from_bytes(cur.peek(2), "big")
    if length >= 7 and head & ADTS_MASK == ADTS_SYNC:
        # Some encoders forget to strip the transport header that MPEG-TS needs; FLV wants raw
        # frames (FLV 10.1 §E.4.2.2) and many players stay silent.
        node.warn("adts_in_aac", "the AAC frame starts with an ADTS header; FLV wants raw frames")
    label = f"AAC frame: {length} bytes ({hexdump(cur.peek(17))})"
    node.add("data", label, None, cur.need(length), length)
