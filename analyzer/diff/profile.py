"""What one connection said, stage by stage, in a form that another run would repeat."""

from __future__ import annotations

from hashlib import blake2b
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from analyzer.diff.normal import Normal
from analyzer.diff.told import MAX_LINES, Told
from analyzer.metrics import report
from dissectors import spec
from dissectors.chunk_state import Flag
from dissectors.messages.media_config import records

if TYPE_CHECKING:
    from analyzer.index import Array
    from analyzer.metrics import ConnectionMetrics
    from analyzer.model import Connection
    from analyzer.session import Session

MAX_CONFIGURATIONS: Final = 16
"""Different ones in a row, compared per track."""
LEAST_FRAMES: Final = 25
"""Fewer tell nothing of a share of frames."""
SIDES: Final = ("client", "server")
_HANDSHAKE: Final = (
    "version kind client_version server_version c2_echoes_s1 s2_echoes_c1 c2_signed s2_signed"
).split()


class Measure(NamedTuple):
    """A number that two runs never repeat exactly."""

    value: int
    unit: str
    ratio: float
    """How many times the other's it may be."""
    least: int
    """A smaller difference means nothing."""

    def near(self, other: Measure) -> bool:
        low, high = sorted((self.value, other.value))
        return high - low <= self.least or high <= low * self.ratio

    def __str__(self) -> str:
        return f"{self.value} {self.unit}"


Value = str | Measure
Stage = dict[str, Value] | list[str]


class Profile(NamedTuple):
    """A connection, ready to be compared."""

    id: str
    role: str
    app: str
    holes: list[str]
    """What the capture lacks of it."""
    stages: dict[str, Stage]


def profile(session: Session, connection: Connection, rows: Array, normal: Normal) -> Profile:
    """Return the profile of a connection; `rows` are its messages in the order of arrival."""
    told = Told(session, rows, normal)
    stages: dict[str, Stage] = {
        "handshake": _handshake(connection),
        "connect": {**told.connect()},
        "connect reply": {**told.connect_reply()},
    }
    for direction, side in enumerate(SIDES):
        mine = rows[session.messages.column("direction")[rows] == direction]
        heard = told.by(direction)
        stages[f"{side} messages"] = told.messages(heard)
        stages[f"{side} chunk streams"] = _chunk_streams(session, mine)
        stages[f"{side} acknowledgements"] = _acknowledgements(session, mine)
        stages[f"{side} metadata"] = {**told.metadata(heard)}
    measured = session.metrics.connection(connection.index)
    metrics = report.connection(measured)
    stages["media"] = _media(session, rows, metrics) | _configurations(session, measured)
    stages["timing"] = _timing(metrics)
    role = connection.role or "neither publish nor play"
    app = normal.text(connection.app or "")
    return Profile(connection.id, role, app, _holes(connection), stages)


def _holes(connection: Connection) -> list[str]:
    """Say what the capture lacks: differences may come from that."""
    found = []
    if not connection.from_start:
        found.append("its beginning was not captured")
    if not connection.both_directions:
        found.append("only one direction was captured")
    missing = sum(each.gaps.missing() for each in connection.tcp_connection.directions)
    if missing:
        found.append(f"{missing} bytes are missing")
    return found


def _handshake(connection: Connection) -> Stage:
    found = connection.handshake
    if found is None or not all(half.handshake_complete for half in connection.rtmp.halves):
        return {}
    said: dict[str, Value] = {
        name: str(found[name]) for name in _HANDSHAKE if found.get(name) is not None
    }
    for side, digest in (found.get("digest") or {}).items():
        said[f"{side} digest schema"] = str(digest["schema"]) if digest else "none"
    return said


def _chunk_streams(session: Session, rows: Array) -> Stage:
    """Which chunk stream carries which type, and the forms of header there."""
    table = session.messages
    found: dict[str, Value] = {}
    rows = rows[table.column("flags")[rows] & Flag.INFERRED_MSID == 0]
    kinds = table.column("type_id")[rows]
    for kind in np.unique(kinds).tolist():
        mine = rows[kinds == kind]
        csids = _listed(np.unique(table.column("csid")[mine]))
        msids = _listed(np.unique(table.column("msid")[mine]))
        extended = bool((table.column("flags")[mine] & Flag.EXTENDED).any())
        text = f"csid {csids}, msid {msids}" + (", extended timestamps" if extended else "")
        found[session.type_name(int(mine[0]))] = text
    return found


def _listed(values: Array) -> str:
    shown = ", ".join(str(value) for value in values[:16].tolist())
    return shown + (", …" if len(values) > 16 else "")


