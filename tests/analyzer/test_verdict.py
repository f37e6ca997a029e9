"""Why nothing can be said about a capture."""

from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Packet
from scapy.utils import wrpcap

from analyzer.export.verdict import nothing_to_judge
from analyzer.session import Session

SERVER = 1935


def frame(client: int, flags: str, *, back: bool = False, seq: int = 1, ack: int = 0) -> Packet:
    ends, ports = ("10.0.0.1", "10.0.0.2"), (client, SERVER)
    if back:
        ends, ports = ends[::-1], ports[::-1]
    segment = TCP(sport=ports[0], dport=ports[1], flags=flags, seq=seq, ack=ack)
    return Ether(src="02:00:00:00:00:01") / IP(src=ends[0], dst=ends[1]) / segment


def refused(client: int) -> list[Packet]:
    return [frame(client, "S"), frame(client, "RA", back=True, seq=0, ack=2)]


def unanswered(client: int) -> list[Packet]:
    return [frame(client, "S"), frame(client, "S")]


def silent(client: int) -> list[Packet]:
    opening = [frame(client, "S"), frame(client, "SA", back=True, seq=9, ack=2)]
    return [*opening, frame(client, "A", seq=2, ack=10), frame(client, "R", seq=2)]


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (refused(5001) + refused(5002), "2 to port 1935 refused"),
        (unanswered(5001), "1 to port 1935 without an answer"),
        (silent(5001), "1 to port 1935 opened without a byte sent"),
        (refused(5001) + silent(5002), "1 to port 1935 refused, 1 to port 1935 opened"),
    ],
)
def test_what_became_of_attempts_to_connect(
    frames: list[Packet], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "tried.pcap"
    wrpcap(str(path), frames)
    session = Session([str(path)])
    session.run()
    reason = nothing_to_judge(session)
    assert reason is not None and reason.startswith(f"no RTMP was found; connections: {said}")
