"""Copying with OSC 52: it works over ssh, in terminals that allow it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from analyzer.tui.screens.base import Base

if TYPE_CHECKING:
    from dissectors.fields import Field

MAX_COPY: Final = 1 << 20
"""Characters copied at most; terminals drop longer sequences."""


class Copying(Base):
    """The main screen's copy actions."""

    def field_expression(self) -> str | None:
        """Return the selected field as a filter."""
        raise NotImplementedError

    def action_copy(self) -> None:
        self.catch_up()
        if self.focused is self.hexes:
            text = self.hexes.selected_bytes().hex(" ")
        elif self.focused is self.tree_pane:
            text = self.tree_pane.value_text()
        else:
            text = self._line()
        self._put(text)

    def action_copy_menu(self) -> None:
        self.catch_up()
        from analyzer.tui.screens.menu import MenuScreen

        makers: dict[str, Callable[[], str | None]] = {
            "v": self.tree_pane.value_text,
            "p": self._path,
            "h": lambda: self.hexes.selected_bytes().hex(" "),
            "c": lambda: _c_array(self.hexes.selected_bytes()),
            "J": self._field_json,
            "M": self._message_json,
            "f": self.field_expression,
            "l": self._line,
        }
        items = [
            ("v", "the field's value"),
            ("p", "the field's path"),
            ("h", "its bytes as hex"),
            ("c", "its bytes as a C array"),
            ("J", "the field as JSON"),
            ("M", "the whole message as JSON"),
            ("f", "the field as a filter"),
            ("l", "the line of the list, tabs between its columns"),
        ]

        def chosen(key: str | None) -> None:
            if key is not None:
                self._put(makers[key]() or "")

        self.app.push_screen(MenuScreen("Copy", items), chosen)

    def _put(self, text: str) -> None:
        if not text:
            self.say("nothing to copy here")
            return
        self.app.copy_to_clipboard(text[:MAX_COPY])
        cut = f" (the first {MAX_COPY:,} characters)" if len(text) > MAX_COPY else ""
        shown = text[:200].replace("\t", "  ")
        self.say(f"copied{cut}: {shown}")

    def _line(self) -> str:
        messages = self.messages
        return messages.line_text(messages.cursor) if len(messages.listing) else ""

    def _path(self) -> str:
        return ".".join(node.name for node in self.tree_pane.ancestors_and_field()[1:])

    def _field_json(self) -> str:
        from analyzer.export.nodes import node

        nodes: list[Field] = self.tree_pane.ancestors_and_field()
        return node(nodes[-1], None) if nodes else ""

    def _message_json(self) -> str:
        from analyzer.export.messages import as_dict
        from analyzer.export.request import Request

        row = self.details.row
        if row is None or row < 0:
            return ""
        return json.dumps(as_dict(self.session, row, Request()), indent=2)


def _c_array(data: bytes) -> str:
    return "{" + ", ".join(f"0x{byte:02x}" for byte in data) + "}"
