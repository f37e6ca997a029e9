"""One track of audio or video: its frames as arrays, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.index import Array
from analyzer.metrics.headers import CODECS
from analyzer.metrics.windows import Windows, is_one, per_window, slope

if TYPE_CHECKING:
    from analyzer.metrics.columns import MediaColumns
    from analyzer.metrics.configuration import Configuration

BITRATE_WINDOW_MS: Final = 1000
REORDER_DEPTH: Final = 16
"""Frames looked back for reordering: the largest decoded picture buffer (H.264 §A.3.1)."""

STANDS_STILL: Final = 10
"""Frames in a row with one timestamp, of a clock that no longer runs."""
SET_BACK_MS: Final = 500
"""More than reordered frames go back that carry their presentation times."""

BULKY_OF_FRAMES: Final = ("keyframe", "row", "time_ns")
"""What `Metrics.relax` gives up: a value per frame."""


@dataclass(frozen=True)
class Frames:
    """The coded frames of a track in the order in which they ended; arrays of one length.

    Configurations, metadata, ends of sequence and empty messages are not among them.
    """

    columns: MediaColumns
    """Of all tracks; what is not kept here is taken from them."""
    entry: Array
    """Index in `columns`: a count over all media messages, so it orders tracks."""
    dts_ms: Array
    """Decoding time: the timestamp without its wraps at 2^32, int64."""
    segment: Array
    """Counts what may set the clock anew: publish, play, seek, a status, a hole in the capture."""
    inferred: Array
    """bool: the clock's base was not captured, so only steps between such frames mean anything."""

    def __len__(self) -> int:
        return len(self.entry)

    @cached_property
    def row(self) -> Array:
        """Message row; of a frame inside an aggregate or among many tracks, of that message."""
        return np.asarray(self.columns.row[self.entry])

    @cached_property
    def time_ns(self) -> Array:
        """When the message was complete, since the capture's first packet."""
        return np.asarray(self.columns.table.column("time_ns")[self.row])

    @property
    def some_times(self) -> Array:
        """`time_ns`, not kept for others."""
        known: Array | None = vars(self).get("time_ns")
        if known is not None:
            return known
        return np.asarray(self.columns.table.column("time_ns")[self.columns.row[self.entry]])

    @property
    def last_ns(self) -> int:
        """When the last frame was complete."""
        if "time_ns" in vars(self):
            return int(self.time_ns[-1])
        return self.columns.table.value("time_ns", int(self.columns.row[self.entry[-1]]))

    @property
    def first_time_ns(self) -> Array:
        """When its first byte came."""
        return np.asarray(self.columns.table.column("first_time_ns")[self.row])

    @property
    def size(self) -> Array:
        """Body bytes with header."""
        return self.columns.size[self.entry].astype(np.int64)

    @cached_property
    def keyframe(self) -> Array:
        """bool, by the frame type; True for audio."""
        return np.asarray(self.columns.headers.keyframe[self.entry])

    @property
    def cts_ms(self) -> Array:
        """Composition time, int32; 0 for audio and for codecs without one."""
        return self.columns.headers.cts_ms[self.entry].astype(np.int32)

    @property
    def codec(self) -> Array:
        """Index into `headers.CODECS`."""
        return np.asarray(self.columns.headers.codec[self.entry])

    @property
    def packet(self) -> Array:
        """Packet type (`headers.Headers.packet`)."""
        return np.asarray(self.columns.headers.packet[self.entry])

    @property
    def pts_ms(self) -> Array:
        """Presentation time."""
        return self.dts_ms + self.cts_ms


class Gops(NamedTuple):
    """Groups of pictures: arrays with one entry per keyframe."""

    start: Array
    """Index of the keyframe in `Frames`."""
    frames: Array
    duration_ms: Array
    """To the next keyframe; of one not closed, to the end of its last frame."""
    closed: Array
    """bool: the next keyframe was seen, on the same clock."""

    @property
    def max_ms(self) -> int | None:
        """The longest, also if it was not closed yet; None without keyframes."""
        return int(self.duration_ms.max()) if len(self.start) else None

    @property
    def min_ms(self) -> int | None:
        """The shortest of those closed: the least keyframe interval."""
        return int(self.duration_ms[self.closed].min()) if self.closed.any() else None

    @property
    def mean_ms(self) -> int | None:
        """The mean keyframe interval, of those closed."""
        return round(float(self.duration_ms[self.closed].mean())) if self.closed.any() else None


class FrameRate(NamedTuple):
    """How often frames come, by their decoding times."""

    interval_ns: int
    """Mean of the usual steps: those within half of the median step from it."""
    jitter_ns: int
    """Standard deviation of all steps from it."""
    average_millihertz: int
    """Frames per second over the whole duration, in thousandths."""

    @property
    def nominal_millihertz(self) -> int:
        """Frames per second by the usual step, in thousandths."""
        return round(1e12 / self.interval_ns) if self.interval_ns else 0


