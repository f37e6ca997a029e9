"""What the commands of a connection say about it (RTMP 1.0 §7.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Command(NamedTuple):
    """A command message, as far as state depends on it."""

    side: int
    number: int
    end_offset: int
    msid: int
    name: str
    transaction_id: Any
    object: Any
    arguments: list[Any]


class StreamInfo(NamedTuple):
    """A message stream and what it is used for."""

    msid: int
    name: str
    role: str
    """`publish` or `play`."""


class Fault(NamedTuple):
    """Something malformed in a command, found while state was read from it."""

    side: int
    number: int
    end_offset: int
    code: str
    text: str


@dataclass(slots=True)
class Facts:
    """What the commands of a connection say about it."""

    app: str | None = None
    tc_url: str | None = None
    flash_ver: str | None = None
    object_encoding: int | None = None
    streams: list[StreamInfo] = field(default_factory=list)

    @property
    def role(self) -> str | None:
        """`publish`, `play`, `both`, or None while neither was asked for."""
        roles = {stream.role for stream in self.streams}
        return "both" if len(roles) > 1 else next(iter(roles), None)


def gather(commands: Iterable[Command]) -> Facts:
    """Read the facts off the commands, in any order."""
    facts = Facts()
    streams: dict[StreamInfo, None] = {}
    for command in commands:
        if command.name == "connect" and isinstance(command.object, dict):
            _take_connect(facts, command.object)
        elif command.name in ("publish", "play"):
            name = command.arguments[0] if command.arguments else None
            if isinstance(name, str):
                streams.setdefault(StreamInfo(command.msid, name, command.name))
    facts.streams = list(streams)
    return facts


def _take_connect(facts: Facts, properties: dict[str, Any]) -> None:
    def text(*names: str) -> str | None:
        for name in names:
            if isinstance(properties.get(name), str):
                return str(properties[name])
        return None

    facts.app = text("app")
    facts.tc_url = text("tcUrl", "tcurl")
    facts.flash_ver = text("flashVer", "flashver")
    encoding = properties.get("objectEncoding")
    facts.object_encoding = encoding if isinstance(encoding, int) else 0
