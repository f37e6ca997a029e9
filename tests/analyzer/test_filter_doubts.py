"""Filters that are right and can pass nothing."""

import pytest

from analyzer import filters
from analyzer.filters.doubts import compared, doubt

NEVER = [
    ('type == "foo"', '"foo"', "no message type is called 'foo'"),
    ('csid == 3 and type == "video data"', '"video data"', "did you mean 'Video Data'?"),
    ('not video.frame_type == "keyfrane"', '"keyfrane"', "did you mean 'keyframe'?"),
    ("direction in {c2s up}", "up", "there is c2s, s2c"),
    ('diagnostic.rule == "CMD-4"', '"CMD-4"', "did you mean 'CMD-0"),
    ("csid == 1", "1", "no csid but 2 to 65599 is possible"),  # RTMP 1.0 §5.3.1.1
    ("fmt in {0 4}", "4", "no fmt but 0 to 3"),
    ("type_id == 256", "256", "no type_id but 0 to 255"),
    ("length == 0x1000000", "0x1000000", "no length but 0 to 16777215"),
]
SOMETIMES = [
    'type == "Video Data"',
    "type == 9",
    'type == "Unknown (0x4d)"',
    'type contains "foo"',
    'video.frame_type == "Inter frame"',
    "direction == S2C",
    "csid == 65599",
    "fmt > 7",
    "msid in {0..99999999999}",
    'command.name == "foo"',
    "user_control.event",
]


@pytest.mark.parametrize(("text", "wrong", "message"), NEVER)
def test_a_value_its_field_never_has_is_doubted_at_its_place(text, wrong, message):
    filters.compile(text)  # it is right all the same
    found = doubt(text)
    assert found is not None and message in found.message
    assert text[found.position : found.position + found.length] == wrong


@pytest.mark.parametrize("text", SOMETIMES)
def test_what_may_be_there_is_not_doubted(text):
    filters.compile(text)
    assert doubt(text) is None


def test_fields_that_are_compared_are_named_once():
    text = 'csid == 3 and (type == "x" or csid == 4) and not user_control.event'
    assert compared(text) == ["csid", "type"]
