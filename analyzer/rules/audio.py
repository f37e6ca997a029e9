"""Audio payload (AUD rules). There is none about SoundRate and SoundType of AAC: they are always
44 kHz stereo, whatever the stream is (FLV 10.1 §E.4.2.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.rules.media import (
    PUBLISH,
    concerning,
    label,
    measured,
    rows,
    seconds,
    stream_label,
    streams,
    tracks,
)
from analyzer.rules.metadata import declared
from analyzer.rules.rule import NOTHING, Evidence, Inconclusive, Outcome, Rule

if TYPE_CHECKING:
    from analyzer.metrics import Track
    from analyzer.rules.scope import Scope

_ADTS_HEADER: Final = 7
_SOON_NS: Final = 1_000_000_000


def no_header(scope: Scope) -> Iterator[Outcome]:
    """AUD-01: AAC frames before the AudioSpecificConfig."""
    found = False
    for name, track in tracks(scope, "audio"):
        if track.codec != "aac":
            continue
        found = True
        first = track.config_entries[:1]
        early = track.frames.entry < first[0] if len(first) else np.ones(len(track.frames), bool)
        if early.any():
            text = "come before the sequence header" if len(first) else "come without a sequence"
            yield Evidence(
                f"AAC frames {text}{'' if len(first) else ' header'}",
                rows(track, np.flatnonzero(early)),
                track=name,
                expected="an AAC sequence header (AF 00 …) first",
                actual="a raw frame (AF 01 …)",
            )
    if not found:
        yield NOTHING


def short_config(scope: Scope) -> Iterator[Outcome]:
    """AUD-02: an AudioSpecificConfig of fewer than two bytes."""
    for stream in streams(scope):
        for track in stream.tracks:
            if track.kind != "audio" or track.codec not in (None, "aac"):
                continue
            short = [item for item in track.configurations if len(item.record) < 2]
            if not short:
                continue
            good = [item for item in track.configurations if len(item.record) >= 2]
            mended = all(
                any(0 <= later.time_ns - item.time_ns <= _SOON_NS for later in good)
                for item in short
            )
            yield Evidence(
                f"the AAC sequence header holds {len(short[0].record)} bytes of configuration"
                f"{', a good one follows' if mended else ''}",
                [item.row for item in short],
                track=label(scope, track),
                severity="note" if mended else "warning",
                expected="at least 2 bytes",
                actual=f"{len(short[0].record)}",
            )


def adts(scope: Scope) -> Iterator[Outcome]:
    """AUD-03: AAC frames with an ADTS header."""
    heads = scope.session.metrics.columns
    for name, track in tracks(scope, "audio"):
        if track.codec != "aac":
            continue
        entry = track.frames.entry
        at = heads.headers.data_at[entry]
        first = heads.heads(entry)[np.arange(len(entry)), np.minimum(at, 15)]
        suspects = np.flatnonzero(first == 0xFF)
        at, entry = at[suspects].astype(np.int64), entry[suspects]
        head = heads.heads(entry).astype(np.int64)
        line = np.arange(len(entry))
        size = track.frames.size[suspects] - at
        fits = (size >= _ADTS_HEADER) & (at + 6 <= head.shape[1])
        at = np.where(fits, at, 0)
        sync = head[line, at + 1] & 0xF6
        length = (head[line, at + 3] & 3) << 11 | head[line, at + 4] << 3 | head[line, at + 5] >> 5
        bad = suspects[fits & (sync == 0xF0) & (length == size)]
        if len(bad):
            yield Evidence(
                "AAC frames begin with an ADTS header",
                rows(track, bad),
                track=name,
                expected="raw_data_block",
                actual="ADTS syncword 0xFFF",
            )


def missing_track(scope: Scope) -> Iterator[Outcome]:
    """AUD-05: only audio or only video."""
    least = scope.parameters["wait_s"]
    found = False
    for stream in streams(scope):
        if stream.direction != PUBLISH:
            continue
        if stream.audio is not None and stream.video is not None:
            found = True
            yield from _ended_early(scope, stream.audio, stream.video)
        if (stream.audio is None) == (stream.video is None):
            continue
        found = True
        only = stream.audio or stream.video
        assert only is not None
        other = "video" if only.kind == "audio" else "audio"
        name = stream_label(scope, stream, other)
        start = int(only.frames.time_ns[0])
        lasted = int(only.frames.time_ns[-1]) - start
        media = only.duration_ms / 1000
        if max(lasted / 1e9, media) < least:
            yield Inconclusive(f"the stream lasts less than {least:g} s", name)
            continue
        said = declared(measured(scope).metadata, other)
        intended = said is False
        yield Evidence(
            f"no {other} in {seconds(max(lasted / 1e6, only.duration_ms))} of the stream"
            f"{', as its metadata says' if intended else ''}",
            only.frames.row[:1],
            track=name,
            severity="note" if intended else "warning",
            expected=f"{other} within {least:g} s",
            actual=f"{only.kind} only",
        )
    if not found:
        yield NOTHING


def _ended_early(scope: Scope, audio: Track, video: Track) -> Iterator[Outcome]:
    first, last = sorted((audio, video), key=lambda track: int(track.frames.time_ns[-1]))
    alone = (int(last.frames.time_ns[-1]) - int(first.frames.time_ns[-1])) / 1e6
    media = int(last.frames.dts_ms[-1] - first.frames.dts_ms[-1])
    if min(alone, media) >= scope.parameters["wait_s"] * 1000:
        yield Evidence(
            f"{first.kind} ends {seconds(alone)} before {last.kind}",
            first.frames.row[-1:],
            track=label(scope, first),
            expected=f"{first.kind} within {scope.parameters['wait_s']:g} s",
            actual=f"{last.kind} only",
            key="ended",
        )


RULES: Final = (
    Rule(
        "AUD-01", "AAC without a sequence header", "error", "definite", no_header,
        gates=("clear", "full"), section="FLV 10.1 §E.4.2.2",
        help="Send the AudioSpecificConfig (AF 00 …) before the first AAC frame, and again after "
        "each reconnect.",
        blame="sender",
    ),
    Rule(
        "AUD-02", "AAC configuration too short", "warning", "definite",
        concerning(short_config, "audio"),
        gates=("clear",), section="ISO/IEC 14496-3 §1.6.2.1",
        help="Wait for the encoder's extradata before the header is written.",
        blame="sender",
    ),
    Rule(
        "AUD-03", "ADTS inside FLV", "error", "definite",
        concerning(adts, "audio", frozenset({"aac"})), gates=("clear",),
        section="FLV 10.1 §E.4.2.2",
        help="Strip the 7 or 9 bytes of the ADTS header; FLV wants raw AAC frames.",
        blame="sender",
    ),
    Rule(
        "AUD-05", "Audio or video is missing", "warning", "definite", missing_track,
        gates=("clear", "full"),
        help="YouTube and Facebook refuse streams without audio. Send silence, or say in "
        "onMetaData that there is only one track.",
        blame="sender", parameters={"wait_s": 5},
    ),
)  # fmt: skip
