"""Chunk stream ids, extended timestamps and deltas (CHK rules about chunk headers)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.model import DIRECTIONS
from analyzer.rules.chunk_stream import flagged
from analyzer.rules.rule import Evidence, Outcome, Rule
from dissectors import spec
from dissectors.chunk_state import Flag
from dissectors.dissect import MESSAGE_TYPES

if TYPE_CHECKING:
    from analyzer.rules.scope import Rows, Scope

_HALF: Final = 1 << 31
SAMPLE: Final = 200
"""Chunk headers read from the capture per direction; extended timestamps in deltas are rare."""
NEAR: Final = 1000
"""Messages back in which the one before on a chunk stream is looked for."""
PAUSE_MS: Final = 1000
_CONTROL: Final = tuple(range(1, 7))
_NAMED: Final = 8
"""Types that a sentence names."""


def extended_omitted(scope: Scope) -> Iterator[Outcome]:
    """CHK-05: the extended timestamp is missing on fmt 3 chunks."""
    for direction, rows in flagged(scope, Flag.EXTENDED_OMITTED):
        everything = scope.rows(direction)
        extended = scope.column("flags", everything) & Flag.EXTENDED != 0
        several = scope.column("chunks", everything) > 1
        mixed = int(np.count_nonzero(extended & several)) > len(rows)
        yield Evidence(
            f"fmt 3 chunks lack the extended timestamp{', but not all' if mixed else ''}",
            rows,
            expected="the four bytes of the message header again",
            actual="none",
            track=DIRECTIONS[direction],
        )


def _first_fmt3(scope: Scope, row: int) -> tuple[int, int] | None:
    """Return (extended timestamp of the message header, four bytes behind its first fmt 3)."""
    spans = scope.session.chunk_spans(row)
    if len(spans) < 2:
        return None
    header = scope.session.header_bytes(row)
    basic = 1 if scope.value(row, "csid") < 64 else 2 if scope.value(row, "csid") < 320 else 3
    connection, direction = scope.connection.index, scope.value(row, "direction")
    where = spans[1].stream_offset + basic
    raw = scope.session.stream(connection, direction, where, 4)
    return int.from_bytes(header[-4:], "big"), int.from_bytes(raw, "big")


def extended_differs(scope: Scope) -> Iterator[Outcome]:
    """CHK-06: fmt 3 carries another extended timestamp than its message header."""
    for direction in (0, 1):
        rows = _extended(scope, direction)
        omitted = scope.column("flags", rows) & Flag.EXTENDED_OMITTED != 0
        several = (scope.column("chunks", rows) > 1) & (scope.column("fmt", rows) < 3)
        odd: list[int] = []
        example = (0, 0)
        for row in rows[several & ~omitted][:SAMPLE].tolist():
            pair = _first_fmt3(scope, row)
            if pair is not None and pair[0] != pair[1]:
                example = example if odd else pair
                odd.append(row)
        if odd:
            expected, actual = example
            absolute = scope.value(odd[0], "timestamp")
            names = {0: "zero", absolute: "the absolute timestamp"}
            names[absolute & 0x7FFFFFFF] = "the timestamp in 31 bits"
            yield Evidence(
                f"fmt 3 carries {names.get(actual, 'another value')} as extended timestamp",
                odd,
                expected=str(expected),
                actual=str(actual),
                track=DIRECTIONS[direction],
            )


def _extended(scope: Scope, direction: int) -> Rows:
    rows = scope.rows(direction)
    key = ("extended timestamps", scope.connection.index, direction)
    return scope.shared.once(key, lambda: rows[scope.column("flags", rows) & Flag.EXTENDED != 0])


def _deltas(scope: Scope, direction: int) -> tuple[Rows, Rows, Rows]:
    """Return messages of fmt 1 and 2 with an extended timestamp: rows, deltas, rows before."""
    rows = _extended(scope, direction)
    if len(rows):
        rows = rows[np.isin(scope.column("fmt", rows), (1, 2))][:SAMPLE]
    if not len(rows):
        return rows, rows, rows
    heads = [scope.session.header_bytes(int(row))[-4:] for row in rows]
    values = np.array([int.from_bytes(head, "big") for head in heads], np.int64)
    everything = scope.rows(direction)
    csids = scope.column("csid", everything)
    before = []
    for row, place in zip(rows.tolist(), np.searchsorted(everything, rows).tolist(), strict=True):
        near = slice(max(place - NEAR, 0), place)
        same = everything[near][csids[near] == scope.value(row, "csid")]
        before.append(int(same[-1]) if len(same) else -1)
    return rows, values, np.array(before, np.int64)


def absolute_delta(scope: Scope) -> Iterator[Outcome]:
    """CHK-07: the extended field of fmt 1 or 2 holds the absolute time instead of a delta."""
    for direction in (0, 1):
        rows, values, before = _deltas(scope, direction)
        rows, values, before = (column[before >= 0] for column in (rows, values, before))
        if not len(rows):
            continue
        # The reader added the value to the time before, so that time follows from the row's.
        last = (scope.column("timestamp", rows).astype(np.int64) - values) & 0xFFFFFFFF
        wall = (scope.column("time_ns", rows) - scope.column("time_ns", before)) / 1e6
        absolute = np.abs(values - last - wall) < np.abs(values - wall)
        wrong = absolute & (last >= spec.EXTENDED_TIMESTAMP) & (values < last + _HALF)
        wrong &= values - last >= 0
        if wrong.any():
            yield Evidence(
                "fmt 1 or 2 carries the absolute time where a delta belongs",
                rows[wrong],
                expected=f"a delta of about {wall[wrong][0]:.0f}",
                actual=str(int(values[wrong][0])),
                track=DIRECTIONS[direction],
            )


def negative_delta(scope: Scope) -> Iterator[Outcome]:
    """CHK-12: a step back, written as a delta near 2^32."""
    for direction in (0, 1):
        rows, values, _ = _deltas(scope, direction)
        wrong = values >= _HALF
        if wrong.any():
            yield Evidence(
                f"a step back of {2 * _HALF - int(values[wrong][0])} ms, written as a delta near "
                "2^32",
                rows[wrong],
                expected="fmt 0 with the absolute time",
                actual=str(int(values[wrong][0]) - 2 * _HALF),
                track=DIRECTIONS[direction],
            )


def high_csid(scope: Scope) -> Iterator[Outcome]:
    """CHK-10: chunk stream ids that peers refuse, control messages elsewhere, tracks mixed."""
    for direction in (0, 1):
        rows = scope.rows(direction)
        csids, types = scope.column("csid", rows), scope.column("type_id", rows)
        high = csids > scope.parameters["csid"]
        name = DIRECTIONS[direction]
        if high.any():
            yield Evidence(
                f"chunk stream id {int(csids[high][0])}; nginx-rtmp knows 32 of them, MediaMTX 64",
                rows[high],
                expected=f"at most {scope.parameters['csid']:g}",
                actual=str(int(csids[high].max())),
                track=f"{name} id",
            )
        control = np.isin(types, _CONTROL)
        astray = control & ((csids != spec.CONTROL_CSID) | (scope.column("msid", rows) != 0))
        if astray.any():
            row = int(rows[astray][0])
            yield Evidence(
                f"{scope.session.type_name(row)} on chunk stream {scope.value(row, 'csid')}, "
                f"message stream {scope.value(row, 'msid')}",
                rows[astray],
                expected="chunk stream 2, message stream 0",
                track=f"{name} control",
            )
        sounds, pictures = csids[types == spec.AUDIO], csids[types == spec.VIDEO]
        shared = np.intersect1d(sounds, pictures) if len(sounds) and len(pictures) else sounds[:0]
        if len(shared):
            both = np.isin(types, (spec.AUDIO, spec.VIDEO)) & (csids == shared[0])
            yield Evidence(
                f"audio and video share chunk stream {int(shared[0])}",
                rows[both],
                expected="one each",
                severity="note",
                track=f"{name} media",
            )


def _by_csid(scope: Scope, rows: Rows) -> Iterator[tuple[int, Rows]]:
    """Yield chunk streams with both fmt 3 and other messages: a flood has too many of others."""
    if not len(rows):
        return
    csids = scope.column("csid", rows)
    order = np.argsort(csids, kind="stable")
    found, starts = np.unique(csids[order], return_index=True)
    fmt3 = (scope.column("fmt", rows)[order] == 3).astype(np.int64)
    again = np.add.reduceat(fmt3, starts)
    ends = np.append(starts[1:], len(rows))
    for number in np.flatnonzero((again > 0) & (again < ends - starts)).tolist():
        yield int(found[number]), rows[order[starts[number] : ends[number]]]


def reused_delta(scope: Scope) -> Iterator[Outcome]:
    """CHK-11: fmt 3 repeats a delta that is not the true distance of the messages."""
    limits = scope.parameters
    for direction in (0, 1):
        for csid, rows in _by_csid(scope, scope.media(direction)):
            step = np.diff(scope.column("timestamp", rows).astype(np.int64))
            wall = np.diff(scope.column("time_ns", rows)) / 1e6
            going = wall <= PAUSE_MS  # what was paused says nothing about deltas
            rows, step, wall = rows[np.append(True, going)], step[going], wall[going]
            again = scope.column("fmt", rows)[1:] == 3
            if wall[again].sum() < limits["seconds"] * 1000 or not (~again).any():
                continue
            drift = float(step[again].sum() / wall[again].sum())
            other = float(step[~again].sum() / max(wall[~again].sum(), 1e-6))
            if abs(drift - 1) > limits["percent"] / 100 and abs(other - 1) < 0.05:
                yield Evidence(
                    f"messages that begin with fmt 3 pass {drift:.2f} s of media per second, the "
                    f"others of chunk stream {csid} {other:.2f}",
                    rows[1:][again],
                    expected="1",
                    actual=f"{drift:.2f}",
                    track=f"{DIRECTIONS[direction]} {csid}",
                )


def unknown_type(scope: Scope) -> Iterator[Outcome]:
    """CHK-14: whole messages of a type that no specification names."""
    for direction in (0, 1):
        rows = scope.whole(scope.rows(direction))
        types = scope.column("type_id", rows)
        strange = ~np.isin(types, list(MESSAGE_TYPES))
        if strange.any():
            names = sorted({int(number) for number in types[strange]})
            yield Evidence(
                f"message type {', '.join(map(str, names[:_NAMED]))}, which no specification names",
                rows[strange],
                expected="1 to 6, 8, 9, 15 to 20, 22",
                actual=str(names[0]),
                track=DIRECTIONS[direction],
            )


RULES: Final = (
    Rule(
        "CHK-05",
        "Extended timestamp missing on fmt 3",
        "error",
        "definite",
        extended_omitted,
        section="RTMP 1.0 §5.3.1.3",
        help="Old librtmp and OBS before January 2024 do this; most receivers lose the stream "
        "4 h 40 min after its start. Update the sender.",
        blame="sender",
    ),
    Rule(
        "CHK-06",
        "Extended timestamp differs on fmt 3",
        "warning",
        "definite",
        extended_differs,
        section="RTMP 1.0 §5.3.1.3",
        help="fmt 3 repeats the value of the message header; receivers that compare lose the "
        "stream.",
        blame="sender",
    ),
    Rule(
        "CHK-07",
        "Absolute time instead of a delta",
        "warning",
        "likely",
        absolute_delta,
        section="RTMP 1.0 §5.3.1.3",
        help="The extended field of fmt 1 and 2 is a delta, like the field it replaces.",
        blame="sender",
    ),
    Rule(
        "CHK-10",
        "Chunk stream ids",
        "warning",
        "definite",
        high_csid,
        section="RTMP 1.0 §5.3.1.1, §5.4",
        help="Keep to chunk stream ids 2 to 63, protocol control on 2, a chunk stream per track.",
        blame="sender",
        parameters={"csid": 63},
    ),
    Rule(
        "CHK-11",
        "Delta repeated wrongly by fmt 3",
        "note",
        "heuristic",
        reused_delta,
        section="RTMP 1.0 §5.3.1.2.4",
        help="A message whose distance differs needs fmt 2 or less.",
        blame="sender",
        parameters={"seconds": 10, "percent": 20},
    ),
    Rule(
        "CHK-12",
        "Step back as a wrapped delta",
        "error",
        "definite",
        negative_delta,
        section="RTMP 1.0 §5.3.1.2",
        help="Timestamps must not go back; where they do, only fmt 0 can say so.",
        blame="sender",
    ),
    Rule(
        "CHK-14",
        "Unknown message type",
        "note",
        "definite",
        unknown_type,
        section="RTMP 1.0 §5.4, §7.1",
        help="A product's own extension (servers of one kind use 7 among themselves), or a sender "
        "that has lost its place. Receivers ignore such messages or close.",
        blame="sender",
    ),
)
