"""What the rules about media share: the tracks of a connection and how they are named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from analyzer.rules.rule import NOTHING, Evidence, Function, Outcome, Severity

if TYPE_CHECKING:
    from analyzer.metrics import ConnectionMetrics, Stream, Track
    from analyzer.rules.scope import Scope

Array = npt.NDArray[Any]

PUBLISH, PLAY = 0, 1
"""Directions: media to the server, media to the client."""
_RANKS: Final = ("error", "warning", "note")
_FROZEN: Final = 10
"""Frames with one timestamp, of a clock that no longer runs (TS-02)."""
DIRECTIONS: Final = ("to the server", "to the client")


def concerning(
    function: Function, kind: str | None = None, codecs: frozenset[str] | None = None
) -> Function:
    """Return the rule's function for connections with such tracks; for others it has no subject,
    so that a stream without audio does not pass the rules about audio."""

    @wraps(function)
    def judged(scope: Scope) -> Iterable[Outcome]:
        some = (track.codec for _, track in tracks(scope, kind))
        if any(codecs is None or codec in codecs for codec in some):
            yield from function(scope)
        else:
            yield NOTHING

    return judged


def together(function: Function, severity: Severity) -> Function:
    """Return the rule's function with all it finds of a track as one evidence: the worst leads,
    the others are named after it. `severity` is the rule's."""

    @wraps(function)
    def judged(scope: Scope) -> Iterable[Outcome]:
        found: dict[str, list[Evidence]] = {}
        for outcome in function(scope):
            if isinstance(outcome, Evidence):
                found.setdefault(outcome.track, []).append(outcome)
            else:
                yield outcome
        for items in found.values():
            items.sort(key=lambda item: _RANKS.index(item.severity or severity))
            text = "; ".join(dict.fromkeys(item.text for item in items))
            count = len(items[0].rows) if items[0].count is None else items[0].count
            key = "+".join(dict.fromkeys(item.key for item in items if item.key))
            yield replace(items[0], text=text, count=max(count, 1), key=key)

    return judged


def measured(scope: Scope) -> ConnectionMetrics:
    """Return the metrics of the scope's connection."""
    return scope.session.metrics.connection(scope.connection.index)


def streams(scope: Scope) -> list[Stream]:
    """Return the message streams with media."""
    return measured(scope).streams


def tracks(scope: Scope, kind: str | None = None) -> Iterator[tuple[str, Track]]:
    """Yield (label, track) of all tracks that have frames, or of those of one kind."""
    key = ("tracks", scope.connection.index)
    found = scope.shared.once(key, lambda: _with_frames(scope))
    return ((name, track) for name, track in found if kind in (None, track.kind))


def _with_frames(scope: Scope) -> list[tuple[str, Track]]:
    all_tracks = (track for stream in streams(scope) for track in stream.tracks)
    return [(label(scope, track), track) for track in all_tracks if len(track.frames)]


def label(scope: Scope, track: Track) -> str:
    """Return the name of a track in findings: ``video``, ``audio/1``; where the connection has
    several message streams with media, with that: ``s2c.2.video``."""
    return stream_label(scope, track, track.name)


def stream_label(scope: Scope, place: Stream | Track, name: str) -> str:
    """Return `name`, told from the same of other message streams of the connection."""
    if len(streams(scope)) == 1:
        return name
    return f"{('c2s', 's2c')[place.direction]}.{place.msid}.{name}"


def rows(track: Track, at: Array) -> Array:
    """Return the message rows of some frames."""
    return np.asarray(track.frames.row[at])


def broken_clock(*some: Track | None) -> str | None:
    """Say so where timestamps go back, stand still, or jump while frames keep coming: what compares
    them with another clock has nothing to say then (TS-01 to TS-05 do)."""
    for track in some:
        if track is None:
            continue
        if len(track.backward):
            return f"the timestamps of {track.kind} go back"
        if longest_run(track.steps_ms == 0) >= _FROZEN:
            return f"the timestamps of {track.kind} stand still"
        if sudden_jumps(track).any():
            return f"the timestamps of {track.kind} jump"
    return None


def sudden_jumps(track: Track, least_ms: float = 1000) -> Array:
    """Return a mask over `track.joined`: large steps without as long a wait."""
    steps = track.steps_ms
    return np.asarray((steps > least_ms) & (track.waits_ns < steps * 500_000))


def longest_run(mask: Array) -> int:
    """Return the most consecutive true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


def percent(part: int | np.integer[Any], whole: int) -> int:
    """Return a share in whole percents, rounded."""
    return round(100 * float(part) / whole) if whole else 0


def seconds(ms: float) -> str:
    """Return a time in ms for a sentence: ``44 ms``, ``2.5 s``, ``140 s``."""
    if abs(ms) < 1000:
        return f"{round(ms)} ms"
    return f"{ms / 1000:.3g} s" if abs(ms) < 100_000 else f"{ms / 1000:.0f} s"
