"""Completes what somebody types in the filter bar: names of fields, and their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Final

SHOWN: Final = 6
"""Completions listed at once."""
_WORD: Final = re.compile(r"[A-Za-z_][\w.]*$")
_VALUE: Final = re.compile(
    r"""([A-Za-z_][\w.]*)\s*                              # a field,
    (?:==|!=|(?:eq|ne|contains)\s|(?:in|in\s)\{(?:[^{}]*[,\s])?)\s*   # a comparison,
    ("[^"]*|[^"\s,{}()=!<>~&|]*)$                         # the beginning of a value""",
    re.VERBOSE,
)


class Completion:
    """Completes the name or value that ends a text."""

    def __init__(
        self, names: Callable[[], Mapping[str, str]], values: Callable[[str], list[str]]
    ) -> None:
        self._names = names
        self.values = values
        """Returns a field's values in this capture."""
        self._given: tuple[str, str, list[str]] = "", "", []
        """What Tab made of a text, the text before the word, and what else it could have been."""

    def candidates(self, text: str) -> tuple[str, list[str]]:
        """Return the word that ends the text and what it may become."""
        found = _VALUE.search(text)
        if found is not None:
            name, word = found.groups()
            plain = word.lstrip('"').casefold()
            values = [v for v in self.values(name) if v.strip('"').casefold().startswith(plain)]
            return word, [value for value in values if value != word]
        match = _WORD.search(text)
        if match is None or _in_string(text[: match.start()]):
            return "", []
        word = match.group()
        return word, [name for name in self._names() if name.startswith(word) and name != word]

    def suggestion(self, text: str) -> str | None:
        """Return the text with the first completion that only adds to it."""
        word, names = self.candidates(text)
        whole = next((name for name in names if name.startswith(word)), None) if word else None
        return None if whole is None else text.removesuffix(word) + whole

    def extended(self, text: str) -> str:
        """Return the text with what all candidates share; then, Tab by Tab, with each of them."""
        made, before, choices = self._given
        if text == made and len(choices) > 1:
            choices = [*choices[1:], choices[0]]
        else:
            word, choices = self.candidates(text)
            if not choices:
                return text
            before = text.removesuffix(word)
            pairs = zip(min(choices), max(choices), strict=False)
            shared = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
            if len(shared) > len(word) and shared.startswith(word) and shared not in choices:
                return before + shared
        self._given = before + choices[0], before, choices
        return self._given[0]

    def note(self, text: str) -> str:
        """Say what the word may become; of a whole name, what it is."""
        word, names = self.candidates(text)
        meaning = self._names().get(word) if _VALUE.search(text) is None else None
        words = [f"{word}: {meaning}"] if meaning else []
        if names:
            more = f" +{len(names) - SHOWN}" if len(names) > SHOWN else ""
            words.append(f"{'  '.join(names[:SHOWN])}{more}   Tab completes")
        return "   ".join(words)


def _in_string(text: str) -> bool:
    return text.replace('\\"', "").count('"') % 2 == 1
