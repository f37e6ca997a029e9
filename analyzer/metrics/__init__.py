"""Statistics of a session, computed once, lazily, over columns.

    session.metrics.tracks                  all tracks: list[Track]
    session.metrics.connection(0)           Connection metrics of c0
        .streams                            list[Stream], one per direction and message stream
            .tracks .video .audio           Track: the main ones are those with the lowest id
            .skew                           A/V skew: .time_ns .skew_ms .max_ms .drift_us_s
            .lag_ms["audio"]                interleave distance per frame
            .starvation                     media time per window of wall time
            .start_offset_ms                first audio PTS less first picture shown
        .startup                            list[Stage]: tcp, handshake, connect, … with times
        .rtt_ns                             {"client", "server", "total"} from the handshake
        .metadata                           list[Metadata]: onMetaData

    track.frames                            Frames: arrays row, dts_ms, cts_ms, pts_ms, time_ns,
                                            first_time_ns, size, keyframe, segment …
    track.codec .configurations             "h264", decoded avcC, AudioSpecificConfig …
    track.rate                              FrameRate: nominal_millihertz, interval_ns, jitter_ns
    track.bitrate(window_ms)                Windows: start (DTS ms), sums (bits), counts
    track.bitrate_bit_s .peak_bit_s
    track.gops                              Gops: start, frames, duration_ms, closed
    track.steps_ms .waits_ns .joined        DTS step and wait before the frames `joined`
    track.backward .duplicate               indices of such frames
    track.latency_ns .backlog_ns            L(t) per frame; what piled up since the least
    track.reorder                           per frame, how many earlier ones are shown later

Times in ns count from the capture's first packet, DTS and PTS are milliseconds with the wraps at
2^32 removed, and `frames.row` leads back to the message. A *segment* is a run of frames on one
clock: publish, play, seek, a status or a hole in the capture begin a new one, and nothing is
computed across. Only complete messages count; configurations are kept apart from frames because
senders give them any timestamp.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from analyzer.exchanges import command_rows
from analyzer.handshakes import round_trips
from analyzer.index import Array
from analyzer.metrics.boundaries import boundaries, changes, inferred
from analyzer.metrics.columns import MediaColumns, gather
from analyzer.metrics.configuration import (
    MAX_READ,
    Metadata,
    configurations,
    metadata,
    metadata_rows,
)
from analyzer.metrics.headers import CONFIG, FRAME
from analyzer.metrics.startup import STAGES, Stage, startup
from analyzer.metrics.stream import BULKY_OF_STREAM, Skew, Starvation, Stream
from analyzer.metrics.track import BULKY_OF_TRACK, FrameRate, Frames, Gops, Track
from analyzer.metrics.windows import Windows
from dissectors import spec

if TYPE_CHECKING:
    from analyzer.lookup import Lookup

__all__ = [
    "STAGES", "ConnectionMetrics", "FrameRate", "Frames", "Gops", "Metadata", "Metrics", "Skew",
    "Stage", "Starvation", "Stream", "Track", "Windows",
]  # fmt: skip

_KINDS = {spec.VIDEO: "video", spec.AUDIO: "audio"}
MAX_STREAMS = 64
"""Message streams measured per connection; ids are 32 bits wide, and hostile ones all differ."""
MAX_TRACKS = 256
"""Tracks measured per connection."""
MAX_CONFIGURATIONS = 5000
"""Configurations read per session, divided among its tracks."""
MAX_METADATA = 1 << 18
"""Bytes of metadata decoded per session; an onMetaData has about 500, a hostile one costs 6 µs
for each."""
_WRAP = 1 << 32
_LONGEST_MS = 1 << 42
"""139 years; nanoseconds of it fit 63 bits."""


class ConnectionMetrics:
    """What was measured on one connection."""

    def __init__(self, metrics: Metrics, index: int, tracks: list[Track]) -> None:
        self._metrics, self._index = metrics, index
        self.streams: list[Stream] = []
        """By direction, then message stream id."""
        places: dict[tuple[int, int], list[Track]] = {}
        for track in tracks:
            places.setdefault((track.direction, track.msid), []).append(track)
        for (direction, msid), own in sorted(places.items()):
            own.sort(key=lambda track: (track.kind != "video", track.track_id))
            self.streams.append(Stream(index, direction, msid, own))

    @cached_property
    def metadata(self) -> list[Metadata]:
        """The onMetaData messages of both directions, in the order they were found."""
        metrics = self._metrics
        rows = metrics.metadata_rows(self._index)
        length = metrics.session.messages.column("length")[rows].astype(np.int64)
        decoded = np.cumsum(length) <= metrics.metadata_budget
        metrics.metadata_budget -= int(length[decoded].sum())
        return metadata(metrics.session, rows, decoded)

    @cached_property
    def left_out(self) -> int:
        """Media messages that were not measured: a limit was passed."""
        rows = self._metrics.left_out
        owner = self._metrics.session.messages.column("connection")[rows]
        return int(np.count_nonzero(owner == self._index))

    @cached_property
    def startup(self) -> list[Stage]:
        """The stages that were reached."""
        session = self._metrics.session
        rows = self._metrics.metadata_rows(self._index).tolist()
        owner = session.connections[self._index]
        return startup(session, owner, self._metrics.command_rows, rows, self.streams)

    @cached_property
    def rtt_ns(self) -> dict[str, int | None]:
        """Round trips from the capture point, from the handshake."""
        return round_trips(self._metrics.session.connections[self._index])


class Metrics:
    """The statistics of a session; `Lookup.metrics` keeps them."""

    def __init__(self, session: Lookup) -> None:
        self.session = session
        self.columns: MediaColumns = gather(session)
        self.tracks, left_out = _tracks(session, self.columns)
        """By connection, direction, message stream, kind and track id."""
        self.left_out: Array = np.concatenate((self.columns.left_out, left_out))
        """Rows of media messages that were not measured: a limit was passed."""
        self.metadata_budget = MAX_METADATA

    def relax(self) -> None:
        """Give up what has a value per frame and can be computed again: 100 bytes of each."""
        for track in self.tracks:
            for name in BULKY_OF_TRACK:
                vars(track).pop(name, None)
        for connection in self.connections:
            for stream in connection.streams:
                for name in BULKY_OF_STREAM:
                    vars(stream).pop(name, None)

    @cached_property
    def command_rows(self) -> dict[tuple[int, int, int], int]:
        return command_rows(self.session.messages)

    @cached_property
    def connections(self) -> list[ConnectionMetrics]:
        """By the index of the connection."""
        own: list[list[Track]] = [[] for _ in self.session.connections]
        for track in self.tracks:
            own[track.connection].append(track)
        return [ConnectionMetrics(self, index, tracks) for index, tracks in enumerate(own)]

    def connection(self, index: int) -> ConnectionMetrics:
        """Return what was measured on connection `index`."""
        return self.connections[index]

    @cached_property
    def _metadata(self) -> tuple[Array, Array]:
        rows = metadata_rows(self.session)
        return rows, self.session.messages.column("connection")[rows]

    def metadata_rows(self, connection: int) -> Array:
        """Return the rows of a connection's onMetaData messages."""
        rows, owner = self._metadata
        return np.asarray(rows[owner == connection])


