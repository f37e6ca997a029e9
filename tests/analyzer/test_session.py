"""From a capture to rows and trees."""

from pathlib import Path

import pytest

from analyzer.options import Options
from analyzer.session import Session
from dissectors.chunk_state import Flag
from dissectors.fields import Field
from tests.analyzer import talk
from tests.dissectors.bodies import NULL, num, obj, string
from tests.dissectors.chunk_builder import Message

CAPTURES = Path(__file__).parents[2] / "captures"
ALL = sorted(
    path for path in CAPTURES.rglob("*") if ".pcap" in path.suffixes or path.suffix == ".pcapng"
)

RELEASE_STREAM = """\
Real Time Messaging Protocol (AMF0 Command releaseStream('livestream'))
    RTMP Header
        01.. .... = Format: 1
        ..00 0011 = Chunk Stream ID: 3
        Timestamp delta: 0
        Timestamp: 0 (calculated)
        Body size: 39
        Type ID: AMF0 Command (0x14)
    RTMP Body
        String 'releaseStream'
        Number 2
        Null
        String 'livestream'
"""


def plain(node: Field, depth: int = 0) -> str:
    lines = ["    " * depth + node.label + "\n"]
    lines += [plain(child, depth + 1) for child in node.children if not child.plumbing]
    return "".join(lines)


def rows_of(session: Session, **wanted: int) -> list[int]:
    return [
        row
        for row in session.order().tolist()
        if all(session.value(row, name) == value for name, value in wanted.items())
    ]


def test_the_tree_of_release_stream_to_the_letter():
    session = talk.opened("real/publish-play-nginx.pcap")
    row = next(row for row in session.order() if "releaseStream" in session.info(row))
    assert session.header_bytes(row).hex() == "4300000000002714"
    assert plain(session.tree(row)) == RELEASE_STREAM


def test_two_connections_in_one_capture():
    session = talk.opened("real/publish-play-nginx.pcap")
    publisher, player = session.connections
    assert (publisher.id, publisher.role, publisher.app) == ("c0", "publish", "live")
    assert (player.id, player.role) == ("c1", "play")
    assert publisher.streams[0].name == player.streams[0].name == "livestream"
    assert publisher.handshake["kind"] == "digest"
    assert player.handshake["kind"] == "simple"
    assert [size.size for size in publisher.chunk_sizes[0]] == [128, 4096]


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_every_tree_covers_its_bytes(path):
    session = Session([str(path)])
    session.run()
    for row in session.order()[:400].tolist():
        body = session.body(row).data
        tree = session.tree(row)
        for space, size in (("header", len(session.header_bytes(row))), ("body", len(body))):
            node = next(child for child in tree.children if child.space == space)
            assert covered(node) == size, (session.message_id(row), space)
        assert session.info(row).isprintable()


def covered(root: Field) -> int:
    """Leaf spans tile the space from 0; bit fields share their byte."""
    position = 0
    for start, end in sorted({(leaf.start, leaf.end) for leaf in root.leaves() if leaf.length}):
        if start == position:
            position = end
        else:
            assert start < position and end <= position, f"gap or overlap at {start}"
    return position


def test_a_malformed_command_does_not_disturb_the_stream():
    session = talk.opened("edge/bad-then-media.pcap")
    media = rows_of(session, type_id=8) + rows_of(session, type_id=9)
    assert len(media) == 120
    assert all(session.value(row, "flags") & Flag.COMPLETE for row in media)
    assert [f.count for f in session.diagnostics if f.rule == "AMF-02"] == [1]


def test_mid_stream_start():
    session = talk.opened("edge/mid100-pub-small-21935.pcap")
    assert len(rows_of(session, type_id=8) + rows_of(session, type_id=9)) == 258
    assert len(rows_of(session, type_id=20)) == 3
    assert not session.connections[0].from_start
    found = {finding.rule for finding in session.diagnostics}
    assert {"CAP-01", "CHK-13"} <= found and "CHK-01" not in found


def test_one_lost_segment_damages_one_message():
    whole = talk.opened("edge/pub-small-21935.pcap")
    lossy = talk.opened("edge/x-del513.pcap")
    cut = [row for row in lossy.order() if not lossy.value(row, "flags") & Flag.COMPLETE]
    assert cut and all(lossy.missing(row) for row in cut)
    assert len(whole.messages) - len(lossy.messages) <= 4
    bodies = {whole.body(row).data for row in whole.order().tolist()}
    for row in lossy.order().tolist():
        if lossy.value(row, "flags") & Flag.COMPLETE:
            assert lossy.body(row).data in bodies


def test_replies_are_paired_by_direction_and_by_stream():
    session = talk.opened("real/publish-play-nginx.pcap")
    pairs = {}
    for row in rows_of(session, type_id=20, connection=0):
        _, summary = session.summary(row)
        if "reply" in summary:
            reply = next(r for r in session.order() if session.message_id(r) == summary["reply"])
            pairs[summary["name"]] = session.info(reply)
            assert summary["latency_ns"] >= 0
    assert pairs["connect"] == "_result('NetConnection.Connect.Success')"
    assert pairs["createStream"] == "_result()"
    assert pairs["publish"] == "onStatus('NetStream.Publish.Start')"


