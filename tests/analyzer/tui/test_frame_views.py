"""The capture file's byte space: whole frames, whatever carries them."""

import gzip
import io
import struct
import zipfile

import pytest

from analyzer.options import Options
from analyzer.session import Session
from analyzer.sources import Reading
from analyzer.tui.byte_views import HEADER, LINK, NETWORK, OTHER, PAYLOAD, TRANSPORT
from analyzer.tui.frame_views import FrameView, file_view
from analyzer.tui.hiding import Hidden
from tests.analyzer import talk, wire
from tests.analyzer.tui.screen import press, run, text
from tests.dissectors.chunk_builder import Message

BIG = 300_000
FRAME_HEADERS = 14 + 20 + 20


def frames(client=None, server=None, segment=500) -> list[wire.Frame]:
    """The frames of a conversation, each with its time."""
    data = talk.pcap(client or talk.publish(), server or talk.answer(), segment)
    found = []
    for record in wire.records(data)[1]:
        seconds, micro = struct.unpack_from("<II", record)
        found.append((seconds * 10**9 + micro * 1000, record[16:]))
    return found


def inside(change) -> list[wire.Frame]:
    """The same frames, each made of the plain one's bytes."""
    return [(time, change(data)) for time, data in frames()]


def vlan(data: bytes) -> bytes:
    return wire.ethernet(b"\0\x05" + data[12:], 0x8100)


def vxlan(data: bytes) -> bytes:
    return wire.ethernet(wire.ip4(wire.udp(b"\x08" + bytes(7) + data, 4789), 17))


