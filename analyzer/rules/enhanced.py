"""Enhanced RTMP and codecs beside the specification (ERT rules)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analyzer.metrics.headers import OTHER
from analyzer.rules.media import DIRECTIONS, PLAY, PUBLISH, Array, measured, rows, tracks
from analyzer.rules.rule import NOTHING, Evidence, Inconclusive, Outcome, Rule
from dissectors import spec
from dissectors.messages import media_names as names
from dissectors.messages.media_head import is_legacy_with_high_bit
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.metrics import Track
    from analyzer.rules.scope import Scope

PROPERTIES: Final = ("capsEx", "fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap")
"""Connect properties of E-RTMP v2."""
_MULTITRACK_BIT: Final = 2
_RECONNECT: Final = "NetConnection.Connect.ReconnectRequest"
_TRANSFERS: Final = {16: "PQ", 18: "HLG"}
"""transfer_characteristics of HDR, ITU-T H.273 §8.2."""
MAX_HEADS: Final = 64
"""Headers looked at one by one for ERT-05."""


def _video(scope: Scope, direction: int) -> tuple[Array, Array]:
    """Return (rows, heads) of the video messages with a body."""

    def read() -> tuple[Array, Array]:
        own = scope.rows(direction, (spec.VIDEO,))
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
    audio = scope.rows(direction, (spec.AUDIO,))
    audio = audio[scope.column("length", audio) > 4]
    if len(audio):
        audio = audio[scope.head(audio)[:, 0] >> 4 == names.EX_AUDIO]
    return np.sort(np.concatenate((found, audio)))


def offered(scope: Scope, direction: int) -> dict[str, Any] | None:
    """Return the Enhanced RTMP properties of the media's receiver: of the server's answer to
    connect, or of a player's connect; None where that was not seen."""
    calls = scope.named("connect")
    if not calls:
        return None
    command = calls[0].command
    if direction == PUBLISH:
        reply = scope.answer(calls[0])
        if reply is None:
            return None
        command = reply.command
    found: dict[str, Any] = {}
    for value in (command.object, *command.arguments):
        if isinstance(value, dict):
            found |= {key: value[key] for key in PROPERTIES if key in value}
    return found


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
        heads = scope.session.metrics.columns.head
        bad = [
            (item.row, entry)
            for item in track.configurations
            for entry in track.config_entries[track.config_rows == item.row][:1].tolist()
            if item.codec == "hevc" and int(heads[entry, 0]) & 0x8F == 7
        ]
        if bad:
            yield Evidence(
                "the sequence header under codec id 7 (H.264) holds an HEVC record",
                [row for row, _ in bad], track=name, expected="avcC", actual="hvcC",
            )  # fmt: skip


def unasked(scope: Scope) -> Iterator[Outcome]:
    """ERT-03: Enhanced RTMP towards a peer that did not offer it."""
    found = False
    for direction in (PUBLISH, PLAY):
        own = extended_rows(scope, direction)
        if not len(own):
            continue
        found = True
        properties = offered(scope, direction)
        if properties is None:
            yield Inconclusive("the connect exchange was not captured")
        elif not properties:
            peer = "server" if direction == PUBLISH else "player"
            yield Evidence(
                f"Enhanced RTMP is sent {DIRECTIONS[direction]}, which did not offer it",
                own,
                track=f"enhanced {('c2s', 's2c')[direction]}",
                count=1,
                severity="note" if direction == PUBLISH else "error",
                expected="capsEx, fourCcList or a FourCC info map in connect",
                actual="none",
                help="The server may only relay what it does not know; ask for its version."
                if peer == "server"
                else None,
            )
    if not found:
        yield NOTHING


def killed(scope: Scope) -> Iterator[Outcome]:
    """ERT-04: the server closes right after the first Enhanced RTMP message."""
    own = extended_rows(scope, PUBLISH)
    if not len(own) or scope.closed_by() != "server":
        return
    if scope.named("deleteStream", "closeStream", "FCUnpublish"):
        return
    wait = (scope.end_ns - scope.value(int(own[0]), "time_ns")) / 1e9
    if wait <= scope.parameters["within_s"]:
        codecs = sorted({track.codec or "unknown" for _, track in tracks(scope)})
        yield Evidence(
            f"the server closes {wait:.2f} s after the first Enhanced RTMP message "
            f"({', '.join(codecs)})",
            own[:1],
            track="enhanced",
            actual=scope.connection.closed_by,
        )


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


