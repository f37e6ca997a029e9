"""The JSON report: one document, or one object per line. Written piece by piece.

Keys have a fixed order, what is unknown is null, text is ASCII, numbers are integers except
decoded AMF numbers. `schema.json` describes both forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, TextIO

from analyzer import __version__
from analyzer.export.messages import dumps, lines
from analyzer.export.request import Request
from analyzer.export.tcp import tcp_object
from analyzer.export.verdict import counts, verdict
from analyzer.index import Array
from analyzer.metrics.report import connection as metrics
from analyzer.model import (
    DIRECTIONS,
    ChunkSize,
    Connection,
    Diagnostic,
    Endpoint,
    Place,
    Verdict,
)
from analyzer.session import Session

if TYPE_CHECKING:
    from analyzer.redact import Redactor

SCHEMA: Final = "rtmp-analyze/report"
SCHEMA_VERSION: Final = "1.0"
_PIECES: Final = 512
"""Messages joined into one write."""


def write_document(session: Session, out: TextIO, request: Request) -> None:
    """Write the report as one JSON object; each array's items stand on lines of their own."""
    head = dumps(header(session, request))
    out.write(head[:-1])
    objects = (dumps(item) for item in connections(session, request))
    _array(out, "connections", objects)
    _array(out, "messages", _messages(session, request))
    _array(out, "diagnostics", (dumps(item) for item in diagnostics(session, request)))
    out.write(f',\n"summary": {dumps(summary(session, request))}}}\n')


def _array(out: TextIO, name: str, items: Iterator[str]) -> None:
    out.write(f',\n"{name}": [')
    first = True
    for block in _blocks(items):
        out.write(("\n" if first else ",\n") + ",\n".join(block))
        first = False
    out.write("]" if first else "\n]")


def _blocks(items: Iterator[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for item in items:
        block.append(item)
        if len(block) == _PIECES:
            yield block
            block = []
    if block:
        yield block


def write_lines(session: Session, out: TextIO, request: Request) -> None:
    """Write NDJSON: header, connections, messages, diagnostics, end."""
    write_header(session, out, request)
    _write_connections(session, out, request)
    messages = 0
    if request.detail != "summary":
        messages = write_messages(session, out, request, request.rows(session))
    write_end(session, out, request, messages)


def write_header(session: Session, out: TextIO, request: Request) -> None:
    """Write the header line; of a capture that still runs, what is known by now."""
    out.write(_kind("header", dumps(header(session, request))))


def _write_connections(session: Session, out: TextIO, request: Request) -> None:
    for item in connections(session, request):
        out.write(_kind("connection", dumps(item)))


def write_messages(session: Session, out: TextIO, request: Request, rows: Array) -> int:
    """Write the message lines of `rows`; return how many."""
    count = 0
    for block in _blocks(lines(session, rows, request)):
        count += len(block)
        out.write("".join([_kind("message", item) for item in block]))
    return count


def write_end(
    session: Session, out: TextIO, request: Request, messages: int, *, streamed: bool = False
) -> None:
    """Write diagnostics and the end line; where messages were streamed, before these the
    connections, and with the end the capture as it is now.
    """
    if streamed:
        _write_connections(session, out, request)
    found = 0
    for item in diagnostics(session, request):
        found += 1
        out.write(_kind("diagnostic", dumps(item)))
    end: dict[str, Any] = {"complete": True, "connections": len(session.connections)}
    end |= {"messages": messages, "diagnostics": found, "summary": summary(session, request)}
    if streamed:
        end["capture"] = header(session, request)["capture"]
    out.write(_kind("end", dumps(end)))


def _kind(kind: str, text: str) -> str:
    return f'{{"kind": "{kind}", {text[1:]}\n'


def _messages(session: Session, request: Request) -> Iterator[str]:
    if request.detail == "summary":
        return iter(())
    return lines(session, request.rows(session), request)


def header(session: Session, request: Request) -> dict[str, Any]:
    """Return what stands before the connections."""
    capture = session.capture
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "rtmp-analyze", "version": __version__},
        "capture": {
            "name": request.shown(capture.name),
            "format": capture.format,
            "compression": capture.compression,
            "size": capture.size,
            "packets": capture.packets,
            "link_types": capture.link_types,
            "start": capture.start,
            "duration_ns": capture.duration_ns,
            "truncated": capture.truncated,
        },
    }


