"""A capture's frames once more, after it was analysed: files, compressed ones, pipes alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from analyzer.sources import Capture, FrameBatch
from analyzer.sources.pcap import PcapScanner
from analyzer.sources.pcapng import PcapngScanner

BLOCK: Final = 4 << 20
"""Bytes scanned at once."""
HEAD: Final = 28
"""The longer of the two file headers."""


class Block(NamedTuple):
    """Whole records of the capture file."""

    data: bytes
    base: int
    """Offset of data[0] in the decompressed capture."""
    frames: FrameBatch


def header(capture: Capture) -> bytes:
    """Return what stands before the first record: pcap's file header, of pcapng nothing."""
    return b"" if capture.format == "pcapng" else capture.pread(0, _open(capture)[1])


def _open(capture: Capture) -> tuple[PcapScanner | PcapngScanner, int]:
    head = capture.pread(0, HEAD)
    scanner = PcapngScanner if capture.format == "pcapng" else PcapScanner
    return scanner.open(head)


def blocks(capture: Capture) -> Iterator[Block]:
    """Yield the capture's records in order; what is torn at its end is left out."""
    scanner, at = _open(capture)
    want = BLOCK
    while True:
        data = capture.pread(at, want)
        ended = len(data) < want
        scan = scanner.scan(data, at, ended)
        if scan.consumed:
            yield Block(data[: scan.consumed], at, scan.batch)
        at += scan.consumed
        if ended or scan.stopped:
            return
        want = max(BLOCK, scan.need)
