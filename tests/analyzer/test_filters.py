"""The display filter: Wireshark's syntax, resolved values, places of errors."""

import numpy as np
import pytest

from analyzer import filters
from analyzer.filters import FilterError
from analyzer.index import COLUMNS, MessageTable
from analyzer.model import Diagnostic
from analyzer.session import Session
from tests.analyzer import talk


@pytest.fixture(scope="module")
def session() -> Session:
    found = talk.session()
    found.judgement.diagnostics[:] = [
        Diagnostic("AMF-02", "warning", "trailing bytes", message="c0.c2s.1"),
        Diagnostic("TS-01", "error", "backwards", message="c0.c2s.9"),
    ]
    return found


def ids(session: Session, text: str) -> list[str]:
    rows = filters.compile(text).rows(session, session.order())
    return [session.message_id(row) for row in rows.tolist()]


def count(session: Session, text: str) -> int:
    return len(ids(session, text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtmpt", 21),
        ("csid == 3", 7),
        ("rtmpt.header.csid eq 3", 7),
        ("type_id == 0x14", 7),
        ("type_id==20 && direction==c2s", 4),
        ("type == \"AMF0 Command\" and direction == s2c", 3),
        ("type == 20", 7),
        ("type != 20", 14),
        ("type contains Data", 13),
        ("kind == video", 6),
        ("video", 6),
        ("video or audio", 12),
        ("type_id in {8, 9}", 12),
        ("type_id in {8 9}", 12),
        ("type_id in {1..8, 0x12..18}", 8),
        ("type_id not in {8, 9}", 9),
        ("not (video || audio)", 9),
        ("!video and !audio", 9),
        # `and` binds tighter than `or`.
        ("video or audio and csid == 99", 6),
        ("(video or audio) and csid == 99", 0),
        ("msid == 1", 15),
        ("length > 200", 5),
        ("length >= 205 and timestamp < 120", 2),
        ("timestamp > 4294967296", 0),
        ("timestamp < 99999999999999999999", 21),
        ("fmt != 0", 14),
        ("command", 7),
        ("command.name == connect", 1),
        ("command.name == \"connect\"", 1),
        ("command.name != connect", 6),
        ("command.name matches \"^(release|create)\"", 2),
        ("command.name ~ STREAM$", 2),
        ("command.name contains Stream", 2),
        ("command.transaction_id == 1", 2),
        ("command.object.app == live", 1),
        ("command.object.app", 1),
        ("command.arguments == live", 1),
        ("command.arguments.code contains Publish", 1),
        ("command.arguments.1 == live", 1),
        ("data.values.width == 320", 1),
        ("data.values.width > 1e2", 1),
        ("video.codec == h264", 6),
        ("video.packet_type == sequence_header", 1),
        ("control.window_size == 2500000", 1),
        ("rtmpt.scm.was == 2500000", 1),
        ("amf.string == onMetaData", 1),
        ("amf.string == width", 1),
        ("amf.membername == width", 1),
        ("amf.string contains s3cr3t", 2),
        ("amf.number == 320", 1),
        ("info contains publish", 1),
        ("body contains 6f:6e:4d:65", 1),
        ("body contains onMeta", 1),
        ("rtmpt.audio.format == 10", 6),
        ("rtmpt.video.format == 7 and rtmpt.video.type == 1", 1),
        ("rtmpt.video.fourcc", 0),
        ("tcp.stream == 0", 21),
        ("connection == c0", 21),
        ("connection == 0", 21),
        ("connection in {c0..c3}", 21),
        ("connection != c0", 0),
        ("connection.app == live", 21),
        ("connection.role == publish", 21),
        ("stream.name contains cam7", 15),
        ("ip.addr == 10.0.0.1", 21),
        ("ip.addr == 10.0.0.0/8", 21),
        ("ip.addr != 10.0.0.1", 0),
        ("ip.src == 10.0.0.1", 17),
        ("ip.dst == 10.0.0.1", 4),
        ("tcp.port == 1935", 21),
        ("tcp.srcport == 1935", 4),
        ("tcp.dstport == 1935", 17),
        ("complete", 21),
        ("complete == false", 0),
        ("video.enhanced", 6),
        ("video.enhanced == true", 0),
        ("inferred", 0),
        ("time > 0.0145", 14),
        ("frame.time_relative <= 0.014", 7),
        ("frame.time_epoch >= 1.016", 10),
        ("diagnostic.severity", 2),
        ("diagnostic.severity == error", 1),
        ("diagnostic.severity >= warning", 2),
        ("diagnostic.rule == AMF-02", 1),
    ],
)  # fmt: skip
def test_filter(session: Session, text: str, expected: int) -> None:
    assert count(session, text) == expected


