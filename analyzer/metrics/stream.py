"""One message stream: how its audio and its video stand to each other and to the clock."""

from __future__ import annotations

from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from analyzer.index import BLOCK, Array
from analyzer.metrics.track import REORDER_DEPTH, Track
from analyzer.metrics.windows import compact, is_one, per_window, slope

SKEW_WINDOW_MS: Final = 1000
DRIFT_WINDOWS: Final = 10
RUNAWAY: Final = 0.1
"""What a clock is off that plainly runs at another rate; one that keeps time is a third of it."""
RUNAWAY_NS: Final = 1_000_000_000
"""How far it must have run away: bursts of less are usual."""
STARVATION_WINDOW_NS: Final = 5_000_000_000
_STEP_NS: Final = 1_000_000_000
_INTERVALS: Final = 5
"""A starvation window is at least so many frames long: still pictures come rarely."""


class Skew(NamedTuple):
    """Video ahead of audio, by windows of a second of media time."""

    time_ns: Array
    """Arrival of the window's first audio frame."""
    dts_ms: Array
    """Start of the window, on the audio's clock."""
    skew_ms: Array
    """Mean of video DTS less audio DTS at the same place of the stream; positive: video ahead."""

    @property
    def max_ms(self) -> int:
        """The largest, whatever its sign."""
        return int(np.abs(self.skew_ms).max())

    @property
    def mean_ms(self) -> int:
        return round(float(self.skew_ms.mean()))

    @property
    def span_ms(self) -> int:
        """From the first to the last window."""
        return int(self.dts_ms[-1] - self.dts_ms[0])

    @property
    def drift_us_s(self) -> int | None:
        """Slope over media time, microseconds per second; None with too few windows to tell."""
        if len(self.skew_ms) < DRIFT_WINDOWS or self.dts_ms[0] == self.dts_ms[-1]:
            return None
        seconds = (self.dts_ms - self.dts_ms[0]) / 1000
        return round(slope(seconds, self.skew_ms) * 1000)


