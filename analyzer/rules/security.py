"""Credentials that RTMP carries in clear (SEC rules). No value is ever part of a finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from analyzer.rules.rule import NOTHING, Evidence, Outcome, Rule

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope

MAX_TEXT: Final = 4096
"""Characters of a name that are looked at; keys are short."""
MAX_CALLS: Final = 100
_USERINFO: Final = re.compile(r"://[^/\s]+@")
_PARAMETER: Final = re.compile(
    r"[?&;][\w.-]*(?:key|token|secret|sign?|signature|passw(?:or)?d|pass|pwd|auth|hash|user)=",
    re.IGNORECASE,
)
_KNOWN: Final = re.compile(r"(?:^|[/:])(?:live_\d+_\w{8,}|FB-\d{5,}|sk_[\w-]+_\w{8,}|rk_\w{8,})")
"""Twitch, Facebook and Amazon IVS keys."""
_DASHED: Final = re.compile(r"(?:[a-z0-9]{4}-){3,}[a-z0-9]{4}")
"""YouTube keys."""
_RUN: Final = re.compile(r"[A-Za-z0-9_-]{16,}")


def _looks_random(text: str) -> bool:
    """Whether a text reads like a key: long, with letters and digits mixed."""
    for run in _RUN.findall(text):
        digits = sum(letter.isdigit() for letter in run)
        changes = sum(a.isdigit() != b.isdigit() for a, b in pairwise(run))
        if digits >= 3 and changes >= 4 and len(set(run)) >= 10:
            return True
    return False


def _what(text: str) -> str | None:
    """Say what kind of credential a text holds."""
    text = text[:MAX_TEXT]
    if _USERINFO.search(text):
        return "user and password"
    if _PARAMETER.search(text):
        return "a token in the query"
    if _KNOWN.search(text) or _DASHED.search(text) or _looks_random(text):
        return "a stream key"
    return None


def _texts(scope: Scope) -> Iterator[tuple[str, str, int]]:
    """Yield (place, text, row) of what the client names."""
    for call in scope.named("connect")[:MAX_CALLS]:
        properties = call.command.object
        if isinstance(properties, dict):
            for member in ("tcUrl", "app", "swfUrl", "pageUrl"):
                if isinstance(properties.get(member), str):
                    yield member, properties[member], call.row
    for call in scope.named("publish", "play")[:MAX_CALLS]:
        name = call.command.arguments[0] if call.command.arguments else None
        if isinstance(name, str):
            yield "the stream name", name, call.row


def in_clear(scope: Scope) -> Iterator[Outcome]:
    """SEC-01: a credential is readable for everybody on the way."""
    if scope.connection.variant != "rtmp":
        yield NOTHING
        return
    rows: list[int] = []
    found: dict[str, str] = {}
    for place, text, row in _texts(scope):
        kind = _what(text)
        if kind is not None:
            found.setdefault(kind, place)
            rows.append(row)
    if found:
        words = ", ".join(f"{kind} in {place}" for kind, place in found.items())
        yield Evidence(f"sent in clear: {words}", rows, count=1, key="|".join(sorted(found)))


def key_in_url(scope: Scope) -> Iterator[Outcome]:
    """SEC-02: the stream key stands in the server's URL instead of publish."""
    app = scope.connection.app or ""
    last = app.rstrip("/").rpartition("/")[2][:MAX_TEXT]
    names = {stream.name for stream in scope.connection.streams if stream.role == "publish"}
    key = _KNOWN.search(last) or _DASHED.fullmatch(last) or _looks_random(last)
    if key and (not names or names & {"", last}) and scope.named("connect"):
        yield Evidence(
            "the application ends with what looks like a stream key",
            [scope.named("connect")[0].row],
            expected="the key in publish alone",
        )


RULES: Final = (
    Rule(
        "SEC-01",
        "Credential in clear",
        "note",
        "definite",
        in_clear,
        section="RTMP 1.0 §7.2.1.1",
        help="Use RTMPS. Outputs replace credentials by placeholders unless told otherwise.",
    ),
    Rule(
        "SEC-02",
        "Stream key in the server's URL",
        "warning",
        "heuristic",
        key_in_url,
        section="RTMP 1.0 §7.2.1.1",
        help="URLs end up in logs and error messages: give the key as the stream's name.",
        blame="client",
    ),
)
