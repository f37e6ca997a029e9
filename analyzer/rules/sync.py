"""Audio and video of a stream against each other (TS-08, TS-09, MUX rules)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.rules.media import (
    PUBLISH,
    Array,
    broken_clock,
    concerning,
    label,
    rows,
    seconds,
    stream_label,
    streams,
    together,
)
from analyzer.rules.rule import JUDGED, NOTHING, Evidence, Inconclusive, Outcome, Rule, Severity
from dissectors import spec

if TYPE_CHECKING:
    from analyzer.metrics import Track
    from analyzer.metrics.track import Pace
    from analyzer.rules.scope import Scope

MAX_AGGREGATES: Final = 200
"""Aggregates looked at for MUX-03."""
MAX_AGGREGATE_BYTES: Final = 64 << 10
"""Looked at of each; real ones hold some kilobytes."""


_JOINED: Final = (
    "Usual for a player that joins between two keyframes: it gets audio from where the stream "
    "stands, and pictures from a keyframe on. Keyframes at shorter intervals make it less."
)


def _worse(value: float, warning: float, error: float) -> Severity | None:
    return "error" if value > error else "warning" if value > warning else None


def start_offset(scope: Scope) -> Iterator[Outcome]:
    """TS-08: audio and video do not start together."""
    found = False
    for stream in streams(scope):
        video, audio, offset = stream.video, stream.audio, stream.start_offset_ms
        if video is None or audio is None:
            continue
        if offset is None:
            found = True
            yield Inconclusive(
                stream.inferred or "too few frames", stream_label(scope, stream, "audio")
            )
            continue
        found = True
        severity = _worse(abs(offset), scope.parameters["warning_ms"], scope.parameters["error_ms"])
        late = audio if offset > 0 else video
        if severity is None:
            wait = abs(int(audio.frames.time_ns[0]) - int(video.frames.time_ns[0])) / 1e6
            late = max(audio, video, key=lambda track: int(track.frames.time_ns[0]))
            first = video if late is audio else audio
            apart = first.rate.interval_ns / 1e6 if first.rate else 0
            least = max(scope.parameters["silent_ms"], 2 * apart)  # one picture a second, say
            if wait <= least or stream.direction != PUBLISH or stream.lag_ms[late.kind][0] > least:
                continue  # where only the order is bad: MUX-01
            text = f"{late.kind} comes {seconds(wait)} after the other track"
        else:
            text = f"{late.kind} begins {seconds(abs(offset))} after the other track"
            other = video if late is audio else audio
            came = (int(late.frames.time_ns[0]) - int(other.frames.time_ns[0])) / 1e6
            if came < abs(offset) / 2:
                text += " by its timestamps, though it arrives with it"
        yield Evidence(
            text,
            late.frames.row[:1],
            track=stream_label(scope, stream, late.name),
            severity=(severity or "warning") if stream.direction == PUBLISH else "note",
            help=None if stream.direction == PUBLISH else _JOINED,
            expected=f"within {scope.parameters['warning_ms']:g} ms",
            actual=f"{offset:+d} ms",
        )
    if not found:
        yield NOTHING


def drift(scope: Scope) -> Iterator[Outcome]:
    """TS-09: audio and video drift apart."""
    least = scope.parameters["span_ms"]
    for stream in streams(scope):
        if stream.video is None or stream.audio is None:
            continue
        skew, broken = stream.skew, broken_clock(stream.video, stream.audio)
        name = stream_label(scope, stream, "audio")
        runaway = stream.runaway
        if runaway is not None and runaway.pace is not None and not broken:
            yield _runaway(scope, runaway, runaway.pace)
            continue
        if skew is None or skew.drift_us_s is None or skew.span_ms < least or broken:
            why = broken or stream.inferred or f"needs {seconds(least)} of audio and video"
            yield Inconclusive(why, name)
            continue
        slope = skew.drift_us_s / 1000
        severity = _worse(
            abs(slope), scope.parameters["warning_ms_s"], scope.parameters["error_ms_s"]
        )
        if severity is not None:
            yield Evidence(
                f"audio and video drift apart by {abs(slope):.2f} ms per second: "
                f"{seconds(abs(int(skew.skew_ms[-1] - skew.skew_ms[0])))} in "
                f"{seconds(skew.span_ms)}",
                stream.audio.frames.row[:1],
                track=name,
                severity=severity,
                expected=f"≤ {scope.parameters['warning_ms_s']:g} ms/s",
                actual=f"{slope:+.2f} ms/s",
            )


def _runaway(scope: Scope, track: Track, pace: Pace) -> Evidence:
    """A clock that is this far off needs no minute to be told."""
    other = "audio" if track.kind == "video" else "video"
    apart = abs(pace.slope - 1) * pace.span_ns / 1e6
    return Evidence(
        f"the clock of {track.kind} runs {pace.slope:.2f} times as fast as the wall clock, that of "
        f"{other} keeps it: {seconds(apart)} apart after {seconds(pace.span_ns / 1e6)}",
        track.frames.row[:1],
        track=label(scope, track),
        severity="error",
        help=f"The timestamps of {track.kind} are counted in a wrong unit: a sample rate, frame "
        "rate or time base that is not the stream's.",
        expected="one clock for both tracks",
        actual=f"{pace.slope:.2f} s of {track.kind} per second",
        key="runaway",
    )


def interleave(scope: Scope) -> Iterator[Outcome]:
    """MUX-01: tracks are not interleaved by time, or one does not arrive."""
    for stream in streams(scope):
        broken = broken_clock(stream.video, stream.audio)
        if broken or stream.inferred:
            yield Inconclusive(
                broken or stream.inferred or "", stream_label(scope, stream, "order")
            )
        for kind, lag in stream.lag_ms.items():
            track = stream.main(kind)
            if track is None or broken:
                continue
            severity = _worse(
                int(lag.max()), scope.parameters["warning_ms"], scope.parameters["error_ms"]
            )
            if severity is not None:
                late = np.flatnonzero(lag > scope.parameters["warning_ms"])
                yield Evidence(
                    f"{kind} comes up to {seconds(int(lag.max()))} of media time after the other "
                    "track",
                    rows(track, late),
                    track=label(scope, track),
                    severity=severity,
                    expected=f"≤ {scope.parameters['warning_ms']:g} ms",
                    actual=f"{int(lag[late[0]])} ms",
                    key="order",
                )
        for track in stream.tracks:
            yield from _silences(scope, track)


def _silences(scope: Scope, track: Track) -> Iterator[Outcome]:
    rate = track.rate
    if rate is None:
        return
    most = scope.parameters[f"{track.kind}_wait_ms"] * 1e6
    waits = track.waits_ns
    long_ = waits > max(most, 3 * rate.interval_ns)
    if long_.any():
        yield Evidence(
            f"no {track.kind} arrives for {seconds(int(waits.max()) / 1e6)}",
            rows(track, track.joined[long_]),
            track=label(scope, track),
            severity="warning",
            expected=f"≤ {most / 1e6:g} ms",
            actual=f"{round(int(waits[long_][0]) / 1e6)} ms",
            key="arrival",
        )


def blocking(scope: Scope) -> Iterator[Outcome]:
    """MUX-02: a large picture keeps audio from being sent."""
    for stream in streams(scope):
        video, audio = stream.video, stream.audio
        if video is None or audio is None or audio.rate is None:
            continue
        sending = video.frames.time_ns - video.frames.first_time_ns
        slow = np.flatnonzero(sending > audio.rate.interval_ns)
        slow = slow[~_crossed(scope, video, audio, slow)]
        if len(slow):
            yield Evidence(
                f"pictures take up to {seconds(int(sending[slow].max()) / 1e6)} to send, with no "
                "audio in between",
                rows(video, slow),
                track=label(scope, video),
                expected=f"audio every {round(audio.rate.interval_ns / 1e6)} ms",
                actual=f"{round(int(sending[slow[0]]) / 1e6)} ms",
            )


def _crossed(scope: Scope, video: Track, audio: Track, at: Array) -> Array:
    """Whether an audio message ends inside the chunks of each of some video messages."""
    ends = scope.column("end_offset", audio.frames.row)
    start = scope.column("stream_offset", video.frames.row[at])
    end = scope.column("end_offset", video.frames.row[at])
    inside = np.searchsorted(ends, end) > np.searchsorted(ends, start, side="right")
    return np.asarray(inside)


def aggregates(scope: Scope) -> Iterator[Outcome]:
    """MUX-03: aggregate messages with faults, or from a publisher."""
    for direction in (0, 1):
        own = scope.rows(direction, (spec.AGGREGATE,))
        yield JUDGED if len(own) else NOTHING
        bad = [
            (row, fault)
            for row in own[:MAX_AGGREGATES].tolist()
            if (fault := _fault(scope, row)) is not None
        ]
        if bad:
            yield Evidence(
                f"an aggregate message is malformed: {bad[0][1]}",
                [row for row, _ in bad],
                expected="whole sub-messages of stream 0, each with its size behind it",
                actual=bad[0][1],
                severity="warning",
                key="malformed",
            )
        elif len(own) and direction == PUBLISH:
            yield Evidence("the publisher sends aggregate messages", own, key="publish")


def _fault(scope: Scope, row: int) -> str | None:
    """Return what is wrong with an aggregate: tags of 11 bytes, body, size of both as u32."""
    body, position = scope.session.body(row).captured[:MAX_AGGREGATE_BYTES], 0
    whole = len(body) == scope.value(row, "length")
    while position + 11 <= len(body):
        end = position + 11 + int.from_bytes(body[position + 1 : position + 4], "big")
        stream = int.from_bytes(body[position + 8 : position + 11], "big")
        pointer = body[end : end + 4]
        if stream:
            return f"a sub-message has the stream id {stream} instead of 0"
        if end > len(body) and whole:
            return f"a sub-message of {end - position - 11} bytes does not fit"
        if len(pointer) == 4 and int.from_bytes(pointer, "big") != end - position:
            return f"a back pointer is {int.from_bytes(pointer, 'big')}, not {end - position}"
        position = end + 4
    return f"{len(body) - position} bytes are left over" if whole and position < len(body) else None


RULES: Final = (
    Rule(
        "TS-08", "Audio and video start apart", "warning", "definite", start_offset,
        gates=("full",),
        help="Start both encoders on one clock and send both tracks from the start.",
        blame="sender", parameters={"warning_ms": 200, "error_ms": 1000, "silent_ms": 1000},
    ),
    Rule(
        "TS-09", "Audio and video drift apart", "warning", "likely",
        concerning(drift),
        help="The two tracks are timed by different clocks, or a sample rate is wrong. Time both "
        "by one clock and resample audio.",
        blame="sender",
        parameters={"span_ms": 60_000, "warning_ms_s": 1, "error_ms_s": 10},
    ),
    Rule(
        "MUX-01", "Tracks badly interleaved", "warning", "definite",
        concerning(together(interleave, "warning")),
        help="Send frames in the order of their decoding times; players buffer about a second.",
        blame="sender",
        parameters={
            "warning_ms": 1000, "error_ms": 3000, "audio_wait_ms": 1000, "video_wait_ms": 3000,
        },
    ),
    Rule(
        "MUX-02", "Large pictures hold audio up", "note", "definite",
        concerning(blocking, "video"),
        section="RTMP 1.0 §5.3",
        help="With chunks smaller than a picture (4096 to 16384 bytes) audio can pass in between.",
        blame="sender",
    ),
    Rule(
        "MUX-03", "Aggregate messages", "note", "definite", aggregates, gates=("clear",),
        section="RTMP 1.0 §7.1.6",
        help="Several servers drop or mistime type 22. Send audio and video as messages.",
        blame="sender",
    ),
)  # fmt: skip