class Starvation(NamedTuple):
    """How much media arrives in windows of wall time that begin about a second apart."""

    start_ns: Array
    width_ns: int
    media_ms: Array
    """Media time that arrived in the window; less than its width is starvation."""
    twice_ms: Array
    """In a window of twice the width with the same start; -1 where the stream ends before."""

    @property
    def per_mille(self) -> Array:
        """Media time per wall time of each window, in thousandths."""
        return np.asarray(self.media_ms * 1_000_000_000 // self.width_ns)


BULKY_OF_STREAM: Final = ("_places", "lag_ms")
"""What `Metrics.relax` gives up: a value per frame."""


class Stream:
    """The tracks of a message stream in one direction."""

    def __init__(self, connection: int, direction: int, msid: int, tracks: list[Track]) -> None:
        self.connection, self.direction, self.msid = connection, direction, msid
        self.tracks = tracks
        """Video before audio, by track id."""

    def main(self, kind: str) -> Track | None:
        """Return the first track of a kind that has frames."""
        return next((t for t in self.tracks if t.kind == kind and len(t.frames)), None)

    @property
    def video(self) -> Track | None:
        return self.main("video")

    @property
    def audio(self) -> Track | None:
        return self.main("audio")

    @cached_property
    def inferred(self) -> str | None:
        """Say so where the clocks of audio and video cannot be compared throughout: the base of
        one was not captured."""
        if self.video is None or self.audio is None:
            return None
        for track in (self.video, self.audio):
            if track.frames.inferred.any():
                return f"the timestamps of {track.kind} are inferred: their base was not captured"
        return None

    @cached_property
    def start_offset_ms(self) -> int | None:
        """PTS of the first audio frame less that of the first picture shown.

        Not DTS: encoders shift those of pictures by the delay of reordering.
        """
        if self.video is None or self.audio is None:
            return None
        early = self.video.frames.inferred[: REORDER_DEPTH + 1]
        if early.any() or self.audio.frames.inferred[0]:
            return None
        first = self.video.frames.pts_ms[: REORDER_DEPTH + 1].min()
        return int(self.audio.frames.pts_ms[0] - first)

    @cached_property
    def _places(self) -> tuple[Array, Array]:
        """The places of the main video frames and audio frames in their common order."""
        if self.video is None or self.audio is None:
            only = self.video or self.audio
            none = np.zeros(0, np.int64)
            places = none if only is None else np.arange(len(only.frames))
            return (none, places) if self.video is None else (places, none)
        video, audio = self.video.frames.entry, self.audio.frames.entry
        before = np.searchsorted(video, audio)
        audio_at = (np.arange(len(audio)) + before).astype(np.uint32)
        free = np.ones(len(video) + len(audio), bool)
        free[audio_at] = False
        return np.flatnonzero(free).astype(np.uint32), audio_at

    @cached_property
    def skew(self) -> Skew | None:
        """A/V skew: the video's DTS, interpolated between frames by the order of the messages, at
        the place of each audio frame. None without frames of both around each other whose
        timestamps are known.

        By order and not by time: of a burst all frames arrive at once. Tracks with rare frames
        have no skew by that alone.
        """
        if self.video is None or self.audio is None:
            return None
        video, audio = self.video.frames, self.audio.frames
        video_at, audio_at = self._places
        before = audio_at - np.arange(len(audio), dtype=np.uint32)
        inside = np.flatnonzero((before > 0) & (before < len(video))).astype(np.uint32)
        after = before[inside]
        del before
        segment = _at(audio.segment, inside)
        same = (_at(video.segment, after - 1) == segment) & (_at(video.segment, after) == segment)
        same &= ~(
            _at(video.inferred, after - 1) | _at(video.inferred, after)
            | _at(audio.inferred, inside)
        )  # fmt: skip
        inside = inside[np.broadcast_to(same, len(inside))]
        del after, segment, same
        if not len(inside):
            return None
        shown = _between(audio_at, inside, video_at, video.dts_ms)
        dts = audio.dts_ms[inside]
        shown -= dts
        found = per_window(dts, SKEW_WINDOW_MS, shown)
        del shown
        full = found.counts > 0
        start, mean = found.start[full], found.sums[full] / found.counts[full]
        # Clocks may go back; the first frame that falls into the window tells its time.
        dts -= found.start[0]
        dts //= SKEW_WINDOW_MS
        numbers, first = np.unique(dts, return_index=True)
        time = audio.some_times[inside[first]]
        assert len(numbers) == len(start)
        return Skew(time, start, mean.round().astype(np.int64))

    @cached_property
    def lag_ms(self) -> dict[str, Array]:
        """Interleave distance, by `audio` and `video`: per frame, DTS of the other track's last
        frame before it less its own. Positive: it comes after what it should precede."""
        if self.video is None or self.audio is None:
            return {}
        if self.video.frames.inferred.all() or self.audio.frames.inferred.all():
            return {}
        return {
            "video": _lag(self.video, self.audio, self._places[0]),
            "audio": _lag(self.audio, self.video, self._places[1]),
        }

    @cached_property
    def runaway(self) -> Track | None:
        """The main track whose clock runs far from the wall clock, all the time, where the other
        one keeps it: that stream is sent as it is made, so the wall clock tells which is wrong."""
        video, audio = self.video, self.audio
        if video is None or audio is None or self.inferred or video.by_arrival or audio.by_arrival:
            return None
        for track, other in ((video, audio), (audio, video)):
            if track.pace is None or other.pace is None:
                return None
            off = track.pace.slope - 1
            if (
                abs(other.pace.slope - 1) < RUNAWAY / 3
                and abs(off) * track.pace.span_ns > RUNAWAY_NS
                and min(half * np.sign(off) for half in _off_by_halves(track)) > RUNAWAY
            ):
                return track
        return None

    @property
    def media_clock(self) -> tuple[Array, Array, Array]:
        """(arrival ns, highest DTS so far, segment) of the main tracks' frames, by arrival."""
        video_at, audio_at = self._places
        count = len(video_at) + len(audio_at)
        time, dts = (np.zeros(count, np.int64) for _ in range(2))
        found = [(t, at) for t, at in ((self.video, video_at), (self.audio, audio_at)) if t]
        for track, at in found:
            time[at], dts[at] = track.frames.some_times, track.frames.dts_ms
        segment = _merged([(track.frames.segment, at) for track, at in found], count)
        cuts = np.zeros(0, np.int64) if is_one(segment) else np.flatnonzero(np.diff(segment)) + 1
        for part in np.split(dts, cuts):
            np.maximum.accumulate(part, out=part)
        return time, dts, segment

    @cached_property
    def starvation(self) -> Starvation | None:
        """Windows of media time against wall time, as long as both tracks last; None where the
        stream is shorter than one, and where the two cannot be compared."""
        if self.inferred:
            return None
        intervals = [
            track.rate.interval_ns
            for track in (self.video, self.audio)
            if track is not None and track.rate is not None
        ]
        if not intervals:
            return None
        width = max(STARVATION_WINDOW_NS, _INTERVALS * min(intervals))
        time, dts, segment = self.media_clock
        both = time <= min(t.frames.last_ns for t in (self.video, self.audio) if t)
        count = int(np.count_nonzero(both))
        chosen = slice(count) if both[:count].all() else both  # a view where it can be one
        time, dts, segment = time[chosen], dts[chosen], segment[chosen]
        start = np.append(_last_of_seconds(time), len(time) - 1)
        last = np.searchsorted(segment, segment[start], side="right") - 1
        fits = time[start] + width <= time[last]
        start, last = start[fits], last[fits]
        if not len(start):
            return None
        end = np.searchsorted(time, time[start] + width, side="right") - 1
        far = np.searchsorted(time, time[start] + 2 * width, side="right") - 1
        known = time[start] + 2 * width <= time[last]
        twice = np.where(known, dts[np.minimum(far, last)] - dts[start], -1)
        media = dts[np.minimum(end, last)] - dts[start]
        return Starvation(time[start], width, media, twice)


def _at(column: Array, places: Array) -> Array:
    """Return a column's values at places; one value where it has no other."""
    return np.asarray(column[0]) if is_one(column) else np.asarray(column[places])


def _between(at: Array, chosen: Array, places: Array, values: Array) -> Array:
    """Return the values, known at ascending `places`, at the places `at[chosen]` between them."""
    found = np.empty(len(chosen))
    for low in range(0, len(chosen), BLOCK):
        where = at[chosen[low : low + BLOCK]]
        first = int(np.searchsorted(places, where[0])) - 1
        near = slice(first, int(np.searchsorted(places, where[-1])) + 1)
        found[low : low + BLOCK] = np.interp(where, places[near], values[near])
    return found


def _merged(parts: list[tuple[Array, Array]], count: int) -> Array:
    """Return a column of values at their places; one value for all where they are equal."""
    if parts and all(is_one(column) and column[0] == parts[0][0][0] for column, _ in parts):
        return np.broadcast_to(parts[0][0][:1].copy(), count)
    found = np.zeros(count, np.int32)
    for column, at in parts:
        found[at] = column
    return compact(found)


def _last_of_seconds(time: Array) -> Array:
    """Return the places behind which another second begins, counted from the first time."""
    found = []
    for low in range(0, len(time), BLOCK):
        second = (time[low : low + BLOCK + 1] - time[0]) // _STEP_NS
        found.append(np.flatnonzero(second[1:] != second[:-1]) + low)
    return np.concatenate(found)


def _off_by_halves(track: Track) -> list[float]:
    """How far media time per wall time is from 1 in each half of a track: what was sent at once,
    late or early, is in one of them."""
    time, dts, count = track.frames.time_ns, track.frames.dts_ms, len(track.frames)
    places = ((0, count // 2), (count // 2, count - 1))
    return [
        float(dts[high] - dts[low]) * 1e6 / max(int(time[high] - time[low]), 1) - 1
        for low, high in places
    ]


def _lag(track: Track, other: Track, places: Array) -> Array:
    frames, others = track.frames, other.frames
    before = places - np.arange(len(frames)) - 1
    known = before >= 0
    known &= others.segment[before] == frames.segment
    known &= ~(others.inferred[before] | frames.inferred)
    return np.where(known, others.dts_ms[before] - frames.dts_ms, 0)
