"""Completing names and values in the filter bar."""

import pytest

from analyzer import filters
from analyzer.tui import values as values_module
from analyzer.tui.completion import Completion
from analyzer.tui.values import Values
from tests.analyzer.tui.opened import TALK, capture
from tests.analyzer.tui.screen import press, run

NAMES = {"csid": "chunk stream id", "video": "it is video", "video.codec": "its codec"}
KNOWN = {"csid": ["4", "6"], "video.codec": ['"h264"', '"hevc"'], "type": ['"AMF0 Command"']}


def completion() -> Completion:
    return Completion(lambda: NAMES, lambda name: KNOWN.get(name, []))


@pytest.mark.parametrize(
    ("typed", "steps"),
    [
        ("cs", ["csid"]),
        ("csid == ", ["csid == 4", "csid == 6", "csid == 4"]),
        ("csid==", ["csid==4"]),
        ("not csid in {4, ", ["not csid in {4, 4", "not csid in {4, 6"]),
        ("video", ["video.codec"]),
        ("video.codec == h", ['video.codec == "h264"', 'video.codec == "hevc"']),
        ('video.codec == "he', ['video.codec == "hevc"']),
        ('type == "amf0 c', ['type == "AMF0 Command"']),
        ("csid == 7", ["csid == 7"]),
        ('info contains "cs', ['info contains "cs']),
        ("csid == 4 and vid", ["csid == 4 and video", "csid == 4 and video.codec"]),
    ],
)
def test_tab_by_tab(typed, steps):
    made = completion()
    for step in steps:
        typed = made.extended(typed)
        assert typed == step


def test_what_may_follow_is_listed_and_named():
    made = completion()
    assert made.note("csid") == "csid: chunk stream id"
    assert made.note("video.codec != ") == '"h264"  "hevc"   Tab completes'
    assert made.suggestion("video.codec == h") is None  # a quotation mark would stand before it
    assert made.suggestion('video.codec == "h') == 'video.codec == "h264"'


def test_values_are_those_of_the_capture(monkeypatch):
    monkeypatch.setattr(values_module, "PATIENCE", 60)  # this is not about how fast it is
    session = capture(TALK)
    session.run()
    values = Values(session)
    assert set(values.of("direction")) == {'"c2s"', '"s2c"'}
    assert values.of("connection") == ["c0", "c1"]
    assert values.of("video.codec") == ['"h264"'] and values.of("complete") == ["true", "false"]
    assert '"onStatus"' in values.of("command.name")
    assert set(values.of("diagnostic.severity")) == {"error", "warning", "note"}
    assert values.of("time") == [] and values.of("nothing") == []
    for name in ("csid", "command.name", "type", "stream.name", "connection.role"):
        for text in values.of(name):
            assert len(filters.compile(f"{name} == {text}").rows(session, session.order())), text


def test_in_the_prompt():
    async def use(app, pilot):
        screen = await press(pilot, "slash", *"video.frame_type == ")
        assert '"inter_frame"' in screen and '"keyframe"' in screen
        await press(pilot, *"key", "tab", "enter")
        assert app.main.filter_text == 'video.frame_type == "keyframe"'

    run(capture(TALK), use, (80, 24))


def test_a_whole_summary_cannot_be_compared():
    async def use(app, pilot):
        screen = await press(pilot, "slash", *'video == "keyframe"', "enter")
        assert app.main.prompt.is_open and app.main.prompt.has_class("-invalid")
        assert "compare one of its fields: video.codec" in screen

    run(capture(TALK), use)
