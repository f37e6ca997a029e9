"""connect: refused, redirected, or given a wrong application (CMD-01 to CMD-03)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from analyzer.rules.rule import NOTHING, Evidence, Outcome, Rule
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.model import Connection
    from analyzer.rules.scope import Call, Scope

_ADVICE: Final = (
    ("reason=needauth", "The server wants credentials: give the encoder a user and a password."),
    ("reason=nosuchuser", "The server does not know this user."),
    ("reason=authfailed", "The password is wrong."),
    ("code=403", "The server forbids it: a wrong key, address or encoder."),
    ("authmod", "The server wants Adobe or Limelight authentication, step by step."),
)
_AUTH: Final = re.compile(r"authmod=(adobe|llnw)", re.IGNORECASE)
_FAREWELLS: Final = (".Closed", ".AppShutdown", ".IdleTimeOut")
"""Endings of codes by which a server ends a connection that it had accepted."""
NEIGHBOURS: Final = 200
"""Connections before or after one that are looked at: a client comes back within a few."""
_PORTS: Final = {"rtmp": 1935, "rtmpt": 80, "rtmps": 443, "rtmpte": 80, "rtmpe": 1935}


def said(call: Call) -> str:
    """Return a reply's code and description as text for a person."""
    description = call.status.get("description")
    words = f": {safe(str(description))}" if description else ""
    return f"{safe(call.command.name)} says {safe(call.code)}{words}"


def rejections(scope: Scope) -> list[Call]:
    """Return the replies that refuse connect."""
    calls = {call.transaction for call in scope.named("connect")}
    found, accepted = [], False
    for reply in scope.named("_error", "_result", "onStatus"):
        refused = reply.command.name == "_error" and reply.transaction in calls
        about = reply.code.startswith("NetConnection.Connect.")
        accepted |= reply.code == "NetConnection.Connect.Success"
        if accepted and farewell(reply):
            continue
        if refused or (about and (reply.failed or reply.code.endswith(".Rejected"))):
            found.append(reply)
    return found


def farewell(reply: Call) -> bool:
    """Whether a status says that the server ends the connection."""
    about = reply.code.startswith("NetConnection.Connect.")
    return about and reply.code.endswith(_FAREWELLS)


def rejected(scope: Scope) -> Iterator[Outcome]:
    """CMD-01: the server refuses connect."""
    for reply in rejections(scope):
        if _redirect(reply):
            continue  # CMD-02
        description = str(reply.status.get("description", ""))
        advice = next((text for mark, text in _ADVICE if mark in description), None)
        dance = _dance(scope, description)
        yield Evidence(
            f"connect was refused: {said(reply)}{dance.text}",
            [reply.row],
            severity="note" if dance.done else None,
            expected="NetConnection.Connect.Success",
            actual=reply.code or reply.command.name,
            help=advice,
            key=reply.code,
        )


class _Dance(NamedTuple):
    """What became of an authentication in several connections."""

    text: str = ""
    done: bool = False


def _dance(scope: Scope, description: str) -> _Dance:
    if not _AUTH.search(description):
        return _Dance()
    later = [other for other in _later(scope) if _asks_auth(other)]
    if not later:
        return _Dance("; no later connection authenticates")
    if any(call.code.endswith("Connect.Success") for o in later for call in o.named("_result")):
        return _Dance(f"; authenticated after {len(later)} more connections", True)
    return _Dance(f"; {len(later)} more tries did not succeed")


def _asks_auth(scope: Scope) -> bool:
    facts = scope.connection.facts
    return any(_AUTH.search(text) for text in (facts.app, facts.tc_url) if text)


def _later(scope: Scope) -> Iterator[Scope]:
    """Yield connections of the same client that begin later."""
    view = scope.connection
    for other in scope.session.connections[view.index + 1 :][:NEIGHBOURS]:
        if other.start_ns > view.start_ns and other.client.ip == view.client.ip:
            yield scope.of(other)


def published(connection: Connection) -> frozenset[tuple[str | None, str]]:
    """Return app and name of the streams that a connection publishes."""
    streams = connection.streams
    return frozenset((connection.app, s.name) for s in streams if s.role == "publish")


def _redirect(reply: Call) -> str | None:
    """Return where a refusal sends the client: ex.code 302 with ex.redirect. nginx-rtmp and SRS
    nest them in `ex`; some servers write the dots into the names."""
    extra = reply.status.get("ex")
    found = extra if isinstance(extra, dict) else {}
    code = found.get("code", reply.status.get("ex.code"))
    target = found.get("redirect", reply.status.get("ex.redirect", ""))
    return str(target) if code == 302 else None


