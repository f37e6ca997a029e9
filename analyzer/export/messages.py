"""Message objects of the JSON report, written as text: they are many.

`lines` is the fast path: the keys every message has come from columns through one template.
`as_dict` is the same object the slow way; a test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from analyzer import media_rows
from analyzer.export.nodes import Known, details
from analyzer.export.request import Request
from analyzer.index import Array
from analyzer.lookup import INFERRED, MEDIA_KINDS, SMALL, summary_of
from analyzer.media_rows import Template
from analyzer.model import DIRECTIONS
from analyzer.session import Session
from dissectors.chunk_state import Flag
from dissectors.fields import Dissection

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
    "head",
)
_UNCERTAIN: Final = sum(INFERRED)
MAX_TEMPLATES: Final = 4096
"""Media headers remembered; composition times make some dozens of them."""
MAX_SHARED: Final = 64
"""Texts of small messages remembered, as many as `Lookup` remembers of their trees."""
Summary = tuple[str, dict[str, Any]]
_encode = json.JSONEncoder(allow_nan=False).encode


def dumps(value: Any) -> str:
    """Return ASCII JSON; DEL is escaped like the other control characters."""
    return _encode(value).replace("\x7f", "\\u007f")


def _string(text: str) -> str:
    encoded: str = encode_basestring_ascii(text)
    return encoded


def columns(session: Session, rows: Array) -> Iterator[tuple[Any, ...]]:
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
    frame, decoded = FrameText(), _Decoded(session, request)
    for values in columns(session, rows):
        (row, connection, direction, index, time_ns, first_time_ns, first_frame, last_frame) = (
            values[:8]
        )
        stream_offset, chunks, fmt, csid, msid, type_id, timestamp, length, flags = values[8:17]
        head = values[17]
        name = types.get(type_id)
        if name is None:
            name = types[type_id] = _string(session.type_name(row))
        side = directions[direction]
        complete = "true" if flags & Flag.COMPLETE else _missing(session, row)
        inferred = _encode(session.inferred(row)) if flags & _UNCERTAIN else "[]"
        shared = None
        if type_id in MEDIA_KINDS and not more:
            shared = session.frame(
                type_id, head, connection, direction, length, flags, stream_offset
            )
        if shared is not None:
            tail = frame(shared, MEDIA_KINDS[type_id], timestamp)
        else:
            tail = decoded(row)
        yield (
            f'{{"id": "c{connection}.{side}.{index}", "connection": "c{connection}", '
            f'"direction": "{side}", "index": {index}, "time_ns": {time_ns}, '
            f'"first_time_ns": {first_time_ns}, "frames": [{first_frame}, {last_frame}], '
            f'"stream_offset": {stream_offset}, "chunks": {chunks}, "fmt": {fmt}, '
            f'"csid": {csid}, "msid": {msid}, "type_id": {type_id}, "type": {name}, '
            f'"timestamp": {timestamp}, "length": {length}, "complete": {complete}, '
            f'"inferred": {inferred}, {tail}}}'
        ).replace("\x7f", "\\u007f")


class FrameText:
    """Writes coded frames: all with one header differ in DTS and PTS only."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[Template, str]] = {}

    def __call__(self, shared: Template, kind: str, timestamp: int) -> str:
        """Return ``info`` and the summary as JSON text."""
        known = self._texts.get(id(shared))
        if known is None:
            if len(self._texts) >= MAX_TEMPLATES:
                self._texts.clear()
            info = f'"info": {_string(shared.info)}, "{kind}": '.replace("%", "%%")
            known = self._texts[id(shared)] = (shared, info + _pattern(shared.summary))
        return known[1] % media_rows.times(shared, timestamp)


def _pattern(summary: dict[str, Any]) -> str:
    """Return the summary's JSON with ``%s`` where DTS and PTS stand, as far as it has them."""
    times = {key: "\1" for key in ("dts", "pts") if summary.get(key) is not None}
    return _encode(summary | times).replace("%", "%%").replace('"\\u0001"', "%s")


def as_dict(session: Session, row: int, request: Request) -> dict[str, Any]:
    """Return one message as the object that `lines` writes."""
    value = {name: session.value(row, name) for name in _NAMES[:-1]}
    side = DIRECTIONS[value["direction"]]
    info, summary = _words(session, row, request)
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
        found |= json.loads(f"{{{details(session, row, request)}}}")
    return found


class _Decoded:
    """Writes messages whose bodies are decoded: info, summary and the details asked for."""

    def __init__(self, session: Session, request: Request) -> None:
        self._session, self._request = session, request
        self._texts: dict[int, tuple[Dissection, str, Known]] = {}
        """By the dissection's id: equal messages share what was decoded."""

    def __call__(self, row: int) -> str:
        """Return the keys of one message as JSON text."""
        dissection = self._session.dissect(row)
        found = self._texts.get(id(dissection))
        if found is None:
            words = (dissection.info, summary_of(dissection))
            info, summary = _redacted(*words, self._request)
            text = f'"info": {_string(info)}'
            known: Known = (None, "")
            if summary is not None:
                known = summary[1], _encode(summary[1])
                text += f', "{summary[0]}": {known[1]}'
            if len(self._texts) >= MAX_SHARED or dissection.body.length > SMALL:
                self._texts.clear()  # one large tree is kept at most
            found = self._texts[id(dissection)] = dissection, text, known
        _, text, known = found
        if self._request.detail in ("fields", "bytes"):
            text += ", " + details(self._session, row, self._request, known)
        return text


def _words(session: Session, row: int, request: Request) -> tuple[str, Summary | None]:
    """Return info and summary; whoever asks for the fields has the whole body decoded anyway."""
    if request.detail in ("fields", "bytes"):
        return _redacted(session.dissect(row).info, session.decoded_summary(row), request)
    return _redacted(session.info(row), session.summary(row), request)


def _redacted(info: str, summary: Summary | None, request: Request) -> tuple[str, Summary | None]:
    redactor = request.redactor
    if redactor is None:
        return info, summary
    if summary is not None:
        summary = (summary[0], redactor.summary(summary[1]))
    return redactor.text(info), summary


def _missing(session: Session, row: int) -> str:
    return f'false, "missing": {_encode([list(span) for span in session.missing(row)])}'
