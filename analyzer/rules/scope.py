"""What a rule's function sees: one connection, its rows by direction, its commands, parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from analyzer.exchanges import command_rows
from analyzer.model import Connection
from analyzer.rules.rule import Parameters
from analyzer.tcp import TcpDirection
from dissectors import spec
from dissectors.budget import BYTES_PER_VALUE, FREE_VALUES
from dissectors.chunk_state import Flag
from dissectors.facts import Command
from dissectors.half import Half

if TYPE_CHECKING:
    from analyzer.session import Session

FREE_JUDGEMENTS: Final = 100
"""Connections judged whatever the capture's size; all rules over one take some milliseconds."""
BYTES_PER_JUDGEMENT: Final = 256 << 10
"""Stream bytes that pay for one more: a second of video. A flood's connections bring less."""
_T = TypeVar("_T")
Rows = npt.NDArray[np.signedinteger[Any]]
_MEDIA = (spec.AUDIO, spec.VIDEO, spec.AGGREGATE)


class Call(NamedTuple):
    """A command message with its place."""

    row: int
    direction: int
    time_ns: int
    """When it was complete, since the capture's first packet."""
    frame: int
    """The last one of its bytes."""
    command: Command

    @property
    def status(self) -> dict[str, Any]:
        """The information object of a reply or status, {} where there is none (§7.2)."""
        for value in (*self.command.arguments, self.command.object):
            if isinstance(value, dict) and isinstance(value.get("code"), str):
                return value
        return {}

    @property
    def code(self) -> str:
        return str(self.status.get("code", ""))

    @property
    def transaction(self) -> int | None:
        """The transaction id, None where it is no number."""
        return number(self.command.transaction_id)

    @property
    def failed(self) -> bool:
        """An `_error`, or a status of level error."""
        if self.command.name == "_error":
            return True
        return bool(self.command.name == "onStatus" and self.status.get("level") == "error")


def number(value: object) -> int | None:
    """Return an AMF Number as an integer, None where it is none."""
    if isinstance(value, (int, float)) and value == value and abs(value) < 1 << 62:
        return int(value)
    return None