def multitrack(scope: Scope) -> Iterator[Outcome]:
    """ERT-07: Multitrack towards a peer without it. The same track id of audio and of video is
    no collision: each kind counts its own."""
    for direction in (PUBLISH, PLAY):
        own = _multitrack_rows(scope, direction)
        if not len(own):
            continue
        place = f"enhanced {('c2s', 's2c')[direction]}"
        properties = offered(scope, direction)
        if properties is None:
            yield Inconclusive("the connect exchange was not captured", place)
            continue
        caps = properties.get("capsEx")
        if not (isinstance(caps, int) and caps & _MULTITRACK_BIT):
            yield Evidence(
                f"Multitrack messages are sent {DIRECTIONS[direction]}, which did not offer them",
                own,
                track=place,
                count=1,
                # A peer that offers nothing at all may only relay (ERT-03).
                severity="warning" if properties else "note",
                expected="capsEx with bit 2 (Multitrack)",
                actual="none" if caps is None else str(caps),
                key="capability",
            )
        yield from _no_fallback(scope, direction, own)


def _multitrack_rows(scope: Scope, direction: int) -> Array:
    own = extended_rows(scope, direction)
    if not len(own):
        return own
    packet = scope.head(own)[:, 0] & 15
    video = scope.column("type_id", own) == spec.VIDEO
    many = np.where(video, names.VIDEO_MULTITRACK, names.AUDIO_MULTITRACK)
    return np.asarray(own[packet == many])


def _no_fallback(scope: Scope, direction: int, own: Array) -> Iterator[Outcome]:
    """Receivers without Multitrack play what is sent as plain messages."""
    tagged = set(own.tolist())
    for kind in ("video", "audio"):
        mine = [t for _, t in tracks(scope, kind) if t.direction == direction]
        frames = [row for track in mine for row in track.frames.row[:50].tolist()]
        if len(mine) > 1 and frames and all(row in tagged for row in frames):
            yield Evidence(
                f"all {kind} tracks are Multitrack: receivers without it play none",
                frames[:1], track=f"{kind} fallback", severity="note", key="fallback",
            )  # fmt: skip


def colour(scope: Scope) -> Iterator[Outcome]:
    """ERT-08: HDR without colorInfo, or with one that comes late."""
    for name, track in tracks(scope, "video"):
        hdr = next(
            (
                (item, _TRANSFERS[transfer])
                for item in track.configurations
                if (transfer := (item.values.get("colour") or {}).get("transfer")) in _TRANSFERS
            ),
            None,
        )
        metadata = _colour_entries(scope, track)
        if hdr is not None and not len(metadata):
            yield Evidence(
                f"{hdr[1]} video without a colorInfo message", [hdr[0].row], track=name,
                expected="PacketTypeMetadata with colorInfo", actual="none", key="absent",
            )  # fmt: skip
        elif len(metadata) and int(metadata[0]) > int(track.frames.entry[0]):
            row = int(scope.session.metrics.columns.row[metadata[0]])
            yield Evidence(
                "colorInfo comes after the first frame", [row], track=name,
                expected="before the first frame", key="late",
            )  # fmt: skip


def _colour_entries(scope: Scope, track: Track) -> Array:
    """Return where Metadata packets of the track stand in the order of media messages."""
    columns = scope.session.metrics.columns
    headers = columns.headers
    at = np.flatnonzero(
        (headers.role == OTHER) & (columns.kind == spec.VIDEO)
        & (headers.packet == names.METADATA) & (headers.track == track.track_id)
        & (columns.head[:, 0] >= 0x80)
    )  # fmt: skip
    row = columns.row[at]
    own = (scope.column("connection", row) == track.connection) & (
        scope.column("direction", row) == track.direction
    )
    return np.asarray(at[own & (scope.column("msid", row) == track.msid)])


def reconnect(scope: Scope) -> Iterator[Outcome]:
    """ERT-09: a request to reconnect that is not followed, or by half."""
    views = list(scope.connections())
    for own in views:
        asked = next((call for call in own.named("onStatus") if call.code == _RECONNECT), None)
        if asked is None:
            continue
        limit = asked.time_ns + round(scope.parameters["within_s"] * 1e9)
        client = own.connection.client.ip
        later = [
            view for view in views
            if view.connection.client.ip == client
            and asked.time_ns < view.connection.start_ns <= limit
        ]  # fmt: skip
        index = own.connection.index
        if not later:
            if scope.capture_end_ns >= limit:
                yield Evidence(
                    "the client does not reconnect when the server asks for it", [asked.row],
                    connection=index, severity="warning", blame="client", key="ignored",
                    expected=f"a new connection within {scope.parameters['within_s']:g} s",
                )  # fmt: skip
            else:
                yield Inconclusive("the capture ends too early")
            continue
        bare = _without_headers(later[0])
        if bare is not None:
            yield Evidence(
                f"the client reconnects, but sends {bare}", [asked.row], connection=index,
                severity="error", blame="client", key="half",
                expected="metadata and sequence headers first",
            )  # fmt: skip


