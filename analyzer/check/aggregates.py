"""Names that assertions know besides the filter's fields: values of a whole capture.

Each gives one value per connection, stream or track, with the words that say which; none where
there was nothing to measure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from analyzer.check.stages import Ladders
from analyzer.model import DIRECTIONS, Connection
from analyzer.rules import BY_ID

if TYPE_CHECKING:
    from analyzer.index import Array
    from analyzer.metrics import Metrics
    from analyzer.metrics.stream import Stream
    from analyzer.metrics.track import Track
    from analyzer.session import Session

_RULE: Final = re.compile(r"rule\.([A-Z]+-[0-9]+)")


@dataclass(slots=True)
class Samples:
    """Values and where each was measured."""

    values: list[Any] = field(default_factory=list)
    where: list[str] = field(default_factory=list)
    missing: str = ""
    """Why there are none."""
    certain: bool = False
    """The absence itself was seen: nothing of the capture is missing."""

    def add(self, value: Any, where: str = "") -> None:
        """Take a value, unless it is None."""
        if value is not None:
            self.values.append(value)
            self.where.append(where)


class Measured:
    """A session as assertions see it; what several of them ask for is computed once."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @cached_property
    def rows(self) -> Array:
        """All message rows in output order."""
        return self.session.order()

    @cached_property
    def _by_connection(self) -> list[Array]:
        owner = self.session.messages.column("connection")[self.rows]
        order = np.argsort(owner, kind="stable")
        numbers = np.arange(len(self.session.connections) + 1)
        bounds = np.searchsorted(owner[order], numbers)
        return [self.rows[order[low:high]] for low, high in pairwise(bounds.tolist())]

    def rows_of(self, connection: Connection) -> Array:
        """The message rows of a connection in output order."""
        return self._by_connection[connection.index]

    @cached_property
    def ladders(self) -> Ladders:
        return Ladders(self.session)

    @cached_property
    def metrics(self) -> Metrics:
        return self.session.metrics

    @cached_property
    def incomplete(self) -> str | None:
        """Say what of the connections was not captured, None if all was."""
        for connection in self.session.connections:
            if not connection.from_start:
                return f"{connection.id} was captured from the middle on"
            if not connection.both_directions:
                return f"only one direction of {connection.id} was captured"
            if any(len(stats.gaps) for stats in connection.tcp):
                return f"bytes of {connection.id} are missing"
        return None if self.session.connections else "no RTMP was found"

    @property
    def streams(self) -> Iterator[Stream]:
        for connection in self.metrics.connections:
            yield from connection.streams

    def tracks(self, kind: str) -> list[Track]:
        return [track for track in self.metrics.tracks if track.kind == kind and len(track.frames)]


class Aggregate(NamedTuple):
    """A row of the table. `kind` decides how literals are read, as in `filters.FieldInfo`."""

    name: str
    kind: str
    meaning: str
    measure: Callable[[Measured], Samples]

    def samples(self, measured: Measured, name: str) -> Samples:
        """Return the values; `name` is the name as written."""
        match = _RULE.fullmatch(name)
        return _rule(measured, match[1]) if match else self.measure(measured)


def find(name: str) -> Aggregate | None:
    """Return the aggregate of that name."""
    match = _RULE.fullmatch(name)
    if match:
        return _BY_NAME[_RULE_NAME] if match[1] in BY_ID else None
    return _BY_NAME.get(name)


