"""AC-3 and E-AC-3 sync frames (ETSI TS 102 366 §4.3, §4.4, annex E.1.2)."""

from typing import Any, Final

from dissectors.codecs.aac import channel_text
from dissectors.codecs.bit_lines import BitLines
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.text import hexdump

SYNC: Final = b"\x0b\x77"
RATES: Final = (48000, 44100, 32000)
REDUCED_RATES: Final = (24000, 22050, 16000)
MODES: Final = ("1+1", "1/0", "2/0", "3/0", "2/1", "3/1", "2/2", "3/2")
"""Front and rear channels by acmod, table 4.3."""
CHANNELS: Final = (2, 1, 2, 3, 3, 4, 4, 5)
"""Full-bandwidth channels by acmod."""
BLOCKS: Final = (1, 2, 3, 6)
BITRATES: Final = (
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
)  # fmt: skip
SERVICES: Final = (
    "complete main", "music and effects", "visually impaired", "hearing impaired", "dialogue",
    "commentary", "emergency", "voice over or karaoke",
)  # fmt: skip
STREAM_TYPES: Final = ("independent", "dependent", "converted from AC-3", "reserved")
MAX_AC3_BSID: Final = 10
"""Above it the syntax is E-AC-3's (annex E.1.3.1.6); above 16 it is unknown."""
AC3_HEAD: Final = 8
"""Bytes that reach behind lfeon, whatever stands before it."""
EAC3_HEAD: Final = 6
MAX_FRAMES: Final = 64
"""Sync frames listed per message; a message carries one, or a programme of a few substreams."""


def read_frame(cur: Cursor, node: Field, out: dict[str, Any]) -> None:
    """Sync frames up to the end; the summary is the first one's, with the channels of all."""
    for number in range(MAX_FRAMES):
        if not cur:
            return
        head = cur.peek(AC3_HEAD)
        if len(head) < EAC3_HEAD or head[:2] != SYNC or head[5] >> 3 > 16:
            if not number:
                node.warn("ac3_sync", "no (E-)AC-3 sync frame header")
            break
        if not (frame := _read_sync_frame(cur, node)):
            break
        if not number:
            out["frame"] = frame
        elif frame.get("stream_type") == "dependent":
            out["frame"]["dependent_channels"] = frame["channels"]
    else:
        if cur:
            node.note("limit_ac3_frames", f"only the first {MAX_FRAMES} frames are listed")
    if cur:
        label = f"Data: {len(cur)} bytes ({hexdump(cur.peek(17))})"
        node.add("data", label, None, cur.pos, len(cur))
        cur.need(len(cur))


def _read_sync_frame(cur: Cursor, node: Field) -> dict[str, Any] | None:
    """Read one frame; None, with nothing read, where its header holds reserved values."""
    bsid = cur.peek(EAC3_HEAD)[5] >> 3
    old = bsid <= MAX_AC3_BSID
    start = cur.pos
    name = "AC-3" if old else "E-AC-3"
    parent = node.add("sync_frame", f"{name} sync frame", None, start)
    head = cur.peek(AC3_HEAD if old else EAC3_HEAD)
    lines = BitLines(parent, start, head)
    frame = (_ac3 if old else _eac3)(lines, bsid)
    if frame is None:
        parent.label += ": reserved values"
        node.warn("ac3_reserved", f"the {name} header holds a reserved rate or size")
        cur.need(len(head))
        parent.length = len(head)
        return None
    lines.rest(plumbing=True)
    cur.need(len(head))
    size = min(max(frame["frame_size"] - len(head), 0), len(cur))
    if size:
        text = f"{name} data: {size} bytes ({hexdump(cur.peek(17))})"
        parent.add("data", text, None, cur.need(size), size)
    parent.length = cur.pos - start
    parent.value = frame
    channels = channel_text(frame["channels"])
    parent.label = f"{name} sync frame: {frame['sample_rate']} Hz {channels}"
    if parent.length < frame["frame_size"]:
        text = f"frame of {frame['frame_size']} bytes, {parent.length} are there"
        (parent.note if cur.cut else parent.warn)("ac3_frame_cut", text)
    return frame


