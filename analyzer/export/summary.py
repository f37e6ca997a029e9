"""The text summary: one screen about a capture and its connections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, TextIO

import numpy as np

from analyzer.export.ansi import paint
from analyzer.export.request import Request
from analyzer.export.tree import seconds
from analyzer.export.verdict import finding_lines, nothing_to_judge, numbers
from analyzer.forgotten import Tally
from analyzer.index import Array
from analyzer.model import Connection
from analyzer.session import Session
from dissectors import spec
from dissectors.dissect import type_name
from dissectors.text import safe

MAX_CONNECTIONS: Final = 6
"""Connections shown in full; a screen has room for no more. The others get a line."""
MAX_LINES: Final = 20
MAX_FINDINGS: Final = 5
MAX_SIZES: Final = 4
"""Chunk sizes shown per direction."""
MAX_TRACKS: Final = 3
"""Tracks of a kind whose rates are shown."""


def write(session: Session, out: TextIO, request: Request) -> None:
    """Write the summary."""
    lines = [*_capture(session, request), *_connections(session, request)]
    for line in [*lines, *_findings(session, request)]:
        out.write(line + "\n")


def _capture(session: Session, request: Request) -> Iterator[str]:
    capture = session.capture
    name = paint(request.color, "title", request.shown(safe(capture.name)))
    parts = [capture.format + (f" ({capture.compression})" if capture.compression else "")]
    if capture.size is not None:
        parts.append(f"{capture.size:,} bytes")
    parts += [
        f"{capture.packets:,} packet{'s' * (capture.packets != 1)}",
        f"{seconds(capture.duration_ns)} s",
        ", ".join(capture.link_types),
    ]
    yield f"{name}: {', '.join(part for part in parts if part)}"
    if capture.start:
        yield f"  starts {capture.start}{', cut off at its end' if capture.truncated else ''}"
    elif capture.truncated:
        yield "  cut off at its end"


FOREIGN: Final = {"tls": "TLS", "http": "HTTP"}


def _connections(session: Session, request: Request) -> Iterator[str]:
    reason = nothing_to_judge(session)
    if reason:
        yield paint(request.color, "warning", f"Inconclusive: {reason}.")
    if not session.connections:
        flows = session.tcp_flows
        if not session.capture.packets:
            yield "The capture holds no packets."
        elif not flows:
            yield "None of its packets is part of a TCP connection with payload."
        else:
            tried = ", ".join(map(str, sorted(session.options.decode_as)))
            advice = (
                f"Nothing at port {tried} (-d) is RTMP: the bytes are something else, or too few."
                if tried
                else "A port other than 1935 can be named: -d tcp.port==PORT,rtmp"
            )
            plural = "s" * (flows != 1)
            yield f"{flows} TCP connection{plural} with payload, none of them RTMP. {advice}"
            for (what, port), count in session.foreign.most_common(3):
                hint = "; RTMPS cannot be read without its keys" if what == "tls" else ""
                yield f"  {count} of them {FOREIGN[what]} to port {port}{hint}"
    for connection in session.connections[:MAX_CONNECTIONS]:
        yield from _connection(session, connection, request)
    others = session.connections[MAX_CONNECTIONS:]
    for connection in others[:MAX_LINES]:
        yield request.shown(_title(connection))
    if len(others) > MAX_LINES:
        yield f"… and {len(others) - MAX_LINES} connections more"


def _title(connection: Connection) -> str:
    facts = connection.facts
    words = [connection.id, str(connection.client), "→", str(connection.server)]
    words.append(connection.variant.upper())
    if facts.role:
        words.append({"both": "publish and play"}.get(facts.role, facts.role))
    if isinstance(facts.app, str):
        words.append(f"app '{safe(facts.app)}'")
    names = dict.fromkeys(s.name for s in facts.streams if isinstance(s.name, str))
    shown = [f"'{safe(name)}'" for name in names][:3]
    if shown:
        words.append("stream " + ", ".join(shown) + (" …" if len(names) > 3 else ""))
    return " ".join(words)


def _connection(session: Session, connection: Connection, request: Request) -> Iterator[str]:
    yield ""
    yield paint(request.color, "title", request.shown(_title(connection)))
    details = [_beginning(connection), _end(connection)]
    flash_ver = connection.facts.flash_ver
    if isinstance(flash_ver, str):
        cut = flash_ver if len(flash_ver) <= 80 else flash_ver[:80] + "…"
        details.insert(1, f"client {safe(cut)}")
    yield "  " + request.shown(", ".join(details))
    yield "  chunk size " + "; ".join(_chunk_sizes(connection))
    rows = session.messages.present()
    rows = rows[session.messages.column("connection")[rows] == connection.index]
    directions = session.messages.column("direction")[rows]
    none = True
    for direction, arrow in enumerate(("client → server", "server → client")):
        part = rows[directions == direction]
        gone = session.past.of(connection, direction) if session.past is not None else {}
        if len(part) or gone:
            none = False
            yield from _direction(session, part, gone, arrow, request)
    if none:
        yield "  no messages"


def _beginning(connection: Connection) -> str:
    handshake = connection.handshake
    sides = connection.tcp_connection.directions
    seen = [bool(sides[side].stats.segments) for side in connection.sides]
    if not all(seen) and any(seen):
        return f"only the {'client' if seen[0] else 'server'}'s side captured"
    if handshake:
        return f"handshake {handshake['kind'] or 'seen in part'}"
    return "no handshake seen" if connection.from_start else "captured from the middle on"


def _end(connection: Connection) -> str:
    ways = {"fin": "closed", "rst": "reset"}
    duration = seconds(connection.end_ns - connection.start_ns)
    if not connection.closed_by:
        return f"{duration} s, still open at the end of the capture"
    who, _, how = connection.closed_by.partition(".")
    return f"{duration} s, {ways.get(how, how)} by the {who}"


def _chunk_sizes(connection: Connection) -> Iterator[str]:
    for name, changes in zip(("c2s", "s2c"), connection.chunk_sizes, strict=True):
        sizes = [str(change.size) for change in changes]
        more = " …" if len(sizes) > MAX_SIZES else ""
        yield f"{name} {' → '.join(sizes[:MAX_SIZES]) or 'unknown'}{more}"


def _direction(
    session: Session, rows: Array, gone: Mapping[int, Tally], arrow: str, request: Request
) -> Iterator[str]:
    """Tell of a direction's rows, and of those `gone` what was counted."""
    table = session.messages
    types = table.column("type_id")[rows]
    lengths = table.column("length")[rows].astype(np.int64)
    total = int(lengths.sum())
    recent = rows >= table.first  # those kept from before a live capture's window tell no rate
    times = table.column("time_ns")[rows[recent]]
    span = int(np.ptp(times)) if len(times) else 0
    rate = f", {int(lengths[recent].sum()) * 8_000_000 // span:,} kbit/s" if span > 0 else ""
    kinds, counted = np.unique(types, return_counts=True)
    number = Counter(dict(zip(kinds.tolist(), counted.tolist(), strict=True)))
    number.update({kind: tally.messages for kind, tally in gone.items()})
    total += sum(tally.bytes for tally in gone.values())
    plural = "s" * (number.total() != 1)
    yield f"  {arrow}: {number.total():,} message{plural}, {total:,} bytes{rate}"
    groups = sorted(((count, kind) for kind, count in number.items()), reverse=True)
    yield "    " + ", ".join(f"{count:,} {type_name(kind)}" for count, kind in groups)
    for type_id, kind in ((spec.VIDEO, "video"), (spec.AUDIO, "audio")):
        media = rows[types == type_id]
        if len(media):
            yield f"    {kind}: {request.shown(_media(session, media))}{_rates(session, media)}"


