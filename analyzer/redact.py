"""Credentials that RTMP carries in clear, replaced by placeholders in what leaves the machine.

Secrets are stream names (they are stream keys), query strings of connect's URLs and keys in their
paths, user:password@, what stands below a name such as `token`, parameters of authentication
schemes, and every echo of them, in hex and base64 as well. Each becomes ``‹key#1›``, ``‹key#2›``
… in order of first appearance in one output.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from analyzer.redaction.collect import UNREAD, has_text, unread
from analyzer.redaction.credentials import SENSITIVE
from analyzer.redaction.encodings import values
from analyzer.redaction.finder import Finder
from analyzer.redaction.secrets import HANDLERS, NAME_COMMANDS, ORDINARY, Secrets, is_number
from dissectors.status_codes import STATUS_CODES

if TYPE_CHECKING:
    from analyzer.lookup import Lookup
    from dissectors.fields import Field

Spans = Sequence[tuple[int, int]]
HIDDEN: Final = "‹hidden›"
_HEX_RUN: Final = re.compile(r"(?:[0-9a-f]{2}){3,}")
_COMMON: Final = 64
"""Characters of a member's name that is remembered."""
_LEAST_HEX: Final = 6
"""Digits of the shortest of these runs."""
_HEX: Final = re.compile(r"[0-9a-f]{2,}…?")
_SHOWN: Final = re.compile(r"(String|Name): (.*)", re.DOTALL)
"""Labels that show a string as it is, not in quotes."""
_PROTOCOL: Final = HANDLERS | STATUS_CODES.keys()
_SAID: Final = re.compile(
    r"(?:onStatus|onPlayStatus|_result|_error|@setDataFrame|@clearDataFrame)\('([^']+)'"
)
"""Where the info column shows a status code or a data message's name."""
_PROPERTY: Final = re.compile(r"Property '([\w@-]{1,64})'(?: String '([\w.]+)')?")
"""The label of an object's member."""


def _sensitive(key: str) -> bool:
    """Whether a member's name is that of a credential."""
    return _known_sensitive(key) if len(key) <= _COMMON else SENSITIVE.search(key) is not None


@lru_cache(maxsize=1024)
def _known_sensitive(key: str) -> bool:
    return SENSITIVE.search(key) is not None


