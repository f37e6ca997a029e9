"""Where the main screen goes when a view closes."""

import pytest

from analyzer.tui.views import START, VIEWS, Jump, view
from tests.analyzer.tui.fake import FakeSession
from tests.analyzer.tui.screen import run, settle, text


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