def _any_of(column: npt.NDArray[Any], values: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Compare with a few values: `numpy.isin` takes longer than most connections are worth."""
    found: npt.NDArray[np.bool_] = column == values[0]
    for value in values[1:]:
        found |= column == value
    return found


def _judged(session: Session) -> list[Connection]:
    """Return the connections to judge, by number; where there are too many, the largest."""
    views = session.connections
    most = FREE_JUDGEMENTS + session.bounds.budget.fed // BYTES_PER_JUDGEMENT
    if len(views) <= most:
        return views
    session.note_limits({"judged_connections"})
    chosen = sorted(views, key=lambda view: -sum(d.length for d in view.tcp_connection.directions))
    return sorted(chosen[:most], key=lambda view: view.index)


class Shared:
    """What the rules compute once per session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.fields = FREE_VALUES + session.bounds.budget.fed // BYTES_PER_VALUE
        """Fields of decoded bodies that rules may still look at: decoding is what costs time."""
        self.trial_bytes = 0
        """Stream bytes read again to find out which chunk size a sender uses."""
        self._known: dict[object, Any] = {}
        self.judged = _judged(session)
        """The connections that rules look at: all but in a flood of them."""
        table = session.messages
        rows = table.present()
        key = table.column("connection")[rows].astype(np.uint32) * np.uint32(2)
        key += table.column("direction")[rows]
        order = np.argsort(key, kind="stable")
        self._rows: Rows = rows[order].astype(np.int32)
        numbers = np.arange(2 * len(session.connections) + 1)
        self._bounds: list[int] = np.searchsorted(key[order], numbers).tolist()

    def rows(self, connection: int, direction: int) -> Rows:
        """Return the direction's rows in the order the messages ended."""
        number = 2 * connection + direction
        return self._rows[self._bounds[number] : self._bounds[number + 1]]

    def once(self, key: object, build: Callable[[], _T]) -> _T:
        """Return what `build` gave when `key` was asked for first."""
        if key not in self._known:
            self._known[key] = build()
        found: _T = self._known[key]
        return found

    def command_rows(self) -> dict[tuple[int, int, int], int]:
        return self.once(command_rows, lambda: command_rows(self.session.messages))


class Scope:
    """One connection (or, of a rule over the capture, none) seen by one rule."""

    __slots__ = ("_connection", "parameters", "session", "shared")

    def __init__(
        self, shared: Shared, connection: Connection | None, parameters: Parameters
    ) -> None:
        self.shared = shared
        self.session = shared.session
        self._connection = connection
        self.parameters = parameters
        """The rule's thresholds, as the policy sets them."""

    @property
    def connection(self) -> Connection:
        """The connection; rules over the capture have none."""
        assert self._connection is not None
        return self._connection

    @property
    def known(self) -> Connection | None:
        return self._connection

    def of(self, connection: Connection) -> Scope:
        """Return the scope of a connection, with the same parameters."""
        return Scope(self.shared, connection, self.parameters)

    def connections(self) -> Iterator[Scope]:
        """Yield the scopes of all connections that are judged."""
        return (self.of(connection) for connection in self.shared.judged)

    # -- messages -------------------------------------------------------------------------

    def rows(self, direction: int, types: Sequence[int] = ()) -> Rows:
        """Return row numbers of one direction in stream order, all or of some message types."""
        rows = self.shared.rows(self.connection.index, direction)
        if not types:
            return rows
        key = ("rows", self.connection.index, direction, tuple(types))
        return self.shared.once(key, lambda: rows[_any_of(self.column("type_id", rows), types)])

    @property
    def last(self) -> int | None:
        """Return the row of the connection's last message."""
        ends = [int(rows[-1]) for d in (0, 1) if len(rows := self.rows(d))]
        return max(ends, key=lambda row: int(self.value(row, "time_ns")), default=None)

    def media(self, direction: int) -> Rows:
        """Return the rows with audio, video and aggregates of a direction."""
        return self.rows(direction, _MEDIA)

    def column(self, name: str, rows: Rows) -> npt.NDArray[Any]:
        """Return a column's values of some rows (`analyzer.index.COLUMNS`)."""
        return self.session.messages.column(name)[rows]

    def value(self, row: int, name: str) -> int:
        """Return one value of one row."""
        return self.session.value(row, name)

    def whole(self, rows: Rows) -> Rows:
        """Return those rows of which no byte is missing."""
        found: Rows = rows[self.column("flags", rows) & Flag.COMPLETE != 0]
        return found

    def head(self, rows: Rows) -> npt.NDArray[np.uint8]:
        """Return the first 16 body bytes of rows, one row of bytes each."""
        column = np.ascontiguousarray(self.column("head", rows))
        return column.view(np.uint8).reshape(-1, 16)

    # -- commands -------------------------------------------------------------------------

    def commands(self) -> list[Call]:
        """Return the connection's commands of both directions in the order of time."""
        return self.shared.once(("commands", self.connection.index), self._commands)

    def _commands(self) -> list[Call]:
        connection, session = self.connection, self.session
        rows, calls = self.shared.command_rows(), []
        for command in connection.rtmp.commands:
            direction = connection.sides.index(command.side)
            row = rows.get((connection.index, direction, command.number))
            if row is not None:
                time, frame = session.value(row, "time_ns"), session.value(row, "last_frame")
                calls.append(Call(row, direction, time, frame, command))
        calls.sort(key=lambda call: (call.time_ns, call.frame, call.row))
        return calls

    @property
    def asked(self) -> set[str]:
        """The names of the client's commands."""
        return {call.command.name for call in self.commands() if not call.direction}

    def named(self, *names: str) -> list[Call]:
        """Return the commands with one of these names."""
        return [call for call in self.commands() if call.command.name in names]

    def answer(self, call: Call) -> Call | None:
        """Return the reply to a command, None while there is none."""
        exchange = self.session.exchange(call.row)
        if exchange is None or exchange.call != call.row:
            return None
        key = ("calls by row", self.connection.index)
        by_row = self.shared.once(key, lambda: {item.row: item for item in self.commands()})
        return by_row.get(exchange.reply)

    # -- streams --------------------------------------------------------------------------

    def half(self, direction: int) -> Half:
        """Return what the RTMP layer knows of one direction."""
        return self.connection.rtmp.halves[self.connection.sides[direction]]

    def tcp(self, direction: int) -> TcpDirection:
        """Return the TCP layer's direction: segments, gaps, statistics, events."""
        return self.connection.tcp_connection.directions[self.connection.sides[direction]]

    def frame_at(self, direction: int, offset: int) -> int | None:
        """Return the frame that carries a stream byte, None where it is missing."""
        pieces = self.tcp(direction).locate(offset, 1)
        return pieces[0].frame if pieces else None

    @property
    def end_ns(self) -> int:
        """The connection's last packet, since the capture's first."""
        return self.connection.end_ns

    @property
    def observed_ns(self) -> int:
        """When a closed connection ended; of an open one, when the capture did."""
        return self.end_ns if self.connection.closed_by else self.capture_end_ns

    @property
    def capture_end_ns(self) -> int:
        """The capture's last packet, since its first."""
        return self.shared.once("capture end", lambda: self.session.capture.duration_ns)

    @property
    def publishes(self) -> bool:
        return self.connection.role in ("publish", "both")

    @property
    def close_frame(self) -> int | None:
        """The frame of the FIN or RST that ended the connection, None while open."""
        closed = self.connection.tcp_connection.first_close
        return closed[2] if closed is not None else None

    def closed_by(self) -> str:
        """Return `client`, `server` or an empty string while open."""
        return (self.connection.closed_by or "").partition(".")[0]
