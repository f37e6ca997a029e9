"""RTMP 1.0 §7.2 and the commands of real clients and servers."""

import pytest

from dissectors.dissect import section_of
from tests.dissectors.bodies import NULL, codes, dissect, ecma, lines, num, obj, string


def command(*parts: bytes, type_id: int = 20):
    return dissect(type_id, b"".join(parts))


def test_release_stream_of_librtmp_to_the_letter():
    body = (
        bytes.fromhex("02000d72656c6561736553747265616d0040000000000000000502000a") + b"livestream"
    )
    found = dissect(20, body)
    assert found.title == "AMF0 Command releaseStream('livestream')"
    assert found.info == "releaseStream('livestream')"
    assert lines(found.body) == [
        "RTMP Body",
        "    String 'releaseStream'",
        "    Number 2",
        "    Null",
        "    String 'livestream'",
    ]
    assert lines(found.body, plumbing=True)[1:6] == [
        "    String 'releaseStream'",
        "        Argument: Command name",
        "        AMF0 type: String (0x02)",
        "        String length: 13",
        "        String: releaseStream",
    ]
    names = [child.name for child in found.body.children]
    assert names == ["name", "transaction_id", "command_object", "stream_name"]
    assert found.body.name == "command"
    assert found.body.value == {
        "name": "releaseStream",
        "transaction_id": 2,
        "object": None,
        "arguments": ["livestream"],
        "named": {"stream_name": "livestream"},
    }


STATUS = obj(("level", string("status")), ("code", string("NetStream.Publish.Start")))


@pytest.mark.parametrize(
    ("parts", "info"),
    [
        ((string("connect"), num(1), obj(("app", string("live")))), "connect('live')"),
        ((string("connect"), num(1), ecma(("app", string("live")))), "connect('live')"),
        ((string("createStream"), num(4), NULL), "createStream()"),
        ((string("publish"), num(5), NULL, string("s"), string("live")), "publish('s')"),
        ((string("publish"), num(5), NULL, b"\x01\x00"), "publish()"),
        ((string("FCPublish"), num(3), NULL, string("s")), "FCPublish('s')"),
        ((string("FCUnpublish"), num(3), NULL, string("s")), "FCUnpublish('s')"),
        ((string("play"), num(0), NULL, string("s")), "play('s')"),
        ((string("play2"), num(0), NULL, obj(("streamName", string("s")))), "play2('s')"),
        ((string("deleteStream"), num(0), NULL, num(1)), "deleteStream()"),
        ((string("onStatus"), num(0), NULL, STATUS), "onStatus('NetStream.Publish.Start')"),
        ((string("_result"), num(1), obj(), STATUS), "_result('NetStream.Publish.Start')"),
        ((string("_result"), num(4), NULL, num(1)), "_result()"),
        ((string("somethingNew"), num(9), NULL, string("x")), "somethingNew()"),
        ((string("e\x1b[2J"), num(9), NULL), "e␛[2J()"),
    ],
)
def test_title_argument(parts, info):
    found = command(*parts)
    assert (found.title, found.info) == (f"AMF0 Command {info}", info)


def test_connect_summary_is_the_documented_object():
    found = command(string("connect"), num(1), obj(("app", string("live"))))
    expected = {"name": "connect", "transaction_id": 1, "object": {"app": "live"}, "arguments": []}
    assert found.body.value == expected


def test_connect_bits_and_encodings_are_named():
    infos = obj(("*", num(4)), ("vp09", num(3)))
    found = command(
        string("connect"),
        num(1),
        obj(
            ("audioCodecs", num(0x1401)),
            ("videoCodecs", num(252)),
            ("videoFunction", num(1)),
            ("objectEncoding", num(3)),
            ("fourCcList", b"\x0a\0\0\0\2" + string("av01") + string("xyz1")),
            ("videoFourCcInfoMap", infos),
            ("capsEx", num(3)),
        ),
    )
    shown = [line.strip() for line in lines(found.body)]
    assert "Audio codecs: NONE, AAC, 0x1000" in shown
    assert "Video codecs: SORENSON, HOMEBREW, VP6, VP6ALPHA, HOMEBREWV, H264" in shown
    assert "Video functions: CLIENT_SEEK" in shown
    assert "Object encoding: AMF3" in shown
    assert "Codecs: AV1, xyz1" in shown
    assert shown[shown.index("Property '*' Number 4") + 1] == "Capabilities: CanForward"
    assert "Capabilities: CanDecode, CanEncode" in shown
    assert "Capabilities: Reconnect, Multitrack" in shown


