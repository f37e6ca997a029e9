"""The enhanced headers that audio and video share: ModEx and Multitrack (E-RTMP v2)."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from dissectors.codecs.bits import bit_field
from dissectors.cursor import Cursor, Malformed
from dissectors.fields import Field
from dissectors.messages import media_names as names
from dissectors.messages.media_head import MAX_MODEX, MAX_TRACKS
from dissectors.text import hexdump, safe

MAX_TRACK_FIELDS: Final = 10_000
"""Fields of all tracks together; a frame of 16 tracks has a few hundred."""
MAX_TRACKS_SHOWN: Final = 8
"""Track ids in the info column."""
MAX_NANOSECONDS: Final = 999_999
"""E-RTMP v2 "TimestampOffsetNano": below a millisecond."""
UI16_SIZE: Final = 256
"""modExDataSize of this value is followed by a UI16 with the real size less one."""


class Family(NamedTuple):
    """What differs between enhanced audio and enhanced video."""

    word: str
    """``Audio`` or ``Video``."""
    packet_types: dict[int, names.Name]
    multitrack: int
    """The packet type Multitrack: 5 in audio, 6 in video."""
    fourccs: dict[bytes, str]


class Track(NamedTuple):
    """One track's packet: where its fields go, and the summary it fills."""

    node: Field
    summary: dict[str, Any]
    packet: int
    codec: str | None
    track_id: int


VIDEO: Final = Family("Video", names.VIDEO_PACKET_TYPES, names.VIDEO_MULTITRACK,
                      names.VIDEO_FOURCCS)  # fmt: skip
AUDIO: Final = Family("Audio", names.AUDIO_PACKET_TYPES, names.AUDIO_MULTITRACK,
                      names.AUDIO_FOURCCS)  # fmt: skip


def packet_label(family: Family, packet: int) -> str:
    """Return Wireshark's name of a packet type: ``PacketTypeCodedFrames``."""
    label = names.label_of(family.packet_types, packet, "")
    return f"PacketType{label}" if label else f"reserved packet type {packet}"


def packet_field(family: Family, node: Field, byte: int, start: int) -> None:
    """Append the low four bits of `byte` as a packet type."""
    word = f"{family.word} packet type"
    text = f"{word}: {packet_label(family, byte & 15)} ({byte & 15})"
    bit_field(node, "packet_type", byte, 0x0F, text, byte & 15, start)


def read_modex(
    cur: Cursor, root: Field, family: Family, packet: int, summary: dict[str, Any]
) -> int:
    """Read the ModEx chain behind a first packet type; return the real packet type.

    E-RTMP v2 "Enhanced Video": UI8 size - 1 (255: UI16 size - 1), data, UB4 type, UB4 packet
    type. The type stands behind its data.
    """
    for _ in range(MAX_MODEX):
        if packet != names.MODEX:
            return packet
        node = root.add("modex", "ModEx", None, cur.pos)
        size = cur.u8("ModEx size") + 1
        if size == UI16_SIZE:
            size = cur.u16("ModEx size") + 1
        node.add("modex_data_size", f"ModEx data size: {size}", size, node.start,
                 cur.pos - node.start, plumbing=True)  # fmt: skip
        start = cur.pos
        data = cur.take(size, "ModEx data")
        node.add("modex_data", f"ModEx data: {hexdump(data)}", None, start, size)
        at = cur.pos
        byte = cur.u8("ModEx type")
        _modex_value(node, byte >> 4, data, summary)
        known = byte >> 4 == names.TIMESTAMP_OFFSET_NANO
        text = f"ModEx type: {'TimestampOffsetNano' if known else 'reserved'} ({byte >> 4})"
        bit_field(node, "modex_type", byte, 0xF0, text, byte >> 4, at)
        packet_field(family, node, byte, at)
        node.length = cur.pos - node.start
        packet = byte & 15
    root.note("limit_modex", f"only the first {MAX_MODEX} ModEx entries are read")
    raise Malformed(f"more than {MAX_MODEX} ModEx entries", cur.pos)


def _modex_value(node: Field, kind: int, data: bytes, summary: dict[str, Any]) -> None:
    if kind != names.TIMESTAMP_OFFSET_NANO:
        node.label = f"ModEx: reserved type {kind}"
        return
    if len(data) < 3:
        node.label = "ModEx: TimestampOffsetNano"
        node.error("modex_size", f"TimestampOffsetNano needs 3 bytes, {len(data)} given")
        return
    nano = int.from_bytes(data[:3], "big")
    summary["nano_offset"] = node.value = nano
    node.label = f"ModEx: TimestampOffsetNano {nano} ns"
    if nano > MAX_NANOSECONDS:
        node.warn("nano_offset_range", f"{nano} ns is a millisecond or more")


