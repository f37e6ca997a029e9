"""Credentials by the name above them, keys in the path of an address, names that are numbers."""

import json
from pathlib import Path

import pytest

from analyzer.redaction.credentials import SENSITIVE, path_keys
from analyzer.redaction.encodings import u29
from tests.analyzer import talk
from tests.analyzer.redaction.shared import redact
from tests.analyzer.talk import answer, command, publish
from tests.analyzer.test_redact import leaks, output
from tests.dissectors.bodies import NULL, num, obj, string
from tests.dissectors.chunk_builder import Message

KEY = "Zq9SeKr3tKeY"
PIN = 73_519_264


def amf3_text(text: str) -> bytes:
    """AMF3 §3.8, without its marker."""
    return bytes([len(text) << 1 | 1]) + text.encode()


def amf3_object(*items: tuple[str, bytes]) -> bytes:
    """AMF3 §3.12: an anonymous dynamic object."""
    return b"\x0a\x0b\x01" + b"".join(amf3_text(k) + v for k, v in items) + b"\x01"


def connect(*items: tuple[str, bytes]) -> Message:
    return command("connect", 1, obj(("app", string("live")), *items))


NESTED = {
    "object": connect(("auth", obj(("pw", string(KEY))))),
    "deep": connect(
        ("credentials", obj(("a", obj(("b", obj(("c", string(KEY)))))))),
    ),
    "array": connect(("Tokens", b"\x0a\0\0\0\x02" + string("x") + string(KEY))),
    "number": connect(("pin", num(PIN)), ("auth", obj(("n", num(PIN))))),
    "amf3": connect(("session", b"\x11" + amf3_object(("v", b"\x06" + amf3_text(KEY))))),
    "amf3 integer": connect(("otp", b"\x11" + amf3_object(("v", b"\x04" + u29(PIN))))),
    "dictionary": connect(
        ("data", b"\x11\x11\x03\x00\x06" + amf3_text("secret") + b"\x06" + amf3_text(KEY))
    ),
    "bytes": connect(("ticket", b"\x11\x0c" + amf3_text(KEY))),
    "call": command("setUser", 7, NULL, obj(("auth", obj(("v", string(KEY)))))),
}


@pytest.mark.parametrize("name", NESTED)
@pytest.mark.parametrize("form", ["json", "tree"])
def test_below_a_name_of_credentials(name: str, form: str) -> None:
    client = [*publish()[1:], NESTED[name]]
    text = output(talk.session([publish()[0], *client]), form)
    assert not leaks(text, KEY) and str(PIN) not in text
    for raw in (num(PIN)[1:], u29(PIN)):
        assert raw.hex() not in text


@pytest.mark.parametrize("name", NESTED)
def test_below_a_name_of_credentials_in_the_copy(tmp_path: Path, name: str) -> None:
    copy = redact(tmp_path, talk.pcap([*publish(), NESTED[name]], answer()))
    for raw in (KEY.encode(), num(PIN)[1:], u29(PIN)):
        assert raw not in copy


def test_long_bytes_are_hidden_to_their_end(tmp_path: Path) -> None:
    data = bytes(range(1, 251)) + b"the end of a certificate " * 8
    size = u29(len(data) << 1 | 1)
    client = [*publish(), connect(("ticket", b"\x11\x0c" + size + data))]
    assert data[-40:].hex() not in output(talk.session(client))
    assert data[-40:] not in redact(tmp_path, talk.pcap(client, answer()))


NAMES = (
    "pw pwd pass passwd password passphrase pin otp key streamkey stream_key streamKey stream-key "
    "nonce response signature sig hmac token access_token refresh_token bearer cookie session sid "
    "ticket credential credentials auth authToken authorization authentication secret api-key "
    "apikey x-api-key x-amz-signature X-Auth-Token user username login"
).split()
OTHERS = (
    "author Author authority authmod app type code level description status keyframe keyframes "
    "width duration encoder passive spinning designer tcUrl flashVer capsEx mode details clientid"
).split()


@pytest.mark.parametrize("name", NAMES)
def test_names_of_credentials(name: str) -> None:
    assert SENSITIVE.search(name)
    session = talk.session([connect((name, string(KEY))), *publish()[1:]])
    assert not leaks(output(session), KEY)


