"""What is known of message rows that an input without end has forgotten: findings and counts.

The rules look before rows go and once more behind it: what they then say less of was in these rows.
Everything else, such as what the TCP layer counted, they say both times and at the end again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analyzer.index import Array
from analyzer.interim import ripe, still

if TYPE_CHECKING:
    from analyzer.model import Connection, Diagnostic, Place
    from analyzer.rules import Judgement
    from analyzer.session import Session

_Name = tuple[str, int | None, str | None]
"""Rule, connection (of the TCP layer, which keeps its number) and track: one finding of each."""
_TIMES = re.compile(r" \(\d+ times\)$")


class Tally(NamedTuple):
    """Messages of one type, and the bytes of their bodies."""

    messages: int
    bytes: int


@dataclass(slots=True)
class _Past:
    """A finding, as it was told first, with the numbers and times of that moment."""

    item: Diagnostic
    view: Connection | None
    sides: tuple[int, int]
    start_ns: int
    count: int
    """How often it was seen in rows that are gone."""

    def told(self, session: Session) -> Diagnostic:
        """Return the finding in the numbers and times of now."""
        item = copy(self.item)
        later = self.start_ns - session.capture_start_ns
        item.time_ns = None if item.time_ns is None else item.time_ns + later
        item.last = None if item.last is None else self._place(item.last, later)
        item.examples = [self._place(place, later) for place in item.examples]
        if self.view is not None:
            item.connection = self.view.id
            item.message = self._message(item.message)
            if item.direction is not None and self._turned:
                item.direction = 1 - item.direction
        _count(item, self.count)
        return item

    @property
    def _turned(self) -> bool:
        return self.view is not None and self.view.sides != self.sides

    def _place(self, place: Place, later: int) -> Place:
        time = None if place.time_ns is None else place.time_ns + later
        return place._replace(message=self._message(place.message), time_ns=time)

    def _message(self, name: str | None) -> str | None:
        if name is None or self.view is None:
            return name
        _, direction, number = name.split(".")
        if self._turned:
            direction = {"c2s": "s2c", "s2c": "c2s"}[direction]
        return f"{self.view.id}.{direction}.{number}"


class Forgotten:
    """Findings and counts of the rows that are gone."""

    def __init__(self) -> None:
        self._found: dict[_Name, _Past] = {}
        self._tallies: dict[tuple[int, int], dict[int, Tally]] = {}

    def count(self, session: Session, rows: Array) -> None:
        """Count rows that go."""
        table = session.messages
        place = table.column("connection")[rows].astype(np.int64) << 9
        place |= table.column("direction")[rows].astype(np.int64) << 8
        place |= table.column("type_id")[rows]
        kinds, which = np.unique(place, return_inverse=True)
        messages = np.bincount(which)
        octets = np.bincount(which, weights=table.column("length")[rows])
        for kind, more, size in zip(
            kinds.tolist(), messages.tolist(), octets.tolist(), strict=True
        ):
            view = session.connections[kind >> 9]
            key = view.tcp_connection.index, view.sides[kind >> 8 & 1]
            known = self._tallies.setdefault(key, {})
            old = known.get(kind & 0xFF, Tally(0, 0))
            known[kind & 0xFF] = Tally(old.messages + more, old.bytes + int(size))

    def of(self, connection: Connection, direction: int) -> Mapping[int, Tally]:
        """Return what is gone of one direction, by message type."""
        key = connection.tcp_connection.index, connection.sides[direction]
        return self._tallies.get(key, {})

    def look(self, session: Session) -> list[Diagnostic]:
        """Return what the rules say of the rows there are now."""
        from analyzer import rules

        known = still(session)
        try:
            said = rules.run(known).diagnostics
        finally:
            known.forget()
        now = session.capture.duration_ns
        # A fault of a rule is told by the last look.
        return [item for item in said if item.rule != "INT-01" and ripe(known, item, now)]

    def keep(self, session: Session, before: list[Diagnostic], after: list[Diagnostic]) -> None:
        """Take over what was found `before` rows went and not `after`."""
        left = {_name(session, item): item.count for item in after}
        for item in before:
            name = _name(session, item)
            gone = item.count - left.get(name, 0)
            if gone <= 0:
                continue
            known = self._found.get(name)
            if known is not None:
                known.count += gone
                known.item.last = item.last
                continue
            view = _view(session, item)
            sides = (0, 1) if view is None else view.sides
            self._found[name] = _Past(item, view, sides, session.capture_start_ns, gone)

    def added(self, session: Session, said: Judgement) -> Judgement:
        """Return what the rules said of the rows there are, with what they said of those gone."""
        if not self._found:
            return said
        from analyzer.rules import conclude

        found = {_name(session, item): item for item in said.diagnostics}
        for name, past in list(self._found.items()):
            item, now = past.told(session), found.get(name)
            if now is not None:
                item.last = now.last
                _count(item, past.count + now.count)
            found[name] = item
        for item in found.values():
            item.cause = None
        return conclude(session, list(found.values()), said.results)


def _count(item: Diagnostic, count: int) -> None:
    times = f" ({count} times)" if count > 1 else ""
    item.count, item.text = count, _TIMES.sub("", item.text) + times


def _view(session: Session, item: Diagnostic) -> Connection | None:
    return None if item.connection is None else session.connections[int(item.connection[1:])]


def _name(session: Session, item: Diagnostic) -> _Name:
    view = _view(session, item)
    return item.rule, None if view is None else view.tcp_connection.index, item.track
