"""Video by headers and times (VID-09, 10, 12, 13, 14, 16)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.metrics import Gops
from analyzer.rules.media import (
    broken_clock,
    concerning,
    label,
    measured,
    rows,
    seconds,
    streams,
    sudden_jumps,
    together,
    tracks,
)
from analyzer.rules.rule import Evidence, Inconclusive, Outcome, Parameters, Rule, Severity

if TYPE_CHECKING:
    from analyzer.metrics import Track
    from analyzer.rules.media import Array
    from analyzer.rules.scope import Scope

COMMON: Final = frozenset({"h264", "hevc", "vvc", "av1", "vp8", "vp9"})
COMMON_AUDIO: Final = frozenset({"aac", "mp3", "opus", "flac", "ac3", "eac3"})
LEGACY: Final = frozenset({"h264", "aac", "mp3"})
"""What servers without Enhanced RTMP take."""


def _videos(scope: Scope) -> Iterator[tuple[str, Track]]:
    return tracks(scope, "video")


def no_keyframe(scope: Scope) -> Iterator[Outcome]:
    """VID-09: the stream does not begin with a keyframe."""
    for name, track in _videos(scope):
        key = track.frames.keyframe
        if key[0]:
            continue
        first = int(np.argmax(key)) if key.any() else len(key) - 1
        wait = int(track.frames.dts_ms[first] - track.frames.dts_ms[0])
        text = f"the first keyframe comes after {first} frames, {seconds(wait)}"
        if not key.any():
            text = f"no keyframe in {len(key)} frames, {seconds(wait)}"
        yield Evidence(
            f"video does not begin with a keyframe: {text}",
            track.frames.row[:1],
            track=name,
            expected="keyframe",
            actual="inter frame",
        )


def _whole(track: Track) -> Gops:
    """The groups of pictures in which the clock does not jump."""
    gops = track.gops
    before = track.joined[sudden_jumps(track)] - 1
    inside = np.searchsorted(gops.start, before, side="right") - 1
    kept = ~np.isin(np.arange(len(gops.start)), inside)
    return Gops(*(column[kept] for column in gops))


def long_gops(scope: Scope) -> Iterator[Outcome]:
    """VID-10: keyframes are far apart or irregular."""
    for name, track in _videos(scope):
        gops, least = _whole(track), scope.parameters["none_ms"]
        if not len(gops.start):
            if track.span_ms >= least:
                yield Evidence(
                    f"no keyframe in {seconds(track.span_ms)}", track.frames.row[:1],
                    track=name, severity="error", key="none",
                    expected=f"≤ {seconds(scope.parameters['note_ms'])}", actual="none",
                )  # fmt: skip
            continue
        most = int(gops.duration_ms.max())
        rounding = track.rate.interval_ns / 2e6 if track.rate else 0
        worst = rows(track, gops.start[gops.duration_ms == most])
        limit = scope.parameters["warning_ms"]
        if most > scope.parameters["note_ms"] + rounding:
            severity: Severity = "error" if most > least else "warning" if most > limit else "note"
            yield Evidence(
                f"up to {seconds(most)} between keyframes",
                worst[:1],
                track=name,
                severity=severity,
                expected=f"≤ {seconds(scope.parameters['note_ms'])}",
                actual=seconds(most),
                key="long",
            )
        closed = gops.duration_ms[gops.closed]
        if len(closed) >= 3 and closed.mean() > 0 and broken_clock(track) is None:
            spread = float(closed.std() / closed.mean()) * 100
            if spread > scope.parameters["spread_percent"]:
                yield Evidence(
                    f"keyframes come at irregular intervals, {seconds(int(closed.min()))} to "
                    f"{seconds(int(closed.max()))}",
                    worst[:1],
                    track=name,
                    severity="note",
                    expected=f"≤ {scope.parameters['spread_percent']:g} %",
                    actual=f"standard deviation {spread:.0f} % of the mean",
                    key="irregular",
                )


def reordered(scope: Scope) -> Iterator[Outcome]:
    """VID-12: B-frames, or more of them than players hold back for."""
    for name, track in _videos(scope):
        depth = track.reorder
        most = scope.parameters["frames"]
        broken = broken_clock(track)
        if broken:
            yield Inconclusive(broken, name)
            continue
        if len(depth) and depth.max() > most:
            yield Evidence(
                f"up to {int(depth.max())} frames are decoded before one that is shown earlier",
                rows(track, np.flatnonzero(depth > most)),
                track=name,
                expected=f"≤ {most:g}",
                actual=str(int(depth.max())),
            )


def uncommon(scope: Scope) -> Iterator[Outcome]:
    """VID-13: a codec that today's servers do not take."""
    for name, track in tracks(scope):
        codec = track.codec
        common = COMMON if track.kind == "video" else COMMON_AUDIO
        if not scope.parameters["enhanced"]:
            common = common & LEGACY
        if codec in common or (codec is None and track.kind == "video"):
            continue
        yield Evidence(
            f"{track.kind} codec {codec or 'unknown'}",
            track.frames.row[:1],
            track=name,
            expected=", ".join(sorted(common)),
            actual=codec or "unknown",
            key=codec or "unknown",
        )


