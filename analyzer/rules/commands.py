"""publish and play: refused, unanswered, out of order (CMD-04 to CMD-11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.rules.connect import NEIGHBOURS, farewell, published, rejections, said
from analyzer.rules.rule import (
    CLOSING,
    NOTHING,
    Evidence,
    Inconclusive,
    Outcome,
    Rule,
    Severity,
)
from analyzer.rules.scope import number
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.rules.scope import Call, Rows, Scope

_REFUSED: Final = (".BadName", ".Denied", ".Unauthorized")
_NOT_FOUND: Final = ("NetStream.Play.StreamNotFound", "NetStream.Play.Failed")
_NEEDED: Final = frozenset({"connect", "createStream"})
_BARE: Final = b"\x02\0\x0bonFCPublish"
_NO_SUCH_APP: Final = (
    "Check the application in the URL: nginx-rtmp closes this way when it does not know it. The "
    "server's log names the reason."
)
SAMPLE: Final = 1000
"""Codec configurations looked at; those before Publish.Start are among the first."""
_OPTIONAL: Final = frozenset({"releaseStream", "FCPublish", "_checkbw", "checkBandwidth"})


def _publish_refusals(scope: Scope) -> list[Call]:
    return [
        call
        for call in scope.named("onStatus", "_error")
        if call.code.startswith("NetStream.Publish.") and call.code.endswith(_REFUSED)
    ]


def _play_refusals(scope: Scope) -> list[Call]:
    return [call for call in scope.named("onStatus", "_error") if call.code in _NOT_FOUND]


def bad_name(scope: Scope) -> Iterator[Outcome]:
    """CMD-04: publish is refused: the name is taken, or the publisher not allowed."""
    for call in _publish_refusals(scope):
        ghost = _ghost(scope, call) if call.code.endswith(".BadName") else ""
        yield Evidence(
            f"{said(call)}{ghost}",
            [call.row],
            expected="NetStream.Publish.Start",
            actual=call.code,
            key=call.code,
        )


def _ghost(scope: Scope, refusal: Call) -> str:
    """Name an earlier connection that publishes the same stream."""
    own, names = scope.connection, published(scope.connection)
    earlier = scope.session.connections[max(own.index - NEIGHBOURS, 0) : own.index]
    for other in earlier:
        live = other.closed_by is None or other.end_ns > refusal.time_ns
        if live and names & published(other):
            age = (refusal.time_ns - other.start_ns) / 1e9
            return f"; {other.id} has been publishing it for {age:.1f} s and is still open"
    return ""


def _unanswered(scope: Scope) -> Iterator[Call]:
    """Yield publish and play without any status on their message stream, or astray (CMD-08)."""
    calls, statuses = scope.named("publish", "play"), scope.named("onStatus")
    answered = {call.command.msid for call in statuses}
    failed = {call.transaction for call in scope.named("_error")}
    asked = {call.command.msid for call in calls}
    astray = [item for item in statuses if item.command.msid not in asked]
    for call in calls:
        own = call.command
        if 0 in answered or own.msid in answered or call.transaction in failed:
            continue
        about = f"NetStream.{own.name.capitalize()}."
        if not any(item.code.startswith(about) and item.row > call.row for item in astray):
            yield call


def silence(scope: Scope) -> Iterator[Outcome]:
    """CMD-05: publish or play gets no answer, or publish a late one: play may wait for media."""
    closed = scope.closed_by()
    for call in scope.named("publish"):
        yield from _late(scope, call)
    for call in _unanswered(scope):
        name, waited = call.command.name, scope.observed_ns - call.time_ns
        if name == "play" and len(scope.media(1)):
            continue  # the media are the answer
        late = waited > scope.parameters["answer_s"] * 1e9
        if closed != "server" and not late:
            yield _too_early(scope, name, waited)
            continue
        how = "closed the connection without answering" if closed == "server" else "never answered"
        yield Evidence(
            f"the server {how} {name}",
            [call.row],
            expected=f"onStatus NetStream.{name.capitalize()}.Start",
            actual=scope.connection.closed_by if closed == "server" else f"{waited / 1e9:.1f} s",
            blame="server",
            key=name,
        )


def _late(scope: Scope, call: Call) -> Iterator[Evidence]:
    """The answer came after the time in which a call without one counts as not answered."""
    reply, most = scope.answer(call), scope.parameters["answer_s"]
    if reply is None or reply.time_ns - call.time_ns <= most * 1e9:
        return
    waited = (reply.time_ns - call.time_ns) / 1e9
    yield Evidence(
        f"the server answered {call.command.name} after {waited:.1f} s",
        [reply.row],
        severity="warning",
        expected=f"within {most:g} s",
        actual=f"{waited:.1f} s",
        track=call.command.name,
        key=f"{call.command.name} late",
        blame="server",
        help="Clients that give up after some seconds try again, or leave. Look for what the "
        "server waits for: a hook, an access rule, a name it cannot resolve.",
    )


def _too_early(scope: Scope, name: str, waited_ns: int) -> Inconclusive:
    """Nobody knows whether an answer was to come."""
    who = f"the {scope.closed_by()} closed" if scope.closed_by() else "the capture ends"
    return Inconclusive(f"{who} {waited_ns / 1e9:.1f} s after {name}, before an answer came", name)


def unanswered(scope: Scope) -> Iterator[Outcome]:
    """CMD-06: a call with a transaction id gets no reply or a late one, or a reply lacks it."""
    end = scope.observed_ns
    refused = bool(rejections(scope))
    for call in scope.commands():
        name, transaction = call.command.name, call.transaction
        if name == "onFCPublish" and transaction is None:
            bare = scope.value(call.row, "length") == len(_BARE)
            yield Evidence(
                "onFCPublish lacks its transaction id",
                [call.row],
                expected="a Number",
                actual="nothing" if bare else "another value",
                severity="note" if bare else "warning",
                track=name,
                blame="server",
                help="FFmpeg -listen sends the bare name, which its own client accepts; encoders "
                "that look for a Number hang.",
            )
        if name not in _NEEDED | _OPTIONAL or not transaction:
            continue
        if scope.answer(call) is not None:
            if name in _NEEDED:
                yield from _late(scope, call)
            continue
        needed = name in _NEEDED
        late = end - call.time_ns > scope.parameters["answer_s"] * 1e9
        ended = needed and scope.closed_by() == "server"
        if refused or not (late or ended):
            if needed and not refused:
                yield _too_early(scope, name, end - call.time_ns)
            continue
        severity: Severity = "error" if needed else "note"
        text = f"the server closed without answering {name}" if ended else f"{name} not answered"
        yield Evidence(
            text, [call.row], severity=severity, track=name,
            expected=f"_result {transaction}", actual="nothing", blame="server",
            help=_NO_SUCH_APP if ended and name == "connect" else None,
        )  # fmt: skip


def early_media(scope: Scope) -> Iterator[Outcome]:
    """CMD-07: media before NetStream.Publish.Start."""
    starts = [call for call in scope.named("onStatus") if call.code.endswith("Publish.Start")]
    media = scope.media(0)
    if not starts or not len(media):
        yield NOTHING
        return
    early = media[scope.column("first_frame", media) < starts[0].frame]
    if not len(early):
        return
    configs = _configs(scope, early)
    severity: Severity = "error" if len(configs) else "warning"
    lost = "; the sequence header among it may be lost" if len(configs) else ""
    yield Evidence(
        f"audio or video is sent before NetStream.Publish.Start{lost}",
        configs if len(configs) else early,
        count=len(early),
        severity=severity,
        expected=f"after frame {starts[0].frame}",
        actual=f"from frame {scope.value(int(early[0]), 'first_frame')} on",
    )


def _configs(scope: Scope, rows: Rows) -> Rows:
    """Return those of some client's rows that carry a codec configuration."""
    known = scope.half(0).configs
    ordinals = [ordinal for kind in known for ordinal in known[kind][:SAMPLE]]
    configs = [scope.session.row_of(scope.connection, 0, ordinal) for ordinal in ordinals]
    return rows[np.isin(rows, configs)]


