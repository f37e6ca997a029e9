"""AAC: the AudioSpecificConfig and the frames (ISO/IEC 14496-3 §1.6, §4.4)."""

from typing import Any, Final

from dissectors.codecs.bit_lines import BitLines
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.text import hexdump, quote

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
ELD: Final = 39
GA_TYPES: Final = frozenset({1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23})
"""Object types with a GASpecificConfig, §1.6.2.1."""
ERROR_PROTECTED: Final = frozenset({17, *range(19, 28), ELD})
"""Object types whose config ends with epConfig."""
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


def read_config(cur: Cursor, node: Field) -> None:
    """AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1."""
    config = node.value
    start = cur.pos
    data = cur.rest()
    if not data:
        node.warn("empty_configuration", "the AudioSpecificConfig is empty")
        return
    lines = BitLines(node, start, data[:MAX_CONFIG_BYTES])
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
            lines.number("extension_channels", 4, "Extension channels")
    reader = _SPECIFIC.get(kind)
    whole = reader is not None and reader(lines, config, kind, code)
    if whole and kind in ERROR_PROTECTED:
        whole = _error_protection(lines)
    if config["sbr"] is None and lines.bits.left >= 16:
        _sync_extension(lines, config)
    lines.rest(whole)
    _finish(node, config, lines.bits.failed)
    if len(data) > MAX_CONFIG_BYTES:
        left = len(data) - MAX_CONFIG_BYTES
        node.add("data", f"Further data: {left} bytes", None, start + MAX_CONFIG_BYTES, left)


def _finish(node: Field, config: dict[str, Any], failed: bool) -> None:
    if failed:
        node.error("malformed_audio_specific_config", "the AudioSpecificConfig ends early")
        config.update({key: None for key in _OPEN if not node.find(_OPEN[key])})
    elif config["sample_rate"] == 0:
        node.error("reserved_sample_rate", "the AudioSpecificConfig holds a reserved sample rate")
    profile = object_name(config["core_object_type"])
    if config["ps"]:
        profile = "HE-AAC v2"
        if config["channels"] == 1:
            config["core_channels"], config["channels"] = 1, 2  # §8.6.4.6: PS makes it stereo
    elif config["sbr"] and config["core_object_type"] == 2:
        profile = "HE-AAC"
    config["profile"] = profile
    node.add("profile", f"Profile: {profile} (calculated)", profile)


_OPEN: Final = {
    "core_sample_rate": "sampling_frequency",
    "sample_rate": "sampling_frequency",
    "channels": "channel_configuration",
}
"""Values that are unknown when the bits end before the field that carries them."""


def _object_type(lines: BitLines, name: str, label: str) -> int:
    """GetAudioObjectType, §1.6.2.1."""
    kind, width = lines.bits.u(5), 5
    if kind == 31:
        kind, width = 32 + lines.bits.u(6), 11
    lines.add(name, width, f"{label}: {object_name(kind)} ({kind})", kind)
    return kind


def _rate(lines: BitLines, name: str, label: str) -> int:
    code, width = lines.bits.u(4), 4
    if code == EXPLICIT_RATE:
        rate, width = lines.bits.u(24), 28
    else:
        rate = RATES[code] if code < len(RATES) else 0
    shown = f"{rate} Hz" if rate else "reserved"
    lines.add(name, width, f"{label}: {shown} ({code})", rate)
    return rate


def _general_audio(lines: BitLines, config: dict[str, Any], kind: int, channel_code: int) -> bool:
    """GASpecificConfig, §4.4.1."""
    reader = lines.bits
    short = reader.u(1)
    samples = (480 if short else 512) if kind == 23 else (960 if short else 1024)
    config["frame_length"] = None if reader.failed else samples
    lines.add("frame_length_flag", 1, f"Frame length: {samples} samples ({short})", short)
    if lines.number("depends_on_core_coder", 1, "Depends on core coder"):
        lines.number("core_coder_delay", 14, "Core coder delay")
    extension = lines.number("extension_flag", 1, "Extension flag")
    if not channel_code and not reader.failed:
        config["channels"] = _program_config(lines) or None
    if kind in (6, 20):
        lines.number("layer_nr", 3, "Layer number")
    if extension:
        if kind == BSAC:
            lines.number("num_of_sub_frame", 5, "Number of sub-frames")
            lines.number("layer_length", 11, "Layer length")
        if kind in (17, 19, 20, 23):
            _resilience(lines)
        lines.number("extension_flag_3", 1, "Extension flag 3")
    return True


def _resilience(lines: BitLines) -> None:
    for name, label in (
        ("section_data_resilience", "Section data resilience"),
        ("scalefactor_data_resilience", "Scale factor data resilience"),
        ("spectral_data_resilience", "Spectral data resilience"),
    ):
        lines.number(name, 1, label)


