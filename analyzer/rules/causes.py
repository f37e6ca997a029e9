"""Cause, not symptoms: which findings follow from an earlier one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from analyzer.model import Diagnostic


class Link(NamedTuple):
    """Findings of `effects` that do not come before one of `cause` follow from it."""

    cause: str
    effects: tuple[str, ...]
    same_direction: bool = False


SOON_NS: Final = 5_000_000_000
"""A reset within this time of an error is taken for its consequence."""
_MEDIA: Final = ("VID", "AUD", "META", "TS", "MUX", "ERT", "NET-03", "NET-04", "NET-05")
_BODIES: Final = (*_MEDIA, "AMF", "CMD", "CTL", "CHK", "END")
_UNANSWERED: Final = ("CMD-05", "CMD-06", "CMD-10", "CMD-11")

LINKS: Final[tuple[Link, ...]] = (
    Link("CAP-03", ("CAP-04", "HS", *_BODIES), True),
    Link("CAP-04", _BODIES, True),
    Link("CAP-01", ("CHK-13", *_MEDIA)),
    Link("TLS-01", ("HS", "NET-06", "END")),
    Link("TLS-02", ("HS", "NET-06", "END")),
    Link("HS-05", ("HS", "NET-06", "END", *_UNANSWERED)),
    Link("HS", ("HS", "NET-06", "END", *_UNANSWERED)),
    Link("CHK-02", ("CHK-01", "CHK-03", "CHK-13", "NET-06")),
    Link("CHK-03", ("CHK-01",)),
    Link("CHK-05", ("CHK-01", "CHK-06", "CHK-13", "NET-06")),
    Link("CHK-01", ("CHK-13", "NET-06", *_UNANSWERED)),
    Link("CHK-01", _BODIES, True),
    Link("CMD-01", ("CMD", "NET-06", "END", *_MEDIA)),
    Link("CMD-04", ("CMD", "NET-06", "END", *_MEDIA)),
    Link("CMD-05", ("CMD", "NET-06", "END", *_MEDIA)),
    Link("CMD-11", ("CMD", "NET-06", "END", *_MEDIA)),
    Link("CMD-03", ("CMD-01", "CMD-04", "CMD-05", "CMD-09", "CMD-11")),
    Link("CMD-09", ("CMD-10", "END")),
    Link("CMD-10", ("NET-06", "END")),
    *(Link(cause, ("REC-01",)) for cause in ("TLS", "HS", "CMD")),
    Link("ERT-04", ("NET-06", "CMD-10", "END")),
    Link("CTL-01", ("NET-06", "END")),
    Link("CTL-03", ("NET-06", "END")),
    Link("END-04", ("END-01", "END-02", "NET-06")),
    Link("REC-03", ("VID-01", "AUD-01")),
    Link("VID-01", ("VID-06", "VID-07")),
    Link("VID-11", ("TS-01", "TS-04"), True),
    Link("TS-05", ("TS-01", "TS-03")),
    Link("TS-04", ("TS-01", "TS-02", "TS-10", "MUX-01"), True),
    Link("NET-01", ("NET-02", "NET-03", "NET-04", "VID-14", "NET-06", "END-04")),
    Link("NET-02", ("NET-03", "NET-04", "VID-14", "TS-03", "MUX-01", "NET-06", "END-04")),
    Link("NET-03", ("NET-04", "VID-14", "MUX-01", "TS-03")),
    Link("TS-03", ("NET-04", "MUX-01"), True),
    Link("TS-08", ("MUX-01",), True),
    Link("TS-09", ("MUX-01", "TS-11", "META-03", "NET-03", "NET-04", "NET-05"), True),
    Link("ERT-06", ("VID-08", "VID-09", "VID-10"), True),
    Link("VID-08", ("VID-09", "VID-10"), True),
    Link("META-03", ("AUD-05",), True),
    Link("NET-07", ("NET-03", "NET-08", "REC-02")),
)
"""Earlier rows win. Names are rules (`CHK-05`) or groups (`CHK`)."""


def _named(rule: str, names: Iterable[str]) -> bool:
    return rule in names or rule.partition("-")[0] in names


def link(found: list[Diagnostic]) -> None:
    """Set `cause` of findings that follow from another one of their connection.

    `found` is sorted by connection and time, and has ids. Chains are followed to the first
    cause.
    """
    by_connection: dict[str | None, list[Diagnostic]] = {}
    for item in found:
        by_connection.setdefault(item.connection, []).append(item)
    for items in by_connection.values():
        causes = [item for item in items if item.severity != "note"]
        for row in LINKS:
            for cause in causes:
                if _named(cause.rule, (row.cause,)):
                    _apply(row, cause, items)
        _resets(items)
    by_id = {item.id: item for item in found}
    for item in found:
        seen = {item.id}
        while item.cause is not None and by_id[item.cause].cause not in (None, *seen):
            seen.add(item.cause)
            item.cause = by_id[item.cause].cause


def _apply(row: Link, cause: Diagnostic, items: list[Diagnostic]) -> None:
    for item in items:
        if item is cause or item.cause is not None or cause.cause == item.id:
            continue
        if not _named(item.rule, row.effects) or item.rule == cause.rule:
            continue
        other = None not in (item.direction, cause.direction) and item.direction != cause.direction
        if not (row.same_direction and other) and not _before(item, cause):
            item.cause = cause.id


def _resets(items: list[Diagnostic]) -> None:
    """Link a reset to the last error shortly before it: its probable cause."""
    for item in items:
        if item.rule != "NET-06" or item.cause is not None or item.time_ns is None:
            continue
        near = [
            other
            for other in items
            if other.severity == "error" and other.time_ns is not None and other is not item
            and 0 <= item.time_ns - other.time_ns <= SOON_NS and other.cause != item.id
        ]  # fmt: skip
        if near:
            item.cause = max(near, key=lambda other: other.time_ns or 0).id


def _before(item: Diagnostic, cause: Diagnostic) -> bool:
    """Whether the effect was seen before its cause; unknown times decide nothing."""
    if item.time_ns is None or cause.time_ns is None:
        return False
    return item.time_ns < cause.time_ns