def dropped(scope: Scope) -> Iterator[Outcome]:
    """VID-14: frames are missing in a regular sequence."""
    for name, track in _videos(scope):
        rate, steps = track.rate, track.steps_ms
        if rate is None or len(steps) < 25:
            continue
        broken = broken_clock(track)
        if broken:
            yield Inconclusive(broken, name)
            continue
        thinned = _first_period(steps, scope.parameters)
        usual = thinned or rate.interval_ns / 1e6
        periods = np.round(steps / usual)
        on_grid = np.abs(steps - periods * usual) <= max(usual / 10, 1.5)
        # A repeated timestamp and a double step after it lack nothing.
        missing = np.where(steps <= scope.parameters["gap_ms"], periods - 1, 0).astype(np.int64)
        regular = np.count_nonzero(on_grid) * 10 >= len(steps) * 9
        constant = np.count_nonzero(periods == 1) * 4 >= len(steps) * 3
        if not regular or not (constant or thinned) or missing.max() <= 0:
            continue  # a variable frame rate may skip half of the grid
        share, start = _worst_window(track, missing, scope.parameters["window_s"] * 1000)
        holes = track.joined[missing > 0]
        if share > scope.parameters["share_percent"]:
            only_keys = _only_keyframes(track, scope.parameters["window_s"] * 1000)
            yield Evidence(
                f"{int(missing.sum())} frames are missing in the sequence of {usual:.1f} ms, up to "
                f"{share:.0f} % in {scope.parameters['window_s']:g} s"
                + (", with keyframes alone for a while" if only_keys else ""),
                rows(track, holes[np.searchsorted(holes, start) :] if start else holes),
                track=name,
                count=int(missing.sum()),
                severity="error" if only_keys else "warning",
                expected=f"≤ {scope.parameters['share_percent']:g} %",
                actual=f"{share:.0f} %",
            )


def _first_period(steps: Array, limits: Parameters) -> float | None:
    """Return the period of the first second, in ms, of a track that goes on with every second to
    fourth frame of it: a rate that varies with the picture does neither for long."""
    head = int(np.searchsorted(np.cumsum(steps), 1000))
    if head < 10:
        return None
    usual = float(np.median(steps[:head]))
    near = max(usual / 10, 1.5)
    if usual <= 0 or not (np.abs(steps[:head] - usual) <= near).all():
        return None
    onset = int(np.argmax(np.abs(steps - usual) > near))
    rest = steps[onset:]
    if not onset or rest.sum() < limits["window_s"] * 1000:
        return None
    same = max(np.count_nonzero(np.abs(rest - fold * usual) <= near) for fold in (2, 3, 4))
    return usual if same * 4 >= len(rest) * 3 else None


def _worst_window(track: Track, missing: Array, width_ms: float) -> tuple[float, int]:
    """Return the largest share of missing frames in a window, in percent, and its first frame."""
    dts = np.maximum.accumulate(track.frames.dts_ms[track.joined])
    total = np.concatenate(([0], np.cumsum(missing)))
    at = np.arange(len(dts))
    end = np.searchsorted(dts, dts + width_ms, side="right")
    whole = dts + width_ms <= dts[-1]
    if not whole.any():
        return 0.0, 0
    lost = total[end] - total[at]
    share = np.where(whole & (lost > 0), 100 * lost / np.maximum(lost + end - at, 1), 0)
    worst = int(np.argmax(share))
    return float(share[worst]), int(track.joined[worst])


