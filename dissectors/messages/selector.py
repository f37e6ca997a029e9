"""The format selector byte of AMF3 message types (E-RTMP v2 "AMF3", RTMP 1.0 §7.1)."""

from typing import Final

from dissectors.context import Context
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.spec import COMMAND_AMF3, DATA_AMF3

_STRING_MARKERS: Final = (0x02, 0x0C)
_FIRST_MARKERS: Final = (*_STRING_MARKERS, 0x11)
"""AMF0 markers that can begin a command or data message: a name, perhaps in AMF3."""


def read_selector(cur: Cursor, root: Field, ctx: Context) -> None:
    """Read the selector of types 15 and 17 if it is there; 0 says AMF0 values follow.

    * Some servers (apparently AMS towards AMF3 clients) leave it out: the body starts with the
      marker of the name, 02. A selector of 2 is not defined, so it is the marker.
    * Some encoders put a stray 00 before the name of types 18 and 20, which have no selector. Read
      as AMF0 the body would begin with the Number 00 02 …, next to zero, where a name must stand.
    """
    head = cur.peek(2)
    if ctx.type_id in (COMMAND_AMF3, DATA_AMF3):
        if not head:
            return
        if head[0] in _FIRST_MARKERS:
            root.note("selector_missing", "no format selector byte: AMF0 values start at once")
            return
        node = _read(cur, root)
        if node.value:
            node.warn("selector_unknown", f"format selector {node.value} is not defined")
    elif len(head) == 2 and head[0] == 0 and head[1] in _STRING_MARKERS and len(cur) > 4:
        node = _read(cur, root)
        node.note("selector_stray", "a message in AMF0 has no format selector byte")


def _read(cur: Cursor, root: Field) -> Field:
    at = cur.pos
    value = cur.u8("Format selector")
    label = f"Format selector: {'AMF0' if value == 0 else 'Unknown'} ({value})"
    return root.add("format_selector", label, value, at, 1)
