"""Follow a connection, a message stream or a chunk stream: everything said on it, in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual import on
from textual.binding import BindingType
from textual.strip import Strip
from textual.widget import Widget

from analyzer.tui.cells import ARROWS, Part, fit, seconds, strip
from analyzer.tui.data.follow import (
    FORMS,
    PER_LINE,
    SCOPES,
    SHOWN,
    SIDES,
    Conversation,
    Scope,
    conversation,
    numbers,
    scope_of,
    values_text,
)
from analyzer.tui.data.selection import info_of
from analyzer.tui.keys import key
from analyzer.tui.screens.computed import ComputedView, own
from analyzer.tui.views import Focus, Jump
from analyzer.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from analyzer.session import Session

_ASCII = "".join(chr(c) if 0x20 <= c < 0x7F else "·" for c in range(256))
KEPT = 200
"""Message bodies kept, each no longer than what is shown of it."""


class Said(Lines):
    """A title line per message, then its values or bytes."""

    def __init__(self, session: Session, *, id: str) -> None:
        super().__init__(id=id)
        self.session = session
        self.talk: Conversation | None = None
        self._bodies: dict[int, bytes] = {}
        self._values: dict[int, str] = {}

    def show(self, talk: Conversation) -> None:
        self.talk = talk
        self.lines_changed()

    def line_count(self) -> int:
        return len(self.talk) if self.talk else 0

    @property
    def row(self) -> int | None:
        """The message under the cursor."""
        return self.talk.line(self.cursor)[0] if self.talk and len(self.talk) else None

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        assert self.talk is not None
        row, line = self.talk.line(index)
        direction = self.session.value(row, "direction")
        side = self.part(("c2s", "s2c")[direction], selected)
        if line:
            text = self._content(row, line - 1, self.talk.form, width)
            return strip([("  ", None), (text, side)], width, base)
        values = [self.session.value(row, name) for name in ("time_ns", "csid", "msid", "length")]
        parts: list[Part] = [
            (f"{ARROWS[direction]} ", side),
            (f"{seconds(values[0]):>10}  ", self.part("dim", selected)),
            (f"csid {values[1]} msid {values[2]}  {values[3]:,} bytes  ", None),
            (f"{self.session.type_name(row)}  ", self.part("header", selected)),
            (info_of(self.session, row), side),
        ]
        return strip(parts, width, base)

    def _content(self, row: int, line: int, form: str, width: int) -> str:
        if form == FORMS[0]:
            if row not in self._values:
                if len(self._values) >= KEPT:
                    self._values.clear()
                self._values[row] = _values(self.session, row)
            return fit(self._values[row], width - 2)
        if row not in self._bodies:
            if len(self._bodies) >= KEPT:
                self._bodies.clear()
            self._bodies[row] = self.session.body(row).data[:SHOWN]
        size = PER_LINE[form]
        data = self._bodies[row][line * size : (line + 1) * size]
        text = data.decode("latin-1").translate(_ASCII)
        if form == "hex":
            return f"{line * size:04x}  {data.hex(' '):<{3 * size}} {text}"
        return text


def _values(session: Session, row: int) -> str:
    try:
        return values_text(session, row)
    except Exception as error:  # the body's bytes are one key away
        return f"[not decoded: {type(error).__name__}]"


class FollowScreen(ComputedView):
    """What both sides say on a stream, as values, text or bytes."""

    NAME = "follow"
    GROWS = True
    BINDINGS: ClassVar[list[BindingType]] = own(
        key("enter", "go", "Go to the message", "message", show="Enter"),
        key("s", "scope", "Follow: connection, message stream, chunk stream", "stream", show="s"),
        key("n", "number(1)", "Next stream of this kind", "next", show="n"),
        key("N", "number(-1)", "Previous stream of this kind", show="N"),
        key("d", "side", "Both sides, the client, the server", "side", show="d"),
        key("f", "form", "As values, text, bytes", "form", show="f"),
    )
    AUTO_FOCUS = "#follow"

    def __init__(self, session: Session, focus: Focus) -> None:
        super().__init__(session, focus)
        self._kind = SCOPES[0]
        self._number: int | None = None
        self._side = SIDES[0]
        self._form = FORMS[0]
        self._placed = False

    def content(self) -> Iterable[Widget]:
        self.lines = Said(self.session, id="follow")
        yield self.lines

    def compute(self, connection: int | None) -> Conversation:
        assert connection is not None
        scope = scope_of(self.session, self._kind, connection, self.focus_at.row)
        if self._number is not None and self._kind != SCOPES[0]:
            scope = Scope(self._kind, connection, self._number)
        return conversation(self.session, scope, self._side, self._form)

    def shown(self, data: object) -> None:
        assert isinstance(data, Conversation)
        row = self.lines.row if self._placed else self.focus_at.row
        self._number = data.scope.number
        self.lines.empty = ["No message here."]
        self.lines.show(data)
        if row is not None:
            self.lines.goto(data.of_row(row) or 0)
        self._placed = True
        what = data.scope.kind if self._kind == SCOPES[0] else f"{self._kind} {data.scope.number}"
        side = "both sides" if self._side == SIDES[0] else f"the {self._side} only"
        self.lines.set_title(f"{what}, {side}, {self._form}: {len(data.rows):,} messages")

    def empty(self, lines: list[str]) -> None:
        self.lines.talk = None
        self.lines.empty = lines
        self.lines.lines_changed()

    def row_here(self) -> int | None:
        return self.lines.row

    def action_connection(self, step: int) -> None:
        self._number = None
        self._placed = False
        super().action_connection(step)

    def action_scope(self) -> None:
        self._kind = SCOPES[(SCOPES.index(self._kind) + 1) % len(SCOPES)]
        self._number = None
        self.focus_at = Focus(self.lines.row, self.connection)
        self.recompute()

    def action_number(self, step: int) -> None:
        connection = self.connection
        if self._kind == SCOPES[0] or connection is None:
            self.say("s chooses what is followed: a message stream or a chunk stream")
            return
        found = numbers(self.session, self._kind, connection)
        if self._number in found:
            self._number = found[(found.index(self._number) + step) % len(found)]
        self.recompute()

    def action_side(self) -> None:
        self._side = SIDES[(SIDES.index(self._side) + 1) % len(SIDES)]
        self.recompute()

    def action_form(self) -> None:
        self._form = FORMS[(FORMS.index(self._form) + 1) % len(FORMS)]
        self.recompute()

    @on(Lines.Chosen)
    def action_go(self) -> None:
        """Go to the message in the list."""
        if self.lines.row is not None:
            self.dismiss(Jump(self.lines.row))
