"""CMD rules: connect, publish, play and their answers."""

import pytest

from tests.analyzer.rules.builder import (
    CONNECTED,
    C,
    S,
    Talk,
    aac_config,
    avc_config,
    command,
    connect,
    control,
    findings,
    found,
    good,
    metadata,
    picture,
    result,
    session,
    status,
    user_control,
)
from tests.dissectors.bodies import NULL, num, obj, string


def refusal(description: str, **more: bytes) -> list:
    items = [
        ("level", string("error")),
        ("code", string("NetConnection.Connect.Rejected")),
        ("description", string(description)),
    ]
    return [result(1, NULL, obj(*items, *more.items()), name="_error")]


def rejected(description: str, app: str = "live", start_ms: float = 0, **more: bytes) -> Talk:
    talk = Talk(start_ms, port=50000 + int(start_ms)).opened()
    return talk.send(C, connect(app)).send(S, *refusal(description, **more)).fin(S)


def test_cmd_01_connect_refused():
    item = found(rejected("[ AccessManager.Reject ] : no app"), "CMD-01")
    assert item is not None and item.severity == "error" and "no app" in item.text
    assert item.actual == "NetConnection.Connect.Rejected"
    assert found(good(), "CMD-01") is None


def test_cmd_01_says_what_the_description_means():
    item = found(rejected("code=403 need auth; authmod=adobe : ?reason=needauth"), "CMD-01")
    assert item is not None and "credentials" in (item.help or "")
    assert "no later connection" in item.text


def test_cmd_01_authentication_in_three_connections_is_one_matter():
    first = rejected("code=403 need auth; authmod=adobe")
    second = rejected("authmod=adobe : ?reason=needauth&user=a", "live?authmod=adobe&user=a", 1000)
    third = Talk(2000, port=52000).connected("live?authmod=adobe&user=a&response=x")
    own = [d for d in findings(first, second, third.fin(C)) if d.rule == "CMD-01"]
    assert [item.severity for item in own] == ["note", "note"]
    assert "authenticated after 2 more connections" in own[0].text


def test_cmd_02_redirect_not_followed():
    where = obj(("code", num(302)), ("redirect", string("rtmp://10.9.9.9/live")))
    first = rejected("moved", ex=where)
    item = found(first, "CMD-02")
    assert item is not None and (item.severity, item.blame) == ("warning", "client")
    later = Talk(3000, port=50009).connected(url="rtmp://10.9.9.9/live").fin(C)
    item = found([first, later], "CMD-02")
    assert item is not None and (item.severity, item.blame) == ("note", None)
    plain = rejected("moved", **{"ex.code": num(302), "ex.redirect": string("rtmp://10.9.9.9/a")})
    item = found(plain, "CMD-02")
    assert item is not None and "to 10.9.9.9" in item.text and found(plain, "CMD-01") is None
    assert found(rejected("moved", ex=obj(("code", num(403)))), "CMD-02") is None


@pytest.mark.parametrize(
    ("app", "url", "words"),
    [
        ("", "rtmp://10.0.0.2/live", "no application"),
        ("live/", "rtmp://10.0.0.2/live/", "slash"),
        ("live", "rtmp://10.0.0.2/other", "not that of"),
        ("live", "rtmp://10.0.0.2/live/cam7", "more parts"),
        ("live", "rtmp://10.0.0.2:1940/live", "port"),
        ("live", "rtmp://localhost/live", "localhost"),
    ],
)
def test_cmd_03_app_and_url_do_not_fit(app, url, words):
    item = found(Talk().connected(app, url), "CMD-03")
    assert item is not None and item.severity == "warning" and words in item.text


@pytest.mark.parametrize(
    ("app", "url"),
    [
        ("live", "rtmp://10.0.0.2:1935/live"),
        ("live/_definst_", "rtmp://media.example.org/live/_definst_"),
        ("live?key=1", "rtmp://10.0.0.2/live?key=1"),
    ],
)
def test_cmd_03_usual_forms(app, url):
    assert found(Talk().connected(app, url), "CMD-03") is None


def test_cmd_05_media_are_an_answer_to_play():
    def talk(media: bool) -> Talk:
        made = Talk().connected().send(C, command("createStream", 2, NULL)).send(S, result(2))
        made.send(C, command("play", 3, NULL, string("cam7"), msid=1))
        return made.media(7, side=S) if media else made.wait(7000).fin(C)

    assert found(talk(False), "CMD-05") is not None
    assert found(talk(True), "CMD-05") is None


