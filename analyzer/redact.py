"""Credentials that RTMP carries in clear, replaced by placeholders in what leaves the machine.

Secrets are stream names (they are stream keys), query strings of connect's URLs, user:password@,
parameters of authentication schemes, and every echo of them, in hex as well. Each becomes
``‹key#1›``, ``‹key#2›`` … in order of first appearance in one output.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, unquote_to_bytes

from analyzer.redaction.finder import SHORT, Finder
from dissectors import spec
from dissectors.budget import BYTES_PER_VALUE, FREE_VALUES, LEAST_VALUES
from dissectors.text import LABEL_LIMIT, safe

if TYPE_CHECKING:
    from analyzer.index import Array
    from analyzer.session import Session
    from dissectors.fields import Field

MAX_SECRETS: Final = 10_000
"""Past this every captured text is hidden: a leak is worse than a report that says less."""
MAX_SECRET_LENGTH: Final = 65_535
"""Longest AMF0 String; a longer "name" is found by its beginning."""
FREE_BYTES: Final = 300_000
"""Bytes of commands and metadata searched whatever the capture's size: decoding takes up to 6 s
for a megabyte made for that. What is not searched must not be shown, so all text is hidden."""
BYTES_PER_MESSAGE: Final = 4096
BYTES_PER_TEXT: Final = 64
FIELDS_PER_VALUE: Final = 3
LARGE: Final = 10_000
"""Fields from which on a message pays in full: no real one has so many."""
MAX_RUNS: Final = 64
"""Texts looked at in the undecoded bytes of one message."""
HIDDEN: Final = "‹hidden›"

NAME_COMMANDS: Final = frozenset(
    "publish play play2 releaseStream deleteStream closeStream FCPublish FCUnpublish FCSubscribe "
    "FCUnsubscribe getStreamLength DVRGetStreamInfo DVRSubscribe set_playlist secureTokenResponse "
    "NetStream.Authenticate.UsherToken".split()
)
_NO_SECRETS: Final = NAME_COMMANDS | {"live", "record", "append", "connect", "createStream"}
"""Words of the protocol, which may stand behind a hole as well."""
TEXT_TYPES: Final = (
    spec.COMMAND_AMF0,
    spec.COMMAND_AMF3,
    spec.DATA_AMF0,
    spec.DATA_AMF3,
    spec.SHARED_OBJECT_AMF0,
    spec.SHARED_OBJECT_AMF3,
)
ORDINARY: Final = frozenset(
    "live record append vod app stream streams video audio data test default publish play connect "
    "status error warning null true false name code level description rtmp rtmps flash nonprivate "
    "_definst_ media mp4: flv: mp3: message command object string number boolean type info body "
    "size format timestamp header control chunk keyframe frame avc aac hevc adobe llnw client "
    "server id key user pass password token auth none".split()
)
"""Words of the protocol and of our labels: as a stream's name they say little, and replaced
inside other texts they would leave nothing to read."""
_PARAMETER: Final = re.compile(r"(?<![\w.-])([\w.-]{1,64})\s{0,8}=\s{0,8}([^&;,#\s'\"\])>]+)")
_SENSITIVE: Final = re.compile(
    r"token|secret|passw|passphrase|signature|credential|streamkey|challenge|response|nonce"
    r"|(?:auth|sign|hash|key|pwd|salt|opaque|hmac|md5|jwt|sid|sig)$"
    r"|^(?:pass|user|username|login)$",
    re.IGNORECASE,
)
"""Names of parameters whose values are credentials, wherever they stand."""
_QUERY: Final = re.compile(r"[a-z]{3,6}://[^\s'\"?#]{0,2048}\?([^\s'\"]+)", re.IGNORECASE)
_USERINFO: Final = re.compile(r"://([^/\s'\"]+)@")
"""Up to the last @ before the path: a password may hold one itself."""
_HEX_RUN: Final = re.compile(r"(?:[0-9a-f]{2}){3,}")
_URL_MEMBERS: Final = frozenset({"app", "tcurl", "pageurl", "swfurl", "redirect"})
_NAME_MEMBERS: Final = frozenset({"", "streamname", "oldstreamname"})
"""Members of play2's parameters that hold names; set_playlist numbers its paths."""
_ECHOES: Final = re.compile(
    r"(\S+) is (?:now|already) (?:un)?publish(?:ed|ing).*"
    r"|(?:Playing and resetting|(?:Start|Stopp)ed playing|Failed to play|Publishing) (\S+?)[.;]?"
    r"|FC(?:Un)?[Pp]ublish to stream (\S+?)[.;]?",
    re.DOTALL,
)
"""How Flash Media Server's status descriptions name a stream: all there is when only the server's
side was captured."""
_PREFIX: Final = re.compile(r"(?:mp4|flv|mp3|f4v|raw|id3):(.+)", re.DOTALL)


