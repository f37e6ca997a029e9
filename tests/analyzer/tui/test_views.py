"""All views: pictures in three sizes, hostile captures, a view that fails, indexing under way."""

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from analyzer.model import Diagnostic, Verdict
from analyzer.rules import Judgement
from analyzer.session import Session
from analyzer.tui.screens.computed import ComputedView
from analyzer.tui.views import VIEWS
from tests.analyzer import talk
from tests.analyzer.tui.fake import HOSTILE
from tests.analyzer.tui.opened import TALK, capture, view
from tests.analyzer.tui.screen import lines, press, text
from tests.dissectors.bodies import NULL, num, obj
from tests.dissectors.chunk_builder import Message

NAMES = [item.name for item in VIEWS]
SIZES = [(80, 24), (120, 40), (200, 60)]
PICTURES = Path(__file__).parents[2] / "screenshots"
"""Text pictures; `python tests/tui_screenshot.py` draws them again."""
BAD = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def judged() -> Session:
    """A session whose findings are fixed, so that its pictures do not change with the rules."""
    session = capture(TALK)
    session.run()
    found = Diagnostic("CMD-01", "error", "the server refused publish", connection="c0",
                       message="c0.s2c.5", frame=37, time_ns=175_384_000, title="Refused",
                       expected="NetStream.Publish.Start", help="Try another stream name.",
                       blame="server", section="RTMP 1.0 §7.2.2.6", id="d0")  # fmt: skip
    effect = Diagnostic("END-03", "warning", "closed without unpublish", connection="c0",
                        time_ns=4 * 10**9, title="Odd end", cause="d0", id="d1")  # fmt: skip
    verdicts = [Verdict("c0", "fail", "server", "the server refused publish", "d0"),
                Verdict("c1", "pass", None, "no errors")]  # fmt: skip
    session._judgement = Judgement([found, effect], [], verdicts)
    return session


def picture(name: str) -> str:
    """Return a view in all sizes."""
    shown: list[str] = []

    async def use(app, pilot):
        shown.append("\n".join(line.rstrip() for line in lines(app)))

    for size in SIZES:
        shown.append(f"{name} {size[0]}×{size[1]}")
        view(judged(), name, use, size, row=0, connection=0)
    return "\n".join(shown) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_pictures(name):
    assert picture(name) == (PICTURES / f"{name}.txt").read_text(encoding="utf-8")


def raw(data: bytes) -> bytes:
    """An AMF0 string of any bytes."""
    return b"\x02" + len(data).to_bytes(2, "big") + data


def hostile(data: bytes) -> Session:
    """A conversation in which every string is `data`."""
    word = raw(data)
    connect = obj(*((name, word) for name in ("app", "tcUrl", "flashVer", "pageUrl")))
    client = [
        talk.command("connect", 1, connect),
        talk.command("createStream", 2, NULL),
        Message(3, 20, 1, 0, raw(b"publish") + num(3) + NULL + word + word),
        Message(4, 18, 1, 0, word + word + obj(("width", word))),
        Message(3, 20, 0, 0, word + num(9) + word),
        *talk.publish()[5:],
    ]
    status = obj(*((name, word) for name in ("level", "code", "description")))
    server = [*talk.answer()[:3], talk.command("onStatus", 0, NULL, status, msid=1)]
    return talk.session(client, server)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "data",
    [
        "".join(HOSTILE).encode(),
        b"[/b]\xff\xfe\xc3(\xed\xa0\x80[red]",
        ("\x1b]0;x\x07\u202e" + "日本x" * 1000).encode(),
    ],
    ids=["markup and escapes", "broken UTF-8", "10 kB"],
)
def test_hostile_text_in_every_view(name, data):
    keys = [*"jjcsnfdplh", "plus", "minus", "0", "tab", "j", "G", *"jkgC", "question_mark",
            "escape", "pagedown", "end", "home"]  # fmt: skip

    async def use(app, pilot):
        def check():
            for line in lines(app):
                assert not BAD.search(line)
                assert cell_len(line) == 100

        check()
        assert "This view failed" not in text(app)
        for key in keys:
            await press(pilot, key)
            check()
        assert name == app.screen.NAME
        await press(pilot, "enter")
        check()

    view(hostile(data), name, use, (100, 30), row=0, connection=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_view_that_fails_says_so(name, monkeypatch):
    async def use(app, pilot):
        monkeypatch.setattr(type(app.screen), "compute", lambda self, connection: 1 / 0)
        app.screen.recompute()
        assert "This view failed: ZeroDivisionError" in await press(pilot, "j", "enter", "c")

    view(talk.session(), name, use, (80, 24))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_captured(name):
    async def use(app, pilot):
        assert "No RTMP message" in text(app) or "not" in text(app)
        await press(pilot, *"jjcsnfdplh", "plus", "minus", "0", "enter")

    from tests.analyzer.tui.fake import FakeSession

    view(FakeSession(rows=0), name, use, (80, 24))


@pytest.mark.parametrize("name", ["mid100-pub-small-21935", "snap200", "bad-deep", "abort"])
def test_every_view_of_damaged_captures(name):
    async def use(app, pilot):
        for item in VIEWS:
            await press(pilot, item.key)
            assert item.name == app.screen.NAME
            assert "This view failed" not in text(app)
            await press(pilot, "G", "j", "l", "p")
        for _ in range(len(VIEWS) + 1):
            await press(pilot, "q")
            if app.screen is app.main:
                break
        assert app.screen is app.main

    view(capture(f"edge/{name}.pcap"), "story", use)


@pytest.mark.parametrize("name", NAMES)
def test_the_terminal_is_resized(name):
    async def use(app, pilot):
        await press(pilot, "j", "G")
        for width, height in ((60, 12), (200, 60), (30, 8), (100, 30)):
            await pilot.resize_terminal(width, height)
            await press(pilot, "j")
            assert [cell_len(line) for line in lines(app)] == [width] * height
        assert "This view failed" not in text(app)

    view(capture(TALK), name, use, row=0, connection=0)


def test_views_follow_a_capture_that_is_still_indexed(monkeypatch):
    from analyzer.tui.screens import computed

    monkeypatch.setattr(computed, "INTERVAL", 0.0)
    monkeypatch.setattr(computed, "SHARE", 0)
    seen: list[int] = []

    async def use(app, pilot):
        screen = app.screen
        assert isinstance(screen, ComputedView)
        before = screen._next
        monkeypatch.setattr(screen, "recompute", lambda: seen.append(1))
        screen._next = 0.0
        for _ in range(3):  # what the loader tells; a computation under way is waited for
            screen.update(app.main.snapshot.__class__(**{
                name: getattr(app.main.snapshot, name) for name in app.main.snapshot.__slots__
                if name != "done"
            }))  # fmt: skip
        assert seen == [1] and before >= 0

    view(talk.session(), "ladder", use)


def test_a_huge_command_is_not_decoded_for_a_line():
    long = talk.command("big", 9, NULL, *[num(1)] * 2000)  # 18 kB
    session = talk.session([*talk.publish(), long])
    row = next(r for r in range(len(session.messages)) if session.value(r, "length") > 18_000)
    asked = []
    session.dissect = lambda row: asked.append(row) or Session.dissect(session, row)

    async def use(app, pilot):
        asked.clear()
        assert "AMF0 Command of 18,0" in await press(pilot, "j", "k")
        assert row not in asked

    view(session, "ladder", use, row=row, connection=0)
    view(session, "follow", use, row=row, connection=0)