def _acknowledgements(session: Session, rows: Array) -> Stage:
    """How often this side acknowledges what it has read (RTMP 1.0 §5.4.3)."""
    kinds = session.messages.column("type_id")[rows]
    values = []
    for row in rows[kinds == spec.ACKNOWLEDGEMENT][:MAX_LINES].tolist():
        found = session.summary(row)
        number = found[1].get("sequence_number") if found else None
        if isinstance(number, int):
            values.append(number)
    steps = sorted(later - earlier & 0xFFFFFFFF for earlier, later in pairwise(values))
    if not steps:
        return {}
    return {"bytes between two": Measure(steps[len(steps) // 2], "bytes", 1.5, 100_000)}


def _media(session: Session, rows: Array, metrics: dict[str, Any]) -> dict[str, Value]:
    """Codecs and what their first configurations say, and the forms of headers."""
    found: dict[str, Value] = {}
    for stream in metrics["streams"]:
        for track in stream["tracks"]:
            where = _track_name(stream, track)
            names = ("codec", "profile", "level", "width", "height", "sample_rate", "channels")
            for name in names:
                if track[name] is not None:
                    found[f"{where}: {name}"] = str(track[name])
            if track["frames"]:
                reordered = "yes" if track["reordered_frames"] else "no"
                found[f"{where}: frames reordered"] = reordered
    found.update(_headers(session, rows))
    return found


def _track_name(stream: dict[str, Any], track: dict[str, Any]) -> str:
    return _named(_side(stream), track["kind"], track["track_id"])


def _side(stream: dict[str, Any]) -> str:
    return SIDES[0] if stream["direction"] == "c2s" else SIDES[1]


def _named(side: str, kind: str, track_id: int) -> str:
    return f"{side} {kind}" + (f" track {track_id}" if track_id else "")


def _configurations(session: Session, measured: ConnectionMetrics) -> dict[str, Value]:
    """The configurations of each track as hashes, in order; one that is only repeated counts
    once, however long the run was."""
    records_of: dict[str, list[bytes]] = {}
    for stream in measured.streams:
        for track in stream.tracks:
            name = _named(SIDES[track.direction], track.kind, track.track_id)
            records_of.setdefault(name, []).extend(
                each.record
                for each in track.configurations
                if each.record and not session.body(each.row).missing
            )
    found: dict[str, Value] = {}
    for name, every in records_of.items():
        changes = [record for record, _ in groupby(every)]
        for number, record in enumerate(changes[:MAX_CONFIGURATIONS], 1):
            key = "configuration" if number == 1 else f"configuration {number}"
            digest = blake2b(record, digest_size=4).hexdigest()
            found[f"{name}: {key}"] = f"{len(record)} bytes, hash {digest}"
    return found


def _headers(session: Session, rows: Array) -> dict[str, Value]:
    """The form of the header of each track's configurations."""
    found: dict[str, Value] = {}
    for kind, wanted in (("audio", spec.AUDIO), ("video", spec.VIDEO)):
        chosen = rows[session.messages.column("type_id")[rows] == wanted]
        for row in chosen[:MAX_LINES].tolist():
            body = session.body(row)
            if body.missing:
                continue
            side = SIDES[session.value(row, "direction")]
            for track, _, _ in records(wanted, wanted, body.data):
                name = _named(side, kind, track)
                enhanced = body.data[0] >> 4 == 9 if kind == "audio" else body.data[0] & 0x80
                found.setdefault(f"{name}: header", "Enhanced RTMP" if enhanced else "FLV")
    return found


def _timing(metrics: dict[str, Any]) -> Stage:
    found: dict[str, Value] = {}
    previous = None
    for name, time in metrics["startup_ns"].items():
        if time is None:
            continue
        if previous is not None:
            step = max(time - previous, 0) // 1_000_000
            found[f"wait for {name.replace('_', ' ')}"] = Measure(step, "ms", 4.0, 500)
        previous = time if previous is None else max(previous, time)
    for stream in metrics["streams"]:
        skew = stream["av_skew"]
        if skew is not None:
            where = f"{_side(stream)} A/V skew"
            found[f"{where}: mean"] = Measure(skew["mean_ms"], "ms", 1.0, 200)
            found[f"{where}: largest"] = Measure(skew["max_ms"], "ms", 1.5, 500)
        for track in stream["tracks"]:
            if track["frames"]:
                found.update(_timestamps(_track_name(stream, track), track))
            if (track["duration_ms"] or 0) >= 1000:
                found.update(_rates(_track_name(stream, track), track))
    return found


def _timestamps(where: str, track: dict[str, Any]) -> dict[str, Value]:
    """How timestamps go, and how far presentation stands from decoding (FLV 10.1 §E.4.3.1)."""
    least, largest = track["composition_time_ms"] or (0, 0)
    found: dict[str, Value] = {
        f"{where}: composition time below zero": Measure(min(least, 0), "ms", 1.5, 10),
        f"{where}: largest composition time": Measure(max(largest, 0), "ms", 1.5, 100),
        f"{where}: timestamps that go back": Measure(track["backward_steps"], "frames", 2.0, 0),
    }
    if track["frames"] >= LEAST_FRAMES:
        share = track["repeated_timestamps"] * 1000 // track["frames"]
        found[f"{where}: repeated timestamps"] = Measure(share, "‰ of frames", 1.5, 20)
    return found


def _rates(where: str, track: dict[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    rate, bits, gop = track["frame_rate"], track["bitrate"]["mean_bit_s"], track["gop"]
    if rate is not None and rate["nominal_millihertz"]:
        nominal = rate["nominal_millihertz"]
        found[f"{where}: frame rate"] = Measure(nominal, "mHz", 1.02, 100)
    if bits:
        found[f"{where}: bit rate"] = Measure(bits, "bit/s", 1.3, 8_000)
    if gop is not None and gop["count"] > 2 and gop["max_ms"]:
        found[f"{where}: longest GOP"] = Measure(gop["max_ms"], "ms", 1.2, 100)
    return found
