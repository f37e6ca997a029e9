"""The copy without secrets: the same records, changed in place; pcapng blocks sorted out."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from analyzer.redaction import reread
from analyzer.redaction.addresses import Addresses
from analyzer.redaction.edits import Sealed
from analyzer.redaction.frames import Headers
from analyzer.sources import NO_LINK
from analyzer.sources import pcapng as ng

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analyzer.sources import Capture, FrameBatch

ALTERED: Final = b"This capture was altered by rtmp-analyze redact: secrets are replaced by ~key1~."
STATISTICS: Final = 5
_COMMENT: Final = 1
_OPTIONS_KEPT: Final = {
    ng.INTERFACE: frozenset({8, ng.IF_TSRESOL, 10, 13, ng.IF_TSOFFSET}),
    ng.ENHANCED_PACKET: frozenset({2, 4, 5, 6}),
    ng.PACKET: frozenset({2}),
    STATISTICS: frozenset({2, 3, 4, 5, 6, 7, 8}),
}
"""Options that are numbers: speed, clock, FCS length; flags, drops, ids; counters. Names,
addresses, filters, comments and hashes of what was there go."""
_FIXED: Final = {ng.INTERFACE: 8, STATISTICS: 12}
"""Bytes of a block's body before its options; of packets the header, then the data, padded."""
_PACKET_HEADER: Final = 20
_ORDERS: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}


class Written:
    """What became of the packets."""

    def __init__(self) -> None:
        self.packets = 0
        self.changed = 0


def rewrite(capture: Capture, edits: Sealed, addresses: Addresses | None, out: BinaryIO) -> Written:
    """Write the capture with its changes; raises `OSError` when that fails."""
    written = Written()
    headers = Headers(addresses)
    sections = Sections() if capture.format == "pcapng" else None
    out.write(reread.header(capture))
    for block in reread.blocks(capture):
        data = bytearray(block.data)
        places = edits.apply(data, block.base)
        frames = block.frames
        _fix(data, frames, places, headers, everything=addresses is not None, written=written)
        written.packets += len(frames)
        if sections is None:
            out.write(data)
        else:
            unreadable = set(frames.offset[frames.link == NO_LINK].tolist())
            for piece in sections.copy(data, unreadable):
                out.write(piece)
    return written


def _fix(
    data: bytearray,
    frames: FrameBatch,
    places: NDArray[np.int64],
    headers: Headers,
    *,
    everything: bool,
    written: Written,
) -> None:
    """Correct the headers of the frames that changed, of all where addresses change."""
    changed = np.unique(np.searchsorted(frames.offset, places, side="right") - 1)
    payload = set(changed[changed >= 0].tolist())
    written.changed += len(payload)
    for index in range(len(frames)) if everything else sorted(payload):
        if frames.link[index] == NO_LINK:
            continue  # has no bytes, and `Sections` blanks its block
        at, size = int(frames.offset[index]), int(frames.caplen[index])
        frame = data[at : at + size]
        link, wire = int(frames.link[index]), int(frames.wirelen[index])
        headers.fix(frame, link, wire, payload=index in payload)
        data[at : at + size] = frame


class Sections:
    """Copies pcapng blocks: packets and what they need, nothing that names people or machines."""

    def __init__(self) -> None:
        self._order = "<"
        self._first = True

    def copy(self, data: bytearray, unreadable: set[int]) -> Iterator[bytes]:
        """Yield the blocks of `data`, whole blocks, that stay; `unreadable` packets are blanked."""
        at = 0
        while at + ng.MIN_BLOCK <= len(data):
            if data[at : at + 4] == ng.MAGIC:
                self._order = _ORDERS[bytes(data[at + 8 : at + 12])]
            kind, length = struct.unpack_from(self._order + "II", data, at)
            body = bytes(data[at + 8 : at + length - 4])
            if at in unreadable:
                body = body[:_PACKET_HEADER] + bytes(len(body[_PACKET_HEADER:]))
                yield self._framed(kind, body)
            else:
                yield self._block(kind, body)
            at += length

    def _block(self, kind: int, body: bytes) -> bytes:
        if kind == ng.SECTION_HEADER:
            # Blocks change their size, so the section's length is not told (-1).
            body = body[:8] + b"\xff" * 8
            if self._first:
                self._first = False
                body += self._options([(_COMMENT, ALTERED)])
        elif kind == ng.SIMPLE_PACKET:
            pass
        elif kind in _OPTIONS_KEPT:
            fixed = self._fixed(kind, body)
            kept = _OPTIONS_KEPT[kind]
            options = ng.options(body, fixed, len(body), self._order)
            body = body[:fixed] + self._options([each for each in options if each[0] in kept])
        else:
            return b""
        return self._framed(kind, body)

    def _framed(self, kind: int, body: bytes) -> bytes:
        length = struct.pack(self._order + "I", len(body) + ng.MIN_BLOCK)
        return struct.pack(self._order + "I", kind) + length + body + length

    def _fixed(self, kind: int, body: bytes) -> int:
        """Return where the options of a block begin."""
        if kind in _FIXED:
            return _FIXED[kind]
        (caplen,) = struct.unpack_from(self._order + "I", body, 12)
        return int(_PACKET_HEADER + caplen + -caplen % 4)

    def _options(self, options: list[tuple[int, bytes]]) -> bytes:
        if not options:
            return b""
        pack = struct.Struct(self._order + "HH").pack
        found = [pack(code, len(text)) + text + bytes(-len(text) % 4) for code, text in options]
        return b"".join(found) + bytes(4)