def _without_headers(scope: Scope) -> str | None:
    """Return what a new publishing connection lacks before its first frame."""
    streams = [s for s in measured(scope).streams if s.direction == PUBLISH]
    for stream in streams:
        for track in stream.tracks:
            needs = track.codec in ("h264", "hevc", "vvc", "av1", "aac")
            first = track.frames.entry[:1]
            if needs and len(first) and not (track.config_entries < first[0]).any():
                return f"{track.kind} frames before their sequence header"
        row = min((int(t.frames.row[0]) for t in stream.tracks if len(t.frames)), default=None)
        metadata = measured(scope).metadata
        if row is not None and not any(item.row < row for item in metadata):
            return "media without metadata"
    return None


def misplaced_x(scope: Scope) -> Iterator[Outcome]:
    """ERT-10: CodedFramesX, without composition time, where one is needed. That both kinds are
    mixed is fine: pictures shown when they are decoded need none."""
    columns = scope.session.metrics.columns
    for name, track in tracks(scope, "video"):
        frames = track.frames
        bare = frames.packet == names.CODED_FRAMES_X
        bare &= columns.head[frames.entry, 0] >= 0x80
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
        "ERT-01", "HEVC under codec id 12", "warning", "definite", legacy_hevc, gates=("clear",),
        section="E-RTMP v2 \"Enhanced Video\"",
        help="An extension of Chinese CDNs; elsewhere use Enhanced RTMP (hvc1).", blame="sender",
    ),
    Rule(
        "ERT-02", "HEVC declared as H.264", "error", "definite", hevc_as_avc, gates=("clear",),
        section="FLV 10.1 §E.4.3.1",
        help="OBS before 29.1 did this. Update the encoder, or use Enhanced RTMP.",
        blame="sender",
    ),
    Rule(
        "ERT-03", "Enhanced RTMP not negotiated", "note", "definite", unasked,
        gates=("clear", "full"), section="E-RTMP v2 \"Enhancing NetConnection connect Command\"",
        help="Players that do not announce FourCCs do not expect them.", blame="sender",
    ),
    Rule(
        "ERT-04", "Closed after the first Enhanced RTMP message", "error", "likely", killed,
        gates=("clear", "dir"),
        help="The server likely lacks Enhanced RTMP: send H.264 and AAC, or update it.",
        blame="server", parameters={"within_s": 2},
    ),
    Rule(
        "ERT-05", "False Enhanced RTMP header", "error", "likely", false_header,
        gates=("clear",), section="E-RTMP v2 \"Enhanced Video\"",
        help="Some drones set the top bit of the frame type without meaning Enhanced RTMP.",
        blame="sender",
    ),
    Rule(
        "ERT-06", "Frame type 0", "warning", "definite", no_frame_type, gates=("clear",),
        section="E-RTMP v2 \"Enhanced Video\"",
        help="Players skip such frames. OBS 29.1 did this; update the encoder.", blame="sender",
    ),
    Rule(
        "ERT-07", "Multitrack not negotiated", "warning", "definite", multitrack,
        gates=("clear", "full"), section="E-RTMP v2 \"Multitrack\"",
        help="Send one track, or a first track outside Multitrack, to peers without it.",
        blame="sender",
    ),
    Rule(
        "ERT-08", "HDR metadata missing or late", "note", "definite", colour, gates=("clear",),
        section="E-RTMP v2 \"Metadata Frame\"",
        help="Send colorInfo after SequenceStart and before the first frame.", blame="sender",
    ),
    Rule(
        "ERT-09", "Reconnect request not followed", "warning", "definite", reconnect,
        over="capture", section="E-RTMP v2 \"Reconnect Request\"",
        help="Connect anew, publish with metadata and sequence headers, then close the old "
        "connection.",
        parameters={"within_s": 10},
    ),
    Rule(
        "ERT-10", "Composition time left out", "warning", "definite", misplaced_x,
        gates=("clear",), section="E-RTMP v2 \"Enhanced Video\"",
        help="CodedFramesX is for pictures whose composition time is 0.", blame="sender",
    ),
)  # fmt: skip
