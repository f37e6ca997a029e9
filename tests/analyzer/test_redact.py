"""No credential leaves the machine: in no string, no label, no hex."""

import io
import json
import time

import pytest

from analyzer.export import FORMATS
from analyzer.export.request import Request
from analyzer.redact import HIDDEN, Redactor
from analyzer.redaction.collect import collect
from analyzer.redaction.secrets import MAX_SECRETS, Secrets
from analyzer.session import Session
from tests.analyzer import talk
from tests.analyzer.talk import answer, command, publish
from tests.dissectors.bodies import NULL, num, obj, string
from tests.dissectors.chunk_builder import Message


def output(session: Session, form: str = "json", detail: str = "bytes") -> str:
    out = io.StringIO()
    request = Request(detail=detail, plumbing=True, hexdump=True)
    request.redactor = Redactor(collect(session))
    FORMATS[form].write(session, out, request)
    text = out.getvalue()
    if form in ("json", "ndjson"):
        lines = text.splitlines() if form == "ndjson" else [text]
        text = "\n".join(json.dumps(json.loads(line), ensure_ascii=False) for line in lines)
    return text


def leaks(text: str, secret: str) -> bool:
    digits = secret.encode().hex()
    spaced = " ".join(digits[i : i + 2] for i in range(0, len(digits), 2))
    flat = text.replace("\n", "")
    return secret in text or digits in flat or spaced in flat


@pytest.mark.parametrize("form", ["json", "tree", "list", "summary"])
def test_stream_name(form: str) -> None:
    session = talk.session(publish(), answer("cam7?token=s3cr3t is now published"))
    text = output(session, form)
    for secret in ("cam7?token=s3cr3t", "token=s3cr3t", "s3cr3t", "cam7"):
        assert not leaks(text, secret)
    assert "‹key#1›" in text
    assert "connect('live')" in text or form == "summary"


def test_same_secret_same_placeholder_in_order_of_appearance() -> None:
    client = [*publish("first-key"), command("FCUnpublish", 5, NULL, string("first-key"))]
    client.append(command("play", 6, NULL, string("second-key"), num(-2000), msid=1))
    report = json.loads(output(talk.session(client)))
    infos = [m["info"] for m in report["messages"] if m["type_id"] == 20]
    assert "publish('‹key#1›')" in infos and "FCUnpublish('‹key#1›')" in infos
    assert "play('‹key#2›')" in infos
    assert report["connections"][0]["rtmp"]["streams"][0]["name"] == "‹key#1›"


def test_urls() -> None:
    url = "rtmp://joe:hunter22@h/live?auth_key=0123abcd&user=joe"
    client = publish("a-stream", "live?auth_key=0123abcd&user=joe", url)
    client[0] = command(
        "connect",
        1,
        obj(
            ("app", string("live?auth_key=0123abcd&user=joe")),
            ("tcUrl", string(url)),
            ("pageUrl", string("https://h/watch?session=deadbeefcafe")),
            ("swfUrl", string("https://h/p.swf?ticket=feedfacefeed#x")),
        ),
    )
    text = output(talk.session(client))
    for secret in ("hunter22", "0123abcd", "deadbeefcafe", "feedfacefeed", "joe:hunter22"):
        assert not leaks(text, secret), secret
    assert '"app": "live?‹key#1›"' in text and "rtmp://‹key#" in text


def test_authentication_parameters_in_a_status() -> None:
    description = (
        "[ AccessManager.Reject ] : [ authmod=adobe ] : "
        "?reason=needauth&user=operator7&salt=Zm9v&challenge=PuW4Bg==&opaque=Qk93Zz"
    )
    text = output(talk.session(publish(), answer(description)))
    for secret in ("operator7", "Zm9v", "PuW4Bg==", "Qk93Zz"):
        assert not leaks(text, secret), secret
    assert "authmod=adobe" in text and "reason=needauth" in text


def test_echo_alone_gives_the_name_away() -> None:
    for description in ("lonely-key is now published.", "Started playing lonely-key."):
        session = talk.session([publish()[0]], answer(description))
        assert not leaks(output(session), "lonely-key")


def test_short_and_ordinary_names_do_not_spoil_the_report() -> None:
    for name in ("a", "abc", "live"):
        session = talk.session(publish(name))
        text = output(session)
        report = json.loads(text)
        messages = {m["info"].split("(")[0]: m for m in report["messages"]}
        assert messages["publish"]["info"] == "publish('‹key#1›')"
        assert messages["publish"]["command"]["arguments"][0] == "‹key#1›"
        assert messages["publish"]["command"]["name"] == "publish"
        assert messages["connect"]["connection"] == "c0"
        assert "Real Time" not in text or "AMF0 Command" in text
        assert f"02{len(name):04x}{name.encode().hex()}" not in text


