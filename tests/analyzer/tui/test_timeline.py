"""Timelines: series against the columns they come from, curves against their dots."""

import numpy as np
import pytest

from analyzer.tui.data.series import Series
from analyzer.tui.data.timeline import series
from analyzer.tui.screens import computed
from analyzer.tui.widgets.braille import columns, draw
from analyzer.tui.widgets.plot import AXIS, value
from tests.analyzer import talk
from tests.analyzer.tui.opened import TALK, capture, view
from tests.analyzer.tui.screen import lines, press, text
from tests.dissectors.chunk_builder import Message


def plotted(name, connection=0):
    session = capture(name)
    session.run()
    return session, {item.name: item for item in series(session, connection)}


@pytest.mark.parametrize("name", [TALK, "lab/nginx-lossy.pcap", "edge/x-del513.pcap",
                                  "lab/ertmp-multitrack-mixed.pcap"])  # fmt: skip
def test_series_ascend_and_lead_back_to_messages(name):
    session, found = plotted(name)
    assert found
    for item in found.values():
        assert len(item.times) == len(item.values) and len(item.rows) in (0, len(item.times))
        assert (np.diff(item.times) >= 0).all()
        assert np.isfinite(item.values.astype(float)).all()
        for row in item.rows[:5].tolist():
            assert session.value(row, "connection") == 0


def test_the_values_are_those_of_the_messages():
    session, found = plotted(TALK)
    sizes = found["→ video frame size"]
    assert sizes.values.tolist() == [session.value(r, "length") for r in sizes.rows.tolist()]
    assert set(found["→ video DTS step"].values.tolist()) == {40}
    assert found["→ video keyframe distance"].values.tolist() == [1.0] * 4
    bits = found["→ audio bitrate"]
    width = int(bits.times[1] - bits.times[0])
    sizes = found["→ audio frame size"]
    inside = sizes.times < bits.times[-1] + width // 2
    assert round(bits.values.sum() * width / 1e9) == sizes.values[inside].sum() * 8
    answers = found["answers to commands"]
    assert answers.values[0] == session.exchange(0).latency_ns / 1e6


def test_rates_end_with_the_last_whole_window():
    """What came of a window that the recording cuts is no rate: every curve would fall."""
    session, found = plotted(TALK)
    end = session.connections[0].end_ns
    for name in ("→ video bitrate", "→ audio bitrate", "→ TCP throughput"):
        times = found[name].times
        assert times[-1] + (times[1] - times[0]) // 2 <= end
    assert found["→ audio bitrate"].values[-1] > 20_000


def test_retransmissions_are_counted():
    session, found = plotted("lab/nginx-lossy.pcap")
    assert (
        found["→ segments sent again"].values.sum() == session.connections[0].tcp[0].retransmitted
    )


def test_round_trips_and_windows_over_time():
    session, found = plotted("lab/nginx-lossy.pcap")
    tcp = session.connections[0].tcp_connection
    for arrow, peer, direction in zip("→←", ("client", "server"), tcp.directions, strict=True):
        trips = found[f"{arrow} round trip, data to its ACK"]
        assert len(trips.values) == direction.round_trips.samples
        assert trips.values.min() == direction.round_trips.lowest_ns / 1e6
        assert trips.values.max() == direction.round_trips.highest_ns / 1e6
        windows = found[f"receive window of the {peer}"].values
        scale = tcp.handshake.scale(tcp.directions.index(direction))
        assert windows.min() == direction.window.lowest << scale
        assert windows.max() <= direction.window.highest << scale


def test_pings_give_round_trips():
    ping, pong = b"\0\x06\0\0\0\x64", b"\0\x07\0\0\0\x64"
    client = [*talk.publish(), Message(2, 4, 0, 0, pong)]
    session = talk.session(client, [*talk.answer(), Message(2, 4, 0, 0, ping)])
    times = session.messages.column("time_ns")
    asked, answered = (
        times[
            (session.messages.column("type_id") == 4) & (session.messages.column("direction") == d)
        ]
        for d in (1, 0)
    )
    found = {item.name: item for item in series(session, 0)}["RTMP pings answered after"]
    assert found.values.tolist() == [(answered[0] - asked[0]) / 1e6]


