"""Captures with a secret in them, redacted; and checksums counted the slow way."""

from pathlib import Path

import dpkt

from analyzer.cli import main
from analyzer.session import Session
from tests.analyzer import wire

SECRET = "k3y-Zq81-Xw72"


def redact(tmp_path: Path, data: bytes, *options: str, suffix: str = "pcap") -> bytes:
    """Return the copy that the command writes of `data`; it proves itself free of secrets."""
    source, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    source.write_bytes(data)
    assert main(["redact", str(source), "-o", str(target), "--verify", "-q", *options]) == 0
    return target.read_bytes()


def rows(session: Session) -> list[tuple[int, ...]]:
    """What a message list shows of each message but for its text."""
    names = ("fmt", "csid", "msid", "type_id", "timestamp", "length", "chunks", "stream_offset")
    return [tuple(session.value(row, name) for name in names) for row in session.order().tolist()]


def packets(data: bytes) -> list[bytes]:
    """The packets of a little-endian pcap."""
    return [record[16:] for record in wire.records(data)[1]]


def sums_are_right(frame: bytes) -> bool:
    """Whether the checksums of Ethernet, IPv4, TCP are what dpkt makes of the same packet."""
    seen = dpkt.ethernet.Ethernet(frame)
    ip, tcp = seen.data.sum, seen.data.data.sum
    fresh = dpkt.ethernet.Ethernet(frame)
    fresh.data.sum = fresh.data.data.sum = 0
    again = dpkt.ethernet.Ethernet(bytes(fresh))
    return bool((ip, tcp) == (again.data.sum, again.data.data.sum))
