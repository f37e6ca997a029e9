"""Messages with bytes missing: what stands before the first hole is decoded, the rest is named."""

from __future__ import annotations

from analyzer.message_bytes import Body, joined
from dissectors.chunk_state import Flag
from dissectors.context import Context
from dissectors.dissect import dissect_body, type_name
from dissectors.fields import Dissection, Field


def dissect_incomplete(body: Body, length: int, flags: int, ctx: Context) -> Dissection:
    """Decode the captured beginning of a body of `length` bytes; zeros in holes are no values."""
    found = dissect_body(ctx.type_id, body.captured, ctx)
    root = found.body
    if not body.captured:
        name = type_name(ctx.type_id)
        found = Dissection(name, name, root)
        if isinstance(root.value, dict) and "enhanced" in root.value:
            root.value["enhanced"] = None
    _name_the_rest(root, body)
    lost = sum(span.length for span in joined(body.missing))
    why = "aborted, " if flags & Flag.ABORTED else ""
    root.warn("incomplete", f"incomplete: {why}{lost} of {length} bytes missing")
    return found


def _name_the_rest(root: Field, body: Body) -> None:
    """Add a leaf for each hole, and for the captured bytes behind it, up to the last captured."""
    size, position = len(body.data), len(body.captured)
    for span in joined(body.missing):
        if span.start > position:
            _undecoded(root, position, span.start)
        end = min(span.end, size)
        if end > span.start:
            label = f"[{_bytes(end - span.start)} missing]"
            root.add("missing", label, None, span.start, end - span.start)
            position = end
    if size > position:
        _undecoded(root, position, size)
    root.length = size


def _undecoded(root: Field, start: int, end: int) -> None:
    label = f"Undecoded: {_bytes(end - start)} behind missing ones"
    root.add("undecoded", label, None, start, end - start)


def _bytes(count: int) -> str:
    return f"{count} byte{'s' * (count != 1)}"
