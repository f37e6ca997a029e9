"""The screens while a capture goes on: rates, findings so far, latencies, how it is ended."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from analyzer.interim import Pace
from analyzer.options import Options
from analyzer.session import Session
from analyzer.sources import Reading
from analyzer.tui import loader
from analyzer.tui.app import AnalyzerApp
from analyzer.tui.screens import computed, live
from analyzer.tui.views import START
from tests.analyzer.tui.opened import CAPTURES
from tests.analyzer.tui.screen import press, run, text, until

DENIED = (CAPTURES / "lab/nginx-publish-denied.pcap").read_bytes()


class Pipe:
    """A capture that comes in pieces."""

    def __init__(self) -> None:
        reading, self.writing = os.pipe()
        source = os.fdopen(reading, "rb", buffering=0)
        self.give(DENIED[:24])  # what kind of file it is must be known first
        self.session = Session([source], Options(reading=Reading(live=True), endless=True))

    def give(self, data: bytes) -> None:
        os.write(self.writing, data)

    def end(self) -> None:
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    monkeypatch.setattr(live, "TICK", 0.05)
    monkeypatch.setattr(Pace, "EVERY", 0.05)
    monkeypatch.setattr(Pace, "SHARE", 0)
    monkeypatch.setattr(computed, "INTERVAL", 0.05)
    made = Pipe()
    yield made
    made.end()


def on_story(pipe: Pipe, use: Callable[[AnalyzerApp, Pilot[Any]], Awaitable[None]]) -> None:
    async def body() -> None:
        app = AnalyzerApp(pipe.session)
        app.main.start = START
        async with app.run_test(size=(110, 30)) as pilot:
            await use(app, pilot)
            pipe.end()

    asyncio.run(body())


def test_everything_is_told_before_the_end(pipe: Pipe) -> None:
    async def use(app: AnalyzerApp, pilot: Pilot[Any]) -> None:
        screen = await until(pilot, "Waiting for RTMP. Seen: 0 packets")
        assert "Ctrl+C ends the capture" in screen
        pipe.give(DENIED[24:])  # all of it, but nobody knows that it is all
        screen = await until(pilot, "so far fail, server")
        assert all(words in screen for words in ("standard input", "✗1 ", "pkt/s"))
        assert "publish not answered" not in screen
        await press(pilot, "L")
        screen = await until(pilot, "connect('closed')")
        reply = next(
            line for line in screen.splitlines() if "NetConnection.Connect.Success" in line
        )
        assert "ms" in reply.split("├")[0].split()[-1] or "µs" in reply  # the answer's latency
        assert "… and goes on" not in screen  # this connection was closed
        await press(pilot, "e")
        await until(pilot, "What to try")
        await press(pilot, "m")
        screen = await until(pilot, "capturing …  ^c stops")
        assert "bit/s" in screen and "✗1" in screen and "following" in screen
        await press(pilot, "escape")  # goes back; it does not end the capture
        await until(pilot, "What to try")
        assert not app.main.done
        pipe.end()
        await press(pilot, "o")
        screen = await until(pilot, "fail, server")
        for _ in range(100):
            if app.main.done and "so far" not in text(app):
                break
            await asyncio.sleep(0.02)
        assert "so far" not in text(app) and "pkt/s" not in text(app)

    on_story(pipe, use)


def test_input_that_pauses_is_shown_up_to_the_pause(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "INTERVAL", 1.0)  # the second batch comes too soon after the first

    async def use(app: AnalyzerApp, pilot: Pilot[Any]) -> None:
        at = 24
        while app.main.snapshot is None:
            assert at < len(DENIED)
            pipe.give(DENIED[at : at + 200])
            at += 200
            await asyncio.sleep(0.05)
        shown = len(app.main.snapshot.order)
        pipe.give(DENIED[at:])  # the pipe pauses here
        await until(pilot, "closed by the server")
        await press(pilot, "m")
        total = len(app.main.session.messages)
        assert total > shown and not app.main.done
        await until(pilot, f"Messages {total}")

    on_story(pipe, use)


def test_ctrl_c_ends_the_capture_not_the_program(pipe: Pipe) -> None:
    async def use(app: AnalyzerApp, pilot: Pilot[Any]) -> None:
        pipe.give(DENIED[24 : len(DENIED) // 2])
        await until(pilot, "Waiting for the first message")
        await press(pilot, "ctrl+c")
        pipe.end()
        for _ in range(200):
            if app.main.done:
                break
            await asyncio.sleep(0.02)
        assert app.main.done and app.is_running
        assert "ending it" not in text(app) and "the capture has ended" in text(app)
        assert "capturing" not in await press(pilot, "m")
        assert "ctrl+q quits" in await press(pilot, "ctrl+c")

    on_story(pipe, use)


def test_a_file_is_not_judged_before_its_end() -> None:
    async def use(app: AnalyzerApp, pilot: Pilot[Any]) -> None:
        assert not app.main._clocks and app.main.session.interim is None

    run(Session([str(Path(CAPTURES, "edge/abort.pcap"))]), use)


def test_every_view_says_whether_it_goes_with_the_capture(pipe: Pipe) -> None:
    """Also of a pipe, of which nobody knows whether it ends."""
    pipe.session.options = replace(pipe.session.options, endless=False)

    async def use(app: AnalyzerApp, pilot: Pilot[Any]) -> None:
        def head() -> str:
            return text(app).splitlines()[0]

        pipe.give(DENIED[24:])
        await until(pilot, "so far fail, server")
        assert "updating" in head()
        await press(pilot, "m")
        await until(pilot, "following the end")
        await press(pilot, "k")
        assert "staying here, f follows" in head()
        await press(pilot, "f")
        assert "following the end" in head()
        for key in "LFI":
            await press(pilot, key, "g")
            assert "staying here, G follows" in head(), key
            await press(pilot, "G")
            assert "following the end" in head(), key
        for key in "eTS":
            await press(pilot, key)
            assert "updating" in head(), key
        pipe.end()

    on_story(pipe, use)
