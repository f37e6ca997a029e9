"""The messages inside an aggregate, as rows of their own (RTMP 1.0 §7.1.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from dissectors.messages.aggregate import type_name

if TYPE_CHECKING:
    from analyzer.lookup import Lookup


class SubMessage(NamedTuple):
    """One message of an aggregate; `timestamp` is rebased, milliseconds."""

    type: str
    timestamp: int
    length: int
    info: str


def sub_messages(session: Lookup, row: int) -> Iterator[SubMessage]:
    """Yield the messages of an aggregate that could be read."""
    for node in session.dissect(row).body.children:
        values = {child.name: child.value for child in node.children}
        if node.name == "message" and "timestamp" in values:
            info = node.label.partition(": ")[2]
            name = type_name(values["type_id"])
            yield SubMessage(name, values["timestamp"], values["data_size"], info)