def connections(session: Session, request: Request) -> Iterator[dict[str, Any]]:
    """Yield the connection objects."""
    for connection in session.connections:
        found = _connection(connection, request.redactor)
        found["verdict"] = _verdict(session.judgement.verdicts[connection.index], request)
        yield found | {"metrics": metrics(session.metrics.connection(connection.index))}


def _verdict(verdict: Verdict, request: Request) -> dict[str, Any]:
    return {
        "status": verdict.status,
        "blame": verdict.blame,
        "text": request.shown(verdict.text),
        "diagnostic": verdict.diagnostic,
    }


def _connection(connection: Connection, redactor: Redactor | None) -> dict[str, Any]:
    both = ("c2s", "s2c")
    return {
        "id": connection.id,
        "variant": connection.variant,
        "client": _endpoint(connection.client),
        "server": _endpoint(connection.server),
        "start_ns": connection.start_ns,
        "end_ns": connection.end_ns,
        "closed_by": connection.closed_by,
        "complete": {
            "from_start": connection.from_start,
            "handshake": connection.handshake_complete,
            "both_directions": connection.both_directions,
        },
        "handshake": connection.handshake,
        "proxied_client": _proxied(connection),
        "rtmp": _rtmp(connection, redactor),
        "chunk_size": {
            name: [_chunk_size(change) for change in changes]
            for name, changes in zip(both, connection.chunk_sizes, strict=True)
        },
        "tcp": tcp_object(connection),
    }


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    return {"ip": endpoint.ip, "port": endpoint.port}


def _proxied(connection: Connection) -> dict[str, Any] | None:
    peer = connection.proxied_client
    return None if peer is None else {"ip": peer.ip, "port": peer.port}


def _rtmp(connection: Connection, redactor: Redactor | None) -> dict[str, Any]:
    facts = connection.facts

    def shown(value: Any) -> Any:
        return value if redactor is None else redactor.value(value)

    return {
        "app": shown(facts.app),
        "tc_url": shown(facts.tc_url),
        "object_encoding": facts.object_encoding,
        "role": facts.role,
        "streams": [{"msid": s.msid, "name": shown(s.name), "role": s.role} for s in facts.streams],
        "flash_ver": shown(facts.flash_ver),
    }


def _chunk_size(change: ChunkSize) -> dict[str, Any]:
    return {
        "stream_offset": change.stream_offset,
        "size": change.size,
        "source": change.source,
    }


def diagnostics(session: Session, request: Request) -> Iterator[dict[str, Any]]:
    """Yield the finding objects."""
    for item in session.diagnostics:
        yield _diagnostic(item, request)


def _diagnostic(item: Diagnostic, request: Request) -> dict[str, Any]:
    def shown(text: Any) -> Any:
        return request.shown(text) if isinstance(text, str) else text

    return {
        "id": item.id,
        "rule": item.rule,
        "severity": item.severity,
        "status": item.status,
        "confidence": item.confidence,
        "connection": item.connection,
        "message": item.message,
        "frame": item.frame,
        "time_ns": item.time_ns,
        "text": shown(item.text),
        "expected": shown(item.expected),
        "actual": shown(item.actual),
        "section": item.section,
        "help": item.help,
        "fingerprint": item.fingerprint,
        "title": item.title,
        "direction": None if item.direction is None else DIRECTIONS[item.direction],
        "track": item.track,
        "count": item.count,
        "stream_span": item.span,
        "examples": [_place(place) for place in item.examples],
        "last": None if item.last is None else _place(item.last),
        "blame": item.blame,
        "cause": item.cause,
    }


def _place(place: Place) -> dict[str, Any]:
    return {
        "message": place.message,
        "frame": place.frame,
        "time_ns": place.time_ns,
        "stream_span": place.span,
    }


def summary(session: Session, request: Request) -> dict[str, Any]:
    """Return the report's last object."""
    found = counts(session)
    outcome = request.outcome
    checked: dict[str, Any] = {}
    if outcome is not None:
        checked["assertions"] = [
            item._asdict() | {"text": request.shown(item.text), "why": request.shown(item.why)}
            for item in outcome.checks
        ]
    return {
        "verdict": verdict(session, request.fail_on) if outcome is None else outcome.status,
        "errors": found["error"],
        "warnings": found["warning"],
        "notes": found["note"],
        "messages": len(session.messages),
        "limits_hit": session.limits_hit,
    } | checked