def wrong_stream(scope: Scope) -> Iterator[Outcome]:
    """CMD-08: another message stream id than createStream gave."""
    given: set[int] = set()
    for call in scope.named("createStream"):
        reply = scope.answer(call)
        if reply is not None and reply.command.name == "_result":
            numbers = map(number, reply.command.arguments)
            given |= {value for value in numbers if value is not None}
    if not given:
        yield NOTHING
        return
    for call in scope.named("publish", "play"):
        if call.command.msid not in given:
            yield _astray(scope, [call.row], call.command.name, given)
    media = scope.media(0)
    other = media[~np.isin(scope.column("msid", media), list(given))]
    if len(other):
        yield _astray(scope, other, "media", given)
    used = {call.command.msid for call in scope.named("publish", "play")}
    for call in scope.named("onStatus"):
        msid = call.command.msid
        if call.code.startswith("NetStream.") and msid not in used | given:
            severity: Severity = "warning" if msid else "note"
            yield Evidence(
                f"{safe(call.code)} comes on message stream {msid}", [call.row], track="status",
                severity=severity, expected=_listed(given), actual=str(msid), blame="server",
            )  # fmt: skip


def _astray(scope: Scope, rows: list[int] | Rows, what: str, given: set[int]) -> Evidence:
    msid = scope.value(int(rows[0]), "msid")
    return Evidence(
        f"{what} uses message stream {msid}, which createStream did not give",
        rows, track=what, expected=_listed(given), actual=str(msid), blame="client",
    )  # fmt: skip


def _listed(numbers: set[int]) -> str:
    return ", ".join(sorted(map(str, numbers)))


