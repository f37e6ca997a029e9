"""What bars, help and the story say: nothing is cut that counts, every key is told truly."""

from rich.cells import cell_len

from analyzer.tui.cells import middle_out
from analyzer.tui.views import VIEWS, Focus
from analyzer.tui.widgets.messages import HARDLY
from tests.analyzer import talk
from tests.analyzer.tui.fake import FakeSession
from tests.analyzer.tui.opened import capture
from tests.analyzer.tui.screen import lines, press, run, settle

LONG = "a-capture-with-a-name-that-somebody-thought-of-for-long"


def test_a_narrow_header_says_the_same_in_fewer_cells():
    async def use(app, pilot):
        for width, wanted in ((120, "30 messages"), (60, "30 msg"), (38, "30 msg")):
            await pilot.resize_terminal(width, 20)
            await settle(pilot)
            header = lines(app)[0].rstrip()
            assert header.endswith(wanted) and header.startswith(" a-"), header
            assert ("▲ 1 warning" if width == 120 else "▲1") in header

    run(FakeSession(text=LONG), use)


def test_the_middle_of_a_name_is_left_out_by_cells():
    for name in (LONG, "日本語の長い名前のファイル.pcap", "x"):
        for width in range(5, 60):
            short = middle_out(name, width)
            assert cell_len(short) <= max(width, cell_len(name) if short == name else 0)
            assert short[0] == name[0] and short[-1] == name[-1]


def test_the_finding_about_the_message_under_the_cursor_is_told():
    async def use(app, pilot):
        assert "▲ fake_rule: odd live" in await press(pilot, "9", "g")
        assert "fake_rule" not in await press(pilot, "j")

    run(FakeSession(), use)


def test_the_story_says_what_to_try_and_enter_leads_to_the_evidence():
    async def use(app, pilot):
        screen = await press(pilot, "o")
        assert "try         Somebody publishes under this name" in screen
        screen = await press(pilot, "enter")
        assert "✗ CMD-04: onStatus says NetStream.Publish.BadName" in screen
        assert app.main.messages.row is not None

    run(capture("lab/nginx-publish-duplicate.pcap"), use)


def test_info_is_seen_in_the_narrowest_list():
    async def use(app, pilot):
        for width in (44, 52, 58, 80):
            await pilot.resize_terminal(width, 24)
            await settle(pilot)
            header = next(line for line in lines(app) if line.lstrip().startswith("time"))
            assert width - header.index("info") >= HARDLY - 3, header

    run(FakeSession(), use)


def test_help_tells_what_escape_does_on_each_screen():
    async def use(app, pilot):
        for item in VIEWS:
            await press(pilot, item.key)
            await press(pilot, "question_mark")
            told = [
                b for _, bindings in app.screen._sections for b in bindings if b.key == "escape"
            ]
            assert len(told) == 1, item.name
            assert ("Stop loading" in told[0].description) == (item.name == "story")
            await press(pilot, "escape", "m")
        await press(pilot, "question_mark")
        sections = dict(app.screen._sections)
        assert {"Typing a filter, a search, a place", "Mouse"} <= {*sections}

    run(talk.session(), use)


def test_a_view_can_be_told_something_before_it_is_made_and_after_it_is_gone():
    async def use(app, pilot):
        for item in VIEWS[2:]:
            screen = item.open(app.main.session, Focus())
            screen.say("")
            screen.head(("anything", ""))
        app.main.action_view("statistics")
        await settle(pilot)
        shown = app.screen
        await press(pilot, "q")
        await shown.remove()
        shown.say("")
        assert app.is_running

    run(talk.session(), use)