def _only_keyframes(track: Track, width_ms: float) -> bool:
    """Whether for so long all frames are keyframes, in a track where usually not all are."""
    key = track.frames.keyframe
    if key.all():
        return False
    edges = np.flatnonzero(np.diff(np.concatenate(([0], key.astype(np.int8), [0]))))
    dts = track.frames.dts_ms
    spans = dts[edges[1::2] - 1] - dts[edges[::2]]
    return bool(len(spans) and spans.max() >= width_ms)


def bitrate(scope: Scope) -> Iterator[Outcome]:
    """VID-16: the bitrate is not the one declared, or has peaks."""
    for stream in streams(scope):
        track = stream.video
        if track is None:
            continue
        name = label(scope, track)
        mean, peak, broken = track.bitrate_bit_s, track.peak_bit_s, broken_clock(track)
        if broken:
            yield Inconclusive(broken, name)
            continue
        if not mean or peak is None or track.span_ms < scope.parameters["span_s"] * 1000:
            yield Inconclusive(f"needs {scope.parameters['span_s']:g} s of video", name)
            continue
        values = next((item.values for item in measured(scope).metadata if item.values), {})
        said = values.get("videodatarate")
        if isinstance(said, int | float) and not isinstance(said, bool) and said > 0:
            off = abs(mean / 1000 - said) / said * 100
            if off > scope.parameters["off_percent"]:
                yield Evidence(
                    f"video has {mean // 1000} kbit/s, declared are {said:.0f}",
                    track.frames.row[:1],
                    track=name,
                    expected=f"{said:.0f} kbit/s ± {scope.parameters['off_percent']:g} %",
                    actual=f"{mean // 1000} kbit/s",
                    key="declared",
                )
        if peak > scope.parameters["peak_factor"] * mean:
            windows = track.bitrate()
            start = int(windows.start[int(np.argmax(windows.sums))])
            at = int(np.argmax(track.frames.dts_ms >= start))
            yield Evidence(
                f"video peaks at {peak // 1000} kbit/s in one second, {peak / mean:.1f} times its "
                "mean",
                rows(track, np.array([at])),
                track=name,
                expected=f"≤ {scope.parameters['peak_factor']:g} × {mean // 1000} kbit/s",
                actual=f"{peak // 1000} kbit/s",
                key="peak",
            )


RULES: Final = (
    Rule(
        "VID-09", "Video does not begin with a keyframe", "warning", "definite",
        concerning(no_keyframe, "video"),
        gates=("clear", "full"), section="FLV 10.1 §E.4.3.1",
        help="Request a keyframe when publishing begins; a server should start players at one.",
        blame="sender",
    ),
    Rule(
        "VID-10", "Keyframes far apart", "warning", "definite",
        concerning(together(long_gops, "warning"), "video"), gates=("clear",),
        help="Set a fixed keyframe interval of 2 s.",
        blame="sender",
        parameters={"note_ms": 2000, "warning_ms": 4000, "none_ms": 10_000, "spread_percent": 25},
    ),
    Rule(
        "VID-12", "Many reordered frames", "warning", "definite",
        concerning(reordered, "video"), gates=("clear",),
        help="Fewer B-frames; for WebRTC none at all (set `frames` to 0).",
        blame="sender", parameters={"frames": 4},
    ),
    Rule(
        "VID-13", "Uncommon codec", "warning", "definite",
        concerning(uncommon), gates=("clear",),
        section="FLV 10.1 §E.4.3.1",
        help="Servers take H.264 and AAC, newer ones those of Enhanced RTMP.", blame="sender",
        parameters={"enhanced": 1},
    ),
    Rule(
        "VID-14", "Encoder drops frames", "warning", "likely",
        concerning(dropped, "video"), gates=("clear",),
        help="The encoder is overloaded or its connection congested: lower resolution, frame rate "
        "or bitrate.",
        blame="sender", parameters={"window_s": 5, "share_percent": 5, "gap_ms": 1000},
    ),
    Rule(
        "VID-16", "Bitrate off target", "note", "definite",
        concerning(together(bitrate, "note"), "video"), gates=("clear",),
        help="Use a rate control with a buffer limit (CBR or VBV).",
        blame="sender", parameters={"off_percent": 30, "peak_factor": 3, "span_s": 5},
    ),
)  # fmt: skip
