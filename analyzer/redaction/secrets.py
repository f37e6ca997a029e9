"""The secrets of a capture: every form in which one may appear, and what it consists of.

``name?token=x`` is three secrets, of which `name` is the same as where it stands alone.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import combinations
from typing import Final, TypeGuard
from urllib.parse import quote, unquote, unquote_to_bytes

from analyzer.redaction.credentials import SENSITIVE, path_keys
from analyzer.redaction.encodings import encodings, u29
from analyzer.redaction.finder import SHORT
from dissectors.messages.command_names import ARGUMENTS
from dissectors.messages.metadata import UNITS
from dissectors.status_codes import STATUS_CODES
from dissectors.text import LABEL_LIMIT, safe

MAX_SECRETS: Final = 10_000
"""Past this every captured text is hidden: a leak is worse than a report that says less."""
MAX_SHORT_NAMES: Final = 64
LEAST_CUT: Final = 8
"""Characters from which on the beginning of a name, half of it at least, counts as the name."""
MAX_ECHO: Final = 1024
"""Characters of a status text that is looked at; servers write a line."""
MAX_SECRET_LENGTH: Final = 65_535
"""Longest AMF0 String; a longer "name" is found by its beginning."""

NAME_COMMANDS: Final = frozenset(
    "publish play play2 releaseStream deleteStream closeStream FCPublish FCUnpublish FCSubscribe "
    "FCUnsubscribe getStreamLength DVRGetStreamInfo DVRSubscribe set_playlist secureTokenResponse "
    "NetStream.Authenticate.UsherToken".split()
)
_WORDS: Final = frozenset(
    "live record append vod app stream streams video audio data test default publish play connect "
    "status error warning null true false name code level description rtmp rtmps flash nonprivate "
    "_definst_ media mp4: flv: mp3: message command object string number boolean type info body "
    "size format timestamp header control chunk keyframe frame avc aac hevc adobe llnw client "
    "server id key user pass password token auth none needauth netstream netconnection success "
    "start stop reset failed rejected unpublish is now already published publishing".split()
)
"""Words of the protocol and of our labels."""


def _code_parts(code: str) -> Iterator[str]:
    """Yield what a status code consists of: ``NetStream.Publish``, ``Publish.Start``, ``Start``."""
    words = code.lower().split(".")
    for start, end in combinations(range(len(words) + 1), 2):
        yield ".".join(words[start:end])


HANDLERS: Final = frozenset(
    "@setDataFrame setDataFrame @clearDataFrame clearDataFrame onMetaData onTextData onCuePoint "
    "onCaption onCaptionInfo onXMPData onFI |RtmpSampleAccess RtmpSampleAccess".split()
)
"""Names of data messages."""
_MEMBERS: Final = frozenset(
    "flashver swfurl tcurl fpad audiocodecs videocodecs videofunction pageurl objectencoding "
    "capsex fourcclist videofourccinfomap audiofourccinfomap capabilities mode fmsver encoder "
    "stereo videocodecid audiocodecid major_brand minor_version compatible_brands".split()
)
"""Members of connect's objects and of metadata."""
ORDINARY: Final = (
    _WORDS
    | _MEMBERS
    | {name.lower() for name in UNITS}
    | {part for code in STATUS_CODES for part in _code_parts(code)}
    | {name.lower() for name in (*ARGUMENTS, *HANDLERS)}
)
"""As a stream's name these say little, and replaced inside other texts they would leave nothing
to read."""
_PARAMETER: Final = re.compile(r"(?<![\w.-])([\w.-]{1,64})\s{0,8}=\s{0,8}([^&;,#\s'\"\])>]+)")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{1,15}://", re.IGNORECASE)
_QUERY: Final = re.compile(_SCHEME.pattern + r"[^\s'\"?#]{0,2048}\?([^\s'\"]+)", re.IGNORECASE)
_ADDRESS: Final = re.compile(_SCHEME.pattern + r"[^/\s?#]{0,512}/([^?#]*)", re.IGNORECASE)
_RTMP: Final = re.compile(r"rtmp[a-z]{0,3}://[^/\s'\"?#]{0,512}/([^\s'\"?#]+)", re.IGNORECASE)
"""The path of an address."""
_USERINFO: Final = re.compile(r"://([^/\s'\"]+)@")
"""Up to the last @ before the path: a password may hold one itself."""
_MATRIX: Final = re.compile(r"(;[\w.-]{1,64}=)([^;/?#&\s]+)")
"""Parameters of a path segment (RFC 3986 §3.3)."""
_CUT_WORD: Final = re.compile(r"[^\s'\"]+?(?=\.\.|…|[\s'\"]|$)")
_PREFIX: Final = re.compile(r"((?:mp4|flv|mp3|f4v|raw|id3):)(.+)", re.DOTALL)
_AUTHMOD: Final = re.compile(r"(?:^|&)authmod=")

