"""The story: what happened, at a glance, when the program opens."""

import asyncio
import io
import re
import threading
from types import SimpleNamespace

import pytest

from analyzer.model import Diagnostic, Verdict
from analyzer.session import Session
from analyzer.tui.data.story import IN_FULL, outline, story
from tests.analyzer import talk, wire
from tests.analyzer.rules import builder
from tests.analyzer.rules.builder import C, S, Talk
from tests.analyzer.tui.opened import CAPTURES, TALK, capture, view
from tests.analyzer.tui.screen import lines, press, run, settle, text
from tests.faults.replay import analysed


def told(name):
    session = capture(name)
    session.run()
    return {(line.connection, line.label): line.text for line in reversed(story(session))}


def test_a_publisher_and_a_player():
    found = told(TALK)
    title = found[0, "✓"]
    for piece in ("c0", "PUBLISH", "live/livestream", "4.20 s", "closed by the client"):
        assert piece in title
    assert "PLAY" in found[1, "✓"]
    assert found[0, "peers"].startswith("127.0.0.1:38060 → 127.0.0.1:1935, handshake digest")
    assert "FMLE/3.0" in found[0, "client"]
    assert "connect answered after 44.0 ms" in found[0, "start"]
    video, audio = found[0, "→ video"], found[0, "→ audio"]
    assert video.startswith("H.264 High 4:4:4 Predictive L1.2 320x180, 25 fps, ")
    assert "keyframe every 1 s" in video and "102 frames" in video
    assert audio.startswith("AAC LC 44100 Hz mono, 33 kbit/s")
    assert (1, "← video") in found and (1, "→ video") not in found


def test_what_went_wrong_is_told_with_the_way_it_ended():
    found = told("lab/nginx-publish-denied.pcap")
    assert "publish not answered" in found[0, "start"]
    assert found[0, "verdict"].startswith("fail, server: ")
    assert "closed by the server" in found[0, "✗"]


def test_many_tracks_and_enhanced_codecs():
    found = told("lab/ertmp-multitrack-mixed.pcap")
    assert found[0, "→ video"].startswith("H.264 Constrained Baseline L1.1 160x120, 15 fps")
    assert found[0, "→ video/1"].startswith("HEVC Main L1.0 80x60")
    assert found[0, "→ audio/1"].startswith("Opus 48000 Hz mono")


def test_lost_bytes_and_repeats_are_told():
    assert "1,200 bytes missing" in told("edge/x-del513.pcap")[0, "carried"]
    assert "sent again" in told("lab/nginx-lossy.pcap")[0, "carried"]


def test_connections_are_named_before_anything_is_measured(monkeypatch):
    session = capture(TALK)
    session.run()
    titles = [line.text for line in story(session) if line.title]
    session.forget()
    monkeypatch.setattr("analyzer.metrics.Metrics", None)
    assert [line.text for line in outline(session)] == titles


def test_many_connections_have_a_title_each():
    session = talk.session()
    session.connections = session.connections * (IN_FULL + 1)
    found = story(session)
    assert sum(line.title for line in found) == IN_FULL + 1
    assert not any(line.label == "peers" for line in found)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_it_is_what_the_program_opens_with(size):
    async def use(app, pilot):
        app.main.action_view("story")
        await settle(pilot)
        screen = text(app)
        for piece in ("PUBLISH", "live/livestream", "H.264 High 4:4:4", "AAC LC 44100 Hz mono",
                      "Enter open", "m messages"):  # fmt: skip
            assert piece in screen, piece
        assert {len(line) for line in lines(app)} == {size[0]}

    run(capture(TALK), use, size)


