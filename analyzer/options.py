"""What the user asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from analyzer.sources import Reading


@dataclass(frozen=True, slots=True)
class Policy:
    """Which rules are run, and how. Rules are named by id (`TS-01`) or group (`TS`)."""

    select: frozenset[str] = frozenset()
    """Only these; empty: all."""
    ignore: frozenset[str] = frozenset()
    parameters: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Rule id → parameter → value, instead of the rule's own."""
    severities: Mapping[str, str] = field(default_factory=dict)
    """Rule id → severity, instead of the rule's own."""

    def selects(self, rule: str) -> bool:
        """Whether the rule is to be run."""
        names = {rule, rule.partition("-")[0]}
        return not names & self.ignore and (not self.select or bool(names & self.select))


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for."""

    decode_as: frozenset[int] = frozenset()
    """TCP ports whose streams are taken for RTMP even where the proof is weak."""
    max_packets: int | None = None
    """Stop after this many frames."""
    reading: Reading = field(default_factory=Reading)
    """How the inputs are read."""
    endless: bool = False
    """The input may go on for days: what is kept is bounded (`analyzer.retention`)."""
    rows: int = 250_000
    """Messages kept of an endless input."""
    streamed: bool = False
    """Messages are written while the capture runs: connections keep their first numbers."""
    policy: Policy = field(default_factory=Policy)
    check_checksums: bool = False
    """Segments with a wrong TCP checksum are left out, as their receiver did."""
