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
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from analyzer import memory
from analyzer.exchanges import command_rows
from analyzer.index import BLOCK, Array
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
from analyzer.metrics.track import (
    BULKY_OF_FRAMES,
    FrameRate,
    Frames,
    Gops,
    Track,
)
from analyzer.metrics.windows import Windows, compact
from dissectors import spec

if TYPE_CHECKING:
    from analyzer.index import MessageTable
    from analyzer.lookup import Lookup

__all__ = [
    "STAGES", "ConnectionMetrics", "FrameRate", "Frames", "Gops", "Metadata", "Metrics", "Skew",
    "Stage", "Starvation", "Stream", "Track", "Windows",
]  # fmt: skip

_KINDS = {spec.VIDEO: "video", spec.AUDIO: "audio"}
MANY = 100_000
"""Frames of which what is made on the way takes some MB."""
MAX_STREAMS = 64
"""Message streams measured per connection; ids are 32 bits wide, and hostile ones all differ."""
MAX_TRACKS = 256
"""Tracks measured per connection."""
MAX_CONFIGURATIONS = 5000
"""Configurations read per session, divided among its tracks."""
MAX_METADATA = 1 << 18
"""Bytes of metadata decoded per session; an onMetaData has about 500, a hostile one costs 6 µs
for each."""
_FEW = 8
"""Kinds up to which looking for each takes less memory than sorting."""
_WRAP = 1 << 32
_LONGEST_MS = 1 << 42
"""139 years; nanoseconds of it fit 63 bits."""


class ConnectionMetrics:
    """What was measured on one connection."""

    def __init__(self, common: Common, index: int, tracks: list[Track]) -> None:
        self._common, self._index = common, index
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
        common = self._common
        rows = common.metadata_rows(self._index)
        length = common.session.messages.column("length")[rows].astype(np.int64)
        decoded = np.cumsum(length) <= common.metadata_budget
        common.metadata_budget -= int(length[decoded].sum())
        return metadata(common.session, rows, decoded)

    @cached_property
    def left_out(self) -> int:
        """Media messages that were not measured: a limit was passed."""
        rows = self._common.left_out
        owner = self._common.session.messages.column("connection")[rows]
        return int(np.count_nonzero(owner == self._index))

    @cached_property
    def startup(self) -> list[Stage]:
        """The stages that were reached."""
        session = self._common.session
        rows = self._common.metadata_rows(self._index).tolist()
        owner = session.connections[self._index]
        return startup(session, owner, self._common.command_rows, rows, self.streams)


class Common:
    """What all connections share; it does not lead back to them, so that they go when unused."""

    def __init__(self, session: Lookup, left_out: Array) -> None:
        self.session = session
        self.left_out = left_out
        """Rows of media messages that were not measured: a limit was passed."""
        self.metadata_budget = MAX_METADATA

    @cached_property
    def command_rows(self) -> dict[tuple[int, int, int], int]:
        return command_rows(self.session.messages)

    @cached_property
    def _metadata(self) -> tuple[Array, Array]:
        rows = metadata_rows(self.session)
        return rows, self.session.messages.column("connection")[rows]

    def metadata_rows(self, connection: int) -> Array:
        """Return the rows of a connection's onMetaData messages."""
        rows, owner = self._metadata
        return np.asarray(rows[owner == connection])


class Metrics:
    """The statistics of a session; `Lookup.metrics` keeps them."""

    def __init__(self, session: Lookup) -> None:
        self.session = session
        columns, timestamps = gather(session)
        self.columns: MediaColumns = columns
        self.tracks, left_out = _tracks(session, columns, timestamps)
        """By connection, direction, message stream, kind and track id."""
        self._common = Common(session, np.concatenate((self.columns.left_out, left_out)))
        self._trim()

    def _trim(self) -> None:
        """Have the system take back what lies between arrays in use, where that is much."""
        if len(self.columns.row) >= MANY:
            memory.give_back()

    def relax(self) -> None:
        """Give up what has a value per frame and can be computed again: 100 bytes of each."""
        if self.session.messages.endless:
            return  # frames keep the times of rows that are gone
        for track in self.tracks:
            track.relax()
            for name in BULKY_OF_FRAMES:
                vars(track.frames).pop(name, None)
        for connection in self.connections:
            for stream in connection.streams:
                for name in BULKY_OF_STREAM:
                    vars(stream).pop(name, None)
        self._trim()

    @cached_property
    def connections(self) -> list[ConnectionMetrics]:
        """By the index of the connection."""
        own: list[list[Track]] = [[] for _ in self.session.connections]
        for track in self.tracks:
            own[track.connection].append(track)
        common = self._common
        return [ConnectionMetrics(common, index, tracks) for index, tracks in enumerate(own)]

    def connection(self, index: int) -> ConnectionMetrics:
        """Return what was measured on connection `index`."""
        return self.connections[index]


