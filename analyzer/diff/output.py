"""The comparison as text for people and as JSON for scripts."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any, Final, TextIO

from analyzer import __version__
from analyzer.diff.compare import Comparison, Difference, Pair
from analyzer.diff.profile import Profile

SCHEMA: Final = "rtmp-analyze/diff"
SCHEMA_VERSION: Final = "1.0"
_SEQUENCES: Final = frozenset({"client messages", "server messages"})


def write_json(result: Comparison, names: tuple[str, str], out: TextIO) -> None:
    """Write one JSON object; `names` are the captures' own."""
    document = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "rtmp-analyze", "version": __version__},
        "a": names[0],
        "b": names[1],
        "equal": result.equal,
        "connections": [_pair_json(pair) for pair in result.pairs],
        "only_a": [_profile_json(each) for each in result.only_a],
        "only_b": [_profile_json(each) for each in result.only_b],
    }
    json.dump(document, out, indent=2, ensure_ascii=False)
    out.write("\n")


def _pair_json(pair: Pair) -> dict[str, Any]:
    return {
        "a": pair.a,
        "b": pair.b,
        "role": pair.role,
        "incomplete_a": pair.holes_a,
        "incomplete_b": pair.holes_b,
        "differences": [each._asdict() for each in pair.differences],
    }


def _profile_json(each: Profile) -> dict[str, Any]:
    return {"id": each.id, "role": each.role, "app": each.app}


def write_text(result: Comparison, names: tuple[str, str], out: TextIO) -> None:
    """Write what differs, as `diff` does: nothing where nothing differs."""
    if result.equal:
        return
    out.write(f"--- {names[0]}\n+++ {names[1]}\n")
    for pair in result.pairs:
        if not pair.differences:
            continue
        out.write(f"\n{pair.a} ↔ {pair.b}  {pair.role}\n")
        for sign, holes in (("-", pair.holes_a), ("+", pair.holes_b)):
            if holes:
                out.write(f"  {sign} incomplete: {', '.join(holes)}\n")
        for stage, group in groupby(pair.differences, key=lambda each: each.stage):
            out.write(f"  {stage}\n")
            for each in group:
                out.write("".join(f"    {line}\n" for line in _lines(each)))
    for sign, only in (("-", result.only_a), ("+", result.only_b)):
        for one in only:
            app = f", application '{one.app}'" if one.app else ""
            out.write(f"\n{sign} {one.id}  {one.role}{app}: without a counterpart\n")


def _lines(each: Difference) -> list[str]:
    if each.stage in _SEQUENCES:
        found = [f"  {each.key}" if each.key is not None else "  (beginning)"]
        found += [f"- {line}" for line in each.a or ()]
        return found + [f"+ {line}" for line in each.b or ()]
    found = [f"- {each.key}: {line}" for line in each.a or ()]
    return found + [f"+ {each.key}: {line}" for line in each.b or ()]
