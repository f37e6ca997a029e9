"""CHK rules: boundaries, sizes, chunk stream ids, extended timestamps."""

import struct

import pytest

from tests.analyzer.rules.builder import (
    C,
    S,
    Talk,
    control,
    findings,
    found,
    frames,
    good,
    metadata,
    picture,
    rules,
    sound,
)
from tests.dissectors.chunk_builder import Builder, Message, Style

BIG = 20_000_000
"""A timestamp that needs the extended field."""


def pictures(number: int, start: int = 0, size: int = 1000) -> list[Message]:
    return [picture(start + 40 * n, size=size) for n in range(number)]


def used(size: int, announced: int | None) -> Talk:
    """A client whose chunks carry `size` bytes whatever it announced."""
    talk = Talk().publishing()
    if announced is not None:
        talk.send(C, control(1, announced))
    talk.chunks[C].style.chunk_size = size
    return talk.send(C, *pictures(30, size=9000))


def test_chk_01_names_the_chunk_size_that_is_used():
    item = found(used(8192, 5000), "CHK-01")
    assert item is not None and (item.severity, item.blame) == ("error", "client")
    assert (item.expected, item.actual) == ("chunks of 5000 bytes", "chunks of 8192 bytes")
    assert found(used(5000, 5000), "CHK-01") is None


def test_chk_01_a_short_stream_tells_too():
    """The server closes at once; the message that came damaged follows from it."""
    talk = Talk().publishing().chunk_size(C, 4096)
    talk.chunks[C].style.chunk_size = 128
    many = metadata(**{f"key{number}": 1.0 for number in range(30)})
    items = {item.rule: item for item in findings(talk.send(C, many, picture(0, True)).fin(S))}
    cause = items["CHK-01"]
    assert "chunks of 128 bytes, 4096 are in force" in cause.text
    assert items["AMF-02"].cause == cause.id and cause.time_ns <= items["AMF-02"].time_ns


def test_chk_01_garbage_without_an_explanation():
    talk = Talk().publishing().send(C, *pictures(5))
    talk.raw(C, b"\x06\0\0\x01\xff\xff\xff\x6e\1\0\0\0" * 40).send(C, *pictures(20, 200))
    item = found(talk, "CHK-01")
    assert item is not None and item.expected == "a chunk header"


def test_chk_01_bytes_that_the_capture_missed_are_no_fault():
    talk = Talk().publishing().send(C, *pictures(5)).send(C, *pictures(3, 200, 5000), lost=True)
    assert found(talk.send(C, *pictures(40, 400)), "CHK-01") is None


@pytest.mark.parametrize(
    ("value", "severity"),
    [(0, "error"), (0x80001000, "error"), (134217728, "warning"), (100_000, "note")],
)
def test_chk_02_values_that_are_no_chunk_size(value, severity):
    talk = Talk().connected().send(C, control(1, value))
    item = found(talk, "CHK-02")
    assert item is not None and (item.severity, item.actual) == (severity, str(value))


def test_chk_02_little_endian():
    swapped = int.from_bytes((60000).to_bytes(4, "little"), "big")
    item = found(Talk().connected().send(C, control(1, swapped)), "CHK-02")
    assert item is not None and "little-endian for 60000" in item.text
    assert found(Talk().connected().chunk_size(C, 65536), "CHK-02") is None


def test_chk_03_the_size_of_the_peer():
    def client(adopts: bool) -> Talk:
        talk = Talk().connected().chunk_size(S, 4096)
        if adopts:
            talk.chunks[C].style.chunk_size = 4096
        return talk.send(C, *pictures(40))

    item = found(client(True), "CHK-03")
    assert item is not None and (item.expected, item.actual) == ("128", "4096")
    assert not rules(client(False)) & {"CHK-01", "CHK-03"}


def test_chk_03_is_the_cause_of_chk_01():
    talk = Talk().connected().chunk_size(S, 4096)
    talk.chunks[C].style.chunk_size = 4096
    items = {item.rule: item for item in findings(talk.send(C, *pictures(40)))}
    assert items["CHK-01"].cause == items["CHK-03"].id


def test_chk_04_set_chunk_size_after_publish():
    item = found(Talk().publishing().chunk_size(C, 8192), "CHK-04")
    assert item is not None and item.severity == "note"
    assert found(good(), "CHK-04") is None


def test_chk_04_set_chunk_size_inside_a_message():
    talk = Talk().publishing()
    message, other = (
        Builder(Style(4096)).add([picture(0, size=6000)]),
        talk.encoded(C, control(1, 4096)),
    )
    data = bytes(message.data)
    talk.raw(C, data[: 12 + 4096] + other + data[12 + 4096 :])
    item = found(talk, "CHK-04")
    assert item is not None and item.severity == "warning"


def extended(repeat: bool, start: int = BIG) -> Talk:
    talk = Talk().publishing()
    talk.chunks[C].style = Style(128, 0, repeat_extended=repeat)
    talk.chunks[C].style.chunk_size = 4096
    return talk.send(C, *pictures(10, start, 9000))


def test_chk_05_extended_timestamp_omitted():
    item = found(extended(repeat=False), "CHK-05")
    assert item is not None and (item.severity, item.blame, item.count) == ("error", "client", 10)
    assert found(extended(repeat=True), "CHK-05") is None


def test_chk_06_another_extended_timestamp_on_fmt_3():
    """SRS masks it to 31 bits."""
    start = 0x90000000
    talk = Talk().publishing()
    for message in pictures(5, start, 6000):
        head = b"\x06\xff\xff\xff" + len(message.body).to_bytes(3, "big") + b"\x09\1\0\0\0"
        data = head + struct.pack(">I", message.time) + message.body[:4096]
        talk.raw(
            C, data + b"\xc6" + struct.pack(">I", message.time & 0x7FFFFFFF) + message.body[4096:]
        )
    item = found(talk, "CHK-06")
    assert item is not None and item.severity == "warning" and "31 bits" in item.text
    assert found(extended(repeat=True), "CHK-06") is None


