"""The chunk interleave strip against the chunks of every message."""

import numpy as np
import pytest

from analyzer.tui.data.interleave import interleave
from tests.analyzer.tui.opened import TALK, capture, view
from tests.analyzer.tui.screen import lines, press, text


@pytest.mark.parametrize("name", [TALK, "real/publish-chunk128.pcap", "edge/chunkchange.pcap",
                                  "edge/abort.pcap", "lab/ertmp-multitrack.pcap"])  # fmt: skip
def test_every_chunk_once_in_stream_order(name):
    session = capture(name)
    session.run()
    for connection in range(len(session.connections)):
        for direction in (0, 1):
            found = interleave(session, connection, direction)
            mine = [found.chunk(n) for n in range(len(found))]
            table = session.messages
            rows = np.flatnonzero(
                (table.column("connection") == connection)
                & (table.column("direction") == direction)
            )
            wanted = sorted(
                (span.stream_offset + span.header_length, span.payload_length, int(row))
                for row in rows
                for span in session.chunk_spans(int(row))
            )
            assert [(c.offset, c.length, c.row) for c in mine] == wanted
            assert [found.chunk(found.of_row(int(row))).row for row in rows] == rows.tolist()
            for low, high in ((0, len(mine)), (1, 4), (len(mine) // 2, len(mine))):
                if low < high <= len(mine):
                    shares = found.shares(low, high)
                    assert sum(shares.values()) == sum(c.length for c in mine[low:high])


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_the_screen(size):
    async def use(app, pilot):
        screen = text(app)
        assert "client → server: 288 chunks" in screen and "5 chunk streams" in screen
        first = next(line for line in lines(app) if "connect('live')" in line)
        assert "0██" in first
        assert "goes on (c0.c2s.0)" in screen
        assert {len(line) for line in lines(app)} == {size[0]}

    view(capture(TALK), "interleave", use, size, row=0, connection=0)


def test_keys():
    async def use(app, pilot):
        screen = await press(pilot, "minus", "minus")
        assert "4 chunks a line" in screen and "csid 3" in screen
        for _ in range(20):
            screen = await press(pilot, "minus")
        assert "256 chunks a line" in screen  # as many as there are, in two lines
        for _ in range(20):
            screen = await press(pilot, "plus")
        assert "0██" in screen
        assert "server → client" in await press(pilot, "d")
        assert "client → server" in await press(pilot, "d")
        assert "server → client" in await press(pilot, "c")  # the player hears more
        await press(pilot, "C", "j", "j", "enter")
        assert app.screen is app.main
        assert "Set Chunk Size" in app.main.session.info(app.main.messages.row)

    view(capture(TALK), "interleave", use, row=0, connection=0)
