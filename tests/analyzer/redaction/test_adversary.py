"""Secrets where they are hard to find: in no output, and not in the copy, in no form."""

import base64
import html
import io
import json
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from analyzer.export import FORMATS
from analyzer.export.request import Request
from analyzer.redact import Redactor
from analyzer.redaction.collect import collect
from analyzer.session import Session
from tests.analyzer import wire
from tests.analyzer.redaction.shared import redact
from tests.analyzer.rules.builder import (
    ACK,
    CONNECTED,
    GREETING,
    PSH,
    C,
    Message,
    S,
    Talk,
    aac_config,
    avc_config,
    capture,
    command,
    connect,
    control,
    metadata,
    result,
    status,
)
from tests.dissectors.bodies import NULL, ecma, num, obj, string, utf8

KEY, TOKEN, SHORT = "k3y-Zq81-Xw72", "tok4Qxyz77", "q7z"
Case = tuple[Talk, list[str]]


def publishing(name: str) -> Message:
    return command("publish", 3, NULL, string(name), string("live"), msid=1)


def said(*messages: Message, server: Message | None = None) -> Talk:
    """A conversation with these messages of the client."""
    talk = Talk().connected().send(C, *messages)
    if server is not None:
        talk.send(S, server)
    return talk.send(C, metadata(), avc_config(), aac_config()).media(0.1)


def with_hole(message: Message, inside: bytes, start: int, length: int) -> Talk:
    """The message with `length` bytes missing, `start` bytes behind where `inside` stands."""
    talk = Talk().connected().chunk_size(C, 4096)
    data = talk.encoded(C, message)
    at = data.index(inside) + start
    talk.raw(C, data[:at]).raw(C, data[at : at + length], lost=True).raw(C, data[at + length :])
    return talk.send(C, metadata(), avc_config(), aac_config()).media(0.3)


def amf3(text: str) -> bytes:
    """AMF3 §3.8: a string, its length with the lowest bit set."""
    return bytes([len(text) << 1 | 1]) + text.encode()


def tag(type_id: int, body: bytes) -> bytes:
    """A message in an aggregate (RTMP 1.0 §7.1.6)."""
    head = bytes([type_id]) + len(body).to_bytes(3, "big") + bytes(7)
    return head + body + (len(body) + 11).to_bytes(4, "big")


