"""AMF, END, REC and SEC rules."""

import pytest

from analyzer import filters
from tests.analyzer.rules.builder import (
    CONNECTED,
    C,
    S,
    Talk,
    aac_config,
    avc_config,
    command,
    connect,
    findings,
    found,
    good,
    metadata,
    picture,
    result,
    session,
    status,
)
from tests.dissectors.bodies import NULL, num, obj, string
from tests.dissectors.chunk_builder import Message


def amf3(body: bytes, kind: int = 17) -> Message:
    return Message(3, kind, 0, 0, body)


def agreed(**answer: bytes) -> Talk:
    """connect asks for AMF3; the server answers."""
    talk = Talk().opened().send(C, connect(objectEncoding=num(3)))
    code = ("code", string("NetConnection.Connect.Success"))
    return talk.send(S, command("_result", 1, NULL, obj(code, *answer.items())))


def test_amf_01_amf3_without_its_leading_byte():
    body = string("releaseStream") + num(2) + NULL
    item = found(agreed().send(C, amf3(body)), "AMF-01")
    assert item is not None and (item.severity, item.actual) == ("warning", "2")
    assert found(agreed().send(C, amf3(b"\0" + body)), "AMF-01") is None


def test_amf_01_amf3_to_a_server_that_refused_it():
    body = b"\0" + string("releaseStream") + num(2) + NULL
    item = found(agreed(objectEncoding=num(0)).send(C, amf3(body)), "AMF-01")
    assert item is not None and (item.severity, item.blame) == ("error", "client")
    assert found(agreed(objectEncoding=num(3)).send(C, amf3(body)), "AMF-01") is None


def data(body: bytes) -> Talk:
    return Talk().publishing().send(C, Message(4, 18, 1, 0, body))


def test_amf_02_a_value_longer_than_the_message():
    item = found(data(string("onMetaData") + b"\x02\xff\xff"), "AMF-02")
    assert item is not None and item.severity == "error"
    assert found(data(string("onMetaData") + obj(("width", num(1)))), "AMF-02") is None


@pytest.mark.parametrize("rest", [b"\0\0\x09", b"\xff\xee"])
def test_amf_02_bytes_behind_the_last_value(rest):
    item = found(data(string("onMetaData") + obj(("width", num(1))) + rest), "AMF-02")
    assert item is not None and (item.severity, item.key) == ("note", "trailing")
    whole = command("FCPublish", 4, NULL, string("cam7"))
    item = found(Talk().publishing().send(C, whole._replace(body=whole.body + rest)), "AMF-02")
    assert item is not None and item.severity == "note"


def test_amf_02_what_is_missing_is_no_rest():
    item = found(data(string("@setDataFrame") + string("onMetaData") + b"\xff"), "AMF-02")
    assert item is not None and item.severity == "error"
    item = found(Talk().publishing().send(C, command("FCPublish", 4, NULL, b"\2\xff")), "AMF-02")
    assert item is not None and item.severity == "error"


def test_amf_02_the_end_marker_is_missing():
    item = found(data(string("onMetaData") + obj(("width", num(1)))[:-3]), "AMF-02")
    assert item is not None and item.severity == "warning"


def test_amf_02_the_count_of_an_ecma_array_may_be_anything():
    """§2.10: "approximate"; many encoders write 0."""
    array = b"\x08\0\0\0\0" + obj(("width", num(320)), ("height", num(240)))[1:]
    assert found(data(string("onMetaData") + array), "AMF-02") is None


def test_end_01_no_farewell():
    item = found(Talk().publishing().media(1).fin(C), "END-01")
    assert item is not None and (item.severity, item.blame) == ("note", "client")
    only = Talk().publishing().media(1).send(C, command("closeStream", 0, NULL, msid=1)).fin(C)
    item = found(only, "END-01")
    assert item is not None and "closeStream only" in item.text
    assert found(good(), "END-01") is None
    assert found(Talk().publishing().media(1), "END-01") is None, "its end was not captured"


def test_end_04_gone_in_mid_stream():
    item = found(Talk().publishing().media(1).fin(C), "END-04")
    assert item is not None and (item.severity, item.blame) == ("warning", "client")
    reset = findings(Talk().publishing().media(1).rst(C))
    assert {d.rule: d.cause for d in reset}["NET-06"] == next(
        d.id for d in reset if d.rule == "END-04"
    )
    assert found(Talk().publishing().media(1).wait(2000).fin(C), "END-04") is None, "it had ended"
    assert found(Talk().publishing().media(1).fin(S), "END-04") is None
    only = Talk().publishing().media(1).send(C, command("closeStream", 0, NULL, msid=1)).fin(C)
    assert found(only, "END-04") is None
    asked = status("NetConnection.Connect.ReconnectRequest", msid=0)
    assert found(Talk().publishing().media(1).send(S, asked).fin(C), "END-04") is None
    assert found(good(), "END-04") is None


def test_end_04_nginx_pushes_that_way():
    def pushed(version: str) -> Talk:
        talk = Talk().opened().send(C, connect(flashVer=string(version)))
        talk.send(S, CONNECTED).send(C, command("createStream", 2, NULL)).send(S, result(2))
        talk.send(C, command("publish", 3, NULL, string("cam7"), string("live"), msid=1))
        return talk.send(S, status("NetStream.Publish.Start")).media(1).fin(C)

    assert found(pushed("LNX.11,1,102,55"), "END-04") is None
    assert found(pushed("FMLE/3.0"), "END-04") is not None