class Secrets:
    """The secrets found so far. `whole` stand alone as values, `parts` also inside others."""

    def __init__(self) -> None:
        self.whole: dict[str, str] = {}
        """Text as it may appear → the secret it stands for."""
        self.parts: dict[str, str] = {}
        self.raw: dict[bytes, str] = {}
        """Bytes as they stand on the wire → the secret."""
        self.words: dict[bytes, str] = {}
        """The same of short and ordinary ones, secret only where they are a whole value."""
        self.overflow = False
        self.searched = 0
        """AMF values looked at. What was not looked at must not be shown: at the limit that
        state has too (`dissectors.budget`), all captured text is hidden."""

    def add(self, text: str, raw: bytes | None = None, secret: str = "") -> None:
        """Register `text` with its forms: as labels show it, percent-decoded, as bytes."""
        if not text or text.startswith("‹key#"):
            return
        if len(self.whole) >= MAX_SECRETS:
            self.overflow = True
            return
        text = text[:MAX_SECRET_LENGTH]
        if text in self.whole and raw is None:
            return
        secret = secret or self.whole.get(text, text)
        ordinary = len(text) < SHORT or text.lower() in ORDINARY
        escaped = quote(text, safe="", errors="surrogatepass")
        for form in {text, safe(text), safe(text[:LABEL_LIMIT]), unquote(text), escaped}:
            self.whole.setdefault(form, secret)
            if not ordinary and len(form) >= SHORT:
                self.parts.setdefault(form, secret)
        plain = raw or text.encode("utf-8", "surrogatepass")
        for data in {plain, unquote_to_bytes(text), escaped.encode()}:
            if not ordinary and len(data) >= SHORT:
                self.raw.setdefault(data, secret)
            elif len(data) < 64:
                self.words.setdefault(data, secret)

    def update(self, other: Secrets) -> None:
        """Take the secrets of another capture, too: one output may tell of several."""
        self.whole = other.whole | self.whole
        self.parts = other.parts | self.parts
        self.raw = other.raw | self.raw
        self.words = other.words | self.words
        self.overflow |= other.overflow or len(self.whole) > MAX_SECRETS

    def name(self, text: str, raw: bytes | None = None) -> None:
        """Register a stream name: whole, and what servers echo of it."""
        self.add(text, raw)
        bare = _PREFIX.fullmatch(text)
        if bare:
            self.add(bare[1])
        plain, mark, query = (bare[1] if bare else text).partition("?")
        if mark:
            self.add(plain)
            self.query(query)
        self.add(plain.rpartition("/")[2])

    def query(self, text: str) -> None:
        """Register a query string and its parameters' values."""
        text = text.partition("#")[0]
        self.add(text)
        for parameter in text.split("&")[:64]:
            value = parameter.partition("=")[2]
            if len(value) >= SHORT and value.lower() not in ORDINARY:
                self.add(value)

    def url(self, text: str) -> None:
        """Register the query string of an application name or URL."""
        query = text.partition("?")[2]
        if query:
            self.query(query)

    def search(self, text: str) -> None:
        """Register what any captured text gives away: URLs, user:password@, parameters."""
        if "://" in text:
            for match in _USERINFO.finditer(text):
                self.add(match[1])
                user, colon, password = match[1].partition(":")
                for part in (user, password) if colon else ():
                    self.add(part)
            for match in _QUERY.finditer(text):
                self.query(match[1])
        if "=" in text:
            for match in _PARAMETER.finditer(text):
                if _SENSITIVE.search(match[1]) and match[2].lower() not in ORDINARY:
                    self.add(match[2])