def test_equality_of_frames_matches_any_of_them(session: Session) -> None:
    frames = session.messages.column("first_frame"), session.messages.column("last_frame")
    row = int(np.argmax(frames[1] - frames[0]))
    first, last = int(frames[0][row]), int(frames[1][row])
    assert last > first
    one = session.message_id(row)
    for number in (first, last):
        assert one in ids(session, f"frame == {number}")
        assert one in ids(session, f"frame.number in {{{number}..{number}}}")
        assert one not in ids(session, f"frame != {number}")
    assert one not in ids(session, f"frame <= {first}")


def test_operators_over_several_values(session: Session) -> None:
    """As in Wireshark 4: != wants all values different, !== any, === all equal."""
    assert count(session, "tcp.port != 1935") == 0
    assert count(session, "tcp.port !== 1935") == 21
    assert count(session, "tcp.port === 1935") == 0
    assert count(session, "command.name != x") == 7, "a field that is not there is not unequal"
    assert count(session, "not command.name == x") == 21


def test_strings(session: Session) -> None:
    assert count(session, 'command.name == "con\\x6eect"') == 1
    assert count(session, "command.name == 'connect'") == 1
    assert count(session, 'command.name matches "^co\\w+t$"') == 1
    assert count(session, 'command.name matches r"^co\\w+t$"') == 1


@pytest.mark.parametrize(
    ("text", "position", "length"),
    [
        ("", 0, 1),
        ("cside == 3", 0, 5),
        ("csid == ", 8, 1),
        ("csid = 3", 5, 1),
        ("csid == three", 8, 5),
        ("csid == 3 and", 13, 1),
        ("csid == 3 msid", 10, 4),
        ("csid == 3 csid == 4", 10, 4),
        ("(csid == 3", 0, 1),
        ("csid == 3)", 9, 1),
        ('info == "abc', 8, 4),
        ("type_id in 8", 11, 1),
        ("type_id in {8, 9", 11, 1),
        ("type_id in {}", 11, 1),
        ("type_id in {8..x}", 15, 1),
        ("and", 0, 3),
        ("csid and or", 9, 2),
        ("csid & 3", 5, 1),
        ("csid contains 3", 14, 1),
        ('info matches "("', 13, 3),
        ('info matches "(a+)+$"', 13, 8),
        ('info matches "(a|a)*$"', 13, 9),
        ('info matches "a*a*a*a*b"', 13, 11),
        ("ip.addr == host", 11, 4),
        ("time > soon", 7, 4),
        ("complete == maybe", 12, 5),
        ("diagnostic.severity > bad", 22, 3),
        ("connection == x1", 14, 2),
        ("(" * 100 + "csid" + ")" * 100, 64, 1),
        ("csid == 3 \x00", 10, 1),
        ("\x1b[31m", 0, 5),
    ],
)
def test_error_has_its_place(text: str, position: int, length: int) -> None:
    with pytest.raises(FilterError) as caught:
        filters.compile(text)
    error = caught.value
    assert (error.position, error.length) == (position, length), error.message
    line, caret = error.caret().split("\n")
    assert len(line) == len(text) and line.isprintable()
    assert caret == " " * position + "^" * length


def test_misspelt_field_is_guessed() -> None:
    with pytest.raises(FilterError, match=r"did you mean 'rtmpt\.header\.typeid'"):
        filters.compile("rtmpt.header.typid == 8")