def redirect_ignored(scope: Scope) -> Iterator[Outcome]:
    """CMD-02: the server redirects; does the client follow?"""
    for reply in rejections(scope):
        target = _redirect(reply)
        if target is None:
            continue
        host = _split(target)
        followed = any(
            host is None
            or other.connection.server.ip == host.hostname
            or (_split(other.connection.tc_url) or host).hostname == host.hostname
            for other in _later(scope)
        )
        place = f" to {safe(host.hostname)}" if host is not None else ""
        yield Evidence(
            f"connect was refused with a redirection{place} (ex.code 302, ex.redirect), "
            + ("and the client went there" if followed else "and the client does not go there"),
            [reply.row],
            severity="note" if followed else None,
            blame=None if followed else "client",
            expected="a connection to the place named",
            actual="one" if followed else "none",
            key="followed" if followed else "",
        )


def _split(url: object) -> Any:
    """Split a URL; None where it is none."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname else None


def _application(scope: Scope) -> Iterator[tuple[str, str, str]]:
    """Yield (what is odd about app and tcUrl, expected, actual)."""
    facts, server = scope.connection.facts, scope.connection.server
    app, url = facts.app, _split(facts.tc_url)
    if not scope.named("connect"):
        return
    if not app:
        yield "connect has no application", "an app", "none"
    elif app.endswith("/"):
        yield "the application ends with a slash", safe(app.rstrip("/")), safe(app)
    if url is None:
        return
    path = url.path.strip("/")
    if app and path and path != app.partition("?")[0].strip("/"):
        more = path.startswith(app.strip("/") + "/")
        what = "has more parts than" if more else "is not that of"
        yield f"the path of tcUrl {what} app", safe(app), safe(path)
    port = url.port or _PORTS.get(url.scheme, server.port)
    if port != server.port:
        yield "the port in tcUrl is not the one connected to", str(server.port), str(port)
    if url.hostname == "localhost" and not ip_address(server.ip).is_loopback:
        yield "tcUrl names localhost, the server is elsewhere", server.ip, "localhost"


def _stream_names(scope: Scope) -> Iterator[tuple[str, str, str, Call]]:
    app = scope.connection.facts.app or ""
    for call in scope.named("publish"):
        name = call.command.arguments[0] if call.command.arguments else None
        if not isinstance(name, str):
            continue
        bare = name.partition("?")[0]
        if not bare:
            yield "publish has no stream name", "a name", "none", call
        elif name.startswith("/"):
            yield "the stream name begins with a slash", "a name", "a slash", call
        elif name == app:
            yield "the stream name equals the application", "a name of its own", "the app", call
        elif re.fullmatch(r"[\w-]+=[^/]*", name):
            yield "the stream name is only a query", "a name", "parameters", call


def wrong_application(scope: Scope) -> Iterator[Outcome]:
    """CMD-03: app, tcUrl and stream name do not fit each other."""
    calls = scope.named("connect")
    refused = bool(rejections(scope)) or any(
        call.failed for call in scope.commands() if call.direction == 1
    )
    found = [(*item, calls[0]) for item in _application(scope)]
    for what, expected, actual, call in (*found, *_stream_names(scope)):
        yield Evidence(
            what,
            [call.row],
            severity="error" if refused else None,
            expected=expected,
            actual=actual,
            key=what,
        )
    app = scope.connection.facts.app or ""
    # Many servers want one, YouTube's backup among them: no word about it where it is taken.
    if calls and refused and "?" in app and not _AUTH.search(app):
        what, bare = "the application has a query", app.partition("?")[0]
        yield Evidence(
            what, [calls[0].row], severity="note", expected=safe(bare), actual=safe(app), key=what
        )
    if not calls:
        yield NOTHING


RULES: Final = (
    Rule(
        "CMD-01",
        "connect refused",
        "error",
        "definite",
        rejected,
        section="RTMP 1.0 §7.2.1.1",
        help="Check the application's name and the credentials; the description is the server's "
        "own.",
        blame="client",
    ),
    Rule(
        "CMD-02",
        "Redirect not followed",
        "warning",
        "definite",
        redirect_ignored,
        gates=("clear", "whole"),
        section="RTMP 1.0 §7.2.1.1",
        help="Many clients do not know ex.redirect: give them the address it names.",
    ),
    Rule(
        "CMD-03",
        "Application and stream name",
        "warning",
        "likely",
        wrong_application,
        section="RTMP 1.0 §7.2.1.1",
        help="tcUrl is rtmp://host[:port]/app, and app the same without the host. The stream name "
        "belongs to publish alone.",
        blame="client",
    ),
)
