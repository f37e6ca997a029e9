"""Data messages with a time of their own: cue points, captions, SCTE-35 (META-05)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from analyzer.rules.media import PUBLISH, measured
from analyzer.rules.rule import Evidence, Outcome, Rule
from dissectors import spec
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope

MAX_HANDLERS: Final = 50
"""Different first bytes of data messages that are looked at."""
MAX_NAMED: Final = 64 << 10
"""Bytes of a data message that is looked at; cue points and captions have some hundred."""
_UNTIMED: Final = frozenset(
    {"onMetaData", "@setDataFrame", "@clearDataFrame", "|RtmpSampleAccess", "onStatus",
     "onPlayStatus", "onBWDone", "onBWCheck", "NetStream.Data.Start"}
)  # fmt: skip


def handlers(scope: Scope) -> Counter[tuple[int, str]]:
    """Count data messages by direction and handler name, but for those every stream has."""
    key = ("handlers", scope.connection.index)
    return scope.shared.once(key, lambda: _handlers(scope))


def _handlers(scope: Scope) -> Counter[tuple[int, str]]:
    found: Counter[tuple[int, str]] = Counter()
    for direction in (0, 1):
        rows = scope.whole(scope.rows(direction, (spec.DATA_AMF0, spec.DATA_AMF3)))
        heads = [head[:8] for head in scope.column("head", rows).tolist()]
        examples = dict(zip(heads, rows.tolist(), strict=True))
        counts = Counter(heads)
        for head in sorted(examples)[:MAX_HANDLERS]:
            name = _name(scope, examples[head])
            if name and name not in _UNTIMED:
                found[direction, name] += counts[head]
    return found


def _name(scope: Scope, row: int) -> str:
    """Return the handler's name, "" where the message does not begin with a short string."""
    if scope.value(row, "length") > MAX_NAMED:
        return ""
    body = scope.session.body(row).data.removeprefix(b"\0")  # the format selector of type 15
    length = int.from_bytes(body[1:3], "big")
    return body[3 : 3 + length].decode("utf-8", "replace") if body[:1] == b"\x02" else ""


def timed_data(scope: Scope) -> Iterator[Outcome]:
    """META-05: cue points, captions and the like; a player's copy of a stream that lacks them."""
    published: dict[tuple[str | None, str], tuple[int, set[str]]] = {}
    for own in scope.connections():
        index = own.connection.index
        by_name = handlers(own)
        for direction in (0, 1):
            names = sorted(name for at, name in by_name if at == direction)
            if names:
                total = sum(by_name[direction, name] for name in names)
                shown = safe(", ".join(names)[:100])
                yield Evidence(
                    f"{total} timed data message{'s' * (total != 1)}: {shown}",
                    _data_rows(own, direction)[:1],
                    track=f"data {('c2s', 's2c')[direction]}",
                    count=1,
                    connection=index,
                )
        sent = {name for at, name in by_name if at == PUBLISH}
        for stream in own.connection.streams:
            if stream.role == "publish" and sent:
                published[own.connection.app, stream.name] = (index, sent)
    yield from _lost(scope, published)


def _lost(
    scope: Scope, published: dict[tuple[str | None, str], tuple[int, set[str]]]
) -> Iterator[Outcome]:
    for own in scope.connections():
        got = {name for at, name in handlers(own) if at != PUBLISH}
        for stream in own.connection.streams:
            source = published.get((own.connection.app, stream.name))
            if stream.role != "play" or source is None or not _same_time(own, source[0]):
                continue
            missing = sorted(source[1] - got)
            if missing:
                yield Evidence(
                    f"the player does not get {safe(', '.join(missing)[:100])}, which the "
                    f"publisher (c{source[0]}) sends",
                    own.media(1)[:1],
                    direction=1,
                    track="data lost",
                    severity="warning",
                    connection=own.connection.index,
                )


def _same_time(own: Scope, publisher: int) -> bool:
    """Whether the player was there while the publisher sent timed data."""
    source = own.of(own.session.connections[publisher])
    times = source.column("time_ns", _data_rows(source, PUBLISH))
    media = own.media(1)
    if not len(times) or not len(media):
        return False
    low, high = own.value(int(media[0]), "time_ns"), own.value(int(media[-1]), "time_ns")
    return bool(((times > low) & (times < high)).any())


def _data_rows(scope: Scope, direction: int) -> Any:
    """The rows of timed data."""
    rows = scope.rows(direction, (spec.DATA_AMF0, spec.DATA_AMF3))
    known = {item.row for item in measured(scope).metadata}
    return rows[[row not in known for row in rows.tolist()]] if len(rows) else rows


RULES: Final = (
    Rule(
        "META-05", "Timed data", "note", "definite", timed_data, over="capture",
        help="Some servers do not relay handlers that they do not know.",
    ),
)  # fmt: skip