@pytest.mark.parametrize("name", ["key", "a", "0", "a b", "é€", "live", "publish", "NetStream"])
def test_an_echo_of_a_short_or_common_name(name: str) -> None:
    text = f"{name} is now published, token=s3cr3t"
    session = talk.session(publish(name), answer(text))
    report = json.loads(output(session))
    (status,) = [m["command"] for m in report["messages"] if m["info"].startswith("onStatus")]
    said = status["arguments"][0]
    assert said["code"] == "NetStream.Publish.Start"
    assert said["description"] == "‹key#1› is now published, token=‹key#2›"
    assert not leaks(output(session, "tree"), text) and not leaks(output(session), text)


def test_name_that_is_not_utf8() -> None:
    raw = b"\x02\x00\x08k\xffey\xfe99x"
    client = publish()
    client[1:4] = [command("publish", 4, NULL, raw, string("live"), msid=1)]
    text = output(talk.session(client))
    assert raw[3:].hex() not in text and "ey\ufffd99x" not in text


def test_name_with_control_characters() -> None:
    name = "key\x1b[31m-\u202ered"
    for form in ("json", "tree", "list"):
        text = output(talk.session(publish(name)), form)
        assert "[31m" not in text and "202e" not in text


def test_undecoded_name() -> None:
    """A string that claims 255 bytes, with a name of 12 behind it: nobody decodes those."""
    client = publish()
    client[3] = command("publish", 4, NULL, b"\x02\x00\xffundecoded-1")
    del client[1]
    assert not leaks(output(talk.session(client)), "undecoded-1")


def test_cut_label() -> None:
    name = "k" + "0123456789abcdef" * 100
    for form in ("tree", "list", "json"):
        assert "0123456789abcdef" not in output(talk.session(publish(name)), form)


def test_secret_in_bytes_of_other_messages() -> None:
    client = publish("secretname")
    client.append(Message(7, 99, 1, 0, b"\0\1secretname and more"))
    assert not leaks(output(talk.session(client)), "secretname")


def test_hex_is_found_at_whole_bytes_only() -> None:
    secrets = Secrets()
    secrets.add("ABCD-")
    redactor = Redactor(secrets)
    between = "0414243442d0"  # the digits of ABCD- begin in the middle of a byte
    assert redactor.hex(between) == between and redactor.hidden_bytes(bytes.fromhex(between)) == []
    assert redactor.hex("00414243442d00") == "00‹key#1›00"
    secrets.add("ABCD-longer")
    redactor = Redactor(secrets)
    assert redactor.hidden_bytes(b"\0ABCD-") == [(1, 5)], "not the longer one's length"
    assert redactor.hex("0041424344", cut=True) == "00‹key#1›"
    assert redactor.text("Undecoded: 40 bytes (0041424344…)") == (
        "Undecoded: 40 bytes (00‹key#1›…)"
    )


def test_media_is_left_alone() -> None:
    session = talk.session()
    plain, hidden = io.StringIO(), output(session, detail="messages")
    FORMATS["json"].write(session, plain, Request())
    first = [m for m in json.loads(plain.getvalue())["messages"] if m["type_id"] in (8, 9)]
    assert first == [m for m in json.loads(hidden)["messages"] if m["type_id"] in (8, 9)]


def test_too_many_secrets_hide_everything() -> None:
    secrets = Secrets()
    for number in range(MAX_SECRETS + 1):
        secrets.add(f"secret-{number}")
    assert secrets.overflow
    redactor = Redactor(secrets)
    assert redactor.text("anything") == HIDDEN and redactor.hex("00ff") == HIDDEN
    assert redactor.hidden_bytes(b"abc") == [(0, 3)]


def test_time_is_linear_in_hostile_text() -> None:
    secrets = Secrets()
    for length in range(4, 64):
        secrets.add("a" * length + "b")
    start = time.process_time()
    for text in ("a" * 20_000, "token" * 4_000, "x://" * 5_000, "a=" * 10_000, " " * 20_000):
        secrets.search(text)
        Redactor(secrets).text(text)
    assert time.process_time() - start < 20  # a second; minutes where a pattern tries again
