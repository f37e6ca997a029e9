"""What the rules name first."""

from __future__ import annotations

from analyzer.model import Diagnostic, Verdict
from analyzer.session import Session

WORST = ("fail", "inconclusive", "pass")


def first_cause(session: Session) -> tuple[Verdict | None, Diagnostic | None]:
    """Return the worst verdict of a capture and the finding it rests on."""
    found = {item.id: item for item in session.diagnostics}
    verdict = min(
        session.judgement.verdicts,
        key=lambda item: (WORST.index(item.status), item.diagnostic is None),
        default=None,
    )
    return verdict, found.get(verdict.diagnostic or "") if verdict else None