def fragmented() -> list[wire.Frame]:
    """Every IP packet in two, the first part last."""
    out = []
    for number, (time, data) in enumerate(frames()):
        source, target = (".".join(map(str, data[at : at + 4])) for at in (26, 30))
        ends = {"source": source, "target": target, "ident": number}
        body = data[34:]
        half = len(body) // 16 * 8
        parts = [wire.ip4(body[half:], fragment=half // 8, **ends)]
        parts.append(wire.ip4(body[:half], fragment=0x2000, **ends))
        out += [(time + n, wire.ethernet(part)) for n, part in enumerate(parts)]
    return out


def opened(data: bytes, options: Options | None = None) -> Session:
    session = Session([io.BytesIO(data)], options)
    session.run()
    return session


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.pcap", data)
    return out.getvalue()


def whole(view: FrameView) -> bytes:
    return b"".join(view.read(block, 0, block.length) for block in view.blocks)


def check(session: Session, captured: list[wire.Frame]) -> None:
    """Every block is a whole frame, and every byte of a message stands in its frames."""
    bodies = {data for _, data in captured}
    assert len(session.messages) > 10
    for row in range(len(session.messages)):
        view = file_view(session, row)
        data = whole(view)
        for block in view.blocks:
            assert data[block.at : block.at + block.length] in bodies
            assert session.captures.pread(block.address, block.length) in bodies
        plain = {"body": session.body(row).data, "header": session.header_bytes(row)}
        for leaf in session.tree(row).leaves():
            places = view.find(leaf.space, leaf.start, leaf.length)
            found = b"".join(data[low:high] for low, high in places)
            assert found == plain[leaf.space][leaf.start : leaf.end]


def kinds(view: FrameView, low: int, high: int) -> list[int]:
    """The kind of each byte, as the pane works it out."""
    out = [OTHER] * (high - low)
    for piece in view.pieces_in(low, high):
        for at in range(max(piece.at, low), min(piece.at + piece.length, high)):
            out[at - low] = piece.kind
    return out


@pytest.mark.parametrize(
    ("captured", "pack"),
    [
        (frames(), wire.pcap),
        (frames(), lambda each: wire.pcap(each, nanoseconds=True, order=">")),
        (frames(), wire.pcapng),
        (frames(), lambda each: gzip.compress(wire.pcap(each))),
        (inside(vlan), wire.pcap),
        (inside(vxlan), wire.pcapng),
        (inside(lambda data: data + bytes(4)), wire.pcap),
        ([(time, data[14:]) for time, data in frames()], lambda each: wire.pcap(each, 101)),
        (fragmented(), wire.pcap),
    ],
    ids=["pcap", "big endian", "pcapng", "gzip", "vlan", "vxlan", "padded", "raw", "fragments"],
)
def test_blocks_are_whole_frames(captured, pack):
    check(opened(pack(captured)), captured)


def test_zip_and_pipe(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(wire.pcap(frames())))
    session = Session([str(path)])
    session.run()
    check(session, frames())
    session.close()
    check(opened(wire.pcap(frames()), Options(reading=Reading(live=True))), frames())


def test_layers_are_told_apart_and_title_names_the_frame():
    session = opened(wire.pcap(frames()))
    view = file_view(session, 0)
    first = view.blocks[0]
    number = session.value(0, "first_frame")
    data = frames()[number - 1][1]
    seconds = (frames()[number - 1][0] - 10**9) / 1e9
    assert first.title == f"frame {number}, {seconds:+.6f} s, {len(data):,} bytes"
    found = kinds(view, 0, first.length)
    assert found[:14] == [LINK] * 14
    assert found[14:34] == [NETWORK] * 20
    assert found[34:FRAME_HEADERS] == [TRANSPORT] * 20
    assert set(found[FRAME_HEADERS:]) <= {OTHER, HEADER, PAYLOAD}
    assert view.describe(0) == f"frame {number}: Ethernet header, byte 1 of 14"
    assert view.describe(35) == f"frame {number}: TCP header, byte 2 of 20"
    assert view.field_at(35) is None


def test_bytes_of_others_in_the_frame_are_named():
    session = opened(wire.pcap(frames()))
    view = file_view(session, 1)
    start = view.find("header", 0, 1)[0][0]
    assert "TCP payload outside of this message: c0.c2s.0 AMF0 Command" in view.describe(start - 1)
    first = file_view(session, 0)
    assert first.describe(FRAME_HEADERS).endswith("outside of this message: the handshake")


def test_a_cut_frame_says_how_much_of_it_was_captured():
    captured = [(time, data + bytes(40)) for time, data in frames()]
    session = opened(wire.pcap(captured, wirelen=9000))
    title = file_view(session, 0).blocks[0].title
    assert "of 9,000 bytes captured" in title


def test_fragments_name_the_frame_that_completed_them():
    session = opened(wire.pcap(fragmented()))
    parts = {0: set(), 1: set()}
    for row in range(len(session.messages)):
        for block in file_view(session, row).blocks:
            number = int(block.title.split(",")[0].removeprefix("frame "))
            parts[number % 2].add(block.title.endswith(f"fragment completed in frame {number + 1}"))
    assert parts == {0: {False}, 1: {True}}  # the even frames complete them
    view = file_view(session, 0)
    kind = {view.describe(at).partition(":")[2] for at in range(view.size)}
    assert any("IPv4 header" in text for text in kind)


def big(segment: int = 1000) -> Session:
    """A message of 300 frames."""
    body = b"\x17\x01\0\0\0" + bytes(n % 251 for n in range(BIG))
    return opened(
        wire.pcap(frames([*talk.publish(), Message(6, 9, 1, 900, body)], segment=segment))
    )


def test_a_message_over_hundreds_of_frames_reads_no_header_before_it_is_seen():
    session = big()
    row = int(session.messages.column("length").argmax())
    view = file_view(session, row)
    assert len(view.blocks) > 300
    assert not view._parts
    kinds(view, view.blocks[200].at, view.blocks[200].at + 16)
    assert list(view._parts) == [200]
    assert sum(high - low for low, high in view.find("body", 0, BIG + 5)) == BIG + 5
    assert len(view.find("body", 5, BIG)) >= len(view.blocks)


def test_a_message_spread_too_far_is_shown_without_headers(monkeypatch):
    monkeypatch.setattr("analyzer.tui.frame_views.REGION", 1 << 14)
    monkeypatch.setattr("analyzer.tui.frame_views.MAX_REGIONS", 3)
    session = big()
    row = int(session.messages.column("length").argmax())
    view = file_view(session, row)
    assert view.blocks[0].title.endswith(" bytes")
    assert view.blocks[-1].title.endswith("headers left out, the message is too far spread")
    body = session.body(row).data
    data = whole(view)
    found = b"".join(data[low:high] for low, high in view.find("body", 0, len(body)))
    assert found == body


def test_what_the_spool_has_lost_is_said():
    session = opened(wire.pcap(frames()))
    session.captures = Gone(session.captures)
    view = file_view(session, 0)
    assert [block.title.split(": ")[1] for block in view.blocks] == ["no longer available"] * len(
        view.blocks
    )
    assert not any(whole(view))


class Gone:
    """Captures whose bytes were overwritten."""

    oldest = 1 << 40

    def __init__(self, captures):
        self._captures = captures

    def __getattr__(self, name):
        return getattr(self._captures, name)


def test_with_redact_only_headers_and_what_may_be_seen():
    session = Hidden(opened(wire.pcap(frames())))
    row = next(r for r in range(len(session.messages)) if session.info(r).startswith("publish"))
    view = file_view(session, row).hide(session.hidden(row))
    data = whole(view)
    assert b"s3cr3t" not in data
    assert data[12:14] == b"\x08\0"
    start = view.find("header", 0, 1)[0][0]
    assert set(data[FRAME_HEADERS:start]) <= {ord("*")}


def test_redacted_handshakes_show_nothing_of_the_messages_behind_them():
    plain = wire.pcap(frames(segment=4000))

    async def use(app, pilot):
        await press(pilot, "g", "b", "b")
        view = app.main.hexes.view
        assert isinstance(view, FrameView) and view.size > FRAME_HEADERS + 3073
        assert b"rtmp://" not in whole(view)
        assert "·E·" in text(app)

    run(Hidden(Session([io.BytesIO(plain)])), use)


def test_both_ways_on_the_screen():
    async def use(app, pilot):
        screen = await press(pilot, "1", "g", "b", "b")
        assert "Bytes: capture file" in screen and "frame " in screen
        hexes, tree = app.main.hexes, app.main.tree_pane
        tree.focus()
        await press(pilot, "home", "j", "j")
        name = tree.line.node.name
        assert hexes.field_ranges == hexes.view.find("header", 0, 1)
        hexes.focus()
        await press(pilot, "home")
        assert "Ethernet header, byte 1 of 14" in text(app)
        assert tree.line.node.name == name
        at = hexes.view.find("header", 7, 1)[0][0]
        await press(pilot, *["right"] * at)
        assert tree.line.node.name == "type_id"

    run(talk.session(), use)


def test_offsets_that_are_no_messages():
    session = Session([io.BytesIO(wire.pcap(frames()))])

    async def use(app, pilot):
        async def go(typed):
            app.main.goto(typed)
            return await press(pilot)

        messages = app.main.messages
        await go("1")
        for offset, name in ((0, "C0+C1"), (1536, "C0+C1"), (1537, "C2"), (3072, "C2")):
            await go(f"@{offset}")
            extra = messages.listing.extras[messages.listing.row(messages.cursor)]
            assert (extra.part, extra.direction) == (name, 0)
        await go("@3073")
        assert messages.row == session.row_of(session.connections[0], 0, 0)
        span = session.locate(messages.row, "stream", 3073, 1)[0]
        frame = session.captures.frame(span.file_offset)
        said = await go(f"#{frame.offset + 15}")
        assert f"is in the IPv4 header of frame {frame.number}, which carries this" in said
        assert "no frame has the byte at 0x18" in await go("#24")
        assert "frame 1 carries no message" in await go("#45")

    run(session, use)
