"""Writes RULES.md: python -m analyzer.export.catalogue > analyzer/rules/RULES.md"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from analyzer.rules import RULES
from analyzer.rules.rule import Rule

GROUPS: Final = {
    "CAP": "Is the capture fit for a verdict?",
    "NET": "Network and TCP",
    "TLS": "TLS and other transports",
    "HS": "Handshake",
    "CHK": "Chunk layer",
    "CTL": "Protocol control",
    "CMD": "Commands",
    "AMF": "AMF",
    "META": "Metadata",
    "TS": "Timestamps",
    "MUX": "Interleaving",
    "VID": "Video",
    "AUD": "Audio",
    "ERT": "Enhanced RTMP",
    "END": "Teardown",
    "REC": "Reconnects",
    "SEC": "Secrets",
    "INT": "The analyzer itself",
}
"""In the order of the page."""
GATES: Final = {
    "full": "captured from the SYN on with handshake, and nothing missing before the evidence",
    "dir": "both directions captured",
    "tcp": "genuine TCP, not packets made up by a program",
    "clear": "messages could be read: neither encrypted without keys nor empty",
    "whole": "no byte missing in either direction",
}

_HEAD: Final = """\
# Rules

Generated from the code: `python -m analyzer.export.catalogue > analyzer/rules/RULES.md`.

Every rule gives one of three results for each connection and track: pass, finding, or inconclusive
with the reason. A finding is made once, with a count, its first and last place and examples. A rule
whose precondition is not met is inconclusive; a rule without a subject (no AAC for a rule about
AAC) has no result. `--select` and `--ignore` take ids (`TS-01`) and groups (`TS`), and a threshold
is set with `--param RULE.name=value` or in the policy file.

Severity: *error* the stream cannot work, or the specification says MUST; *warning* some peers fail
or quality suffers; *note* worth knowing. Confidence: *definite*, *likely*, *heuristic*.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join(_lines()) + "\n"


def main() -> None:
    """Print the page."""
    sys.stdout.write(page())


def _lines() -> Iterator[str]:
    yield _HEAD
    yield "| precondition | means |"
    yield "| --- | --- |"
    for name, meaning in GATES.items():
        yield f"| {name} | {meaning} |"
    order = list(GROUPS)
    rules = sorted(RULES, key=lambda rule: (order.index(_group(rule)), rule.id))
    for group, own in groupby(rules, key=_group):
        yield ""
        yield f"## {group}: {GROUPS[group]}"
        for rule in own:
            yield from _rule(rule)


def _group(rule: Rule) -> str:
    return rule.id.partition("-")[0]


def _rule(rule: Rule) -> Iterator[str]:
    yield ""
    yield f"### {rule.id} {_plain(rule.title)}"
    yield ""
    words: list[str] = [rule.severity, rule.confidence]
    words += [f"over the {rule.over}"] if rule.over == "capture" else []
    words += [f"blame: {rule.blame}"] if rule.blame else []
    words += [f"needs: {', '.join(rule.gates)}"] if rule.gates else []
    words += [rule.section] if rule.section else []
    yield " · ".join(words)
    if rule.parameters:
        yield ""
        yield "Parameters: " + ", ".join(f"`{n}` = {v:g}" for n, v in rule.parameters.items())
    if rule.help:
        yield ""
        yield f"Try: {_plain(rule.help)}"


def _plain(text: str) -> str:
    """Keep the table's own words from being read as markup."""
    for character in "*_<[":
        text = text.replace(character, "\\" + character)
    return text


if __name__ == "__main__":
    main()
