"""What somebody looks for: text, a regular expression, bytes, words of the tree."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.tui.hunting import Hunt, Lines, Narrow

if TYPE_CHECKING:
    from analyzer.session import Session
    from analyzer.tui.listings.base import Listing

HELP: Final = "text in info · /regex/ · hex:1703 bytes · body:text · tree:words"
MAX_NODES: Final = 5000
"""Tree nodes looked at in one message."""
Test = Callable[["Session", "Listing", int], bool]


def _every(hunt: Hunt, low: int, high: int) -> Lines:
    return np.arange(low, high)


class Needle(NamedTuple):
    """Something to look for; `pattern` is what the list underlines."""

    text: str
    test: Test
    narrow: Narrow = _every
    pattern: re.Pattern[str] | None = None


def parse(text: str) -> Needle:
    """Read what somebody typed; raises `ValueError` with a sentence."""
    if len(text) > 2 and text.startswith("/") and text.endswith("/"):
        try:
            return _in_info(text, re.compile(text[1:-1], re.IGNORECASE))
        except (re.error, OverflowError) as error:
            raise ValueError(f"not a regular expression: {error}") from None
    where, colon, rest = text.partition(":")
    if colon and where == "hex":
        try:
            wanted = bytes.fromhex(rest.replace("0x", "").replace(":", " "))
        except ValueError:
            raise ValueError("not hex digits: pairs of them, as in hex:17 03 01") from None
        if wanted:
            return Needle(
                text,
                lambda session, listing, line: wanted in _body(session, listing, line),
                partial(Hunt.by_bytes, wanted=wanted, fold=False),
            )
    elif colon and where == "body" and rest:
        inside = re.compile(re.escape(rest.encode()), re.IGNORECASE)
        return Needle(
            text,
            lambda session, listing, line: bool(inside.search(_body(session, listing, line))),
            partial(Hunt.by_bytes, wanted=rest.encode(), fold=True),
        )
    elif colon and where == "tree" and rest:
        words = re.compile(re.escape(rest), re.IGNORECASE)
        return Needle(text, lambda session, listing, line: _in_tree(session, listing, line, words))
    if not text:
        raise ValueError("nothing to find")
    return _in_info(text, re.compile(re.escape(text), re.IGNORECASE))


def _in_info(text: str, pattern: re.Pattern[str]) -> Needle:
    def test(session: Session, listing: Listing, line: int) -> bool:
        return bool(pattern.search(listing.text(line)))

    return Needle(text, test, Hunt.by_text, pattern)


def _body(session: Session, listing: Listing, line: int) -> bytes:
    row = listing.row(line)
    return session.body(row).data if row >= 0 else b""


def _in_tree(session: Session, listing: Listing, line: int, words: re.Pattern[str]) -> bool:
    row = listing.row(line)
    if row < 0:
        return False
    nodes = session.tree(row).walk()
    return any(
        words.search(node.label) or any(words.search(expert.text) for expert in node.experts)
        for node, _ in zip(nodes, range(MAX_NODES), strict=False)
    )
