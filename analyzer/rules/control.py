"""Acknowledgements and pings: does flow control work? (CTL rules, RTMP 1.0 §5.4, §7.1.7)"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from analyzer.model import DIRECTIONS
from analyzer.rules.rule import CLOSING, JUDGED, NOTHING, SIDES, Evidence, Outcome, Rule, Severity
from dissectors import spec

if TYPE_CHECKING:
    from analyzer.rules.scope import Rows, Scope

_MASK: Final = 0xFFFFFFFF
_PING, _PONG = 6, 7
_MODULI: Final = ((1 << 31, "2^31"), (0xF0000000, "0xF0000000"))


def _numbers(scope: Scope, rows: Rows) -> Rows:
    """Return the 32-bit number that each body begins with."""
    words = np.ascontiguousarray(scope.head(rows)[:, :4]).view(">u4").ravel()
    return words.astype(np.int64)


def _delivered(scope: Scope, direction: int, times: Rows) -> Rows:
    """Return how many stream bytes of a direction had passed the capture at each time."""
    segments = scope.tcp(direction).segments
    ends = segments.stream_offset + segments.length.astype(np.int64)
    order = np.argsort(segments.time_ns, kind="stable")
    passed = np.maximum.accumulate(ends[order]) if len(ends) else ends
    clock = segments.time_ns[order] - scope.session.capture_start_ns
    at = np.searchsorted(clock, times, side="right") - 1
    counts: Rows = np.where(at >= 0, passed[np.maximum(at, 0)], 0)
    return counts


def unacknowledged(scope: Scope) -> Iterator[Outcome]:
    """CTL-01: a window is announced, and the receiver does not acknowledge it."""
    for direction in (0, 1):
        announced = scope.rows(direction, (spec.WINDOW_ACKNOWLEDGEMENT_SIZE,))
        announced = announced[scope.column("received", announced) >= 4]
        if not len(announced) or not len(scope.tcp(direction).segments):
            yield NOTHING
            continue
        window = int(_numbers(scope, announced).max())
        origin = scope.value(int(announced[0]), "end_offset")
        acks = scope.rows(1 - direction, (spec.ACKNOWLEDGEMENT,))
        times = np.append(scope.column("time_ns", acks), max(scope.end_ns, 0))
        passed = np.sort(_delivered(scope, direction, times))
        silent = np.diff(np.concatenate(([origin], passed)))
        worst = int(np.argmax(silent))
        if not window or silent[worst] <= scope.parameters["windows"] * window:
            yield JUDGED
            continue
        ended = worst == len(silent) - 1
        waits = ended and silent[worst] <= (scope.parameters["windows"] + 1) * window
        stopped = waits and _stopped(scope, direction)
        begin = origin if not worst else int(passed[worst - 1])
        last = ", and then stopped: it waits for one" if stopped else ""
        severity: Severity = "error" if stopped else "warning"
        yield Evidence(
            f"the {SIDES[direction]} sent {int(silent[worst])} bytes without an Acknowledgement, "
            f"its window is {window}{last}",
            direction=direction,
            span=(begin + int(scope.parameters["windows"] * window), 1),
            count=1,
            severity=severity,
            expected=f"an Acknowledgement every {window} bytes",
            actual=f"none in {int(silent[worst])} bytes",
            track=DIRECTIONS[direction],
        )


def _stopped(scope: Scope, direction: int) -> bool:
    """Whether the sender fell silent or closed without saying that it ends."""
    times = scope.tcp(direction).segments.time_ns
    last = int(times.max()) - scope.session.capture_start_ns
    if scope.observed_ns - last >= scope.parameters["silent_s"] * 1e9:
        return True
    return scope.closed_by() == SIDES[direction] and not scope.named(*CLOSING)


def wrong_sequence(scope: Scope) -> Iterator[Outcome]:
    """CTL-02: Acknowledgements do not count the bytes received."""
    for direction in (0, 1):
        rows = scope.rows(1 - direction, (spec.ACKNOWLEDGEMENT,))
        rows = rows[scope.column("received", rows) >= 4]
        if not len(rows):
            yield NOTHING
            continue
        numbers = _numbers(scope, rows)
        times = scope.column("time_ns", rows)
        passed = _delivered(scope, direction, times)
        # What was received is counted when it is read: later, and by some without the handshake.
        late = int(scope.parameters["late_ms"] * 1e6)
        behind = passed - _delivered(scope, direction, times - late) + spec.HANDSHAKE_END
        slack = _window(scope, direction)
        reason, wrong = _judge(numbers, passed, slack, behind + slack)
        if not reason:
            yield JUDGED
        else:
            first = int(np.flatnonzero(wrong)[0])
            yield Evidence(
                f"Acknowledgements of the {SIDES[1 - direction]} {reason}",
                rows[wrong],
                expected=f"about {int(passed[first]) & _MASK}",
                actual=str(int(numbers[first])),
                track=DIRECTIONS[direction],
            )


def _window(scope: Scope, direction: int) -> int:
    """Return the sender's window, in bytes: as far as a count may be off."""
    rows = scope.rows(direction, (spec.WINDOW_ACKNOWLEDGEMENT_SIZE,))
    windows = _numbers(scope, rows[scope.column("received", rows) >= 4])
    return int(windows.max(initial=0)) or int(scope.parameters["slack_bytes"])


