"""What is remembered, and what is not believed."""

import asyncio
import json
import stat
import time

import pytest

from analyzer.tui import app as app_module
from analyzer.tui import state
from analyzer.tui.app import AnalyzerApp
from analyzer.tui.state import State
from tests.analyzer.tui.fake import FakeSession
from tests.analyzer.tui.screen import press, run, settle, text

FULL = State(
    "textual-light", "rows", {"hex": 8}, {"message": ["time", "type"]}, {"filter": ["csid == 3"]}
)


def test_round_trip_for_the_owner_alone(tmp_path):
    file = tmp_path / "deep" / "tui.json"
    state.save(file, FULL)
    assert state.load(file) == FULL
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [item.name for item in file.parent.iterdir()] == ["tui.json"]


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"theme": 3, "columns": {"message": "x"}}', "[" * 100_000]
)
def test_what_cannot_be_read_is_nothing(tmp_path, content):
    file = tmp_path / "tui.json"
    assert state.load(file) == State()
    file.write_text(content)
    assert state.load(file) == State()


def test_one_wrong_member_does_not_take_the_others(tmp_path):
    file = tmp_path / "tui.json"
    file.write_text(json.dumps({"layout": "rows", "shares": {"hex": "x"}, "more": 1}))
    assert state.load(file) == State(layout="rows")


def test_nowhere_to_write_is_no_error(tmp_path):
    (tmp_path / "file").touch()
    state.save(tmp_path / "file" / "tui.json", FULL)


def test_the_place_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state.path() == tmp_path / "rtmp-analyze" / "tui.json"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state.path() == tmp_path / ".local/state/rtmp-analyze/tui.json"


def test_the_interface_takes_it_over_and_gives_it_back():
    async def use(app, pilot):
        assert app.theme == "textual-light" and app.main.panes.layout_name == "rows"
        header = next(line for line in text(app).splitlines() if "type" in line)
        assert header.split() == ["time", "type", "info"]
        await press(pilot, "slash", "up", "enter")
        assert app.main.filter_text == "csid == 3"
        assert app.remember() == FULL

    run(FakeSession(), use, remembered=FULL)


def test_absurd_state_does_no_harm():
    odd = State("no such theme", "no such layout", {"hex": 10**9, "messages": -(10**9)},
                {"message": ["nothing", "csid"]}, {"filter": ["\x1b]0;x\x07"]})  # fmt: skip

    async def use(app, pilot):
        screen = await press(pilot, "slash", "up")
        assert "\x1b" not in screen and "csid" in screen

    run(FakeSession(), use, (80, 24), remembered=odd)


def test_habits_are_kept_when_they_change_not_only_at_the_end(tmp_path, monkeypatch):
    file = tmp_path / "tui.json"
    monkeypatch.setattr(app_module, "KEPT_EVERY", 0.01)
    known = State(recent=["/captures/one.pcap"])

    async def use(app, pilot):
        await press(pilot, "slash", *"csid == 4", "enter")
        await press(pilot, "t")
        end = time.monotonic() + 5
        while (now := state.load(file)).theme != app.theme or not now.history:
            assert time.monotonic() < end
            await pilot.pause(0.01)
        assert now.history == {"filter": ["csid == 4"]} and now.recent == known.recent
        written = file.stat().st_mtime_ns
        app.keep()
        assert file.stat().st_mtime_ns == written  # nothing new

    async def body():
        app = AnalyzerApp(FakeSession(), None, known, file)
        app.keep()
        assert state.load(file).recent == known.recent
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            await use(app, pilot)

    asyncio.run(body())