def _tracks(session: Lookup, columns: MediaColumns, timestamps: Array) -> tuple[list[Track], Array]:
    """Divide the frames and configurations by track; also return the rows of tracks too many."""
    table, headers = session.messages, columns.headers
    useful = np.flatnonzero((headers.role == FRAME) | (headers.role == CONFIG)).astype(np.uint32)
    if not len(useful):
        return [], np.zeros(0, np.int64)
    which = columns.kind[useful].astype(np.uint16) << np.uint16(8)
    which |= headers.track[useful]
    groups, rest = _groups(_places(table, columns.row[useful]), which)
    cuts = boundaries(session)
    tracks: list[Track] = []
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
        track = _track(session, columns, timestamps, entry, key, cuts.get(key[:2]))
        track.read = partial(configurations, session, key[3], key[4], track.config_rows[:read])
        if table.endless:
            _ = track.configurations  # the rows may be gone when somebody asks
        tracks.append(track)
    tracks.sort(key=lambda t: (t.connection, t.direction, t.msid, t.kind != "video", t.track_id))
    _align(tracks)
    return tracks, columns.row[useful[np.concatenate(rest)]]


def _places(table: MessageTable, row: Array) -> Array:
    """Return a number for connection, direction and message stream of each row."""
    place = table.column("connection")[row].astype(np.int64)
    place <<= 1
    place |= table.column("direction")[row]
    place <<= 32
    place |= table.column("msid")[row]
    return place


def _groups(place: Array, which: Array) -> tuple[list[Array], list[Array]]:
    """Return the positions of each distinct pair, ascending, and those beyond the limits."""
    groups: list[Array] = []
    blocks = range(0, len(place), BLOCK)  # the whole is sorted nowhere: that takes as much again
    found = np.unique(np.concatenate([np.unique(place[low : low + BLOCK]) for low in blocks]))
    owner = found >> 33
    kept = np.arange(len(owner)) - np.searchsorted(owner, owner) < MAX_STREAMS
    if bool(kept.all()):
        parts, rest = _equal(place, np.arange(len(place), dtype=np.uint32)), [place[:0]]
    else:
        order = np.argsort(place, kind="stable")
        bounds = np.append(np.searchsorted(place[order], found), len(order))
        chosen = np.flatnonzero(kept)
        parts = [order[bounds[at] : bounds[at + 1]] for at in chosen]
        rest = [order[np.repeat(~kept, np.diff(bounds))]]
    tracks: Counter[int] = Counter()
    for part in parts:
        for group in _equal(which[part], part):
            number = int(place[group[0]]) >> 33
            tracks[number] += 1
            (groups if tracks[number] <= MAX_TRACKS else rest).append(group)
    return groups, rest


def _equal(key: Array, positions: Array) -> list[Array]:
    """Divide `positions` by their keys, in the order of these."""
    if bool((key == key[0]).all()):
        return [positions]
    found = np.unique(key)
    if len(found) <= _FEW:
        return [positions[key == value] for value in found]
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    return np.split(positions[order], cuts)


def _track(
    session: Lookup,
    columns: MediaColumns,
    timestamps: Array,
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
        segment += np.searchsorted(cuts, table.column("end_offset")[row]).astype(np.int32)
    dts = unwrapped(timestamps[entry], segment)
    frames = Frames(columns, entry, dts, compact(segment), compact(unsure))
    if table.endless:
        _ = frames.time_ns  # the rows may be gone when somebody asks
    return Track(key, frames, columns.row[configs], configs)


def unwrapped(timestamp: Array, segment: Array) -> Array:
    """Return timestamps without their wraps: each step is the shortest way on the circle of 2^32;
    a new segment begins with the timestamp as it is."""
    if not len(timestamp):
        return np.zeros(0, np.int64)
    raw = timestamp.astype(np.int64)
    step = np.diff(raw)
    if max(int(step.max(initial=0)), -int(step.min(initial=0))) <= _WRAP // 2:
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
