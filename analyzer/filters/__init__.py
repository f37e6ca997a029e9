"""The display filter: Wireshark's syntax over the message table.

`compile(text)` parses and checks; `Filter.rows(session, rows)` returns the rows that match.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from analyzer.filters import summaries
from analyzer.filters.compare import Comparer
from analyzer.filters.fields import FieldInfo, own_fields
from analyzer.filters.lexer import FilterError
from analyzer.filters.summary_keys import known, parts_of
from analyzer.filters.syntax import Junction, Node, Not, Relation, parse
from analyzer.filters.values import Array, Mask, Test, Values, View
from analyzer.filters.wireshark import why_not, wireshark_fields
from analyzer.session import Session

__all__ = ["FieldInfo", "Filter", "FilterError", "bind", "compile", "fields"]

BLOCK: Final = 1 << 16
"""Rows looked at together."""


_SLICE: Final = re.compile(r"\[[0-9:,-]*\]$")


class _Step(NamedTuple):
    """A part of a filter, ready to run; `cost` as in `Values`."""

    cost: int
    run: Callable[[View], Mask]


class Filter:
    """A filter that was understood."""

    def __init__(self, text: str, step: _Step) -> None:
        self.text = text
        self._step = step

    @property
    def decodes(self) -> bool:
        """True when some bodies must be decoded: the filter is slow on many rows."""
        return self._step.cost >= 9

    def rows(self, session: Session, rows: Array) -> Array:
        """Return those of `rows` that match, in their order."""
        parts = []
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            parts.append(block[self._step.run(View(session, block))])
        return np.concatenate(parts) if parts else rows[:0]


@cache
def _table() -> dict[str, FieldInfo]:
    return {field.name: field for field in [*own_fields(), *wireshark_fields()]}


def fields() -> list[FieldInfo]:
    """Return every named field, sorted by name, for completion and documentation."""
    return sorted(_table().values(), key=lambda field: field.name)


def compile(text: str) -> Filter:
    """Return the filter that `text` says; raise `FilterError` with the place of the fault."""
    return bind(parse(text), text)


def bind(node: Node, text: str) -> Filter:
    """Return the filter of a syntax tree, a part of `text`; raise `FilterError`."""
    return Filter(text, _bind(node, text))


def _bind(node: Node, text: str) -> _Step:
    if isinstance(node, Junction):
        steps = sorted((_bind(item, text) for item in node.items), key=lambda step: step.cost)
        join = _and if node.operator == "and" else _or
        return _Step(steps[-1].cost, lambda view: join(steps, view))
    if isinstance(node, Not):
        step = _bind(node.item, text)
        return _Step(step.cost, lambda view: ~step.run(view))
    return _relation(node, text)


def _and(steps: list[_Step], view: View) -> Mask:
    """Run the cheap steps on all rows, the others only on rows that are still in."""
    found = steps[0].run(view)
    for step in steps[1:]:
        if step.cost < 9:
            found = found & step.run(view)
        else:
            places = np.flatnonzero(found)
            found = np.zeros(len(view), bool)
            found[places] = step.run(View(view.session, view.rows[places]))
    return found


def _or(steps: list[_Step], view: View) -> Mask:
    found = steps[0].run(view)
    for step in steps[1:]:
        if step.cost < 9:
            found = found | step.run(view)
        else:
            places = np.flatnonzero(~found)
            found[places] = step.run(View(view.session, view.rows[places]))
    return found


def _field(relation: Relation, text: str) -> FieldInfo:
    found = _table().get(relation.field)
    if found is not None:
        return found
    slice_ = _SLICE.search(relation.field)
    if slice_:
        hint = "slices are not known here; write 'contains' or 'matches'"
        place = relation.position + slice_.start()
        raise FilterError(hint, text, place, len(slice_.group()))
    root = relation.field.split(".")[0]
    if root in summaries.ROOTS and ".." not in relation.field and known(relation.field):
        return FieldInfo(relation.field, "any", "", "body", summaries.path(relation.field))
    why = why_not(relation.field)
    if why:
        message = f"'{relation.field[:60]}' {why}"
        raise FilterError(message, text, relation.position, len(relation.field))
    close = get_close_matches(relation.field, _table(), 1, 0.7)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    name = relation.field if len(relation.field) <= 60 else relation.field[:60] + "…"
    message = f"unknown field '{name}'{hint}"
    raise FilterError(message, text, relation.position, len(relation.field))


def _relation(relation: Relation, text: str) -> _Step:
    field = _field(relation, text)
    values = field.values
    comparer = Comparer(field.kind, text)
    if relation.operator == "exists":
        return _Step(values.cost, values.present)
    if relation.operator not in ("contains", "matches") and (below := parts_of(field.name)):
        hint = f"'{field.name}' alone says that it is there; compare one of its fields: "
        raise FilterError(hint + ", ".join(below[:4]), text, relation.position, len(relation.field))
    if relation.operator == "in":
        tests = [
            comparer.make("eq", low) if low is high else comparer.make("range", low, high)
            for low, high in relation.items
        ]
        return _any_of(values, tests)
    literal = relation.items[0][0]
    operator = relation.operator
    # As in Wireshark 4, "!=" wants a field that is there and no value of it equal.
    if operator == "ne":
        return _none_of(values, comparer.make("eq", literal))
    if operator == "all_eq":
        return _none_of(values, comparer.make("ne", literal))
    return _any_of(values, [comparer.make("ne" if operator == "any_ne" else operator, literal)])


def _any_of(values: Values, tests: list[Test]) -> _Step:
    def run(view: View) -> Mask:
        found = values.any_match(view, tests[0])
        for test in tests[1:]:
            found = found | values.any_match(view, test)
        return found

    return _Step(values.cost, run)


def _none_of(values: Values, test: Test) -> _Step:
    return _Step(values.cost, lambda view: values.present(view) & ~values.any_match(view, test))
