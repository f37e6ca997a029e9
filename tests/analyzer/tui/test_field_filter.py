"""A selected field becomes a filter that passes the message it was taken from."""

from analyzer.tui.field_filter import combine, expression, literal
from dissectors.fields import Field


def nodes(*names_and_values, space="body"):
    out = [Field("message", "")]
    out += [Field(name, "", value, space=space) for name, value in names_and_values]
    return out


def test_literals():
    assert literal(3) == "3"
    assert literal(True) == "true"
    assert literal('a"\\\x1b') == '"a\\"\\\\\\u001b"'
    assert literal({"a": 1}) is None and literal(None) is None


def test_header_fields_have_their_own_names():
    chain = nodes(("header", None), ("csid", 3), space="header")
    assert expression(chain, lambda t: True) == "csid == 3"


def test_summary_names_win():
    chain = nodes(("video", {"frame_type": "keyframe"}), ("control", 23), ("frame_type", 1))
    assert expression(chain, lambda t: True) == 'video.frame_type == "keyframe"'


def test_the_first_name_that_passes_is_taken():
    prop = Field("property", "", "status")
    prop.add("name", "", "level", plumbing=True)
    chain = [*nodes(("command", {}), ("info_object", None)), prop]
    tried = []

    def passes(text):
        tried.append(text)
        return text.startswith("command.arguments.level")

    assert expression(chain, passes) == 'command.arguments.level == "status"'
    assert tried[0] == 'command.info_object.level == "status"'


def test_plumbing_stands_for_its_value():
    chain = nodes(("command", {}), ("name", "connect"))
    chain.append(Field("marker", "", 2, plumbing=True))
    assert expression(chain, lambda t: "connect" in t) == 'command.name == "connect"'


def test_combining():
    assert combine("", "a == 1", "and") == "a == 1"
    assert combine("b == 2", "a == 1", "") == "a == 1"
    assert combine("b == 2 or c == 3", "a == 1", "and") == "(b == 2 or c == 3) and a == 1"
    assert combine("b == 2", "a == 1", "not") == "b == 2 and !(a == 1)"