@pytest.mark.parametrize(
    ("start", "line"),
    [
        (-2, "Start: the live stream, or else the recorded one"),
        (-2000, "Start: the live stream, or else the recorded one (-2, sent in milliseconds)"),
        (-1000, "Start: the live stream only (-1, sent in milliseconds)"),
        (0, "Start: the recorded stream from its beginning"),
        (1500, "Start: 1500 s, or 1.5 s if the sender means milliseconds"),
        (-7, "Start: not defined"),
    ],
)
def test_play_start_in_both_readings(start, line):
    found = command(string("play"), num(4), NULL, string("s"), num(start), num(-1), b"\x01\x01")
    assert lines(found.body)[6].strip() == line
    assert lines(found.body)[-1].strip() == "Reset: flush the playlist"
    expected = {"stream_name": "s", "start": start, "duration": -1, "reset": True}
    assert found.body.value["named"] == expected


def test_status_object():
    found = command(string("onStatus"), num(0), NULL, STATUS)
    summary = found.body.value
    assert (summary["code"], summary["level"]) == ("NetStream.Publish.Start", "status")
    assert summary["description"] is None
    assert any(
        line.strip().startswith("Meaning: the server accepted") for line in lines(found.body)
    )


def test_login_challenge_in_a_description():
    text = "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=u&salt=S&opaque=O"
    found = command(string("_error"), num(1), NULL, obj(("description", string(text))))
    shown = [line.strip() for line in lines(found.body)]
    assert "Authentication reason: needauth" in shown
    assert "Authentication salt: S" in shown


def test_surplus_arguments_are_numbered():
    found = command(string("createStream"), num(2), NULL, num(7), string("x"))
    assert [c.name for c in found.body.children[3:]] == ["arg1", "arg2"]
    assert found.body.value["arguments"] == [7, "x"]


def test_bare_name_as_ffmpeg_listen_sends_it():
    found = command(string("onFCPublish"))
    assert found.info == "onFCPublish()"
    assert found.body.value["transaction_id"] is None
    assert codes(found.body) == ["transaction_id_missing"]


def test_name_that_is_no_string():
    found = command(num(1), num(2))
    assert (found.title, found.body.value["name"]) == ("AMF0 Command", None)
    assert codes(found.body) == ["command_name"]


class TestSelector:
    """E-RTMP v2: types 15 and 17 start with a format selector, 18 and 20 do not."""

    VALUES = string("_error") + num(2) + NULL + NULL

    def test_present(self):
        found = dissect(17, b"\0" + self.VALUES)
        assert found.title == "AMF3 Command _error()"
        assert found.body.children[0].label == "Format selector: AMF0 (0)"
        assert codes(found.body) == []

    def test_missing(self):
        found = dissect(17, self.VALUES)
        assert found.body.value["name"] == "_error"
        assert codes(found.body) == ["selector_missing"]

    def test_stray_on_type_20(self):
        found = dissect(20, b"\0" + self.VALUES)
        assert found.body.value["name"] == "_error"
        assert codes(found.body) == ["selector_stray"]

    def test_unknown(self):
        assert codes(dissect(17, b"\x07" + self.VALUES).body) == ["selector_unknown"]


def test_malformed_command_keeps_what_was_read():
    found = command(string("publish"), num(5), NULL, b"\x02\xff\xffabc")
    assert found.title == "AMF0 Command publish()"
    assert lines(found.body)[4:] == [
        "    String",
        "        [ERROR: malformed]",
        "    Undecoded: 3 bytes (616263)",
    ]


def test_arguments_carry_the_names_of_the_specification():
    """§7.2.2.6: Command Name, Transaction ID, Command Object, Publishing Name and Type."""
    found = command(string("publish"), num(5), NULL, string("cam"), string("live"))
    named = [node.find("argument").label for node in found.body.children]
    assert named == [
        "Argument: Command name",
        "Argument: Transaction ID",
        "Argument: Command object",
        "Argument: Publishing name",
        "Argument: Publishing type",
    ]


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("connect", "RTMP 1.0 §7.2.1.1"),
        ("publish", "RTMP 1.0 §7.2.2.6"),
        ("pause", "RTMP 1.0 §7.2.2.8"),
        ("whatever", "RTMP 1.0 §7.2.1.2"),
    ],
)
def test_sections(name, section):
    found = command(string(name), num(5), NULL)
    assert section_of(20, found.body) == section
