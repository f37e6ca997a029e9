"""Media time against the wall clock: starvation, backlog, buffering (NET-03, NET-04, NET-05)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analyzer.rules.media import (
    PLAY,
    PUBLISH,
    broken_clock,
    concerning,
    label,
    measured,
    seconds,
    stream_label,
    streams,
    together,
)
from analyzer.rules.rule import CLOSING, NOTHING, Blame, Evidence, Inconclusive, Outcome, Rule
from analyzer.rules.timing import clock_slope

if TYPE_CHECKING:
    from analyzer.metrics import Stream, Track
    from analyzer.rules.scope import Scope

_CAUGHT_UP: Final = 0.95
"""Media time in two windows, by their width, that makes up for a slow first one."""
_SETTLED: Final = 1.2
"""Media time per wall time of a stream that goes at its own pace."""


def _live(scope: Scope) -> list[Stream]:
    """Streams that should keep pace with the clock: all that are published, and those played but
    for files, whose servers send ahead and pause."""
    metadata = measured(scope).metadata
    recorded = any(_number(item.values.get("duration")) > 0 for item in metadata)
    return [item for item in streams(scope) if item.direction == PUBLISH or not recorded]


def _number(value: Any) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if good else 0.0


def starved(scope: Scope) -> Iterator[Outcome]:
    """NET-03: media arrives slower than it plays."""
    live = _live(scope)
    if not live:
        yield NOTHING
    for stream in live:
        name = stream_label(scope, stream, "media")
        silent = list(_silent(scope, stream, name))
        yield from silent
        found, broken = stream.starvation, broken_clock(stream.video, stream.audio)
        if found is None or broken:
            yield Inconclusive(broken or stream.inferred or "the stream is too short", name)
            continue
        share = found.per_mille / 10
        recovered = found.twice_ms >= _CAUGHT_UP * 2 * found.width_ns / 1e6
        hard = share < scope.parameters["error_percent"]
        slow = (share < scope.parameters["warning_percent"]) & (found.twice_ms >= 0) & ~recovered
        bad = np.flatnonzero(hard | slow)
        if not len(bad):
            continue
        worst = bad[int(np.argmin(found.media_ms[bad]))]
        start = int(found.start_ns[worst])
        yield Evidence(
            f"{seconds(int(found.media_ms[worst]))} of media arrive in "
            f"{seconds(found.width_ns / 1e6)}",
            _frames_at(stream, found.start_ns[bad]),
            track=name,
            severity="error" if hard.any() else "warning",
            expected=f"≥ {scope.parameters['warning_percent']:g} %",
            actual=f"{round(float(share[worst]))} %"
            + _bandwidth(scope, stream, start, found.width_ns),
            blame=_whose(scope, stream),
        )


def _silent(scope: Scope, stream: Stream, name: str) -> Iterator[Evidence]:
    time, _, segment = stream.media_clock
    intervals = [t.rate.interval_ns for t in (stream.video, stream.audio) if t and t.rate]
    if not intervals:
        return
    waits = np.diff(time)
    most = max(scope.parameters["silent_s"] * 1e9, 3 * min(intervals))
    long_ = np.flatnonzero((waits > most) & (segment[1:] == segment[:-1]))
    if len(long_):
        yield Evidence(
            f"no frame arrives for {seconds(int(waits[long_].max()) / 1e6)}",
            _frames_at(stream, time[long_ + 1]),
            track=name,
            severity="error",
            expected=f"≤ {scope.parameters['silent_s']:g} s",
            actual=seconds(int(waits[long_[0]]) / 1e6),
            blame=_whose(scope, stream),
        )
    if stream.direction != PUBLISH:
        return
    idle = _published_until(scope, int(time[-1])) - int(time[-1])
    if idle > most:
        yield Evidence(
            f"no frame arrives in the last {seconds(idle / 1e6)} of the publication",
            _frames_at(stream, time[-1:]),
            track=name,
            severity="error",
            expected=f"≤ {scope.parameters['silent_s']:g} s",
            actual=seconds(idle / 1e6),
            blame=_whose(scope, stream),
        )


def _published_until(scope: Scope, last: int) -> int:
    """Return when a side ended the stream after its `last` frame, or else the connection."""
    for call in scope.commands():
        ends = call.direction == 1 if call.code else call.command.name in CLOSING
        if ends and call.time_ns >= last:
            return call.time_ns
    return scope.observed_ns


def _frames_at(stream: Stream, times: Any) -> Any:
    """Return the row of the frame that arrived at or just before each time, on the main track."""
    track = stream.video or stream.audio
    assert track is not None
    at = np.searchsorted(track.frames.time_ns, times, side="right") - 1
    return track.frames.row[np.maximum(at, 0)]


def _bandwidth(scope: Scope, stream: Stream, start: int, width: int) -> str:
    """Return the bits that arrived in a window beside what the metadata promises."""
    bits = 0
    for track in stream.tracks:
        frames = track.frames
        inside = (frames.time_ns >= start) & (frames.time_ns < start + width)
        bits += int(frames.size[inside].sum()) * 8
    metadata = measured(scope).metadata
    values = metadata[0].values if metadata else {}
    declared = sum(_number(values.get(key)) for key in ("videodatarate", "audiodatarate"))
    got = f", {round(bits * 1e6 / width)} kbit/s"
    return f"{got} of {round(declared)} declared" if declared else got


def _whose(scope: Scope, stream: Stream) -> Blame:
    """Who holds the media up, as far as TCP tells: a closed window, losses, else the sender."""
    receiver, sender = scope.tcp(1 - stream.direction).stats, scope.tcp(stream.direction).stats
    if sender.zero_windows or receiver.zero_windows:
        return "receiver"
    if sender.retransmitted_bytes * 50 > sender.bytes:
        return "network"
    return "sender"


def backlog(scope: Scope) -> Iterator[Outcome]:
    """NET-04: the delay grows."""
    for stream in _live(scope):
        for track in (stream.video, stream.audio):
            broken = broken_clock(track)
            if track is not None and broken:
                yield Inconclusive(broken, label(scope, track))
            elif track is not None:
                yield from _backlog(scope, stream, track)


def _backlog(scope: Scope, stream: Stream, track: Track) -> Iterator[Outcome]:
    late = track.backlog_ns
    most = int(late.max()) / 1e6
    slope = clock_slope(track, scope.parameters["span_s"])
    growth = 0.0 if slope is None else (1 - slope) * 100
    if most > scope.parameters["late_ms"]:
        drained = int(late[-1]) / 1e6 < most / 2
        text = f"the delay of {track.kind} grows by {seconds(most)}"
        text += " and shrinks again" if drained else " and stays: a queue is not drained"
    elif growth > scope.parameters["growth_percent"]:
        text = f"the delay of {track.kind} grows steadily, {growth:.1f} % of the time"
    else:
        return
    at = np.flatnonzero(late > min(most, scope.parameters["late_ms"]) / 2 * 1e6)
    yield Evidence(
        text,
        track.frames.row[at[:1]],
        track=label(scope, track),
        count=1,
        expected=f"≤ {scope.parameters['late_ms']:g} ms",
        actual=f"{round(most)} ms",
        blame=_whose(scope, stream),
    )


def buffered(scope: Scope) -> Iterator[Outcome]:
    """NET-05: media from before the start is sent first, so that all of it stays late."""
    window = scope.parameters["window_s"] * 1e9
    found = False
    for stream in streams(scope):
        if stream.direction == PLAY or not (stream.video or stream.audio):
            continue
        found = True
        name = stream_label(scope, stream, "media")
        time, dts, segment = stream.media_clock
        own = segment == segment[0]
        if not own.all():
            time, dts = time[own], dts[own]
        if time[-1] - time[0] < 2.5 * window or stream.inferred:
            yield Inconclusive(stream.inferred or "the stream is too short", name)
            continue
        after = int(np.searchsorted(time, time[0] + window, side="right")) - 1
        ahead = int(dts[after] - dts[0])
        rest = (dts[-1] - dts[after]) * 1e6 / max(int(time[-1] - time[after]), 1)
        extra = ahead - window / 1e6
        quick = ahead * 1e6 >= 2 * window and extra > scope.parameters["ahead_ms"]
        if quick and rest <= _SETTLED:
            yield Evidence(
                f"{seconds(ahead)} of media come in the first {seconds(window / 1e6)}: the sender "
                f"had {seconds(extra)} waiting, which stay as delay",
                _frames_at(stream, time[:1]),
                track=name,
                expected="media at the pace of the clock",
                actual=f"{seconds(extra)} ahead",
            )
    if not found:
        yield NOTHING


RULES: Final = (
    Rule(
        "NET-03", "Stream starves", "warning", "definite", together(starved, "warning"),
        gates=("clear",),
        help="Lower the bitrate, or look where the sender waits: network, receiver or encoder.",
        blame="network",
        parameters={"warning_percent": 90, "error_percent": 50, "silent_s": 3},
    ),
    Rule(
        "NET-04", "Delay grows", "warning", "likely",
        concerning(backlog), gates=("clear",),
        help="An encoder that sends more than the path takes must drop frames or lower its "
        "bitrate; a queue that is not drained keeps the delay for good.",
        blame="sender",
        parameters={"late_ms": 2000, "growth_percent": 1, "span_s": 60},
    ),
    Rule(
        "NET-05", "Media buffered before the start", "note", "likely", buffered,
        gates=("clear", "full"),
        help="Begin to encode, or drop what was encoded, when NetStream.Publish.Start arrives.",
        blame="sender", parameters={"window_s": 2, "ahead_ms": 1000},
    ),
)  # fmt: skip
