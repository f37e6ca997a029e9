"""Bodies on which Wireshark 4.0 and 4.4 fail, decoded to the right values.

Where tshark is installed, the second test shows that it still says what the first one corrects.
"""

import shutil
import subprocess
from typing import Any

import pytest

from analyzer.session import Session
from tests.analyzer.talk import CAPTURES


def messages(name: str) -> list[tuple[Session, int, Any]]:
    session = Session([str(CAPTURES / f"edge/{name}.pcap")])
    session.run()
    found = []
    for row in session.order().tolist():
        summary = session.decoded_summary(row)
        found.append((session, row, summary[1] if summary else None))
    return found


def value(item: Any, path: str) -> Any:
    for part in path.split("."):
        item = item[int(part)] if isinstance(item, list) else item[part]
    return item


CASES = [
    # Wireshark 4.0 and 4.4: Integer 536870907, string references not resolved.
    ("amf3-obj", 2, {"transaction_id": 7, "arguments.0": {"app": "live", "neg": -5, "tc": "app"},
                     "arguments.1": "END"}),
    # Both: [Malformed Packet], nothing shown; the format selector is missing.
    ("amf3-nolead", 2, {"name": "call", "transaction_id": 7, "arguments.0": "noLeadingZero"}),
    # Both skip the date's time zone.
    ("amf0-types", 2, {"name": "t", "object": {"$class": "cls", "value": {"a": 1}},
                       "arguments.0": {"$ref": 1},
                       "arguments.1": {"$date": 1700000000000, "timezone": -60},
                       "arguments.3": {"$xml": "<x/>"}, "arguments.4": [1, "two"],
                       "arguments.5": {"$amf": "undefined"},
                       "arguments.6": {"$amf": "unsupported"}}),
    # Both: times not rebased (84), the audio tag's data runs into the next tags.
    ("aggr", 2, {"messages.0.timestamp": 5000, "messages.0.length": 22,
                 "messages.1.timestamp": 5010, "messages.1.video.composition_time": 40,
                 "messages.1.video.pts": 5050, "messages.2.timestamp": 5020,
                 "messages.2.data.values.0": {"name": "x", "time": 3}}),
    # Both: an empty body.
    ("so", 2, {"name": "myShare", "version": 3, "persistent": True,
               "events.0.event": "change", "events.0.properties": {"name": 42}}),
    ("so", 3, {"name": "myShare", "events.0.properties": {"name": 42}}),
    # Both: only the event type stands in the tree; 26, 31 and 32 are unknown.
    ("ucm", 3, {"event": "set_buffer_length", "stream_id": 1, "buffer_length": 3000}),
    ("ucm", 4, {"event": "ping_request", "timestamp": 123456}),
    ("ucm", 6, {"event": "swf_verification_request", "event_type": 26}),
    ("ucm", 7, {"event": "buffer_empty", "stream_id": 1}),
    ("ucm", 8, {"event": "buffer_ready", "stream_id": 1}),
    # Both: Acknowledgement -16.
    ("ucm", 10, {"sequence_number": 4294967280}),
    ("ucm", 11, {"window_size": 2500000, "limit_type": "soft"}),
    # 4.0 knows no Enhanced RTMP; 4.4 leaves record, composition time and AMF as hex.
    ("e-hevc", 2, {"packet_type": "sequence_start", "config.profile": "Main",
                   "config.nal_length_size": 4}),
    ("e-hevc", 3, {"packet_type": "coded_frames", "composition_time": 80, "pts": 80}),
    ("e-hevc", 4, {"packet_type": "coded_frames_x", "frame_type": "inter_frame", "pts": 40}),
    ("e-hevc", 5, {"packet_type": "metadata", "frame_type": None,
                   "metadata": {"colorInfo": {"hdrCll": {"maxFall": 400, "maxCLL": 1000}}}}),
    ("e-hevc", 6, {"frame_type": "command", "command": "start_seek", "fourcc": None}),
    ("e-hevc", 7, {"packet_type": "sequence_end", "fourcc": "hvc1"}),
    # 4.4 takes the ModEx data for the FourCC.
    ("e-modex", 2, {"fourcc": "hvc1", "packet_type": "coded_frames", "nano_offset": 500000,
                    "composition_time": 80}),
    ("e-modex", 3, {"fourcc": "Opus", "packet_type": "coded_frames", "nano_offset": 250000}),
    ("e-modex", 0, {"object.capsEx": 7, "object.videoFourCcInfoMap": {"*": 1, "hvc1": 6}}),
    # 4.4: the second track's id is 97, the first letter of its FourCC.
    ("e-mt-video", 2, {"multitrack": "one_track", "track_id": 1, "composition_time": 80}),
    ("e-mt-video", 3, {"multitrack": "many_tracks", "tracks.0.track_id": 0,
                       "tracks.1.track_id": 1, "tracks.1.fourcc": "avc1"}),
    ("e-mt-video", 4, {"multitrack": "many_tracks_many_codecs", "tracks.0.fourcc": "avc1",
                       "tracks.1.track_id": 1, "tracks.1.fourcc": "av01",
                       "tracks.1.codec": "av1"}),
    # Both give up on the whole segment; the audio behind it is lost in 4.4.
    ("bad-strlen", 3, {"codec": "aac", "packet_type": "raw"}),
    ("bad-ecmacount", 2, {"object": {"width": 1920, "height": 1080}}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "number", "expected"), CASES, ids=[f"{case[0]} {case[1]}" for case in CASES]
)
def test_values(name, number, expected):
    summary = messages(name)[number][2]
    assert {path: value(summary, path) for path in expected} == expected


def test_all_of_amf3_nolead_and_amf3_obj_is_decoded():
    for name in ("amf3-nolead", "amf3-obj", "so", "aggr", "amf0-types"):
        for session, row, _ in messages(name):
            assert not any(node.name == "undecoded" for node in session.tree(row).walk())


SAYS = [
    ("amf3-obj", "Integer 536870907"),
    ("amf3-nolead", "[Malformed Packet: RTMPT]"),
    ("ucm", "Acknowledgement -16"),
    ("csid", "..10 0100 = Chunk Stream ID: 36"),
]


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
@pytest.mark.parametrize(("name", "wrong"), SAYS, ids=[name for name, _ in SAYS])
def test_what_tshark_says(name, wrong):
    path = str(CAPTURES / f"edge/{name}.pcap")
    command = ["tshark", "-r", path, "-d", "tcp.port==1935,rtmpt", "-V", "-O", "rtmpt"]
    said = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    assert wrong in said.stdout
    for session, row, _ in messages(name):
        assert not any(wrong in node.label for node in session.tree(row).walk())
