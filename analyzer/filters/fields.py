"""The table of filter fields: our names. Wireshark's stand in `wireshark`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from analyzer.filters import media_heads, summaries
from analyzer.filters.summary_keys import keys
from analyzer.filters.values import Array, Coded, Frames, Mask, Numbers, PerRow, Test, Values, View
from analyzer.session import Session
from dissectors.chunk_state import Flag

DIRECTIONS: Final = ("c2s", "s2c")
_KINDS: Final = {type_id: root for root, types in summaries.ROOTS.items() for type_id in types}
WORDS: Final = frozenset(
    "audio.codec audio.frame.codec audio.multitrack audio.packet_type audio.sound_type "
    "control.limit_type shared_object.events.event user_control.event "
    "video.codec video.command video.frame_type video.multitrack video.packet_type".split()
)
"""Fields with a small vocabulary: what the trees call it is as good as what the JSON calls it."""
_MESSAGE_ID: Final = re.compile(r"c(\d+)\.(c2s|s2c)\.(\d+)")


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A row of the table, for the documentation and for completion.

    `kind` decides how literals are read: integer, time (seconds), string, boolean, address (ipv4
    and ipv6 of one family), severity, connection, bytes, any, word (of a small vocabulary, spelled
    as one likes).
    """

    name: str
    kind: str
    description: str
    origin: str
    """``column`` (fast: 1,000,000 rows in a blink), ``connection`` or ``body`` (decoded)."""
    values: Values


class Diagnostics:
    """An attribute of the findings about a message."""

    cost = 1

    def __init__(self, attribute: str) -> None:
        self.attribute = attribute

    def any_match(self, view: View, test: Test) -> Mask:
        return self._rows(view, test)

    def present(self, view: View) -> Mask:
        return self._rows(view, None)

    def _rows(self, view: View, test: Test | None) -> Mask:
        wanted = set()
        for item in view.session.diagnostics:
            match = _MESSAGE_ID.fullmatch(item.message or "")
            if match and (test is None or test.one(getattr(item, self.attribute))):
                connection, direction, index = match.groups()
                wanted.add(_key(int(connection), DIRECTIONS.index(direction), int(index)))
        columns = [view.column(name) for name in ("connection", "direction", "index")]
        connections, directions, indexes = (column.astype(np.int64) for column in columns)
        keys = _key(connections, directions, indexes)
        return np.isin(keys, np.array(sorted(wanted), np.int64))


def _key(connection: Any, direction: Any, index: Any) -> Any:
    return (connection << 33) | (direction << 32) | index


def _complete(session: Session, flags: int, row: int) -> Iterable[Any]:
    return (bool(flags & Flag.COMPLETE),)


def _type(session: Session, type_id: int, row: int) -> Iterable[Any]:
    return (session.type_name(row), type_id)


def _stream_code(view: View) -> Array:
    return (view.column("connection").astype(np.int64) << 32) | view.column("msid")


def _stream(attribute: str) -> Coded:
    def values(session: Session, code: int, row: int) -> Iterable[Any]:
        streams = session.connections[code >> 32].streams
        return [getattr(s, attribute) for s in streams if s.msid == code & 0xFFFFFFFF]

    return Coded(_stream_code, values)


def of_connection(*path: str) -> Coded:
    """Return the source of an attribute (of an attribute) of the message's connection."""

    def values(session: Session, code: int, row: int) -> Iterable[Any]:
        value: Any = session.connections[code]
        for name in path:
            value = getattr(value, name, None)
        return (value,)

    return Coded("connection", values)


def _column(name: str, description: str, column: str = "") -> FieldInfo:
    return FieldInfo(name, "integer", description, "column", Numbers(column or name))