def _tracks(session: Lookup, columns: MediaColumns) -> tuple[list[Track], Array]:
    """Divide the frames and configurations by track; also return the rows of tracks too many."""
    table, headers = session.messages, columns.headers
    useful = np.flatnonzero((headers.role == FRAME) | (headers.role == CONFIG))
    if not len(useful):
        return [], np.zeros(0, np.int64)
    row = columns.row[useful]
    owner = table.column("connection")[row].astype(np.int64) * 2
    owner += table.column("direction")[row]
    place = owner << 32 | table.column("msid")[row]
    which = columns.kind[useful].astype(np.int64) << 8 | headers.track[useful]
    cuts = boundaries(session)
    tracks: list[Track] = []
    groups, rest = _groups(place, which)
    read = min(max(MAX_CONFIGURATIONS // len(groups), 2), MAX_READ)
    for at in groups:
        entry = useful[at]
        first = int(columns.row[entry[0]])
        key = (
            session.value(first, "connection"),
            session.value(first, "direction"),
            session.value(first, "msid"),
            _KINDS[int(columns.kind[entry[0]])],
            int(headers.track[entry[0]]),
        )
        track = _track(session, columns, entry, key, cuts.get(key[:2]))
        track.configurations = configurations(session, key[3], key[4], track.config_rows[:read])
        tracks.append(track)
    tracks.sort(key=lambda t: (t.connection, t.direction, t.msid, t.kind != "video", t.track_id))
    _align(tracks)
    return tracks, row[np.concatenate(rest)]


def _groups(place: Array, which: Array) -> tuple[list[Array], list[Array]]:
    """Return the positions of each distinct pair, ascending, and those beyond the limits."""
    groups: list[Array] = []
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    ends = np.append(starts[1:], len(order))
    owner = place[order][starts] >> 33
    kept = np.arange(len(owner)) - np.searchsorted(owner, owner) < MAX_STREAMS
    parts = [np.sort(order[low:high]) for low, high in zip(starts[kept], ends[kept], strict=True)]
    rest = [order[np.repeat(~kept, ends - starts)]]
    tracks: Counter[int] = Counter()
    for part in parts:
        for group in _equal(which[part], part):
            number = int(place[group[0]]) >> 33
            tracks[number] += 1
            (groups if tracks[number] <= MAX_TRACKS else rest).append(group)
    return groups, rest


def _equal(key: Array, positions: Array) -> list[Array]:
    """Divide `positions` by their keys."""
    if bool((key == key[0]).all()):
        return [positions]
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    return np.split(positions[order], cuts)


def _track(
    session: Lookup,
    columns: MediaColumns,
    entry: Array,
    key: tuple[int, int, int, str, int],
    cuts: Array | None,
) -> Track:
    headers, table = columns.headers, session.messages
    is_frame = headers.role[entry] == FRAME
    configs, entry = entry[~is_frame], entry[is_frame]
    row = columns.row[entry]
    unsure = inferred(session, row)
    segment = changes(unsure)
    if cuts is not None:
        segment = segment + np.searchsorted(cuts, table.column("end_offset")[row])
    frames = Frames(
        row=row,
        entry=entry,
        dts_ms=unwrapped(columns.timestamp[entry], segment),
        cts_ms=headers.cts_ms[entry],
        time_ns=table.column("time_ns")[row],
        first_time_ns=table.column("first_time_ns")[row],
        size=columns.size[entry],
        keyframe=headers.keyframe[entry],
        codec=headers.codec[entry],
        packet=headers.packet[entry],
        segment=segment,
        inferred=unsure,
    )
    return Track(key, frames, columns.row[configs], configs)


def unwrapped(timestamp: Array, segment: Array) -> Array:
    """Return timestamps without their wraps: each step is the shortest way on the circle of 2^32;
    a new segment begins with the timestamp as it is."""
    if not len(timestamp):
        return np.zeros(0, np.int64)
    raw = timestamp.astype(np.int64)
    step = np.diff(raw)
    if bool((np.abs(step) <= _WRAP // 2).all()):
        return raw
    step = (step + _WRAP // 2) % _WRAP - _WRAP // 2
    found = np.concatenate((raw[:1], raw[0] + np.cumsum(step)))
    if int(np.abs(found).max()) > _LONGEST_MS:
        return raw  # no clock
    begins = np.flatnonzero(np.diff(segment)) + 1
    for low, high in zip(begins, [*begins[1:], len(raw)], strict=False):
        found[low:high] += raw[low] - found[low]
    return found


def _align(tracks: list[Track]) -> None:
    """Put the tracks of a stream on the same turn of the clock: one may begin after a wrap."""
    first: dict[tuple[int, int, int], int] = {}
    for track in tracks:
        dts = track.frames.dts_ms
        if len(dts):
            base = first.setdefault((track.connection, track.direction, track.msid), int(dts[0]))
            dts += round((base - int(dts[0])) / _WRAP) * _WRAP
