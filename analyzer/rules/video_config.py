"""Decoder configurations of video: order, changes, content (VID-01 to VID-04, VID-07)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.rules.media import PLAY, concerning, rows, tracks
from analyzer.rules.rule import JUDGED, NOTHING, Evidence, Outcome, Rule

if TYPE_CHECKING:
    from analyzer.metrics import Track
    from analyzer.metrics.configuration import Configuration
    from analyzer.rules.scope import Scope

CONFIGURED: Final = frozenset({"h264", "hevc", "vvc", "av1", "vp9"})
"""Codecs that cannot be decoded without their configuration record."""
NAL_CODECS: Final = frozenset({"h264", "hevc"})
START_CODES: Final = (b"\0\0\1", b"\0\0\0\1")
_REPLACED_NS: Final = 1_000_000_000
_VPS, _SPS, _PPS = 32, 33, 34


def _entry(track: Track, configuration: Configuration) -> int:
    """Where a configuration stands in the order of media messages."""
    at = int(np.argmax(track.config_rows == configuration.row))
    return int(track.config_entries[at])


def no_header(scope: Scope) -> Iterator[Outcome]:
    """VID-01: coded frames before the decoder configuration."""
    found = False
    for name, track in tracks(scope, "video"):
        if track.codec not in CONFIGURED:
            continue
        found = True
        first = next((item for item in track.configurations if item.record), None)
        early = (
            np.ones(len(track.frames), bool)
            if first is None
            else track.frames.entry < _entry(track, first)
        )
        if early.any():
            yield Evidence(
                "coded frames come "
                + ("without a sequence header" if first is None else "before the sequence header"),
                rows(track, np.flatnonzero(early)),
                track=name,
                expected="a sequence header first",
                actual="coded frames",
                key="none" if first is None else "late",
            )
    if not found:
        yield NOTHING


def changed(scope: Scope) -> Iterator[Outcome]:
    """VID-02: the configuration changes in the middle of the stream."""
    for name, track in tracks(scope, "video"):
        before: Configuration | None = None
        for item in track.configurations:
            if not item.record:
                continue
            if before is not None and item.record != before.record:
                at = int(np.searchsorted(track.frames.entry, _entry(track, item)))
                yield from _changed(name, track, before, item, at)
            before = item


def _changed(
    name: str, track: Track, before: Configuration, item: Configuration, at: int
) -> Iterator[Outcome]:
    frames = track.frames
    if not 0 < at < len(frames) or frames.segment[at] != frames.segment[at - 1]:
        return  # before the first frame (VID-04), after the last, or another publish or play
    key = bool(frames.keyframe[at])
    yield Evidence(
        f"the sequence header changes in mid-stream: {_difference(before, item)}"
        + ("" if key else "; the next frame is no keyframe"),
        [item.row],
        track=name,
        severity="warning" if key else "error",
        expected="one configuration, or a keyframe right after a new one",
    )


def _difference(before: Configuration, item: Configuration) -> str:
    if before.codec != item.codec:
        return f"{before.codec} to {item.codec}"
    old, new = before.values, item.values
    sizes = [(values.get("width"), values.get("height")) for values in (old, new)]
    if sizes[0] != sizes[1]:
        return f"{sizes[0][0]}×{sizes[0][1]} to {sizes[1][0]}×{sizes[1][1]}"
    kinds = [(values.get("profile"), values.get("level")) for values in (old, new)]
    if kinds[0] != kinds[1]:
        return f"profile or level, {kinds[0][0]} {kinds[0][1]} to {kinds[1][0]} {kinds[1][1]}"
    return "parameter sets of the same size and profile"


def repeated(scope: Scope) -> Iterator[Outcome]:
    """VID-03: the same configuration again and again."""
    for name, track in tracks(scope, "video"):
        records = [(item.row, item.record) for item in track.configurations if item.record]
        again = [
            row for (row, record), (_, old) in zip(records[1:], records, strict=False)
            if record == old
        ]  # fmt: skip
        if len(again) < scope.parameters["repeats"]:
            continue
        keys = int(np.count_nonzero(track.frames.keyframe))
        every = len(track.config_rows) >= keys - 1
        yield Evidence(
            "the same sequence header is sent again"
            + (" with every keyframe" if every else "")
            + f", {len(again)} times",
            again,
            track=name,
            count=1,
            severity="warning" if every else "note",
            expected="one sequence header per configuration",
        )


def stale(scope: Scope) -> Iterator[Outcome]:
    """VID-04: a server sends an old configuration first."""
    for name, track in tracks(scope, "video"):
        known = [item for item in track.configurations if item.record]
        if track.direction != PLAY:
            yield NOTHING
            continue
        yield JUDGED
        if len(known) < 2 or known[0].record == known[1].record:
            continue
        soon = known[1].time_ns - known[0].time_ns <= _REPLACED_NS
        early = _entry(track, known[1]) < int(track.frames.entry[0])
        if early or soon:
            yield Evidence(
                "the server replaces its first sequence header "
                + ("before the first frame" if early else "within a second")
                + f": {_difference(known[0], known[1])}",
                [known[1].row],
                track=name,
                expected="the configuration of the stream",
                actual="an older one",
            )


def bad_configuration(scope: Scope) -> Iterator[Outcome]:
    """VID-07: a decoder configuration record that decoders refuse."""
    for name, track in tracks(scope, "video"):
        for item in track.configurations:
            fault = _fault(item) if item.record else None
            if fault is not None:
                text, grave = fault
                yield Evidence(
                    text,
                    [item.row],
                    track=name,
                    expected="a record that decoders take",
                    severity="error" if grave else "warning",
                    key=text,
                )
                break


def _fault(item: Configuration) -> tuple[str, bool] | None:
    """Return what is wrong with a record, and whether it is an error."""
    record, values = item.record, item.values
    if item.codec not in NAL_CODECS:
        return None
    if record.startswith(START_CODES):
        return "the sequence header holds Annex B parameter sets instead of a record", True
    if not values or "nal_length_size" not in values:
        return "the decoder configuration record ends early", True
    counts = _hevc_units(record) if item.codec == "hevc" else _avc_units(values)
    if record[0] != 1 and item.codec == "h264":
        return f"the decoder configuration record has version {record[0]} instead of 1", True
    for kind in ("VPS", "SPS", "PPS"):
        if kind in counts and not counts[kind]:
            return f"the decoder configuration record has no {kind}", True
    if "width" not in values:
        return "the SPS cannot be decoded", True
    if counts["SPS"] > 1:
        return f"the decoder configuration record has {counts['SPS']} SPS", False
    return None


def _avc_units(values: dict[str, int]) -> dict[str, int]:
    return {"SPS": values.get("sps", 0), "PPS": values.get("pps", 0)}


def _hevc_units(record: bytes) -> dict[str, int]:
    """Count the parameter sets of an hvcC (ISO/IEC 14496-15 §8.3.3.1)."""
    found: Counter[int] = Counter()
    position = 23
    for _ in range(record[22] if len(record) > 22 else 0):
        if position + 3 > len(record):
            break
        kind, count = record[position] & 63, int.from_bytes(record[position + 1 : position + 3])
        position += 3
        for _ in range(count):
            if position + 2 > len(record):
                break
            found[kind] += 1
            position += 2 + int.from_bytes(record[position : position + 2])
    return {"VPS": found[_VPS], "SPS": found[_SPS], "PPS": found[_PPS]}


RULES: Final = (
    Rule(
        "VID-01", "Frames before the sequence header", "error", "definite", no_header,
        gates=("clear", "full"), section="FLV 10.1 §E.4.3.2",
        help="Send the sequence header before the first frame, and again after each reconnect.",
        blame="sender",
    ),
    Rule(
        "VID-02", "Sequence header changes", "warning", "definite",
        concerning(changed, "video"), gates=("clear",),
        section="FLV 10.1 §E.4.3.2",
        help="Recorders and hardware decoders fail on it, platforms forbid it. Publish anew with "
        "new settings.",
        blame="sender",
    ),
    Rule(
        "VID-03", "Sequence header repeated", "note", "definite",
        concerning(repeated, "video"), gates=("clear",),
        section="FLV 10.1 §E.4.3.2",
        help="Some packagers mark a discontinuity at each sequence header. Send it once.",
        blame="sender", parameters={"repeats": 3},
    ),
    Rule(
        "VID-04", "Stale sequence header", "warning", "definite",
        concerning(stale, "video"), gates=("clear", "full"),
        help="The server kept the configuration of an earlier publisher.", blame="server",
    ),
    Rule(
        "VID-07", "Decoder configuration faulty", "error", "definite",
        concerning(bad_configuration, "video"),
        gates=("clear",), section="ISO/IEC 14496-15 §5.3.3.1",
        help="Build the record from the encoder's current parameter sets: one SPS, one PPS, for "
        "HEVC a VPS.",
        blame="sender",
    ),
)  # fmt: skip