def test_cmd_03_a_query_is_worth_a_word_where_connect_is_refused():
    item = found(rejected("no such app", "live?key=1"), "CMD-03")
    assert item is not None and (item.severity, item.text) == (
        "note", "the application has a query"
    )  # fmt: skip
    assert found(rejected("authmod=adobe", "live?authmod=adobe"), "CMD-03") is None


@pytest.mark.parametrize("name", ["", "/cam", "live", "key=abc"])
def test_cmd_03_stream_names(name):
    item = found(Talk().publishing(name), "CMD-03")
    assert item is not None and item.severity == "warning"


def test_cmd_03_is_the_cause_when_the_server_refuses():
    talk = Talk().opened().send(C, connect("", "rtmp://10.0.0.2/")).send(S, *refusal("no")).fin(S)
    items = {item.rule: item for item in findings(talk)}
    assert items["CMD-03"].severity == "error"
    assert items["CMD-01"].cause == items["CMD-03"].id


def asked(code: str, level: str = "error", description: str = "") -> Talk:
    talk = Talk().connected().send(C, command("createStream", 2, NULL)).send(S, result(2))
    talk.send(C, command("publish", 3, NULL, string("cam7"), string("live"), msid=1))
    return talk.send(S, status(code, level, description=description))


def test_cmd_04_the_name_is_taken():
    talk = asked("NetStream.Publish.BadName", description="Already publishing").fin(S)
    item = found(talk, "CMD-04")
    assert item is not None and item.severity == "error" and "Already publishing" in item.text
    assert found(talk, "CMD-09") is None, "one thing, one finding"
    assert found(good(), "CMD-04") is None


def test_cmd_04_names_the_ghost():
    ghost = Talk(port=50005).publishing().media(1)
    late = asked("NetStream.Publish.BadName").fin(S)
    late.packets = [(ms + 30_000, data, size) for ms, data, size in late.packets]
    item = found([ghost, late], "CMD-04")
    assert item is not None and "c0 has been publishing it for 30." in item.text


def unanswered(wait_ms: float) -> Talk:
    talk = Talk().connected().send(C, command("createStream", 2, NULL)).send(S, result(2))
    talk.send(C, command("publish", 3, NULL, string("cam7"), string("live"), msid=1))
    return talk.wait(wait_ms)


def test_cmd_05_silence_on_publish():
    talk = unanswered(5_500)
    item = found(talk.fin(C), "CMD-05")
    assert item is not None and (item.severity, item.blame) == ("error", "server")
    closed = found(unanswered(10).fin(S), "CMD-05")
    assert closed is not None and "closed the connection" in closed.text
    assert found(unanswered(10).fin(C), "CMD-05") is None


def test_cmd_06_calls_without_reply():
    talk = Talk().connected().send(C, command("createStream", 2, NULL)).wait(6_000).fin(C)
    item = found(talk, "CMD-06")
    assert item is not None and (item.severity, item.track) == ("error", "createStream")
    talk = Talk().connected().send(C, command("releaseStream", 2, NULL, string("cam7")))
    item = found(talk.wait(6_000).fin(C), "CMD-06")
    assert item is not None and item.severity == "note"
    assert found(good(), "CMD-06") is None


def test_cmd_06_reply_without_its_number():
    wrong = command("onFCPublish", 0, NULL)._replace(body=string("onFCPublish") + NULL)
    item = found(Talk().connected().send(S, wrong), "CMD-06")
    assert item is not None and item.severity == "warning"
    bare = wrong._replace(body=string("onFCPublish"))
    item = found(Talk().connected().send(S, bare), "CMD-06")
    assert item is not None and item.severity == "note", "FFmpeg -listen, harmless"
    right = command("onFCPublish", 0, NULL)
    assert found(Talk().connected().send(S, right), "CMD-06") is None


def eager(*messages) -> Talk:
    talk = unanswered(0).send(C, *messages).wait(5)
    return talk.send(S, status("NetStream.Publish.Start")).media(1).ending()


def test_cmd_07_media_before_start():
    item = found(eager(metadata(), picture(0, key=True)), "CMD-07")
    assert item is not None and (item.severity, item.blame) == ("warning", "client")
    item = found(eager(metadata(), avc_config(), aac_config(), picture(0, key=True)), "CMD-07")
    assert item is not None and item.severity == "error" and item.count == 3
    assert found(eager(metadata()), "CMD-07") is None, "metadata may come before"


def test_cmd_08_another_message_stream():
    talk = Talk().publishing().send(C, picture(0, msid=5))
    item = found(talk, "CMD-08")
    assert item is not None and (item.severity, item.expected, item.actual) == ("error", "1", "5")
    assert found(good(), "CMD-08") is None


