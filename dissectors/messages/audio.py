"""Audio messages: RTMP 1.0 §7.1.4, FLV 10.1 §E.4.2, E-RTMP v2 "Enhanced Audio"."""

from typing import Any, Final

from dissectors.codecs import flv_audio
from dissectors.codecs.bits import bit_field
from dissectors.context import Context
from dissectors.cursor import Cursor
from dissectors.fields import Field, bits
from dissectors.messages import enhanced, media_config, media_head
from dissectors.messages import media_names as names
from dissectors.messages.audio_codecs import (
    AUDIO_CODECS,
    config_text,
    frame_text,
    read_configuration,
    read_frame,
)
from dissectors.messages.enhanced import Track

peek = media_head.peek_audio
config_record = media_config.audio_records

SUMMARY_KEYS: Final = (
    "codec", "fourcc", "enhanced", "packet_type", "sound_rate", "sound_size", "sound_type",
    "nano_offset", "multitrack", "track_id", "frame", "config", "multichannel", "tracks",
)  # fmt: skip
_TRACK_KEYS: Final = ("frame", "config", "multichannel")

CHANNELS: Final = (
    "FL", "FR", "FC", "LFE1", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL", "TFC",
    "TFR", "TBL", "TBC", "TBR", "LFE2", "TSL", "TSR", "BFC", "BFL", "BFR",
)  # fmt: skip
"""AudioChannel, E-RTMP v2 "MultichannelConfig"; bit n of the mask is channel n."""
SPECIAL_CHANNELS: Final = {0xFE: "unused", 0xFF: "unknown"}
CHANNEL_ORDERS: Final = {0: "unspecified", 1: "native", 2: "custom"}
AAC_CONTROL: Final = 0xAF
"""SoundFormat 10 wants 44 kHz, 16 bit, stereo whatever the stream is (FLV 10.1 §E.4.2.1)."""


def read(cur: Cursor, root: Field, ctx: Context) -> None:
    """FLV 10.1 §E.4.2.1 AUDIODATA, or E-RTMP v2 ExAudioTagHeader. May raise `Malformed`."""
    summary: dict[str, Any] = dict.fromkeys(SUMMARY_KEYS)
    summary["enhanced"] = False
    root.value = summary
    if not cur:
        return
    if cur.peek()[0] >> 4 == names.EX_AUDIO:
        summary["enhanced"] = True
        _read_enhanced(cur, root, summary)
    else:
        _read_legacy(cur, root, summary)


def _read_legacy(cur: Cursor, root: Field, summary: dict[str, Any]) -> None:
    """FLV 10.1 §E.4.2.1."""
    byte = cur.u8("audio control")
    kind = byte >> 4
    codec = names.key_of(names.SOUND_FORMATS, kind)
    summary["codec"] = codec
    control = _control(root, byte, summary)
    if codec is None:
        control.note("unknown_codec", f"sound format {kind} is reserved")
    track = Track(root, summary, names.CODED_FRAMES, codec, 0)
    if kind != names.AAC:
        read_frame(cur, track)
        return
    start = cur.pos
    packet = cur.u8("AAC packet type")
    summary["packet_type"] = names.key_of(names.AAC_PACKET_TYPES, packet)
    label = names.label_of(names.AAC_PACKET_TYPES, packet)
    field = root.add("packet_type", f"AAC packet type: {label} ({packet})", packet, start, 1)
    if packet == 0:
        if byte != AAC_CONTROL:
            control.note("aac_control", f"0x{byte:02x}: AAC should have 0xaf; decoders ignore it")
        read_configuration(cur, track)
    elif packet == 1:
        read_frame(cur, track)
    else:
        field.warn("reserved_packet_type", f"AAC packet type {packet} is reserved")
        flv_audio.read_opaque(cur, root, {})


def _control(root: Field, byte: int, summary: dict[str, Any]) -> Field:
    """SoundFormat, SoundRate, SoundSize, SoundType."""
    kind = byte >> 4
    codec = names.label_of(names.SOUND_FORMATS, kind, "reserved sound format")
    rate, rate_label = names.SOUND_RATES[byte >> 2 & 3]
    size, size_label = names.SOUND_SIZES[byte >> 1 & 1]
    channels = names.SOUND_TYPES[byte & 1]
    summary.update(sound_rate=rate, sound_size=size, sound_type=channels)
    text = f"Control: 0x{byte:02x} ({codec} {rate_label} {size_label} {channels})"
    control = root.add("control", text, byte, 0, 1)
    bit_field(control, "sound_format", byte, 0xF0, f"Format: {codec} ({kind})", kind, 0)
    note = ""
    if kind in names.FIXED_RATES:
        real = names.FIXED_RATES[kind]
        note = f", ignored: it is {real} Hz" if real else ", ignored"
    bit_field(control, "sound_rate", byte, 0x0C,
              f"Sample rate: {rate_label} ({byte >> 2 & 3}){note}", rate, 0)  # fmt: skip
    bit_field(control, "sound_size", byte, 0x02, f"Sample size: {size_label} ({byte >> 1 & 1})",
              size, 0)  # fmt: skip
    bit_field(control, "sound_type", byte, 0x01, f"Channels: {channels} ({byte & 1})", channels, 0)
    return control


