"""Connections of two captures paired, and the differences of each pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.diff.normal import Normal
from analyzer.diff.profile import Measure, Profile, Stage, Value, profile

if TYPE_CHECKING:
    from analyzer.filters import Filter
    from analyzer.redact import Redactor
    from analyzer.session import Session

MAX_CONNECTIONS: Final = 200
"""Connections compared per capture; whoever has more chooses some with a filter."""


class Difference(NamedTuple):
    """What differs. In a sequence `key` is the line before; None there: at the beginning."""

    stage: str
    key: str | None
    a: list[str] | None
    b: list[str] | None
    """None: there is no such thing in this capture."""


class Pair(NamedTuple):
    """Two connections that do the same, and how they differ."""

    a: str
    b: str
    role: str
    holes_a: list[str]
    holes_b: list[str]
    """What the captures lack of them."""
    differences: list[Difference]


class Comparison(NamedTuple):
    """The whole result."""

    pairs: list[Pair]
    only_a: list[Profile]
    only_b: list[Profile]

    @property
    def equal(self) -> bool:
        return not (self.only_a or self.only_b or any(pair.differences for pair in self.pairs))


def profiles(session: Session, chosen: Filter | None, redactor: Redactor) -> list[Profile]:
    """Return the profiles of a capture's connections, of those with a message that matches."""
    rows = session.order()
    column = session.messages.column("connection")
    if chosen is None:
        wanted = np.arange(len(session.connections))
    else:
        wanted = np.unique(column[chosen.rows(session, rows)])
    normal = Normal(redactor)
    return [
        profile(session, session.connections[index], rows[column[rows] == index], normal)
        for index in wanted[:MAX_CONNECTIONS].tolist()
    ]


def compare(a: Sequence[Profile], b: Sequence[Profile]) -> Comparison:
    """Pair the connections by role and application, in order, and compare each pair."""
    left, right = list(a), list(b)
    pairs: list[tuple[Profile, Profile]] = []
    for same in (_role_and_app, _role, _anything):
        for one in list(left):
            other = next((each for each in right if same(each) == same(one)), None)
            if other is not None:
                pairs.append((one, other))
                left.remove(one)
                right.remove(other)
    order = {one.id: place for place, one in enumerate(a)}
    pairs.sort(key=lambda pair: order[pair[0].id])
    return Comparison([_pair(*pair) for pair in pairs], left, right)


def _role_and_app(each: Profile) -> object:
    return each.role, each.app


def _role(each: Profile) -> object:
    return each.role


def _anything(each: Profile) -> object:
    return None


def _pair(a: Profile, b: Profile) -> Pair:
    role = a.role if a.role == b.role else f"{a.role} / {b.role}"
    found: list[Difference] = []
    for name, stage in a.stages.items():
        found += _stage(name, stage, b.stages[name])
    return Pair(a.id, b.id, role, a.holes, b.holes, found)


def _stage(name: str, a: Stage, b: Stage) -> Iterator[Difference]:
    if isinstance(a, list) or isinstance(b, list):
        assert isinstance(a, list) and isinstance(b, list)
        yield from _lines(name, a, b)
        return
    if name == "timing" or (name == "handshake" and not (a and b)):
        # What one of them was not long enough to measure, or lacks, is no difference.
        keys = [key for key in a if key in b]
    else:
        keys = list(dict.fromkeys([*a, *b]))
    for key in keys:
        one, other = a.get(key), b.get(key)
        if not _equal(one, other):
            yield Difference(name, key, _shown(one), _shown(other))


def _equal(a: Value | None, b: Value | None) -> bool:
    if isinstance(a, Measure) and isinstance(b, Measure):
        return a.near(b)
    return a == b


def _shown(value: Value | None) -> list[str] | None:
    return None if value is None else [str(value)]


def _lines(name: str, a: list[str], b: list[str]) -> Iterator[Difference]:
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    for kind, low_a, high_a, low_b, high_b in matcher.get_opcodes():
        if kind != "equal":
            before = a[low_a - 1] if low_a else None
            yield Difference(name, before, a[low_a:high_a] or None, b[low_b:high_b] or None)
