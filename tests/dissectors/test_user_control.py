"""RTMP 1.0 §7.1.7 and the events of real servers."""

import pytest

from tests.dissectors.bodies import codes, dissect, lines


@pytest.mark.parametrize(
    ("body", "info", "event", "values"),
    [
        ("000000000001", "Stream Begin 1", "stream_begin", {"stream_id": 1}),
        ("000100000001", "Stream EOF 1", "stream_eof", {"stream_id": 1}),
        ("000200000001", "Stream Dry 1", "stream_dry", {"stream_id": 1}),
        (
            "00030000000100000bb8",
            "Set Buffer Length 1,3000ms",
            "set_buffer_length",
            {"stream_id": 1, "buffer_length": 3000},
        ),
        ("000400000001", "Stream Is Recorded 1", "stream_is_recorded", {"stream_id": 1}),
        ("00060000c350", "Ping Request 50000", "ping_request", {"timestamp": 50000}),
        ("00070000c350", "Ping Response 50000", "ping_response", {"timestamp": 50000}),
        ("001a01", "SWF Verification Request", "swf_verification_request", {"version": 1}),
        ("001f00000001", "Buffer Empty 1", "buffer_empty", {"stream_id": 1}),
        ("002000000001", "Buffer Ready 1", "buffer_ready", {"stream_id": 1}),
        (
            "00220000000100000002",
            "Flow Synchronization 1,2",
            "flow_synchronization",
            {"sync_id": 1, "count": 2},
        ),
        (
            "00290000271000002710",
            "Set Keepalive Timers 10000,10000",
            "set_keepalive_timers",
            {"server_period": 10000, "peer_period": 10000},
        ),
    ],
)
def test_events(body, info, event, values):
    found = dissect(4, bytes.fromhex(body))
    assert (found.title, found.info) == (f"User Control Message {info}", info)
    kind = int(body[:4], 16)
    assert found.body.name == "user_control"
    assert found.body.value == {"event": event, "event_type": kind, **values}
    assert codes(found.body) == []


def test_swf_verification_response():
    mac = bytes(range(32))
    found = dissect(4, bytes.fromhex("001b0101000004d2000004d2") + mac)
    assert found.title == "User Control Message SWF Verification Response"
    assert found.body.value["swf_size"] == found.body.value["swf_size_2"] == 1234
    assert found.body.value["hmac"] == mac.hex()


def test_tree():
    assert lines(dissect(4, bytes.fromhex("00030000000100000bb8")).body) == [
        "RTMP Body",
        "    Event type: Set Buffer Length (3)",
        "    Stream ID: 1",
        "    Buffer length (ms): 3000",
    ]


def test_unknown_event_shows_its_data():
    found = dissect(4, bytes.fromhex("000500000007"))
    assert found.title == "User Control Message 0x05"
    assert found.body.value == {"event": None, "event_type": 5, "data": "00000007"}
    assert codes(found.body) == ["event_unknown"]


def test_short_bodies():
    assert codes(dissect(4, b"\0").body) == ["malformed"]
    cut = dissect(4, bytes.fromhex("000300000001"))
    assert cut.body.value["buffer_length"] is None
    assert codes(cut.body) == ["malformed"]
    assert codes(dissect(4, b"\0\x1a").body) == ["version_missing"]
