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

    def __init__(self, wanted: dict[str, str]) -> None:
        self.wanted = wanted
        self.sorted = sorted(wanted)
        self.shortest = min(map(len, wanted), default=SHORT)
        self.width = min(SHORT, self.shortest)
        self.lengths: dict[str, list[int]] = {}
        for form in wanted:
            lengths = self.lengths.setdefault(form[: self.width], [])
            if len(form) not in lengths:
                lengths.append(len(form))
        for lengths in self.lengths.values():
            lengths.sort(reverse=True)
        # Which characters begin a string, which follow …: this skips quickly what cannot matter.
        places = [sorted({start[at] for start in self.lengths}) for at in range(self.width)]
        classes = "".join(f"[{''.join(map(re.escape, place))}]" for place in places if place)
        self._start = re.compile(f"(?={classes})", re.DOTALL)

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield (start, length, secret) of the strings wanted, not overlapping."""
        if not self.wanted or len(text) < self.shortest:
            return
        done = 0
        for match in self._start.finditer(text):
            at = match.start()
            if at < done:
                continue
            for length in self.lengths.get(text[at : at + self.width], ()):
                form = text[at : at + length]
                if form in self.wanted:  # perhaps a shorter one, at the end of the text
                    yield at, len(form), self.wanted[form]
                    done = at + len(form)
                    break

    def replace(self, text: str, show: Callable[[str], str]) -> str:
        """Return `text` with every string wanted replaced by what `show` makes of its secret."""
        pieces: list[str] = []
        done = 0
        for start, length, secret in self.find(text):
            pieces += (text[done:start], show(secret))
            done = start + length
        return "".join([*pieces, text[done:]]) if pieces else text

    def end(self, text: str) -> tuple[int, str] | None:
        """Return (start, secret) of the longest end of `text`, `SHORT` or more, that begins one."""
        for start in range(max(0, len(text) - LABEL_LIMIT), len(text) - SHORT + 1):
            end = text[start:]
            place = bisect_left(self.sorted, end)
            if place < len(self.sorted) and self.sorted[place].startswith(end):
                return start, self.wanted[self.sorted[place]]
        return None

    def replace_end(self, text: str, show: Callable[[str], str]) -> str:
        """Replace the longest end of `text` that begins a secret."""
        found = self.end(text)
        return text if found is None else text[: found[0]] + show(found[1])
