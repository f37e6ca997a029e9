"""The JSON report, trees, list and summary, as their contract says."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import analyzer.export
from analyzer import filters
from analyzer.export import FORMATS
from analyzer.export.messages import as_dict, dumps, lines
from analyzer.export.nodes import bit_range
from analyzer.export.request import Request
from analyzer.export.tree import seconds, tree_lines
from analyzer.model import Diagnostic
from analyzer.redact import Redactor
from analyzer.redaction.collect import collect
from analyzer.session import Session
from dissectors.fields import Field
from tests.analyzer import talk
from tests.dissectors.bodies import NULL, string

SCHEMA = json.loads(Path(analyzer.export.__file__).with_name("schema.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
CAPTURES = sorted([*talk.CAPTURES.glob("real/*.pcap"), *talk.CAPTURES.glob("edge/*.pcap")])


def text(session: Session, form: str, **request: Any) -> str:
    out = io.StringIO()
    FORMATS[form].write(session, out, Request(**request))
    return out.getvalue()


@pytest.fixture(scope="module")
def session() -> Session:
    return talk.session()


def test_schema_is_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_output_validates(path: Path) -> None:
    session = talk.opened(path)
    few = filters.compile("index < 12 or index in {100..105}")
    for detail in ("messages", "bytes"):
        document = text(session, "json", filter=few, detail=detail)
        assert document.isascii()
        VALIDATOR.validate(json.loads(document))
    for line in text(session, "ndjson", filter=few).splitlines():
        VALIDATOR.validate(json.loads(line))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_fast_path_equals_slow_dict(path: Path) -> None:
    session = talk.opened(path)
    rows = session.order()[:200]
    redactor = Redactor(collect(session))
    for request in (Request(), Request(detail="bytes", redactor=redactor)):
        few = rows if request.detail == "messages" else rows[:20]
        fast = list(lines(session, few, request))
        assert fast == [dumps(as_dict(session, row, request)) for row in few.tolist()]


def test_keys_and_their_order(session: Session) -> None:
    report = json.loads(text(session, "json"))
    assert list(report) == [
        "schema", "schema_version", "tool", "capture", "connections", "messages", "diagnostics",
        "summary",
    ]  # fmt: skip
    assert list(report["capture"]) == [
        "name", "format", "compression", "size", "packets", "link_types", "start", "duration_ns",
        "truncated",
    ]  # fmt: skip
    connection = report["connections"][0]
    assert list(connection) == [
        "id", "variant", "client", "server", "start_ns", "end_ns", "closed_by", "complete",
        "handshake", "proxied_client", "rtmp", "chunk_size", "tcp", "verdict", "metrics",
    ]  # fmt: skip
    assert connection["handshake"]["kind"] == "simple"
    assert connection["client"] == {"ip": "10.0.0.1", "port": 50000}
    first = report["messages"][0]
    assert list(first) == [
        "id", "connection", "direction", "index", "time_ns", "first_time_ns", "frames",
        "stream_offset", "chunks", "fmt", "csid", "msid", "type_id", "type", "timestamp", "length",
        "complete", "inferred", "info", "command",
    ]  # fmt: skip
    assert first["id"] == "c0.c2s.0" and first["stream_offset"] == 3073
    assert first["info"] == "connect('live')" and first["command"]["object"]["app"] == "live"
    assert list(report["summary"]) == [
        "verdict", "errors", "warnings", "notes", "messages", "limits_hit",
    ]  # fmt: skip
    assert report["summary"]["messages"] == len(report["messages"]) == 21
    assert report["capture"]["start"] == "1970-01-01T00:00:01.000000000Z"


def test_messages_are_in_order(session: Session) -> None:
    messages = json.loads(text(session, "json"))["messages"]
    keys = [(m["time_ns"], m["connection"], m["direction"] == "s2c", m["index"]) for m in messages]
    assert keys == sorted(keys)


def test_lines_are_the_documents_objects(session: Session) -> None:
    report = json.loads(text(session, "json"))
    found = [json.loads(line) for line in text(session, "ndjson").splitlines()]
    kinds = [item.pop("kind") for item in found]
    number = len(report["diagnostics"])
    assert kinds == ["header", "connection", *["message"] * 21, *["diagnostic"] * number, "end"]
    assert found[0] == {k: report[k] for k in ("schema", "schema_version", "tool", "capture")}
    assert found[1:2] == report["connections"] and found[2:23] == report["messages"]
    assert found[23:-1] == report["diagnostics"]
    end = found[-1]
    assert end["complete"] is True and end["messages"] == 21
    assert end["summary"] == report["summary"]


def test_details(session: Session) -> None:
    summary = json.loads(text(session, "json", detail="summary"))
    assert summary["messages"] == [] and summary["summary"]["messages"] == 21
    fields = json.loads(text(session, "json", detail="fields"))["messages"][0]
    assert "body_hex" not in fields
    header, body = fields["fields"]
    assert (header["label"], header["in"]) == ("RTMP Header", "header")
    assert (body["label"], body["at"]) == ("RTMP Body", [0, fields["length"]])
    assert list(body) == ["name", "label", "value", "at", "in", "bits", "experts", "children"]
    assert header["children"][0]["bits"] == [0, 2] and header["children"][1]["bits"] == [2, 6]
    whole = json.loads(text(session, "json", detail="bytes"))["messages"]
    for message in whole:
        assert len(message["body_hex"]) == 2 * message["length"]
        assert sum(chunk["payload_length"] for chunk in message["chunk_spans"]) == message["length"]
        assert message["segments"][0]["stream_offset"] == message["stream_offset"]


def test_body_bytes_are_found_through_chunks_and_segments(tmp_path: Path) -> None:
    """What the report says is enough to find every body byte in the capture file."""
    path = talk.CAPTURES / "real" / "publish-chunk128.pcap"
    raw = path.read_bytes()
    session = talk.opened(path)
    report = json.loads(text(session, "json", detail="bytes", filter=filters.compile("video")))
    for message in report["messages"][:5]:
        stream: dict[int, int] = {}
        for segment in message["segments"]:
            data = raw[segment["file_offset"] : segment["file_offset"] + segment["length"]]
            stream.update(enumerate(data, segment["stream_offset"]))
        body = bytearray()
        for chunk in message["chunk_spans"]:
            start = chunk["stream_offset"] + chunk["header_length"]
            body += bytes(stream[start + i] for i in range(chunk["payload_length"]))
        assert body.hex() == message["body_hex"]


def test_incomplete_message_names_what_is_missing() -> None:
    session = talk.opened(talk.CAPTURES / "edge" / "x-del513.pcap")
    report = json.loads(text(session, "json"))
    cut = [m for m in report["messages"] if not m["complete"]]
    assert cut
    for message in cut:
        assert list(message)[17] == "missing" and message["missing"]
        for start, length in message["missing"]:
            assert start >= 0 and length > 0 and start + length <= message["length"]


def test_diagnostics_and_verdict() -> None:
    session = talk.session()
    session.judgement.diagnostics[:] = [
        Diagnostic("CHK-01", "warning", "odd \x7f\x1b text", message="c0.c2s.1", frame=4),
        Diagnostic("CAP-07", "error", "cannot tell", status="inconclusive"),
    ]
    report = json.loads(text(session, "json"))
    VALIDATOR.validate(report)
    assert list(report["diagnostics"][0])[:3] == ["id", "rule", "severity"]
    assert report["summary"]["verdict"] == "pass"
    assert (report["summary"]["errors"], report["summary"]["warnings"]) == (0, 1)
    assert json.loads(text(session, "json", fail_on="warning"))["summary"]["verdict"] == "fail"
    document = text(session, "json")
    assert "\x7f" not in document and "\\u007f" in document
    assert "\x1b" not in text(session, "summary")


def test_no_rtmp_is_inconclusive() -> None:
    session = talk.opened(talk.CAPTURES / "edge" / "rtmps.pcap")
    report = json.loads(text(session, "json"))
    assert report["summary"]["verdict"] == "inconclusive"
    assert "Inconclusive" in text(session, "summary")


def test_tree_to_the_letter() -> None:
    """The message librtmp's releaseStream writes: 43 00 00 00 00 00 27 14 and 39 bytes."""
    name = talk.command("releaseStream", 2, NULL, string("livestream"))
    assert len(name.body) == 39
    client = talk.publish()
    client[1] = name
    session = talk.session(client)
    out = text(session, "tree", filter=filters.compile("command.name == releaseStream"))
    context, *tree = out.splitlines()
    assert tree == [
        "Real Time Messaging Protocol (AMF0 Command releaseStream('livestream'))",
        "    RTMP Header",
        "        01.. .... = Format: 1",
        "        ..00 0011 = Chunk Stream ID: 3",
        "        Timestamp delta: 0",
        "        Timestamp: 0 (calculated)",
        "        Body size: 39",
        "        Type ID: AMF0 Command (0x14)",
        "    RTMP Body",
        "        String 'releaseStream'",
        "        Number 2",
        "        Null",
        "        String 'livestream'",
    ]
    assert context == "c0.c2s.1  frame 15  0.014000 s  client → server"


