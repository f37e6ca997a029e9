"""The base of every pane: lines drawn on demand, one of them under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from analyzer.tui.cells import strip
from analyzer.tui.keys import MOVE
from analyzer.tui.widgets.layers import layer


class Lines(ScrollView, can_focus=True):
    """Line-API list. Subclasses say how many lines there are and draw one of them.

    `HEADER` lines at the top stay while the others scroll below them: they are counted in the
    virtual size, and line ``y`` of the screen shows row ``scroll + y - HEADER``.
    """

    HEADER: ClassVar[int] = 0
    empty: Sequence[str] = ()
    """Shown where there are no lines."""
    BINDINGS: ClassVar[list[BindingType]] = [*MOVE]
    DEFAULT_CSS = """
    Lines {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        background: $background;
        color: $foreground;
        border-top: solid $panel-lighten-2;
        border-title-color: $text-muted;
    }
    Lines:focus {
        border-top: heavy $accent;
        border-title-color: $text;
        border-title-style: bold;
    }
    Lines > .lines--cursor { background: $panel-lighten-1; text-style: bold; }
    Lines:focus > .lines--cursor {
        background: $block-cursor-background;
        color: $block-cursor-foreground;
        text-style: bold;
    }
    Lines > .lines--header { color: $text-muted; text-style: bold; }
    Lines > .lines--dim { color: $text-muted; }
    Lines > .lines--error { color: $text-error; text-style: bold; }
    Lines > .lines--warning { color: $text-warning; text-style: bold; }
    Lines > .lines--note { color: $text-primary; }
    Lines > .lines--c2s { color: $text-success; }
    Lines > .lines--s2c { color: $text-accent; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--plain",
        "lines--cursor",
        "lines--header",
        "lines--dim",
        "lines--error",
        "lines--warning",
        "lines--note",
        "lines--c2s",
        "lines--s2c",
    }

    _title: Content | None = None
    cursor: reactive[int] = reactive(0, repaint=False, init=False)

    class Moved(Message):
        """The cursor stands on another line."""

        def __init__(self, pane: Lines, index: int) -> None:
            super().__init__()
            self.pane = pane
            self.index = index

        @property
        def control(self) -> Lines:
            return self.pane

    class Chosen(Moved):
        """Enter or a second click on the line under the cursor."""

    # What subclasses provide

    def line_count(self) -> int:
        raise NotImplementedError

    def draw(self, index: int, width: int, base: Style, selected: bool) -> Strip:
        """Draw line `index`, `width` cells wide; `base` already carries the cursor's colour."""
        raise NotImplementedError

    def draw_header(self, width: int, base: Style) -> Strip:
        raise NotImplementedError

    # Size and cursor

    @property
    def page(self) -> int:
        """Lines in sight."""
        return max(self.scrollable_content_region.height - self.HEADER, 1)

    def set_title(self, text: str) -> None:
        """Name the pane; repaints only when the name is another."""
        title = Content(f" {text} ")
        if title != self._title:
            self._title = title
            self.border_title = title

    def lines_changed(self) -> None:
        """Take over a new number of lines and repaint."""
        count = self.line_count()
        self.virtual_size = Size(self.scrollable_content_region.width, count + self.HEADER)
        if self.cursor >= count:
            self.set_reactive(Lines.cursor, max(count - 1, 0))
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self.lines_changed()
        self.show_cursor()

    def move_to(self, index: int, tell: bool = True) -> None:
        """Put the cursor on line `index` (clamped) and bring it into sight."""
        index = max(min(index, self.line_count() - 1), 0)
        if index != self.cursor:
            old = self.cursor
            self.set_reactive(Lines.cursor, index)
            self.refresh_line(old + self.HEADER)
            self.refresh_line(index + self.HEADER)
            if tell:
                self.post_message(self.Moved(self, index))
        self.show_cursor()

    def show_cursor(self) -> None:
        """Scroll, without animation, until the cursor is in sight."""
        if not self.scrollable_content_region.height:
            return  # nothing is in sight yet: laying out comes back here
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_now(self.cursor)
        elif self.cursor >= top + self.page:
            self.scroll_now(self.cursor - self.page + 1)

    def scroll_now(self, y: int) -> None:
        """Have line `y` on top, even where the scroll bar is not there yet."""
        self.scroll_to(y=y, animate=False, force=True)

    def goto(self, index: int) -> None:
        """Put the cursor on a line far away, with some lines of context around it."""
        top = self.scroll_offset.y
        if not top <= index < top + self.page:
            self.scroll_now(max(index - self.page // 3, 0))
        self.move_to(index)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.get_component_rich_style("lines--plain")  # cached, unlike `rich_style`
        if y < self.HEADER:
            style = self.get_component_rich_style("lines--header")
            return self.draw_header(width, style)
        index = self.scroll_offset.y + y - self.HEADER
        if index >= self.line_count():
            text = self.empty[index] if not self.line_count() and index < len(self.empty) else ""
            return strip([(f" {text}", self.part("dim", False))], width, base)
        selected = index == self.cursor
        if selected:
            base = self.get_component_rich_style("lines--cursor")
        return self.draw(index, width, base, selected)

    def part(self, name: str, selected: bool) -> Style | None:
        """Return a component's style as a layer over the line's own (None under the cursor,
        whose colours must stay readable)."""
        if selected:
            return None
        return layer(self, f"lines--{name}")

    # Keys and mouse

    def action_move(self, lines: int) -> None:
        self.move_to(self.cursor + lines)

    def action_move_page(self, pages: int) -> None:
        top = self.scroll_offset.y
        self.scroll_now(top + pages * self.page)
        self.move_to(self.cursor + pages * self.page)

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(self.line_count() - 1)

    def action_choose(self) -> None:
        if self.line_count():
            self.post_message(self.Chosen(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y < self.HEADER:
            return
        index = self.scroll_offset.y + offset.y - self.HEADER
        if index >= self.line_count():
            return
        if index == self.cursor and event.chain > 1:
            self.action_choose()
        self.move_to(index)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, -3)

    def _wheel(self, event: events.MouseEvent, lines: int) -> None:
        event.stop()
        event.prevent_default()
        self.scroll_now(self.scroll_offset.y + lines)

    def refresh_line(self, y: int) -> None:
        # The header does not scroll, so a row never repaints above it.
        self.refresh(Region(0, y - self.scroll_offset.y, self.size.width, 1))
