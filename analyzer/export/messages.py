"""Message objects of the JSON report, written as text: they are many.

`lines` is the fast path: the keys every message has come from columns through one template.
`as_dict` is the same object the slow way; a test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from analyzer.export.nodes import details
from analyzer.export.request import Request
from analyzer.index import Array
from analyzer.lookup import INFERRED
from analyzer.model import DIRECTIONS
from analyzer.redact import Redactor
from analyzer.session import Session
from dissectors import spec
from dissectors.chunk_state import Flag

BLOCK: Final = 4096
"""Rows whose columns are read together as Python lists."""
_NAMES: Final = (
    "connection",
    "direction",
    "index",
    "time_ns",
    "first_time_ns",
    "first_frame",
    "last_frame",
    "stream_offset",
    "chunks",
    "fmt",
    "csid",
    "msid",
    "type_id",
    "timestamp",
    "length",
    "flags",
)
_MEDIA: Final = (spec.AUDIO, spec.VIDEO)
_UNCERTAIN: Final = sum(INFERRED)
Summary = tuple[str, dict[str, Any]]
_encode = json.JSONEncoder(allow_nan=False).encode


def dumps(value: Any) -> str:
    """Return ASCII JSON; DEL is escaped like the other control characters."""
    return _encode(value).replace("\x7f", "\\u007f")


def _string(text: str) -> str:
    encoded: str = encode_basestring_ascii(text)
    return encoded


def columns(session: Session, rows: Array) -> Iterator[tuple[int, ...]]:
    """Yield (row, connection, direction, …) in the order of `_NAMES`, block by block."""
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        lists = [session.messages.column(name)[block].tolist() for name in _NAMES]
        yield from zip(block.tolist(), *lists, strict=True)


def lines(session: Session, rows: Array, request: Request) -> Iterator[str]:
    """Yield each message as JSON text without its braces' line end."""
    types: dict[int, str] = {}
    directions = DIRECTIONS
    more = request.detail in ("fields", "bytes")
    redactor = request.redactor
    for values in columns(session, rows):
        (row, connection, direction, index, time_ns, first_time_ns, first_frame, last_frame) = (
            values[:8]
        )
        stream_offset, chunks, fmt, csid, msid, type_id, timestamp, length, flags = values[8:]
        name = types.get(type_id)
        if name is None:
            name = types[type_id] = _string(session.type_name(row))
        side = directions[direction]
        complete = "true" if flags & Flag.COMPLETE else _missing(session, row)
        inferred = _encode(session.inferred(row)) if flags & _UNCERTAIN else "[]"
        info, summary = session.info(row), session.summary(row)
        if redactor is not None and (type_id not in _MEDIA or _captured(summary)):
            info, summary = _redacted(redactor, info, summary)
        tail = f', "{summary[0]}": {_encode(summary[1])}' if summary is not None else ""
        if more:
            tail += _more(session, row, request)
        yield (
            f'{{"id": "c{connection}.{side}.{index}", "connection": "c{connection}", '
            f'"direction": "{side}", "index": {index}, "time_ns": {time_ns}, '
            f'"first_time_ns": {first_time_ns}, "frames": [{first_frame}, {last_frame}], '
            f'"stream_offset": {stream_offset}, "chunks": {chunks}, "fmt": {fmt}, '
            f'"csid": {csid}, "msid": {msid}, "type_id": {type_id}, "type": {name}, '
            f'"timestamp": {timestamp}, "length": {length}, "complete": {complete}, '
            f'"inferred": {inferred}, "info": {_string(info)}{tail}}}'
        ).replace("\x7f", "\\u007f")


def as_dict(session: Session, row: int, request: Request) -> dict[str, Any]:
    """Return one message as the object that `lines` writes."""
    value = {name: session.value(row, name) for name in _NAMES}
    side = DIRECTIONS[value["direction"]]
    info, summary = session.info(row), session.summary(row)
    if request.redactor is not None:
        info, summary = _redacted(request.redactor, info, summary)
    found: dict[str, Any] = {
        "id": session.message_id(row),
        "connection": f"c{value['connection']}",
        "direction": side,
        "index": value["index"],
        "time_ns": value["time_ns"],
        "first_time_ns": value["first_time_ns"],
        "frames": [value["first_frame"], value["last_frame"]],
    }
    for name in (*_NAMES[7:13], "type", "timestamp", "length", "complete"):
        found[name] = value.get(name)
    found["type"] = session.type_name(row)
    found["complete"] = bool(value["flags"] & Flag.COMPLETE)
    if not found["complete"]:
        found["missing"] = [list(span) for span in session.missing(row)]
    found["inferred"] = session.inferred(row)
    found["info"] = info
    if summary is not None:
        found[summary[0]] = summary[1]
    if request.detail in ("fields", "bytes"):
        found |= details(session, row, request)
    return found


def _missing(session: Session, row: int) -> str:
    return f'false, "missing": {_encode([list(span) for span in session.missing(row)])}'


def _captured(summary: Summary | None) -> bool:
    """Can a media summary hold captured text? Only the AMF of E-RTMP metadata can."""
    if summary is None:
        return False
    return bool(summary[1].get("metadata") or summary[1].get("tracks"))


def _redacted(redactor: Redactor, info: str, summary: Summary | None) -> tuple[str, Summary | None]:
    if summary is not None:
        summary = (summary[0], redactor.summary(summary[1]))
    return redactor.text(info), summary


def _more(session: Session, row: int, request: Request) -> str:
    return ", " + _encode(details(session, row, request))[1:-1]
