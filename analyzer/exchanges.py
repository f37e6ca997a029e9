"""Which reply answers which call, and after how long (RTMP 1.0 §7.1.1, §7.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from analyzer.model import Connection
from dissectors import spec
from dissectors.facts import Command

if TYPE_CHECKING:
    from analyzer.index import MessageTable

_Key = TypeVar("_Key")

MAX_WAITING = 16
"""Unanswered calls remembered per message stream: pause and seek may go without an answer."""
_PAUSE = ("NetStream.Pause.", "NetStream.Unpause.")
_STREAM_CALLS: dict[str, tuple[str, ...]] = {
    "publish": ("NetStream.Publish.",),
    "play": ("NetStream.Play.",),
    "play2": ("NetStream.Play.",),
    "seek": ("NetStream.Seek.",),
    "pause": _PAUSE,
    "pauseRaw": _PAUSE,
    "closeStream": ("NetStream.Unpublish.",),
    "deleteStream": ("NetStream.Unpublish.",),
}
"""NetStream commands are answered by onStatus on their message stream, not by transaction id."""
_NEWS = frozenset(
    f"NetStream.Play.{event}"
    for event in ("Stop", "Complete", "PublishNotify", "UnpublishNotify", "InsufficientBW")
)
"""What happens to a stream that plays already; no answer to play (§7.2.2.1)."""
_ANNOUNCED = {
    "onFCPublish": "FCPublish",
    "onFCUnpublish": "FCUnpublish",
    "onFCSubscribe": "FCSubscribe",
    "onFCUnsubscribe": "FCUnsubscribe",
}
"""Answers that are method calls of their own; FFmpeg -listen sends the bare name, without an id."""


class Exchange(NamedTuple):
    """A call and its reply; `latency_ns` is between the ends of the two messages."""

    call: int
    reply: int
    latency_ns: int
    name: str
    """The call's command name."""


class _Timed(NamedTuple):
    time_ns: int
    row: int
    command: Command


def exchanges(connections: Iterable[Connection], messages: MessageTable) -> dict[int, Exchange]:
    """Pair calls with replies; returns the exchange by row, for both of its rows."""
    rows = command_rows(messages)
    times, frames = messages.column("time_ns"), messages.column("last_frame")
    found: dict[int, Exchange] = {}
    for connection in connections:
        timed = []
        for command in connection.rtmp.commands:
            key = (connection.index, connection.sides.index(command.side), command.number)
            row = rows.get(key)
            if row is not None:
                timed.append(_Timed(int(times[row]), row, command))
        timed.sort(key=lambda item: (frames[item.row], item.row))
        for exchange in _pair(timed):
            found.setdefault(exchange.call, exchange)  # Play.Reset comes before Play.Start
            found[exchange.reply] = exchange
    return found


def command_rows(messages: MessageTable) -> dict[tuple[int, int, int], int]:
    types = messages.column("type_id")
    rows = np.nonzero((types == spec.COMMAND_AMF0) | (types == spec.COMMAND_AMF3))[0]
    keys = [messages.column(name)[rows].tolist() for name in ("connection", "direction", "index")]
    return dict(zip(zip(*keys, strict=True), rows.tolist(), strict=True))


def _pair(timed: list[_Timed]) -> Iterable[Exchange]:
    waiting = _Waiting()
    for item in timed:
        name = item.command.name
        call: _Timed | None = None
        if name in ("_result", "_error"):
            call = waiting.by_transaction(item.command)
        elif name == "onStatus":
            call = waiting.by_status(item.command)
        elif name in _ANNOUNCED:
            call = waiting.by_name(item.command)
        else:
            waiting.add(item)
        if call is not None:
            yield Exchange(call.row, item.row, item.time_ns - call.time_ns, call.command.name)


class _Waiting:
    """Calls without an answer yet, per direction: both peers number theirs from 1."""

    def __init__(self) -> None:
        self.ids: dict[tuple[int, object], _Timed] = {}
        self.streams: dict[tuple[int, int], list[_Timed]] = {}
        self.names: dict[tuple[int, str], _Timed] = {}

    def add(self, item: _Timed) -> None:
        command = item.command
        if command.name in _STREAM_CALLS:
            waiting = self.streams.setdefault((command.side, _stream(command)), [])
            waiting.append(item)
            del waiting[:-MAX_WAITING]
        if command.name in _ANNOUNCED.values():
            self.names[(command.side, command.name)] = item
        if _key(command.transaction_id):
            self.ids[(command.side, _key(command.transaction_id))] = item

    def by_transaction(self, reply: Command) -> _Timed | None:
        call = self.ids.pop((1 - reply.side, _key(reply.transaction_id)), None)
        if call is not None:
            self._forget(call)
        return call

    def by_status(self, reply: Command) -> _Timed | None:
        """§7.2.2: transaction id 0, so the message stream tells; gortmplib repeats the id."""
        waiting = self.streams.get((1 - reply.side, reply.msid), ())
        call = next((item for item in waiting if _answers(item.command, reply)), None)
        if call is None and (1 - reply.side, reply.msid) not in self.streams:
            call = self._astray(reply)
        if call is not None and _code(reply) != "NetStream.Play.Reset":  # Play.Start follows
            self._forget(call)
        return call

    def _astray(self, reply: Command) -> _Timed | None:
        """Return the one publish or play that a status on a strange message stream can mean."""
        code = _code(reply) or ""
        able = [
            item
            for (side, _), items in self.streams.items()
            for item in items
            if side != reply.side and code == f"NetStream.{item.command.name.capitalize()}.Start"
        ]
        return able[0] if len(able) == 1 else None

    def by_name(self, reply: Command) -> _Timed | None:
        call = self.names.pop((1 - reply.side, _ANNOUNCED[reply.name]), None)
        if call is not None:
            self._forget(call)
        return call

    def _forget(self, call: _Timed) -> None:
        """An answered call waits for nothing more, whichever way it was found."""
        command = call.command
        side = command.side
        _drop(self.ids, (side, _key(command.transaction_id)), call)
        waiting = self.streams.get((side, _stream(command)), [])
        waiting[:] = [item for item in waiting if item is not call]
        _drop(self.names, (side, command.name), call)


def _drop(table: dict[_Key, _Timed], key: _Key, call: _Timed) -> None:
    if table.get(key) is call:
        del table[key]


def _stream(command: Command) -> int:
    """Return the message stream that the answer comes on; deleteStream names it (§7.2.2.3)."""
    if command.name == "deleteStream" and command.arguments:
        number = command.arguments[0]
        return number if isinstance(number, int) else command.msid
    return command.msid


def _key(transaction_id: object) -> object:
    return transaction_id if isinstance(transaction_id, (int, float)) else None


def _code(status: Command) -> str | None:
    for value in status.arguments:
        if isinstance(value, dict) and isinstance(value.get("code"), str):
            return str(value["code"])
    return None


def _answers(call: Command, status: Command) -> bool:
    code = _code(status)
    if code is None:
        return False
    # A refusal may come under any code: NetStream.Failed, NetConnection.Call.Failed …
    failed = any(isinstance(v, dict) and v.get("level") == "error" for v in status.arguments)
    return failed or (code.startswith(_STREAM_CALLS[call.name]) and code not in _NEWS)