def paired(client: list[Message], server: list[Message]) -> dict[str, str]:
    """Info of each call → info of its reply."""
    session = talk.session(client, server)
    ids = {session.message_id(row): session.info(row) for row in session.order().tolist()}
    found = {}
    for row in session.order().tolist():
        kind, summary = session.decoded_summary(row) or ("", {})
        if kind == "command" and "reply" in summary:
            found[session.info(row)] = ids[summary["reply"]]
    return found


def status(code: str, transaction: float = 0, level: str = "status") -> Message:
    value = obj(("level", string(level)), ("code", string(code)))
    return talk.command("onStatus", transaction, NULL, value, msid=1)


def test_replies_found_by_other_ways_than_the_transaction():
    publish = talk.command("publish", 4, NULL, string("cam"), string("live"), msid=1)
    delete = talk.command("deleteStream", 5, NULL, num(1))
    fc = talk.command("FCPublish", 3, NULL, string("cam"))
    started, ended = "NetStream.Publish.Start", "NetStream.Unpublish.Success"
    wanted = {
        "publish('cam')": f"onStatus('{started}')",
        "deleteStream()": f"onStatus('{ended}')",
    }
    assert paired([publish, delete], [status(started), status(ended)]) == wanted
    # gortmplib repeats the id of the request.
    assert paired([publish, delete], [status(started, 4), status(ended, 5)]) == wanted
    # FFmpeg -listen answers FCPublish with a bare name.
    bare = Message(3, 20, 0, 0, string("onFCPublish"))
    assert paired([fc], [bare]) == {"FCPublish('cam')": "onFCPublish()"}
    refused = status("NetStream.Failed", level="error")
    assert paired([publish], [refused]) == {"publish('cam')": "onStatus('NetStream.Failed')"}
    assert paired([publish], [status("NetStream.Play.Start")]) == {}


def test_news_of_a_stream_is_no_answer():
    """nginx-rtmp stops a recording that was sent whole just before it confirms a pause."""
    pause = talk.command("pause", 4, NULL, b"\x01\x01", num(133), msid=1)
    news, notify = status("NetStream.Play.Stop"), status("NetStream.Pause.Notify")
    assert paired([pause], [news, notify]) == {"pause()": "onStatus('NetStream.Pause.Notify')"}
    play = talk.command("play", 4, NULL, string("cam"), msid=1)
    started = status("NetStream.Play.Start")
    for event in ("Stop", "UnpublishNotify"):
        found = paired([play], [status(f"NetStream.Play.{event}"), started])
        assert found == {"play('cam')": "onStatus('NetStream.Play.Start')"}


def test_a_result_is_named_after_its_call():
    session = talk.session()
    row = next(r for r in session.order().tolist() if session.info(r) == "_result()")
    _, summary = session.decoded_summary(row)
    assert summary["named"] == {"stream_id": 1}
    node = session.dissect(row).body.find("stream_id")
    assert node.children[-1].label == "Stream id, the answer to createStream"


def test_acknowledgements_are_compared_with_the_bytes_sent():
    session = talk.opened("real/play-vod-rtmpdump.pcap")
    rows = rows_of(session, type_id=3)
    for row in rows:
        _, summary = session.summary(row)
        assert 0 <= summary["unacknowledged"] < 100_000


def test_body_spans_map_to_the_file():
    session = talk.opened("real/publish-chunk128.pcap")
    data = (CAPTURES / "real/publish-chunk128.pcap").read_bytes()
    row = max(session.order().tolist(), key=lambda row: session.value(row, "chunks"))
    body = session.body(row).data
    spans = session.locate(row, "body", 0, len(body))
    joined = b"".join(data[s.file_offset : s.file_offset + s.length] for s in spans)
    assert joined == body
    assert len(session.chunk_spans(row)) == session.value(row, "chunks")
    assert sum(span.payload_length for span in session.chunk_spans(row)) == len(body)


def test_stop_after_some_packets():
    session = talk.opened("real/publish-play-nginx.pcap", Options(max_packets=40))
    assert session.capture.packets == 40
    assert 0 < len(session.messages) < 100


def test_several_captures_are_one():
    name = str(CAPTURES / "real/publish-denied.pcap")
    other = str(CAPTURES / "real/play-missing.pcap")
    session = Session([name, other])
    session.run()
    alone = [talk.opened("real/publish-denied.pcap"), talk.opened("real/play-missing.pcap")]
    assert len(session.messages) == sum(len(one.messages) for one in alone)
    assert session.capture.packets == sum(one.capture.packets for one in alone)
    bodies = [session.body(row).data for row in session.order().tolist()]
    assert sorted(bodies) == sorted(
        one.body(row).data for one in alone for row in one.order().tolist()
    )


def test_a_capture_without_rtmp():
    session = talk.opened("edge/rtmpt-http.pcap")
    assert [connection.variant for connection in session.connections] == ["rtmpt"]
    assert len(session.messages) == 0