def test_end_02_the_last_message_is_cut():
    talk = Talk().publishing().media(1)
    cut = talk.encoded(C, picture(1000, size=900))
    item = found(talk.raw(C, cut[:300]).fin(C), "END-02")
    assert item is not None and f"{len(cut) - 300} bytes" in item.text
    assert found(good(), "END-02") is None


def test_end_03_closed_without_a_word():
    item = found(Talk().publishing().media(4).fin(S), "END-03")
    assert item is not None and (item.severity, item.blame) == ("warning", "server")
    said = Talk().publishing().media(4).send(S, status("NetStream.Unpublish.Success")).fin(S)
    assert found(said, "END-03") is None
    client = Talk().publishing().media(4).send(C, command("deleteStream", 6, NULL, num(1)))
    assert found(client.fin(S), "END-03") is None


def short(start_s: float, number: int) -> Talk:
    return Talk(start_s * 1000, port=50000 + number).publishing().media(1).fin(S)


def test_rec_01_again_and_again():
    item = found([short(5 * n, n) for n in range(4)], "REC-01")
    assert item is not None and item.severity == "error" and "every 5.0 s" in item.text
    assert "all end at media" in item.text
    assert found([short(5 * n, n) for n in range(2)], "REC-01") is None
    assert found([short(200 * n, n) for n in range(4)], "REC-01") is None
    refused = [
        Talk(5000 * n, port=50000 + n)
        .publishing()
        .send(S, status("NetStream.Publish.BadName", "error"))
        .fin(S)
        for n in range(3)
    ]
    item = found(refused, "REC-01")
    assert item is not None and item.text.endswith("NetStream.Publish.BadName")
    cut = [short(5 * n, n) for n in range(4)]
    for talk in cut:
        talk.packets = talk.packets[30:]
    assert found(cut, "REC-01") is None, "nobody knows how short they were"
    player = [Talk(5000 * n, port=50010 + n).playing().media(1, side=S).fin(C) for n in range(2)]
    assert found([short(1, 1), *player], "REC-01") is None, "a publisher and its players"
    proper = [Talk(5000 * n, port=50000 + n).publishing().media(1).ending() for n in range(4)]
    assert found(proper, "REC-01") is None


def test_rec_02_two_publishers_at_once():
    first = Talk().publishing().media(6).ending()
    second = Talk(2_000, client="10.0.0.9").publishing().media(1).ending()
    item = found([first, second], "REC-02")
    assert item is not None and item.connection == "c1"
    other = Talk(2_000, client="10.0.0.9").publishing("cam8").media(1).ending()
    assert found([first, other], "REC-02") is None


def test_rec_03_reconnected_without_headers():
    first = good(1)
    bare = Talk(5_000, port=50001).publishing().media(1).ending()
    own = [item for item in findings(first, bare) if item.rule == "REC-03"]
    assert {(item.track, item.connection, item.severity) for item in own} == {
        ("audio", "c1", "error"),
        ("video", "c1", "error"),
    }
    whole = Talk(5_000, port=50001).publishing().send(C, metadata(), avc_config(), aac_config())
    assert found([first, whole.media(1).ending()], "REC-03") is None


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("cam7?token=3f9a", "a token in the query"),
        ("live_123456_AbCdEfGh123456789", "a stream key"),
        ("abcd-1234-efgh-5678", "a stream key"),
        ("k3J9x2Qm8Zp4Lw7Rt5", "a stream key"),
    ],
)
def test_sec_01_credentials_in_clear(name, what):
    item = found(Talk().publishing(name), "SEC-01")
    assert item is not None and item.severity == "note" and what in item.text
    read = session(Talk().publishing(name))
    shown = [d.text + str(d.expected) + str(d.actual) for d in read.diagnostics]
    shown += [verdict.text for verdict in read.judgement.verdicts]
    assert not any(name in text for text in shown), "a finding never prints it"


@pytest.mark.parametrize("name", ["cam7", "studio-a-main-programme", "vod/2024/intro.mp4"])
def test_sec_01_ordinary_names(name):
    assert found(Talk().publishing(name), "SEC-01") is None


def test_sec_01_user_and_password():
    item = found(Talk().connected(url="rtmp://joe:pw@10.0.0.2/live"), "SEC-01")
    assert item is not None and "user and password" in item.text


def test_sec_02_the_key_in_the_url():
    key = "live_123456_AbCdEfGh123456789"
    talk = Talk().connected(f"app/{key}", f"rtmp://10.0.0.2/app/{key}")
    item = found(talk, "SEC-02")
    assert item is not None and (item.severity, item.confidence) == ("warning", "heuristic")
    assert found(Talk().publishing(key), "SEC-02") is None


def test_the_end_is_listed_with_the_last_message():
    """So that the filter finds it; its frame and time are those of the end."""
    read = session(Talk().publishing().media(4).fin(S))
    item = next(item for item in read.diagnostics if item.rule == "END-03")
    found_rows = filters.compile('diagnostic.rule == "END-03"').rows(read, read.order())
    assert [read.message_id(int(row)) for row in found_rows] == [item.message]
    assert item.frame > read.value(int(found_rows[0]), "last_frame")
