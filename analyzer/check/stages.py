"""How far a connection came: TCP, handshake, connect, createStream, publish or play, media."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.model import Connection
from analyzer.rules.scope import Call, Scope, Shared

if TYPE_CHECKING:
    from analyzer.session import Session

MARKS: Final = {True: "✓", False: "✗", None: "?"}
_STARTED: Final = {"publish": "NetStream.Publish.Start", "play": "NetStream.Play.Start"}
_CALLS: Final = ("connect", "createStream", "publish", "play")


class Stage(NamedTuple):
    """One step and what became of it."""

    name: str
    passed: bool | None
    """None: the capture does not tell."""
    text: str = ""
    """What was said, or is missing; captured words in it are not made safe."""
    frame: int | None = None
    time_ns: int | None = None
    code: str = ""
    """Status code and description of the reply, verbatim."""
    description: str = ""

    @property
    def mark(self) -> str:
        return MARKS[self.passed]


class Ladders:
    """The stages of a session's connections, each looked at once."""

    def __init__(self, session: Session) -> None:
        self._shared = Shared(session)
        self._known: dict[int, list[Stage]] = {}

    def of(self, connection: Connection) -> list[Stage]:
        """Return the stages that the connection came to, the first that failed last."""
        if connection.index not in self._known:
            found = self._known[connection.index] = []
            for stage in _stages(Scope(self._shared, connection, {})):
                found.append(stage)
                if stage.passed is False:
                    break
        return self._known[connection.index]


def line(stages: list[Stage]) -> str:
    """Return ``TCP ✓  handshake ✓  connect ✗``."""
    return "  ".join(f"{stage.name} {stage.mark}" for stage in stages)


def _stages(scope: Scope) -> Iterator[Stage]:
    view = scope.connection
    tcp = view.tcp_connection
    name = "TCP" if view.variant not in ("rtmps",) else "TCP+TLS"
    start = view.tcp_connection.start_frame
    yield Stage(name, True if any(tcp.saw_syn) else None, frame=start, time_ns=view.start_ns)
    if view.variant in ("rtmps", "rtmpe", "rtmpt"):
        yield Stage("handshake", None, f"{view.variant}: what follows cannot be read")
        return
    yield _handshake(view)
    calls = [call for call in scope.commands() if call.command.name in _CALLS]
    if not any(call.command.name == "connect" for call in calls):
        yield _missing(scope, "connect")
    for call in calls:
        # The answer to every call; a later one of the same name counts on its own.
        yield _called(scope, call)
    started = [call for call in calls if call.command.name in _STARTED]
    if started:
        yield _media(scope, started[-1])


def _handshake(view: Connection) -> Stage:
    if view.handshake_seen:
        return Stage("handshake", True)
    if not view.from_start:
        return Stage("handshake", None, "captured from the middle on")
    halves = [view.rtmp.halves[side] for side in view.sides]
    if any(half.damaged for half in halves):
        return Stage("handshake", None, "bytes of it are missing")
    silent = [who for who, half in zip(("client", "server"), halves, strict=True) if not half.first]
    text = f"nothing from the {' and '.join(silent)}" if silent else "it was not completed"
    return Stage("handshake", False if view.both_directions or view.closed_by else None, text)


def _missing(scope: Scope, name: str) -> Stage:
    if not scope.connection.from_start:
        return Stage(name, None, "captured from the middle on")
    return Stage(name, False if _whole(scope) else None, f"no {name} was sent")


def _called(scope: Scope, call: Call) -> Stage:
    name = call.command.name
    answer = scope.answer(call)
    if answer is None:
        told = _whole(scope) and scope.connection.both_directions
        return Stage(name, False if told else None, "no answer", call.frame, call.time_ns)
    status = answer.status
    description = str(status.get("description") or "")
    wanted = _STARTED.get(name)
    passed = not answer.failed and (wanted in (None, answer.code) or _started(scope, call, wanted))
    code = answer.code
    text = "" if passed else (code or "refused")
    return Stage(name, passed, text, answer.frame, answer.time_ns, code, description)


def _started(scope: Scope, call: Call, wanted: str) -> bool:
    """Play is answered by several statuses: Reset, Start, and others between."""
    return any(
        item.code == wanted and item.command.msid == call.command.msid
        for item in scope.named("onStatus")
        if item.time_ns >= call.time_ns
    )


def _media(scope: Scope, call: Call) -> Stage:
    direction = 0 if call.command.name == "publish" else 1
    rows = scope.media(direction)
    times = scope.column("time_ns", rows)
    after = rows[times >= call.time_ns]
    if not len(after):
        told = _whole(scope)
        return Stage("media", False if told else None, "neither audio nor video came")
    first = int(after[np.argmin(scope.column("time_ns", after))])
    return Stage("media", True, "", scope.value(first, "last_frame"), scope.value(first, "time_ns"))


def _whole(scope: Scope) -> bool:
    """No byte of the connection is missing in the capture."""
    view = scope.connection
    return view.from_start and not any(len(stats.gaps) for stats in view.tcp)