def test_plumbing_experts_and_blank_lines(session: Session) -> None:
    out = text(session, "tree", plumbing=True)
    assert "            AMF0 type: String (0x02)" in out.splitlines()
    handshake = ["C0+C1", "S0+S1+S2", "C2"]
    found = [line for line in out.splitlines() if "(Handshake " in line]
    assert found == [f"Real Time Messaging Protocol (Handshake {name})" for name in handshake]
    assert out.count("\n\n") == len(handshake) + 20
    root = Field("a", "Root \x1b[31m")
    leaf = root.add("b", "Leaf", 1)
    leaf.warn("odd", "much\u202e odd")
    leaf.add("c", "Plumbing", 1, plumbing=True)
    assert list(tree_lines(root, Request())) == [
        "Root ␛[31m",
        "    Leaf",
        "        [Warning: much\\u202e odd]",
    ]


def test_hexdump(session: Session) -> None:
    out = text(session, "tree", filter=filters.compile("type_id == 5"), hexdump=True)
    assert out.splitlines()[-1] == f"000000  {'00 26 25 a0':<49} .&%."


def test_list(session: Session) -> None:
    head, *rows = text(session, "list").splitlines()
    assert head.split() == "time dir csid msid type timestamp length info".split()
    assert len(rows) == 21
    place = head.index("info")
    assert rows[0][place:] == "connect('live')" and rows[0].split()[:4] == [
        "0.014000", "c2s", "3", "0",
    ]  # fmt: skip
    edge = talk.CAPTURES / "edge"
    assert "[incomplete]" in text(talk.opened(edge / "x-del513.pcap"), "list")
    assert "[inferred: " in text(talk.opened(edge / "mid100-pub-small-21935.pcap"), "list")