def test_start_is_the_story_unless_a_filter_is_given():
    async def opened(app, pilot):
        assert app.screen.NAME == "story"
        await press(pilot, "q")
        assert app.screen is app.main

    async def filtered(app, pilot):
        assert app.screen is app.main

    from analyzer.tui import views
    from tests.analyzer.tui.screen import AnalyzerApp

    def start(use, filter_text):
        import asyncio

        async def body():
            app = AnalyzerApp(talk.session(), filter_text)
            app.main.start = views.START
            async with app.run_test(size=(80, 24)) as pilot:
                await settle(pilot)
                await use(app, pilot)

        asyncio.run(body())

    start(opened, None)
    start(filtered, "type_id == 20")


def test_enter_leads_to_messages_tracks_and_evidence():
    async def use(app, pilot):
        await press(pilot, "enter")  # on the title
        assert app.screen is app.main and app.main.connections.connection == 0
        await press(pilot, "escape", "o", "c")
        assert app.screen.lines.line.connection == 1
        await press(pilot, "C")
        while app.screen.lines.line.label != "→ audio":
            await press(pilot, "j")
        await press(pilot, "enter")
        assert "AAC sequence header" in app.main.session.info(app.main.messages.row)
        await press(pilot, "o", "c", "L")
        assert app.screen.NAME == "ladder" and app.screen.connection == 1

    view(capture(TALK), "story", use)


def test_enter_on_a_finding_goes_to_its_frame():
    async def use(app, pilot):
        await press(pilot, "j", "enter")  # the verdict rests on the finding
        assert app.screen is app.main
        assert "publish('cam')" in app.main.session.info(app.main.messages.row)

    view(capture("lab/nginx-publish-denied.pcap"), "story", use)


def test_a_capture_without_rtmp_explains_itself():
    async def use(app, pilot):
        screen = text(app)
        assert "What to try" in screen and "-d tcp.port==PORT,rtmp" in screen

    data = wire.pcap([(0, wire.ethernet(wire.ip4(wire.udp(b"x", 53), 17)))])
    view(Session([io.BytesIO(data)]), "story", use, (80, 24))


def test_encrypted_captures_are_named():
    async def use(app, pilot):
        assert "1 TLS connection to port" in text(app)
        assert "may be RTMPS, which is not decoded" in text(app)

    view(capture("edge/rtmps.pcap"), "story", use, (120, 30))


def test_a_handshake_that_was_never_answered_is_told():
    async def use(app, pilot):
        screen = text(app)
        assert "1 error" in screen and "fail, server: " in screen and "HS-03" in screen
        assert "No RTMP message" not in screen
        assert "C0 C1" in await press(pilot, "L")
        screen = await press(pilot, "m")
        assert "Connections" in screen and "C0: version 3" in screen

    unanswered = Talk().syn().raw(C, b"\x03" + bytes(1536)).fin(S)
    view(Session([io.BytesIO(builder.capture(unanswered))]), "story", use)


@pytest.mark.parametrize(
    ("fault", "track", "why"),
    [
        ("times-freeze", "→ video", "timestamps stand still or go back"),
        ("times-go-back", "→ video", "timestamps stand still or go back"),
        ("audio-clock-fast", "→ audio", "its clock runs 1.39 times as fast"),
    ],
)
def test_a_wrong_clock_leaves_the_rates_as_they_were(fault, track, why):
    """They are taken by arrival then, and the line says so."""
    path = CAPTURES / "real/publish-chunk60000.pcap"
    lines = {
        name: {line.label: line.text for line in story(analysed(path, name)[0])}
        for name in ("nothing", fault)
    }
    usual, found = (re.findall(r"([\d.]+) kbit/s|in ([\d.]+) s", lines[n][track]) for n in lines)
    assert float(found[0][0]) == pytest.approx(float(usual[0][0]), rel=0.1)
    assert float(found[-1][1]) == pytest.approx(float(usual[-1][1]), rel=0.1)
    assert lines[fault][track].endswith(f"all by arrival: {why}")
    assert "by arrival" not in lines["nothing"][track]


