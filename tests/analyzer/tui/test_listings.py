"""Handshakes and gaps, chunk lines, segment lines: against what the session says."""

from pathlib import Path

import numpy as np
import pytest

from analyzer.tui.listings.chunks import ChunkListing
from analyzer.tui.listings.extras import Extra, Extras, Gatherer
from analyzer.tui.listings.messages import MessageListing
from analyzer.tui.listings.segments import SegmentListing
from analyzer.tui.listings.times import composition
from tests.analyzer import talk
from tests.dissectors.chunk_builder import Message

CAPTURES = Path(__file__).parents[3] / "captures"
FILES = [
    *sorted(CAPTURES.glob("real/*.pcap")),
    *(CAPTURES / f"edge/{name}.pcap" for name in ("csid", "ets3", "fmt23", "abort", "x-del513")),
    *(CAPTURES / f"lab/{name}.pcap" for name in ("nginx-lossy-sender", "nginx-capture-drops")),
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_chunk_lines_are_the_chunks_of_all_messages(path):
    session = talk.opened(path)
    order = session.order()
    listing = ChunkListing(session, order)
    found = {}
    for line in range(len(listing)):
        row = listing.row(line)
        part = int(listing.cell("part", line)[0].split("/")[0])
        found.setdefault(row, {})[part] = listing.chunk(line)
    for row in order.tolist():
        spans = [tuple(span) for span in session.chunk_spans(row)]
        assert [found[row][part] for part in sorted(found[row])][: len(spans)] == spans, row
        assert listing.row(listing.place(row)) == row
    session.close()


def test_chunk_lines_stand_in_wire_order():
    session = talk.opened(CAPTURES / "real/publish-chunk128.pcap")
    listing = ChunkListing(session, session.order())
    last = {}
    for line in range(len(listing)):
        side = listing.cell("conn", line)[0], listing.cell("dir", line)[0]
        start, length = listing.span(line)
        assert start >= last.get(side, 0)
        last[side] = start + length


def test_interleaved_chunks_are_told_apart():
    video, audio = Message(6, 9, 1, 40, b"\x27\x01\0\0\x50" + bytes(500)), b"\xaf\x01" + bytes(300)
    session = talk.session([*talk.publish(), video, Message(4, 8, 1, 41, audio)], talk.answer())
    listing = ChunkListing(session, session.order())
    csids = [listing.cell("csid", line)[0] for line in range(len(listing))]
    assert {"3", "4", "6"} <= set(csids)
    header = [listing.cell("fmt", line)[0] for line in range(len(listing))]
    assert header[0] == "0" and "3" in header


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_segment_lines_name_a_message_whose_bytes_they_carry(path):
    session = talk.opened(path)
    listing = SegmentListing(session, session.order(), None, everything=True)
    tcp = [d for c in session.connections for d in c.tcp_connection.directions]
    assert len(listing) >= sum(len(d.segments) for d in tcp)
    begun = 0
    for line in range(len(listing)):
        row, span = listing.row(line), listing.span(line)
        begun += int(listing.cell("messages", line)[0])
        if row < 0 or span is None:
            continue
        start, end = session.value(row, "stream_offset"), session.value(row, "end_offset")
        assert start < sum(span) and end > span[0]
    assert begun <= len(session.messages)
    session.close()


def test_segment_lines_of_some_messages_only():
    session = talk.opened(CAPTURES / "real/publish-play-nginx.pcap")
    video = np.flatnonzero(session.messages.column("type_id") == 9)
    listing = SegmentListing(session, video, 0, everything=False)
    assert 0 < len(listing) < len(video) * 9
    assert set(listing.rows(0, len(listing)).tolist()) <= set(video.tolist())


def test_retransmissions_stand_among_the_segments():
    session = talk.opened(CAPTURES / "lab/nginx-lossy.pcap")
    listing = SegmentListing(session, session.order(), None, everything=True)
    events = [listing.cell("event", line)[0] for line in range(len(listing))]
    assert "retransmission" in events
    times = [float(listing.cell("time", line)[0]) for line in range(len(listing))]
    assert times == sorted(times)


def test_handshakes_and_gaps_are_lines_in_order_of_time():
    session = talk.opened(CAPTURES / "lab/nginx-capture-drops.pcap")
    extras = Gatherer().gather(session)
    kinds = [item.kind for item in extras.items]
    parts = [item.part for item in extras.items if item.kind == "handshake"]
    assert parts == ["C0+C1", "C2", "S0+S1+S2"]
    gaps = [gap for c in session.connections for d in c.tcp_connection.directions for gap in d.gaps]
    assert kinds.count("gap") == len(gaps) > 0
    order = session.order()
    numbers = extras.merged(order, session.messages.column("time_ns")[order], None)
    listing = MessageListing(session, numbers, extras)
    times = listing.values("time_ns", numbers)
    assert (np.diff(times) >= 0).all() and len(numbers) == len(order) + len(extras.items)
    lines = [line for line in range(len(listing)) if listing.row(line) < 0]
    texts = [(listing.cell("type", line)[0], listing.info(line)) for line in lines]
    assert ("Gap", extras.items[-1].part) in texts
    assert any(kind == "Handshake" and "version 3" in info for kind, info in texts)


def test_a_connection_shows_its_own_extras_only():
    items = [Extra("gap", "lost", 0, 0, 10, 5, 7, 50), Extra("gap", "lost", 1, 1, 10, 5, 8, 60)]
    extras = Extras(items)
    order, times = np.array([3, 4]), np.array([40, 60])
    assert extras.merged(order, times, None).tolist() == [3, -1, -2, 4]
    assert extras.merged(order, times, 1).tolist() == [3, -2, 4]
    assert extras.merged(order, times, 2).tolist() == [3, 4]


@pytest.mark.parametrize("name", ["real/publish-play-nginx", "lab/ertmp-hevc-aac", "edge/e-hevc"])
def test_composition_times_are_those_of_the_summaries(name):
    session = talk.opened(CAPTURES / f"{name}.pcap")
    table = session.messages
    rows = np.flatnonzero(table.column("type_id") == 9)
    assert len(rows)
    found = composition(table.column("type_id")[rows], table.column("head")[rows])
    for row, shift in zip(rows.tolist(), found.tolist(), strict=True):
        summary = session.summary(row)[1]
        if summary.get("pts") is not None:
            wanted = summary["pts"] - summary["dts"]
            assert shift == wanted, row