@pytest.mark.parametrize(
    "text", ["((((", "in in in", "{}", "'", "csid ==== 3", "csid..", "! !", "\\"]
)
def test_nonsense_is_an_error_not_a_crash(text: str) -> None:
    with pytest.raises(FilterError):
        filters.compile(text)


def test_fields_describe_themselves(session: Session) -> None:
    table = filters.fields()
    names = [field.name for field in table]
    assert names == sorted(set(names))
    for name in ("csid", "rtmpt.header.streamid", "video.codec", "diagnostic.severity", "time"):
        assert name in names
    for field in table:
        assert field.description and field.origin in ("column", "connection", "body")
        rows = filters.compile(field.name).rows(session, session.order())
        assert len(rows) <= len(session.messages)


def test_rows_keep_their_order_and_may_be_any(session: Session) -> None:
    rows = session.order()[::-1]
    found = filters.compile("audio or video").rows(session, rows)
    assert [r for r in rows.tolist() if r in set(found.tolist())] == found.tolist()
    assert not len(filters.compile("csid == 3").rows(session, rows[:0]))


def test_a_million_rows(session: Session) -> None:
    big = talk.session()
    rows = np.arange(1_000_000) % len(session.messages)
    big.messages = MessageTable()
    columns = {name: session.messages.column(name)[rows] for name in COLUMNS}
    big.messages.extend(columns, len(rows))
    compiled = filters.compile("type_id == 9 && timestamp > 40 && length in {100..300} || fmt == 3")
    found = compiled.rows(big, np.arange(len(rows)))
    assert len(found) > 100_000


@pytest.mark.parametrize(
    ("spellings", "key"),
    [
        (("h264", "H.264", "AVC", "avc1"), "video.codec"),
        (("sequence_header", "Sequence header", "sequence-header"), "video.packet_type"),
        (("keyframe", "Keyframe", "key_frame"), "video.frame_type"),
    ],
)
def test_words_are_found_however_they_are_spelled(
    session: Session, spellings: tuple[str, ...], key: str
) -> None:
    rows = session.order()
    found = [filters.compile(f'{key} == "{word}"').rows(session, rows) for word in spellings]
    assert len(found[0])
    assert all(each.tolist() == found[0].tolist() for each in found)
    others = filters.compile(f'{key} != "{spellings[-1]}"').rows(session, rows)
    assert not set(others.tolist()) & set(found[0].tolist())


def test_a_message_by_its_id(session: Session) -> None:
    row = int(session.order()[3])
    text = f'id == "{session.message_id(row)}"'
    assert filters.compile(text).rows(session, session.order()).tolist() == [row]


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("command.nmae", "did you mean 'command.name'", (0, 12)),
        ('video.frame_tpye == "keyframe"', "did you mean 'video.frame_type'", (0, 16)),
        ("user_control.evnt", "did you mean 'user_control.event'", (0, 17)),
        ("control.chunksize > 3", "did you mean 'control.chunk_size'", (0, 17)),
        ("video.tracks.0.codc", "unknown field", (0, 19)),
        ("command.foo.bar", "unknown field", (0, 15)),
        # What is there or not has no value of its own.
        ('csid == 6 and video == "keyframe"', "compare one of its fields: video.codec", (14, 5)),
        ("audio != 1", "alone says that it is there", (0, 5)),
        ("video.config in {1}", "video.config.profile", (0, 12)),
        ("video.codec > 3", "compare words with == or !=", (14, 1)),
        ('command.name[0:3] == "con"', "slices", (12, 5)),
    ],
)
def test_closed_summaries_have_no_other_fields(text, message, place):
    with pytest.raises(FilterError, match=message) as caught:
        filters.compile(text)
    assert (caught.value.position, caught.value.length) == place


@pytest.mark.parametrize(
    "text",
    [
        "command.object.anything",
        "command.arguments.0.x.y",
        "command.named.x",
        "data.values.1.encoder",
        "video.tracks.0.codec",
        "video.config.frame_rate.0 == 25",
        "video.metadata.colorInfo.x",
        "shared_object.events.properties.a",
        "aggregate.messages.video.codec",
        'video.codec in {"avc", "hevc"}',
    ],
)
def test_names_from_the_wire_are_open(text):
    filters.compile(text)