class Redactor:
    """Replaces secrets in one output; placeholders are numbered as they appear in it."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self._numbers: dict[str, int] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take notice of secrets that were added."""
        secrets = self.secrets
        forms = secrets.forms()
        texts = {data.decode("utf-8", "replace"): secret for data, secret in forms.items()}
        self._texts = Finder(texts | secrets.parts)
        self._bytes = Finder({data.decode("latin-1"): secret for data, secret in forms.items()})
        self._words = Finder(
            {
                (before + data).decode("latin-1"): secret
                for word, secret in secrets.words.items()
                for before, data in values(word)
            }
            | {data.decode("latin-1"): secret for data, secret in secrets.integers.items()}
        )
        quoted = [form for form in secrets.whole if form not in secrets.parts]
        # Short ones stand quoted in labels and in the info column: publish('a').
        self._quoted = Finder({f"'{form}'": secrets.whole[form] for form in quoted})

    def placeholder(self, secret: str) -> str:
        """Return ``‹key#n›`` for a secret, ``‹key#1›?‹key#2›`` for one that consists of others."""
        pieces = self.secrets.pieces.get(secret)
        if pieces is None:
            return f"‹key#{self._numbers.setdefault(secret, len(self._numbers) + 1)}›"
        between = self._texts.replace
        return "".join(
            between(text, self.placeholder) + (self._leaf(leaf) if leaf else "")
            for text, leaf in pieces
        )

    def _leaf(self, leaf: str) -> str:
        """Return the placeholder of a part, which is not taken apart once more."""
        secret = self.secrets.whole.get(leaf, leaf)
        return f"‹key#{self._numbers.setdefault(secret, len(self._numbers) + 1)}›"

    def text(self, text: str) -> str:
        """Redact a captured text, a label or the info column."""
        if self.secrets.overflow:
            return HIDDEN
        if text in self.secrets.whole:
            return self.placeholder(self.secrets.whole[text])
        if not self.secrets.whole:
            return text  # and no form of one is known
        said = _SAID.search(text) if "('" in text else None
        member = _PROPERTY.match(text) if text.startswith("Property '") else None
        if said is None and member is None:
            return self._inside(text)
        kept = (0, 0)
        if said and said[1] in _PROTOCOL:
            kept = said.span()
        elif member and member[1].lower() in ORDINARY:
            code = member[1] == "code" and member[2] in STATUS_CODES
            kept = (0, member.end() if code else member.end(1) + 1)
        start, end = kept
        return self._inside(text[:start]) + text[start:end] + self._inside(text[end:])

    def _inside(self, text: str) -> str:
        text = self._texts.replace(text, self.placeholder)
        if "'" in text:
            text = self._quoted.replace(text, lambda secret: f"'{self.placeholder(secret)}'")
        if "…" in text:
            text = self._cut(text)
        if self.secrets.raw and len(text) >= _LEAST_HEX:
            text = _HEX_RUN.sub(lambda run: self.hex(run[0]), text)
        return text

    def label(self, field: Field) -> str:
        """Redact what a tree shows of a field; bytes that nobody decoded are not shown."""
        text = field.label
        shown = _SHOWN.fullmatch(text)
        if shown and shown[2] in self.secrets.whole:
            return f"{shown[1]}: {self.text(shown[2])}"
        if field.name in UNREAD:
            head, bracket, tail = text.rpartition("(")
            text = head + bracket + _HEX.sub(HIDDEN, tail)
        return self.text(text)

    def hex(self, digits: str, *, cut: bool = False, hidden: Spans = ()) -> str:
        """Redact hex digits (two per byte); `cut` says that more bytes followed, `hidden` are
        (start, length) of bytes not to be shown.
        """
        if self.secrets.overflow:
            return HIDDEN
        pieces: list[str] = []
        done = 0
        for start, length, secret in self._places(bytes.fromhex(digits), cut, hidden):
            shown = HIDDEN if secret is None else self._hex_of(secret)
            pieces += (digits[2 * done : 2 * start], shown)
            done = start + length
        return "".join([*pieces, digits[2 * done :]]) if pieces else digits

    def hidden_bytes(self, data: bytes, hidden: Spans = ()) -> list[tuple[int, int]]:
        """Return (start, length) of what a hex dump of `data` must not show."""
        if self.secrets.overflow:
            return [(0, len(data))]
        return [(start, length) for start, length, _ in self._places(data, False, hidden)]

    def unread(self, session: Lookup, row: int) -> Spans:
        """Return (start, length) of a body's bytes that nobody decoded: secrets may be in them."""
        return unread(session, row) if has_text(session, row) else ()

    def _places(self, data: bytes, cut: bool, hidden: Spans) -> list[tuple[int, int, str | None]]:
        """Return (start, length, secret) in order, not overlapping; None for what is `hidden`."""
        text = data.decode("latin-1")
        found: list[tuple[int, int, str | None]] = [*self._bytes.find(text)]
        found += self._words.find(text)
        found += [(start, length, None) for start, length in hidden]
        if cut and (end := self._bytes.end(text)):
            found.append((end[0], len(text) - end[0], end[1]))
        return apart(found)

    def _hex_of(self, secret: str) -> str:
        """Return placeholders in hex digits: what stays between them is written as bytes."""
        pieces = self.secrets.pieces.get(secret, (("", secret),))
        return "".join(
            self.hex(text.encode().hex()) + (self._leaf(leaf) if leaf else "")
            for text, leaf in pieces
        )

    def _cut(self, text: str) -> str:
        """Redact the beginnings of secrets before an ellipsis."""
        pieces = text.split("…")
        for number, piece in enumerate(pieces[:-1]):
            run = re.search(r"(?:[0-9a-f]{2})+\Z", piece)
            if run:
                piece = piece[: run.start()] + self.hex(run[0], cut=True)
            pieces[number] = self._texts.replace_end(piece, self.placeholder)
        return "…".join(pieces)

    def value(self, value: Any, *, numbers: bool = False) -> Any:
        """Return a JSON-ready value with every string in it redacted, and with `numbers` what is
        a secret of them."""
        if isinstance(value, str):
            return self.text(value)
        if numbers and is_number(value):
            return self.text(str(value)) if str(value) in self.secrets.parts else value
        if isinstance(value, list):
            # Where a list is, a stream's name may stand.
            return [self.value(item, numbers=numbers or is_number(item)) for item in value]
        if isinstance(value, dict):
            if isinstance(value.get("$hex"), str):
                cut = value.get("length", 0) * 2 > len(value["$hex"])
                return value | {"$hex": self.hex(value["$hex"], cut=cut)}
            return {self._key(key): self._member(key, item, numbers) for key, item in value.items()}
        return value

    def _key(self, key: str) -> str:
        return key if key.startswith("$") or key.lower() in ORDINARY else self.text(key)

    def _member(self, key: str, item: Any, numbers: bool = False) -> Any:
        """Redact an object's member; a status code stays, whatever a stream's name is."""
        code = key == "code" and isinstance(item, str) and item in STATUS_CODES
        if code:
            return item
        if not key.startswith("$"):
            numbers = numbers or key.endswith("name") or _sensitive(key)
        return self.value(item, numbers=numbers)

    def item(self, item: Any) -> Any:
        """Redact a value where a stream's name or a credential may stand, which may be a Number."""
        return self.value(item, numbers=True)

    def summary(self, summary: dict[str, Any]) -> dict[str, Any]:
        """Redact a message summary, whose own member names and command name are not captured."""
        return {
            key: item
            if key == "name" and isinstance(item, str) and len(item) < 64 and self._known(item)
            else [item[0], *self.value(item[1:])]
            if key == "values" and isinstance(item, list) and item and self._handler(item[0])
            else self._member(key, item)
            for key, item in summary.items()
        }

    def _handler(self, name: Any) -> bool:
        return isinstance(name, str) and name in HANDLERS

    def _known(self, name: str) -> bool:
        return name in NAME_COMMANDS or name.lower() in ORDINARY


def apart(found: list[tuple[int, int, str | None]]) -> list[tuple[int, int, str | None]]:
    """Return (start, length, secret) in order; what two of them cover is the earlier one's."""
    kept: list[tuple[int, int, str | None]] = []
    done = 0
    for start, length, secret in sorted(found, key=lambda each: (each[0], -each[1])):
        rest = start + length - max(start, done)
        if rest > 0:
            kept.append((start + length - rest, rest, secret))
            done = start + length
    return kept
