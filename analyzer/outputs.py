"""What the command line names as output: kept off the captures, opened before the work begins."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Literal, TextIO

from analyzer.cli import UsageError
from dissectors.text import safe

STDIO: Final = "-"


def check_paths(captures: Sequence[str], outputs: Iterable[str]) -> None:
    """Raise `UsageError` where an output is one of the captures, or named for two outputs."""
    taken: set[str] = set()
    for output in outputs:
        if output == STDIO:
            continue
        if output in taken:
            raise UsageError(f"{safe(output)}: named for two outputs")
        taken |= {output} - {os.devnull}
        if any(capture != STDIO and _same_file(capture, output) for capture in captures):
            raise UsageError(f"{safe(output)}: is the capture itself; it is not overwritten")


def _same_file(first: str, second: str) -> bool:
    try:
        return Path(first).samefile(second)
    except (OSError, ValueError):
        return False


def open_text(path: str, stack: ExitStack) -> TextIO:
    """Open an output that `stack` closes; raise `UsageError`.

    What a GitHub step's summary holds already stays.
    """
    if path == STDIO:
        return sys.stdout
    mode: Literal["a", "w"] = "a" if path == os.environ.get("GITHUB_STEP_SUMMARY") else "w"
    try:
        return stack.enter_context(
            Path(path).open(mode, encoding="utf-8", errors="backslashreplace", newline="\n")
        )
    except OSError as error:
        raise UsageError(f"{safe(path)}: {error.strerror}") from None


def color(choice: str, out: TextIO) -> bool:
    """Whether to write ANSI colours, as ``--color`` and the terminal want it."""
    if choice != "auto":
        return choice == "always"
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