def collect(session: Session) -> Secrets:
    """Find the secrets of a capture, in the order of its messages."""
    secrets = Secrets()
    extend(secrets, session, session.order())
    return secrets


def extend(secrets: Secrets, session: Session, rows: Array) -> bool:
    """Add the secrets of messages that came since; False when there were none to look at."""
    import numpy as np

    types = session.messages.column("type_id")[rows]
    found = rows[np.isin(types, TEXT_TYPES)].tolist()
    room = FREE_VALUES + session.bounds.budget.fed // BYTES_PER_VALUE
    for row in found:
        if secrets.searched > room:
            secrets.overflow = True
            break
        _of_message(session, row, secrets)
        fields = sum(1 for _ in session.dissect(row).body.walk())
        cost = fields if fields > LARGE else fields // FIELDS_PER_VALUE
        secrets.searched += max(cost, LEAST_VALUES)
    for connection in session.connections:
        for url in (connection.app, connection.tc_url):
            if isinstance(url, str):
                secrets.url(url)
                secrets.search(url)
        for stream in connection.streams:
            if isinstance(stream.name, str):
                secrets.name(stream.name)
                if not stream.name and connection.app:
                    # The whole address was pasted into the server's field, key and all.
                    secrets.name(connection.app.partition("/")[2])
    return bool(found)


def _of_message(session: Session, row: int, secrets: Secrets) -> None:
    found = session.summary(row)
    if found is None or not isinstance(found[1], dict):
        return
    kind, summary = found
    for member, text in _strings(summary):
        if member in _URL_MEMBERS:
            secrets.url(text)
        if _SENSITIVE.search(member) and len(text) >= SHORT and text.lower() not in ORDINARY:
            secrets.add(text)
        if member == "description" and (echo := _ECHOES.fullmatch(text)):
            secrets.name(echo[1] or echo[2] or echo[3])
        elif member == "details" and kind == "command" and len(text.split()) == 1:
            secrets.name(text)  # the stream's name in Flash Media Server's onStatus
        secrets.search(text)
    name = summary.get("name")
    if kind != "command" or not isinstance(name, str | None):
        return
    if name in NAME_COMMANDS:
        for value in summary.get("arguments", [])[:1]:
            for member, text in _strings(value):
                if member not in _NAME_MEMBERS and not member.isdigit():
                    continue
                raw = _raw(session, row, text) if "\ufffd" in text else None
                secrets.name(text, raw)
    if name == "connect":
        # RTMP 1.0 §7.2.1.1: optional user arguments; names and passwords, where there are any.
        for _, text in _strings(summary.get("arguments", [])):
            if len(text) >= SHORT and text.lower() not in ORDINARY:
                secrets.add(text)
    if name in NAME_COMMANDS or name is None or name == "connect":
        for node in session.dissect(row).body.walk():
            if node.name == "undecoded" and node.length >= SHORT:
                _undecoded(session, row, node, secrets)


def _undecoded(session: Session, row: int, node: Field, secrets: Secrets) -> None:
    """A name whose length is wrong, that is cut off or behind a hole is in bytes nobody decoded."""
    data = session.body(row).data[node.start : node.end].strip(b"\0")
    secrets.search(data.decode("utf-8", "replace"))
    for printable in islice(re.finditer(rb"[\x20-\x7e\x80-\xff]{4,}", data), MAX_RUNS):
        text = printable[0].decode("utf-8", "replace")
        if text not in _NO_SECRETS:
            secrets.add(text, printable[0])


