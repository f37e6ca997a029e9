"""The tables that say who decodes what. To add a type: one function, one line."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from dissectors.context import Context
from dissectors.cursor import Cursor
from dissectors.fields import Field

Read = Callable[[Cursor, Field, Context], None]
"""Reads a body into children of the body node. May raise `Malformed` at any point: what was
read stays in the tree."""
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


MessageTable = Mapping[int, MessageType]
