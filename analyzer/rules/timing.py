"""Timestamps of one track against themselves (TS rules). Configurations have no part in it: they
are sent with any timestamp, 0 in the middle of a stream included.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.rules.media import (
    PUBLISH,
    Array,
    broken_clock,
    concerning,
    longest_run,
    percent,
    rows,
    seconds,
    tracks,
)
from analyzer.rules.rule import JUDGED, NOTHING, Evidence, Inconclusive, Outcome, Rule
from dissectors.chunk_state import Flag

if TYPE_CHECKING:
    from analyzer.metrics import Track
    from analyzer.rules.scope import Scope

_WRAP_24, _WRAP_31, _WRAP_32 = 1 << 24, 1 << 31, 1 << 32
_NEAR_24: Final = 16_700_000
_LOW_24: Final = 100_000
_NEAR_WRAP: Final = 60_000
_HIDDEN_FRAMES: Final = frozenset({"vp8"})
"""Codecs that send frames never shown, with the timestamp of the next one."""


def _wraps_24(track: Track) -> Array:
    """Frames before which the timestamp loses what is above 24 bits."""
    at = track.joined
    dts = track.frames.dts_ms
    before, now = dts[at - 1] % _WRAP_32, dts[at] % _WRAP_32
    return np.asarray(at[(before >= _NEAR_24) & (before < _WRAP_24) & (now < _LOW_24)])


def _bad_crossings(track: Track) -> Array:
    """Frames with which a clock about to cross 2^31 or 2^32 jumps."""
    at = track.joined
    before = track.frames.dts_ms[at - 1] % _WRAP_32
    near = (_WRAP_31 - before <= _NEAR_WRAP) & (before < _WRAP_31)
    near |= _WRAP_32 - before <= _NEAR_WRAP
    return np.asarray(at[near & (np.abs(track.steps_ms) > _NEAR_WRAP)])


def backwards(scope: Scope) -> Iterator[Outcome]:
    """TS-01: the decoding time goes back."""
    for name, track in tracks(scope):
        back = track.backward
        back = back[
            -track.steps_ms[np.searchsorted(track.joined, back)] >= scope.parameters["step_ms"]
        ]
        back = np.setdiff1d(back, np.union1d(_wraps_24(track), _bad_crossings(track)))
        if not len(back):
            continue
        dts = track.frames.dts_ms
        step = int((dts[back - 1] - dts[back]).max())
        every = round(float(np.diff(back).mean())) if len(back) > 2 else 0
        period = f", every {every} frames" if every > 1 else ""
        first = int(back[0])
        yield Evidence(
            f"the decoding time of {track.kind} goes back, by up to {seconds(step)}{period}",
            rows(track, back),
            track=name,
            expected=f"≥ {dts[first - 1]} ms",
            actual=f"{dts[first]} ms",
        )


def frozen(scope: Scope) -> Iterator[Outcome]:
    """TS-02: consecutive frames have the same decoding time."""
    for name, track in tracks(scope):
        same = track.steps_ms == 0
        share = scope.parameters["share_percent"]
        repeated = np.count_nonzero(same)
        if repeated < 2 or repeated * 100 < share * len(same) or track.codec in _HIDDEN_FRAMES:
            continue
        run = longest_run(same)
        yield Evidence(
            f"{percent(repeated, len(same))} % of the {track.kind} frames repeat the decoding time "
            f"of the one before, up to {run} in a row",
            rows(track, track.joined[same]),
            track=name,
            severity="error" if run >= scope.parameters["run_frames"] else "warning",
            expected="a later time for each frame",
        )


def jumps(scope: Scope) -> Iterator[Outcome]:
    """TS-03: the decoding time jumps forward, with a pause in the arrival or without."""
    for name, track in tracks(scope):
        rate = track.rate
        usual = rate.interval_ns / 1e6 if rate else 0
        limit = max(scope.parameters["step_ms"], 3 * usual)
        large = track.steps_ms > limit
        if not large.any():
            continue
        at, steps, waits = track.joined[large], track.steps_ms[large], track.waits_ns[large] / 1e6
        sudden = waits < steps / 2
        first = int(np.argmax(steps))
        what = "clock jumps" if sudden[first] else "is silent"
        how = (
            f"the {track.kind} {what} by {seconds(int(steps[first]))}, "
            f"{seconds(round(float(waits[first])))} after the frame before"
            if sudden[first]
            else f"the {track.kind} {what} for {seconds(int(steps[first]))}"
        )
        yield Evidence(
            how,
            rows(track, at),
            track=name,
            expected=f"≤ {round(limit)} ms between frames",
            actual=f"{int(steps[first])} ms",
            key="jump" if sudden[first] else "gap",
        )


def relative(scope: Scope) -> Iterator[Outcome]:
    """TS-04: the field holds differences, or starts anew with every message."""
    wall = scope.parameters["wall_ms"]
    for name, track in tracks(scope):
        for run in track.slices:
            dts, time = track.frames.dts_ms[run], track.frames.time_ns[run]
            passed = (int(time[-1]) - int(time[0])) / 1e6
            steps = np.diff(dts)
            if passed < wall or len(dts) < 10 or int(dts.max() - dts.min()) >= 1000:
                continue
            back = -int(steps[steps < 0].sum())
            if np.count_nonzero(steps <= 0) * 4 < len(steps) and back < passed / 2:
                continue
            fits = abs(float(dts[1:].sum()) - passed) <= passed / 20
            proof = "; added up they keep time with the clock on the wall" if fits else ""
            yield Evidence(
                f"the timestamps of {track.kind} stay within {int(dts.max() - dts.min())} ms for "
                f"{seconds(passed)}{proof}",
                track.frames.row[run][:1],
                track=name,
                count=1,
                expected="the time since the start of the stream in each message",
                actual="differences" if fits else "a clock that is set back again and again",
                confidence="definite" if fits else None,
            )
            break


def truncated(scope: Scope) -> Iterator[Outcome]:
    """TS-05: the timestamp wraps at 2^24."""
    for name, track in tracks(scope):
        at = _wraps_24(track)
        flags = scope.column("flags", rows(track, at))
        at = at[(flags & Flag.EXTENDED) == 0]
        if len(at):
            dts = track.frames.dts_ms
            yield Evidence(
                f"the timestamp of {track.kind} falls from {dts[at[0] - 1]} to {dts[at[0]]} ms: "
                "what is above 24 bits is lost",
                rows(track, at),
                track=name,
                expected="an extended timestamp from 16777215 ms on",
                actual=f"{dts[at[0]]} ms",
            )


def wraps(scope: Scope) -> Iterator[Outcome]:
    """TS-06: crossing 2^31 or 2^32 ms."""
    soon = scope.parameters["soon_h"] * 3_600_000
    for name, track in tracks(scope):
        dts = track.frames.dts_ms
        bad = _bad_crossings(track)
        first, last = int(dts[0]) % _WRAP_32, int(dts[-1]) % _WRAP_32
        if len(bad):
            before, now = int(dts[bad[0] - 1]) % _WRAP_32, int(dts[bad[0]]) % _WRAP_32
            edge = "2^31" if before < _WRAP_31 else "2^32"
            yield Evidence(
                f"the clock of {track.kind} breaks where it should cross {edge} ms: "
                f"{before}, then {now}",
                rows(track, bad),
                track=name,
                severity="error",
                expected="a clock that counts on modulo 2^32",
                actual=f"{now} ms",
                key=edge,
            )
        elif first >= _WRAP_31:
            yield Evidence(
                f"the first timestamp of {track.kind} is {first} ms, above 2^31: signed clocks "
                "see it as negative",
                track.frames.row[:1],
                track=name,
                severity="warning",
                actual=f"{first} ms",
            )
        else:
            for edge, at in (("2^31", _WRAP_31), ("2^32", _WRAP_32)):
                if 0 < at - last <= soon:
                    yield Evidence(
                        f"the clock of {track.kind} will cross {edge} ms in "
                        f"{(at - last) / 3_600_000:.1f} h",
                        track.frames.row[-1:],
                        track=name,
                        key=edge,
                    )


def huge_start(scope: Scope) -> Iterator[Outcome]:
    """TS-07: the first frame needs an extended timestamp."""
    for name, track in tracks(scope):
        first = int(track.frames.dts_ms[0]) % _WRAP_32
        if first >= _WRAP_24 - 1:
            yield Evidence(
                f"the first {track.kind} frame has the timestamp {first} ms: the peer must support "
                "extended timestamps from the start",
                track.frames.row[:1],
                track=name,
                # A player that joins a long stream sees its clock.
                severity="warning" if track.direction == PUBLISH else "note",
                expected="a stream that starts near 0",
                actual=f"{first} ms",
            )


def clock_rate(scope: Scope) -> Iterator[Outcome]:
    """TS-10: the media clock runs faster or slower than the wall clock."""
    least = scope.parameters["span_s"]
    for name, track in tracks(scope):
        if track.direction != PUBLISH:
            yield NOTHING
            continue
        found = clock_slope(track, least)
        broken = broken_clock(track)
        if found is None or broken:
            yield Inconclusive(broken or f"needs {least:g} s of media at its own pace", name)
            continue
        yield JUDGED
        ppm, most = round((found - 1) * 1e6), scope.parameters["warning_ppm"]
        # Much slower is a backlog that grows: NET-04.
        if scope.parameters["note_ppm"] < abs(ppm) and ppm >= -most:
            yield Evidence(
                f"the clock of {track.kind} runs {abs(ppm)} ppm "
                f"{'faster' if ppm > 0 else 'slower'} than the wall clock",
                track.frames.row[:1],
                track=name,
                severity="warning" if ppm > most else "note",
                expected=f"≤ {scope.parameters['note_ppm']:g} ppm",
                actual=f"{ppm:+d} ppm",
            )


def clock_slope(track: Track, least_s: float) -> float | None:
    """Return the pace of the media clock; None where it was measured over less than `least_s`,
    and of a stream that is sent at quite another pace than it plays."""
    pace = track.pace
    if pace is None or pace.span_ns < least_s * 1e9 or not 0.9 < pace.slope < 1.1:
        return None
    return pace.slope


def audio_grid(scope: Scope) -> Iterator[Outcome]:
    """TS-11: AAC timestamps off the grid of their frames."""
    for name, track in tracks(scope, "audio"):
        values = track.configurations[0].values if track.configurations else {}
        rate = values.get("core_sample_rate") or 0
        if track.codec != "aac" or not rate:
            continue
        ideal = 1000 * (values.get("frame_length") or 1024) / rate
        steps = track.steps_ms
        off = np.abs(steps - ideal) > scope.parameters["deviation_ms"]
        if len(steps) and np.count_nonzero(off) * 100 > scope.parameters["share_percent"] * len(
            steps
        ):
            yield Evidence(
                f"{percent(np.count_nonzero(off), len(steps))} % of the audio timestamps are off "
                f"the grid of AAC frames of {ideal:.2f} ms",
                rows(track, track.joined[off]),
                track=name,
                expected=f"{int(ideal)} or {int(ideal) + 1} ms",
                actual=f"{int(steps[off][0])} ms",
            )


RULES: Final = (
    Rule(
        "TS-01", "Timestamps go backwards", "error", "definite",
        concerning(backwards),
        section="RTMP 1.0 §5.3.1.2.1",
        help="Timestamps of a track must not decrease (FLV 10.1 §E.3). Write the decoding time, "
        "not the presentation time, and keep one clock over reconnects of the encoder's source.",
        blame="sender", parameters={"step_ms": 1},
    ),
    Rule(
        "TS-02", "Timestamps repeat", "warning", "definite",
        concerning(frozen),
        section="RTMP 1.0 §5.3.1.2.1",
        help="Packagers drop frames without a time of their own. Check the encoder's time base.",
        blame="sender", parameters={"share_percent": 2, "run_frames": 10},
    ),
    Rule(
        "TS-03", "Timestamps jump or pause", "warning", "definite",
        concerning(jumps),
        help="A jump without a pause is a clock set anew; a pause is an encoder or a network that "
        "stopped: see the findings about the network.",
        blame="sender", parameters={"step_ms": 1000},
    ),
    Rule(
        "TS-04", "Timestamps are relative", "error", "likely",
        concerning(relative),
        section="RTMP 1.0 §5.3.1.2.1",
        help="fmt 0 carries the absolute time of the message; differences belong into fmt 1 and 2.",
        blame="sender", parameters={"wall_ms": 5000},
    ),
    Rule(
        "TS-05", "Timestamp cut to 24 bits", "error", "definite",
        concerning(truncated),
        section="RTMP 1.0 §5.3.1.3",
        help="From 16777215 ms (4 h 39 min 37 s) on write 0xFFFFFF and an extended timestamp.",
        blame="sender",
    ),
    Rule(
        "TS-06", "Clock near 2^31 or 2^32 ms", "note", "definite",
        concerning(wraps),
        section="RTMP 1.0 §6.1.1",
        help="Timestamps count modulo 2^32, unsigned: 49.7 days; signed clocks break after 24.9.",
        blame="sender", parameters={"soon_h": 24},
    ),
    Rule(
        "TS-07", "First timestamp is huge", "warning", "definite",
        concerning(huge_start), gates=("full",),
        section="RTMP 1.0 §5.3.1.3",
        help="Let the stream's clock start at 0; many servers and players fail on extended "
        "timestamps in the first messages.",
        blame="sender",
    ),
    Rule(
        "TS-10", "Media clock drifts from the wall clock", "note", "likely",
        concerning(clock_rate),
        help="Buffers drain or fill over hours. Time frames by the capture clock.",
        blame="sender", parameters={"span_s": 120, "note_ppm": 500, "warning_ppm": 10_000},
    ),
    Rule(
        "TS-11", "Audio timestamps off the frame grid", "note", "definite",
        concerning(audio_grid, "audio", frozenset({"aac"})),
        help="Count samples instead of reading a clock: each AAC frame lasts 1024 of them.",
        blame="sender", parameters={"deviation_ms": 2, "share_percent": 5},
    ),
)  # fmt: skip