def _raw(session: Session, row: int, text: str) -> bytes | None:
    """Return the bytes of a string that is no valid UTF-8."""
    for node in session.dissect(row).body.walk():
        if node.value == text and not node.children:
            return session.body(row).data[node.start : node.end]
    return None


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (lower-case member name, text) of every string in a JSON-ready value."""
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        member, item = stack.pop()
        if isinstance(item, str):
            yield member, item
        elif isinstance(item, list):
            stack.extend((member, part) for part in reversed(item))
        elif isinstance(item, dict):
            pairs: Iterable[Any] = item.items()
            if isinstance(item.get("$pairs"), list):
                pairs = item["$pairs"]
            stack.extend((str(key).lower(), part) for key, part in reversed(list(pairs)))


def _values(data: bytes) -> tuple[bytes, bytes]:
    """Return a short string as a whole value: AMF0 with its length, AMF3 with marker and length."""
    return (
        b"\x02" + len(data).to_bytes(2, "big") + data,
        b"\x06" + bytes([len(data) << 1 | 1]) + data,
    )


class Redactor:
    """Replaces secrets in one output; placeholders are numbered as they appear in it."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self._numbers: dict[str, int] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take notice of secrets that were added."""
        secrets = self.secrets
        self._texts = Finder(secrets.parts)
        values = {form: secrets.words[data] for data in secrets.words for form in _values(data)}
        wanted = {data.hex(): secret for data, secret in (secrets.raw | values).items()}
        self._bytes = Finder(wanted, 2)
        quoted = [form for form in secrets.whole if form not in secrets.parts]
        # Short ones stand quoted in labels and in the info column: publish('a').
        self._quoted = Finder({f"'{form}'": secrets.whole[form] for form in quoted})

    def placeholder(self, secret: str) -> str:
        """Return ``‹key#n›`` for a secret."""
        return f"‹key#{self._numbers.setdefault(secret, len(self._numbers) + 1)}›"

    def text(self, text: str) -> str:
        """Redact a captured text, a label or the info column."""
        if self.secrets.overflow:
            return HIDDEN
        if text in self.secrets.whole:
            return self.placeholder(self.secrets.whole[text])
        text = self._texts.replace(text, self.placeholder)
        if "'" in text:
            text = self._quoted.replace(text, lambda secret: f"'{self.placeholder(secret)}'")
        if "…" in text:
            text = self._cut(text)
        if self.secrets.raw:
            text = _HEX_RUN.sub(lambda run: self.hex(run[0]), text)
        return text

    def hex(self, digits: str, *, cut: bool = False) -> str:
        """Redact hex digits (two per byte); `cut` says that more bytes followed."""
        if self.secrets.overflow:
            return HIDDEN
        digits = self._bytes.replace(digits, self.placeholder)
        return self._bytes.replace_end(digits, self.placeholder, 2 * SHORT) if cut else digits

    def hidden_bytes(self, data: bytes) -> list[tuple[int, int]]:
        """Return (start, length) of what a hex dump of `data` must not show."""
        if self.secrets.overflow:
            return [(0, len(data))]
        return [
            (start // 2, (length + 1) // 2) for start, length, _ in self._bytes.find(data.hex())
        ]

    def _cut(self, text: str) -> str:
        """Redact the beginnings of secrets before an ellipsis."""
        pieces = text.split("…")
        for number, piece in enumerate(pieces[:-1]):
            run = re.search(r"(?:[0-9a-f]{2})+\Z", piece)
            if run:
                piece = piece[: run.start()] + self.hex(run[0], cut=True)
            pieces[number] = self._texts.replace_end(piece, self.placeholder)
        return "…".join(pieces)

    def value(self, value: Any) -> Any:
        """Return a JSON-ready value with every string in it redacted."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            if isinstance(value.get("$hex"), str):
                cut = value.get("length", 0) * 2 > len(value["$hex"])
                return value | {"$hex": self.hex(value["$hex"], cut=cut)}
            return {
                key if key.startswith("$") else self.text(key): self.value(item)
                for key, item in value.items()
            }
        return value

    def summary(self, summary: dict[str, Any]) -> dict[str, Any]:
        """Redact a message summary, whose own member names and command name are not captured."""
        return {
            key: item
            if key == "name" and isinstance(item, str) and len(item) < 64 and self._known(item)
            else self.value(item)
            for key, item in summary.items()
        }

    def _known(self, name: str) -> bool:
        return name in NAME_COMMANDS or name.lower() in ORDINARY
