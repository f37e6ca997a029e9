"""What the commands say went wrong (CMD and AMF rules)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from analyzer.model import DIRECTIONS, Connection, Diagnostic
from dissectors.facts import Command
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.session import Session


def _status(command: Command) -> dict[str, Any]:
    """Return the status object of an `_error` or an onStatus with level error, else {}."""
    for value in (*command.arguments, command.object):
        if isinstance(value, dict) and isinstance(value.get("code"), str):
            refused = command.name == "_error" or value.get("level") == "error"
            return value if refused else {}
    return {}


def _place(connection: Connection, side: int, number: int, end_offset: int) -> dict[str, Any]:
    """Return message id, frame and time of the evidence."""
    direction = connection.sides.index(side)
    stream = connection.tcp_connection.directions[side]
    pieces = stream.locate(max(end_offset - 1, 0), 1)
    return {
        "connection": connection.id,
        "message": f"{connection.id}.{DIRECTIONS[direction]}.{number}",
        "frame": pieces[0].frame if pieces else None,
    }


def refused(session: "Session") -> Iterator[Diagnostic]:
    """CMD-09: the other side answered with a status of level error."""
    for connection in session.connections:
        for command in connection.rtmp.commands:
            status = _status(command)
            if not status:
                continue
            description = status.get("description")
            words = f": {safe(str(description))}" if description else ""
            yield Diagnostic(
                rule="CMD-09",
                severity="error",
                text=f"{safe(command.name)} says {safe(status['code'])}{words}",
                actual=status["code"],
                section="RTMP 1.0 §7.2",
                help="The description is the peer's own; its log says more.",
                **_place(connection, command.side, command.number, command.end_offset),
            )


def unanswered(session: "Session") -> Iterator[Diagnostic]:
    """CMD-05: the server ended the connection without a word about publish or play."""
    for connection in session.connections:
        closed = connection.closed_by or ""
        if not connection.both_directions or not closed.startswith("server"):
            continue
        answered = {c.msid for c in connection.rtmp.commands if c.name == "onStatus"}
        for command in connection.rtmp.commands:
            if command.name in ("publish", "play") and command.msid not in answered:
                yield Diagnostic(
                    rule="CMD-05",
                    severity="error",
                    text=f"the server closed the connection without answering {command.name}",
                    expected=f"onStatus NetStream.{command.name.capitalize()}.Start",
                    actual=closed,
                    section="RTMP 1.0 §7.2.2",
                    help="Many servers refuse this way when a hook or an access rule says no; "
                    "their log names the reason.",
                    **_place(connection, command.side, command.number, command.end_offset),
                )


def malformed(session: "Session") -> Iterator[Diagnostic]:
    """AMF-02: a command that cannot be decoded to its end."""
    for connection in session.connections:
        for fault in connection.rtmp.faults:
            yield Diagnostic(
                rule="AMF-02",
                severity="error",
                text=f"a command is malformed: {fault.text}",
                section="AMF0 §2",
                help="The stream goes on; only this message is affected.",
                **_place(connection, fault.side, fault.number, fault.end_offset),
            )
