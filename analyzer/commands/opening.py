"""What commands that read captures share: opening them, and the display filter."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

from analyzer import cli, inputs, interrupt

if TYPE_CHECKING:
    from analyzer.filters import Filter
    from analyzer.session import Session


def open_session(
    paths: Sequence[str], options: argparse.Namespace, stack: ExitStack
) -> Session | int:
    """Analyse captures as one; the exit code where they cannot be read, which is then told."""
    from analyzer.options import Options
    from analyzer.sources import Reading, SourceError
    from analyzer.start import start

    live = inputs.from_pipe(paths)
    try:
        session = start(paths, Options(frozenset(options.decode_as), reading=Reading(live=live)))
        stack.callback(session.close)
        with interrupt.stopping(session.stop) if live else nullcontext():
            session.run()
    except SourceError as error:
        return cli.complain(str(error), cli.UNREADABLE)
    return session


def compile_filter(text: str | None) -> Filter | None:
    """Return the display filter; raise `UsageError` with a caret under what is wrong."""
    if text is None:
        return None
    from analyzer import filters

    try:
        return filters.compile(text)
    except filters.FilterError as error:
        raise cli.UsageError(f"filter: {error.message}\n{error.caret()}") from None
