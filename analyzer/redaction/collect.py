"""Where a capture's secrets stand: stream names, URLs, credentials, echoes, undecoded bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analyzer.media_parts import tags
from analyzer.redaction.credentials import SENSITIVE
from analyzer.redaction.secrets import NAME_COMMANDS, ORDINARY, Secrets, is_number
from dissectors import spec
from dissectors.budget import BYTES_PER_VALUE, FREE_VALUES, LEAST_VALUES
from dissectors.messages.command_names import ARGUMENTS

if TYPE_CHECKING:
    from analyzer.index import Array
    from analyzer.lookup import Lookup
    from analyzer.session import Session

FIELDS_PER_VALUE: Final = 3
LARGE: Final = 10_000
"""Fields from which on a message pays in full: no real one has so many."""
MAX_RUNS: Final = 64
"""Texts looked at in the undecoded bytes of one message."""
TEXT_TYPES: Final = (
    spec.COMMAND_AMF0,
    spec.COMMAND_AMF3,
    spec.DATA_AMF0,
    spec.DATA_AMF3,
    spec.SHARED_OBJECT_AMF0,
    spec.SHARED_OBJECT_AMF3,
)
UNREAD: Final = frozenset({"undecoded", "raw_data"})
"""Leaves of bytes that nobody decoded."""
_PROTOCOL: Final = (
    *sorted(NAME_COMMANDS),
    *"live record append connect createStream onStatus _result _error onFCPublish".split(),
    *"onFCUnpublish app type nonprivate flashVer tcUrl swfUrl pageUrl objectEncoding".split(),
    *"level status error code description fmsVer capabilities onMetaData @setDataFrame".split(),
    *"NetConnection.Connect.Success NetStream.Publish.Start NetStream.Play.Start".split(),
)
"""Words of the protocol: they, or what a hole leaves of them, are no secrets."""
_URL_MEMBERS: Final = {
    "app": Secrets.application,
    "tcurl": Secrets.address,
    "pageurl": Secrets.url,
    "swfurl": Secrets.url,
    "redirect": Secrets.url,
}
"""Members that are a URL or part of one → what finds the secrets in it."""
_NO_VALUES: Final = frozenset({"$number", "$amf", "$class"})
"""Members of the report's escape forms that say what a value is, not the value."""
_STREAM_MEMBERS: Final = frozenset({"streamname", "stream_name", "playpath"})
_NO_NAMES: Final = frozenset({"transition"})
"""Members of play2's parameters that hold no stream's name."""
_LOGIN: Final = re.compile(rf"login|{SENSITIVE.pattern}", re.IGNORECASE)
"""Names of remote calls whose arguments are credentials."""
_ECHOES: Final = re.compile(
    r"(\S+) is (?:now|already) (?:un)?publish(?:ed|ing).*"
    r"|(?:Playing and resetting|(?:Start|Stopp)ed playing|Failed to play|Publishing) (\S+?)[.;]?"
    r"|FC(?:Un)?[Pp]ublish to stream (\S+?)[.;]?",
    re.DOTALL,
)
"""How Flash Media Server's status descriptions name a stream: all there is when only the server's
side was captured."""
_STRING: Final = re.compile(rb"\x02(?=(..))", re.DOTALL)
_PRINTABLE: Final = re.compile(rb"[\x20-\x7e\x80-\xff]{4,}")


def collect(session: Session) -> Secrets:
    """Find the secrets of a capture, in the order of its messages."""
    secrets = Secrets()
    extend(secrets, session, session.order())
    return secrets


