"""Does the network, or a receiver that does not read, hold the stream up? (NET rules)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.model import DIRECTIONS
from analyzer.rules.rule import (
    CLOSING,
    NOTHING,
    SIDES,
    Blame,
    Evidence,
    Inconclusive,
    Outcome,
    Rule,
    Severity,
)
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope
    from analyzer.tcp.segments import Event

_SECOND: Final = 1_000_000_000
_DOUBLED: Final = (1.6, 2.6)
"""A retransmission timer doubles (RFC 6298 §5.5); captured times are a little off."""


def zero_window(scope: Scope) -> Iterator[Outcome]:
    """NET-01: a receiver that does not read shuts its window."""
    start, limits = scope.session.capture_start_ns, scope.parameters
    for direction in (0, 1):
        stalls = []
        for stall in scope.tcp(1 - direction).stalls():
            end = stall.end_ns if stall.end_ns is not None else scope.end_ns + start
            if end - stall.start_ns > limits["short_ms"] * 1e6:
                stalls.append((stall, end - stall.start_ns))
        if not stalls:
            continue
        longest = max(length for _, length in stalls)
        bad = longest > limits["long_ms"] * 1e6 or len(stalls) > limits["events"]
        yield Evidence(
            f"the {SIDES[1 - direction]} did not read for {longest / 1e9:.1f} s: its receive "
            "window was zero",
            frame=stalls[0][0].frame,
            time_ns=stalls[0][0].start_ns - start,
            direction=direction,
            count=len(stalls),
            severity="error" if bad else "warning",
            expected=f"not longer than {limits['short_ms']:g} ms",
            actual=f"{longest // 1_000_000} ms",
            track=DIRECTIONS[direction],
        )


def retransmissions(scope: Scope) -> Iterator[Outcome]:
    """NET-02: much is sent again, or a segment needs several tries."""
    for direction in (0, 1):
        stream = scope.tcp(direction)
        again = list(stream.events.of("retransmission"))
        if not again:
            continue
        stall = _backoff(scope, direction, [event.time_ns for event in again])
        if stall is not None:
            index, waited = stall
            yield Evidence(
                f"nothing passed from the {SIDES[direction]} for {waited / 1e9:.1f} s: one segment "
                "was sent again and again",
                frame=again[index].frame,
                time_ns=again[index].time_ns - scope.session.capture_start_ns,
                direction=direction,
                span=(again[index].offset, again[index].length),
                severity="error",
                expected="the first try, or the second one, comes through",
                actual=f"{waited // 1_000_000} ms",
                track=DIRECTIONS[direction],
                key="stall",
            )
        yield from _share(scope, direction, again)


def _share(scope: Scope, direction: int, again: list[Event]) -> Iterator[Evidence]:
    """Compare bytes sent again with all bytes, in windows of some seconds."""
    limits, stream = scope.parameters, scope.tcp(direction)
    times, sizes = stream.segments.time_ns, stream.segments.length
    if not len(times):
        return
    width = int(limits["window_s"] * _SECOND)
    bins = np.array([event.time_ns // width for event in again], np.int64)
    names, inverse = np.unique(bins, return_inverse=True)  # times may be centuries apart
    extra = np.bincount(inverse, weights=[event.length for event in again])
    number = np.bincount(inverse)
    at = np.minimum(np.searchsorted(names, times // width), len(names) - 1)
    same = names[at] == times // width
    whole = np.bincount(at[same], weights=sizes[same], minlength=len(names))
    shares = 100 * extra / np.maximum(whole + extra, 1)
    shares[number < limits["segments"]] = 0
    worst = int(np.argmax(shares))
    share = float(shares[worst])
    if share <= limits["percent"]:
        return
    first = again[int(np.flatnonzero(inverse == worst)[0])]
    yield Evidence(
        f"{share:.1f} % of the bytes from the {SIDES[direction]} were sent again within "
        f"{limits['window_s']:g} s",
        frame=first.frame,
        time_ns=first.time_ns - scope.session.capture_start_ns,
        direction=direction,
        span=(first.offset, first.length),
        count=int(np.count_nonzero(shares > limits["percent"])),
        severity="error" if share > limits["bad_percent"] else "warning",
        expected=f"at most {limits['percent']:g} %",
        actual=f"{share:.1f} %",
        track=DIRECTIONS[direction],
    )


def _backoff(scope: Scope, direction: int, times: list[int]) -> tuple[int, int] | None:
    """Find retransmissions whose distance doubles, with nothing new between them.

    Returns the index of the first one and the time of the last step (ns).
    """
    fresh = np.sort(scope.tcp(direction).segments.time_ns)
    steps = np.diff(np.array(times, np.int64))
    before, waited = steps[:-1], steps[1:]
    low, high = (factor * before for factor in _DOUBLED)
    long = waited >= int(scope.parameters["timeout_ms"] * 1e6)
    for index in np.flatnonzero(long & (low <= waited) & (waited <= high)).tolist():
        first, _, third = times[index : index + 3]
        if np.searchsorted(fresh, third) == np.searchsorted(fresh, first, side="right"):
            return index, int(waited[index])
    return None


def reset(scope: Scope) -> Iterator[Outcome]:
    """NET-06: a side tears the connection down."""
    tcp = scope.connection.tcp_connection
    if tcp.first_close is None or tcp.first_close[1] != "rst":
        return
    side, _, frame = tcp.first_close
    who: Blame = "server" if scope.connection.sides.index(side) else "client"
    calls = scope.commands()
    name = f", last command {safe(calls[-1].command.name)}" if calls else ""
    partial = [row for row in (_partial(scope, d) for d in (0, 1)) if row is not None]
    left = sum(scope.value(r, "length") - scope.value(r, "received") for r in partial)
    rest = f", {left} bytes of a message still to come" if left else ""
    playing = scope.connection.role == "play" and who == "client"
    severity: Severity = "error" if partial else "warning"
    if playing or scope.named(*CLOSING):
        severity = "note"
    idle = scope.end_ns - _last_payload(scope)
    yield Evidence(
        f"the {who} reset the connection{rest}, {idle / 1e9:.1f} s after the last payload{name}",
        frame=frame,
        time_ns=scope.end_ns,
        about=scope.last,
        expected="FIN",
        actual="RST",
        severity=severity,
        blame=who,
        key=who,
    )


def _partial(scope: Scope, direction: int) -> int | None:
    """Return the row of a message that the connection's end cut off, None where it ended whole."""
    rows = scope.rows(direction)
    if not len(rows) or len(scope.tcp(direction).gaps):
        return None
    last = int(rows[-1])
    return last if scope.value(last, "received") < scope.value(last, "length") else None