@pytest.mark.parametrize(("msid", "severity"), [(7, "warning"), (0, "note")])
def test_cmd_08_status_on_another_message_stream(msid, severity):
    talk = unanswered(0).send(S, status("NetStream.Publish.Start", msid=msid)).media(1)
    item = found(talk, "CMD-08")
    assert item is not None and (item.severity, item.track) == (severity, "status")


def test_cmd_09_any_error():
    talk = Talk().publishing().send(S, status("NetStream.Record.NoAccess", "error"))
    item = found(talk, "CMD-09")
    assert item is not None and item.actual == "NetStream.Record.NoAccess"
    assert found(good(), "CMD-09") is None


def test_cmd_09_the_server_ends_what_it_had_accepted():
    talk = Talk().publishing().send(S, status("NetConnection.Connect.Closed", "error", msid=0))
    items = {item.rule: item for item in findings(talk)}
    assert items["CMD-09"].blame == "server" and "ends the connection" in items["CMD-09"].text
    assert "CMD-01" not in items
    refused = Talk().opened().send(C, connect())
    refused.send(S, status("NetConnection.Connect.Closed", "error", msid=0))
    assert found(refused, "CMD-01") is not None


@pytest.mark.parametrize(("name", "blame"), [("createStream", "server"), ("call", "client")])
def test_cmd_09_a_stream_is_the_servers_to_give(name, blame):
    talk = Talk().connected().send(C, command(name, 2, NULL))
    info = obj(("level", string("error")), ("code", string("NetConnection.Call.Failed")))
    item = found(talk.send(S, result(2, NULL, info, name="_error")), "CMD-09")
    assert item is not None and item.blame == blame


def test_cmd_05_an_answer_on_another_message_stream_is_one():
    talk = unanswered(0).send(S, status("NetStream.Publish.Start", msid=5)).media(6).fin(C)
    results = session(talk).judgement.results
    assert [item.status for item in results if item.rule == "CMD-05"] == ["pass"]
    other = unanswered(0).send(S, status("NetStream.Play.Start", msid=5)).media(6).fin(C)
    assert found(other, "CMD-05") is not None


def test_cmd_10_accepted_and_closed():
    item = found(Talk().publishing().send(C, metadata()).wait(100).fin(S), "CMD-10")
    assert item is not None and (item.severity, item.blame) == ("error", "server")
    assert found(Talk().publishing().media(4).fin(S), "CMD-10") is None
    assert found(Talk().publishing().send(C, metadata()).ending(), "CMD-10") is None


def test_cmd_11_no_such_stream():
    talk = Talk().connected().send(C, command("createStream", 2, NULL)).send(S, result(2))
    talk.send(C, command("play", 3, NULL, string("cam7"), msid=1))
    item = found(talk.send(S, status("NetStream.Play.StreamNotFound", "error")).fin(S), "CMD-11")
    assert item is not None and item.severity == "error"


def test_cmd_11_nobody_publishes():
    talk = Talk().playing().wait(6_000).fin(C)
    item = found(talk, "CMD-11")
    assert item is not None and item.severity == "warning"
    assert found(Talk().playing().wait(1_000).media(1, side=S).fin(C), "CMD-11") is None


def test_replies_with_strange_numbers_do_no_harm():
    """Not a number, an object as transaction id, no arguments at all."""
    nan, odd = num(float("nan")), obj(("a", NULL))
    talk = Talk().opened().send(C, connect()).send(S, CONNECTED, control(6, 1, 2), user_control(6))
    talk.send(C, command("createStream", 2, NULL)).send(S, result(2, NULL, nan))
    broken = command("_error", 0)._replace(body=string("_error") + odd + odd)
    talk.send(S, broken).send(C, command("publish", 3)._replace(body=string("publish") + odd))
    assert findings(talk.fin(S)) is not None


@pytest.mark.parametrize("waited", [4_000, 7_000])
def test_an_answer_that_took_as_long_as_none_may_is_told(waited):
    def slow(*, result_ms=0, start_ms=0):
        talk = Talk().connected().send(C, command("createStream", 2, NULL)).wait(result_ms)
        talk.send(S, result(2))
        talk.send(C, command("publish", 3, NULL, string("cam7"), string("live"), msid=1))
        return talk.wait(start_ms).send(S, status("NetStream.Publish.Start")).media(1)

    for talk, rule, name in (
        (slow(result_ms=waited), "CMD-06", "createStream"),
        (slow(start_ms=waited), "CMD-05", "publish"),
    ):
        item = found(talk, rule)
        if waited < 5_000:
            assert item is None
        else:
            assert item.severity == "warning" and item.blame == "server"
            assert item.text == f"the server answered {name} after 7.0 s"
