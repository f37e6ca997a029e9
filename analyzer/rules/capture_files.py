"""What the files of the capture tell of themselves. (CAP-08, CAP-09, CAP-10, CAP-13)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.model import Connection
from analyzer.rules.rule import Evidence, Outcome, Rule, Severity

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope
    from analyzer.sources.model import Problem

_NO_DAMAGE = frozenset(
    {"capture_drops", "follow_ended", "left_out", "not_opened", "overlapping_files"}
)
"""Problems that have rules of their own."""


def damaged(scope: Scope) -> Iterator[Outcome]:
    """CAP-08: the capture file is cut short or damaged."""
    unpacked = "unpacked " if scope.session.capture.compression else ""
    for problem in scope.session.captures.problems:
        if problem.code not in _NO_DAMAGE:
            yield Evidence(
                f"{problem.text}, at byte {problem.offset} of the {unpacked}file",
                frame=problem.frame or None,
                count=problem.count,
                actual=f"file offset {problem.offset}",
                track=problem.code,
            )


def dropped(scope: Scope) -> Iterator[Outcome]:
    """CAP-09: the capture program itself lost packets."""
    for problem in _problems(scope, "capture_drops"):
        yield Evidence(f"the capture dropped {problem.count} packets", count=1, actual=problem.text)


def overlapping(scope: Scope) -> Iterator[Outcome]:
    """CAP-10: files read one after the other were recorded at the same time."""
    for problem in _problems(scope, "overlapping_files"):
        torn = [view.id for view in scope.session.connections if _spans(view, problem.frame)]
        if torn:
            yield Evidence(
                f"{problem.text}, and both have packets of {torn[0]}",
                frame=problem.frame,
                track=f"frame {problem.frame}",
            )


def _spans(view: Connection, frame: int) -> bool:
    """Whether the connection has frames before this one and from it on; repeats count too."""
    numbers = [view.tcp_connection.start_frame]
    for stream in view.tcp_connection.directions:
        if stream.stats.segments and stream.length:
            _, last, _, _ = stream.frames(np.array([stream.length - 1]), np.array([stream.length]))
            numbers += last.tolist()
        if stream.events:
            numbers.append(stream.events[-1].frame)
    return min(numbers) < frame <= max(numbers)


def unread(scope: Scope) -> Iterator[Outcome]:
    """CAP-13: frames or files of the capture that tell nothing."""
    counters = scope.session.link.counters
    for count, track, what in (
        (counters.protected, "encrypted", "802.11 data frame{s} encrypted: there are no keys"),
        (counters.malformed, "malformed", "frame{s} with headers that are cut or contradict"),
        (counters.incomplete, "fragments", "IP datagram{s} of which fragments are missing"),
    ):
        if count:
            text = what.format(s="s" * (count != 1))
            severity: Severity = "warning" if track == "encrypted" else "note"
            yield Evidence(f"{count} {text}", count=1, track=track, severity=severity)
    for problem in _problems(scope, "left_out", "not_opened"):
        yield Evidence(problem.text, count=1, track=problem.text.partition(":")[0])
    for problem in _problems(scope, "follow_ended"):
        yield Evidence(problem.text, count=1, track=problem.code, severity="note")


def _problems(scope: Scope, *codes: str) -> Iterator[Problem]:
    return (problem for problem in scope.session.captures.problems if problem.code in codes)


RULES: Final = (
    Rule(
        "CAP-08",
        "The capture file is damaged",
        "warning",
        "definite",
        damaged,
        help="Everything before this place was read. Copy the capture again or stop the capture "
        "program before copying.",
        blame="capture",
        over="capture",
    ),
    Rule(
        "CAP-09",
        "The capture program lost packets",
        "warning",
        "definite",
        dropped,
        help="What is missing in the streams may have been there on the wire. Narrow the capture "
        "filter (-f), or capture with -w on a faster disk.",
        blame="capture",
        over="capture",
    ),
    Rule(
        "CAP-10",
        "Captures of the same time",
        "warning",
        "definite",
        overlapping,
        help="Files are read one after the other, so that streams in both are torn. Merge them "
        "first (mergecap).",
        blame="capture",
        over="capture",
    ),
    Rule(
        "CAP-13",
        "Parts of the capture that cannot be read",
        "warning",
        "definite",
        unread,
        help="Decrypt 802.11 frames first (airdecap-ng, Wireshark), or capture behind the access "
        "point. Unpack archives that stand in an archive.",
        blame="capture",
        over="capture",
    ),
)
