"""gzip, bzip2, xz, and with their packages zstd and lz4, as a stream of bounded pieces, member
after member.
"""

import bz2
import contextlib
import lzma
import zlib
from importlib import import_module
from typing import Any, Final, Protocol

from analyzer.sources.model import SourceError

MAGICS: Final = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}

PIECE: Final = 1 << 20
"""Most bytes taken from a decompressor at once: a bomb costs time, never memory."""
FIRST_SLICE: Final = 1 << 10
"""Bytes that a member is given first: what is left behind its end is copied, and many end soon."""
MEMORY: Final = 256 << 20
"""Most memory an xz file may ask for; `xz -9` needs 65 MiB."""
BOMB_RATIO: Final = 1000
BOMB_SIZE: Final = 128 << 20
"""Output that passes both is not a capture: deflate alone reaches 1028:1 on zero bytes. It would
cost time only, some 4 s per GB: whoever wants it says how much (`Reading.most`).
"""
BOMB_HINT: Final = "--max-input-bytes says how much to read of it"
MAX_EMPTY: Final = 20_000
"""Members without content one after another; no program writes two."""


def compression_of(head: bytes) -> str | None:
    """Return the compression that the magic at the start of `head` names."""
    return next((name for magic, name in MAGICS.items() if head.startswith(magic)), None)


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes | None: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


_ERRORS: Final = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError)
_ZSTD_SLICE: Final = 256
"""Bytes given to the zstandard package at once, which bounds no output: a block is at least four
bytes and at most 128 KiB, so this makes 8 MiB."""
_ZSTD_WINDOW: Final = 128 << 20
"""Largest window of a zstd frame, the zstd program's own bound."""


class _Zstd:
    """The zstandard package's decompressor with bounded output and the usual errors."""

    def __init__(self, package: Any) -> None:
        decompressor = package.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame = decompressor.decompressobj()
        self._error: type[Exception] = package.ZstdError
        self._broken = ""
        self.unconsumed_tail = b""

    @property
    def eof(self) -> bool:
        return bool(self._frame.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._frame.unused_data)

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        if self._broken:
            raise ValueError(self._broken)
        parts: list[bytes] = []
        got = at = 0
        while at < len(data) and got < max_length and not self.eof:
            try:
                piece = self._frame.decompress(data[at : at + _ZSTD_SLICE])
            except self._error as error:
                self._broken = str(error) or "damaged frame"
                if parts:  # what came before the damage counts; the next call tells
                    break
                raise ValueError(self._broken) from None
            parts.append(piece)
            got += len(piece)
            at += _ZSTD_SLICE
        self.unconsumed_tail = data[at:]
        return b"".join(parts)


def _zstd() -> _Decompressor:
    with contextlib.suppress(ImportError):
        found: _Decompressor = import_module("compression.zstd").ZstdDecompressor()
        return found
    try:
        return _Zstd(import_module("zstandard"))
    except ImportError:
        raise SourceError(_MISSING.format(name="zstd", package="zstandard")) from None


def _lz4() -> _Decompressor:
    try:
        found: _Decompressor = import_module("lz4.frame").LZ4FrameDecompressor()
    except ImportError:
        raise SourceError(_MISSING.format(name="lz4", package="lz4")) from None
    return found


_MISSING: Final = (
    "{name}-compressed: install the Python package {package} (pip install 'rtmp-analyze[{name}]') "
    "or unpack it first ({name} -dc)"
)


class Inflater:
    """Decompresses what `feed` is given; `take` returns the next piece, empty when starved."""

    def __init__(self, kind: str, most: int | None = None) -> None:
        """`most`: bytes that are wanted in any case, None: what a capture may be."""
        self.kind = kind
        self._most = BOMB_SIZE if most is None else most
        self.trouble: tuple[str, str] | None = None
        """(code, text) once nothing more can come out although the input goes on."""
        self._member: _Decompressor = self._begin()
        self._fresh = True
        """Nothing was given to the member yet."""
        self._input = b""
        self._at = 0
        """Bytes of it that were used."""
        self._in = 0
        self._out = 0
        self._before = 0
        """Bytes that came out before this member."""
        self._empty = 0
        """Members without content that came before it, one after another."""

    def _begin(self) -> _Decompressor:
        if self.kind == "gzip":
            return zlib.decompressobj(31)
        if self.kind == "bz2":
            return bz2.BZ2Decompressor()
        if self.kind == "zstd":
            return _zstd()
        if self.kind == "lz4":
            return _lz4()
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)

    def feed(self, data: bytes) -> None:
        self._in += len(data)
        self._input, self._at = self._input[self._at :] + data, 0

    @property
    def torn(self) -> bool:
        """Whether the input ends here in the middle of a member."""
        return self.trouble is None and not self._member.eof

    def take(self) -> bytes:
        """Return up to `PIECE` bytes; empty when more input is needed or `trouble` is set."""
        while self.trouble is None:
            if self._member.eof and not self._next_member():
                return b""
            end = len(self._input)
            if self._fresh:
                end = min(end, self._at + FIRST_SLICE)
            data = self._input[self._at : end]
            before = None if self._fresh else _copy(self._member)
            try:
                piece = self._member.decompress(data, PIECE)
            except _ERRORS as error:
                self.trouble = ("bad_compression", f"{self.kind} data is damaged: {error}")
                return _up_to_damage(self._begin() if self._fresh else before, data)
            self._fresh = False
            # What zlib has not looked at yet, the others keep inside; what stands behind the end.
            left = getattr(self._member, "unconsumed_tail", b"")
            self._at = end - len(left) - len(self._member.unused_data or b"")
            self._out += len(piece)
            if self._out > self._most and self._out > BOMB_RATIO * self._in:
                text = f"{self._in} bytes of {self.kind} grow beyond {BOMB_RATIO}:1"
                text += f", left after {self._out} bytes ({BOMB_HINT})"
                self.trouble = ("decompression_bomb", text)
            if piece:
                return piece
            if not self._member.eof and self._at == len(self._input):
                return b""
        return b""

    def _next_member(self) -> bool:
        """Start the member that follows, past zero padding; False when none is there yet."""
        while self._input.startswith(b"\0", self._at):
            zeros = self._input[self._at : self._at + FIRST_SLICE]
            self._at += len(zeros) - len(zeros.lstrip(b"\0"))
        if self._at == len(self._input):
            return False
        magic = next(magic for magic, kind in MAGICS.items() if kind == self.kind)
        if not magic.startswith(self._input[self._at : self._at + len(magic)]):
            text = f"bytes after the end of the {self.kind} data"
            self.trouble = ("trailing_garbage", text)
            return False
        self._empty = 0 if self._out > self._before else self._empty + 1
        self._before = self._out
        if self._empty > MAX_EMPTY:
            text = f"{self.kind} data goes on with {MAX_EMPTY} empty members, stopped"
            self.trouble = ("decompression_bomb", text)
            return False
        self._member, self._fresh = self._begin(), True
        return True


def _copy(member: _Decompressor) -> _Decompressor | None:
    """Return a copy of the state; only zlib's can be copied."""
    copy = getattr(member, "copy", None)
    return copy() if copy else None


def _up_to_damage(member: _Decompressor | None, data: bytes) -> bytes:
    """Return what the member, as it was before, gives before it fails."""
    out = bytearray()
    with contextlib.suppress(*_ERRORS):
        for at in range(len(data) if member else 0):
            assert member
            out += member.decompress(data[at : at + 1], PIECE - len(out))
            if len(out) >= PIECE:
                break
    return bytes(out)
