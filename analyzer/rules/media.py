"""What the rules about media share: the tracks of a connection and how they are named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from analyzer.metrics import ConnectionMetrics, Stream, Track
    from analyzer.rules.scope import Scope

Array = npt.NDArray[Any]

PUBLISH, PLAY = 0, 1
"""Directions: media to the server, media to the client."""
DIRECTIONS: Final = ("to the server", "to the client")


def measured(scope: Scope) -> ConnectionMetrics:
    """Return the metrics of the scope's connection."""
    return scope.session.metrics.connection(scope.connection.index)


def streams(scope: Scope) -> list[Stream]:
    """Return the message streams with media."""
    return measured(scope).streams


def tracks(scope: Scope, kind: str | None = None) -> Iterator[tuple[str, Track]]:
    """Yield (label, track) of all tracks that have frames, or of those of one kind."""
    for stream in streams(scope):
        for track in stream.tracks:
            if len(track.frames) and kind in (None, track.kind):
                yield label(scope, track), track


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
