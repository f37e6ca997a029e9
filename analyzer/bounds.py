"""Bounds of the index, and what was capped anywhere: `limits_hit` of the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from dissectors.budget import Budget
from dissectors.chunk_state import Flag, MessageRow
from dissectors.spec import AGGREGATE

if TYPE_CHECKING:
    from analyzer.model import Connection
    from analyzer.session import Session
    from analyzer.tcp import TcpDirection
    from dissectors.context import Context
    from dissectors.fields import Field

FREE_ROWS: Final = 200_000
"""Message rows kept whatever the capture's size, at most 99 bytes each."""
BYTES_PER_ROW: Final = 32
"""Stream bytes that pay for one more row: no real stream has so small messages on average."""
FREE_RUNS: Final = 1 << 20
"""Runs kept whatever the capture's size, at most 21 bytes each."""
BYTES_PER_RUN: Final = 512
"""Stream bytes that pay for one more run; only interleaved chunks need more than one a message."""
FREE_FIELDS: Final = 120_000
"""Fields of commands, data, shared objects and aggregates decoded for one output whatever the
capture's size, about 7 µs each; beyond, long bodies are decoded sparingly."""
BYTES_PER_FIELD: Final = 64
"""Stream bytes that pay for one more."""
MAX_CONNECTIONS: Final = 4_000
"""RTMP connections kept, some 20 kB each with handshake and commands."""

LIMITS: Final = {
    "ac3_frames": "more in a message than MAX_FRAMES (dissectors/codecs/ac3.py)",
    "amf_depth": "AMF values nested deeper than MAX_AMF_DEPTH (dissectors/spec.py)",
    "amf_expansion": "references repeat more than MAX_AMF_EXPANSION (dissectors/amf.py)",
    "amf_values": "a message with more than MAX_AMF_NODES values (dissectors/spec.py)",
    "body_details": "bodies written with fewer values: FREE_FIELDS",
    "chunk_sizes": "more changes than MAX_CHUNK_SIZES (dissectors/assembly.py)",
    "codec_configurations": "more than MAX_CONFIGS of a connection (dissectors/connection.py)",
    "command_values": "commands not decoded for state: FREE_VALUES (dissectors/budget.py)",
    "commands": "commands of a connection not kept: MAX_COMMANDS (dissectors/connection.py)",
    "connections": "RTMP connections left out: MAX_CONNECTIONS",
    "encapsulation": "packets with more layers than MAX_LAYERS (analyzer/link/names.py)",
    "flows": "segments of flows beyond MAX_FLOWS, EAGER_FLOWS (analyzer/link/model.py)",
    "fragments": "IP datagrams given up (analyzer/link/fragments.py)",
    "half_open": "handshakes forgotten: MAX_HALF_OPEN (analyzer/tcp/limits.py)",
    "body_values": "bodies that rules did not look at: FREE_VALUES (dissectors/budget.py)",
    "held_bytes": "bodies not held: MAX_HELD_BYTES, MAX_HELD_TOTAL (dissectors)",
    "input": "input not read, by size, compression ratio or number of keys (analyzer/sources)",
    "interfaces": "interfaces beyond MAX_INTERFACES of a section (analyzer/sources/pcapng.py)",
    "judged_connections": "connections not judged: FREE_JUDGEMENTS (analyzer/rules/scope.py)",
    "live_connections": "idle connections closed: MAX_LIVE (analyzer/tcp/limits.py)",
    "malformed_commands": "more than MAX_FAULTS of a connection (dissectors/connection.py)",
    "message_rows": "messages not listed: FREE_ROWS, BYTES_PER_ROW",
    "message_runs": "pieces of a message not listed: MAX_RUNS, MAX_OPEN_RUNS (dissectors)",
    "modex": "more entries than MAX_MODEX (dissectors/messages/media_head.py)",
    "nal_units": "more in a frame than MAX_NAL_UNITS (dissectors/codecs/nal.py)",
    "obus": "more in a frame than MAX_OBUS (dissectors/codecs/av1.py)",
    "open_messages": "more under way than MAX_OPEN_MESSAGES (dissectors/assembly.py)",
    "parameter_sets": "more than MAX_PARAMETER_SETS, or MAX_ARRAYS of them (dissectors/codecs)",
    "record_size": "a record or block larger than any capture's (analyzer/sources)",
    "reader_events": "more than MAX_EVENTS of a direction (dissectors/assembly.py)",
    "runs": "pieces of messages not listed: FREE_RUNS, BYTES_PER_RUN",
    "search_budget": "searches cut short: FREE_EFFORT (dissectors/budget.py), MAX_CANDIDATES,"
    " FREE_HOLES (analyzer/tcp/limits.py)",
    "sei_messages": "more in a NAL unit than MAX_SEI_MESSAGES (dissectors/codecs/sei.py)",
    "sequence_distance": "segments ignored: MAX_DISTANCE (analyzer/tcp/limits.py)",
    "shared_object_events": "more than MAX_EVENTS (dissectors/messages/shared_object.py)",
    "small_connections": "connections not opened: FREE_OPENINGS (analyzer/tcp/limits.py)",
    "sub_messages": "more than MAX_SUB_MESSAGES or their fields (dissectors/messages)",
    "tcp_buffers": "holes not waited for, bytes not compared: limits in analyzer/tcp/limits.py",
    "tracks": "more in a message than MAX_TRACKS, MAX_TRACK_FIELDS (dissectors/messages)",
}
"""Name in `limits_hit` → what it means and where its constant stands.

Of bodies those count that were decoded: for JSON all but coded frames, with `--detail fields` and
`bytes` these too, for the text summary those that rules look at.
"""