def _read_enhanced(cur: Cursor, root: Field, summary: dict[str, Any]) -> None:
    """E-RTMP v2 "Enhanced Audio", ExAudioTagHeader and ExAudioTagBody."""
    byte = cur.u8("audio control")
    packet = byte & 15
    label = enhanced.packet_label(enhanced.AUDIO, packet)
    control = root.add("control", f"Control: 0x{byte:02x} ({label})", byte, 0, 1)
    bit_field(control, "is_ex_audio_header", byte, 0xF0, "IsExAudioHeader: 9", 9, 0)
    enhanced.packet_field(enhanced.AUDIO, control, byte, 0)
    packet = enhanced.read_modex(cur, root, enhanced.AUDIO, packet, summary)
    if packet == names.AUDIO_MULTITRACK:
        enhanced.read_tracks(cur, root, enhanced.AUDIO, summary, _read_packet)
        return
    summary["packet_type"] = names.key_of(names.AUDIO_PACKET_TYPES, packet)
    summary["fourcc"], codec = enhanced.read_fourcc(cur, root, enhanced.AUDIO)
    summary["codec"] = codec
    _read_packet(cur, Track(root, summary, packet, codec, 0))


def _read_packet(cur: Cursor, track: Track) -> None:
    """ExAudioTagBody of one track."""
    for key in _TRACK_KEYS:
        track.summary.setdefault(key, None)
    packet, node = track.packet, track.node
    if packet == names.SEQUENCE_START:
        read_configuration(cur, track)
    elif packet == names.CODED_FRAMES:
        read_frame(cur, track)
    elif packet == names.MULTICHANNEL_CONFIG:
        _read_multichannel(cur, track)
    elif cur:
        if packet == names.SEQUENCE_END:
            node.note("sequence_end_data", "SequenceEnd has no body")
        elif packet not in names.AUDIO_PACKET_TYPES:
            node.warn("reserved_packet_type", f"audio packet type {packet} is reserved")
        flv_audio.read_opaque(cur, node, {})


def _read_multichannel(cur: Cursor, track: Track) -> None:
    """E-RTMP v2 "MultichannelConfig"."""
    node, start = track.node, cur.pos
    result: dict[str, Any] = {"order": None, "channels": None, "mapping": None}
    track.summary["multichannel"] = result
    order = cur.u8("channel order")
    result["order"] = CHANNEL_ORDERS.get(order)
    text = CHANNEL_ORDERS.get(order, "reserved")
    field = node.add("channel_order", f"Channel order: {text} ({order})", order, start, 1)
    if order not in CHANNEL_ORDERS:
        field.warn("reserved_channel_order", f"channel order {order} is reserved")
    count = cur.u8("channel count")
    result["channels"] = count
    node.add("channel_count", f"Channel count: {count}", count, start + 1, 1)
    at = cur.pos
    if order == 2:
        # gortmplib reads a single byte here; E-RTMP v2 has one per channel.
        mapping = [_channel(code) for code in cur.take(count, "channel mapping")]
        result["mapping"] = mapping
        text = f"Channel mapping: {' '.join(mapping)}"
        node.add("channel_mapping", text, mapping, at, count)
    elif order == 1:
        mask = cur.u32("channel mask")
        mapping = [CHANNELS[i] for i in range(len(CHANNELS)) if mask >> i & 1]
        result["mapping"] = mapping
        parent = node.add("channel_flags", f"Channels: {' '.join(mapping)} (0x{mask:08x})", mask,
                          at, 4)  # fmt: skip
        for i, name in enumerate(CHANNELS):
            if mask >> i & 1:
                parent.add(name.lower(), f"{bits(mask, 1 << i, 32)} = {name}: 1", 1, at, 4,
                           mask=1 << i)  # fmt: skip
        if mask.bit_count() != count:
            text = f"{count} channels, but {mask.bit_count()} bits in the mask"
            parent.warn("channel_count_mismatch", text)
    if cur:
        flv_audio.read_opaque(cur, node, {})


def _channel(code: int) -> str:
    if code < len(CHANNELS):
        return CHANNELS[code]
    return SPECIAL_CHANNELS.get(code, f"reserved {code}")


def describe(root: Field, ctx: Context) -> tuple[str, str]:
    """Return (title, info): ``AAC sequence header LC 44100 Hz stereo``. Completes the summary."""
    summary = root.value if isinstance(root.value, dict) else dict.fromkeys(SUMMARY_KEYS)
    root.value = summary
    control = root.find("control")
    if control is None:
        # FMS and FMLE send empty audio messages for silence.
        return "Audio Data", "silence (empty)"
    codec = AUDIO_CODECS.get(summary["codec"] or "")
    fallback = "" if summary["enhanced"] else f"sound format {control.value >> 4}"
    words = [codec.label if codec else str(summary["fourcc"] or fallback)]
    if summary["packet_type"]:
        words.append(_PACKET_LABELS[summary["packet_type"]])
    if summary["nano_offset"]:
        words.append(f"nano={summary['nano_offset']}")
    if summary["config"]:
        words.append(config_text(summary["config"]))
    if summary["frame"]:
        words.append(frame_text(summary["frame"]))
    if summary["multichannel"] and summary["multichannel"]["mapping"]:
        words.append(" ".join(summary["multichannel"]["mapping"]))
    words.append(enhanced.tracks_text(summary))
    return "Audio Data", " ".join(word for word in words if word) or "unknown"


_PACKET_LABELS: Final = {
    name.key: name.label
    for table in (names.AAC_PACKET_TYPES, names.AUDIO_PACKET_TYPES)
    for name in table.values()
}
