"""Coded pictures (VID-05, 06, 08, 11, 15).

The first bytes of every frame are in the index. Beyond them a sample of the bodies is read: the
first frames, then keyframes and others evenly over the stream.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.rules.media import concerning, rows, together, tracks
from analyzer.rules.rule import Evidence, Outcome, Rule
from analyzer.rules.video_config import NAL_CODECS, START_CODES
from dissectors import spec
from dissectors.codecs.bits import BitReader
from dissectors.codecs.nal import MAX_NAL_UNITS

if TYPE_CHECKING:
    from analyzer.metrics import Track
    from analyzer.rules.media import Array
    from analyzer.rules.scope import Scope

SAMPLES: Final = 10_000
"""Bodies read per session, divided among its tracks."""
_PER_TRACK: Final = (8, 96)
_IDR: Final = 5
_IRAP: Final = range(16, 22)
_SLICES: Final = {"h264": frozenset({1, 2, _IDR}), "hevc": frozenset(range(32))}
_RECOVERY: Final = {"h264": frozenset({6, 7}), "hevc": frozenset({39})}
"""SEI, which may hold a recovery point, or fresh parameter sets."""
_ODD_UNITS: Final = {
    "h264": {9: "access unit delimiter", 10: "end of sequence", 11: "end of stream",
             12: "filler data"},
    "hevc": {35: "access unit delimiter", 36: "end of sequence", 37: "end of stream",
             38: "filler data"},
}  # fmt: skip
_B_SLICES: Final = frozenset({1, 6})
_MAX_CTS_FRAMES: Final = 32
"""Frames that hierarchical coding may need between decoding and showing."""


class Picture(NamedTuple):
    """What a sampled body holds."""

    frame: int
    """Index in the track's frames."""
    types: list[int]
    """NAL unit types."""
    fits: bool
    """The lengths add up to the body."""
    empty: bool
    """A NAL unit of length 0."""
    start_code: int
    """Bytes of the Annex B start code it begins with."""
    slice_type: int | None
    """Of the first slice, H.264 only."""


def pictures(scope: Scope, track: Track) -> list[Picture]:
    """Return the sample of a track; [] for codecs without NAL units."""
    if track.codec not in NAL_CODECS:
        return []
    key = ("pictures", track.connection, track.direction, track.msid, track.track_id)
    return scope.shared.once(key, lambda: _read(scope, track))


