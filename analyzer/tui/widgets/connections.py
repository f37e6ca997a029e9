"""The connection list: one line per TCP conversation, "all" on top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from analyzer.tui.cells import GLYPHS, Part, count, fit, rate, strip
from analyzer.tui.codecs import codecs_of
from analyzer.tui.model import SEVERITIES, Findings
from analyzer.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from analyzer.model import Connection
    from analyzer.session import Session


FINDINGS: Final = 9
"""Cells of the counts of findings: ``✗1 ▲3 •5``; they come last and may need more."""
BOTH: Final = 23
"""Cells that both ends of a connection need at least; with less only the client is named."""


class ConnectionList(Lines):
    """Line 0 stands for all connections; line n for connection n - 1."""

    HEADER = 1

    def __init__(self, session: Session, *, id: str) -> None:
        super().__init__(id=id)
        self.session = session
        self.findings = Findings()
        self._shown: list[Connection] = []
        self._codecs: dict[int, str] = {}

    def update(self, findings: Findings, done: bool) -> None:
        """Show the connections there are now."""
        chosen = self._shown[self.cursor - 1] if self.cursor else None
        self.findings = findings
        self._shown = list(self.session.connections)
        if chosen in self._shown:  # connections are renumbered when indexing ends
            self.set_reactive(ConnectionList.cursor, self._shown.index(chosen) + 1)
        self._codecs = {} if done else {k: v for k, v in self._codecs.items() if v != "-"}
        self.lines_changed()

    @property
    def connection(self) -> int | None:
        """The connection under the cursor; None for all."""
        return self._shown[self.cursor - 1].index if self.cursor else None

    def choose(self, connection: int | None) -> None:
        """Put the cursor on a connection's line; None: on "all"."""
        places = {item.index: line for line, item in enumerate(self._shown, 1)}
        self.move_to(0 if connection is None else places.get(connection, 0))

    def line_count(self) -> int:
        return len(self._shown) + 1

    def _widths(self, width: int) -> tuple[int, int, int, int]:
        """Widths of peers, app/stream, codecs and end.

        Peers and app/stream share what the others leave, by what the first ones need.
        """
        end = 12 if width >= 100 else 0
        codecs = 16 if width >= 130 else 8
        fixed = 2 + 4 + 1 + 1 + 1 + 7 + 1 + codecs + 1 + (8 if end else 6) + 1 + 5 + 1
        room = max(width - fixed - end - bool(end) - FINDINGS, 24)
        first = self._shown[:50]
        wanted = max((len(peers_of(item, 200)) for item in first), default=16)
        name = max((cell_len(name_of(item)) for item in first), default=10)
        peers = min(max(wanted, 16), max(room - max(name, 10), room // 2))
        return peers, min(max(name, 10), room - peers), codecs, end

    def draw_header(self, width: int, base: Style) -> Strip:
        peers, name, codecs, end = self._widths(width)
        ends = "client → server" if peers >= BOTH else "client"
        text = (
            f"  {fit('conn', 4)} {fit(ends, peers)} {fit('app/stream', name)} "
            f"{fit('role', 7)} {fit('codecs', codecs)} "
            f"{fit('duration' if end else 'time', 8 if end else 6, True)} "
            f"{fit('bit/s', 5, True)} {fit('ended', end)}{' ' if end else ''}{'findings'}"
        )
        return strip([(text, None)], width, base)

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        if index == 0:
            text = f"  all  {count(len(self._shown), 'connection')}"
            return strip([(text, None)], width, base)
        connection = self._shown[index - 1]
        peers, name, codecs, end = self._widths(width)
        key = connection.index
        if key not in self._codecs:
            self._codecs[key] = codecs_of(self.session, key)
        seconds = (connection.end_ns - connection.start_ns) / 1e9
        carried = sum(side.bytes for side in connection.tcp) * 8
        bitrate = rate(carried / seconds) if seconds > 0 else "-"
        ended = connection.closed_by or ("open" if self.session.done else "…")
        text = (
            f"  {fit(connection.id, 4)} {fit(peers_of(connection, peers), peers)} "
            f"{fit(name_of(connection), name)} {fit(role_of(connection), 7)} "
            f"{fit(self._codecs[key], codecs)} {fit(f'{seconds:.1f}s', 8 if end else 6, True)} "
            f"{fit(bitrate, 5, True)} {fit(ended, end)}{' ' if end else ''}"
        )
        return strip([(text, None), *self._findings_of(connection, selected)], width, base)

    def _findings_of(self, connection: Connection, selected: bool) -> list[Part]:
        found = self.findings.by_connection.get(connection.id, [])
        if not found:
            return [("-", self.part("dim", selected))]
        parts: list[Part] = []
        for severity in reversed(SEVERITIES):
            number = sum(item.severity == severity for item in found)
            if number:
                parts.append((f"{GLYPHS[severity]}{number} ", self.part(severity, selected)))
        return parts


def peers_of(connection: Connection, width: int) -> str:
    """Return ``client:port → server:port``: addresses are cut, then the server is left out."""
    client, server = connection.client, connection.server
    full = f"{_address(client.ip)}:{client.port} → {_address(server.ip)}:{server.port}"
    if len(full) <= width:
        return full
    if width < BOTH:
        return f"{_short(_address(client.ip), width - 1 - len(str(client.port)))}:{client.port}"
    ports = len(str(client.port)) + len(str(server.port))
    each = max((width - len(": → :") - ports) // 2, 4)
    return (
        f"{_short(_address(client.ip), each)}:{client.port} → "
        f"{_short(_address(server.ip), each)}:{server.port}"
    )


def _address(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _short(ip: str, width: int) -> str:
    return ip if len(ip) <= width else "…" + ip[len(ip) - width + 1 :]


def name_of(connection: Connection) -> str:
    """Return ``app/stream``; the variant where there is no RTMP inside."""
    names = [stream.name for stream in connection.streams if stream.name]
    if connection.app is None and not names:
        return connection.variant
    return f"{connection.app or '?'}/{names[0] if names else '-'}" + (
        f" +{len(names) - 1}" if len(names) > 1 else ""
    )


def role_of(connection: Connection) -> str:
    return connection.role or "-"
