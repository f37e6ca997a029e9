"""A selected field as a filter expression."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from dissectors.fields import Field

PLACES: Final = ("object", "named", "arguments", "values")
"""Where a summary keeps what the tree has directly below the body."""


def literal(value: object) -> str | None:
    """Return a value as the filter writes it; None for containers and nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        return None
    out = []
    for char in value:
        if char in '"\\':
            out.append("\\" + char)
        elif char.isprintable():
            out.append(char)
        else:  # other planes' unprintable characters have no escape of four digits
            out.append(f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else "?")
    return f'"{"".join(out)}"'


def expression(nodes: list[Field], matches: Callable[[str], bool]) -> str | None:
    """Return ``name == value`` for the last of `nodes` (root … field), or None.

    `matches` says whether a filter is valid and passes the message at hand: the first name that
    does is the right one. Plumbing (a marker, a length) stands for the value it belongs to.
    """
    while nodes:
        for name, value in _candidates(nodes):
            text = literal(value)
            if text is not None and matches(f"{name} == {text}"):
                return f"{name} == {text}"
        if not nodes[-1].plumbing:
            break
        nodes = nodes[:-1]
    return None


def _candidates(nodes: list[Field]) -> Iterator[tuple[str, object]]:
    """Yield the names the filter may know a field by, with the value it has there."""
    node, kind = nodes[-1], nodes[1].name if len(nodes) > 1 else ""
    keys = [_key(item) for item in nodes[2:]]
    if node.space == "header":
        yield node.name, node.value
    if not keys:
        return
    summary = nodes[1].value
    if isinstance(summary, dict) and keys[-1] in summary:
        yield f"{kind}.{keys[-1]}", summary[keys[-1]]
    for start in range(len(keys)):
        yield f"{kind}.{'.'.join(keys[start:])}", node.value
    for place in PLACES:
        yield f"{kind}.{place}.{keys[-1]}", node.value
    for place in PLACES:
        yield f"{kind}.{place}", node.value


def _key(node: Field) -> str:
    """Return a property's own name, any other field's name."""
    name = node.find("name") if node.name == "property" else None
    return name.value if name is not None and isinstance(name.value, str) else node.name


def combine(current: str, new: str, how: str) -> str:
    """Return the filter after `a` (how: empty), `A` (``and``) or `x` (``not``)."""
    if how == "not":
        new = f"!({new})"
    if not how or not current:
        return new
    if " or " in current or "||" in current:
        current = f"({current})"
    return f"{current} and {new}"