def shown(value: Any, kind: str) -> str:
    """Return a value as explanations say it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind == "duration":
        return f"{value / 1e9:.3f} s" if abs(value) >= 1_000_000_000 else f"{value / 1e6:.1f} ms"
    if kind == "bitrate":
        return f"{value / 1e6:.2f} Mbit/s" if value >= 1_000_000 else f"{value / 1e3:.1f} kbit/s"
    if kind == "number":
        return f"{value:g}"
    return repr(value) if isinstance(value, str) else str(value)


# -- of the capture and its connections ---------------------------------------------------


def _single(measure: Callable[[Session], Any]) -> Callable[[Measured], Samples]:
    def samples(measured: Measured) -> Samples:
        found = Samples(missing="not known")
        found.add(measure(measured.session))
        return found

    return samples


def _severity(name: str) -> Callable[[Measured], Samples]:
    def count(session: Session) -> int:
        return sum(d.severity == name and d.status == "finding" for d in session.diagnostics)

    return _single(count)


def _connection(measure: Callable[[Connection], Any]) -> Callable[[Measured], Samples]:
    def samples(measured: Measured) -> Samples:
        found = Samples(missing="no connection tells it")
        for connection in measured.session.connections:
            found.add(measure(connection), connection.id)
        return found

    return samples


def _stage(name: str, wanted: Iterable[str] = ()) -> Callable[[Measured], Samples]:
    """Whether a stage was passed, of the connections that came to it.

    Nobody tried: false if everything was captured, since then it did not happen.
    """
    names = (name, *wanted)

    def samples(measured: Measured) -> Samples:
        found = Samples(missing="; ".join(filter(None, [measured.incomplete])) or "never tried")
        for connection in measured.session.connections:
            for stage in measured.ladders.of(connection):
                if stage.name in names and stage.passed is not None:
                    found.add(stage.passed, connection.id)
        if not found.values and measured.incomplete is None:
            found.add(False, f"no {name} was tried")
        return found

    return samples


def _rule(measured: Measured, rule: str) -> Samples:
    """One value per connection where the rule came to a result."""
    found, reasons = Samples(), []
    for result in measured.session.judgement.results:
        if result.rule != rule:
            continue
        where = "capture" if result.connection is None else f"c{result.connection}"
        if result.status == "inconclusive":
            reasons.append(result.reason or "inconclusive")
        else:
            found.add(result.status == "finding", where)
    if reasons and not any(found.values):
        return Samples(missing=reasons[0])
    if not found.values:
        found.missing = "the rule has nothing to judge here"
    return found


def _but(missing: str, measured: Measured) -> str:
    """Say what is missing, and why that may mean nothing."""
    if not measured.session.connections:
        return measured.incomplete or missing
    return f"{missing}, but {measured.incomplete}" if measured.incomplete else missing


# -- of tracks ----------------------------------------------------------------------------


def _tracks(kind: str, measure: Callable[[Track], Any]) -> Callable[[Measured], Samples]:
    """One value per track of `kind` (`video` or `audio`)."""

    def samples(measured: Measured) -> Samples:
        incomplete = measured.incomplete
        tracks = measured.tracks(kind)
        found = Samples(missing=f"no {kind} was sent", certain=incomplete is None)
        if not tracks and incomplete:
            found.missing = _but(found.missing, measured)
        for track in tracks:
            found.add(measure(track), _place(track))
        if tracks and not found.values:
            found.missing, found.certain = "too little of it was captured", False
        return found

    return samples


def _frames(kind: str) -> Callable[[Measured], Samples]:
    """Coded frames of each track; 0 of a publisher or player that was captured whole without."""

    def samples(measured: Measured) -> Samples:
        incomplete = measured.incomplete
        found = Samples(missing=_but(f"no {kind} was seen", measured))
        for connection in measured.session.connections:
            own = [t for t in measured.tracks(kind) if t.connection == connection.index]
            for track in own:
                found.add(len(track.frames), _place(track))
            if not own and connection.role is not None and incomplete is None:
                found.add(0, connection.id)
        return found

    return samples


def _place(track: Track) -> str:
    return f"c{track.connection} {DIRECTIONS[track.direction]} {track.name}"


def _config(*path: str) -> Callable[[Track], Any]:
    def value(track: Track) -> Any:
        for configuration in track.configurations:
            found: Any = configuration.values
            for name in path:
                found = found.get(name) if isinstance(found, dict) else None
            if found is not None:
                return found
        return None

    return value


def _frame_rate(track: Track) -> float | None:
    return track.rate.nominal_millihertz / 1000 if track.rate else None


def _gops(track: Track) -> list[int]:
    gops = track.gops
    closed: list[int] = gops.duration_ms[gops.closed].tolist()
    return closed


def _longest_gop(track: Track) -> int | None:
    """The longest closed group; an open one counts where it is longer already."""
    durations = track.gops.duration_ms.tolist()
    closed = _gops(track)
    return max(durations) * 1_000_000 if closed else None


def _mean_gop(track: Track) -> int | None:
    found = _gops(track)
    return round(sum(found) * 1_000_000 / len(found)) if found else None


def _of_both(measure: Callable[[Stream], int | None]) -> Callable[[Measured], Samples]:
    """Milliseconds per stream with audio and video; none where one of them cannot be measured."""

    def samples(measured: Measured) -> Samples:
        found = Samples(missing="no stream has both audio and video")
        for stream in measured.streams:
            value, place = measure(stream), f"c{stream.connection} {DIRECTIONS[stream.direction]}"
            if value is None and stream.inferred:
                return Samples(missing=f"{place}: {stream.inferred}")
            found.add(None if value is None else value * 1_000_000, place)
        return found

    return samples


def _skew(stream: Stream) -> int | None:
    return None if stream.skew is None else stream.skew.max_ms


def _start_offset(stream: Stream) -> int | None:
    return None if stream.start_offset_ms is None else abs(stream.start_offset_ms)


def _first_media(measured: Measured) -> Samples:
    found = Samples(missing="no publish or play led to media")
    for number, connection in enumerate(measured.metrics.connections):
        times = {stage.name: stage.time_ns for stage in connection.startup}
        first = min((times[kind] for kind in ("audio", "video") if kind in times), default=None)
        if first is not None and "request" in times:
            found.add(first - times["request"], f"c{number}")
    return found


_RULE_NAME: Final = "rule.ID"

AGGREGATES: Final = (
    Aggregate("connections", "integer", "RTMP connections in the capture",
              _single(lambda session: len(session.connections))),
    Aggregate("messages", "integer", "messages in the capture",
              _single(lambda session: len(session.messages))),
    Aggregate("duration", "duration", "from the capture's first packet to its last",
              _single(lambda session: session.capture.duration_ns)),
    Aggregate("errors", "integer", "findings of severity error", _severity("error")),
    Aggregate("warnings", "integer", "findings of severity warning", _severity("warning")),
    Aggregate("notes", "integer", "findings of severity note", _severity("note")),
    Aggregate(_RULE_NAME, "boolean", "the rule of that id has a finding: `rule.TS-01`",
              lambda measured: Samples()),
    Aggregate("connection.variant", "string", "rtmp, rtmps, rtmpe or rtmpt",
              _connection(lambda c: c.variant)),
    Aggregate("connection.role", "string", "publish, play or both", _connection(lambda c: c.role)),
    Aggregate("connection.app", "string", "connect: the application", _connection(lambda c: c.app)),
    Aggregate("connection.closed_by", "string", "client.fin, client.rst, server.fin, server.rst",
              _connection(lambda c: c.closed_by)),
    Aggregate("connection.duration", "duration", "from a connection's first packet to its last",
              _connection(lambda c: c.end_ns - c.start_ns)),
    Aggregate("handshake.complete", "boolean", "C2 and S2 were sent", _stage("handshake")),
    Aggregate("connect.accepted", "boolean", "connect was answered by success", _stage("connect")),
    Aggregate("publish.started", "boolean", "publish was answered by NetStream.Publish.Start",
              _stage("publish")),
    Aggregate("play.started", "boolean", "play was answered by NetStream.Play.Start",
              _stage("play")),
    Aggregate("media.started", "boolean", "audio or video came after publish or play",
              _stage("media")),
    Aggregate("first_media", "duration", "from publish or play to the first frame", _first_media),
    Aggregate("video.codec", "string", "h264, hevc, av1, vp9 …",
              _tracks("video", lambda t: t.codec)),
    Aggregate("video.width", "integer", "pixels, by the codec configuration",
              _tracks("video", _config("width"))),
    Aggregate("video.height", "integer", "pixels, by the codec configuration",
              _tracks("video", _config("height"))),
    Aggregate("video.frames", "integer", "coded frames", _frames("video")),
    Aggregate("video.frame_rate", "number", "frames per second, by the usual step",
              _tracks("video", _frame_rate)),
    Aggregate("video.bitrate", "bitrate", "mean over media time",
              _tracks("video", lambda t: t.bitrate_bit_s)),
    Aggregate("video.bitrate.max", "bitrate", "the most of one second",
              _tracks("video", lambda t: t.peak_bit_s)),
    Aggregate("video.reorder", "integer", "frames that one decoded later precedes; 0: no B-frames",
              _tracks("video", lambda t: int(t.reorder.max()))),
    Aggregate("video.duration", "duration", "media time",
              _tracks("video", lambda t: t.duration_ms * 1_000_000)),
    Aggregate("audio.codec", "string", "aac, opus, flac, ac3, mp3 …",
              _tracks("audio", lambda t: t.codec)),
    Aggregate("audio.profile", "string", "AAC: LC, HE-AAC …", _tracks("audio", _config("profile"))),
    Aggregate("audio.sample_rate", "integer", "Hz, by the codec configuration",
              _tracks("audio", _config("sample_rate"))),
    Aggregate("audio.channels", "integer", "by the codec configuration",
              _tracks("audio", _config("channels"))),
    Aggregate("audio.frames", "integer", "coded frames", _frames("audio")),
    Aggregate("audio.bitrate", "bitrate", "mean over media time",
              _tracks("audio", lambda t: t.bitrate_bit_s)),
    Aggregate("audio.duration", "duration", "media time",
              _tracks("audio", lambda t: t.duration_ms * 1_000_000)),
    Aggregate("gop.max", "duration", "the longest time between keyframes",
              _tracks("video", _longest_gop)),
    Aggregate("gop.mean", "duration", "the mean time between keyframes",
              _tracks("video", _mean_gop)),
    Aggregate("av_skew.max", "duration", "the most that audio and video were apart",
              _of_both(_skew)),
    Aggregate("av_offset", "duration", "between the first audio frame and the first video frame",
              _of_both(_start_offset)),
)  # fmt: skip
_BY_NAME: Final = {aggregate.name: aggregate for aggregate in AGGREGATES}
NAMES: Final = tuple(_BY_NAME)


def table() -> Iterator[tuple[str, str, str]]:
    """Yield name, type and meaning of every aggregate, for documentation."""
    for aggregate in AGGREGATES:
        yield aggregate.name, aggregate.kind, aggregate.meaning