def encoded_forms(secret: str) -> Iterator[str]:
    """How a secret may be written, in base64 whatever stands before it."""
    raw = secret.encode()
    yield from (secret, quote(secret, safe=""), raw.hex(), raw.hex().upper())
    yield from (secret.lower(), secret.upper())
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(bytes(shift) + raw).decode()
            yield text[(0, 2, 3)[shift] : (shift + len(raw)) // 3 * 4]


# -- where secrets stand --------------------------------------------------------------------


def name_with_query() -> Case:
    return said(publishing(f"mp4:dir/{KEY}?e={TOKEN}"), publishing(KEY)), [KEY, TOKEN]


def short_name() -> Case:
    return said(publishing(SHORT)), [SHORT]


def hostile_name() -> Case:
    name = "k'ey\"<b>&%2F\\ x#\u202e\n\x1b[31m`|\u00e9\U0001f600z"
    return said(publishing(name)), [name, "k'ey\"<b>"]


def long_name() -> Case:
    name = "L0ng" + "0123456789abcdef" * 120
    return said(publishing(name)), [name[:40], name[60:90], name[-30:]]


def amf3_command() -> Case:
    body = b"\0" + string("publish") + num(3) + NULL + b"\x11\x06" + amf3(SHORT) + string("live")
    return said(Message(3, 17, 1, 0, body)), [SHORT]


def amf3_metadata() -> Case:
    body = b"\0\x11\x06" + amf3("onMetaData")
    body += b"\x11\x0a\x0b\x01" + amf3("streamkey") + b"\x06" + amf3(KEY) + b"\x01"
    return said(Message(4, 15, 1, 0, body)), [KEY]


def shared_object() -> Case:
    event = utf8("token") + string(TOKEN)
    body = utf8(f"so_{KEY}") + bytes(12) + b"\x03" + struct.pack(">I", len(event)) + event
    return said(publishing(KEY), Message(3, 19, 0, 0, body)), [KEY, TOKEN]


def aggregate() -> Case:
    data = string("onMetaData") + ecma(("streamkey", string(KEY)), ("a", string("b")))
    call = string("publish") + num(0) + NULL + string(TOKEN)
    return said(Message(6, 22, 1, 0, tag(18, data) + tag(20, call))), [KEY, TOKEN]


def urls() -> Case:
    talk = Talk().opened()
    more = {
        "swfUrl": string(f"https://h/p.swf;jsessionid={TOKEN}1"),
        "pageUrl": string(f"https://h/w?s={TOKEN}2 '{TOKEN}3\"#access_token={TOKEN}4"),
        "other": string(f"srt+x://u5er9:{TOKEN}5@h/p?zz={TOKEN}6"),
    }
    url = f"rtmp://op3r:p%40w9@h/live?sig={TOKEN}7"
    talk.send(C, connect(f"live?auth={TOKEN}8", url, **more)).send(S, CONNECTED)
    return talk, [f"{TOKEN}{n}" for n in range(1, 9)] + ["u5er9", "op3r", "p%40w9", "p@w9"]


def authentication() -> Case:
    text = f"[ authmod=adobe ] : ?reason=needauth&user=joe&salt=Zm9vQ&challenge={TOKEN}"
    items = (("code", string("NetConnection.Connect.Rejected")), ("description", string(text)))
    app = f"live?authmod=adobe&user=joe&challenge={TOKEN}&response={KEY}"
    talk = Talk().opened().send(C, connect(app)).send(S, result(1, NULL, obj(*items)))
    return talk, [TOKEN, KEY, "Zm9vQ", "=joe"]


def arguments() -> Case:
    messages = (
        command("login", 7, NULL, string("us3rname"), string(TOKEN)),
        command("play", 8, NULL, obj(("name", string(KEY)))),
        command("publish", 9, NULL, b"\x0f" + utf8("xml-n4me", 4), msid=1),
    )
    return said(*messages), ["us3rname", TOKEN, KEY, "xml-n4me"]


def echoes_in_every_form() -> Case:
    forms = [f"<{form}>" for form in encoded_forms(KEY)]
    return said(publishing(KEY), command("note", 9, NULL, *map(string, forms))), [KEY]


def wrong_length() -> Case:
    claims = (b"\x02\xff\xff" + KEY.encode(), b"\x02\0\x04" + TOKEN.encode())
    return said(*(command("publish", 3, NULL, claim, msid=1) for claim in claims)), [KEY, TOKEN[4:]]


def short_name_behind_a_hole() -> Case:
    return with_hole(publishing(SHORT), SHORT.encode(), -12, 4), [SHORT]


def rests_beside_a_hole() -> Case:
    return with_hole(publishing(KEY), KEY.encode(), 3, 7), [KEY[:3], KEY[10:]]


def metadata_behind_a_hole() -> Case:
    items = (("a", string("b" * 20)), ("x", string(SHORT)), ("streamkey", string(KEY)))
    message = Message(4, 18, 1, 0, string("onMetaData") + ecma(*items))
    return with_hole(message, b"bbbb", 4, 5), [KEY]


def chunk_header_lost() -> Case:
    return with_hole(publishing(KEY), b"\x02\0\x07publish", -12, 14), [KEY]


def captured_from_the_middle_of_a_url() -> Case:
    talk = Talk()
    talk.sent = [3073, 3073]
    data = talk.encoded(C, connect(f"live?auth={TOKEN}", f"rtmp://h/live?auth={TOKEN}"))
    talk.sent[C] += 40
    talk.raw(C, data[40:]).send(S, CONNECTED).send(C, metadata(), avc_config(), aac_config())
    return talk.media(0.5), [TOKEN]


def captured_from_the_middle_of_a_name() -> Case:
    talk = Talk()
    talk.sent = [3073, 3073]
    data = talk.encoded(C, publishing(KEY))
    at = data.index(KEY.encode()) + 2
    talk.sent[C] += at
    talk.raw(C, data[at:]).send(S, status("NetStream.Publish.Start"))
    return talk.send(C, metadata(), avc_config(), aac_config()).media(0.5), [KEY[2:]]


def capture_ends_in_a_name() -> Case:
    talk = Talk().connected()
    data = talk.encoded(C, publishing(KEY))
    return talk.raw(C, data[: data.index(KEY.encode()) + 3]), [KEY[:3]]


def aborted() -> Case:
    talk = Talk().connected()
    data = talk.encoded(C, command("publish", 3, NULL, string("x" * 70 + KEY * 5), msid=1))
    return talk.raw(C, data[:140]).send(C, control(2, 3), metadata()), ["x" * 20, KEY]


def sent_again_with_another_text() -> Case:
    talk = Talk().connected()
    data, at = talk.encoded(C, publishing(KEY)), talk.sent[C]
    note = talk.encoded(C, command("note", 9, NULL, string("z" * 27), msid=1))
    talk.raw(C, note)
    talk.packet(C, data[: len(note)], ACK | PSH, seq=at)
    return talk.send(C, metadata()).media(0.1), [KEY]


def after_the_end() -> Case:
    talk = Talk().connected().fin(C).fin(S)
    talk.packet(C, talk.encoded(C, publishing(KEY)), ACK | PSH)
    return talk, [KEY]


def before_the_connection() -> Case:
    talk = Talk()
    talk.packet(C, publishing(KEY).body, ACK | PSH)
    return talk.connected().send(C, publishing("other-name")), [KEY, "other-name"]


def out_of_window() -> Case:
    talk = Talk().connected()
    talk.packet(C, talk.encoded(C, publishing(KEY)), ACK | PSH, seq=900_000_000)
    return talk.send(C, metadata()).media(0.1), [KEY]


def fragmented(pieces: int) -> Case:
    talk = Talk().connected()
    at = len(talk.packets)
    talk.send(C, publishing(KEY))
    now, frame, _ = talk.packets[at]
    body = frame[34:]
    cut = (body.index(KEY.encode()) // 8 + 1) * 8
    parts = (
        wire.ethernet(wire.ip4(body[:cut], fragment=0x2000, ident=9)),
        wire.ethernet(wire.ip4(body[cut:], fragment=cut // 8, ident=9)),
    )
    talk.packets[at : at + 1] = [(now, part, len(part)) for part in parts[:pieces]]
    split = cut - body.index(KEY.encode())
    return talk.send(C, metadata()), [KEY, KEY[:split] if split > 3 else KEY]


def fragments() -> Case:
    return fragmented(2)


def first_fragment_alone() -> Case:
    return fragmented(1)


def quoted_by_icmp() -> Case:
    talk = said(publishing(KEY))
    at, packet = next(
        (at, data) for at, (_, data, _) in enumerate(talk.packets) if KEY.encode() in data
    )
    quoted = packet[14 : packet.index(KEY.encode()) + 7]
    frame = wire.ethernet(wire.ip4(b"\3\4\0\0\0\0\5\0" + quoted, protocol=1))
    talk.packets.insert(at + 1, (talk.packets[at][0], frame, len(frame)))
    return talk, [KEY, KEY[:7]]


def ethernet_trailer() -> Case:
    talk = Talk().connected()
    at = len(talk.packets)
    talk.send(C, publishing(KEY))
    now, frame, size = talk.packets[at]
    talk.packets[at] = (now, frame + KEY.encode(), size + len(KEY))
    return talk, [KEY]


def tunnelled() -> Case:
    talk = Talk(server_port=80).syn()
    for path, body in (("open/1", b"\0"), ("send/7/1", GREETING), ("send/7/2", KEY.encode())):
        head = f"POST /{path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        talk.raw(C, head + body)
        talk.raw(S, b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n\x01" + KEY.encode())
    return talk, [KEY]


CASES: list[Callable[[], Case]] = [
    name_with_query, short_name, hostile_name, long_name, amf3_command, amf3_metadata,
    shared_object, aggregate, urls, authentication, arguments, echoes_in_every_form, wrong_length,
    short_name_behind_a_hole, rests_beside_a_hole, metadata_behind_a_hole, chunk_header_lost,
    captured_from_the_middle_of_a_url, captured_from_the_middle_of_a_name, capture_ends_in_a_name,
    aborted, sent_again_with_another_text, after_the_end, before_the_connection, out_of_window,
    fragments, first_fragment_alone, quoted_by_icmp, ethernet_trailer, tunnelled,
]  # fmt: skip


# -- that they come out nowhere -------------------------------------------------------------


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)


def outputs(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield every format's name and text, with all escapes undone."""
    session = Session([io.BytesIO(data)])
    session.run()
    secrets = collect(session)
    for name, form in FORMATS.items():
        request = Request(detail="bytes", plumbing=True, hexdump=True, redactor=Redactor(secrets))
        out = io.StringIO()
        form.write(session, out, request)
        text = out.getvalue()
        yield name, html.unescape(text)
        if name in ("json", "ndjson", "sarif"):
            lines = text.splitlines() if name == "ndjson" else [text]
            yield name, "\n".join("\n".join(texts(json.loads(line))) for line in lines)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_in_no_output(case: Callable[[], Case]) -> None:
    talk, secrets = case()
    for form, text in outputs(capture(talk)):
        digits = re.sub(r"[\s:]", "", text)
        for secret in secrets:
            forms = encoded_forms(secret) if len(secret) > 5 else (secret, secret.encode().hex())
            for written in forms:
                assert written not in text, (form, written)
            if len(secret) > 3:  # fewer digits are found anywhere
                assert secret.encode().hex() not in digits, (form, secret)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_not_in_the_copy(tmp_path: Path, case: Callable[[], Case]) -> None:
    talk, secrets = case()
    copy = redact(tmp_path, capture(talk))
    for secret in secrets:
        for written in encoded_forms(secret) if len(secret) > 5 else (secret,):
            assert written.encode() not in copy, written


def test_a_name_is_the_same_with_and_without_its_query() -> None:
    client = [publishing(f"{KEY}?token={TOKEN}"), command("FCUnpublish", 9, NULL, string(KEY))]
    text = dict(outputs(capture(said(*client))))["list"]
    assert "publish('‹key#1›?‹key#2›')" in text and "FCUnpublish('‹key#1›')" in text


def test_the_parts_of_a_name_in_the_copy(tmp_path: Path) -> None:
    redact(tmp_path, capture(said(publishing(f"mp4:dir/{KEY}?e={TOKEN}"), publishing(KEY))))
    session = Session([str(tmp_path / "out.pcap")])
    session.run()
    names = [stream.name for stream in session.connections[0].streams]
    name, token = "~key2~".ljust(len(KEY), "~"), "~key3~".ljust(len(TOKEN) + 2, "~")
    assert names == [f"mp4:~1~/{name}?{token}", name]


def test_parameters_of_authentication_keep_their_names(tmp_path: Path) -> None:
    talk, _ = authentication()
    redact(tmp_path, capture(talk))
    session = Session([str(tmp_path / "out.pcap")])
    session.run()
    app = session.connections[0].app
    assert app and re.fullmatch(
        r"live\?authmod=adobe&user=~\d~&challenge=~key\d~+&response=~key\d~+", app
    )
