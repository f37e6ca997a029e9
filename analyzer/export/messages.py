"""Message objects of the JSON report, written as text: they are many.

`lines` is the fast path: the keys every message has come from columns through one template.
`as_dict` is the same object the slow way; a test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from json.encoder import encode_basestring_ascii
from typing import Any, Final, NamedTuple

from analyzer import media_rows
from analyzer.export.kinds import ODD, kinds
from analyzer.export.nodes import Known, details
from analyzer.export.request import Request
from analyzer.failures import UNWRITTEN
from analyzer.index import Array
from analyzer.lookup import INFERRED, MEDIA_KINDS, SMALL, summary_of
from analyzer.media_rows import Template
from analyzer.model import DIRECTIONS
from analyzer.session import Session
from dissectors.chunk_state import Flag
from dissectors.fields import Dissection

BLOCK: Final = 4096
"""Rows whose columns are read together as Python lists."""
_VARYING: Final = (
    *("index", "index", "time_ns", "first_time_ns", "first_frame", "last_frame"),
    *("stream_offset", "chunks", "timestamp", "length"),
)
"""The numbers of a message's text, in its order."""
_NUMBERS: Final = (
    *("connection", "direction", *_VARYING[1:8], "fmt", "csid", "msid", "type_id"),
    *("timestamp", "length", "flags"),
)
_TIMESTAMP: Final = _VARYING.index("timestamp")
_TIMES: Final = ("dts", "pts")
DETAILED: Final = ("fields", "bytes")
"""Details that have every body decoded."""
_UNCERTAIN: Final = sum(INFERRED)
MAX_PATTERNS: Final = 4096
"""Kinds of rows remembered; composition times make some dozens of them."""
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


class Pattern(NamedTuple):
    """The text of rows of one kind."""

    text: str
    """With ``%d`` for each of `_VARYING`, then for DTS and PTS as far as they stand there."""
    shared: Template | None
    """What frames have in common; None where each body is decoded and its text follows."""
    times: int = 0


def lines(session: Session, rows: Array, request: Request) -> Iterator[str]:
    """Yield each message as JSON text without its braces' line end."""
    patterns: dict[bytes, Pattern] = {}
    decoded = _Decoded(session, request)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        lists = [session.messages.column(name)[block].tolist() for name in _VARYING]
        numbers = zip(*lists, strict=True)
        for row, kind, values in zip(block.tolist(), kinds(session, block), numbers, strict=True):
            try:
                pattern = patterns.get(kind)
                if pattern is None:
                    pattern = _pattern(session, row, request)
                    if kind != ODD:
                        if len(patterns) >= MAX_PATTERNS:
                            patterns.clear()
                        patterns[kind] = pattern
                text, shared, times = pattern
                if shared is None:
                    words = decoded(row).replace("\x7f", "\\u007f")
                    line = f"{text % values}{words}}}"
                elif times:
                    line = text % (*values, *media_rows.times(shared, values[_TIMESTAMP]))
                else:
                    line = text % values
            except Exception as error:
                session.unwritten(row, error)
                line = f'{_columns(session, row) % values}"info": {_string(UNWRITTEN)}}}'
            yield line


def _pattern(session: Session, row: int, request: Request) -> Pattern:
    """Return the text of all rows of a row's kind."""
    text, type_id = _columns(session, row), session.value(row, "type_id")
    shared = None
    if type_id in MEDIA_KINDS and request.detail not in DETAILED:
        shared = session.template(row)
    if shared is None:
        return Pattern(text, None)
    text += f'"info": {_percent(_string(shared.info))}, "{MEDIA_KINDS[type_id]}": '
    text += _with_times(shared.summary) + "}"
    times = sum(shared.summary.get(key) is not None for key in _TIMES)
    return Pattern(text.replace("\x7f", "\\u007f"), shared, times)


def _columns(session: Session, row: int) -> str:
    """Return what comes from the columns, with ``%d`` for each of `_VARYING`."""
    names = ("connection", "direction", "fmt", "csid", "msid", "type_id", "flags")
    connection, direction, fmt, csid, msid, type_id, flags = (
        session.value(row, name) for name in names
    )
    side = DIRECTIONS[direction]
    complete = "true" if flags & Flag.COMPLETE else _missing(session, row)
    inferred = _encode(session.inferred(row)) if flags & _UNCERTAIN else "[]"
    return (
        f'{{"id": "c{connection}.{side}.%d", "connection": "c{connection}", '
        f'"direction": "{side}", "index": %d, "time_ns": %d, '
        f'"first_time_ns": %d, "frames": [%d, %d], '
        f'"stream_offset": %d, "chunks": %d, "fmt": {fmt}, '
        f'"csid": {csid}, "msid": {msid}, "type_id": {type_id}, '
        f'"type": {_string(session.type_name(row))}, '
        f'"timestamp": %d, "length": %d, "complete": {complete}, "inferred": {inferred}, '
    )


def _with_times(summary: dict[str, Any]) -> str:
    """Return the summary's JSON with ``%d`` where DTS and PTS stand, as far as it has them."""
    times = {key: "\1" for key in _TIMES if summary.get(key) is not None}
    return _percent(_encode(summary | times)).replace('"\\u0001"', "%d")


def _percent(text: str) -> str:
    return text.replace("%", "%%")


def as_dict(session: Session, row: int, request: Request) -> dict[str, Any]:
    """Return one message as the object that `lines` writes."""
    value = {name: session.value(row, name) for name in _NUMBERS}
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
    for name in (*_NUMBERS[7:13], "type", "timestamp", "length", "complete"):
        found[name] = value.get(name)
    found["type"] = session.type_name(row)
    found["complete"] = bool(value["flags"] & Flag.COMPLETE)
    if not found["complete"]:
        found["missing"] = [list(span) for span in session.missing(row)]
    found["inferred"] = session.inferred(row)
    found["info"] = info
    if summary is not None:
        found[summary[0]] = summary[1]
    if request.detail in DETAILED:
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
        if self._request.detail not in DETAILED:
            plain = self._session.brief(row)
            if plain is not None:
                return self._text(*plain)[0]
        dissection = self._session.dissect(row)
        found = self._texts.get(id(dissection))
        if found is None:
            text, known = self._text(dissection.info, summary_of(dissection))
            if len(self._texts) >= MAX_SHARED or dissection.body.length > SMALL:
                self._texts.clear()  # one large tree is kept at most
            found = self._texts[id(dissection)] = dissection, text, known
        _, text, known = found
        if self._request.detail in DETAILED:
            text += ", " + details(self._session, row, self._request, known)
        return text

    def _text(self, info: str, summary: Summary | None) -> tuple[str, Known]:
        """Return info and summary as JSON text, and the summary with its own."""
        info, summary = _redacted(info, summary, self._request)
        text = f'"info": {_string(info)}'
        if summary is None:
            return text, (None, "")
        known = _encode(summary[1])
        return f'{text}, "{summary[0]}": {known}', (summary[1], known)


def _words(session: Session, row: int, request: Request) -> tuple[str, Summary | None]:
    """Return info and summary; whoever asks for the fields has the whole body decoded anyway."""
    if request.detail in DETAILED:
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