_COLUMNS: Final = (
    _column("csid", "chunk stream id"),
    _column("msid", "message stream id, inherited ones resolved"),
    _column("type_id", "message type id: 8 audio, 9 video, 20 AMF0 command …"),
    _column("fmt", "format (0–3) of the first chunk header"),
    _column("timestamp", "RTMP timestamp in milliseconds, deltas added up"),
    _column("length", "body length from the message header"),
    _column("received", "body bytes that were captured"),
    _column("chunks", "number of chunks"),
    _column("index", "number of the message within its direction, from 0"),
    _column("stream_offset", "where the first chunk header stands in the direction's stream"),
    FieldInfo(
        "frame",
        "integer",
        "capture frames that carry the message: == and in match any of them, order the last",
        "column",
        Frames(),
    ),
    FieldInfo(
        "time",
        "time",
        "seconds from the first packet to the message's last byte",
        "column",
        Numbers("time_ns"),
    ),
    FieldInfo(
        "first_time",
        "time",
        "seconds from the first packet to the message's first byte",
        "column",
        Numbers("first_time_ns"),
    ),
    FieldInfo(
        "connection",
        "connection",
        "connection: c0 or 0",
        "column",
        Numbers("connection"),
    ),
    FieldInfo(
        "direction",
        "word",
        "c2s (client to server) or s2c",
        "column",
        Coded("direction", lambda session, code, row: (DIRECTIONS[code],)),
    ),
    FieldInfo(
        "type",
        "any",
        "name of the message type, such as 'AMF0 Command', or its number",
        "column",
        Coded("type_id", _type),
    ),
    FieldInfo(
        "kind",
        "string",
        "key of the decoded summary: command, data, audio, video, control, user_control …",
        "column",
        Coded("type_id", lambda session, code, row: (_KINDS.get(code),)),
    ),
    FieldInfo(
        "complete", "boolean", "all of the body was captured", "column", Coded("flags", _complete)
    ),
    FieldInfo(
        "inferred",
        "string",
        "names of the values that were inferred, as after a gap",
        "column",
        Coded("flags", lambda session, code, row: session.inferred(row) or (None,)),
    ),
)

_CONNECTIONS: Final = (
    ("connection.variant", "word", "rtmp, rtmpt, rtmps, rtmpe …", ("variant",)),
    ("connection.app", "string", "application of the connect command", ("app",)),
    ("connection.tc_url", "string", "tcUrl of the connect command", ("tc_url",)),
    ("connection.flash_ver", "string", "flashVer of the connect command", ("flash_ver",)),
    ("connection.object_encoding", "integer", "0 AMF0, 3 AMF3", ("object_encoding",)),
    ("connection.role", "string", "publish, play or both", ("role",)),
    ("connection.closed_by", "string", "client.fin, server.rst …", ("closed_by",)),
    ("connection.client.ip", "address", "client's address", ("client", "ip")),
    ("connection.client.port", "integer", "client's port", ("client", "port")),
    ("connection.server.ip", "address", "server's address", ("server", "ip")),
    ("connection.server.port", "integer", "server's port", ("server", "port")),
    (
        "connection.proxied_client.ip",
        "address",
        "real client's address, from a PROXY header or SRS prefix",
        ("proxied_client", "ip"),
    ),
)

_DIAGNOSTICS: Final = (
    ("diagnostic", "string", "text of a finding about the message; alone: there is one"),
    ("diagnostic.severity", "severity", "severity of a finding about the message"),
    ("diagnostic.rule", "string", "rule of a finding about the message"),
    ("diagnostic.confidence", "string", "definite, likely or heuristic"),
    ("diagnostic.text", "string", "text of a finding about the message"),
)


def own_fields() -> list[FieldInfo]:
    """Return our own fields; every other path below a summary is a field as well."""
    found = list(_COLUMNS)
    found += [FieldInfo(n, k, d, "connection", of_connection(*p)) for n, k, d, p in _CONNECTIONS]
    found += [
        FieldInfo(
            "stream.name",
            "string",
            "name of the stream published or played on msid",
            "connection",
            _stream("name"),
        ),
        FieldInfo("stream.role", "string", "publish or play", "connection", _stream("role")),
    ]
    found += [
        FieldInfo(name, kind, text, "column", Diagnostics(name.partition(".")[2] or "text"))
        for name, kind, text in _DIAGNOSTICS
    ]
    found.append(
        FieldInfo(
            "id",
            "string",
            "the message's id, such as c0.c2s.3",
            "column",
            PerRow(lambda session, row: (session.message_id(row),)),
        )
    )
    found.append(
        FieldInfo(
            "info",
            "string",
            "the list's last column",
            "body",
            PerRow(lambda session, row: (session.info(row),)),
        )
    )
    found.append(
        FieldInfo(
            "body",
            "bytes",
            'the message body: contains "text" or 17:00:00',
            "body",
            PerRow(lambda session, row: (session.body(row).data,)),
        )
    )
    found += [
        FieldInfo(
            key.path,
            "word" if key.path in WORDS else "any",
            key.meaning,
            "column" if key.path in media_heads.FIELDS else "body",
            media_heads.source(key.path),
        )
        for key in keys()
    ]
    return found
