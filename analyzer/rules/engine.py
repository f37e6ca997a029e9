"""Runs the rules: gates first, then each function once per connection, one finding per track."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from analyzer.model import Connection, Diagnostic, Verdict
from analyzer.options import Policy
from analyzer.rules import causes, gates, verdicts
from analyzer.rules.place import place
from analyzer.rules.rule import JUDGED, NOTHING, Evidence, Inconclusive, Rule, occurrences
from analyzer.rules.scope import Scope, Shared

if TYPE_CHECKING:
    from analyzer.session import Session

EXAMPLES: Final = 5
"""Places listed per finding besides the first and the last one."""
SEVERITIES: Final = ("note", "warning", "error")
MAX_TRACKS: Final = 300
"""Findings per rule and connection; track numbers are one byte."""


class Result(NamedTuple):
    """What one rule said about one connection (None: about the capture) and track."""

    rule: str
    connection: int | None
    track: str
    status: str
    """`pass`, `finding` or `inconclusive`; rules without a subject here have no result."""
    reason: str | None = None
    """Why it is inconclusive."""
    diagnostic: Diagnostic | None = None


@dataclass(slots=True)
class Judgement:
    """What all rules said."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    """Findings by connection, time and rule."""
    results: list[Result] = field(default_factory=list)
    """Every rule × connection × track, passes included."""
    verdicts: list[Verdict] = field(default_factory=list)
    """By connection."""


def run(session: Session, rules: Sequence[Rule], policy: Policy) -> Judgement:
    """Run the rules that the policy selects over a session that is done."""
    shared, results = Shared(session), list[Result]()
    family = ""
    for rule in rules:
        if not policy.selects(rule.id):
            continue
        if rule.function.__module__ != family:
            family = rule.function.__module__
            session.relax()
        parameters = {**rule.parameters, **policy.parameters.get(rule.id, {})}
        if rule.over == "capture":
            scopes: Iterable[Scope] = (Scope(shared, None, parameters),)
        else:
            scopes = (Scope(shared, view, parameters) for view in shared.judged)
        for scope in scopes:
            results += _guarded(rule, scope, policy)
    found = [result.diagnostic for result in results if result.diagnostic is not None]
    return _concluded(shared, found, results)


def conclude(session: Session, found: list[Diagnostic], results: list[Result]) -> Judgement:
    """Return the judgement that rests on these findings; their causes are not linked yet."""
    return _concluded(Shared(session), found, results)


def _concluded(shared: Shared, found: list[Diagnostic], results: list[Result]) -> Judgement:
    found.sort(key=lambda item: (_number(item), item.time_ns or 0, item.rule, item.track or ""))
    _identify(shared.session, found)
    causes.link(found)
    return Judgement(found, results, verdicts.verdicts(shared, found, results))


def _guarded(rule: Rule, scope: Scope, policy: Policy) -> list[Result]:
    """Run one rule over one connection; a fault in it is told (INT-01) and loses nothing else."""
    try:
        return _judged(rule, scope, policy)
    except Exception as error:
        view = scope.known
        text = scope.session.failures.add("rule", f"{rule.id} was not judged", error, view)
        return [Result(rule.id, None if view is None else view.index, "", "inconclusive", text)]


def _judged(rule: Rule, scope: Scope, policy: Policy) -> list[Result]:
    """Return the results of one rule for one connection."""
    number = None if scope.known is None else scope.known.index
    closed = gates.failing(scope, rule.gates) if scope.known is not None else None
    if closed is not None:
        return [Result(rule.id, number, "", "inconclusive", closed)]
    groups: dict[tuple[int | None, str], list[Evidence]] = {}
    open_: list[Result] = []
    outcomes = set()
    for outcome in rule.function(scope):
        if outcome is NOTHING or outcome is JUDGED:
            outcomes.add(outcome)
        elif isinstance(outcome, Evidence):
            behind = gates.behind_hole(scope, outcome) if "full" in rule.gates else None
            if behind is None:
                key = (number if outcome.connection is None else outcome.connection, outcome.track)
                if key in groups or len(groups) < MAX_TRACKS:
                    groups.setdefault(key, []).append(outcome)
            else:
                open_.append(Result(rule.id, number, outcome.track, "inconclusive", behind))
        elif isinstance(outcome, Inconclusive):
            reason = outcome.reason
            open_.append(Result(rule.id, number, outcome.track, "inconclusive", reason))
    if not groups and not open_:
        return [] if outcomes == {NOTHING} else [Result(rule.id, number, "", "pass")]
    found = [
        Result(rule.id, index, track, "finding", None, _finding(rule, scope, items, policy))
        for (index, track), items in groups.items()
    ]
    decided = {result.track for result in found}
    found += {result.track: result for result in open_ if result.track not in decided}.values()
    return found


def _finding(rule: Rule, scope: Scope, items: list[Evidence], policy: Policy) -> Diagnostic:
    """Make one finding of all evidence of one track."""
    ranks = [SEVERITIES.index(item.severity or rule.severity) for item in items]
    lead = items[ranks.index(max(ranks))]
    count = sum(occurrences(item) for item in items)
    if lead.connection is not None and scope.known is None:
        scope = scope.of(scope.session.connections[lead.connection])
    places = [spot for item in items for spot in place(scope, item, EXAMPLES)]
    first = place(scope, lead, 1)[0]
    times = f" ({count} times)" if count > 1 else ""
    view = scope.known
    direction = lead.direction
    if direction is None and len(lead.rows):
        direction = scope.value(int(lead.rows[0]), "direction")
    return Diagnostic(
        rule=rule.id,
        title=rule.title,
        severity=policy.severities.get(rule.id, lead.severity or rule.severity),
        text=lead.text + times,
        confidence=_confidence(rule, scope, lead),
        connection=view.id if view is not None else None,
        message=first.message,
        frame=first.frame,
        time_ns=first.time_ns,
        direction=direction,
        track=lead.track or None,
        span=first.span,
        count=count,
        last=places[-1],
        examples=places[:EXAMPLES],
        expected=lead.expected,
        actual=lead.actual,
        section=rule.section,
        help=lead.help or rule.help or None,
        blame=_who(lead.blame or rule.blame, direction),
        key=lead.key,
    )


def _confidence(rule: Rule, scope: Scope, lead: Evidence) -> str:
    """Behind a hole of its direction nothing that was read is more than likely."""
    said = lead.confidence or rule.confidence
    hole = "clear" in rule.gates and scope.known is not None and gates.behind_hole(scope, lead)
    return "likely" if hole and said == "definite" else said


def _who(blame: str | None, direction: int | None) -> str | None:
    """Turn sender and receiver into client and server."""
    if blame not in ("sender", "receiver"):
        return blame
    if direction is None:
        return None
    return "client" if (direction == 0) == (blame == "sender") else "server"


def _identify(session: Session, found: list[Diagnostic]) -> None:
    """Number the findings; fingerprints say what it is, not where: no frames, no times."""
    seen: Counter[str] = Counter()
    for number, item in enumerate(found):
        item.id = f"d{number}"
        view = _view(session, item)
        role = (view.role or "") if view is not None else ""
        key = "|".join((item.rule, role, item.track or "", item.key))
        seen[key] += 1
        item.fingerprint = sha256(f"{key}|{seen[key]}".encode()).hexdigest()[:16]


def _view(session: Session, item: Diagnostic) -> Connection | None:
    return session.connections[_number(item)] if item.connection else None


def _number(item: Diagnostic) -> int:
    return int(item.connection[1:]) if item.connection else -1
