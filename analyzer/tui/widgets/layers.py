"""A component's style as a layer over a line's own."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget


def layer(widget: Widget, name: str) -> Style:
    """Return the style of component `name` without the background that it inherits.

    Colours that contrast with the background ("auto") are known only with it: light themes.
    """
    style = widget.get_component_rich_style(name, partial=True)
    if widget.get_component_styles(name).auto_color:
        style += Style(color=widget.get_component_rich_style(name).color)
    return style