def _read(scope: Scope, track: Track) -> list[Picture]:
    frames, columns = track.frames, scope.session.metrics.columns
    size = length_size(track)
    low, high = _PER_TRACK
    most = min(max(SAMPLES // max(len(scope.session.metrics.tracks), 1), low), high)
    found = []
    for at in _sample(frames.keyframe, most):
        row, entry = int(frames.row[at]), int(frames.entry[at])
        whole = scope.value(row, "length") == columns.size[entry]
        if scope.value(row, "type_id") != spec.VIDEO or not whole:
            continue  # a part of an aggregate, or one of several tracks
        body, missing = scope.session.body(row)
        if missing:  # lost, or gone from a live capture's ring
            continue
        start = int(columns.headers.data_at[entry])
        found.append(_picture(at, body, start, size, track.codec or ""))
    return found


def _sample(keyframe: Array, most: int) -> list[int]:
    """Return frames to look at: the first, and evenly keyframes and others."""
    count, part = len(keyframe), most // 3
    if count <= most:
        return list(range(count))
    chosen = set(range(part))
    for group in (np.flatnonzero(keyframe), np.flatnonzero(~keyframe)):
        if len(group):
            chosen.update(group[np.linspace(0, len(group) - 1, part).astype(np.int64)].tolist())
    return sorted(chosen)


def length_size(track: Track) -> int:
    """Return the bytes of a NAL unit's length field, 4 where no configuration tells."""
    for item in track.configurations:
        size = item.values.get("nal_length_size")
        if size:
            return int(size)
    return 4


def _picture(frame: int, body: bytes, start: int, size: int, codec: str) -> Picture:
    types: list[int] = []
    position, slice_type, empty = start, None, False
    while position < len(body) and len(types) < MAX_NAL_UNITS:
        length = int.from_bytes(body[position : position + size], "big")
        at = position + size
        position = at + length
        if not length:
            empty = True
        elif at < len(body):
            kind = body[at] & 31 if codec == "h264" else body[at] >> 1 & 63
            types.append(kind)
            if codec == "h264" and slice_type is None and kind in (1, _IDR):
                bits = BitReader(body[at + 1 : at + 12])
                bits.ue()  # first_mb_in_slice
                slice_type = bits.ue() % 5
    fits = position == len(body) or len(types) == MAX_NAL_UNITS
    codes = [code for code in START_CODES if not fits and body.startswith(code, start)]
    return Picture(frame, types, fits, empty, len(codes[0]) if codes else 0, slice_type)


def _annex_b(found: list[Picture]) -> bool:
    """Whether a track has start codes. A length of 256 to 511 begins like one of three bytes: of
    them all pictures whose lengths do not fit must have one."""
    codes = [item.start_code for item in found if not item.fits]
    return max(codes, default=0) > 3 or (bool(codes) and all(codes))


def _of(scope: Scope, annex_b: bool = False) -> Iterator[tuple[str, Track, list[Picture]]]:
    """Yield tracks with their sample: those with start codes (VID-05), or those without."""
    for name, track in tracks(scope, "video"):
        found = pictures(scope, track)
        if found and _annex_b(found) == annex_b:
            yield name, track, found


def _first_units(scope: Scope, track: Track) -> tuple[Array, Array, Array]:
    """Return of each frame (first length, its NAL unit type, whether the head shows both)."""
    columns = scope.session.metrics.columns
    entry = track.frames.entry
    at = columns.headers.data_at[entry].astype(np.int64)
    head = columns.heads(entry)
    size, line = length_size(track), np.arange(len(entry))
    known = (at + size < head.shape[1]) & (track.frames.size > at + size)
    at = np.where(known, at, 0)
    length = np.zeros(len(entry), np.int64)
    for place in range(size):
        length = length << 8 | head[line, at + place]
    first = head[line, at + size]
    kind = first & 31 if track.codec == "h264" else first >> 1 & 63
    return length, kind, known


def annex_b(scope: Scope) -> Iterator[Outcome]:
    """VID-05: start codes where lengths belong."""
    for name, track, found in _of(scope, annex_b=True):
        bad = [item.frame for item in found if item.start_code]
        length, _, known = _first_units(scope, track)
        likely = np.flatnonzero(known & ((length == 1) | (length >> 8 == 1)))
        yield Evidence(
            "NAL units begin with Annex B start codes instead of their lengths",
            rows(track, np.union1d(bad, likely)),
            track=name,
            expected=f"a length of {length_size(track)} bytes",
            actual="00 00 00 01",
        )


def lengths(scope: Scope) -> Iterator[Outcome]:
    """VID-06: NAL unit lengths do not add up."""
    for name, track, found in _of(scope):
        size = length_size(track)
        if size != 4 and track.configurations:
            yield Evidence(
                f"NAL unit lengths have {size} bytes", [track.configurations[0].row],
                track=name, severity="note", expected="4", actual=str(size), key="size",
            )  # fmt: skip
        length, _, known = _first_units(scope, track)
        columns = scope.session.metrics.columns
        room = track.frames.size - columns.headers.data_at[track.frames.entry] - size
        wrong = np.union1d(
            np.flatnonzero(known & (length > room)), [i.frame for i in found if not i.fits]
        ).astype(np.int64)
        empty = [item.frame for item in found if item.empty]
        if len(wrong):
            yield Evidence(
                "NAL unit lengths do not add up to the size of the picture",
                rows(track, wrong),
                track=name,
                expected="lengths that end with the message",
                key="sum",
            )
        elif empty:
            yield Evidence(
                "NAL units of length 0", rows(track, np.array(empty)),
                track=name, severity="warning", key="empty",
            )  # fmt: skip


def keyframe_flags(scope: Scope) -> Iterator[Outcome]:
    """VID-08: the keyframe flag is not what the picture is."""
    for name, track, found in _of(scope):
        codec, key = track.codec or "", track.frames.keyframe
        _, kind, known = _first_units(scope, track)
        access = (kind == _IDR) if codec == "h264" else (kind >= 16) & (kind < 22)
        hidden = set(np.flatnonzero(known & access & ~key).tolist())
        false: list[int] = []
        recovery: list[int] = []
        for item in found:
            slices = [one for one in item.types if one in _SLICES[codec]]
            random = any(one == _IDR if codec == "h264" else one in _IRAP for one in slices)
            if random and not key[item.frame]:
                hidden.add(item.frame)
            elif key[item.frame] and slices and not random:
                soft = _RECOVERY[codec].intersection(item.types)
                (recovery if soft else false).append(item.frame)
        if false:
            yield Evidence(
                "flagged as keyframe, but no picture to start at",
                rows(track, np.array(false)), track=name, expected="an IDR picture",
                key="false",
            )  # fmt: skip
        if hidden:
            yield Evidence(
                "IDR pictures are flagged as inter frames",
                rows(track, np.array(sorted(hidden))), track=name, expected="keyframe",
                actual="inter frame", key="hidden",
            )  # fmt: skip
        if recovery:
            yield Evidence(
                "keyframes are recovery points, not IDR pictures",
                rows(track, np.array(recovery)), track=name, severity="note", key="recovery",
            )  # fmt: skip


def composition(scope: Scope) -> Iterator[Outcome]:
    """VID-11: composition times that cannot be."""
    columns = scope.session.metrics.columns
    for name, track in tracks(scope, "video"):
        cts = track.frames.cts_ms
        negative = np.flatnonzero(cts < 0)
        if len(negative):
            least = int(cts[negative[0]])
            yield Evidence(
                f"composition time {least} ms: shown before it is decoded",
                rows(track, negative), track=name, severity="warning", expected="≥ 0",
                actual=f"{least} (read unsigned: {least & 0xFFFFFF})", key="negative",
            )  # fmt: skip
        usual = track.rate.interval_ns / 1e6 if track.rate else 0
        most = max(scope.parameters["most_ms"], _MAX_CTS_FRAMES * usual)
        large = np.flatnonzero(cts > most)
        if len(large):
            yield Evidence(
                f"composition time up to {int(cts.max())} ms",
                rows(track, large), track=name, severity="warning",
                expected=f"≤ {most:.0f} ms", actual=f"{int(cts[large[0]])} ms", key="large",
            )  # fmt: skip
        config = track.config_rows[columns.headers.cts_ms[track.config_entries] != 0]
        if len(config):
            yield Evidence(
                "a sequence header has a composition time", config, track=name, severity="note",
                expected="0", key="configuration",
            )  # fmt: skip
        if not cts.any():
            yield from _undelayed(scope, name, track)


def _undelayed(scope: Scope, name: str, track: Track) -> Iterator[Outcome]:
    """B pictures need frames in another order than they are shown, so some composition time."""
    whole = [item for item in pictures(scope, track) if item.fits]
    found = [item for item in whole if item.slice_type is not None]
    shown = [item.frame for item in found if item.slice_type in _B_SLICES]
    if len(shown) * 100 >= scope.parameters["b_percent"] * len(found) and len(shown) > 1:
        yield Evidence(
            f"{len(shown)} of {len(found)} sampled pictures have B slices, and all composition "
            "times are 0: the timestamps are presentation times",
            rows(track, np.array(shown)), track=name, severity="error",
            expected="DTS as timestamp, PTS less DTS as composition time", key="pts",
        )  # fmt: skip


def oddities(scope: Scope) -> Iterator[Outcome]:
    """VID-15: NAL units that do not belong into FLV."""
    for name, track, found in _of(scope):
        codec = track.codec or ""
        bare = [i.frame for i in found if i.types and not _SLICES[codec].intersection(i.types)]
        if bare:  # some drones send SEI messages as access units of their own
            yield Evidence(
                f"{len(bare)} of {len(found)} sampled messages hold no slice",
                rows(track, np.array(bare)), track=name, expected="a picture in each", key="bare",
            )  # fmt: skip
        odd = _ODD_UNITS[codec]
        counts = Counter(kind for item in found for kind in set(item.types) if kind in odd)
        if counts:
            shown = ", ".join(f"{odd[kind]} in {count}" for kind, count in sorted(counts.items()))
            with_odd = [item.frame for item in found if counts.keys() & set(item.types)]
            yield Evidence(
                f"of {len(found)} sampled pictures: {shown}",
                rows(track, np.array(with_odd)),
                track=name,
                expected="slices, SEI and parameter sets",
                key=",".join(str(kind) for kind in sorted(counts)),
            )


RULES: Final = (
    Rule(
        "VID-05", "Annex B in FLV", "error", "definite",
        concerning(annex_b, "video", NAL_CODECS), gates=("clear",),
        section="ISO/IEC 14496-15 §5.3.3",
        help="Replace each start code by the length of its NAL unit.", blame="sender",
    ),
    Rule(
        "VID-06", "NAL unit lengths wrong", "error", "definite",
        concerning(together(lengths, "error"), "video", NAL_CODECS), gates=("clear",),
        section="ISO/IEC 14496-15 §5.3.3",
        help="The lengths of a picture's NAL units and their length fields fill the message.",
        blame="sender",
    ),
    Rule(
        "VID-08", "Keyframe flag wrong", "warning", "definite",
        concerning(together(keyframe_flags, "warning"), "video", NAL_CODECS), gates=("clear",),
        section="FLV 10.1 §E.4.3.1",
        help="FrameType 1 belongs to pictures a decoder can start at, and to all of them.",
        blame="sender",
    ),
    Rule(
        "VID-11", "Composition times wrong", "warning", "definite",
        concerning(together(composition, "warning"), "video"),
        gates=("clear",), section="FLV 10.1 §E.4.3.2",
        help="The message's timestamp is the decoding time; the composition time is what the "
        "presentation time is later.",
        blame="sender", parameters={"most_ms": 1000, "b_percent": 5},
    ),
    Rule(
        "VID-15", "Unusual NAL units", "note", "definite",
        concerning(together(oddities, "note"), "video", NAL_CODECS), gates=("clear",),
        section="ISO/IEC 14496-15 §5.2",
        help="Some browsers' decoders stumble over them; remove them when repackaging.",
        blame="sender",
    ),
)  # fmt: skip