def _last_payload(scope: Scope) -> int:
    times = [scope.tcp(direction).segments.time_ns for direction in (0, 1)]
    start = scope.session.capture_start_ns
    return max((int(column.max()) - start for column in times if len(column)), default=0)


def silence(scope: Scope) -> Iterator[Outcome]:
    """NET-07: a publisher that sends nothing any more while its connection stays open."""
    if not scope.publishes:
        yield NOTHING
        return
    times = np.sort(scope.tcp(0).segments.time_ns) - scope.session.capture_start_ns
    if len(times) < 2:
        yield NOTHING
        return
    steps = np.diff(np.append(times, max(scope.observed_ns, int(times[-1]))))
    usual = float(np.median(steps[:-1]))
    limit = max(scope.parameters["silent_s"] * 1e9, scope.parameters["gaps"] * usual)
    found = np.flatnonzero(steps >= limit)
    if not len(found):
        return
    first, longest = int(found[0]), int(steps.max())
    segments = scope.tcp(0).segments
    at = int(np.searchsorted(segments.time_ns, times[first] + scope.session.capture_start_ns))
    yield Evidence(
        f"the publisher sent nothing for {longest / 1e9:.1f} s while its connection stayed open",
        frame=int(segments.frame[min(at, len(segments) - 1)]),
        time_ns=int(times[first]),
        direction=0,
        span=(int(segments.stream_offset[min(at, len(segments) - 1)]), 1),
        count=len(found),
        expected=f"less than {limit / 1e9:.1f} s",
        actual=f"{longest / 1e9:.1f} s",
    )


def small_segments(scope: Scope) -> Iterator[Outcome]:
    """NET-09: headers of small segments cost more than a quarter of the payload."""
    internet = 40 if ":" in scope.connection.client.ip else 20
    for direction in (0, 1):
        sizes, stats = scope.tcp(direction).segments.length, scope.tcp(direction).stats
        if any(gap.reason == "snaplen" for gap in scope.tcp(direction).gaps):
            yield Inconclusive("the capture cut its packets short")
            continue
        if len(sizes) < scope.parameters["segments"] or not len(scope.media(direction)):
            continue
        headers = internet + stats.header_bytes / max(stats.segments, 1)
        ratio = 1 + headers * len(sizes) / max(int(sizes.sum()), 1)
        middle = float(np.median(sizes))
        if ratio > scope.parameters["ratio"] and middle < scope.parameters["median_bytes"]:
            yield Evidence(
                f"segments of {middle:.0f} bytes (median): TCP and IP headers of {headers:.0f} "
                f"bytes add {100 * (ratio - 1):.0f} %",
                direction=direction,
                span=(int(scope.tcp(direction).segments.stream_offset[0]), 1),
                count=1,
                expected=f"at most {100 * (scope.parameters['ratio'] - 1):.0f} %",
                actual=f"{100 * (ratio - 1):.0f} %",
                track=DIRECTIONS[direction],
            )


RULES: Final = (
    Rule(
        "NET-01",
        "Receive window zero",
        "warning",
        "definite",
        zero_window,
        gates=("tcp",),
        section="RFC 9293 §3.8.6",
        help="The receiver's program does not read fast enough; the network is not to blame. Look "
        "for what blocks it: disk, transcoding, a slow player.",
        blame="receiver",
        parameters={"short_ms": 200, "long_ms": 2000, "events": 3},
    ),
    Rule(
        "NET-02",
        "Retransmissions",
        "warning",
        "definite",
        retransmissions,
        gates=("tcp", "dir"),
        section="RFC 6298 §5",
        help="The path loses packets: try another network or a lower bitrate.",
        blame="network",
        parameters={
            "window_s": 10,
            "percent": 2,
            "bad_percent": 10,
            "segments": 3,
            "timeout_ms": 1000,
        },
    ),
    Rule(
        "NET-06",
        "Connection reset",
        "warning",
        "definite",
        reset,
        gates=("tcp",),
        section="RFC 9293 §3.10.7.4",
        help="The log of the side that reset the connection names the reason.",
    ),
    Rule(
        "NET-07",
        "Publisher fell silent",
        "warning",
        "definite",
        silence,
        gates=("dir",),
        help="The sender is gone without a word, or its encoder hangs. Let the server close such "
        "connections after a time.",
        blame="client",
        parameters={"silent_s": 10, "gaps": 5},
    ),
    Rule(
        "NET-09",
        "Small segments",
        "note",
        "definite",
        small_segments,
        gates=("tcp",),
        help="Use Set Chunk Size 4096 or more, and write a message at once.",
        blame="sender",
        parameters={"ratio": 1.25, "median_bytes": 300, "segments": 100},
    ),
)
