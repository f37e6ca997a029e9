"""Command messages, RTMP 1.0 §7.1.1 and §7.2: types 20 (AMF0) and 17 (AMF3)."""

from typing import Any, Final

from dissectors.amf import Budget, explain, number
from dissectors.amf0 import Amf0Reader
from dissectors.context import Context
from dissectors.cursor import Cursor
from dissectors.fields import Field
from dissectors.messages.command_names import (
    ARGUMENTS,
    RESULTS,
    SHOW_CODE,
    SHOW_FIRST,
    argument_name,
)
from dissectors.messages.connect_properties import explain_connect
from dissectors.messages.selector import read_selector
from dissectors.spec import COMMAND_AMF3
from dissectors.status_codes import explain_status, status_of
from dissectors.text import quote, safe

_NOT_VALUES: Final = frozenset({"format_selector", "undecoded", "truncated"})


def read(cur: Cursor, root: Field, ctx: Context) -> None:
    """Name, transaction id, command object or Null, then arguments up to the end.

    A command may end early: FFmpeg -listen sends onFCPublish as the bare name.
    """
    read_selector(cur, root, ctx)
    reader = Amf0Reader(Budget(len(cur), sparing=ctx.sparing))
    try:
        name = reader.value(cur, root, "name")
        if not isinstance(name.value, str):
            name.warn("command_name", "a command begins with its name, a String")
        if cur:
            transaction = reader.value(cur, root, "transaction_id")
            if not _is_number(transaction.value):
                transaction.warn("transaction_id", "the transaction id must be a Number")
        elif not ctx.truncated:
            name.note("transaction_id_missing", "the command ends after its name")
        if cur:
            reader.value(cur, root, "command_object")
        index = 0
        while cur:
            reader.value(cur, root, argument_name(name.value, index))
            index += 1
    finally:  # also for what stands before a malformed value
        _explain(root)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _values(root: Field) -> list[Field]:
    return [child for child in root.children if child.name not in _NOT_VALUES]


_TITLES: Final = {
    "name": "Command name",
    "transaction_id": "Transaction ID",
    "stream_id": "Stream ID",
}


def _explain(root: Field) -> None:
    """Add what well-known values are called and mean."""
    values = _values(root)
    for node in values:
        if node.children and not node.name.startswith("arg"):
            word = node.name.replace("_", " ").capitalize()
            label = f"Argument: {_TITLES.get(node.name, word)}"
            node.children.insert(0, Field("argument", label, None, node.start, plumbing=True))
    name = values[0].value if values else None
    if name in ("connect", "_result", "_error"):
        for node in values[2:4]:
            explain_connect(node)
    for node in values[3:4]:
        explain_status(node)
    if name == "play":
        explain_play(root)


_START: Final = {
    -2: "the live stream, or else the recorded one",
    -1: "the live stream only",
    0: "the recorded stream from its beginning",
}
_DURATION: Final = {-1: "up to the end", 0: "a single frame"}


def explain_play(root: Field) -> None:
    """Add both readings of play's start and duration.

    RTMP 1.0 §7.2.2.1 counts seconds, with -2 and -1 as special values. Flash Player, librtmp and
    FFmpeg send milliseconds, the special values too: -2000, -1000.
    """
    for name, table in (("start", _START), ("duration", _DURATION)):
        node = root.find(name)
        if node is None or not _is_number(node.value):
            continue
        value = node.value
        title = name.capitalize()
        if value in table:
            text = f"{title}: {table[value]}"
        elif value < 0 and value / 1000 in table:
            short = number(value / 1000)[1]
            text = f"{title}: {table[value / 1000]} ({short}, sent in milliseconds)"
        elif value < 0:
            meant = "read as -1, up to the end" if name == "duration" else "not defined"
            text = f"{title}: {meant}"
        else:
            text = (
                f"{title}: {number(float(value))[1]} s, or"
                f" {number(value / 1000)[1]} s if the sender means milliseconds"
            )
        explain(node, f"{name}_meaning", text)
    reset = root.find("reset")
    if reset is not None and isinstance(reset.value, bool):
        text = "flush the playlist" if reset.value else "add to the playlist"
        explain(reset, "reset_meaning", f"Reset: {text}")


def describe(root: Field, ctx: Context) -> tuple[str, str]:
    """Title ``AMF0 Command connect('live')``, info ``connect('live')``."""
    values = [node.value for node in _values(root)]
    name = values[0] if values and isinstance(values[0], str) else None
    summary: dict[str, Any] = {
        "name": name,
        "transaction_id": values[1] if len(values) > 1 else None,
        "object": values[2] if len(values) > 2 else None,
        "arguments": values[3:],
    }
    _name_arguments(summary, ARGUMENTS.get(name, ()) if name else ())
    if len(values) > 3:
        summary |= status_of(values[3])
    root.value = summary
    kind = "AMF3 Command" if ctx.type_id == COMMAND_AMF3 else "AMF0 Command"
    if name is None:
        return kind, kind
    info = f"{safe(name[:256])}({_shown(name, summary)})"
    return f"{kind} {info}", info


def _name_arguments(summary: dict[str, Any], names: tuple[str, ...]) -> None:
    """Add `named`; objects stand under `arguments` already."""
    pairs = zip(names, summary["arguments"], strict=False)
    named = {key: value for key, value in pairs if not isinstance(value, dict | list)}
    if named:
        summary["named"] = named


def name_reply(root: Field, call: str) -> None:
    """Name the values of a `_result` or `_error` after the call it answers (§7.2.1).

    The reply's own bytes do not say what they are; whoever paired the two knows.
    """
    summary = root.value
    names = RESULTS.get(call)
    if names is None or not isinstance(summary, dict) or not summary.get("arguments"):
        return
    _name_arguments(summary, names)
    for name, node in zip(names, _values(root)[3:], strict=False):
        node.name = name
        if not isinstance(node.value, dict | list):
            title = name.replace("_", " ").capitalize()
            explain(node, "meaning", f"{title}, the answer to {call}")


def _shown(name: str, summary: dict[str, Any]) -> str:
    """Return the argument that Wireshark shows in the parentheses, or nothing."""
    arguments = summary["arguments"]
    value: Any = None
    if name == "connect":
        value = _member(summary["object"], "app")
    elif name in SHOW_FIRST and arguments:
        value = arguments[0]
    elif name == "play2" and arguments:
        value = _member(arguments[0], "streamName")
    elif name in SHOW_CODE:
        value = summary.get("code")
    return quote(value, 256) if isinstance(value, str) else ""


def _member(value: Any, name: str) -> Any:
    """Return a property of a decoded AMF object."""
    if isinstance(value, dict) and "$class" in value:
        value = value.get("value")
    if isinstance(value, dict) and "$pairs" in value:
        return next((item for key, item in value["$pairs"] if key == name), None)
    return value.get(name) if isinstance(value, dict) else None