_RUNS: Final = attrgetter("runs")
_IN_BODIES: Final = {
    "max_amf_depth": "amf_depth",
    "max_amf_expansion": "amf_expansion",
    "max_amf_nodes": "amf_values",
    "max_events": "shared_object_events",
    "max_sub_fields": "sub_messages",
    "max_sub_messages": "sub_messages",
}
"""The value of the field that shows where decoding of a body stopped → the limit."""
_NOTED: Final = {
    "limit_ac3_frames": "ac3_frames",
    "limit_arrays": "parameter_sets",
    "limit_modex": "modex",
    "limit_nal_units": "nal_units",
    "limit_obus": "obus",
    "limit_parameter_sets": "parameter_sets",
    "limit_sei_messages": "sei_messages",
    "limit_tracks": "tracks",
}
"""The note at what is not listed of an audio or video body → the limit."""
_OF_INPUT: Final = {
    "bad_block_length": "record_size",
    "decompression_bomb": "input",
    "input_limit": "input",
    "oversized_record": "record_size",
    "too_many_interfaces": "interfaces",
    "too_many_secrets": "input",
}
"""Problem of a capture file → the limit."""
SMALLEST_CUT: Final = 64
"""Bytes of a body that can hit a limit: one value needs at least one."""
SMALLEST_MEDIA: Final = 32
"""The same of audio and video."""


class Bounds:
    """Decides which rows are kept."""

    def __init__(self) -> None:
        self.budget = Budget()
        self.hit: set[str] = set()
        self.writing = False
        """An output of all messages is being written."""
        self._fields = 0

    def context(self, ctx: Context) -> Context:
        """Return what the next body with many values is decoded with."""
        most = FREE_FIELDS + self.budget.fed // BYTES_PER_FIELD
        sparing = self.writing and self._fields > most
        return replace(ctx, sparing=True) if sparing else ctx

    def of_body(self, body: Field, ctx: Context) -> set[str]:
        """Count what was decoded; name the limits that ended the decoding of a body."""
        if body.length < SMALLEST_CUT:
            return set()
        cuts = set()
        for node in body.walk():
            self._fields += self.writing
            if node.name == "truncated":
                cuts.add(_IN_BODIES[str(node.value)])
        cuts = cuts | {"body_details"} if cuts and ctx.sparing else cuts
        return cuts | of_media(body) if ctx.type_id == AGGREGATE else cuts

    def connection(self, session: Session) -> bool:
        """Whether one more RTMP connection is kept."""
        if len(session.connections) < MAX_CONNECTIONS:
            return True
        self.hit.add("connections")
        return False

    def hopeless(self, stream: TcpDirection) -> bool:
        """Whether a stream that showed no RTMP so far has more holes than are searched behind."""
        if not stream.hasty:
            return False
        self.hit.add("search_budget")
        return True

    def rows(self, kept: int, own: int, length: int, more: int) -> bool:
        """Whether `more` rows are kept: beside `kept` of the capture and `own` of a direction
        whose stream is `length` bytes long.
        """
        if kept + more <= FREE_ROWS + self.budget.fed // BYTES_PER_ROW:
            return True
        if own + more <= length // BYTES_PER_ROW:
            return True
        self.hit.add("message_rows")
        return False

    def trimmed(self, kept: int, rows: list[MessageRow]) -> list[MessageRow]:
        """Return the rows with as many runs as may be kept beside `kept`."""
        room = FREE_RUNS + self.budget.fed // BYTES_PER_RUN - kept - len(rows)
        if sum(map(len, map(_RUNS, rows))) - len(rows) <= max(room, 0):
            return rows
        self.hit.add("runs")
        return [_with_one_run(row) if len(row.runs) > 1 else row for row in rows]


def of_media(body: Field) -> set[str]:
    """Name the limits that left something of an audio or video body out."""
    if body.length < SMALLEST_MEDIA:
        return set()
    found = set()
    for node in body.walk():
        if node.name == "truncated":
            found.add(_IN_BODIES[str(node.value)])
        for expert in node.experts:
            if expert.code in _NOTED:
                found.add(_NOTED[expert.code])
    return found


def _with_one_run(row: MessageRow) -> MessageRow:
    flags = (row.flags | Flag.LIMITED | Flag.DAMAGED) & ~Flag.COMPLETE
    return row._replace(runs=row.runs[:1], received=row.runs[0].length, flags=flags)


def limits_hit(session: Session) -> list[str]:
    """Return the names of all limits that were hit, in alphabetical order."""
    found = set(_of_session(session))
    for connection in session.connections:
        found.update(_of_connection(connection))
    return sorted(found)


def _of_session(session: Session) -> Iterator[str]:
    yield from session.bounds.hit
    yield from session.bounds.budget.exhausted
    yield from session.limits_in_bodies
    tracker, counters = session.tracker, session.link.counters
    for name, count in (
        ("live_connections", tracker.evicted),
        ("small_connections", tracker.shed),
        ("half_open", tracker.forgotten_handshakes),
        ("tcp_buffers", tracker.overflows),
        ("flows", counters.unknown_flow),
        ("encapsulation", counters.too_deep),
        ("fragments", counters.incomplete),
        ("search_budget", session.bounds.budget.effort.cut),
    ):
        if count:
            yield name
    for problem in session.captures.problems:
        if problem.code in _OF_INPUT:
            yield _OF_INPUT[problem.code]


def _of_connection(connection: Connection) -> Iterator[str]:
    for name in connection.rtmp.limits:
        yield _IN_BODIES.get(name, name)
    for half in connection.rtmp.halves:
        if half.reader is not None:
            yield from half.reader.limits
    for direction in connection.tcp_connection.directions:
        if direction.stats.implausible:
            yield "sequence_distance"
