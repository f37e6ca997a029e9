"""Lines that are TCP segments or chunks: their own frame, their own bytes, their own facts."""

import io
import struct

import pytest

from analyzer.session import Session
from analyzer.tui.byte_views import SPACES
from analyzer.tui.hiding import Hidden
from analyzer.tui.listings.segments import SegmentListing
from analyzer.tui.segment_views import SegmentDetails
from tests.analyzer import talk, wire
from tests.analyzer.tui.opened import CAPTURES, capture
from tests.analyzer.tui.screen import press, run, text
from tests.dissectors.chunk_builder import Message

LOSSY = "lab/nginx-lossy.pcap"
HEADERS = 14 + 20 + 32
"""Ethernet, IPv4, TCP with timestamps, in that capture."""


def listed(session: Session) -> SegmentListing:
    return SegmentListing(session, session.order(), None, everything=True)


def whole(view) -> bytes:
    return b"".join(view.read(block, 0, block.length) for block in view.blocks)


def frame_bytes(name: str) -> list[bytes]:
    """All frames of a capture, by their number less one."""
    return [record[16:] for record in wire.records((CAPTURES / name).read_bytes())[1]]


@pytest.mark.parametrize("name", [LOSSY, "real/publish-play-nginx.pcap"])
def test_every_line_has_its_own_frame(name):
    session = talk.opened(CAPTURES / name)
    listing, frames = listed(session), frame_bytes(name)
    for line in range(len(listing)):
        frame = int(listing.cell("frame", line)[0])
        shown = SegmentDetails(session, listing.segment(line))
        view = shown.view("file")
        assert view.blocks[0].title.startswith(f"frame {frame}, ")
        assert whole(view) == frames[frame - 1]
        own = b"".join(whole(view)[p.at : p.at + p.length] for p in view.pieces)
        assert len(own) == int(listing.cell("length", line)[0])
        assert own == b"".join(
            session.stream(shown.segment.connection, shown.segment.direction, o.offset, o.length)
            for o in shown.own
        )
        seq = struct.unpack_from(">I", frames[frame - 1], 14 + 20 + 4)[0]
        assert shown.tree().find("tcp").find("seq").value == seq


def test_a_handshake_segment_and_a_retransmission():
    async def use(app, pilot):
        details, hexes = app.main.details, app.main.hexes
        await press(pilot, "m", "r", "r")
        await press(pilot, "1", "G")
        assert details.title == "TCP segment in frame 4"
        assert "1448 bytes of the handshake" in text(app)
        assert hexes.layer_ranges == [(0, 1448)]
        await press(pilot, *"141", "G")
        screen = await press(pilot, "b")
        assert "TCP segment in frame 273" in screen and "Event: retransmission" in screen
        assert "── frame 273, +2.163013 s, 1,514 bytes" in screen
        assert hexes.layer_ranges == [(HEADERS, 1514)]
        await press(pilot, "b")
        assert "c0.c2s.115: body" in text(app)

    run(capture(LOSSY), use, (150, 50))


def test_the_right_frame_for_a_late_segment_of_a_message():
    async def use(app, pilot):
        hexes = app.main.hexes
        await press(pilot, "m", "r", "r", "b")
        for line, frame, length in (("143", 277, 30), ("135", 262, 1448)):
            await press(pilot, *line, "G")
            assert len(hexes.view.blocks) == 1
            assert hexes.view.blocks[0].title.startswith(f"frame {frame}, ")
            assert hexes.layer_ranges == [(HEADERS, HEADERS + length)]
            top = hexes.scroll_offset.y
            assert top <= hexes.cursor < top + hexes.page

    run(capture(LOSSY), use)


def test_all_messages_of_a_segment_have_their_trees_and_bytes():
    async def use(app, pilot):
        details, hexes, tree = app.main.details, app.main.hexes, app.main.tree_pane
        await press(pilot, "m", "r", "r", *"14", "G", "b")
        assert [f"c0.c2s.{n}" for n in (1, 2, 3, 4)] == [
            node.value for node in tree.roots[0].children if node.name == "carries"
        ]
        assert len(tree.roots) == 5
        session, view = app.main.session, hexes.view
        third = tree.roots[3]
        row = next(r for r in range(9) if session.message_id(r) == "c0.c2s.3")
        names = [
            place
            for leaf in third.leaves()
            for place in view.find(leaf.space, leaf.start, leaf.length)
        ]
        data = whole(view)
        assert b"FCPublish" in b"".join(data[low:high] for low, high in names)
        tree.focus()
        tree.move_to(next(n for n, line in enumerate(tree.lines) if line.node is third))
        await press(pilot)
        assert details.row == row
        at = view.find("body:2", 0, 1)[0][0]
        hexes.focus()
        hexes._byte_to(at)
        await press(pilot)
        assert tree.ancestors_and_field()[0] is third

    run(capture(LOSSY), use, (150, 50))


