"""A stream may be named as the protocol's words are: they stay, the name and its echoes go."""

import json
from pathlib import Path
from typing import Any

import pytest

from analyzer.session import Session
from tests.analyzer import talk
from tests.analyzer.redaction.shared import redact
from tests.analyzer.talk import answer, command, publish
from tests.analyzer.test_redact import output
from tests.dissectors.bodies import NULL, num, obj, string

NAMES = (
    "Start Success NetStream NetConnection onMetaData Publish Connect code level width tcUrl "
    "Publish.Start NetStream.Publish NetStream.Publish.Start Connect.Success setDataFrame "
    "@setDataFrame createStream _result onStatus releaseStream description"
).split()
NAME = "k3y-Zq81-Xw72-Lm"


def texts(session: Session) -> list[tuple[str, dict[str, Any]]]:
    """Return the commands and data messages, as they were captured."""
    rows = session.order()[session.messages.column("type_id")[session.order()] >= 18]
    return [found for row in rows.tolist() if (found := session.summary(row))]


@pytest.mark.parametrize("name", NAMES)
def test_copy(tmp_path: Path, name: str) -> None:
    redact(tmp_path, talk.pcap(publish(name), answer(f"{name} is now published")))
    copy = talk.opened(tmp_path / "out.pcap")
    hidden = str(copy.connections[0].streams[0].name)
    assert hidden != name and len(hidden) == len(name) and set(hidden) <= set("~key1")
    expected = talk.session(publish(hidden), answer(f"{hidden} is now published"))
    assert texts(copy) == texts(expected)


@pytest.mark.parametrize("name", NAMES)
def test_output(name: str) -> None:
    session = talk.session(publish(name), answer(f"{name} is now published"))
    report = json.loads(output(session, "json", "tree"))
    commands = [m["command"] for m in report["messages"] if "command" in m]
    (data,) = (m for m in report["messages"] if "data" in m)
    assert data["info"] == "@setDataFrame('onMetaData')"
    assert data["data"]["values"] == ["onMetaData", {"width": 320}]
    status = {"level": "status", "code": "NetStream.Publish.Start"}
    status["description"] = "‹key#1› is now published"
    assert commands[-1]["arguments"] == [status]
    assert commands[-1]["code"] == "NetStream.Publish.Start"
    assert [each["name"] for each in commands].count("_result") == 2
    (published,) = (each for each in commands if each["name"] == "publish")
    assert published["arguments"][0] == "‹key#1›"
    tree = output(session, "tree", "tree")
    for kept in ("code", "level", "description"):
        assert f"Property '{kept}' String" in tree
    assert "Property 'code' String 'NetStream.Publish.Start'" in tree


def test_echo_of_a_name_that_is_cut(tmp_path: Path) -> None:
    server = answer(f"stream {NAME[:12]}... idle")
    assert NAME[:12] not in output(talk.session(publish(NAME), server))
    copy = redact(tmp_path, talk.pcap(publish(NAME), server))
    assert NAME[:12].encode() not in copy and b"... idle" in copy


def test_parameters_of_a_path_and_fragment(tmp_path: Path) -> None:
    app = "live;jsess=MatPar77aa"
    client = publish(NAME, app, f"rtmp://h/{app}#fragTok88bb")
    text = output(talk.session(client))
    copy = redact(tmp_path, talk.pcap(client, answer()))
    for secret in ("MatPar77aa", "fragTok88bb"):
        assert secret not in text and secret.encode() not in copy
    assert b"live;jsess=~key" in copy


def test_word_of_a_call_stays(tmp_path: Path) -> None:
    client = [*publish("seek"), command("seek", 9, NULL, num(0), msid=1)]
    client.append(command("note", 10, NULL, obj(("seek", string("x")))))
    redact(tmp_path, talk.pcap(client, answer()))
    names = [found[1]["name"] for found in texts(talk.opened(tmp_path / "out.pcap"))]
    assert "seek" in names and "note" in names
