"""Tree and bytes show the same field, in all three spaces."""

from analyzer.tui.byte_views import HEADER, OTHER, PAYLOAD, message_view, stream_view
from analyzer.tui.frame_views import file_view
from tests.analyzer.tui.fake import FakeSession
from tests.analyzer.tui.screen import press, run, text


def session(rows=3):
    out = FakeSession(rows)
    out.run(lambda s: True)
    return out


def test_message_view_has_header_then_body():
    view = message_view(session(), 0)
    assert [(b.length, b.address, b.title) for b in view.blocks] == [
        (12, 0, "chunk header"),
        (22, 0, "body"),
    ]
    assert view.find("body", 1, 2) == [(13, 15)]
    assert view.find("header", 0, 1) == [(0, 1)]
    assert view.field_at(12) == ("body", 0)
    assert view.read(view.blocks[1], 3, 7) == b"connect"


def test_stream_view_dims_chunk_headers_and_maps_over_them():
    view = stream_view(session(), 0)
    assert [piece.kind for piece in view.pieces] == [HEADER, PAYLOAD, HEADER, PAYLOAD]
    assert view.blocks[0].address == 3073
    assert view.find("body", 14, 4) == [(26, 28), (29, 31)]  # the fmt 3 header stands between
    assert view.field_at(28) is None
    assert view.field_at(29) == ("body", 16)
    assert view.read(view.blocks[0], 28, 1) == b"\xc3"


def test_without_its_frames_the_file_view_shows_the_message_alone():
    view = file_view(session(), 0)
    assert [(b.title, b.address, b.length) for b in view.blocks] == [
        ("frame 1: its headers cannot be found again", 3973, 20),
        ("frame 2: its headers cannot be found again", 5073, 15),
    ]
    assert view.find("body", 6, 4) == [(18, 22)]


def test_chunks_far_apart_are_two_blocks():
    fake = session()
    spans = fake.chunk_spans(0)
    fake.chunk_spans = lambda row: [spans[0], spans[1]._replace(stream_offset=9000)]
    view = stream_view(fake, 0)
    assert [b.address for b in view.blocks] == [3073, 9000]
    assert view.blocks[1].title == "5,899 bytes of other messages"


def test_other_bytes_between_near_chunks():
    fake = session()
    spans = fake.chunk_spans(0)
    near = spans[1].stream_offset + 5
    fake.chunk_spans = lambda row: [spans[0], spans[1]._replace(stream_offset=near)]
    view = stream_view(fake, 0)
    assert [p.kind for p in view.pieces] == [HEADER, PAYLOAD, OTHER, HEADER, PAYLOAD]
    assert view.field_at(view.pieces[2].at) is None


def test_tree_to_bytes_two_levels():
    async def use(app, pilot):
        hexes, tree = app.main.hexes, app.main.tree_pane
        await press(pilot, "tab", *"jjjjjj", "enter", "j", "j")
        assert tree.line.node.name == "length"
        assert hexes.field_ranges == [(13, 15)]
        assert hexes.layer_ranges == [(12, 22)]  # the string around it
        await press(pilot, "b")
        assert hexes.field_ranges == [(13, 15)] and hexes.layer_ranges == [(12, 22)]
        await press(pilot, *"jjj", "end")
        assert tree.line.node.name == "end"
        assert hexes.field_ranges == [(32, 35)]
        assert "TCP stream" in text(app)

    run(FakeSession(), use)


def test_bytes_to_tree():
    async def use(app, pilot):
        hexes, tree = app.main.hexes, app.main.tree_pane
        hexes.focus()
        await press(pilot, "home", "right")
        assert tree.line.node.name == "timestamp"
        await press(pilot, *["right"] * 12)  # into the string; its parts are closed
        assert tree.line.node.name == "name"
        await press(pilot, "enter")
        assert tree.line.node.name == "length"
        assert hexes.field_ranges == [(13, 15)]
        await press(pilot, "end")
        assert tree.line.node.name == "end"

    run(FakeSession(), use)


def test_opened_paths_stay_open_for_the_next_message():
    async def use(app, pilot):
        await press(pilot, "tab", *"jjjjjj", "enter", "j", "j")
        assert "Length: 7" in text(app)
        app.main.messages.focus()
        assert "Length: 7" in await press(pilot, "j")
        assert app.main.tree_pane.line.node.name == "length"
        app.main.tree_pane.focus()
        assert "Length: 7" not in await press(pilot, "h", "h")

    run(FakeSession(), use)


def test_a_failing_decoder_shows_raw_bytes():
    fake = FakeSession()
    fake.tree = lambda row: 1 / 0
    fake.info = lambda row: 1 / 0

    async def use(app, pilot):
        screen = await press(pilot, "j")
        assert "could not be decoded" in screen and "ZeroDivisionError" in screen
        assert "RTMP Body: 22 bytes" in screen and "63 6f 6e 6e" in screen

    run(fake, use)
