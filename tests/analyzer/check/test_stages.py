"""The ladder: how far a connection came, and what stopped it."""

import pytest

from analyzer.check.stages import Ladders, Stage, line
from analyzer.session import Session
from tests.analyzer import talk
from tests.analyzer.check.outcomes import recorded
from tests.analyzer.rules import builder
from tests.dissectors.bodies import NULL, string


def ladder(session: Session, number: int = 0) -> list[Stage]:
    return Ladders(session).of(session.connections[number])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("real/publish-play-nginx.pcap",
         "TCP ✓ handshake ✓ connect ✓ createStream ✓ publish ✓ media ✓"),
        ("lab/nginx-publish-denied.pcap", "TCP ✓ handshake ✓ connect ✓ createStream ✓ publish ✗"),
        ("lab/nginx-play-refused.pcap", "TCP ✓ handshake ✓ connect ✓ createStream ✓ play ✗"),
        ("lab/nginx-publish-duplicate.pcap",
         "TCP ✓ handshake ✓ connect ✓ createStream ✓ publish ✗"),
        ("lab/nginx-late-start.pcap", "TCP ? handshake ? connect ?"),
        ("edge/rtmpt-http.pcap", "TCP ✓ handshake ?"),
    ],
)  # fmt: skip
def test_recorded(name: str, said: str) -> None:
    assert line(ladder(recorded(name))).split() == said.split()


def test_the_reply_is_verbatim_with_its_frame() -> None:
    words = "Stream already publishing"
    session = recorded("lab/nginx-publish-duplicate.pcap")
    last = ladder(session)[-1]
    assert (last.name, last.passed, last.code) == ("publish", False, "NetStream.Publish.BadName")
    assert last.description and last.frame and last.time_ns
    refused = talk.session(talk.publish()[:1], [talk.answer()[0], talk.refusal(words)])
    last = ladder(refused)[-1]
    assert (last.name, last.code, last.description) == (
        "connect", "NetConnection.Connect.Rejected", words,
    )  # fmt: skip


def test_no_connect_at_all() -> None:
    last = ladder(talk.session([], talk.answer()[:1]))[-1]
    assert (last.name, last.passed, last.text) == ("connect", False, "no connect was sent")


def test_accepted_without_media() -> None:
    last = ladder(talk.session(talk.publish()[:4], talk.answer()))[-1]
    assert (last.name, last.passed) == ("media", False)


@pytest.mark.parametrize(("name", "mark"), [("publish", True), ("play", False)])
def test_start_on_a_message_stream_that_nobody_asked_on(name: str, mark: bool) -> None:
    start = builder.status(f"NetStream.{name.capitalize()}.Start", msid=5)
    said = builder.Talk().connected()
    said.send(builder.C, builder.command("publish", 3, NULL, string("cam7"), msid=1))
    stages = ladder(builder.session(said.send(builder.S, start).wait(10).fin(builder.C)))
    assert [stage.passed for stage in stages if stage.name == "publish"] == [mark]
