"""Every format, every place where RTMP carries a credential: none of them comes out."""

import base64
from pathlib import Path
from urllib.parse import quote

import pytest

from analyzer.export import FORMATS
from tests.analyzer import talk
from tests.analyzer.redaction.shared import redact
from tests.analyzer.talk import answer, command
from tests.analyzer.test_redact import leaks, output
from tests.dissectors.bodies import NULL, num, obj, string
from tests.dissectors.chunk_builder import Message

KEY = "k3y_Strm-9f8e7d"
SECRETS = {
    "name": KEY,
    "parameter": "tok4Qxyz77",
    "query": "qq11ww22",
    "user": "oper4tor",
    "password": "hunter2222",
    "page": "pagesess99",
    "challenge": "PuW4Bg77",
    "argument": "c0nnArgSecret",
    "member": "metaSecretKey1",
    "app": "appq5555",
}


def conversation() -> tuple[list[Message], list[Message]]:
    s = SECRETS
    name = f"{KEY}?token={s['parameter']}"
    connect = obj(
        ("app", string(f"live?auth={s['app']}")),
        ("tcUrl", string(f"rtmp://{s['user']}:{s['password']}@h/live?sig={s['query']}")),
        ("pageUrl", string(f"https://h/w?s={s['page']}")),
    )
    meta = obj(("streamkey", string(s["member"])), ("url", string(f"x/{quote(name, safe='')}")))
    client = [
        command("connect", 1, connect, string(s["argument"])),
        command("publish", 5, NULL, string(name), string("live"), msid=1),
        Message(4, 18, 1, 0, string("@setDataFrame") + string("onMetaData") + meta),
        command("unknownCommand", 9, NULL, string(f"hello {KEY}")),
        Message(7, 99, 1, 0, b"zzz" + KEY.encode() + b"yyy"),
        Message(6, 9, 1, 0, talk.CONFIG),
        Message(6, 9, 1, 40, b"\x27\x01\0\0\x50\0\0\0\x20\x06\x05" + KEY.encode() + bytes(30)),
        Message(8, 16, 0, 0, bytes(20) + KEY.encode()),
    ]
    reject = f"[ authmod=adobe ] : ?reason=needauth&user={s['user']}&challenge={s['challenge']}"
    server = [
        *answer(f"{name} is now published."),
        command("_error", 1, NULL, obj(("description", string(reject)))),
        command("onFCPublish", 0, NULL, obj(("description", string(KEY)))),
    ]
    return client, server


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_no_secret_comes_out(form: str) -> None:
    text = output(talk.session(*conversation()), form)
    for place, secret in SECRETS.items():
        assert not leaks(text, secret), place
        assert quote(secret, safe="") not in text
        assert base64.b64encode(secret.encode()).decode().rstrip("=")[:-1] not in text, place


def test_server_side_alone_gives_the_name_away() -> None:
    """`FCPublish to stream x.` is Flash Media Server's sentence."""
    said = obj(("description", string(f"FCPublish to stream {KEY}.")))
    text = output(talk.session([], [*answer(), command("onFCPublish", 0, NULL, said)]))
    assert not leaks(text, KEY)


def test_address_pasted_with_its_key() -> None:
    connect = obj(("app", string(f"live/{KEY}")), ("tcUrl", string(f"rtmp://h/live/{KEY}")))
    client = [
        command("connect", 1, connect),
        command("publish", 5, NULL, string(""), string("live"), msid=1),
    ]
    assert not leaks(output(talk.session(client, answer())), KEY)


@pytest.mark.parametrize("form", FORMATS)
def test_a_name_that_is_sent_as_a_number(form: str) -> None:
    client = [
        command("connect", 1, obj(("app", string("live")))),
        command("publish", 5, NULL, num(90817263), string("live"), msid=1),
        command("deleteStream", 6, NULL, num(1)),
    ]
    text = output(talk.session(client, answer()), form)
    assert not leaks(text, "90817263") and num(90817263)[1:].hex() not in text


def test_a_number_in_the_copy_of_the_capture(tmp_path: Path) -> None:
    name = num(90817263)
    client = [
        command("connect", 1, obj(("app", string("live")))),
        command("publish", 5, NULL, name, string("live"), msid=1),
    ]
    data = talk.pcap(client, answer())
    assert name in data and name[1:] not in redact(tmp_path, data)
