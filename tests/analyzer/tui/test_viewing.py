"""Where the main screen goes when a view closes."""

import asyncio

import pytest

from analyzer.tui.app import AnalyzerApp
from analyzer.tui.views import START, VIEWS, Jump, view
from tests.analyzer import talk
from tests.analyzer.tui.fake import FakeSession
from tests.analyzer.tui.opened import TALK, capture
from tests.analyzer.tui.screen import press, run, settle, text


async def jump(app, pilot, **target):
    app.main.jump(Jump(**target))
    await settle(pilot)


def test_to_a_message_that_a_filter_hides():
    async def use(app, pilot):
        app.main.set_filter("csid == 6")
        await settle(pilot)
        await jump(app, pilot, row=2)
        assert app.main.messages.row == 2 and app.main.filter_text == "csid == 6"
        await jump(app, pilot, row=9)  # csid 3
        assert app.main.messages.row == 9 and app.main.filter_text == ""

    run(FakeSession(), use)


def test_to_a_message_of_a_connection_that_is_not_listed():
    async def use(app, pilot):
        await jump(app, pilot, connection=1)
        assert app.main.connections.connection == 1 and "15 of 30" in text(app)
        await jump(app, pilot, row=4)
        assert app.main.messages.row == 4 and app.main.connections.connection is None

    run(FakeSession(), use)


def test_to_a_finding_and_to_a_filter():
    async def use(app, pilot):
        await jump(app, pilot, diagnostic=app.main.session.diagnostics[0])
        assert app.main.messages.row == 8
        await jump(app, pilot, filter="csid == 4")
        assert app.main.filter_text == "csid == 4" and "10 of 30" in text(app)
        await jump(app, pilot)
        assert app.main.filter_text == "csid == 4"

    run(FakeSession(), use)


@pytest.mark.parametrize("item", VIEWS, ids=lambda item: item.name)
def test_the_table_names_classes_that_exist(item):
    module, name = item.screen.split(":")
    screen = getattr(__import__(module, fromlist=[name]), name)
    assert item.name == screen.NAME and view(item.name) is item
    assert view(START) in VIEWS


def place(app) -> str:
    return "messages" if app.screen is app.main else app.screen.NAME


WAYS = {
    "a jump from a view and back": (None, "L G enter q q", "ladder messages ladder messages"),
    "from view to view": (None, "L e T q q q", "ladder findings timeline findings ladder messages"),
    "a view that was left is the same view": (None, "L e L q q", "ladder findings ladder findings "
                                              "messages"),
    "the program began with the story": ("story", "enter q m q L enter q q", "messages story "
                                         "messages story ladder messages ladder story"),
    "its key leads back to the beginning": ("story", "L o q", "ladder story END"),
    "escape goes the same way, not out": ("story", "L G enter escape escape escape",
                                          "ladder messages ladder story story"),
    "q ends it where it began": ("story", "q", "END"),
    "and on the messages": (None, "q", "END"),
}  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
def test_the_way_back(name):
    start, keys, places = WAYS[name]
    moving = [key for key in keys.split() if key != "G"]

    async def body():
        app = AnalyzerApp(talk.session())
        app.main.start = start
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            seen = []
            for key in keys.split():
                await press(pilot, key)
                if app.return_code is not None:
                    seen.append("END")
                    break
                if key in moving:
                    seen.append(place(app))
            assert seen == places.split()

    asyncio.run(body())


def test_a_view_is_found_as_it_was_left():
    async def use(app, pilot):
        await press(pilot, "L", "j", "j", "j", "j", "j", "j")
        ladder, line = app.screen, app.screen.lines.cursor
        await press(pilot, "enter")
        assert place(app) == "messages" and "q back" in text(app)
        await press(pilot, "j", "q")
        assert app.screen is ladder and ladder.lines.cursor == line

    run(talk.session(), use)


def test_views_that_are_left_for_good_are_let_go():
    async def use(app, pilot):
        for _ in range(3):
            await press(pilot, "L", "e", "S", "q", "q", "q")
        await settle(pilot)
        assert place(app) == "messages" and not app._installed_screens and not app.main.trail

    run(talk.session(), use)


def test_what_was_said_goes_with_its_line():
    async def use(app, pilot):
        assert "odd live" in (await press(pilot, "right_square_bracket")).splitlines()[-2]
        assert "odd live" not in (await press(pilot, "j")).splitlines()[-2]

    run(FakeSession(), use)


@pytest.mark.parametrize("key", ["T", "I"])
def test_a_closed_view_of_many_messages_is_computed_again(monkeypatch, key):
    monkeypatch.setattr("analyzer.tui.screens.computed.LARGE", 1)

    async def use(app, pilot):
        before = await press(pilot, key, "j", "j")
        view = app.screen
        await press(pilot, "m")
        assert not (view.plots.series if key == "T" else view.lines.chunks)
        await press(pilot, "q")
        await settle(pilot)
        assert app.screen is view and text(app).splitlines()[1:-1] == before.splitlines()[1:-1]

    run(capture(TALK), use)