def test_what_follows_from_a_finding_says_so():
    path = CAPTURES / "real/publish-chunk60000.pcap"
    labels = [line.label for line in story(analysed(path, "audio-clock-fast")[0])]
    assert labels.index("verdict") < labels.index("▲ ↳ MUX-01")


@pytest.mark.parametrize("waited", [4000, 7000])
def test_an_answer_that_came_late_stands_out_without_colour(waited):
    talk = Talk().connected().chunk_size(C, 4096)
    talk.send(C, builder.command("createStream", 2, builder.NULL)).wait(waited)
    session = builder.session(talk.send(S, builder.result(2)))
    start = next(line for line in story(session) if line.label.endswith("start"))
    late = waited > 5000
    assert (start.label, start.style) == (("▲ start", "warning") if late else ("start", ""))
    assert (f"createStream answered late, after {waited / 1000:.2f} s" in start.text) == late
    assert "connect answered after" in start.text


class Halting(Session):
    """Stops after the first batch until it may go on."""

    def __init__(self, paths):
        super().__init__(paths)
        self.may_go_on = threading.Event()

    def run(self, progress=None):
        def slowly(session):
            wanted = progress(session)
            if not session.done:
                self.may_go_on.wait(10)
            return wanted

        super().run(slowly)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("stops", [False, True])
def test_the_header_tells_how_far_loading_is_and_escape_ends_it(width, stops, tmp_path):
    first, second = tmp_path / "first.pcap", tmp_path / "second.pcap"
    good = builder.good()
    first.write_bytes(builder.capture(good))
    second.write_bytes(wire.pcap([(900_000_000_000, wire.ethernet(wire.ip4(wire.tcp(b""))))]))
    session = Halting([str(first), str(second)])

    async def use(app, pilot):
        app.main.action_view("story")
        await wait_for(pilot, lambda: app.screen.counts is not None)
        header = lines(app)[0]
        assert re.match(r" story  first.pcap, .*second.pcap  .*\d%.*Esc stops  ", header), header
        told = re.search(r"Esc stops  (\d+\.\d+) ?s  1 conn(ection)?  (\d+) m", header)
        whole = session.connections[0].end_ns / 1e9
        assert told and float(told[1]) == pytest.approx(whole, abs=0.1 if width < 100 else 0.001)
        if stops:
            await pilot.press("escape")
            await wait_for(pilot, lambda: session.cancelled)
        session.may_go_on.set()
        await settle(pilot)
        header = lines(app)[0]
        assert app.screen.NAME == "story" and "Esc stops" not in header
        assert bool(re.search(r"loading stopped|  stopped ", header)) == stops
        assert bool(re.search(rf"  {told[1]} ?s  ", header)) == stops
        assert re.search(rf" {told[3]} (messages|msg) *$", header)  # the count is not cut off

    run(session, use, (width, 24), wait=False)


async def wait_for(pilot, passes):
    for _ in range(500):
        await pilot.pause()
        if passes():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came")


def test_what_to_try_is_about_the_gravest_warning(monkeypatch):
    session = capture(TALK)
    session.run()

    def warning(number, **more):
        return Diagnostic(f"R-{number}", "warning", "odd", connection="c0", id=f"d{number}",
                          help=f"help {number}", **more)  # fmt: skip

    def tries(*found):
        verdict = Verdict("c0", "pass", None, "no errors, first: odd", "d1")
        told = SimpleNamespace(verdicts=[verdict], diagnostics=list(found))
        monkeypatch.setattr(Session, "judgement", told)
        return [line.text for line in story(session) if line.label == "try"]

    assert tries(warning(1)) == ["help 1"]
    assert tries(warning(1), warning(2)) == ["help 1"]
    assert tries(warning(1), warning(2, count=9)) == ["R-2: help 2"]
    follows = Diagnostic("R-4", "note", "so", connection="c0", id="d4", cause="d3")
    assert tries(warning(1), warning(2, count=9), warning(3), follows) == ["R-3: help 3"]
