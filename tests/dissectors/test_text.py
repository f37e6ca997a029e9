"""Text that is safe for a terminal."""

import pytest

from dissectors.text import is_safe, quote, safe


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain", "plain"),
        ("日本語 é ☠", "日本語 é ☠"),
        ("a\x1b[0m\x7f", "a␛[0m␡"),
        ("\x9b\u202e\u200d", "\\u009b\\u202e\\u200d"),
        ("👍🏽", "👍\\U0001f3fd"),  # a skin tone: one glyph, or two, as the terminal likes
        ("☠\ufe0f", "☠\\ufe0f"),  # presentation of an emoji: one cell, or two
        ("☠\ufe0e\x07", "☠\\ufe0e␇"),
        ("葛\U000e0100", "葛\\U000e0100"),
    ],
)
def test_what_changes_the_cells_of_its_neighbours_is_escaped(text, wanted):
    assert safe(text) == wanted and safe(wanted) == wanted
    assert is_safe(wanted) and is_safe(text) == (text == wanted)


def test_quotes_are_of_text_that_is_safe():
    assert quote("☠\ufe0f") == "'☠\\ufe0f'"
    assert quote("abc", 2) == "'ab…' (3 characters)"