@pytest.mark.parametrize("name", OTHERS)
def test_names_that_are_none(name: str) -> None:
    assert not SENSITIVE.search(name)


def test_status_codes_and_protocol_words_stay() -> None:
    code = "NetStream.Publish.BadName"
    reply = obj(("level", string("error")), ("code", string(code)), ("state", string("live")))
    client = [*publish(), command("note", 9, NULL, obj(("session", reply)))]
    report = json.loads(output(talk.session(client)))
    noted = [m["command"] for m in report["messages"] if m["info"].startswith("note")]
    shown = {"level": "error", "code": code, "state": "live"}
    assert noted[0]["arguments"] == [{"session": shown}]


@pytest.mark.parametrize("client", [
    publish("", f"live/{KEY}", f"rtmp://h/live/{KEY}"),
    publish("other", f"live/{KEY}", f"rtmp://h/live/{KEY}"),
    publish("other", "live", f"rtmp://h/live/{KEY}"),
    publish("other", "live", f"rtmps://h:443/live/room1/{KEY}?x=1"),
    publish("other", f"live%2F{KEY}"),
])  # fmt: skip
def test_key_in_the_address(tmp_path: Path, client: list[Message]) -> None:
    text = output(talk.session(client, answer(f"rtmp://h/live/{KEY} is gone; no {KEY}")))
    assert not leaks(text, KEY)
    assert json.loads(text)["connections"][0]["rtmp"]["app"].startswith("live")
    copy = redact(tmp_path, talk.pcap(client, answer(f"no {KEY}")))
    assert KEY.encode() not in copy and b"/live" in copy


def test_application_and_instance_stay() -> None:
    url = "rtmp://h/origin/_definst_/room12"
    client = publish(app="origin/_definst_/room12", url=url)
    found = json.loads(output(talk.session(client)))["connections"][0]["rtmp"]
    assert (found["app"], found["tc_url"]) == ("origin/_definst_/room12", url)


def test_parts_of_a_path() -> None:
    assert list(path_keys("live")) == list(path_keys("/live/")) == []
    assert list(path_keys("app/inst2/a/720p/9f3e-aa;x=1")) == ["9f3e-aa"]


@pytest.mark.parametrize(("value", "size"), [(12_345, 2), (1_234_567, 3), (73_519_264, 4)])
def test_stream_name_that_is_an_amf3_integer(tmp_path: Path, value: int, size: int) -> None:
    assert len(u29(value)) == size
    body = b"\0" + string("publish") + num(3) + NULL + b"\x11\x04" + u29(value) + string("live")
    client = [*publish("other"), Message(3, 17, 1, 0, body)]
    text = output(talk.session(client))
    assert str(value) not in text and u29(value).hex() not in text
    assert b"\x11\x04" + u29(value) not in redact(tmp_path, talk.pcap(client, answer()))
    copy = talk.opened(tmp_path / "out.pcap")  # which reads as the original did
    summaries = [copy.summary(row) for row in copy.order().tolist()]
    (name,) = (s[1]["arguments"][0] for s in summaries if s and s[1].get("transaction_id") == 3
               and s[1]["name"] == "publish")  # fmt: skip
    assert isinstance(name, int) and name != value


@pytest.mark.parametrize(
    ("value", "digits"),
    [(0, "00"), (127, "7f"), (128, "8100"), (16_383, "ff7f"), (16_384, "818000"),
     (2_097_151, "ffff7f"), (2_097_152, "80c08000"), ((1 << 28) - 1, "bfffffff")],
)  # fmt: skip
def test_u29(value: int, digits: str) -> None:
    """AMF3 §1.3.1: seven bits in each byte but the fourth, which has eight."""
    assert u29(value).hex() == digits


def test_what_a_value_could_not_be_read_as_is_no_secret() -> None:
    """The report's own word for an argument that is cut off, not a stream's name."""
    torn = command("publish", 5, NULL, b"\x02\x00\x40cam", msid=1)
    found = json.loads(output(talk.session([connect(), torn])))
    values = [m["command"]["arguments"] for m in found["messages"] if m["info"] == "publish()"]
    assert values == [[{"$amf": "undecodable"}]]