def extend(secrets: Secrets, session: Session, rows: Array) -> bool:
    """Add the secrets of messages that came since; False when there are no more than before."""
    before = len(secrets.whole), secrets.overflow
    room = FREE_VALUES + session.bounds.budget.fed // BYTES_PER_VALUE
    for row in text_rows(session, rows):
        secrets.overflow |= secrets.searched > room
        if secrets.overflow:
            break
        try:
            _of_message(session, row, secrets)
        except Exception as error:
            session.unwritten(row, error)
            secrets.overflow = True  # nobody knows what stands there
        fields = sum(1 for _ in session.dissect(row).body.walk())
        cost = fields if fields > LARGE else fields // FIELDS_PER_VALUE
        secrets.searched += max(cost, LEAST_VALUES)
    for connection in session.connections:
        for url, find in (
            (connection.app, secrets.application),
            (connection.tc_url, secrets.address),
        ):
            if isinstance(url, str):
                find(url)
                secrets.search(url)
        for stream in connection.streams:
            if isinstance(stream.name, str):
                secrets.name(stream.name)
                if not stream.name and connection.app:
                    # The whole address was pasted into the server's field, key and all.
                    secrets.name(connection.app.partition("/")[2])
    if session.failures.of("decoding"):
        secrets.overflow = True  # nobody knows what stood there
    return before != (len(secrets.whole), secrets.overflow)


def text_rows(session: Lookup, rows: Array) -> Iterator[int]:
    """Yield the messages that hold text: commands, data, shared objects, also in aggregates."""
    types = session.messages.column("type_id")[rows]
    for row in rows[np.isin(types, (*TEXT_TYPES, spec.AGGREGATE))].tolist():
        if has_text(session, row):
            yield row


def has_text(session: Lookup, row: int) -> bool:
    """Whether a message holds text: its own type says so, or an aggregate's tag does."""
    type_id = session.value(row, "type_id")
    if type_id != spec.AGGREGATE:
        return type_id in TEXT_TYPES
    # Also one in the other: what is nested is not decoded, so nobody knows what is in it.
    return any(tag.type_id in TEXT_TYPES for tag in tags(type_id, session.body(row).data))


def unread(session: Lookup, row: int) -> list[tuple[int, int]]:
    """Return (start, length) of the bytes of a text message that nobody decoded."""
    return [
        (node.start, node.length)
        for node in session.dissect(row).body.walk()
        if node.name in UNREAD and node.length and not node.children
    ]


def _of_message(session: Session, row: int, secrets: Secrets) -> None:
    found = session.summary(row)
    if found is None or not isinstance(found[1], dict):
        return
    if found[0] == "aggregate":
        for message in found[1].get("messages", ()):
            for kind in ("command", "data", "shared_object"):
                if isinstance(message.get(kind), dict):
                    _of_summary(session, row, kind, message[kind], secrets)
    else:
        _of_summary(session, row, *found, secrets)


def _of_summary(
    session: Session, row: int, kind: str, summary: dict[str, Any], secrets: Secrets
) -> None:
    # What our own names call a value stands among the arguments as well.
    captured = {key: value for key, value in summary.items() if key != "named"}
    for member, text, below in _leaves(captured):
        if below:
            _credential(session, row, member, text, secrets)
        if not isinstance(text, str):
            continue
        if member in _URL_MEMBERS:
            _URL_MEMBERS[member](secrets, text)
        if member in _STREAM_MEMBERS:
            secrets.name(text)
        if member == "description" and kind == "command":
            if named := _ECHOES.fullmatch(text):
                secrets.name(named[1] or named[2] or named[3])
            secrets.echo(text)
        elif member == "details" and kind == "command" and len(text.split()) == 1:
            secrets.name(text)  # the stream's name in Flash Media Server's onStatus
        secrets.search(text)
    name = summary.get("name")
    if isinstance(name, str | None):
        if kind == "command":
            _of_command(session, row, name, summary.get("arguments", []), secrets)
        if kind != "command" or name in NAME_COMMANDS or name in (None, "connect"):
            for start, length in unread(session, row):
                _undecoded(session.body(row).data[start : start + length], kind, secrets)