def _media(session: Session, rows: Array) -> str:
    """Describe a track by its first message: the sequence header, where one was sent."""
    rows = rows[np.argsort(session.messages.column("time_ns")[rows], kind="stable")]
    first = int(rows[0])
    rows = rows[rows >= session.messages.first]
    if not len(rows):
        return safe(session.info(first))
    timestamps = session.messages.column("timestamp")[rows].astype(np.int64)
    span = int(timestamps.max() - timestamps.min())
    extent = f"timestamps {int(timestamps.min())}–{int(timestamps.max())} ms"
    if span > 0xF0000000:
        extent = "timestamps wrap around"
    return f"{safe(session.info(first))}; {extent}"


def _rates(session: Session, rows: Array) -> str:
    """Return what the metrics say of the tracks that messages of one kind carry."""
    first = int(rows[0])
    place = session.value(first, "connection"), session.value(first, "direction")
    kind = "video" if session.value(first, "type_id") == spec.VIDEO else "audio"
    tracks = session.metrics.tracks
    tracks = [t for t in tracks if (t.connection, t.direction, t.kind) == (*place, kind)]
    tracks = [t for t in tracks if t.bitrate_bit_s]
    if not tracks:
        return ""
    shown = [f"{(t.bitrate_bit_s or 0) // 1000:,}" for t in tracks[:MAX_TRACKS]]
    shown += ["…"] * (len(tracks) > MAX_TRACKS)
    # Timestamps that stand still do not tell how much was played.
    arrival = " by arrival" if any(t.by_arrival for t in tracks) else ""
    return f", {' + '.join(shown)} kbit/s{arrival}"


def _findings(session: Session, request: Request) -> Iterator[str]:
    if session.diagnostics or session.limits_hit:
        yield ""
        yield paint(request.color, "title", f"Findings: {numbers(session)}")
    for line in finding_lines(session, request, MAX_FINDINGS):
        yield f"  {line}"
    if session.limits_hit:
        yield "  limits reached: " + ", ".join(session.limits_hit)
