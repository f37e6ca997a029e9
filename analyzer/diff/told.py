"""The messages of a connection that are no media, each decoded once and said in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from analyzer.diff.normal import Normal
from dissectors import spec
from dissectors.chunk_state import Flag

if TYPE_CHECKING:
    from analyzer.index import Array
    from analyzer.session import Session

MAX_LINES: Final = 400
"""Messages compared per direction; a start and an end are some dozen."""
MAX_DECODED: Final = 1_000_000
"""Bytes of commands and data decoded of one capture, shared by its connections: hostile ones take
seconds for so much, and a start and an end are some kilobytes."""
LEAST_DECODED: Final = 10_000
MEDIA: Final = (spec.AUDIO, spec.VIDEO, spec.AGGREGATE)
_COMMANDS: Final = (spec.COMMAND_AMF0, spec.COMMAND_AMF3)
_DATA: Final = (spec.DATA_AMF0, spec.DATA_AMF3)
_CONNECT: Final = frozenset({"connect"})
_REPLIES: Final = frozenset({"_result", "_error"})
_METADATA: Final = frozenset({"onMetaData", "@setDataFrame"})
_PINGS: Final = frozenset({"ping_request", "ping_response"})


class Said(NamedTuple):
    """What is kept of a decoded message: hostile ones are too large to be decoded often."""

    name: str | None
    """Of a command or data."""
    line: str
    repeats: bool
    """It comes again and again in a longer run."""


class Told:
    """The whole messages of a connection that are no media, as many as may be decoded."""

    def __init__(self, session: Session, rows: Array, normal: Normal) -> None:
        self._session = session
        self._normal = normal
        self._rows = _chosen(session, rows)
        self._said: dict[int, Said] = {}

    def by(self, direction: int) -> Array:
        """Return the rows of a direction as they were sent: what had to be sent again arrived
        late.
        """
        table = self._session.messages
        mine = self._rows[table.column("direction")[self._rows] == direction]
        sent: Array = mine[np.argsort(table.column("end_offset")[mine], kind="stable")]
        return sent

    def connect(self) -> dict[str, str]:
        """Return the connect command's properties, and the order they stand in."""
        normal = self._normal
        for said in self._summaries(self._rows, _COMMANDS, _CONNECT):
            if isinstance(said.get("object"), dict):
                pairs = normal.members(said["object"])
                found = dict(pairs)
                found["(order of properties)"] = ", ".join(name for name, _ in pairs)
                for number, argument in enumerate(said.get("arguments", [])[:8]):
                    found[f"(argument {number + 1})"] = normal.value(argument)
                return found
        return {}

    def connect_reply(self) -> dict[str, str]:
        """Return the properties of the first reply."""
        for said in self._summaries(self._rows, _COMMANDS, _REPLIES):
            found = {"(reply)": str(said["name"])}
            for part in (said.get("object"), *said.get("arguments", [])[:4]):
                if isinstance(part, dict):
                    found.update(self._normal.members(part))
            return found
        return {}

    def metadata(self, rows: Array) -> dict[str, str]:
        """Return the first onMetaData."""
        for said in self._summaries(rows, _DATA, _METADATA):
            for value in said.get("values", []):
                if isinstance(value, dict):
                    return dict(self._normal.members(value))
        return {}

    def messages(self, rows: Array) -> list[str]:
        """Return commands, protocol control and events in order; what repeats with time once."""
        lines: list[str] = []
        once: set[str] = set()
        for row in rows.tolist():
            _, line, repeats = self._of(row)
            if repeats and line in once:
                continue
            once.add(line)
            lines.append(line)
            if len(lines) >= MAX_LINES:
                break
        return lines

    def _summaries(
        self, rows: Array, types: tuple[int, ...], names: frozenset[str]
    ) -> Iterator[dict[str, Any]]:
        """Yield what the messages of these types and names say."""
        kinds = self._session.messages.column("type_id")[rows]
        for row in rows[np.isin(kinds, types)][: 4 * MAX_LINES].tolist():
            if self._of(row).name in names and (found := self._session.summary(row)) is not None:
                yield found[1]

    def _of(self, row: int) -> Said:
        found = self._said.get(row)
        if found is None:
            summary = self._session.summary(row)
            name = summary[1].get("name") if summary is not None else None
            line, repeats = _line(self._session, row, self._normal)
            name = name if isinstance(name, str) else None
            found = self._said[row] = Said(name, line, repeats)
        return found


def _chosen(session: Session, rows: Array) -> Array:
    """Return the rows that `Told` has."""
    table = session.messages
    media = np.isin(table.column("type_id")[rows], (*MEDIA, spec.ACKNOWLEDGEMENT))
    whole = table.column("flags")[rows] & Flag.COMPLETE != 0
    rows = rows[whole & ~media]
    room = max(MAX_DECODED // (2 * max(len(session.connections), 1)), LEAST_DECODED)
    kept = []
    for direction in (0, 1):
        mine = rows[table.column("direction")[rows] == direction][: 10 * MAX_LINES]
        kept.append(mine[np.cumsum(table.column("length")[mine].astype(np.int64)) <= room])
    return table.sorted(np.concatenate(kept))


def _line(session: Session, row: int, normal: Normal) -> tuple[str, bool]:
    """Return a message in a line, and whether it comes again and again in a longer run."""
    type_id = session.value(row, "type_id")
    found = session.summary(row)
    if found is None:
        return session.type_name(row), True
    said = found[1]
    if type_id in _COMMANDS:
        return _command_line(said, normal), False
    if type_id in _DATA:
        name = str(said.get("name"))
        if name in _METADATA:
            return f"{normal.text(name)} (metadata)", True
        return f"{normal.text(name)} (data)", True
    if type_id == spec.USER_CONTROL:
        event = str(said.get("event"))
        if event in _PINGS:
            return event, True
    return session.info(row), False


def _command_line(said: dict[str, Any], normal: Normal) -> str:
    name = normal.text(str(said.get("name")))
    arguments = said.get("arguments", [])
    if name == "connect":
        return "connect"
    info = next((each for each in arguments if isinstance(each, dict) and "code" in each), None)
    if info is not None:
        description = info.get("description")
        tail = f" {normal.value(description)}" if description is not None else ""
        return f"{name} {normal.text(str(info['code']))}{tail}"
    return f"{name}({', '.join(normal.value(each) for each in arguments[:8])})"
