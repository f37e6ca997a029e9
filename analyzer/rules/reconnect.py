"""What several connections of a capture say together (NET-08, REC rules)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.rules.connect import published, rejections
from analyzer.rules.rule import CLOSING, Evidence, Outcome, Rule
from dissectors import spec
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.rules.scope import Rows, Scope

_AAC: Final = 10
_AVC_HEVC: Final = (7, 12)


def _publishers(scope: Scope) -> dict[tuple[str | None, str], list[Scope]]:
    """Return the publishing connections by stream, in the order they began."""
    found: dict[tuple[str | None, str], list[Scope]] = {}
    for item in scope.connections():
        for stream in published(item.connection):
            found.setdefault(stream, []).append(item)
    for items in found.values():
        items.sort(key=lambda item: item.connection.start_ns)
    return found


def _publish_time(scope: Scope) -> int:
    return min(call.time_ns for call in scope.named("publish"))


def _accepted(scope: Scope) -> bool:
    return any(call.code.endswith("Publish.Start") for call in scope.named("onStatus"))


def moved(scope: Scope) -> Iterator[Outcome]:
    """NET-08: a stream is published again from another address, and the old connection is open."""
    for items in _publishers(scope).values():
        for old, new in pairwise(items):
            first, second = old.connection, new.connection
            began = _publish_time(new)
            limit = began + int(scope.parameters["closed_s"] * 1e9)
            closed = first.closed_by is not None and first.end_ns <= limit
            if first.client.ip != second.client.ip and not closed and _silent(old, began):
                yield Evidence(
                    f"the stream of {first.id} ({first.client.ip}) is published anew from "
                    f"{second.client.ip}, while the old connection was never closed",
                    time_ns=began,
                    frame=second.tcp_connection.start_frame,
                    expected=first.client.ip,
                    actual=second.client.ip,
                    connection=second.index,
                )


def _silent(scope: Scope, from_ns: int) -> bool:
    """Whether a connection's client sends nothing any more from some time on."""
    times = scope.tcp(0).segments.time_ns - scope.session.capture_start_ns
    return not len(times) or int(times.max()) <= from_ns


def takeover(scope: Scope) -> Iterator[Outcome]:
    """REC-02: two connections publish one stream at the same time."""
    for items in _publishers(scope).values():
        live = [item for item in items if _accepted(item)]
        for old, new in pairwise(live):
            began, view = _publish_time(new), old.connection
            if view.end_ns <= began or _silent(old, began):
                continue
            kicked = view.closed_by is not None and view.end_ns < new.end_ns
            who = view.id if kicked else new.connection.id
            yield Evidence(
                f"{new.connection.id} publishes the stream that {view.id} still publishes; "
                f"{who} ends first",
                time_ns=began,
                frame=new.connection.tcp_connection.start_frame,
                expected="one publisher at a time",
                actual="two",
                connection=new.connection.index,
            )


def storm(scope: Scope) -> Iterator[Outcome]:
    """REC-01: a client connects again and again, each time for a short while."""
    limits = scope.parameters
    groups: dict[tuple[object, ...], list[Scope]] = {}
    for item in scope.connections():
        view = item.connection
        names = tuple(sorted({stream.name for stream in view.streams}))
        key = (view.client.ip, str(view.server), view.app, view.role, names)
        known = view.from_start and view.both_directions
        if known and view.closed_by and view.end_ns - view.start_ns < limits["short_s"] * 1e9:
            groups.setdefault(key, []).append(item)
    for items in groups.values():
        items.sort(key=lambda item: item.connection.start_ns)
        starts = np.array([item.connection.start_ns for item in items])
        number = int(limits["connections"])
        if len(items) < number:
            continue
        if (starts[number - 1 :] - starts[: 1 - number]).min() > limits["within_s"] * 1e9:
            continue
        stages = {_stage(item) for item in items}
        ended_well = stages == {"a proper end"}
        if ended_well:
            continue
        period = float(np.median(np.diff(starts))) / 1e9
        where = f"all end at {stages.pop()}" if len(stages) == 1 else "they end at several stages"
        codes = {call.code for item in items for call in item.commands() if call.failed}
        if len(codes) == 1 and (code := codes.pop()):
            where += f", {safe(code)}"
        view = items[0].connection
        third = items[number - 1].connection  # the first that makes it a storm
        yield Evidence(
            f"{len(items)} short connections of one client, every {period:.1f} s; {where}",
            time_ns=third.start_ns,
            frame=third.tcp_connection.start_frame,
            count=1,
            expected=f"fewer than {number} in {limits['within_s']:g} s",
            actual=str(len(items)),
            connection=view.index,
        )


def _stage(scope: Scope) -> str:
    """Return how far a connection came."""
    if not scope.connection.handshake_seen:
        return "the handshake"
    if rejections(scope) or not any(c.code.endswith("Success") for c in scope.named("_result")):
        return "connect"
    if not any(call.code.endswith(".Start") for call in scope.named("onStatus")):
        return "publish or play"
    # Behind a hole of the capture nobody knows what was said.
    return "a proper end" if scope.asked & CLOSING or len(scope.tcp(0).gaps) else "media"


def without_headers(scope: Scope) -> Iterator[Outcome]:
    """REC-03: after a reconnection media comes without its codec configuration."""
    for items in _publishers(scope).values():
        for old, new in pairwise(items):
            if not len(old.media(0)):
                continue
            for type_id, kind in ((spec.VIDEO, "video"), (spec.AUDIO, "audio")):
                coded = _coded(new, type_id)
                configs = new.half(0).config_offsets[kind]
                first = new.value(int(coded[0]), "stream_offset") if len(coded) else 0
                if len(coded) and not (configs and configs[0] <= first):
                    yield Evidence(
                        f"after the reconnection {kind} begins without its sequence header",
                        coded[:1],
                        expected="a sequence header first",
                        actual="coded frames",
                        track=kind,
                        connection=new.connection.index,
                    )


def _coded(scope: Scope, type_id: int) -> Rows:
    """Return the rows with H.264, H.265 or AAC, which need a sequence header."""
    rows = scope.rows(0, (type_id,))
    first = scope.head(rows)[:, 0]
    video = np.isin(first & 0x0F, _AVC_HEVC) & (first < 0x80)
    found: Rows = rows[first >> 4 == _AAC if type_id == spec.AUDIO else video]
    return found


RULES: Final = (
    Rule(
        "NET-08",
        "Publisher's address changed",
        "warning",
        "definite",
        moved,
        over="capture",
        help="The old connection is dead, but the server does not know: shorten its timeout.",
        blame="network",
        parameters={"closed_s": 5},
    ),
    Rule(
        "REC-01",
        "Reconnect storm",
        "error",
        "definite",
        storm,
        over="capture",
        help="The client tries again without an end: look at why the first one failed.",
        parameters={"connections": 3, "short_s": 30, "within_s": 300},
    ),
    Rule(
        "REC-02",
        "Two publishers of one stream",
        "warning",
        "definite",
        takeover,
        over="capture",
        help="Two encoders use one key, or the old connection hangs.",
    ),
    Rule(
        "REC-03",
        "Reconnected without headers",
        "error",
        "definite",
        without_headers,
        over="capture",
        section="FLV 10.1 §E.4.3.1, §E.4.2.1",
        help="Send metadata and sequence headers on every new connection.",
        blame="client",
    ),
)