def _ac3(lines: BitLines, bsid: int) -> dict[str, Any] | None:
    """syncinfo and the start of bsi, §4.3.1, §4.3.2."""
    read, add = lines.bits, lines.add
    _sync_word(lines)
    lines.number("crc1", 16, "CRC 1")
    code, size = read.u(2), 0
    rate = RATES[code] if code < 3 else 0
    shift = max(bsid - 8, 0)
    add("sample_rate", 2, f"Sample rate: {rate >> shift or 'reserved'} ({code})", rate >> shift)
    index = read.u(6)
    bitrate = BITRATES[index >> 1] * 1000 if index >> 1 < len(BITRATES) else 0
    if rate and bitrate:
        words = bitrate * 1536 // rate // 16
        size = 2 * (words + (index & 1 if code == 1 else 0))
    text = f"{bitrate >> shift} bit/s, {size} bytes" if bitrate else "reserved"
    add("frame_size_code", 6, f"Frame size: {text} ({index})", size)
    _bsid(lines)
    service = read.u(3)
    add("bit_stream_mode", 3, f"Service: {SERVICES[service]} ({service})", service)
    mode = read.u(3)
    add("channel_mode", 3, f"Channel mode: {MODES[mode]} ({mode})", mode)
    for needed, name, label in (
        (mode & 1 and mode != 1, "centre_mix_level", "Centre mix level"),
        (mode & 4, "surround_mix_level", "Surround mix level"),
        (mode == 2, "dolby_surround_mode", "Dolby Surround mode"),
    ):
        if needed:
            lines.number(name, 2, label)
    lfe = _lfe(lines)
    if not size or read.failed:
        return None
    return {
        "codec": "ac3",
        "bsid": bsid,
        "sample_rate": rate >> shift,
        "channels": CHANNELS[mode] + lfe,
        "lfe": lfe,
        "bitrate": bitrate >> shift,
        "frame_size": size,
    }


def _eac3(lines: BitLines, bsid: int) -> dict[str, Any] | None:
    """syncinfo and the start of bsi, annex E.1.2.1, E.1.2.2."""
    read, add = lines.bits, lines.add
    _sync_word(lines)
    kind = read.u(2)
    add("stream_type", 2, f"Stream type: {STREAM_TYPES[kind]} ({kind})", kind)
    lines.number("substream_id", 3, "Substream ID")
    words = read.u(11)
    size = 2 * (words + 1)
    add("frame_size", 11, f"Frame size: {size} bytes ({words})", size)
    code, rate, blocks = read.u(2), 0, 6
    if code < 3:
        rate = RATES[code]
        add("sample_rate", 2, f"Sample rate: {rate} ({code})", rate)
        index = read.u(2)
        blocks = BLOCKS[index]
        add("blocks", 2, f"Audio blocks: {blocks} ({index})", blocks)
    else:
        index = read.u(2)
        rate = REDUCED_RATES[index] if index < 3 else 0
        add("sample_rate", 4, f"Sample rate: {rate or 'reserved'} (reduced, {index})", rate)
    mode = read.u(3)
    add("channel_mode", 3, f"Channel mode: {MODES[mode]} ({mode})", mode)
    lfe = _lfe(lines)
    _bsid(lines)
    if not rate or read.failed:
        return None
    return {
        "codec": "eac3",
        "bsid": bsid,
        "sample_rate": rate,
        "channels": CHANNELS[mode] + lfe,
        "lfe": lfe,
        "stream_type": STREAM_TYPES[kind],
        "frame_size": size,
        "blocks": blocks,
    }


def _sync_word(lines: BitLines) -> None:
    word = lines.bits.u(16)
    lines.add("sync_word", 16, f"Sync word: 0x{word:04x}", word, plumbing=True)


def _bsid(lines: BitLines) -> None:
    lines.number("bsid", 5, "Bit stream ID")


def _lfe(lines: BitLines) -> bool:
    lfe = lines.bits.flag()
    lines.add("lfe", 1, f"LFE channel: {int(lfe)}", lfe)
    return lfe
