"""Opens captures with little delay: reading begins before all that follows is imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analyzer.intake import Intake
from analyzer.options import Options
from analyzer.sources import Input

if TYPE_CHECKING:
    from analyzer.session import Session


def start(captures: Sequence[Input], options: Options) -> Session:
    """Return a session that is not yet run; raises `analyzer.sources.SourceError`."""
    intake = Intake(captures, options)
    try:
        from analyzer.session import Session  # while another process reads the first frames

        return Session(intake, options)
    except BaseException:  # Ctrl-C too
        intake.close()
        raise
