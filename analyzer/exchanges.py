"""Which reply answers which call, and after how long (RTMP 1.0 §7.1.1, §7.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analyzer.model import Connection
from dissectors import spec
from dissectors.connection import Command

if TYPE_CHECKING:
    from analyzer.index import MessageTable

_STREAM_CALLS = {
    "publish": "NetStream.Publish.",
    "play": "NetStream.Play.",
    "play2": "NetStream.Play.",
    "seek": "NetStream.Seek.",
    "pause": "NetStream.",
    "pauseRaw": "NetStream.",
}
"""NetStream commands are answered by onStatus on their message stream, not by transaction id."""


class Exchange(NamedTuple):
    """A call and its reply; `latency_ns` is between the ends of the two messages."""

    call: int
    reply: int
    latency_ns: int


class _Timed(NamedTuple):
    time_ns: int
    row: int
    command: Command


def exchanges(connections: Iterable[Connection], messages: MessageTable) -> dict[int, Exchange]:
    """Pair calls with replies; returns the exchange by row, for both of its rows."""
    rows = _command_rows(messages)
    times = messages.column("time_ns")
    found: dict[int, Exchange] = {}
    for connection in connections:
        timed = []
        for command in connection.rtmp.commands:
            key = (connection.index, connection.sides.index(command.side), command.number)
            row = rows.get(key)
            if row is not None:
                timed.append(_Timed(int(times[row]), row, command))
        timed.sort(key=lambda item: (item.time_ns, item.row))
        for exchange in _pair(timed):
            found[exchange.call] = found[exchange.reply] = exchange
    return found


def _command_rows(messages: MessageTable) -> dict[tuple[int, int, int], int]:
    types = messages.column("type_id")
    rows = np.nonzero((types == spec.COMMAND_AMF0) | (types == spec.COMMAND_AMF3))[0]
    keys = [messages.column(name)[rows].tolist() for name in ("connection", "direction", "index")]
    return dict(zip(zip(*keys, strict=True), rows.tolist(), strict=True))


def _pair(timed: list[_Timed]) -> Iterable[Exchange]:
    # Calls wait per direction: both peers number theirs from 1.
    by_id: dict[tuple[int, object], _Timed] = {}
    by_stream: dict[tuple[int, int], _Timed] = {}
    for item in timed:
        command = item.command
        other = 1 - command.side
        call: _Timed | None = None
        if command.name in ("_result", "_error"):
            call = by_id.pop((other, _key(command.transaction_id)), None)
        elif command.name == "onStatus":
            call = by_stream.get((other, command.msid))
            if call is not None and not _answers(call.command, command):
                call = None
            if call is not None:
                del by_stream[(other, command.msid)]
        elif command.name in _STREAM_CALLS:
            by_stream[(command.side, command.msid)] = item
        elif command.transaction_id:
            by_id[(command.side, _key(command.transaction_id))] = item
        if call is not None:
            yield Exchange(call.row, item.row, item.time_ns - call.time_ns)


def _key(transaction_id: object) -> object:
    return transaction_id if isinstance(transaction_id, (int, float)) else None


def _answers(call: Command, status: Command) -> bool:
    prefix = _STREAM_CALLS[call.name]
    for value in status.arguments:
        code = value.get("code") if isinstance(value, dict) else None
        # A refusal may come under any code: NetStream.Failed, NetConnection.Call.Failed …
        if isinstance(code, str) and (code.startswith(prefix) or value.get("level") == "error"):
            return True
    return False