def test_decimation_keeps_every_extreme():
    rng = np.random.default_rng(1)
    times = np.sort(rng.integers(0, 10**9, 20_000))
    values = rng.normal(size=20_000)
    values[777] = 99
    found = columns(times, values, 0, 10**9, 140)
    assert np.nanmax(found.high) == 99 and np.nanmin(found.low) == values.min()
    for column in (0, 70, 139):
        edge = np.linspace(0, 10**9, 141)[column : column + 2]
        inside = values[(times >= edge[0]) & (times < edge[1])]
        assert (found.low[column], found.high[column]) == (inside.min(), inside.max())


def test_dots_stand_where_the_values_are():
    times, values = np.arange(8), np.array([0, 1, 2, 3, 4, 5, 6, 7])
    found = columns(times, values, 0, 7, 8)
    points = draw(found, 0, 7, 2, "points")
    assert points == ["  ⡠⠊", "⡠⠊  "]
    assert draw(found, 0, 7, 2, "bars") == ["  ⣠⣾", "⣠⣾⣿⣿"]
    line = draw(columns(times[[0, 7]], values[[0, 7]], 0, 7, 8), 0, 7, 2, "line")
    assert all(char != " " for char in (line[1][0], line[0][3]))
    assert "".join(line).count(" ") <= 4  # joined in between


def of(values):
    return Series("x", "ms", np.arange(len(values)), values, np.arange(len(values)))


def test_outliers_are_bursts_far_from_the_usual():
    values = np.full(100, 40)
    values[50:53] = 900
    assert of(values).outliers.tolist() == [50]
    values = values.copy()
    values[10] = -5000
    assert of(values).outliers.tolist() == [10]  # 900 is small beside it
    assert not len(of(np.full(100, 7)).outliers)
    assert of(values).extent == (-5000, 40, 900)


def test_values_are_short():
    assert value(66_443, "bit/s") == "66 kbit/s" and value(-1_500, "B") == "-1.5 kB"
    assert value(2.5, "ms") == "2.50 ms" and value(40, "ms") == "40 ms"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_the_screen(size):
    async def use(app, pilot):
        screen = text(app)
        assert "→ video bitrate" in screen and "▼" in screen
        assert any("\u2800" < char <= "\u28ff" for char in screen)
        assert {len(line) for line in lines(app)} == {size[0]}

    view(capture(TALK), "timeline", use, size)


def test_keys():
    async def use(app, pilot):
        plots = app.screen.plots
        start = plots.at
        await press(pilot, "l")
        assert plots.at > start
        await press(pilot, "shift+right")
        at = plots.at
        await press(pilot, "h")
        assert start < plots.at < at
        await press(pilot, "shift+left")
        assert plots.at < at - (at - start) // 2
        await press(pilot, "j", "j")
        assert plots.panel == 2 and plots.chosen.name == "→ video arrival less DTS"
        whole = plots._range
        await press(pilot, "plus", "plus")
        low, high = plots._range
        assert low <= plots.at <= high and high - low < (whole[1] - whole[0]) / 3
        await press(pilot, "minus", "minus", "minus")
        assert plots._range == whole
        # The range follows the cursor, up to the end.
        await press(pilot, "plus", *["greater_than_sign"] * 30)
        assert plots.at == whole[1] and plots._range[1] == whole[1]
        await press(pilot, "0", "g")
        assert plots._range == whole and plots.panel == 0
        await press(pilot, "G")
        assert plots.chosen.name == "answers to commands"
        await press(pilot, "g", *["less_than_sign"] * 30)
        row = plots.row
        await press(pilot, "enter")
        assert app.screen is app.main and app.main.messages.row == row
        await press(pilot, "T", "L")  # every view's key means the same in all of them
        assert app.screen.NAME == "ladder"

    view(capture(TALK), "timeline", use, connection=0)


def test_mouse_puts_the_cursor():
    async def use(app, pilot):
        plots = app.screen.plots
        await pilot.click("#plots", offset=(60, 12))
        await press(pilot)
        assert plots._cell_of(plots.at) == 60 - AXIS and plots.panel == 1

    view(capture(TALK), "timeline", use)


def test_without_media_the_tcp_is_plotted():
    async def use(app, pilot):
        assert "TCP throughput" in text(app)

    view(capture("lab/nginx-publish-denied.pcap"), "timeline", use)


def test_what_was_drawn_of_a_large_capture_is_given_back_on_leaving(monkeypatch):
    monkeypatch.setattr(computed, "LARGE", 1)
    given = []
    monkeypatch.setattr(computed.memory, "give_back", lambda: given.append(True))

    async def use(app, pilot):
        plots = app.screen.plots
        assert plots.series
        given.clear()
        await press(pilot, "q")
        assert not plots.series and given

    view(capture(TALK), "timeline", use)