def _of_command(
    session: Session, row: int, name: str | None, arguments: list[Any], secrets: Secrets
) -> None:
    if name in NAME_COMMANDS:
        for member, text in _strings(arguments[:1]):
            if member == "$hex":
                secrets.name(text, bytes.fromhex(text))
            elif member not in _NO_NAMES | _NO_VALUES:
                secrets.name(text, _raw(session, row, text) if "\ufffd" in text else None)
        if arguments and is_number(arguments[0]) and name != "deleteStream":
            secrets.name(str(arguments[0]))
            secrets.number(arguments[0])
    elif name == "connect" or (name and name not in ARGUMENTS and _LOGIN.search(name)):
        # RTMP 1.0 §7.2.1.1: optional user arguments; names and passwords, where there are any.
        for member, value, _ in _leaves(arguments):
            _credential(session, row, member, value, secrets)


def _credential(
    session: Session, row: int, member: str, value: str | float, secrets: Secrets
) -> None:
    """Register a value that is one for where it stands."""
    if not isinstance(value, str):
        if not member.startswith("$"):
            secrets.number(value)
    elif member == "$hex":
        secrets.add(value, bytes.fromhex(value))
        for whole in _byte_arrays(session, row, value):
            secrets.add(whole.hex(), whole)
    elif member not in _NO_VALUES and value.lower() not in ORDINARY:
        secrets.add(value, _raw(session, row, value) if "\ufffd" in value else None)


def _undecoded(data: bytes, kind: str, secrets: Secrets) -> None:
    """A name whose length is wrong, that is cut off or behind a hole is in bytes nobody decoded."""
    data = data.strip(b"\0")
    secrets.search(data.decode("utf-8", "replace"))
    if kind != "command":
        return  # most of it is no secret, and it is hidden where it stands
    for marker in islice(_STRING.finditer(data), MAX_RUNS):
        raw = data[marker.start() + 3 :][: int.from_bytes(marker[1], "big")]
        text = raw.decode("utf-8", "replace")
        if text.isprintable() and not _is_protocol(text):
            secrets.name(text, raw)
    for printable in islice(_PRINTABLE.finditer(data), MAX_RUNS):
        text = printable[0].decode("utf-8", "replace")
        if not _is_protocol(text):
            secrets.add(text, printable[0])


def _is_protocol(text: str) -> bool:
    return any(text in word for word in _PROTOCOL)


def _raw(session: Session, row: int, text: str) -> bytes | None:
    """Return the bytes of a string that is no valid UTF-8."""
    for node in session.dissect(row).body.walk():
        if node.value == text and not node.children:
            return session.body(row).data[node.start : node.end]
    return None


def _byte_arrays(session: Session, row: int, digits: str) -> Iterator[bytes]:
    """Yield the bytes of which the report has only the first, `digits`."""
    for node in session.dissect(row).body.walk():
        value = node.value
        if isinstance(value, dict) and value.get("$hex") == digits and "length" in value:
            size = value["length"]
            if 2 * size > len(digits):
                yield session.body(row).data[node.end - size : node.end]


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (lower-case member name, text) of every string in a JSON-ready value."""
    for member, item, _ in _leaves(value):
        if isinstance(item, str):
            yield member, item


def _leaves(value: Any) -> Iterator[tuple[str, str | float, bool]]:
    """Yield (lower-case member name, text or number, whether the name or one above it is that of
    a credential) in a JSON-ready value."""
    stack: list[tuple[str, Any, bool]] = [("", value, False)]
    while stack:
        member, item, below = stack.pop()
        if isinstance(item, str) or is_number(item):
            yield member, item, below
        elif isinstance(item, list):
            stack.extend((member, part, below) for part in reversed(item))
        elif isinstance(item, dict):
            for key, part in reversed(list(_members(item))):
                stack.append((key, part, below or SENSITIVE.search(key) is not None))


def _members(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield (lower-case name, value) of an object's members, the report's escape forms undone."""
    for form in ("$pairs", "$dictionary"):
        if isinstance(value.get(form), list):
            for key, part in value[form]:
                if form == "$dictionary":
                    yield form, key
                yield str(key).lower(), part
            return
    for key, part in value.items():
        yield str(key).lower(), part
