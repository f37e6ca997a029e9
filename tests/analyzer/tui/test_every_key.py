"""Every key of every screen and pane reaches its action, and leaves a program that goes on."""

import asyncio

import pytest
from textual.binding import Binding
from textual.screen import ModalScreen

from analyzer.tui import keys
from analyzer.tui.app import AnalyzerApp
from analyzer.tui.views import VIEWS
from tests.analyzer import talk
from tests.analyzer.tui.screen import lines, run, settle

PLACES = {
    "messages": (),
    "tree": ("tab",),
    "bytes": ("tab", "tab"),
    "connections": ("shift+tab",),
    "columns": ("c",),
    "copy": ("Y",),
    "help": ("question_mark",),
    **{item.name: (item.key,) for item in VIEWS},
    "detail": ("e", "tab"),
}
"""Where keys are pressed, and the keys that lead there from the message list."""

SIZE = (64, 16)
"""Small: keys are what is tried here, and painting costs most of the time."""
PANES = ("tree", "bytes", "connections", "detail")


async def home(app, pilot, place):
    """Go to a place, from the message list as it is at first."""
    while len(app.screen_stack) > 1:
        app.pop_screen()
        await pilot.pause()
    main = app.main
    main.trail.clear()
    main.prompt.close()
    main.number, main.only_marked = "", False
    if main.panes.zoomed:
        main.panes.zoom(None)
    if main.filter_text:
        main.set_filter("")
    main.connections.choose(None)
    main.set_focus(main.messages)
    await settle(pilot)
    main.messages.goto(5)
    await pilot.press(*PLACES[place])
    await settle(pilot)


def where(app):
    """What a key may have changed, so that the next one is pressed elsewhere."""
    main = app.main
    return app.screen, app.focused, main.filter_text, main.panes.zoomed, main.number, main.unit


def bound(app, *nodes):
    """Return what the keys do here: those of the focused pane go before those of the screen."""
    found = {}
    for node in nodes or (app.screen, app.focused):
        for of_class in reversed(type(node).__mro__):
            for item in of_class.__dict__.get("BINDINGS", ()):
                if isinstance(item, Binding) and of_class.__module__.startswith("analyzer."):
                    found.update(dict.fromkeys(item.key.split(","), item.action))
    return found


@pytest.mark.parametrize("place", PLACES)
def test_every_key_reaches_its_action(place, monkeypatch):
    ran, tried, going_home = [], set(), True
    plain = AnalyzerApp.run_action
    if place in [item.name for item in VIEWS[1:]]:  # bursts lead from each of them to all others
        tried.update(item.action for item in keys.view_keys())

    async def spied(self, action, default_namespace=None, namespaces=None):
        done = action in tried and not going_home
        done = done or await plain(self, action, default_namespace, namespaces)
        ran.append(str(action).removeprefix("app."))
        return done

    async def use(app, pilot):
        nonlocal going_home
        monkeypatch.setattr(AnalyzerApp, "run_action", spied)
        monkeypatch.setattr(app, "exit", lambda *_: None)
        await home(app, pilot, place)
        here = where(app)
        other_pane = place in PANES  # the screen's keys are the same in all of them
        expected = bound(app, app.focused) if other_pane else bound(app)
        assert {"j", "down", "enter", "pagedown"} <= {*expected}
        for key, action in expected.items():
            if where(app) != here:
                going_home = True
                await home(app, pilot, place)
                here = where(app)
            going_home = False
            ran.clear()
            await pilot.press(key)
            for _ in range(200):  # a key waits for what the one before it does
                if ran:
                    break
                await asyncio.sleep(0.005)
            await pilot.pause()
            assert action.removeprefix("app.") in ran, key
            assert app.is_running
            tried.add(action)  # its other keys must reach it, too
        assert any(line.strip() for line in lines(app))
        monkeypatch.undo()

    run(talk.session(), use, SIZE)


def test_nothing_is_bound_where_nobody_presses_it():
    """And the help sheet of a screen tells all keys that work there."""
    pressed = set()

    async def use(app, pilot):
        for place in PLACES:
            await home(app, pilot, place)
            here = bound(app)
            pressed.update(here.items())
            if not isinstance(app.screen, ModalScreen):
                await pilot.press("question_mark")
                await settle(pilot)
                told = {item.action for _, items in app.screen._sections for item in items}
                assert {*here.values()} <= told, place

    run(talk.session(), use, SIZE)
    tables = (keys.MOVE, keys.TREE, keys.HEX, keys.MAIN, keys.COLUMNS, keys.VIEW, keys.view_keys())
    known = {
        (one, item.action) for table in tables for item in table for one in item.key.split(",")
    }
    assert known <= pressed
