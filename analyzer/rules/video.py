"""Video by headers, configurations and times (VID rules); `pictures` reads the coded data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.rules.media import PLAY, label, measured, rows, seconds, streams, tracks
from analyzer.rules.rule import NOTHING, Evidence, Inconclusive, Outcome, Rule, Severity

if TYPE_CHECKING:
    from analyzer.metrics import Track
    from analyzer.metrics.configuration import Configuration
    from analyzer.rules.media import Array
    from analyzer.rules.scope import Scope

CONFIGURED: Final = frozenset({"h264", "hevc", "vvc", "av1", "vp9"})
"""Codecs that cannot be decoded without their configuration record."""
COMMON: Final = frozenset({"h264", "hevc", "vvc", "av1", "vp8", "vp9"})
COMMON_AUDIO: Final = frozenset({"aac", "mp3", "opus", "flac", "ac3", "eac3"})
_REPLACED_NS: Final = 1_000_000_000


def _videos(scope: Scope) -> Iterator[tuple[str, Track]]:
    return tracks(scope, "video")


def _entry(track: Track, configuration: Configuration) -> int:
    """Where a configuration stands in the order of media messages."""
    at = int(np.argmax(track.config_rows == configuration.row))
    return int(track.config_entries[at])


def no_header(scope: Scope) -> Iterator[Outcome]:
    """VID-01: coded frames before the decoder configuration."""
    found = False
    for name, track in _videos(scope):
        if track.codec not in CONFIGURED:
            continue
        found = True
        first = next((item for item in track.configurations if item.record), None)
        early = (
            np.ones(len(track.frames), bool)
            if first is None
            else track.frames.entry < _entry(track, first)
        )
        if early.any():
            yield Evidence(
                "coded frames come "
                + ("without a sequence header" if first is None else "before the sequence header"),
                rows(track, np.flatnonzero(early)),
                track=name,
                expected="a sequence header first",
                key="none" if first is None else "late",
            )
    if not found:
        yield NOTHING


def changed(scope: Scope) -> Iterator[Outcome]:
    """VID-02: the configuration changes in the middle of the stream."""
    for name, track in _videos(scope):
        before: Configuration | None = None
        for item in track.configurations:
            if not item.record:
                continue
            if before is not None and item.record != before.record:
                at = int(np.searchsorted(track.frames.entry, _entry(track, item)))
                yield from _changed(name, track, before, item, at)
            before = item


def _changed(
    name: str, track: Track, before: Configuration, item: Configuration, at: int
) -> Iterator[Outcome]:
    frames = track.frames
    if not 0 < at < len(frames) or frames.segment[at] != frames.segment[at - 1]:
        return  # before the first frame (VID-04), after the last, or another publish or play
    key = bool(frames.keyframe[at])
    yield Evidence(
        f"the sequence header changes in mid-stream: {_difference(before, item)}"
        + ("" if key else "; the next frame is no keyframe"),
        [item.row],
        track=name,
        severity="warning" if key else "error",
        expected="one configuration, or a keyframe right after a new one",
    )


def _difference(before: Configuration, item: Configuration) -> str:
    if before.codec != item.codec:
        return f"{before.codec} to {item.codec}"
    old, new = before.values, item.values
    sizes = [(values.get("width"), values.get("height")) for values in (old, new)]
    if sizes[0] != sizes[1]:
        return f"{sizes[0][0]}×{sizes[0][1]} to {sizes[1][0]}×{sizes[1][1]}"
    kinds = [(values.get("profile"), values.get("level")) for values in (old, new)]
    if kinds[0] != kinds[1]:
        return f"profile or level, {kinds[0][0]} {kinds[0][1]} to {kinds[1][0]} {kinds[1][1]}"
    return "parameter sets of the same size and profile"


def repeated(scope: Scope) -> Iterator[Outcome]:
    """VID-03: the same configuration again and again."""
    for name, track in _videos(scope):
        records = [(item.row, item.record) for item in track.configurations if item.record]
        again = [
            row for (row, record), (_, old) in zip(records[1:], records, strict=False)
            if record == old
        ]  # fmt: skip
        if len(again) < scope.parameters["repeats"]:
            continue
        keys = int(np.count_nonzero(track.frames.keyframe))
        every = len(track.config_rows) >= keys - 1
        yield Evidence(
            "the same sequence header is sent again"
            + (" with every keyframe" if every else "")
            + f", {len(again)} times",
            again,
            track=name,
            count=1,
            severity="warning" if every else "note",
            expected="one sequence header per configuration",
        )


def stale(scope: Scope) -> Iterator[Outcome]:
    """VID-04: a server sends an old configuration first."""
    for name, track in _videos(scope):
        known = [item for item in track.configurations if item.record]
        if track.direction != PLAY or len(known) < 2 or known[0].record == known[1].record:
            continue
        soon = known[1].time_ns - known[0].time_ns <= _REPLACED_NS
        early = _entry(track, known[1]) < int(track.frames.entry[0])
        if early or soon:
            yield Evidence(
                "the server replaces its first sequence header "
                + ("before the first frame" if early else "within a second")
                + f": {_difference(known[0], known[1])}",
                [known[1].row],
                track=name,
            )


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


def long_gops(scope: Scope) -> Iterator[Outcome]:
    """VID-10: keyframes are far apart or irregular."""
    for name, track in _videos(scope):
        gops = track.gops
        least = scope.parameters["none_ms"]
        if not len(gops.start):
            if track.span_ms >= least:
                yield Evidence(
                    f"no keyframe in {seconds(track.span_ms)}", track.frames.row[:1],
                    track=name, severity="error", key="none",
                )  # fmt: skip
            continue
        most = int(gops.duration_ms.max())
        worst = rows(track, gops.start[gops.duration_ms == most])
        limit = scope.parameters["warning_ms"]
        if most > scope.parameters["note_ms"]:
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
        if len(closed) >= 3 and closed.mean() > 0:
            spread = float(closed.std() / closed.mean()) * 100
            if spread > scope.parameters["spread_percent"]:
                yield Evidence(
                    f"keyframes come at irregular intervals, {seconds(int(closed.min()))} to "
                    f"{seconds(int(closed.max()))}",
                    worst[:1],
                    track=name,
                    severity="note",
                    actual=f"standard deviation {spread:.0f} % of the mean",
                    key="irregular",
                )


def reordered(scope: Scope) -> Iterator[Outcome]:
    """VID-12: B-frames, or more of them than players hold back for."""
    for name, track in _videos(scope):
        depth = track.reorder
        most = scope.parameters["frames"]
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
        usual = rate.interval_ns / 1e6
        regular = np.abs(steps - usual) <= max(usual / 10, 1.5)
        missing = np.where(
            (steps > 0) & (steps <= scope.parameters["gap_ms"]), np.round(steps / usual) - 1, 0
        )
        missing = np.maximum(missing, 0).astype(np.int64)
        if np.count_nonzero(regular) * 5 < len(steps) * 4 or not missing.any():
            continue
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
                actual=f"{share:.0f} %",
            )


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
    share = np.where(whole, 100 * lost / np.maximum(lost + end - at, 1), 0)
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
        mean, peak = track.bitrate_bit_s, track.peak_bit_s
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
        "VID-01", "Frames before the sequence header", "error", "definite", no_header,
        gates=("clear", "full"), section="FLV 10.1 §E.4.3.2",
        help="Send the sequence header before the first frame, and again after each reconnect.",
        blame="sender",
    ),
    Rule(
        "VID-02", "Sequence header changes", "warning", "definite", changed, gates=("clear",),
        section="FLV 10.1 §E.4.3.2",
        help="Recorders and hardware decoders fail on it, platforms forbid it. Publish anew with "
        "new settings.",
        blame="sender",
    ),
    Rule(
        "VID-03", "Sequence header repeated", "note", "definite", repeated, gates=("clear",),
        section="FLV 10.1 §E.4.3.2",
        help="Some packagers mark a discontinuity at each sequence header. Send it once.",
        blame="sender", parameters={"repeats": 3},
    ),
    Rule(
        "VID-04", "Stale sequence header", "warning", "definite", stale, gates=("clear", "full"),
        help="The server kept the configuration of an earlier publisher.", blame="server",
    ),
    Rule(
        "VID-09", "Video does not begin with a keyframe", "warning", "definite", no_keyframe,
        gates=("clear", "full"), section="FLV 10.1 §E.4.3.1",
        help="Request a keyframe when publishing begins; a server should start players at one.",
        blame="sender",
    ),
    Rule(
        "VID-10", "Keyframes far apart", "warning", "definite", long_gops, gates=("clear",),
        help="Set a fixed keyframe interval of 2 s.",
        blame="sender",
        parameters={"note_ms": 2000, "warning_ms": 4000, "none_ms": 10_000, "spread_percent": 25},
    ),
    Rule(
        "VID-12", "Many reordered frames", "warning", "definite", reordered, gates=("clear",),
        help="Fewer B-frames; for WebRTC none at all (set `frames` to 0).",
        blame="sender", parameters={"frames": 4},
    ),
    Rule(
        "VID-13", "Uncommon codec", "warning", "definite", uncommon, gates=("clear",),
        section="FLV 10.1 §E.4.3.1",
        help="Servers take H.264 and AAC, newer ones those of Enhanced RTMP.", blame="sender",
    ),
    Rule(
        "VID-14", "Encoder drops frames", "warning", "likely", dropped, gates=("clear",),
        help="The encoder is overloaded or its connection congested: lower resolution, frame rate "
        "or bitrate.",
        blame="sender", parameters={"window_s": 5, "share_percent": 5, "gap_ms": 1000},
    ),
    Rule(
        "VID-16", "Bitrate off target", "note", "definite", bitrate, gates=("clear",),
        help="Use a rate control with a buffer limit (CBR or VBV).",
        blame="sender", parameters={"off_percent": 30, "peak_factor": 3, "span_s": 5},
    ),
)  # fmt: skip