def _low_delay(lines: BitLines, config: dict[str, Any], kind: int, channel_code: int) -> bool:
    """ELDSpecificConfig, §4.6.20.3; the header of its SBR is not decoded."""
    short = lines.bits.u(1)
    samples = 480 if short else 512
    config["frame_length"] = None if lines.bits.failed else samples
    lines.add("frame_length_flag", 1, f"Frame length: {samples} samples ({short})", short)
    _resilience(lines)
    config["sbr"] = bool(lines.number("ld_sbr_present", 1, "Low delay SBR present"))
    if config["sbr"]:
        lines.number("ld_sbr_sampling_rate", 1, "Low delay SBR doubles the sample rate")
        lines.number("ld_sbr_crc", 1, "Low delay SBR CRC")
        return False
    return lines.number("eld_extension_type", 4, "ELD extension type") == 0


def _error_protection(lines: BitLines) -> bool:
    """epConfig, §1.6.2.1; 2 and 3 are followed by an ErrorProtectionSpecificConfig."""
    return lines.number("ep_config", 2, "Error protection") < 2


_SPECIFIC: Final = {**dict.fromkeys(GA_TYPES, _general_audio), ELD: _low_delay}
"""What follows the channels, by object type (§1.6.2.1); returns whether all of it was read."""


def _program_config(lines: BitLines) -> int:
    """program_config_element, §4.4.1.1; return its number of channels."""
    outer = lines.group("program_config_element", "Program config element")
    channels = _program_config_fields(lines)
    lines.node.value = channels
    lines.node.label = f"Program config element: {channels} channels"
    lines.close(outer)
    return channels


def _program_config_fields(lines: BitLines) -> int:
    reader = lines.bits
    lines.number("element_instance_tag", 4, "Element instance tag")
    kind = reader.u(2)
    lines.add("pce_object_type", 2, f"Object type: {object_name(kind + 1)} ({kind})", kind)
    _rate_index(lines)
    counts = [
        lines.number(f"num_{name}_elements", width, f"{title} elements")
        for name, width, title in (
            *(("front", 4, "Front"), ("side", 4, "Side"), ("back", 4, "Back")),
            *(("lfe", 2, "LFE"), ("assoc_data", 3, "Data"), ("valid_cc", 4, "Coupling")),
        )
    ]
    for name, width in (("mono_mixdown", 4), ("stereo_mixdown", 4), ("matrix_mixdown", 3)):
        if reader.flag():
            reader.u(width)
            lines.add(name, width + 1, f"{name.replace('_', ' ').capitalize()}: present", True)
    channels = counts[3]
    for place, count in zip(("front", "side", "back"), counts[:3], strict=True):
        for _ in range(count):
            pair, tag = reader.flag(), reader.u(4)
            channels += 2 if pair else 1
            word = "channel pair" if pair else "single channel"
            lines.add("element", 5, f"{place.capitalize()} element: {word} {tag}", tag)
    for place, count, width in zip(("LFE", "Data", "Coupling"), counts[3:], (4, 4, 5), strict=True):
        for _ in range(count):
            lines.number("element", width, f"{place} element")
    reader.u(reader.left % 8)  # byte_alignment, counted from the start of the config
    length = lines.number("comment_length", 8, "Comment length")
    comment = bytes(reader.u(8) for _ in range(length))
    if length:
        text = comment.decode("latin-1")
        lines.add("comment", 8 * length, f"Comment: {quote(text)}", text)
    return 0 if reader.failed else channels


def _rate_index(lines: BitLines) -> None:
    code = lines.bits.u(4)
    shown = f"{RATES[code]} Hz" if code < len(RATES) else "reserved"
    lines.add("pce_sampling_frequency", 4, f"Sample rate: {shown} ({code})", code)


def _sync_extension(lines: BitLines, config: dict[str, Any]) -> None:
    """Backward compatible signalling of SBR and PS, §1.6.6.3."""
    reader = lines.bits
    if reader.peek(11) != SYNC_EXTENSION:
        return
    reader.u(11)
    lines.add("sync_extension_type", 11, "Sync extension: 0x2b7", SYNC_EXTENSION)
    kind = _object_type(lines, "extension_object_type", "Extension object type")
    if kind not in (SBR, BSAC):
        return
    config["sbr"] = reader.flag()
    lines.add("sbr_present", 1, f"SBR present: {int(config['sbr'])}", config["sbr"])
    if config["sbr"]:
        config["sample_rate"] = _rate(lines, "extension_sampling_frequency", "SBR sample rate")
    if kind == BSAC:
        lines.number("extension_channels", 4, "Extension channels")
    elif config["sbr"] and reader.left >= 12 and reader.peek(11) == PS_EXTENSION:
        reader.u(11)
        lines.add("ps_extension_type", 11, "PS extension: 0x548", PS_EXTENSION)
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
