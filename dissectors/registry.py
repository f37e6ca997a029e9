"""The tables that say who decodes what. To add a type: one function, one line."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dissectors.context import Context
from dissectors.cursor import Cursor
from dissectors.fields import Field

Read = Callable[[Cursor, Field, Context], None]
"""Reads a body into children of the body node. May raise `Malformed` at any point: what was
read stays in the tree."""
ReadBrief = Callable[[bytes], tuple[str, dict[str, Any]] | None]
"""Returns (info, summary) of a whole body as reading and describing it would, without the fields;
None for a body that is not of the usual length or form."""
Describe = Callable[[Field, Context], tuple[str, str]]
"""Sets the body node's value (the summary) from its tree, complete or cut short, and returns
(title, info). Never raises."""


class MessageType(NamedTuple):
    """A row of the table of message types (RTMP 1.0 §5.4, §6.2, §7.1)."""

    name: str
    key: str
    """Name of the body node and key of the JSON summary."""
    read: Read
    describe: Describe | None = None
    section: str = ""
    """Where the specification describes it: ``RTMP 1.0 §5.4.1``."""
    brief: ReadBrief | None = None
    """For messages that a flood has by the hundred thousand."""


MessageTable = Mapping[int, MessageType]
