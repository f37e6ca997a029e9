"""Searching only what can hold the needle finds what searching everything finds."""

import numpy as np
import pytest

from analyzer.tui import hunting, search
from analyzer.tui.hunting import Hunt
from analyzer.tui.listings.chunks import ChunkListing
from analyzer.tui.listings.extras import Gatherer
from analyzer.tui.listings.messages import MessageListing
from tests.analyzer.tui.opened import CAPTURES, capture

LAB = sorted(CAPTURES.glob("lab/*.pcap*"))[:12]
NAMES = ["real/publish-play-nginx.pcap", *(str(path.relative_to(CAPTURES)) for path in LAB)]
TYPED = ["a", "AAC raw", "cts=40", "/inter|sequence/", "H.264", "nowhere", "handshake",
         "hex:00", "hex:0000", "hex:af01", "hex:6f6e4d65", "body:LIVE", "body:e"]  # fmt: skip


def always(share):
    return 0 <= share <= 1


@pytest.fixture(scope="module", params=NAMES)
def session(request):
    found = capture(request.param)
    found.run()
    return found


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(hunting, "BLOCK", 100)
    monkeypatch.setattr(hunting, "REGION", 3000)


def listings(session):
    extras = Gatherer().gather(session)
    order = session.order()
    times = session.messages.column("time_ns")[order]
    yield MessageListing(session, extras.merged(order, times, None), extras)
    yield MessageListing(session, order[np.argsort(-order % 7, kind="stable")], extras)
    yield ChunkListing(session, order)


@pytest.mark.parametrize("typed", TYPED)
def test_nothing_is_missed(session, typed):
    needle = search.parse(typed)
    for listing in listings(session):
        hunt = Hunt(session, listing, needle)
        wanted = [line for line in range(len(listing)) if hunt.fits(line)]
        found = [line for low in range(0, len(listing), 100)
                 for line in needle.narrow(hunt, low, min(low + 100, len(listing))).tolist()
                 if hunt.fits(line)]  # fmt: skip
        assert found == wanted


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("start", [0, 5, 99, 100, 101, 250, 299])
def test_every_line_is_visited_once_the_nearest_first(start, step):
    lines = [line for low, high in hunting._blocks(300, start, step)
             for line in range(low, high)[::step]]  # fmt: skip
    assert lines == [(start + step * (n + 1)) % 300 for n in range(300)]


def test_the_next_one_is_found_and_the_search_can_be_stopped(session):
    listing = next(listings(session))
    hunt = Hunt(session, listing, search.parse("connect("))
    first = hunt.run(0, 1, always)
    assert first is not None and "connect(" in listing.info(first)
    assert hunt.run(len(listing) - 1, 1, always) == first  # round the end
    assert hunt.run(0, 1, lambda share: False) is None
