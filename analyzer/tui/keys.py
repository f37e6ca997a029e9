"""Every key of the interface in one place; the help sheet and the key bar are made from it."""

from __future__ import annotations

from typing import Final

from textual.binding import Binding

from analyzer.tui.views import VIEWS


def key(keys: str, action: str, text: str, hint: str = "", show: str | None = None) -> Binding:
    """Return a binding. `hint` is its word in the key bar (none: only in the help sheet)."""
    return Binding(
        keys, action, text, show=bool(hint), tooltip=hint, key_display=show or keys.split(",")[0]
    )


MOVE: Final = (
    key("down,j", "move(1)", "Next line", show="j ↓"),
    key("up,k", "move(-1)", "Previous line", show="k ↑"),
    key("pagedown,ctrl+d", "move_page(1)", "Next page", show="PgDn"),
    key("pageup,ctrl+u", "move_page(-1)", "Previous page", show="PgUp"),
    key("home,ctrl+home", "first", "First line", show="Home"),
    key("end,ctrl+end", "last", "Last line", show="End"),
    key("enter", "choose", "Go to the details of this line", show="Enter"),
)
LIST: Final = (
    key("right", "scroll_columns(1)", "Chosen columns that wait at the right ›", show="→"),
    key("left", "scroll_columns(-1)", "Chosen columns that went at the left ‹", show="←"),
)
TREE: Final = (
    key("enter,space", "open_close", "Expand or collapse", "expand", show="Enter"),
    key("right,l", "expand", "Expand", show="l →"),
    key("left,h", "collapse", "Collapse, or go to the parent", show="h ←"),
    key("asterisk", "expand_all", "Expand everything below", show="*"),
)
HEX: Final = (
    key("right,l", "step(1)", "Next byte", show="l →"),
    key("left,h", "step(-1)", "Previous byte", show="h ←"),
    key("enter", "choose", "Show the innermost field of this byte in the tree", show="Enter"),
)
QUIT: Final = key("ctrl+q", "app.quit", "Quit, wherever you are", show="^q")
MAIN: Final = (
    key("question_mark,f1", "help", "This help", "help", show="?"),
    key("q", "back", "Back to where you came from, or quit", "quit", show="q"),
    key("slash", "filter", "Filter messages", "filter", show="/"),
    key("ctrl+f", "find", "Find text, /regex/, hex:, body:, tree:", "find", show="^f"),
    key("n", "find_next(1)", "Next match", show="n"),
    key("N", "find_next(-1)", "Previous match", show="N"),
    key(
        "colon,ctrl+g",
        "goto",
        "Go to 12, f34 (frame), c0.c2s.5, +1.5 (s), @ or #0x1f0 (offset)",
        show=":",
    ),
    key("g", "top", "First line; after a number: go to that message", show="g"),
    key("G", "bottom", "Last line", show="G"),
    key("left_square_bracket", "diagnostic(-1)", "Previous finding", show="["),
    key("right_square_bracket", "diagnostic(1)", "Next finding", "finding", show="]"),
    key("left_curly_bracket", "keyframe(-1)", "Previous keyframe", show="{"),
    key("right_curly_bracket", "keyframe(1)", "Next keyframe", show="}"),
    key("left_parenthesis", "command(-1)", "Previous command", show="("),
    key("right_parenthesis", "command(1)", "Next command", show=")"),
    key("m", "mark", "Mark or unmark the message", show="m"),
    key("apostrophe", "next_mark", "Next marked message", show="'"),
    key("M", "only_marked", "Show only marked messages, or all again", show="M"),
    key("r", "unit", "Lines are messages, chunks or TCP segments", "rows", show="r"),
    key("c,s", "columns", "Columns: show, move, sort by", show="c"),
    key("f", "follow", "Follow the last message, or stay here", show="f"),
    key("a", "apply('')", "Filter for the selected field's value", "apply", show="a"),
    key("A", "apply('and')", "Narrow the filter by the selected field's value", show="A"),
    key("x", "apply('not')", "Exclude the selected field's value", show="x"),
    key("y", "copy", "Copy the selected value", "copy", show="y"),
    key("Y", "copy_menu", "Copy value, path, hex, JSON, filter …", show="Y"),
    key("b", "space", "Bytes of: message, stream, file", "bytes", show="b"),
    key("backslash", "zoom", "Zoom the pane", "zoom", show="\\"),
    key("vertical_line", "layout", "Next layout", show="|"),
    key("plus,equals_sign", "grow(1)", "Make the pane larger", show="+"),
    key("minus", "grow(-1)", "Make the pane smaller", show="-"),
    key("t", "theme", "Light or dark colours", show="t"),
    key("tab", "app.focus_next", "Next pane", show="Tab"),
    key("shift+tab", "app.focus_previous", "Previous pane", show="S-Tab"),
    key(
        "escape",
        "escape",
        "Back one step: prompt, zoom, search, loading, filter, marked, view",
        show="Esc",
    ),
    key("ctrl+c", "app.interrupt", "End a live capture or loading; what came stays", show="^c"),
)
PALETTE: Final = key("ctrl+p", "", "Command palette: every action by name", show="^p")
PROMPT: Final = (
    key("enter", "", "Apply, find, go there", show="Enter"),
    key("tab", "", "Complete a field or a value; again: the next one", show="Tab"),
    key("up,down", "", "What was typed before", show="↑ ↓"),
    key("escape", "", "Leave everything as it was", show="Esc"),
)
MOUSE: Final = (
    key("", "", "Go to a line, a byte, a moment; click again: as Enter does", show="click"),
    key("", "", "Scroll; the cursor stays", show="wheel"),
    key("", "", "A column's title: sort by it; again: the other way round", show="title"),
    key("", "", "A border between panes: drag it", show="border"),
)
"""Not bound: Textual, the prompt and the panes see to them; the help sheet tells them."""
COLUMNS: Final = (
    key("space", "show_or_hide", "Show or hide the column", show="Space"),
    key("greater_than_sign", "shift(1)", "Move the column to the right", show=">"),
    key("less_than_sign", "shift(-1)", "Move the column to the left", show="<"),
    key("s", "sort", "Sort the list by it", show="s"),
    key("r", "reverse", "Sort the list by it, the other way round", show="r"),
    key("d", "screen.reset", "Columns that fit, in the order of the capture", show="d"),
    key("enter", "screen.accept", "Take over", show="Enter"),
    key("escape,q,c", "screen.leave", "Leave everything as it was", show="Esc"),
)
MESSAGES: Final = key(
    "m", "messages", "The message list, at the message under the cursor", "messages", show="m"
)
LEAVE: Final = (
    key("q", "close", "Back where you came from; quit where the program began", "back", show="q"),
    key("question_mark,f1", "help", "This help", "help", show="?"),
)
VIEW: Final = (
    *LEAVE,
    MESSAGES,
    key("escape", "leave", "Back to where you came from; never out of the program", show="Esc"),
    key("ctrl+c", "app.interrupt", "End a live capture or loading; what came stays", show="^c"),
)
"""What works in every view."""


def view_keys() -> list[Binding]:
    """One binding for each view: on the main screen and from view to view."""
    return [key(item.key, f"view('{item.name}')", item.title, item.hint) for item in VIEWS]
