"""What happened on every connection, in a few lines each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from analyzer.tui.cells import GLYPHS, bit_rate, count, seconds, span, volume
from analyzer.tui.data.findings import group_of
from analyzer.tui.data.ladder import refused
from analyzer.tui.model import rank
from analyzer.tui.views import Jump
from dissectors.messages.audio_codecs import AUDIO_CODECS
from dissectors.messages.video_codecs import VIDEO_CODECS
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.metrics import Metrics, Stream, Track
    from analyzer.model import Connection, Diagnostic, Verdict
    from analyzer.session import Session

IN_FULL: Final = 50
"""Connections told in full; a person reads no more. Of the others: title and verdict."""
LATE_NS: Final = 5_000_000_000
"""An answer after that is marked: longer than a call may stay unanswered (CMD-05, CMD-06)."""
MAX_TRACKS: Final = 8
MAX_FINDINGS: Final = 5
MARKS: Final = {"pass": "✓", "fail": GLYPHS["error"], "inconclusive": "?"}
STYLES: Final = {"pass": "c2s", "fail": "error", "inconclusive": "warning"}


class StoryLine(NamedTuple):
    """A line about a connection: what it is about, what it says, and where Enter leads."""

    connection: int
    label: str
    text: str
    jump: Jump
    style: str = ""
    title: bool = False


def outline(session: Session) -> list[StoryLine]:
    """Name all connections, without measuring anything."""
    return [_title(session, view, None, []) for view in list(session.connections)]


def story(session: Session) -> list[StoryLine]:
    """Tell all connections. May be called from any thread, also while indexing."""
    metrics = session.metrics
    told = session.judgement.verdicts if session.done or session.interim else []
    verdicts = {item.connection: item for item in told}
    found: dict[str | None, list[Diagnostic]] = {}
    for item in session.diagnostics:
        found.setdefault(item.connection, []).append(item)
    out: list[StoryLine] = []
    for item in found.get(None, [])[:MAX_FINDINGS]:
        out.append(_finding(-1, item))
    connections = list(session.connections)
    for view in connections:
        verdict, own = verdicts.get(view.id), found.get(view.id, [])
        if out and len(connections) <= IN_FULL:
            out.append(StoryLine(view.index, "", "", Jump(connection=view.index)))
        out.append(_title(session, view, verdict, own))
        if verdict is not None:
            out += _verdict(session, view, verdict, own, full=len(connections) <= IN_FULL)
            own = [item for item in own if item.id != verdict.diagnostic]
        if len(connections) <= IN_FULL:
            wrong = [d for d in own if d.status == "finding" and d.severity != "note"]
            wrong.sort(key=lambda d: (d.cause is not None, -rank(d.severity)))
            out += _findings(view, wrong)
            out += _facts(session, metrics, view)
            out += _findings(view, [item for item in own if item not in wrong])
    return out


def _title(
    session: Session, view: Connection, verdict: Verdict | None, found: list[Diagnostic]
) -> StoryLine:
    facts = view.facts
    names = list(dict.fromkeys(stream.name for stream in facts.streams if stream.name))
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    name = f"{facts.app or '?'}/{names[0] if names else '-'}{more}"
    if facts.app is None and not names:
        name = ""
    what = facts.role or view.variant
    length = view.end_ns - view.start_ns
    carried = sum(side.bytes for side in view.tcp) * 8e9
    bits = bit_rate(carried / length) if length > 0 else ""
    words = [view.id, what.upper(), safe(name), span(length), bits, _end(session, view)]
    mark = MARKS[verdict.status] if verdict else "·"
    style = STYLES[verdict.status] if verdict else ""
    if verdict and verdict.status == "pass" and any(d.severity == "warning" for d in found):
        mark, style = GLYPHS["warning"], "warning"
    text = "  ".join(word for word in words if word)
    return StoryLine(view.index, mark, text, Jump(connection=view.index), style, True)


def _end(session: Session, view: Connection) -> str:
    ways = {"fin": "closed", "rst": "reset"}
    if view.closed_by:
        who, _, how = view.closed_by.partition(".")
        return f"{ways.get(how, how)} by the {who}"
    if session.cancelled:
        return "open where loading stopped"
    return "open at the end of the capture" if session.done else "open"


def _verdict(
    session: Session, view: Connection, verdict: Verdict, found: list[Diagnostic], full: bool
) -> Iterator[StoryLine]:
    """Tell the verdict and, in `full`, what to try."""
    lead = next((d for d in found if verdict.diagnostic and d.id == verdict.diagnostic), None)
    jump = Jump(diagnostic=lead) if lead else Jump(connection=view.index)
    blame = f", {verdict.blame}" if verdict.blame and verdict.status != "pass" else ""
    so_far = "" if session.done else "so far "
    text = f"{so_far}{verdict.status}{blame}: {safe(verdict.text)}"
    yield StoryLine(view.index, "verdict", text, jump, STYLES[verdict.status])
    if full and lead and lead.severity != "note":
        yield from _try(view, lead, found)


def _try(view: Connection, lead: Diagnostic, found: list[Diagnostic]) -> Iterator[StoryLine]:
    """Tell what to try about the finding that the verdict names. Of warnings it names the first:
    a graver one, by what follows from it and how often it was found, comes before that."""
    grave, rule = lead, ""
    if lead.severity == "warning" and not any(item.severity == "error" for item in found):
        caused = Counter(item.cause for item in found)
        roots = [
            item
            for item in found
            if (item.severity, item.status, item.cause) == ("warning", "finding", None)
        ]
        grave = max([lead, *roots], key=lambda item: (caused[item.id], item.count))
        rule = f"{grave.rule}: " if grave.id != lead.id else ""
    if grave.help:
        yield StoryLine(view.index, "try", rule + safe(grave.help), Jump(diagnostic=grave))


def _findings(view: Connection, found: list[Diagnostic]) -> Iterator[StoryLine]:
    for item in found[:MAX_FINDINGS]:
        yield _finding(view.index, item)
    if len(found) > MAX_FINDINGS:
        text = f"{count(len(found) - MAX_FINDINGS, 'finding')} more"
        yield StoryLine(view.index, "", text, Jump(connection=view.index, view="findings"))


def _facts(session: Session, metrics: Metrics, view: Connection) -> Iterator[StoryLine]:
    here = Jump(connection=view.index)
    yield StoryLine(view.index, "peers", f"{view.client} → {view.server}{_handshake(view)}", here)
    facts = view.facts
    if facts.flash_ver or facts.tc_url:
        words = [safe(str(text)[:200]) for text in (facts.flash_ver, facts.tc_url) if text]
        yield StoryLine(view.index, "client", ", ".join(words), here)
    begun = _startup(session, metrics, view)
    if begun:
        yield begun
    streams = metrics.connection(view.index).streams
    tracks = [(stream, track) for stream in streams for track in stream.tracks]
    for stream, track in tracks[:MAX_TRACKS]:
        yield _track(view, track, _mistimed(stream, track))
    if len(tracks) > MAX_TRACKS:
        yield StoryLine(view.index, "", f"and {len(tracks) - MAX_TRACKS} tracks more", here)
    yield StoryLine(view.index, "carried", _carried(view), here)


def _handshake(view: Connection) -> str:
    found = view.handshake
    if not found:
        return ", no handshake seen" if view.variant == "rtmp" else ""
    total = found["rtt_ns"]["total"]
    trip = f", round trip {span(total)}" if total is not None else ""
    return f", handshake {found['kind'] or 'seen in part'}{trip}"


def _startup(session: Session, metrics: Metrics, view: Connection) -> StoryLine | None:
    """How long it took until media came, and what was not answered."""
    stages = {stage.name: stage for stage in metrics.connection(view.index).startup}
    words, last, late = [], None, False
    for call, reply, name in (
        ("connect", "connect_reply", "connect"),
        ("create_stream", "create_stream_reply", "createStream"),
        ("request", "request_reply", view.role if view.role in ("publish", "play") else "request"),
    ):
        if call in stages:
            last = stages[reply if reply in stages else call]
            if reply in stages:
                waited = stages[reply].time_ns - stages[call].time_ns
                row = stages[reply].row
                how = "refused" if row is not None and refused(session, row) else "answered"
                slow = waited > LATE_NS
                late |= slow
                words.append(f"{name} {how}{' late,' if slow else ''} after {span(waited)}")
            elif session.done:
                words.append(f"{name} not answered")
    for name in ("audio", "keyframe"):
        if name in stages:
            last = stages[name]
            after = "the opening" if view.from_start else "the capture began"
            words.append(f"first {name} {span(last.time_ns - view.start_ns)} after {after}")
    if last is None or not words:
        return None
    jump = Jump(row=last.row, connection=view.index)
    if late:
        label = f"{GLYPHS['warning']} start"
        return StoryLine(view.index, label, ", ".join(words), jump, "warning")
    return StoryLine(view.index, "start", ", ".join(words), jump)


def _mistimed(stream: Stream, track: Track) -> str:
    """Say why the timestamps do not tell how much was played; empty where they do."""
    if track.by_arrival:
        return "timestamps stand still or go back"
    if stream.runaway is track and track.pace is not None:
        return f"its clock runs {track.pace.slope:.2f} times as fast"
    return ""


def _track(view: Connection, track: Track, mistimed: str) -> StoryLine:
    """Rates are over media time, of a track whose clock is wrong over the time of arrival."""
    frames = track.frames
    words = [_codec(view, track)]
    if track.rate and track.kind == "video":
        words.append(f"{track.rate.nominal_millihertz / 1000:.4g} fps")
    lasted = track.arrived_ms if mistimed else track.duration_ms
    bits = track.size_bytes * 8000 / lasted if lasted else 0
    if bits:
        most = track.peak_bit_s or 0  # of one second, which a short stream does not fill
        known = most > bits and track.by_arrival == bool(mistimed)
        peak = f" (peak {bit_rate(most)})" if known else ""
        words.append(f"{bit_rate(bits)}{peak}")
    gops = track.gops
    closed = gops.duration_ms[gops.closed]
    if len(closed):
        apart = np.diff(frames.time_ns[gops.start]) / 1e6 if mistimed else closed
        words.append(f"keyframe every {float(apart.mean()) / 1000:.3g} s")
    elif track.kind == "video":
        words.append(count(len(gops.start), "keyframe"))
    words.append(f"{count(len(frames), 'frame')} in {lasted / 1000:.2f} s")
    if mistimed:
        words.append(f"all by arrival: {mistimed}")
    rows = track.config_rows if len(track.config_rows) else frames.row
    arrow = "→" if not track.direction else "←"
    jump = Jump(row=int(rows[0]) if len(rows) else None, connection=view.index)
    return StoryLine(view.index, f"{arrow} {track.name}", ", ".join(words), jump)


def _codec(view: Connection, track: Track) -> str:
    """Return ``H.264 High L3.1 1280x720``: codec, profile, size or rate, as its header says."""
    known = (VIDEO_CODECS if track.kind == "video" else AUDIO_CODECS).get(track.codec or "")
    name = known.label if known else "codec unknown"
    if not track.configurations:
        needed = track.kind == "video" or track.codec == "aac"
        how = "without a sequence header" if view.from_start else "(sequence header not captured)"
        return f"{name} {how}" if needed else name
    values = track.configurations[0].values
    words = [name]
    for key, form in (
        ("profile", "{}"),
        ("level", "L{}"),
        ("sample_rate", "{} Hz"),
        ("channels", "{} channels"),
    ):
        if values.get(key) is not None:
            words.append(form.format(values[key]))
    if values.get("width") and values.get("height"):
        words.append(f"{values['width']}x{values['height']}")
    return safe(" ".join(words)).replace("1 channels", "mono").replace("2 channels", "stereo")


def _carried(view: Connection) -> str:
    out = []
    for arrow, side, tcp in zip("→←", view.sides, view.tcp, strict=True):
        stats = view.tcp_connection.directions[side].stats
        words = [f"{arrow} {volume(tcp.bytes)}"]
        if tcp.retransmitted:
            words.append(f"{count(tcp.retransmitted, 'segment')} sent again")
        missing = sum(gap.length for gap in tcp.gaps)
        if missing:
            words.append(f"{count(missing, 'byte')} missing")
        if stats.zero_windows:
            words.append(f"its window shut {stats.zero_windows:,}× {span(stats.zero_window_ns)}")
        out.append(", ".join(words))
    sizes = view.chunk_sizes
    chunks = ", ".join(
        f"{arrow} {' '.join(str(size.size) for size in found[:4])}"
        for arrow, found in zip("→←", sizes, strict=True)
        if found
    )
    return f"{'   '.join(out)}   chunk size {chunks or 'unknown'}"


def _finding(connection: int, item: Diagnostic) -> StoryLine:
    group = group_of(item)
    when = f"{seconds(item.time_ns, 3)} s  " if item.time_ns is not None else ""
    text = f"{when}{safe(item.text)}"
    style = group if group in GLYPHS else "dim"
    jump = Jump(diagnostic=item)
    if item.message is None and item.frame is None:
        jump = Jump(connection=max(connection, 0), view="findings")
    glyph = GLYPHS.get(group, "?")
    label = f"{glyph} {item.rule}" if item.cause is None else f"{glyph} ↳ {item.rule}"
    return StoryLine(connection, label, text, jump, style)
