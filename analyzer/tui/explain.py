"""Why there is nothing to see, and what to try."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from analyzer.tui.cells import count

if TYPE_CHECKING:
    from analyzer.session import Session

ADVICE = {
    "rtmps": "RTMPS is RTMP inside TLS; it is recognised, not decoded.",
    "tls": "A TLS connection may be RTMPS, which is not decoded.",
    "rtmpe": "RTMPE is encrypted by the handshake itself; only its outline can be shown.",
    "http": "HTTP may carry RTMPT; tunnelled RTMP is recognised, not decoded.",
    "rtmpt": "RTMPT carries RTMP in HTTP requests; it is recognised, not decoded.",
}


def nothing(session: Session) -> list[str]:
    """Return the lines shown instead of messages."""
    capture = session.capture
    lines = [f"No RTMP message in {capture.name}.", ""]
    links = ", ".join(str(link) for link in capture.link_types)
    lines.append(f"Read: {count(capture.packets, 'packet')}{f' ({links})' if links else ''}.")
    lines.append(f"Seen: {count(session.tcp_flows, 'TCP connection')} with payload.")
    lines.extend(session.limits_hit)
    if session.cancelled:
        lines.append("Loading was stopped; the rest was not read.")
    variants = Counter(connection.variant for connection in session.connections)
    for variant, number in sorted(variants.items()):
        lines.append(f"Seen: {count(number, f'{variant} connection')}.")
    for (what, port), number in session.foreign.most_common(3):
        lines.append(f"Seen: {count(number, f'{what.upper()} connection')} to port {port}.")
        variants[what] += number
    lines.extend(text for variant, text in ADVICE.items() if variant in variants)
    tried = ", ".join(map(str, sorted(session.options.decode_as)))
    if tried and not session.connections:
        lines.append(
            f"Nothing at port {tried} (-d) is RTMP: the bytes are something else, or too few."
        )
    lines += [
        "",
        "What to try:",
        *([] if tried else ["  · RTMP on an unusual port: -d tcp.port==PORT,rtmp"]),
        "  · a capture of both directions, from before the connection starts,",
        "    with full packets (tcpdump -s 0)",
        "  · a capture filter that lets the server's port through (1935 by default)",
    ]
    return lines


def all_hidden(
    unit: str, filter_text: str, doubt: str, values: list[str], marked: bool, connection: int | None
) -> list[str]:
    """Return the lines shown where filter, marks and connection let nothing through.

    `doubt` says why the filter never can, `values` what its fields have in this capture.
    """
    also = " as well" if marked or connection is not None else ""
    lines = [f"No {unit} passes."]
    if filter_text:
        lines += ["", f"Filter: {filter_text}", *([f"  {doubt}"] if doubt else [])]
        lines.append(f"  Esc lifts it{', the others stay' if also else ''}; / changes it.")
        lines += [f"  {text}" for text in values]
    if marked:
        lines += ["", f"Only marked messages are listed{also if filter_text else ''}: M lists all."]
    if connection is not None:
        lines += [
            "",
            f"Only c{connection} is listed: the line 'all' of the connections lists every one.",
        ]
    return lines


def waiting(session: Session) -> list[str]:
    """Return the lines shown while a capture runs in which no RTMP was seen yet."""
    capture = session.capture
    seen = f"{count(capture.packets, 'packet')}, {count(session.tcp_flows, 'TCP connection')}"
    what = "the first message: the handshake is under way" if session.connections else "RTMP"
    lines = [f"Waiting for {what}. Seen: {seen} with payload.", ""]
    for (what, port), number in session.foreign.most_common(3):
        lines.append(f"Seen: {count(number, f'{what.upper()} connection')} to port {port}.")
    if not capture.packets:
        lines.append("Nothing comes: is this the interface, and does the filter (-f) let it in?")
    else:
        lines.append(
            "A new stream is recognised at once, one that runs already after some seconds."
        )
    return [*lines, "", "Ctrl+C ends the capture."]