def test_colour_is_only_added(session: Session) -> None:
    for form in ("list", "tree", "summary"):
        plain, colored = text(session, form), text(session, form, color=True)
        assert plain != colored and re.sub("\x1b\\[[0-9;]*m", "", colored) == plain


def test_summary(session: Session) -> None:
    out = text(session, "summary")
    assert len(out.splitlines()) <= 40
    for word in ("10.0.0.1:50000 → 10.0.0.2:1935", "publish app 'live'", "handshake simple",
                 "H.264", "AAC", "6 Video Data"):  # fmt: skip
        assert word in out


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_text_is_safe_and_short(path: Path) -> None:
    session = talk.opened(path)
    summary = text(session, "summary")
    assert len(summary.splitlines()) <= 40
    few = filters.compile("index < 30")
    for out in (summary, text(session, "list", filter=few), text(session, "tree", filter=few)):
        assert all(line.isprintable() for line in out.split("\n"))


def test_seconds() -> None:
    assert seconds(390_247_000) == "0.390247"
    assert seconds(-1_500_000_999) == "-1.500000"


def test_bit_range() -> None:
    assert bit_range(0xC0, 1) == "[0, 2]"
    assert bit_range(0x0F, 1) == "[4, 4]"
    assert bit_range(0x7FFFFFFF, 4) == "[1, 31]"


def test_the_list_says_where_the_capture_is_torn() -> None:
    data = talk.pcap(talk.publish(), talk.answer())[:-10]
    session = Session([io.BytesIO(data)])
    session.run()
    out = io.StringIO()
    FORMATS["list"].write(session, out, Request())
    last = out.getvalue().splitlines()[-1]
    assert last.startswith("[Warning: cut short in a record of") and "(behind frame" in last
    out = io.StringIO()
    FORMATS["list"].write(session, out, Request(filter=filters.compile("audio")))
    assert "Warning" not in out.getvalue()  # certain messages are wanted: lines are counted


def test_the_list_shows_what_is_inside_an_aggregate() -> None:
    lines = text(talk.opened(talk.CAPTURES / "edge/aggr.pcap"), "list").splitlines()
    at = next(number for number, line in enumerate(lines) if "Aggregate" in line)
    inner = [line.split() for line in lines[at + 1 : at + 4]]
    assert [line[1:4] for line in inner] == [
        ["└", "Audio", "Data"],
        ["└", "Video", "Data"],
        ["└", "AMF0", "Data"],
    ]
    # Timestamps count from the first one, which stands for the aggregate's own (5000).
    assert [line[4] for line in inner] == ["5000", "5010", "5020"]
