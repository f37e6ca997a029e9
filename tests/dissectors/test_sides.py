"""Which messages speak for which side: RTMP 1.0 §6.2, §7."""

import pytest

from dissectors.sides import TELLING, command_votes, message_votes


@pytest.mark.parametrize(
    "name", ["connect", "publish", "play", "deleteStream", "FCUnpublish", "getStreamLength"]
)
def test_calls_of_clients(name):
    assert command_votes(name) > 0


@pytest.mark.parametrize("name", ["onStatus", "onBWDone", "onFCPublish", "onPlayStatus", "_result"])
def test_calls_and_answers_of_servers(name):
    assert command_votes(name) < 0


def test_a_reply_says_less_than_a_call():
    """Clients answer `_onbwcheck`."""
    assert abs(command_votes("_result")) < command_votes("play")
    assert command_votes("close") == command_votes("x") == 0


@pytest.mark.parametrize(
    ("type_id", "head", "sign"),
    [
        (4, "0003 00000001 00000bb8", 1),  # SetBufferLength
        (4, "0007 00000001", 1),  # PingResponse
        (4, "0000 00000001", -1),  # StreamBegin
        (4, "0006 00000001", -1),  # PingRequest
        (4, "001a 00", 0),
        (4, "00", 0),
        (6, "002625a0 02", -1),  # Set Peer Bandwidth
        (22, "09", -1),
        (18, "02000d" + b"@setDataFrame".hex(), 1),
        (18, "020011" + b"|RtmpSampleAccess".hex(), -1),
        (18, "02000a" + b"onMetaData".hex(), -1),
        (18, "020009" + b"onTextDat".hex(), 0),
        (9, "17", 0),
        (5, "002625a0", 0),
    ],
)
def test_other_messages(type_id, head, sign):
    votes = message_votes(type_id, bytes.fromhex(head)[:16])
    assert (votes > 0) - (votes < 0) == sign
    assert not votes or type_id in TELLING
