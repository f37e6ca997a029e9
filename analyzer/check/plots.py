"""Curves for the report, thinned to what a plot can show: numbers only, no drawing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.index import Array
from analyzer.model import DIRECTIONS

if TYPE_CHECKING:
    from analyzer.metrics.stream import Stream
    from analyzer.metrics.track import Track

MAX_POINTS: Final = 400
"""Points of a curve: more than a report's plot has pixels to tell apart."""
MAX_STREAMS: Final = 4
"""Streams of a connection with plots."""


class Curve(NamedTuple):
    """A line (`style` ``line``) or bars over x; both lists have one length."""

    name: str
    x: list[float]
    y: list[float]


class Plot(NamedTuple):
    """Curves over one pair of axes; x is in seconds."""

    title: str
    x_label: str
    y_label: str
    style: str
    """``line``; ``step``: a value from each x to the next; ``bars``: durations over starts."""
    curves: list[Curve]
    note: str
    """What to see in it, for those who cannot see it."""


def plots(streams: Iterable[Stream]) -> list[Plot]:
    """Return the plots of the streams that carry media."""
    found: list[Plot] = []
    with_media = [stream for stream in streams if stream.video or stream.audio]
    for stream in with_media[:MAX_STREAMS]:
        place = DIRECTIONS[stream.direction]
        for plot in _stream(stream):
            title = (
                f"{plot.title}, {place}"
                if len(with_media) == 1
                else (f"{plot.title}, {place}, message stream {stream.msid}")
            )
            found.append(plot._replace(title=title))
    return found


def _stream(stream: Stream) -> Iterator[Plot]:
    tracks = [track for track in (stream.video, stream.audio) if track is not None]
    yield from _bitrate(tracks)
    yield from _latency(tracks)
    yield from _gops(stream.video)
    skew = stream.skew
    if skew is not None and len(skew.skew_ms) > 1:
        curve = _curve("video ahead of audio", skew.time_ns / 1e9, skew.skew_ms)
        note = f"at most {skew.max_ms} ms, on average {skew.mean_ms} ms"
        yield Plot("A/V skew", "time, s", "ms", "line", [curve], note)


def _bitrate(tracks: list[Track]) -> Iterator[Plot]:
    curves, words = [], []
    for track in tracks:
        windows = track.bitrate()
        if len(windows.start) > 2:
            whole = slice(0, -1)  # the last window is cut by the end
            start = (windows.start[whole] - windows.start[0]) / 1000
            curves.append(_curve(track.name, start, windows.sums[whole] / 1000, np.maximum))
            mean = track.bitrate_bit_s or 0
            words.append(f"{track.name} {mean / 1000:,.0f} kbit/s on average")
    if curves:
        yield Plot("Bit rate", "media time, s", "kbit/s", "step", curves, ", ".join(words))


def _latency(tracks: list[Track]) -> Iterator[Plot]:
    curves, words = [], []
    for track in tracks:
        if len(track.frames) > 1:
            latency = track.latency_ns / 1e6
            curves.append(_curve(track.name, track.frames.time_ns / 1e9, latency, np.maximum))
            words.append(f"{track.name} at most {latency.max():,.0f} ms")
    if curves:
        yield Plot(
            "Arrival behind the media clock", "time, s", "ms", "line", curves, ", ".join(words)
        )


def _gops(track: Track | None) -> Iterator[Plot]:
    if track is None or len(track.gops.start) < 2:
        return
    gops = track.gops
    start = track.frames.dts_ms[gops.start] - track.frames.dts_ms[0]
    seconds = gops.duration_ms / 1000
    note = f"{len(seconds)} groups, the longest {seconds.max():.3f} s"
    curve = _curve("GOP", start / 1000, seconds, np.maximum)
    yield Plot("GOP length", "media time, s", "s", "bars", [curve], note)


def _curve(name: str, x: Array, y: Array, keep: np.ufunc = np.fmax) -> Curve:
    """Thin a curve: of neighbours that fall together the first x and what `keep` keeps."""
    if len(x) > MAX_POINTS:
        starts = np.unique(np.linspace(0, len(x) - 1, MAX_POINTS).astype(np.int64))
        x, y = x[starts], keep.reduceat(y, starts)
    return Curve(name, [round(float(v), 3) for v in x], [round(float(v), 3) for v in y])
