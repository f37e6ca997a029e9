"""Enhanced RTMP between two peers: what is offered, asked, followed (ERT-03, 04, 07, 08, 09)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analyzer.metrics.headers import OTHER
from analyzer.rules.enhanced_headers import extended_rows
from analyzer.rules.media import DIRECTIONS, PLAY, PUBLISH, Array, concerning, measured, tracks
from analyzer.rules.rule import CLOSING, JUDGED, NOTHING, Evidence, Inconclusive, Outcome, Rule
from dissectors import spec
from dissectors.messages import media_names as names

if TYPE_CHECKING:
    from analyzer.metrics import Track
    from analyzer.rules.scope import Scope

PROPERTIES: Final = ("capsEx", "fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap")
"""Connect properties of E-RTMP v2."""
_MULTITRACK_BIT: Final = 2
_RECONNECT: Final = "NetConnection.Connect.ReconnectRequest"
_TRANSFERS: Final = {16: "PQ", 18: "HLG"}
"""transfer_characteristics of HDR, ITU-T H.273 §8.2."""


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
    if scope.named(*CLOSING):
        return
    wait = (scope.end_ns - scope.value(int(own[0]), "time_ns")) / 1e9
    if wait <= scope.parameters["within_s"]:
        codecs = sorted({track.codec or "unknown" for _, track in tracks(scope)})
        yield Evidence(
            f"the server closes {wait:.2f} s after the first Enhanced RTMP message "
            f"({', '.join(codecs)})",
            own[:1],
            track="enhanced",
            expected="a stream that goes on",
            actual=scope.connection.closed_by,
        )


def multitrack(scope: Scope) -> Iterator[Outcome]:
    """ERT-07: Multitrack towards a peer without it. The same track id of audio and of video is
    no collision: each kind counts its own."""
    for direction in (PUBLISH, PLAY):
        own = _multitrack_rows(scope, direction)
        if not len(own):
            yield NOTHING
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
        yield JUDGED
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
                expected="one track outside Multitrack",
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
    )  # fmt: skip
    at = at[columns.heads(at)[:, 0] >= 0x80]
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


RULES: Final = (
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
        "ERT-07", "Multitrack not negotiated", "warning", "definite", multitrack,
        gates=("clear", "full"), section="E-RTMP v2 \"Multitrack\"",
        help="Send one track, or a first track outside Multitrack, to peers without it.",
        blame="sender",
    ),
    Rule(
        "ERT-08", "HDR metadata missing or late", "note", "definite",
        concerning(colour, "video"), gates=("clear",),
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
)  # fmt: skip
