"""Are the bodies of commands and data proper AMF, in the version agreed on? (AMF rules)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from analyzer.model import DIRECTIONS
from analyzer.rules.rule import NOTHING, Evidence, Outcome, Rule, Severity
from analyzer.rules.scope import number
from dissectors import spec
from dissectors.fields import Severity as Level

if TYPE_CHECKING:
    from analyzer.rules.scope import Rows, Scope

_AMF3_TYPES: Final = (spec.DATA_AMF3, spec.COMMAND_AMF3)
_DATA_TYPES: Final = (spec.DATA_AMF0, spec.DATA_AMF3)
_COMMAND_TYPES: Final = (spec.COMMAND_AMF0, spec.COMMAND_AMF3)
_WHOLE: Final = "AMF values to the end of the message"
_VALUES: Final = 3
_END_MARKER: Final = b"\0\0\x09"
_LAST_MARKER: Final = b"\x11"
"""AMF0 §2.1: avmplus-object-marker."""
SAMPLE: Final = 200
"""Messages decoded per direction; a long talk has a few thousand of one kind."""


def _server_encoding(scope: Scope) -> int | None:
    """Return the objectEncoding that the server answered; None where it said nothing."""
    for call in scope.named("_result"):
        for value in (call.command.object, *call.command.arguments):
            if isinstance(value, dict) and "objectEncoding" in value:
                return number(value["objectEncoding"])
    return None


def wrong_version(scope: Scope) -> Iterator[Outcome]:
    """AMF-01: AMF3 where AMF0 was agreed on, or without its leading byte."""
    answered, asked = _server_encoding(scope), scope.connection.object_encoding
    any_rows = False
    for direction in (0, 1):
        rows = scope.whole(scope.rows(direction, _AMF3_TYPES))
        rows = rows[scope.column("received", rows) > 0]
        if not len(rows):
            continue
        any_rows = True
        first = scope.head(rows)[:, 0]
        odd = rows[first != 0]
        name = DIRECTIONS[direction]
        if len(odd):
            value = int(first[first != 0][0])
            yield Evidence(
                f"{scope.session.type_name(int(odd[0]))} begins with byte {value}",
                odd,
                expected="0, then AMF0",
                actual=str(value),
                track=f"{name} format",
            )
        if not direction and answered == 0:
            yield Evidence(
                "AMF3 messages go to a server that answered objectEncoding 0",
                rows,
                severity="error",
                expected="AMF0 messages",
                actual=scope.session.type_name(int(rows[0])),
                track=f"{name} version",
            )
        elif asked == 0:
            yield Evidence(
                "AMF3 messages, although connect asked for objectEncoding 0",
                rows,
                expected="AMF0 messages",
                actual=scope.session.type_name(int(rows[0])),
                track=f"{name} version",
            )
    if not any_rows:
        yield NOTHING


def malformed(scope: Scope) -> Iterator[Outcome]:
    """AMF-02: a command or data message that is not AMF to its end."""
    rows = scope.shared.command_rows()
    for fault in scope.connection.rtmp.faults:
        direction = scope.connection.sides.index(fault.side)
        row = rows.get((scope.connection.index, direction, fault.number))
        if row is not None and _left_over(scope, row):
            yield _trailing("a command", row)
            continue
        yield Evidence(
            f"a command is malformed: {fault.text}",
            [] if row is None else [row],
            direction=direction,
            span=(fault.end_offset - 1, 1) if row is None else None,
            expected=_WHOLE,
            actual=fault.text,
            key=fault.code,
        )
    for direction in (0, 1):
        data = scope.rows(direction, _DATA_TYPES)[:SAMPLE]
        commands = scope.rows(direction, _COMMAND_TYPES)[:SAMPLE]
        yield from _decoded(scope, data, "a data message", {Level.ERROR: "error"})
        yield from _decoded(scope, commands, "a command", {})


def _decoded(
    scope: Scope, rows: Rows, what: str, levels: Mapping[Level, Severity]
) -> Iterator[Outcome]:
    """Report the experts of whole messages; the count of an ECMA array may be anything."""
    whole = rows[scope.column("received", rows) == scope.column("length", rows)]
    for row in whole.tolist():
        if scope.shared.fields <= 0:
            scope.session.note_limits({"body_values"})
            return
        for node in scope.session.dissect(row).body.walk():
            scope.shared.fields -= 1
            for expert in node.experts:
                severity = levels.get(expert.severity)
                if expert.code == "missing_end_marker":
                    severity = "warning"
                if severity == "error" and _left_over(scope, row):
                    yield _trailing(what, row)
                elif severity is not None:
                    yield Evidence(
                        f"{what} is malformed: {expert.text}",
                        [row],
                        severity=severity,
                        expected=_WHOLE,
                        actual=expert.text,
                        key=expert.code,
                    )


def _left_over(scope: Scope, row: int) -> bool:
    """Whether all of a message is there, and only then something comes that is no value."""
    values = scope.session.dissect(row).body.children
    bad = next((n for n, value in enumerate(values) if value.experts), None)
    if bad is None:
        return False
    whole = bad >= _VALUES  # of a command: name, transaction, object
    if scope.value(row, "type_id") in _DATA_TYPES:
        whole = any(isinstance(value.value, dict) for value in values[:bad])
    rest = scope.session.body(row).data[values[bad].start :]
    return whole and (rest == _END_MARKER or rest[:1] > _LAST_MARKER)


def _trailing(what: str, row: int) -> Evidence:
    text = f"bytes are left over behind the values of {what}"
    return Evidence(text, [row], severity="note", expected=_WHOLE, key="trailing")


RULES: Final = (
    Rule(
        "AMF-01",
        "AMF version",
        "warning",
        "definite",
        wrong_version,
        section="RTMP 1.0 §7.1.1, AMF0 §3.1",
        help="Send AMF0 (types 18 and 20), which every server knows.",
        blame="sender",
    ),
    Rule(
        "AMF-02",
        "Malformed AMF",
        "error",
        "definite",
        malformed,
        section="AMF0 §2",
        help="The stream goes on; only this message is affected.",
        blame="sender",
    ),
)
