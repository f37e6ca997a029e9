"""What a rule is, and what its function gives back. How to write one:

    def backwards(scope: Scope) -> Iterator[Evidence | Inconclusive]:
        \"\"\"TS-01: a timestamp goes back.\"\"\"
        for direction in (0, 1):
            rows = scope.rows(direction, types=(spec.VIDEO,))       # row numbers, stream order
            if not len(rows):
                continue
            steps = np.diff(scope.column("timestamp", rows).astype(np.int64))
            late = rows[1:][steps < -scope.parameters["step_ms"]]
            if len(late):
                yield Evidence("the timestamp goes back", rows=late, track="video",
                               direction=direction, expected="not less than 40", actual="0")

    RULES: Final = (
        Rule("TS-01", "Timestamps go backwards", "error", "definite", backwards,
             gates=("dir",), section="RTMP 1.0 §5.3.1", help="…what to try…",
             blame="sender", parameters={"step_ms": 0}),
    )

and `analyzer/rules/__init__.py` joins the tables. The engine calls the function once per RTMP
connection (`over="capture"`: once, with `scope.connection` unset) and makes of everything it
yields ONE finding per (rule, connection, track): give all rows of a track in one Evidence, as a
numpy array, and no Python loop runs per message. Several Evidence of one track are merged: worst
severity wins and gives the text, counts add up.

Three results: nothing yielded is a pass; Evidence is a finding; `Inconclusive(reason)` says that
nothing can be claimed. A failing gate is inconclusive without calling the function; a
rule that needs something else looks for itself and yields Inconclusive. Where neither subject nor
question exists (no AAC for an AAC rule), yield `NOTHING`: such results are left out of reports of
passed rules. A rule that looks at directions or tracks one by one yields `JUDGED` for each that is
as it should be: one of them is a pass, whatever the others lack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy.typing as npt

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope

Severity = Literal["error", "warning", "note"]
"""The catalogue's E, W, and for both N and I: note."""
Confidence = Literal["definite", "likely", "heuristic"]
Gate = Literal["full", "dir", "tcp", "clear", "whole"]
"""full: from the SYN with handshake, and the evidence stands before any hole of its direction.
dir: both directions captured. tcp: genuine TCP, not a synthetic dump. clear: messages could be
read. whole: no byte is missing in either direction; for claims that something never came."""
Blame = Literal["client", "server", "sender", "receiver", "network", "capture"]
"""`sender` and `receiver` are of the evidence's direction."""
SIDES: Final = ("client", "server")
"""The sender of each direction."""
CLOSING: Final = frozenset({"deleteStream", "closeStream", "FCUnpublish"})
"""Commands by which a client ends its stream (RTMP 1.0 §7.2.2.3)."""
Parameters = Mapping[str, float]
_NONE: Final[Parameters] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found. Everything but the text may be left out; the engine fills in what it can."""

    text: str
    """One sentence without a full stop, not escaped; the engine adds the count."""
    rows: Sequence[int] | npt.NDArray[Any] = ()
    """Message rows it rests on, in the order of time; the first is the place shown."""
    frame: int | None = None
    """Capture frame, where there is no message row."""
    time_ns: int | None = None
    """Since the capture's first packet; needed only without rows and frame."""
    direction: int | None = None
    """0 client → server, 1 server → client; known where rows are given."""
    track: str = ""
    """`video`, `audio`, `video/2`: findings are made per track."""
    span: tuple[int, int] | None = None
    """(offset, length) in the direction's stream; from the first row where not given."""
    count: int | None = None
    """How often, where it is not the number of rows."""
    expected: str | None = None
    actual: str | None = None
    severity: Severity | None = None
    """Instead of the rule's."""
    confidence: Confidence | None = None
    blame: Blame | None = None
    help: str | None = None
    key: str = ""
    """What tells this finding from others of its rule, stable over captures; no numbers of
    frames or times. Goes into the fingerprint."""
    connection: int | None = None
    """Index of the connection, for rules over the capture."""
    about: int | None = None
    """Message row that the finding is listed with, where it rests on no rows."""


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """Nothing can be claimed, because."""

    reason: str
    track: str = ""


class _Nothing:
    """The rule has no subject here."""


class _Judged:
    """A part had a subject, and nothing is wrong with it."""


NOTHING: Final = _Nothing()
JUDGED: Final = _Judged()
Outcome = Evidence | Inconclusive | _Nothing | _Judged
Function = Callable[["Scope"], Iterable[Outcome]]


class Rule(NamedTuple):
    """A row of the table of rules."""

    id: str
    title: str
    severity: Severity
    confidence: Confidence
    function: Function
    gates: tuple[Gate, ...] = ("clear",)
    section: str | None = None
    """Of the specification."""
    help: str = ""
    """What to try."""
    blame: Blame | None = None
    parameters: Parameters = _NONE
    """Thresholds with their defaults; names end in their unit (`_ms`, `_s`, `_percent`)."""
    over: Literal["connection", "capture"] = "connection"


def first_row(evidence: Evidence) -> int | None:
    """Return the row that is shown."""
    return int(evidence.rows[0]) if len(evidence.rows) else None


def occurrences(evidence: Evidence) -> int:
    """Return how often it was seen."""
    if evidence.count is not None:
        return evidence.count
    return max(len(evidence.rows), 1)