def _judge(
    numbers: Rows, passed: Rows, ahead: int, behind: Rows
) -> tuple[str, npt.NDArray[np.bool_]]:
    """Return what is wrong with the sequence numbers, and which are.

    ahead, behind: bytes that a number may be more or less than the bytes passed.
    """

    def off(modulus: int) -> npt.NDArray[np.bool_]:
        distance = _signed(numbers - passed, modulus)
        found: npt.NDArray[np.bool_] = (distance > ahead) | (distance < -behind)
        return found

    wrong = off(1 << 32)
    for modulus, name in _MODULI:
        if wrong.any() and (passed >= modulus).any() and not off(modulus).any():
            return f"wrap around at {name} instead of 2^32", wrong
    if wrong.any() and len(numbers) > 2 and len(np.unique(numbers)) == 1:
        return "always carry the same number: they count increments, as YouTube does", wrong
    back = np.append(False, _signed(np.diff(numbers), 1 << 32) < 0)
    if back.any():
        return "go back", back | wrong
    return "do not count the bytes received" if wrong.any() else "", wrong


def _signed(distance: Rows, modulus: int) -> Rows:
    """Return distances on a circle, at most half of it in each direction."""
    found: Rows = (distance + modulus // 2) % modulus - modulus // 2
    return found


def ping_unanswered(scope: Scope) -> Iterator[Outcome]:
    """CTL-03: Ping Request without Ping Response."""
    for direction in (0, 1):
        answers: dict[int, list[int]] = {}
        for _, value, time in _pings(scope, 1 - direction, _PONG):
            answers.setdefault(value, []).append(time)
        late = []
        for row, value, time in _pings(scope, direction, _PING):
            limit = time + int(scope.parameters["answer_s"] * 1e9)
            same = answers.get(value, [])
            known = bisect_right(same, limit) > bisect_left(same, time)
            if not known and limit <= scope.observed_ns:
                late.append((row, time))
        if not late:
            continue
        after = scope.end_ns - late[-1][1]
        killed = scope.closed_by() == SIDES[direction]
        killed = killed and after <= scope.parameters["killed_s"] * 1e9
        severity: Severity = "error" if killed else "warning"
        yield Evidence(
            f"the {SIDES[1 - direction]} did not answer a ping"
            f"{f', and the {SIDES[direction]} closed' if killed else ''}",
            [row for row, _ in late],
            severity=severity,
            expected=f"Ping Response within {scope.parameters['answer_s']:g} s",
            actual="none",
            track=DIRECTIONS[direction],
        )


def _pings(scope: Scope, direction: int, event: int) -> list[tuple[int, int, int]]:
    """Return (row, value, time) of User Control messages with this event."""
    rows = scope.whole(scope.rows(direction, (spec.USER_CONTROL,)))
    head = scope.head(rows)
    chosen = (head[:, 0].astype(int) << 8 | head[:, 1]) == event
    values = np.ascontiguousarray(head[chosen][:, 2:6]).view(">u4").ravel().tolist()
    times = scope.column("time_ns", rows[chosen]).tolist()
    return list(zip(rows[chosen].tolist(), values, times, strict=True))


RULES: Final = (
    Rule(
        "CTL-01",
        "Window not acknowledged",
        "warning",
        "definite",
        unacknowledged,
        gates=("clear", "dir", "full"),
        section="RTMP 1.0 §5.4.3, §5.4.4",
        help="MediaMTX closes connections whose window is exceeded by half. Send an "
        "Acknowledgement after each window of bytes.",
        blame="receiver",
        parameters={"windows": 1.5, "silent_s": 10},
    ),
    Rule(
        "CTL-02",
        "Acknowledgements count wrongly",
        "warning",
        "definite",
        wrong_sequence,
        gates=("clear", "dir", "full"),
        section="RTMP 1.0 §5.4.3",
        help="The sequence number is the count of all bytes received so far, modulo 2^32.",
        blame="sender",
        parameters={"slack_bytes": 2_500_000, "late_ms": 1000},
    ),
    Rule(
        "CTL-03",
        "Ping not answered",
        "warning",
        "definite",
        ping_unanswered,
        gates=("clear", "dir", "whole"),
        section="RTMP 1.0 §7.1.7",
        help="Servers close connections that do not answer. Answer Ping Request with the same "
        "four bytes.",
        blame="receiver",
        parameters={"answer_s": 5, "killed_s": 60},
    ),
)
