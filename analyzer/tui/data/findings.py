"""Findings in the order in which a person should read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.model import DIRECTIONS
from analyzer.tui.cells import seconds
from analyzer.tui.data.selection import rows_of
from analyzer.tui.model import SEVERITIES
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.model import Diagnostic, Place
    from analyzer.session import Session

INCONCLUSIVE = "inconclusive"


class Item(NamedTuple):
    """A line of the list: a heading (no finding) or a finding, below its cause where it has one."""

    group: str
    """A severity, or `inconclusive`."""
    number: int = 0
    """Of a heading: how many findings stand below it."""
    finding: Diagnostic | None = None
    depth: int = 0


class Detail(NamedTuple):
    """A paragraph about a finding; one with a place can be gone to."""

    name: str
    text: str
    message: str | None = None


def items(session: Session, connection: int | None) -> list[Item]:
    """Group findings by severity, errors first; what follows from one stands below it."""
    name = None if connection is None else f"c{connection}"
    found = [d for d in session.diagnostics if name is None or d.connection in (name, None)]
    known = {d.id for d in found if d.id}
    effects: dict[str, list[Diagnostic]] = {}
    for item in found:
        if item.cause in known:
            effects.setdefault(str(item.cause), []).append(item)
    out: list[Item] = []
    for group in (*reversed(SEVERITIES), INCONCLUSIVE):
        own = [d for d in found if group_of(d) == group and d.cause not in known]
        if own:
            out.append(Item(group, len(own)))
        for item in sorted(own, key=lambda d: d.time_ns or 0):
            _below(out, group, item, 0, effects)
    return out


def _below(
    out: list[Item], group: str, item: Diagnostic, depth: int, effects: dict[str, list[Diagnostic]]
) -> None:
    out.append(Item(group, 0, item, depth))
    if depth < 4:  # a circle of causes must end, too
        for effect in effects.get(item.id, []):
            _below(out, group, effect, depth + 1, effects)


def group_of(item: Diagnostic) -> str:
    return item.severity if item.status == "finding" else INCONCLUSIVE


def details(session: Session, item: Diagnostic) -> list[Detail]:
    """Return all that is known about a finding."""
    out = [Detail("", safe(item.text), item.message)]
    for name, value in (
        ("Expected", item.expected),
        ("Actual", item.actual),
        ("What to try", item.help),
        ("Whose fault", item.blame),
    ):
        if value:
            out.append(Detail(name, safe(str(value))))
    cause = next((d for d in session.diagnostics if item.cause and d.id == item.cause), None)
    if cause is not None:
        out.append(Detail("Follows from", safe(f"{cause.rule}: {cause.text}"), cause.message))
    out.append(Detail("Seen", _seen(item), item.message))
    for place in item.examples[1:]:
        out.append(Detail("Also", where(place), place.message))
    if item.last is not None and item.count > 1:
        out.append(Detail("Last", where(item.last), item.last.message))
    facts = [item.rule, item.confidence, item.section or ""]
    out.append(Detail("Rule", safe(", ".join(fact for fact in facts if fact))))
    return out


def _seen(item: Diagnostic) -> str:
    times = f"{item.count:,} times; first " if item.count > 1 else ""
    words = [item.message or item.connection or "in the capture as a whole"]
    if item.frame is not None:
        words.append(f"frame {item.frame}")
    if item.time_ns is not None:
        words.append(f"{seconds(item.time_ns)} s")
    return times + "  ".join(words)


def where(place: Place) -> str:
    """Return a place in words."""
    words = [place.message or ""]
    if place.frame is not None:
        words.append(f"frame {place.frame}")
    if place.time_ns is not None:
        words.append(f"{seconds(place.time_ns)} s")
    return "  ".join(word for word in words if word)


def row_of(session: Session, message: str) -> int | None:
    """Return the row of a message by its id, ``c0.c2s.3``."""
    connection, direction, index = message.split(".")
    wanted = {"direction": DIRECTIONS.index(direction), "index": int(index)}
    rows = rows_of(session, int(connection[1:]), **wanted)
    return int(rows[0]) if len(rows) else None
