"""A proxy that puts one fault into what a side sends: python -m tests.faults.proxy FAULT SIDE \
HOST:PORT HOST:PORT

It listens at the first place and connects to the second one, for each connection it gets.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from tests.dissectors.chunk_builder import Builder, Message
from tests.faults.rewrite import (
    CHUNK_SIZE,
    REWRITINGS,
    Change,
    Rewriting,
    as_sent,
    same,
    unchanged,
)

PACKET = 1536
"""Bytes of C1, C2, S1 and S2 (RTMP 1.0 §5.2.3)."""
Read = Callable[[int], bytes]


@dataclass
class _Stream:
    """What a chunk inherits from the one before on its chunk stream (RTMP 1.0 §5.3.1.2)."""

    time: int = 0
    delta: int = 0
    length: int = 0
    type: int = 0
    msid: int = 0
    extended: bool = False
    body: bytearray = field(default_factory=bytearray)


def messages(read: Read) -> Iterator[Message]:
    """Yield the messages of a stream behind its handshake as they are complete; EOFError ends."""
    size, streams = 128, {}
    while True:
        first = read(1)[0]
        fmt, csid = first >> 6, first & 63
        if csid < 2:
            csid = 64 + int.from_bytes(read(csid + 1), "little")
        stream = streams.setdefault(csid, _Stream())
        header = read((11, 7, 3, 0)[fmt])
        if fmt < 2:
            stream.length, stream.type = int.from_bytes(header[3:6], "big"), header[6]
        if fmt == 0:
            stream.msid = int.from_bytes(header[7:], "little")
        if fmt < 3:
            stream.delta = int.from_bytes(header[:3], "big")
            stream.extended = stream.delta == 0xFFFFFF
        if stream.extended:
            stream.delta = int.from_bytes(read(4), "big")
        if not stream.body:
            stream.time = (stream.time if fmt else 0) + stream.delta & 0xFFFFFFFF
        stream.body += read(min(size, stream.length - len(stream.body)))
        if len(stream.body) < stream.length:
            continue
        message = Message(csid, stream.type, stream.msid, stream.time, bytes(stream.body))
        stream.body.clear()
        if message.type == CHUNK_SIZE:
            size = int.from_bytes(message.body, "big") & 0x7FFFFFFF
        yield message


class Writer:
    """Chunks changed messages; the sender's Set Chunk Size is obeyed unless the fault says no."""

    def __init__(self, fault: Rewriting, direction: int) -> None:
        self._change: Change = (fault.c2s, fault.s2c)[direction]
        self._style = fault.style if direction == 0 else lambda style: style
        self._builder = Builder()

    def changed(self, message: Message) -> list[Message]:
        """Return what is sent in place of a message."""
        return list(self._change(message))

    def encoded(self, message: Message, sent: list[Message]) -> bytes:
        """Return the chunks of what is sent in place of a message."""
        out = b""
        for item in sent:
            self._builder.add([item])
            out += bytes(self._builder.data)
            self._builder.data.clear()
            if item.type == CHUNK_SIZE:
                size = int.from_bytes(message.body, "big")
                self._builder.style.chunk_size = size
                self._builder.style = self._style(self._builder.style)
        return out


def _reader(source: socket.socket) -> Read:
    stream = source.makefile("rb")

    def read(size: int) -> bytes:
        data = stream.read(size)
        if len(data) < size:
            raise EOFError
        return data

    return read


def _pump(fault: Rewriting, direction: int, source: socket.socket, target: socket.socket) -> None:
    read, writer = _reader(source), Writer(fault, direction)
    with contextlib.suppress(EOFError, OSError):
        if direction:
            target.sendall(fault.greeting(read(1 + 2 * PACKET)))
        else:
            target.sendall(read(1 + PACKET))
            target.sendall(read(PACKET))
        for message in messages(read):
            target.sendall(writer.encoded(message, writer.changed(message)))
    for end in (source, target):  # the other pump ends with it
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def serve(fault: Rewriting, here: tuple[str, int], there: tuple[str, int]) -> None:
    """Relay every connection, for good."""
    with socket.create_server(here) as server:
        while True:
            near, _ = server.accept()
            far = socket.create_connection(there)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for direction, ends in enumerate(((near, far), (far, near))):
                threading.Thread(target=_pump, args=(fault, direction, *ends), daemon=True).start()


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    chosen = REWRITINGS[sys.argv[1]]
    kept = {"s2c": same, "greeting": unchanged}
    if sys.argv[2] == "server":
        kept = {"c2s": same, "style": as_sent}
    serve(replace(chosen, **kept), _place(sys.argv[3]), _place(sys.argv[4]))