def refused(scope: Scope) -> Iterator[Outcome]:
    """CMD-09: the other side answered with a status of level error."""
    known = {call.row for call in (*rejections(scope), *_publish_refusals(scope),
                                   *_play_refusals(scope))}  # fmt: skip
    created = {call.transaction for call in scope.named("createStream") if not call.direction}
    for call in scope.commands():
        if call.failed and call.code and call.row not in known:
            ends = call.direction == 1 and farewell(call)
            # A stream is the server's to give: createStream has nothing that may be wrong.
            denied = call.direction == 1 and call.transaction in created
            yield Evidence(
                f"the server ends the connection: {said(call)}" if ends else said(call),
                [call.row],
                expected="no error",
                actual=call.code,
                blame="server" if ends or (denied and call.command.name == "_error") else None,
                key=call.code,
            )


def killed(scope: Scope) -> Iterator[Outcome]:
    """CMD-10: the server accepts publish and closes soon after."""
    starts = [call for call in scope.named("onStatus") if call.code.endswith("Publish.Start")]
    ended = scope.asked & CLOSING
    if not starts or ended or scope.closed_by() != "server":
        return
    start, limits = starts[0], scope.parameters
    media = scope.media(0)
    stamps = scope.column("timestamp", media).astype(np.int64)
    length = int(np.ptp(stamps)) if len(stamps) else 0
    after = scope.end_ns - start.time_ns
    if after > limits["closed_s"] * 1e9 or length >= limits["media_s"] * 1000:
        return
    sent = scope.rows(0)
    last = scope.session.type_name(int(sent[-1])) if len(sent) else "nothing"
    yield Evidence(
        f"the server accepted publish and closed {after / 1e9:.2f} s later: a hook, an access rule "
        f"or a check of the media; last from the client: {last}",
        frame=scope.close_frame,
        time_ns=scope.end_ns,
        about=scope.last,
        direction=1,
        expected="a stream that goes on",
        actual=scope.connection.closed_by,
    )


def nothing_to_play(scope: Scope) -> Iterator[Outcome]:
    """CMD-11: the stream to play does not exist, or nobody publishes it."""
    for call in _play_refusals(scope):
        yield Evidence(
            said(call),
            [call.row],
            expected="NetStream.Play.Start",
            actual=call.code,
            key=call.code,
        )
    starts = [call for call in scope.named("onStatus") if call.code == "NetStream.Play.Start"]
    if not starts:
        return
    media = scope.media(1)
    times = scope.column("time_ns", media)
    first = int(times.min()) if len(times) else scope.observed_ns
    waited = first - starts[0].time_ns
    if waited > scope.parameters["media_s"] * 1e9 and not _play_refusals(scope):
        yield Evidence(
            f"no media for {waited / 1e9:.1f} s after NetStream.Play.Start: nobody publishes",
            [starts[0].row],
            severity="warning",
            expected=f"media within {scope.parameters['media_s']:g} s",
            actual=f"none for {waited / 1e9:.1f} s",
        )


_STREAMS = "RTMP 1.0 §7.2.2"

RULES: Final = (
    Rule(
        "CMD-04", "publish refused", "error", "definite", bad_name,
        section=f"{_STREAMS}.6",
        help="Somebody publishes under this name, or the key is wrong. A server that keeps dead "
        "publishers needs a shorter timeout.",
        blame="client",
    ),
    Rule(
        "CMD-05", "publish or play not answered", "error", "definite", silence,
        gates=("clear", "dir", "whole"), section=_STREAMS,
        help="Many servers refuse this way when a hook or an access rule says no; their log names "
        "the reason.",
        blame="server", parameters={"answer_s": 5},
    ),
    Rule(
        "CMD-06", "Call not answered", "error", "definite", unanswered,
        gates=("clear", "dir", "whole"), section="RTMP 1.0 §7.1.1",
        help="Hardware encoders wait for every reply, also for releaseStream and FCPublish.",
        blame="server", parameters={"answer_s": 5},
    ),
    Rule(
        "CMD-07", "Media before Publish.Start", "warning", "definite", early_media,
        gates=("clear", "dir", "full"), section=f"{_STREAMS}.6",
        help="Wait for NetStream.Publish.Start before the first audio or video message.",
        blame="client",
    ),
    Rule(
        "CMD-08", "Wrong message stream id", "error", "definite", wrong_stream,
        gates=("clear", "dir", "full"), section="RTMP 1.0 §7.2.1.3",
        help="publish, play and media use the number in the reply to createStream.",
    ),
    Rule(
        "CMD-09", "A command was refused", "error", "definite", refused,
        section="RTMP 1.0 §7.2",
        help="The description is the peer's own; its log says more.",
        blame="receiver",
    ),
    Rule(
        "CMD-10", "Accepted, then closed", "error", "likely", killed,
        gates=("clear", "dir", "full"), section=f"{_STREAMS}.6",
        help="Look at the server's hooks (on_publish), keys and codec checks.",
        blame="server", parameters={"closed_s": 3, "media_s": 2},
    ),
    Rule(
        "CMD-11", "Nothing to play", "error", "definite", nothing_to_play,
        gates=("clear", "dir"), section=f"{_STREAMS}.1",
        help="Check the stream's name, and that it is being published.",
        blame="client", parameters={"media_s": 5},
    ),
)  # fmt: skip