def read_fourcc(cur: Cursor, node: Field, family: Family) -> tuple[str, str | None]:
    """Read a FourCC; return (its text, our codec id or None)."""
    start = cur.pos
    raw = cur.take(4, "FourCC")
    text = names.fourcc_text(raw)
    codec = family.fourccs.get(raw)
    field = node.add("fourcc", f"FourCC: {safe(text)}", text, start, 4)
    if codec is None:
        field.note("unknown_fourcc", "E-RTMP v2 does not define this FourCC")
    return text, codec


def read_tracks(
    cur: Cursor,
    root: Field,
    family: Family,
    summary: dict[str, Any],
    read_packet: Callable[[Cursor, Track], None],
) -> None:
    """Read a Multitrack message behind its packet type (E-RTMP v2, "Multitrack")."""
    form, packet = _control(cur, root, family)
    summary["multitrack"] = names.key_of(names.MULTITRACK_TYPES, form)
    summary["packet_type"] = names.key_of(family.packet_types, packet)
    codec: str | None = None
    fourcc: str | None = None
    if form != names.MANY_CODECS:
        fourcc, codec = read_fourcc(cur, root, family)
        summary |= {"fourcc": fourcc, "codec": codec}
    if form == names.ONE_TRACK:
        start = cur.pos
        track_id = cur.u8("track ID")
        summary["track_id"] = track_id
        root.add("track_id", f"Track ID: {track_id}", track_id, start, 1)
        read_packet(cur, Track(root, summary, packet, codec, track_id))
        return
    tracks: list[dict[str, Any]] = []
    summary["tracks"] = tracks
    fields = 0
    for number in range(MAX_TRACKS):
        if (number and not cur) or fields > MAX_TRACK_FIELDS:
            break
        node = root.add("track", "Track", None, cur.pos)
        if form == names.MANY_CODECS:
            fourcc, codec = read_fourcc(cur, node, family)
            if not number:
                summary |= {"fourcc": fourcc, "codec": codec}
        track: dict[str, Any] = {"track_id": None, "codec": codec, "fourcc": fourcc}
        tracks.append(track)
        try:
            _read_track(cur, Track(node, track, packet, codec, 0), fourcc, read_packet)
        finally:
            if not number:  # the message's own values are those of its first track
                summary |= {key: value for key, value in track.items() if key in summary}
        node.length = cur.pos - node.start
        fields += sum(1 for _ in node.walk())
    if cur:
        root.note("limit_tracks", f"only the first {len(tracks)} tracks are listed")
        text = f"{family.word} tracks not listed: {len(cur)} bytes"
        root.add("tracks_not_listed", text, None, cur.pos, len(cur))


def tracks_text(summary: dict[str, Any]) -> str:
    """Return the info column's words on tracks: ``track=1``, ``tracks=0,1``; "" without."""
    if summary["tracks"]:
        shown = [str(track["track_id"]) for track in summary["tracks"][:MAX_TRACKS_SHOWN]]
        more = ",…" if len(summary["tracks"]) > MAX_TRACKS_SHOWN else ""
        return f"tracks={','.join(shown)}{more}"
    return "" if summary["track_id"] is None else f"track={summary['track_id']}"


def _control(cur: Cursor, root: Field, family: Family) -> tuple[int, int]:
    start = cur.pos
    byte = cur.u8("multitrack type")
    form, packet = byte >> 4, byte & 15
    label = names.label_of(names.MULTITRACK_TYPES, form, "")
    label = f"AvMultitrackType{label}" if label else f"reserved type {form}"
    text = (
        f"{family.word} Multitrack Control: 0x{byte:02x} ({label} {packet_label(family, packet)})"
    )
    node = root.add("multitrack_control", text, byte, start, 1)
    bit_field(
        node, "multitrack_type", byte, 0xF0, f"Multitrack type: {label} ({form})", form, start
    )
    packet_field(family, node, byte, start)
    if packet in (family.multitrack, names.MODEX):
        raise Malformed(f"{packet_label(family, packet)} inside Multitrack", start, 1)
    if form > names.MANY_CODECS:
        raise Malformed(f"Multitrack type {form} is reserved", start, 1)
    return form, packet


def _read_track(
    cur: Cursor, track: Track, fourcc: str | None, read_packet: Callable[[Cursor, Track], None]
) -> None:
    node = track.node
    start = cur.pos
    track_id = cur.u8("track ID")
    track.summary["track_id"] = track_id
    node.label = f"Track {track_id}"
    node.add("track_id", f"Track ID: {track_id}", track_id, start, 1)
    size = cur.u24("track length")
    node.label = f"Track {track_id}: {safe(fourcc or '')}, {size} bytes"
    node.add("track_length", f"Track length: {size}", size, start + 1, 3)
    have = min(size, len(cur))
    if have < size:
        text = f"track length {size} exceeds the {have} bytes left"
        (node.note if cur.cut else node.warn)("track_cut", text)
    inner = cur.sub(have)
    read_packet(inner, track._replace(track_id=track_id))
