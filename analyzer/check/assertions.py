"""Assertions: the display filter's language over a whole capture.

A name from `aggregates` has a value per connection or track, and `--expect` wants its comparison
to hold for all of them, `--forbid` for none. Whatever names only fields of messages is a filter:
it is true when some message matches. `and`, `or` and `not` join the two; three-valued, because
what had nothing to measure is neither true nor false.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal, NamedTuple, Protocol

from analyzer import filters
from analyzer.check import aggregates
from analyzer.check.aggregates import Aggregate, Measured
from analyzer.filters.compare import Comparer, ValueTest
from analyzer.filters.lexer import FilterError
from analyzer.filters.syntax import Junction, Node, Not, Relation, parse
from analyzer.filters.values import Test

Kind = Literal["expect", "forbid"]
SHOWN: Final = 4
"""Samples named in an explanation."""
_ALWAYS: Final = "diagnostic."
"""Fields whose absence is an answer: no finding was made."""


class Truth(NamedTuple):
    """True, False or unknown, and why."""

    value: bool | None
    why: tuple[str, ...]


class Checked(NamedTuple):
    """An assertion and what became of it."""

    kind: Kind
    text: str
    status: Literal["pass", "fail", "inconclusive"]
    why: str
    name: str = ""
    """Of a profile's requirement: `youtube/gopSizeLong`."""
    severity: str = "error"
    source: str = ""
    """Where a profile's requirement is published."""


class Part(Protocol):
    """A part of an assertion. `every`: an aggregate must hold for all of its samples."""

    def ask(self, measured: Measured, every: bool) -> Truth: ...


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion that was understood."""

    kind: Kind
    text: str
    part: Part

    def check(self, measured: Measured) -> Checked:
        """Ask it of a capture."""
        expected = self.kind == "expect"
        truth = self.part.ask(measured, expected)
        why = "; ".join(dict.fromkeys(truth.why))
        if isinstance(self.part, _Measurement):
            why = why.removeprefix(f"{self.part.name}: ")  # the assertion itself has said it
        if truth.value is None:
            return Checked(self.kind, self.text, "inconclusive", why)
        good = truth.value if expected else not truth.value
        return Checked(self.kind, self.text, "pass" if good else "fail", why)


def compile(kind: Kind, text: str) -> Assertion:
    """Return the assertion that `text` says; raise `FilterError` with the place of the fault."""
    return Assertion(kind, text, _part(parse(text), text))


def _part(node: Node, text: str) -> Part:
    if isinstance(node, Not):
        return _Negation(_part(node.item, text))
    if not any(_aggregate(relation) for relation in _relations(node)):
        return _Messages(node, text)
    if isinstance(node, Junction):
        return _Joined(node.operator == "and", tuple(_part(item, text) for item in node.items))
    found = _aggregate(node)
    assert found is not None
    return _Measurement(node, found, text)


def _relations(node: Node) -> Iterator[Relation]:
    if isinstance(node, Relation):
        yield node
    elif isinstance(node, Not):
        yield from _relations(node.item)
    else:
        for item in node.items:
            yield from _relations(item)


def _aggregate(relation: Relation) -> Aggregate | None:
    return aggregates.find(relation.field)


class _Negation:
    def __init__(self, part: Part) -> None:
        self.part = part

    def ask(self, measured: Measured, every: bool) -> Truth:
        value, why = self.part.ask(measured, not every)
        return Truth(None if value is None else not value, why)


class _Joined:
    """`and` or `or` of parts: Kleene's logic."""

    def __init__(self, conjunction: bool, parts: tuple[Part, ...]) -> None:
        self.conjunction = conjunction
        self.parts = parts

    def ask(self, measured: Measured, every: bool) -> Truth:
        found = [part.ask(measured, every) for part in self.parts]
        values = [truth.value for truth in found]
        value: bool | None = self.conjunction
        for decisive in (not self.conjunction, None):
            if decisive in values:
                value = decisive
                break
        why = [reason for truth in found if truth.value is value for reason in truth.why]
        return Truth(value, tuple(why))


class _Measurement:
    """A comparison of an aggregate."""

    def __init__(self, relation: Relation, aggregate: Aggregate, text: str) -> None:
        self.aggregate = aggregate
        self.name = relation.field
        self.exists = relation.operator == "exists" and aggregate.kind != "boolean"
        self.negative = relation.operator in ("ne", "any_ne")
        self.tests = () if self.exists else tuple(_tests(relation, aggregate.kind, text))

    def ask(self, measured: Measured, every: bool) -> Truth:
        samples = self.aggregate.samples(measured, self.name)
        if not samples.values:
            nothing = f"{self.name}: {samples.missing or 'nothing to measure'}"
            return Truth(False if self.exists and samples.certain else None, (nothing,))
        passing = [self.exists or any(test.one(v) for test in self.tests) for v in samples.values]
        value = all(passing) if every else any(passing)
        said = [
            f"{self.name} is {aggregates.shown(v, self.aggregate.kind)}" + (f" ({w})" if w else "")
            for v, w, good in zip(samples.values, samples.where, passing, strict=True)
            if good is value
        ]
        more = [f"and {len(said) - SHOWN} more"] if len(said) > SHOWN else []
        return Truth(value, (", ".join([*said[:SHOWN], *more]),))


def _tests(relation: Relation, kind: str, text: str) -> Iterator[Test]:
    comparer = Comparer(kind, text)
    if relation.operator == "exists":
        yield ValueTest(lambda value: value is True)
    elif relation.operator == "in":
        for low, high in relation.items:
            make = comparer.make
            yield make("eq", low) if low is high else make("range", low, high)
    else:
        operator = {"all_eq": "eq", "any_ne": "ne"}.get(relation.operator, relation.operator)
        yield comparer.make(operator, relation.items[0][0])


class _Messages:
    """A filter: some message matches."""

    def __init__(self, node: Node, text: str) -> None:
        try:
            self.filter = filters.bind(node, text)
        except FilterError as error:
            raise _better(error) from None
        self.names = [relation.field for relation in _relations(node)]
        self.needed = [
            (item.field, filters.bind(Relation(item.field, item.position, "exists"), text))
            for item in _relations(node)
            if item.operator != "exists" and not item.field.startswith(_ALWAYS)
        ]

    def ask(self, measured: Measured, every: bool) -> Truth:
        session = measured.session
        found = self.filter.rows(session, measured.rows)
        what = ", ".join(dict.fromkeys(self.names))
        if len(found):
            times = f"{len(found)} messages match" if len(found) > 1 else "a message matches"
            first = session.message_id(int(found[0]))
            return Truth(True, (f"{times} on {what}, first {first}",))
        for name, present in self.needed:
            if not len(present.rows(session, measured.rows)):
                return Truth(None, (f"no message has {name}",))
        missing = measured.incomplete if every else None
        if missing:
            return Truth(None, (f"no message matches on {what}, but {missing}",))
        return Truth(False, (f"no message matches on {what}",))


def _better(error: FilterError) -> FilterError:
    """Suggest an aggregate where the unknown name looks like one."""
    name = error.text[error.position : error.position + error.length]
    close = get_close_matches(name, aggregates.NAMES, 1, 0.75)
    if not error.message.startswith("unknown field") or not close:
        return error
    message = f"unknown name '{name[:60]}'; did you mean '{close[0]}'?"
    return FilterError(message, error.text, error.position, error.length)
