"""Keys typed in one burst: faster than the screens they lead through are made."""

import asyncio

import pytest
from textual import events

from analyzer.tui.app import AnalyzerApp
from analyzer.tui.typeahead import MOST_PASTED, EscapeParser
from analyzer.tui.views import START, VIEWS
from tests.analyzer import talk
from tests.analyzer.tui.opened import TALK, capture
from tests.analyzer.tui.screen import press, run, settle, text

SIZE = (80, 16)
"""Small: keys are what is tried here, and painting costs most of the time."""
KEYS = "".join(view.key for view in VIEWS)
BURSTS = ["meLTS", "mjjjjeLTSIFomjjj", f"m{KEYS}", f"{KEYS[::-1]}m", f"{KEYS}jjkgGcCsdnf+-"]
BURSTS += [f"m{view.key}jjGgcCsdf?qmm" for view in VIEWS]


def typed(data):
    """What the terminal sends, as events."""
    return [*EscapeParser().feed(data)]


async def burst(app, pilot, keys):
    for event in typed(keys):
        app.post_message(event)
    await settle(pilot)
    await asyncio.sleep(0.02)
    await settle(pilot)


def test_bursts_over_the_views_do_no_harm():
    async def use(app, pilot):
        for keys in BURSTS:
            await burst(app, pilot, keys)
            await press(pilot, "escape", "m")
            assert app.is_running and text(app).strip(), keys

    run(talk.session(), use, SIZE)


def test_a_key_waits_for_the_view_it_is_meant_for():
    async def use(app, pilot):
        await burst(app, pilot, "Ld")
        assert app.screen.NAME == "ladder"
        await press(pilot, "m")
        await burst(app, pilot, "ST")
        assert app.screen.NAME == "timeline"

    run(capture(TALK), use, SIZE)


WANTED = {
    "m:f23\r": "2 of 485",
    "m:12\rjjk": "13 of 485",
    "m12gjj": "14 of 485",
    "mL\x1b:30\r": "30 of 485",
    "m:30\x1b:40\rj": "41 of 485",
    "m:\x1b[200~40\x1b[201~\rj": "41 of 485",
    "m/csid == 3\rG": "13 of 13",
    "m/csid == 3\r\x1bG": "485 of 485",
    "m/csid == 3\rGr": "lines are Chunks",
    "m?q:30\rj": "31 of 485",
    "mcq:30\rj": "31 of 485",
    "m\x06createStream\rjj": "11 of 485",
}
"""What stands on the screen after a burst, begun at the first line of the whole list."""


def test_every_key_of_a_burst_acts_where_the_one_before_it_led():
    async def use(app, pilot):
        main = app.main
        for keys, wanted in WANTED.items():
            await burst(app, pilot, keys)
            assert wanted in text(app), keys
            main.prompt.close()
            main.set_unit("message")
            main.set_filter("")
            main.set_focus(main.messages)
            await press(pilot, "g")
            assert main.messages.cursor == 0 and len(main.messages.listing) > 485

    run(capture(TALK), use, SIZE)


def test_a_field_of_the_message_just_reached_is_filtered_for():
    async def use(app, pilot):
        await burst(app, pilot, "m:11\r\tjjja")
        assert app.main.filter_text == "csid == 8"

    run(capture(TALK), use, SIZE)


@pytest.mark.parametrize(("keys", "name"), [("mL", "ladder"), ("mqLS", "statistics")])
def test_keys_wait_for_the_panes_that_are_made_after_the_first_rows(keys, name):
    async def body():
        app = AnalyzerApp(capture(TALK))
        app.main.start = START
        async with app.run_test() as pilot:
            await burst(app, pilot, keys)
            assert app.main.furnished and name == app.screen.NAME

    asyncio.run(body())


def test_quick_keys_on_a_view_wait_for_its_lines():
    async def use(app, pilot):
        await burst(app, pilot, "mLjjj")
        assert app.screen.focused.cursor == 3

    run(capture(TALK), use, SIZE)


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        ("\x1bj", ["escape", "j"]),
        ("\x1b:f1\r", ["escape", "colon", "f", "1", "enter"]),
        ("\x1b1g", ["escape", "1", "g"]),
        ("\x1b\x1bm", ["escape", "escape", "m"]),
        ("\x1b[B\x1bOP", ["down", "f1"]),
        ("\x1b\x1b[Bx", ["escape", "down", "x"]),
        ("\x1b\x7f", ["ctrl+w"]),
    ],
)
def test_escape_is_a_key_of_its_own_in_a_burst(data, keys):
    assert [event.key for event in typed(data)] == keys


def test_escape_and_the_next_key_may_come_in_two_reads():
    parser = EscapeParser()
    events_ = [*parser.feed("\x1b"), *parser.feed("j"), *parser.feed("\x1b"), *parser.feed("[B")]
    assert [event.key for event in events_] == ["escape", "j", "down"]


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        ("\x1b[", ["escape", "left_square_bracket"]),
        ("\x1b[j", ["escape", "left_square_bracket", "j"]),
        ("\x1bO", ["escape", "O"]),
        ("\x1b", ["escape"]),
    ],
)
def test_escape_is_not_lost_before_a_key_that_begins_a_sequence(data, keys, monkeypatch):
    parser = EscapeParser()
    assert not [*parser.feed(data)]  # an arrow key may still follow
    monkeypatch.setattr("textual._parser.get_time", lambda: float("inf"))
    assert [event.key for event in parser.tick()] == keys
    assert [event.key for event in parser.feed("k")] == ["k"]


def test_what_is_pasted_stays_one_event():
    (event,) = typed("\x1b[200~type_id == 8\x1b[201~x")[:1]
    assert isinstance(event, events.Paste) and event.text == "type_id == 8"


HOSTILE_PASTE = "\x1b[200~" + "hello /q\x1b[31m world\r" * 20 + "\x1b[201~"


@pytest.mark.parametrize("step", [1, 3, 7, 50, 1000])
def test_nothing_pasted_is_a_key_however_it_is_read(step):
    data = f"a{HOSTILE_PASTE}b"
    parser = EscapeParser()
    found = [e for at in range(0, len(data), step) for e in parser.feed(data[at : at + step])]
    first, pasted, last = found
    assert (first.key, last.key) == ("a", "b")
    assert pasted.text == "hello /q[31m world\r" * 20


def test_a_paste_without_an_end_is_bounded():
    parser = EscapeParser()
    assert not [*parser.feed("\x1b[200~")]
    for _ in range(40):
        assert not [*parser.feed("x\x1bq\x1b" * 1024)]
    (pasted,) = parser.feed("\x1b[201~")
    assert 0 < len(pasted.text) <= MOST_PASTED and "\x1b" not in pasted.text


def test_the_filter_takes_the_first_line_of_a_paste():
    async def use(app, pilot):
        await burst(app, pilot, HOSTILE_PASTE)  # on the list it is for nobody
        await burst(app, pilot, f"m/{HOSTILE_PASTE}")
        assert app.is_running and app.main.prompt.line.value == "hello /q[31m world"

    run(capture(TALK), use, SIZE)
