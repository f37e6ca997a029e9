"""Regular expressions of `matches`, kept from running away on hostile text."""

import re
from typing import Final

from analyzer.filters.lexer import FilterError
from analyzer.filters.syntax import Literal

SUBJECT_LIMIT: Final = 1024
"""Characters of a value that a pattern sees: the time of a backtracking search grows with a
power of it."""
MAX_REPEATS: Final = 3
"""Unbounded repeats in one pattern; each adds one to that power."""

_PIECE: Final = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<open>\()|(?P<close>\))|(?P<bar>\|)"
    r"|(?P<repeat>[*+]|\{(?P<low>\d*)(?P<comma>,?)(?P<high>\d*)\})|.",
    re.DOTALL,
)


def pattern(literal: Literal, text: str) -> re.Pattern[str]:
    """Compile a case-insensitive pattern (as Wireshark does); raise `FilterError` at its place."""
    problem = _danger(literal.text)
    if problem is None:
        try:
            return re.compile(literal.text, re.IGNORECASE)
        except (re.error, OverflowError, RecursionError) as error:
            problem = f"not a regular expression: {error}"
    raise FilterError(problem, text, literal.position, literal.length)


def _danger(text: str) -> str | None:
    """Say what makes a pattern exponential or too slow, or None."""
    repeats = 0
    # One entry per open group: does it hold a repeat or an alternative?
    inside = [False]
    closed = False
    for match in _PIECE.finditer(text):
        if match["open"]:
            inside.append(False)
        elif match["close"]:
            closed = inside.pop() if len(inside) > 1 else False
            inside[-1] |= closed
            continue
        elif match["bar"]:
            inside[-1] = True
        elif match["repeat"]:
            large = not match["low"] or bool(match["comma"] and not match["high"])
            large |= int(match["low"] or 0) > 64 or int(match["high"] or 0) > 64
            if large and closed:
                return "a repeat of a group that itself repeats can take forever; simplify it"
            repeats += large
            inside[-1] |= large
        closed = False
    if repeats > MAX_REPEATS:
        return f"more than {MAX_REPEATS} unbounded repeats; join several 'matches' with 'and'"
    return None