def stepped(value: int) -> Talk:
    """fmt 0 at 20,000,000 ms, then fmt 1 with an extended field."""
    talk = Talk().publishing().send(C, picture(BIG)).wait(40)
    body = picture(BIG + 40).body
    head = b"\x46\xff\xff\xff" + len(body).to_bytes(3, "big") + b"\x09" + struct.pack(">I", value)
    return talk.raw(C, head + body)


def test_chk_07_absolute_time_in_fmt_1():
    item = found(stepped(BIG + 40), "CHK-07")
    assert item is not None and item.severity == "warning"
    talk = Talk().publishing().send(C, picture(BIG)).wait(BIG + 40).send(C, picture(2 * BIG + 40))
    assert found(talk, "CHK-07") is None


def test_chk_08_a_chunk_stream_begins_with_fmt_1():
    body = metadata().body
    head = b"\x45\0\0\0" + len(body).to_bytes(3, "big") + b"\x12"
    talk = Talk().publishing().raw(C, head + body)
    item = found(talk.send(C, *pictures(5)), "CHK-08")
    assert item is not None and item.severity == "note"
    assert found(good(), "CHK-08") is None


def test_chk_08_a_chunk_stream_begins_with_fmt_3():
    talk = Talk().publishing().send(C, *pictures(20)).raw(C, b"\xc9" + bytes(200))
    item = found(talk.send(C, *pictures(40, 800)), "CHK-08")
    assert item is not None and item.severity == "error"


def test_chk_09_a_message_is_abandoned():
    talk = Talk().publishing().send(C, picture(0))
    data = talk.encoded(C, picture(40, size=6000))
    head = data[: data.index(b"\x27\x01")]
    talk.raw(C, head + data[len(head) : len(head) + 4096]).send(C, picture(80))
    item = found(talk, "CHK-09")
    assert item is not None and item.severity == "error"


def test_chk_09_an_abort_message_says_so():
    talk = Talk().publishing().send(C, picture(0))
    data = talk.encoded(C, picture(40, size=6000))
    head = data[: data.index(b"\x27\x01")]
    talk.raw(C, head + data[len(head) : len(head) + 4096])
    item = found(talk.send(C, control(2, 6), picture(80)), "CHK-09")
    assert item is not None and item.severity == "note"
    assert found(good(), "CHK-09") is None


def test_chk_09_a_message_that_goes_on_with_fmt_1():
    """What FFmpeg reads as the message going on; strict receivers abandon it there."""
    talk = Talk().publishing().send(C, picture(0))
    data = talk.encoded(C, picture(40, size=6000))
    at = data.index(b"\x27\x01") + 4096
    assert data[at] == 0xC6
    again = b"\x46\0\0\0" + len(picture(40, size=6000).body).to_bytes(3, "big") + b"\x09"
    talk.raw(C, data[:at] + again + data[at + 1 :]).send(C, sound(80), picture(80), sound(100))
    item = found(talk, "CHK-09")
    assert item is not None and (item.severity, item.actual) == ("warning", "fmt 1 or 2")


def test_chk_10_chunk_stream_ids():
    high = found(Talk().publishing().send(C, picture(0)._replace(csid=70)), "CHK-10")
    assert high is not None and (high.severity, high.actual) == ("warning", "70")
    astray = found(Talk().publishing().send(C, control(3, 4000, csid=3)), "CHK-10")
    assert astray is not None and astray.severity == "warning"
    one = Talk().publishing().send(C, *(m._replace(csid=4) for m in frames(1)))
    shared = found(one, "CHK-10")
    assert shared is not None and shared.severity == "note"
    assert found(good(), "CHK-10") is None


def sounds(second_ms: int) -> Talk:
    """Audio in pairs: fmt 2 after 23 ms, then fmt 3, which repeats that, after `second_ms`."""
    talk, body = Talk().publishing(), sound(0).body
    talk.raw(C, b"\x04\0\0\0\0\0" + bytes([len(body)]) + b"\x08\1\0\0\0" + body)
    for _ in range(500):
        talk.wait(23 - 0.3).raw(C, b"\x84\0\0\x17" + body)
        talk.wait(second_ms - 0.3).raw(C, b"\xc4" + body)
    return talk


def test_chk_11_fmt_3_repeats_a_wrong_delta():
    item = found(sounds(46), "CHK-11")
    assert item is not None and (item.severity, item.confidence) == ("note", "heuristic")
    assert found(sounds(23), "CHK-11") is None


def test_chk_12_a_step_back_as_a_wrapped_delta():
    item = found(stepped(2**32 - 40), "CHK-12")
    assert item is not None and (item.severity, item.actual) == ("error", "-40")
    assert found(stepped(BIG + 40), "CHK-12") is None


def test_chk_14_a_type_that_no_specification_names():
    strange = Message(3, 77, 1, 0, b"?"), Message(3, 7, 1, 0, b"x")
    item = found(Talk().publishing().send(C, *strange, metadata()), "CHK-14")
    assert item is not None and (item.severity, item.blame, item.count) == ("note", "client", 2)
    assert "7, 77" in item.text
    assert found(good(), "CHK-14") is None


def test_chk_13_boundaries_found_again_after_a_hole():
    talk = Talk().publishing().send(C, *pictures(5)).send(C, *pictures(3, 200, 5000), lost=True)
    assert found(talk.send(C, *pictures(40, 400)), "CHK-13") is not None
    assert found(good(), "CHK-13") is None