def test_find_looks_in_the_event_column():
    async def use(app, pilot):
        await press(pilot, "m", "r", "r", "g")
        await press(pilot, "ctrl+f", *"retransmission", "enter")
        messages = app.main.messages
        assert messages.listing.cell("event", messages.cursor)[0] == "retransmission"
        assert "nowhere" not in text(app)

    run(capture(LOSSY), use)


def test_no_line_of_any_capture_fails():
    for path in sorted(CAPTURES.glob("lab/*.pcap*"))[:12]:
        session = talk.opened(path)
        listing = listed(session)
        for line in range(0, len(listing), max(len(listing) // 60, 1)):
            shown = SegmentDetails(session, listing.segment(line))
            assert shown.tree().children
            for space in SPACES:
                view = shown.view(space)
                assert len(whole(view)) == view.size
        session.close()


def test_with_redact_no_segment_shows_a_secret():
    session = Hidden(Session([io.BytesIO(talk.pcap(talk.publish(), talk.answer()))]))
    session.run()
    listing = listed(session)
    seen = b""
    for line in range(len(listing)):
        shown = SegmentDetails(session, listing.segment(line))
        for space in SPACES:
            seen += whole(shown.view(space))
    assert b"s3cr3t" not in seen
    assert b"connect" in seen


def test_a_chunk_is_marked_in_all_spaces():
    body = b"\x27\x01\0\0\x50" + bytes(range(200)) * 2
    session = talk.session([*talk.publish(), Message(6, 9, 1, 900, body)], talk.answer())

    async def use(app, pilot):
        hexes, listing = app.main.hexes, app.main.messages.listing
        await press(pilot, "m", "r")
        listing = app.main.messages.listing
        line = next(n for n in range(len(listing)) if listing.cell("part", n)[0] == "3/4")
        app.main.messages.goto(line)
        await press(pilot)
        header, payload = listing.chunk(line)[1:]
        for space, own in (
            ("stream", header + payload),
            ("file", header + payload),
            ("message", payload),
        ):
            assert app.main.details.space == space
            data = whole(hexes.view)
            marked = b"".join(data[low:high] for low, high in hexes.layer_ranges)
            assert marked[own - payload :] == body[256:384], space
            high = hexes.layer_ranges[0][1]
            assert hexes.field_ranges == [(high - payload, high)]
            assert hexes.at == hexes.layer_ranges[0][0]
            top = hexes.scroll_offset.y
            assert top <= hexes.cursor < top + hexes.page
            await press(pilot, "b")

    run(session, use)


def test_frames_outside_of_the_stream_and_frames_that_are_gone():
    session = talk.opened(CAPTURES / LOSSY)
    frame = frame_bytes(LOSSY)[272]
    again = listed(session).segment(140)
    assert (again.frame, again.file_offset, again.event) == (273, None, "retransmission")

    silent = SegmentDetails(session, again._replace(length=0, offset=None, event="zero window"))
    assert whole(silent.view("file")) == frame and not silent.own
    assert not silent.tree().find("carries")

    late = SegmentDetails(session, again._replace(offset=None, event="after close"))
    for space in ("message", "stream"):
        assert whole(late.view(space)) == frame[HEADERS:]
        assert late.view(space).blocks[0].title == "not in the stream"
    assert whole(late.view("file")) == frame
    assert late.tree().find("carries").label == "Carries: nothing of the stream"

    gone = SegmentDetails(session, again._replace(near=()))
    assert gone.view("file").blocks[0].title == "frame 273: cannot be found again"
    assert [session.message_id(row) for row in gone.rows] == [
        f"c0.c2s.{n}" for n in (115, 116, 117)
    ]


@pytest.mark.parametrize(
    "parts", [(slice(0, 100), slice(100, None)), (slice(0, None, 2), slice(1, None, 2))]
)
def test_retransmissions_are_found_in_several_files(tmp_path, parts):
    head, records = wire.records((CAPTURES / LOSSY).read_bytes())
    paths = [tmp_path / f"{number}.pcap" for number in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        path.write_bytes(head + b"".join(records[part]))
    session = Session([str(path) for path in paths])
    session.run()
    listing, frames = listed(session), frame_bytes(LOSSY)
    added_nothing = [
        item for item in map(listing.segment, range(len(listing))) if item.file_offset is None
    ]
    assert len(added_nothing) >= 2
    for item in added_nothing:
        view = SegmentDetails(session, item).view("file")
        assert view.blocks[0].title.startswith(f"frame {item.frame}, ")
        assert whole(view) == frames[item.frame - 1]
    session.close()
