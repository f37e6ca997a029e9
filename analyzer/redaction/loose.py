"""Secrets in bytes that belong to no message: before synchronisation, in packets of no stream.

Nothing tells where a value begins, so what looks like a command, an AMF0 member or a URL counts.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from analyzer.redaction.credentials import SENSITIVE
from analyzer.redaction.finder import SHORT
from analyzer.redaction.secrets import NAME_COMMANDS, Secrets

MAX_FOUND: Final = 4096
"""Places looked at in one piece of bytes."""
_NAMES: Final = b"|".join(sorted(re.escape(name.encode()) for name in NAME_COMMANDS))
_COMMAND: Final = re.compile(
    rb"\x02\x00[\x04-\x26](?:" + _NAMES + rb").{0,24}?\x02([\x00\x01].)(?=[^\x00-\x20\x7f])",
    re.DOTALL,
)
"""Name, transaction id, null or an object, perhaps a chunk header, and the length of a string."""
_MEMBER: Final = re.compile(rb"\x00([\x02-\x20])([A-Za-z][\w.-]{1,31})\x02(..)", re.DOTALL)
_TYPE: Final = re.compile(rb"\x02\x00(?:\x04live|\x06record|\x06append)")
"""The type of publishing, behind the stream's name."""
_TYPED: Final = re.compile(rb"[^\x00-\x20\x7f]{4,}\Z")
MAX_TYPED: Final = 255
_RUN: Final = re.compile(rb"[\x20-\x7e]{4,}(?:[\xc2-\xff][\x20-\x7e]+)*")
"""Text, also with fmt 3 chunk headers in it."""
_HEADER: Final = re.compile(rb"[\xc2-\xff]")
_WORD: Final = re.compile(rb"[^\x00-\x1f\x7f]+")


def scrape(data: bytes, secrets: Secrets) -> None:
    """Register what looks like a secret in bytes of which nothing is known."""
    commands(data, secrets)
    for match in islice(_MEMBER.finditer(data), MAX_FOUND):
        name = match[2].decode()
        if match[1][0] == len(name) and SENSITIVE.search(name):
            _string(data, match.end(), match[3], secrets)
    done = 0
    for match in islice(_TYPE.finditer(data), MAX_FOUND):
        # Looked for from its end: from each beginning on it would take as often as it is long.
        name = _TYPED.search(data[max(match.start() - MAX_TYPED, done) : match.start()])
        if name:
            secrets.name(name[0].decode("utf-8", "replace"), name[0])
        done = match.end()
    for match in islice(_RUN.finditer(data), MAX_FOUND):
        if b"=" in match[0] or b"://" in match[0]:
            _text(match[0], secrets)


def commands(data: bytes, secrets: Secrets) -> None:
    """Register the names that commands like publish carry."""
    for match in islice(_COMMAND.finditer(data), MAX_FOUND):
        _string(data, match.end(), match[1], secrets)


def _string(data: bytes, at: int, length: bytes, secrets: Secrets) -> None:
    found = _WORD.match(data, at, at + int.from_bytes(length, "big"))
    if found:
        text = found[0].decode("utf-8", "replace")
        secrets.name(text, found[0] if "\ufffd" in text else None)


def _text(run: bytes, secrets: Secrets) -> None:
    pieces = _HEADER.split(run)
    whole = b"".join(pieces).decode("ascii")
    found = Secrets()
    found.search(whole)
    if not found.whole:
        return
    secrets.search(whole)
    # Where a chunk header stands inside a secret, its two ends are looked for apart.
    border = 0
    for piece in pieces[:-1]:
        border += len(piece)
        for secret in found.parts:
            at = whole.find(secret, max(border - len(secret) + 1, 0), border + len(secret) - 1)
            for part in (whole[at:border], whole[border : at + len(secret)]) if at >= 0 else ():
                if len(part) >= SHORT:
                    secrets.add(part)