class Pace(NamedTuple):
    """How fast a clock runs."""

    slope: float
    """Media time per wall time; 1 is right."""
    span_ns: int
    """Wall time it was measured over."""


BULKY_OF_TRACK: Final = ("joined", "steps_ms", "waits_ns", "reorder")


class Track:
    """A track: connection, direction, message stream, kind and track id."""

    def __init__(
        self,
        key: tuple[int, int, int, str, int],
        frames: Frames,
        config_rows: Array,
        config_entries: Array,
    ) -> None:
        self.connection, self.direction, self.msid, self.kind, self.track_id = key
        self.frames = frames
        self.config_rows = config_rows
        """Messages with a codec configuration (also an empty one)."""
        self.config_entries = config_entries
        """Their index in `Metrics.columns`."""
        self.read: Callable[[], list[Configuration]] = list
        """Decodes the configurations."""

    @property
    def name(self) -> str:
        """``video``, ``audio``, ``video/1``."""
        return f"{self.kind}/{self.track_id}" if self.track_id else self.kind

    @cached_property
    def configurations(self) -> list[Configuration]:
        """The configurations, decoded; the first of very many."""
        return self.read()

    @cached_property
    def codec(self) -> str | None:
        """The codec: by the first configuration that tells, else by the first frame's header."""
        for configuration in self.configurations:
            if configuration.codec is not None:
                return configuration.codec
        codec = self.frames.codec
        known = codec[codec > 0]
        return CODECS[int(known[0])] if len(known) else None

    # -- steps from frame to frame --------------------------------------------------------

    @cached_property
    def joined(self) -> Array:
        """Indices of frames with a predecessor on the same clock."""
        segment = self.frames.segment
        return (np.flatnonzero(segment[1:] == segment[:-1]) + 1).astype(np.uint32)

    @cached_property
    def steps_ms(self) -> Array:
        """Step of the decoding time to each frame of `joined`."""
        return self._steps(self.frames.dts_ms)

    @property
    def _some_steps(self) -> Array:
        """The same, not kept for others: a value per frame."""
        known: Array | None = vars(self).get("steps_ms")
        return self._steps(self.frames.dts_ms) if known is None else known

    @cached_property
    def waits_ns(self) -> Array:
        """Time between the arrival of each frame of `joined` and of its predecessor."""
        return self._steps(self.frames.time_ns)

    def _steps(self, values: Array) -> Array:
        found, segment = np.diff(values), self.frames.segment
        if is_one(segment):
            return found
        return np.asarray(found[segment[1:] == segment[:-1]])

    @cached_property
    def backward(self) -> Array:
        """Indices of frames before whose decoding time their predecessor's stands."""
        return np.asarray(self.joined[self.steps_ms < 0])

    @cached_property
    def duplicate(self) -> Array:
        """Indices of frames with their predecessor's decoding time."""
        return np.asarray(self.joined[self.steps_ms == 0])

    def relax(self) -> None:
        """Give up what has a value per frame but for the frames themselves."""
        for name in BULKY_OF_TRACK:
            vars(self).pop(name, None)

    @cached_property
    def slices(self) -> list[slice]:
        """The runs of frames on one clock."""
        cuts = np.flatnonzero(np.diff(self.frames.segment)) + 1
        bounds = [0, *cuts.tolist(), len(self.frames)]
        return [slice(low, high) for low, high in pairwise(bounds) if low < high]

    # -- rates ----------------------------------------------------------------------------

    @cached_property
    def rate(self) -> FrameRate | None:
        """The frame rate; None with fewer than two frames, or where no step is positive."""
        steps = self._some_steps
        count = len(steps)
        steps = steps[steps > 0]
        if not len(steps):
            return None
        usual = int(np.partition(steps, len(steps) // 2)[len(steps) // 2])  # one of them
        near = steps[(steps >= usual / 2) & (steps <= usual * 1.5)]
        interval = float(near.mean())
        jitter = float(np.sqrt(np.square(steps - interval).mean()))
        span = self.span_ms
        average = round(count * 1e6 / span) if span > 0 else 0
        return FrameRate(round(interval * 1e6), round(jitter * 1e6), average)

    @cached_property
    def span_ms(self) -> int:
        """Media time from the first to the last frame, summed over clocks."""
        dts = self.frames.dts_ms
        return sum(int(dts[run].max() - dts[run].min()) for run in self.slices)

    @property
    def duration_ms(self) -> int:
        """Media time: `span_ms` and the last frame's own duration."""
        return self.span_ms + (round(self.rate.interval_ns / 1e6) if self.rate else 0)

    @cached_property
    def size_bytes(self) -> int:
        return int(self.frames.size.sum())

    @cached_property
    def by_arrival(self) -> bool:
        """Whether rates are taken over the time of arrival: timestamps that stand still for long
        or are set back do not tell how much was played."""
        steps = self._some_steps
        if not len(steps):
            return False
        edges = np.flatnonzero(np.diff(steps == 0, prepend=False, append=False))
        still = np.diff(edges)[::2].max(initial=0)
        return bool(still >= STANDS_STILL or steps.min() <= -SET_BACK_MS)

    @property
    def lasted_ms(self) -> int:
        """What rates are taken over: media time, or the time of arrival (`by_arrival`)."""
        return self.arrived_ms if self.by_arrival else self.duration_ms

    @cached_property
    def arrived_ms(self) -> int:
        """Time from the first to the last frame's arrival, and the last one's own duration."""
        time, own = self.frames.time_ns, self.rate.interval_ns if self.rate else 0
        return round((int(time.max() - time.min()) + own) / 1e6) if len(time) else 0

    @property
    def bitrate_bit_s(self) -> int | None:
        """Mean bitrate; None where the duration is not known."""
        span = self.lasted_ms
        return round(self.size_bytes * 8000 / span) if span > 0 else None

    def bitrate(self, window_ms: int = BITRATE_WINDOW_MS) -> Windows:
        """Bits in each window of media time; `start` counts milliseconds of decoding time."""
        return per_window(self.frames.dts_ms, window_ms, self.frames.size * 8)

    @cached_property
    def peak_bit_s(self) -> int | None:
        """The most bits of one second."""
        found = self.bitrate()
        if self.by_arrival:
            found = per_window(self.frames.time_ns, 1_000_000_000, self.frames.size * 8)
        return int(found.sums.max()) if len(found.sums) else None

    @cached_property
    def pace(self) -> Pace | None:
        """Media time per wall time of the longest clock: the slope of a line through the earliest
        frame of each second. None where all of it arrived within a second."""
        run = max(self.slices, key=lambda part: part.stop - part.start, default=slice(0, 0))
        time, dts = self.frames.time_ns[run], self.frames.dts_ms[run]
        if not len(time):
            return None
        second = (time - time[0]) // 1_000_000_000
        starts = np.flatnonzero(np.diff(second, prepend=-1))
        if len(starts) < 2:
            return None
        late = (time - time[0]) / 1e9 - (dts - dts[0]) / 1000
        best = np.minimum.reduceat(late, starts)
        lag = slope((time[starts] - time[0]) / 1e9, best)
        return Pace(1 - lag, int(time[-1] - time[0]))

    # -- pictures -------------------------------------------------------------------------

    @cached_property
    def gops(self) -> Gops:
        """Groups of pictures; frames before the first keyframe are in none."""
        frames = self.frames
        start = np.flatnonzero(frames.keyframe)
        if self.kind != "video" or not len(start):
            none = np.zeros(0, np.int64)
            return Gops(none, none, none, none.astype(bool))
        after = np.append(start[1:], len(frames))
        closed = np.append(frames.segment[start[1:]] == frames.segment[start[:-1]], False)
        last = np.searchsorted(frames.segment, frames.segment[start], side="right")
        end = np.minimum(after, last)  # of the same clock
        own = round(self.rate.interval_ns / 1e6) if self.rate else 0
        until = frames.dts_ms[np.minimum(after, len(frames) - 1)]
        duration = np.where(closed, until, frames.dts_ms[end - 1] + own) - frames.dts_ms[start]
        return Gops(start, end - start, duration, closed)

    @cached_property
    def reorder(self) -> Array:
        """Per frame, how many frames decoded before it are shown after it."""
        pts = self.frames.pts_ms
        found = np.zeros(len(pts), np.uint8)
        if not len(pts) or not self.frames.cts_ms.any():
            return found
        for back in range(1, min(REORDER_DEPTH, len(pts) - 1) + 1):
            found[back:] += pts[:-back] > pts[back:]
        return found

    # -- arrival --------------------------------------------------------------------------

    @property
    def latency_ns(self) -> Array:
        """How much later than the earliest frame of its clock each frame came: arrival less
        decoding time, counted from the smallest such difference."""
        found = self.frames.dts_ms * -1_000_000
        found += self.frames.time_ns
        for run in self.slices:
            found[run] -= found[run].min()
        return np.asarray(found)

    @property
    def backlog_ns(self) -> Array:
        """How much the latency stands above the least seen before: what piled up since."""
        found = self.latency_ns
        for run in self.slices:
            found[run] -= np.minimum.accumulate(found[run])
        return np.asarray(found)