Pieces = tuple[tuple[str, str], ...]
"""(text that stays, secret behind it or ""), in order."""


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
        self.integers: dict[bytes, str] = {}
        """AMF3 Integers, marker and all → the secret."""
        self.pieces: dict[str, Pieces] = {}
        """What those secrets consist of that hold others."""
        self._names: dict[str, None] = {}
        """The first of the other streams' names: servers may echo only their beginning."""
        self._short_names: dict[str, None] = {}
        """Streams' names that are too short or too common to be looked for in other texts."""
        self.overflow = False
        self.searched = 0
        """AMF values looked at. What was not looked at must not be shown: at the limit that
        state has too (`dissectors.budget`), all captured text is hidden."""
        self._encoded: dict[bytes, str] = {}
        self._encoded_parts = 0

    def add(self, text: str, raw: bytes | None = None, pieces: Pieces = ()) -> None:
        """Register `text` with its forms: as labels show it, percent-decoded, as bytes."""
        if not text or text.startswith("‹key#"):
            return
        if len(self.whole) >= MAX_SECRETS:
            self.overflow = True
            return
        text = text[:MAX_SECRET_LENGTH]
        if text in self.whole and raw is None:
            return
        secret = self.whole.get(text, text)
        if pieces and secret == text:
            self.pieces[text] = pieces
        ordinary = is_ordinary(text)
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

    def inside(self, before: str, text: str, behind: str = "") -> None:
        """Register what is a secret between these texts only where it is short or ordinary."""
        self.add(text)
        if text and is_ordinary(text):
            tail = ((behind, ""),) if behind else ()
            self.add(f"{before}{text}{behind}", pieces=((before, text), *tail))

    def update(self, other: Secrets) -> None:
        """Take the secrets of another capture, too: one output may tell of several."""
        self.whole = other.whole | self.whole
        self.parts = other.parts | self.parts
        self.raw = other.raw | self.raw
        self.words = other.words | self.words
        self.integers = other.integers | self.integers
        self.pieces = other.pieces | self.pieces
        self._short_names = other._short_names | self._short_names
        self._names = other._names | self._names
        self._encoded, self._encoded_parts = {}, 0
        self.overflow |= other.overflow or len(self.whole) > MAX_SECRETS

    def forms(self) -> dict[bytes, str]:
        """Return all bytes that are a secret wherever they stand → the secret."""
        for text, secret in list(self.parts.items())[self._encoded_parts :]:
            for data in encodings(text):
                if len(data) >= SHORT:
                    self._encoded.setdefault(data, secret)
        self._encoded_parts = len(self.parts)
        return self._encoded | self.raw

    # -- what is secret in …

    def name(self, text: str, raw: bytes | None = None) -> None:
        """Register a stream name: whole, and what servers echo of it."""
        prefix = _PREFIX.fullmatch(text)
        kind, rest = prefix.groups() if prefix else ("", text)
        path, mark, query = rest.partition("?")
        last = path.rpartition("/")[2]
        if mark and query:
            self.query(query)
        for form in dict.fromkeys((last, path, rest, text)):
            if is_ordinary(form) and len(self._short_names) < MAX_SHORT_NAMES:
                self._short_names[form] = None
            elif len(self._names) < MAX_SHORT_NAMES:
                self._names[form] = None
            if raw is not None and form == text:
                self.add(text, raw)
            else:
                self.add(form, pieces=_name_pieces(kind if form == text else "", form))

    def number(self, value: float) -> None:
        """Register a secret that is sent as a Number (AMF0 §2.2) or an AMF3 Integer (§3.6); a
        short one hides nothing."""
        text = str(value)
        if is_ordinary(text):
            return
        self.add(text, struct.pack(">d", value))
        if isinstance(value, int) and 0 <= value < 1 << 28:
            self.integers.setdefault(b"\x04" + u29(value), self.whole.get(text, text))

    def echo(self, text: str) -> None:
        """Register a status text in which a short or common stream name stands as a word, and
        the beginning of another name."""
        if len(text) > MAX_ECHO:
            return
        for word in _CUT_WORD.findall(text):
            if len(word) < LEAST_CUT or is_ordinary(word):
                continue
            if any(2 * len(word) >= len(name) and name.startswith(word) for name in self._names):
                self.add(word)
        names = [re.escape(name) for name in self._short_names if name and name in text]
        if not names:
            return
        pieces, done = [], 0
        longest = "|".join(sorted(names, key=len, reverse=True))
        for match in re.finditer(rf"(?<![\w.])(?:{longest})(?![\w.]*\w)", text):
            pieces.append((text[done : match.start()], match[0]))
            done = match.end()
        if pieces:
            self.add(text, pieces=(*pieces, (text[done:], "")))

    def query(self, text: str) -> None:
        """Register a query string and its parameters' values."""
        text, _, fragment = text.partition("#")
        if len(fragment) >= SHORT:
            self.inside("#", fragment)
        parameters = [parameter.partition("=")[::2] for parameter in text.split("&")[:64]]
        if _AUTHMOD.search(text):
            # Adobe's and Limelight's schemes: what they are is no secret, only their values.
            for name, value in parameters:
                if name != "authmod" and value.lower() not in ORDINARY:
                    self.inside(f"{name}=", value)
            return
        self.inside("?", text)
        for _, value in parameters:
            if len(value) >= SHORT and value.lower() not in ORDINARY:
                self.add(value)

    def url(self, text: str) -> None:
        """Register parameters, query string and fragment of an application name or URL."""
        before, mark, query = text.partition("?")
        for match in _MATRIX.finditer(before):
            self.inside(match[1], match[2])
        if mark:
            self.query(query)
        elif "#" in before:
            self.query("#" + before.partition("#")[2])

    def application(self, text: str) -> None:
        """Register what connect's `app` holds besides the application's name."""
        self.url(text)
        self._path(re.split("[?#]", text, maxsplit=1)[0])

    def address(self, text: str) -> None:
        """Register what a tcUrl holds besides host and application."""
        self.url(text)
        if match := _ADDRESS.match(text):
            self._path(match[1])

    def _path(self, path: str) -> None:
        for key in dict.fromkeys(path_keys(path)):
            if not is_ordinary(key):
                self.name(key)

    def search(self, text: str) -> None:
        """Register what any captured text gives away: URLs, user:password@, parameters."""
        if "://" in text:
            for match in _RTMP.finditer(text):
                self._path(match[1])
            if _SCHEME.match(text):
                self.url(text)
            for match in _USERINFO.finditer(text):
                self.inside("://", match[1], "@")
                user, colon, password = match[1].partition(":")
                for part in (user, password) if colon else ():
                    self.add(part)
            for match in _QUERY.finditer(text):
                self.query(match[1])
        if "=" in text:
            for match in _PARAMETER.finditer(text):
                if SENSITIVE.search(match[1]) and match[2].lower() not in ORDINARY:
                    self.inside(match[0][: -len(match[2])], match[2])


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_ordinary(text: str) -> bool:
    """Whether a text is too short or too common to be replaced inside others."""
    return len(text) < SHORT or text.lower() in ORDINARY


def _name_pieces(kind: str, text: str) -> Pieces:
    """Return what a stream's name consists of: ``mp4:``, folder, name, query; () if just a name."""
    path, mark, query = text.removeprefix(kind).partition("?")
    folder, slash, last = path.rpartition("/")
    found: list[tuple[str, str]] = []
    if folder and last:
        found = [(kind, folder), (slash, last)]
    elif path:
        found = [(kind, path)]
    else:
        found = [(kind, "")]
    if mark:
        found.append((mark, query))
    return tuple(found) if len(found) > 1 or kind else ()
