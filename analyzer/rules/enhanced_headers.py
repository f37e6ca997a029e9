"""Headers of Enhanced RTMP, and codecs under wrong ones (ERT-01, 02, 05, 06, 10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from analyzer.rules.media import Array, concerning, rows, tracks
from analyzer.rules.rule import Evidence, Outcome, Rule
from dissectors import spec
from dissectors.messages import media_names as names
from dissectors.messages.media_head import is_legacy_with_high_bit
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.rules.scope import Scope

MAX_HEADS: Final = 64
"""Headers looked at one by one for ERT-05."""


def _video(scope: Scope, direction: int) -> tuple[Array, Array]:
    """Return (rows, heads) of the video messages with a body."""

    def read() -> tuple[Array, Array]:
        own = scope.whole(scope.rows(direction, (spec.VIDEO,)))
        own = own[scope.column("length", own) > 4]
        return own, scope.head(own)

    return scope.shared.once(("video heads", scope.connection.index, direction), read)


def _is_extended(head: Array) -> Array:
    """Mask of Enhanced video headers, those with a top bit set by mistake not counted."""
    first = head[:, 0]
    extended = first >= 0x80
    suspects = np.flatnonzero(extended & np.isin(first & 15, sorted(names.AVC_LIKE_IDS)))
    # One encoder: the first ones tell for all.
    if any(is_legacy_with_high_bit(head[at].tobytes()) for at in suspects[:MAX_HEADS]):
        extended[suspects] = False
    return np.asarray(extended)


def extended_rows(scope: Scope, direction: int) -> Array:
    """Return the rows of audio and video messages with Enhanced RTMP headers."""
    key = ("extended", scope.connection.index, direction)
    return scope.shared.once(key, lambda: _extended_rows(scope, direction))


def _extended_rows(scope: Scope, direction: int) -> Array:
    video, head = _video(scope, direction)
    found = video[_is_extended(head)] if len(video) else video
    audio = scope.whole(scope.rows(direction, (spec.AUDIO,)))
    audio = audio[scope.column("length", audio) > 4]
    if len(audio):
        audio = audio[scope.head(audio)[:, 0] >> 4 == names.EX_AUDIO]
    return np.sort(np.concatenate((found, audio)))


def legacy_hevc(scope: Scope) -> Iterator[Outcome]:
    """ERT-01: HEVC under codec id 12."""
    for direction in (0, 1):
        own, head = _video(scope, direction)
        bad = own[(head[:, 0] < 0x80) & (head[:, 0] & 15 == 12)] if len(own) else own
        if len(bad):
            yield Evidence(
                "HEVC is sent with the unofficial codec id 12", bad, track="video",
                expected="Enhanced RTMP with FourCC hvc1", actual="codec id 12",
            )  # fmt: skip


def hevc_as_avc(scope: Scope) -> Iterator[Outcome]:
    """ERT-02: HEVC under codec id 7, which is H.264."""
    for name, track in tracks(scope, "video"):
        columns = scope.session.metrics.columns
        bad = [
            (item.row, entry)
            for item in track.configurations
            for entry in track.config_entries[track.config_rows == item.row][:1].tolist()
            if item.codec == "hevc" and columns.heads(np.array([entry]))[0, 0] & 0x8F == 7
        ]
        if bad:
            yield Evidence(
                "the sequence header under codec id 7 (H.264) holds an HEVC record",
                [row for row, _ in bad], track=name, expected="avcC", actual="hvcC",
            )  # fmt: skip


def false_header(scope: Scope) -> Iterator[Outcome]:
    """ERT-05: the bit of Enhanced RTMP without one of its FourCCs."""
    for direction in (0, 1):
        own, head = _video(scope, direction)
        if not len(own):
            continue
        track = f"video {('c2s', 's2c')[direction]}"
        marked = head[:, 0] >= 0x80
        own, head, marked = own[marked], head[marked], marked[marked]
        drone = marked & ~_is_extended(head)
        if drone.any():
            yield Evidence(
                "the bit of an Enhanced RTMP header is set on legacy messages",
                own[drone], track=track, severity="warning", expected="0x17, 0x27",
                actual=f"0x{int(head[drone][0, 0]):02x}", key="legacy",
            )  # fmt: skip
            continue
        plain = marked & (head[:, 0] & 15 < names.VIDEO_MULTITRACK)
        plain &= (head[:, 0] >> 4 & 7 != names.COMMAND_FRAME) | (head[:, 0] & 15 == names.METADATA)
        fourcc = head[:, 1:5]
        known = np.zeros(len(own), bool)
        for word in names.VIDEO_FOURCCS:
            known |= (fourcc == np.frombuffer(word, np.uint8)).all(axis=1)
        unknown = plain & ~known
        if unknown.any():
            raw = fourcc[unknown][0].tobytes()
            printable = bool(((fourcc[unknown] >= 0x20) & (fourcc[unknown] < 0x7F)).all())
            yield Evidence(
                f"unknown FourCC '{safe(names.fourcc_text(raw))}' in an Enhanced RTMP header",
                own[unknown],
                track=track,
                severity="warning" if printable else "error",
                expected=", ".join(word.decode() for word in names.VIDEO_FOURCCS),
                actual=safe(names.fourcc_text(raw)),
                key="fourcc",
            )


def no_frame_type(scope: Scope) -> Iterator[Outcome]:
    """ERT-06: frame type 0 in an Enhanced RTMP header."""
    for direction in (0, 1):
        own, head = _video(scope, direction)
        if not len(own):
            continue
        packet = head[:, 0] & 15
        # The packet type behind ModEx and Multitrack may be metadata: only plain ones count.
        bad = (head[:, 0] >> 4 == 8) & (packet < names.VIDEO_MULTITRACK)
        bad &= (packet != names.METADATA) & _is_extended(head)
        if bad.any():
            yield Evidence(
                "frame type 0 in Enhanced RTMP video messages", own[bad],
                track=f"video {('c2s', 's2c')[direction]}", expected="1 (keyframe) or 2 (inter)",
                actual="0",
            )  # fmt: skip


def misplaced_x(scope: Scope) -> Iterator[Outcome]:
    """ERT-10: CodedFramesX, without composition time, where one is needed. That both kinds are
    mixed is fine: pictures shown when they are decoded need none."""
    columns = scope.session.metrics.columns
    for name, track in tracks(scope, "video"):
        frames = track.frames
        bare = frames.packet == names.CODED_FRAMES_X
        if bare.any():
            bare &= columns.heads(frames.entry)[:, 0] >= 0x80
        if not bare.any() or not frames.cts_ms.any():
            continue
        pts = frames.pts_ms
        _, inverse, counts = np.unique(pts, return_inverse=True, return_counts=True)
        twice = np.flatnonzero(bare & (counts[inverse] > 1))
        if len(twice):
            yield Evidence(
                "CodedFramesX pictures are shown at the time of another picture: their composition "
                "time is lost",
                rows(track, twice), track=name, expected="CodedFrames with composition time",
                actual="CodedFramesX",
            )  # fmt: skip


RULES: Final = (
    Rule(
        "ERT-01", "HEVC under codec id 12", "warning", "definite",
        concerning(legacy_hevc, "video"), gates=("clear",),
        section="E-RTMP v2 \"Enhanced Video\"",
        help="An extension of Chinese CDNs; elsewhere use Enhanced RTMP (hvc1).", blame="sender",
    ),
    Rule(
        "ERT-02", "HEVC declared as H.264", "error", "definite",
        concerning(hevc_as_avc, "video"), gates=("clear",),
        section="FLV 10.1 §E.4.3.1",
        help="OBS before 29.1 did this. Update the encoder, or use Enhanced RTMP.",
        blame="sender",
    ),
    Rule(
        "ERT-05", "False Enhanced RTMP header", "error", "likely", false_header,
        gates=("clear",), section="E-RTMP v2 \"Enhanced Video\"",
        help="Some drones set the top bit of the frame type without meaning Enhanced RTMP.",
        blame="sender",
    ),
    Rule(
        "ERT-06", "Frame type 0", "warning", "definite",
        concerning(no_frame_type, "video"), gates=("clear",),
        section="E-RTMP v2 \"Enhanced Video\"",
        help="Players skip such frames. OBS 29.1 did this; update the encoder.", blame="sender",
    ),
    Rule(
        "ERT-10", "Composition time left out", "warning", "definite",
        concerning(misplaced_x, "video"),
        gates=("clear",), section="E-RTMP v2 \"Enhanced Video\"",
        help="CodedFramesX is for pictures whose composition time is 0.", blame="sender",
    ),
)  # fmt: skip
