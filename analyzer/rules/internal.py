"""What the analyzer itself did wrong. (INT rules)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from analyzer.rules.rule import Evidence, Outcome, Rule

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope


def failed(scope: Scope) -> Iterator[Outcome]:
    """INT-01: an exception nobody expected; everything else was analysed all the same."""
    for failure in scope.session.failures.found:
        view = failure.connection
        yield Evidence(
            failure.text,
            connection=None if view is None else view.index,
            time_ns=None if view is None else view.start_ns,
            count=1,
            track=failure.text.partition(":")[0],
        )


RULES: Final = (
    Rule(
        "INT-01",
        "The analyzer failed here",
        "error",
        "definite",
        failed,
        help="This is a bug of the analyzer, not of what was captured. Please report it with the "
        "capture; what is told of everything else holds.",
        over="capture",
    ),
)
