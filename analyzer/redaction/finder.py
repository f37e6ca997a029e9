"""Many strings looked for in a text at once."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from dissectors.text import LABEL_LIMIT

SHORT: Final = 4
"""A secret shorter than this is replaced only where it is a whole value, not inside others."""


class Finder:
    """Finds the longest of many strings at each place of a text, in time linear in the text.

    Strings are grouped by their first characters and looked up by length.
    """

    def __init__(self, wanted: dict[str, str], step: int = 1) -> None:
        """`step` 2 looks at every second place only: pairs of hex digits."""
        self.wanted = wanted
        self.step = step
        self.sorted = sorted(wanted)
        self.width = min(SHORT, min(map(len, wanted), default=SHORT))
        self.lengths: dict[str, list[int]] = {}
        for form in wanted:
            lengths = self.lengths.setdefault(form[: self.width], [])
            if len(form) not in lengths:
                lengths.append(len(form))
        for lengths in self.lengths.values():
            lengths.sort(reverse=True)
        # With few beginnings a regular expression skips quickly to the places that matter.
        few = sorted(self.lengths) if len(self.lengths) <= 64 else []
        self.start = re.compile("|".join(map(re.escape, few)), re.DOTALL) if few else None

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield (start, length, secret) of the strings wanted, not overlapping."""
        at = 0
        while self.wanted and (at := self._next(text, at)) >= 0:
            lengths = self.lengths[text[at : at + self.width]] if at % self.step == 0 else ()
            for length in lengths:
                form = text[at : at + length]
                if form in self.wanted:
                    yield at, len(form), self.wanted[form]
                    at += len(form)
                    break
            else:
                at += 1

    def replace(self, text: str, show: Callable[[str], str]) -> str:
        """Return `text` with every string wanted replaced by what `show` makes of its secret."""
        pieces: list[str] = []
        done = 0
        for start, length, secret in self.find(text):
            pieces += (text[done:start], show(secret))
            done = start + length
        return "".join([*pieces, text[done:]]) if pieces else text

    def _next(self, text: str, at: int) -> int:
        """Return the next place where a string wanted may begin, -1 behind the last."""
        if self.start is not None:
            match = self.start.search(text, at)
            return match.start() if match else -1
        for place in range(at, len(text) - self.width + 1):
            if text[place : place + self.width] in self.lengths:
                return place
        return -1

    def replace_end(self, text: str, show: Callable[[str], str], least: int = SHORT) -> str:
        """Replace the longest end of `text`, `least` characters or more, that begins a secret."""
        for start in range(max(0, len(text) - LABEL_LIMIT), len(text) - least + 1):
            if (len(text) - start) % self.step:
                continue
            end = text[start:]
            place = bisect_left(self.sorted, end)
            if place < len(self.sorted) and self.sorted[place].startswith(end):
                return text[:start] + show(self.wanted[self.sorted[place]])
        return text
