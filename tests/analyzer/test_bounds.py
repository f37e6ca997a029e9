"""What was capped stands in `limits_hit`, and only that."""

import io
import struct

import pytest

from analyzer import bounds
from analyzer.bounds import LIMITS
from analyzer.export import FORMATS
from analyzer.export.request import Request
from analyzer.link import fragments
from analyzer.rules import scope
from analyzer.session import Session
from analyzer.sources import pcapng
from analyzer.tcp import limits as tcp_limits
from dissectors import budget
from dissectors.messages import aggregate, shared_object
from tests.analyzer import talk, wire
from tests.dissectors.bodies import string
from tests.dissectors.chunk_builder import Message
from tests.hostile import frames, tcp

FRAME = wire.ethernet(wire.ip4(wire.tcp(b"\x03")))


def limits(data: bytes) -> list[str]:
    session = Session([io.BytesIO(data)])
    session.run()
    for row in range(len(session.messages)):
        session.dissect(row)
    assert set(session.limits_hit) <= set(LIMITS)
    return session.limits_hit


def of_message(type_id: int, body: bytes) -> list[str]:
    return limits(talk.pcap([*talk.publish(), Message(3, type_id, 1, 0, body)], talk.answer()))


def array(*values: bytes) -> bytes:
    """An AMF0 strict array."""
    return b"\x0a" + struct.pack(">I", len(values)) + b"".join(values)


def test_an_ordinary_capture_hits_none() -> None:
    assert limits(talk.pcap(talk.publish(), talk.answer())) == []


@pytest.mark.parametrize("type_id", [18, 20])
def test_amf(type_id: int) -> None:
    name = string("onX") + (b"\0" * 9 if type_id == 20 else b"")
    assert "amf_depth" in of_message(type_id, name + b"\x0a\0\0\0\1" * 100)
    assert "amf_values" in of_message(type_id, name + array(*[b"\5"] * 60_000))
    pairs = [array(b"\5")] + [array(*[b"\x07" + struct.pack(">H", n)] * 2) for n in range(1, 30)]
    assert "amf_expansion" in of_message(type_id, name + array(*pairs))


def test_sub_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    part = b"\x08\0\0\1" + bytes(7) + b"\xaf" + b"\0\0\0\x0c"
    assert of_message(22, part * 9) == []
    monkeypatch.setattr(aggregate, "MAX_SUB_MESSAGES", 8)
    assert of_message(22, part * 9) == ["sub_messages"]


def test_shared_object_events(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"\0\1x" + bytes(12) + b"\x08\0\0\0\0" * 12
    assert of_message(19, body) == []
    monkeypatch.setattr(shared_object, "MAX_EVENTS", 11)
    assert of_message(19, body) == ["shared_object_events"]


def test_fragments(monkeypatch: pytest.MonkeyPatch) -> None:
    def data(size: int) -> bytes:
        part = wire.tcp(bytes(64))[:size]
        parts = [wire.ip4(part, fragment=0x2000, ident=n) for n in range(9)]
        return frames.capture(wire.ethernet(part) for part in parts)

    assert limits(data(80)) == []
    monkeypatch.setattr(fragments, "MAX_DATAGRAMS", 8)
    assert limits(data(80)) == ["fragments"]
    assert limits(data(83)) == ["fragments"]  # no multiple of eight: what is too much is left


def test_interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    data = wire.section() + wire.interface() * 9 + wire.enhanced(1, FRAME)
    assert limits(data) == []
    monkeypatch.setattr(pcapng, "MAX_INTERFACES", 8)
    assert limits(data) == ["interfaces"]


def test_record_size() -> None:
    assert limits(wire.pcap([(1, FRAME)]) + struct.pack("<IIII", 1, 1, 1 << 30, 1 << 30)) == [
        "record_size"
    ]
    claim = struct.pack("<II", 6, 0x7FFFFFF0)
    assert limits(wire.section() + wire.interface() + claim * 2) == ["record_size"]


def test_search_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    def data() -> bytes:
        lost = [(0, frames.HANDSHAKE), *((4000 + 700 * n, bytes(100)) for n in range(30))]
        return frames.talk(lost)

    assert limits(data()) == []
    monkeypatch.setattr(budget, "FREE_EFFORT", 8)
    assert limits(data()) == ["search_budget"]


def test_judged_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    def connections() -> Session:
        session = Session([io.BytesIO(tcp.small_connections(4))])
        session.run()
        return session

    assert len(connections().judgement.verdicts) == 4 and not connections().limits_hit
    monkeypatch.setattr(scope, "FREE_JUDGEMENTS", 1)
    session = connections()
    texts = [verdict.text for verdict in session.judgement.verdicts]
    told = [text.startswith("not judged") for text in texts]
    assert told == [False, True, True, True]  # of equals, the first is judged
    assert session.limits_hit == ["judged_connections"]
    assert {result.connection for result in session.judgement.results} == {None, 0}


def test_body_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "FREE_VALUES", 0)
    session = talk.session()
    assert session.judgement.diagnostics and session.limits_hit == ["body_values"]


def test_an_output_decodes_long_bodies_sparingly(monkeypatch: pytest.MonkeyPatch) -> None:
    names = (struct.pack(">H", 4) + b"%04d\5" % n for n in range(500))
    body = string("onMetaData") + b"\3" + b"".join(names) + b"\0\0\x09"
    data = talk.pcap([*talk.publish(), *[Message(3, 18, 1, 0, body)] * 2], talk.answer())

    def written() -> tuple[int, list[str]]:
        session, out = Session([io.BytesIO(data)]), io.StringIO()
        session.run()
        FORMATS["tree"].write(session, out, Request())
        return out.getvalue().count("Property '0499'"), session.limits_hit

    assert written() == (2, [])
    monkeypatch.setattr(bounds, "FREE_FIELDS", 800)
    assert written() == (1, ["amf_values", "body_details"])


def test_nothing_is_searched_behind_very_many_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_limits, "FREE_HOLES", 1_000)
    data = frames.capture(frames.tcp_frame(2 * n, b"\3") for n in range(3_000))
    session = Session([io.BytesIO(data)])
    session.run()
    assert not session.connections and "search_budget" in session.limits_hit
