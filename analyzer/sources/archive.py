"""Captures in a zip archive, as people attach them to tickets: read as one set, in name order.

Captures may be compressed by themselves. Nothing is unpacked to disk under a name of the
archive's. Archives in archives are not opened, which a problem of the first capture tells.
"""

import lzma
import os
import struct
import zipfile
import zlib
from typing import BinaryIO, Final

from analyzer.sources import pcap, pcapng
from analyzer.sources.capture import Capture
from analyzer.sources.inflate import BOMB_HINT, BOMB_RATIO, BOMB_SIZE, compression_of
from analyzer.sources.inputs import by_number
from analyzer.sources.model import SourceError
from analyzer.sources.stream import SNIFF, Reading, SpooledStream
from dissectors.text import safe

MAGIC: Final = b"PK\x03\x04"
MAX_CAPTURES: Final = 200
"""Captures read from one archive; each has a spool file open."""
MAX_DIRECTORY: Final = 8 << 20
"""Bytes of the table of contents, which the standard library reads at once: some 80,000 files."""
_END: Final = struct.Struct("<4s4H2LH")
_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,  # encrypted
)


class _Member:
    """One file of the archive; whatever is wrong with it is an `OSError`."""

    def __init__(
        self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int, most: int | None = None
    ) -> None:
        """`size`: bytes of the archive; `most`: as of `Inflater`."""
        self._size = max(size, 1)
        self._most = BOMB_SIZE if most is None else most
        self._out = 0
        try:
            self._file = archive.open(info)
        except _ERRORS as error:
            raise OSError(f"not readable in the archive: {safe(str(error))}") from None

    def read(self, count: int) -> bytes:
        try:
            data = self._file.read(count)
        except _ERRORS as error:
            raise OSError(f"damaged in the archive: {safe(str(error))}") from None
        self._out += len(data)
        if self._out > self._most and self._out > BOMB_RATIO * self._size:
            text = f"{self._size} bytes of zip grow beyond {BOMB_RATIO}:1"
            raise OSError(f"{text}, left after {self._out} bytes ({BOMB_HINT})")
        return data

    def close(self) -> None:
        self._file.close()


class _Owner:
    """Closes the archive with the last of its captures."""

    def __init__(self, archive: zipfile.ZipFile, file: BinaryIO) -> None:
        self._archive, self._file = archive, file
        self.users = 0

    def close(self) -> None:
        self.users -= 1
        if self.users <= 0:
            self._archive.close()
            self._file.close()


def open_archive(file: BinaryIO, name: str, reading: Reading) -> list[Capture]:
    """Open the captures in a zip archive in the order of their names; raises `SourceError`."""
    size = os.fstat(file.fileno()).st_size
    _check_directory(file, size)
    try:
        archive = zipfile.ZipFile(file)
    except (*_ERRORS, OSError, ValueError) as error:
        raise SourceError(f"damaged zip archive: {safe(str(error))}") from None
    infos = [info for info in archive.infolist() if _wanted(info)]
    infos.sort(key=lambda info: by_number(info.filename))
    owner = _Owner(archive, file)
    found: list[Capture] = []
    lost: list[str] = []
    for info in infos:
        try:
            kind = _kind(_Member(archive, info, size))
            if kind == "zip":
                raise SourceError("an archive in the archive; unpack it first")
            if kind is None:
                continue
            if len(found) == MAX_CAPTURES:
                raise SourceError(f"more than {MAX_CAPTURES} captures in the archive")
            label = f"{name}/{info.filename.replace(chr(92), '/').rpartition('/')[2]}"
            member = _Member(archive, info, size, reading.most)
            capture = _capture(member, kind, label, owner, reading)
            if capture is not None:
                found.append(capture)
                owner.users += 1
        except (OSError, SourceError) as error:
            lost.append(f"{safe(info.filename)}: {error}")
    more = f", and {len(lost) - 1} more files" if len(lost) > 1 else ""
    if not found:
        none = f"no capture among the {len(infos)} files of the archive"
        raise SourceError(f"{none}; {lost[0]}{more}" if lost else none)
    if lost:
        found[0].remark("not_opened", f"left out of the archive: {lost[0]}{more}")
    return found


def _capture(
    member: _Member, kind: str | None, label: str, owner: _Owner, reading: Reading
) -> Capture | None:
    """Open a capture; None where what was compressed is none, a log for example."""
    stream = SpooledStream(member, None, reading)
    stream.compression = "zip"
    try:
        return Capture(stream, label, owner, reading.most)
    except SourceError:
        stream.close()
        if kind == "capture":
            raise
        return None


def _check_directory(file: BinaryIO, size: int) -> None:
    """Refuse a table of contents that would fill the memory, before it is read."""
    tail = os.pread(file.fileno(), _END.size + 0xFFFF, max(size - _END.size - 0xFFFF, 0))
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise SourceError("damaged zip archive: it is cut short")
    length = _END.unpack_from(tail, at)[5]
    if length > MAX_DIRECTORY:
        raise SourceError(f"the archive's table of contents has {length} bytes: too many")


def _wanted(info: zipfile.ZipInfo) -> bool:
    """macOS adds files of its own (``__MACOSX/._x.pcap``)."""
    parts = info.filename.split("/")
    return not info.is_dir() and "__MACOSX" not in parts and not parts[-1].startswith(".")


def _kind(member: _Member) -> str | None:
    """Tell by its content what a file is: a ``capture``, ``compressed``, a ``zip``, or neither."""
    head = member.read(SNIFF)
    member.close()
    if head[:4] in pcap.MAGICS or head.startswith(pcapng.MAGIC):
        return "capture"
    if head.startswith(MAGIC):
        return "zip"
    return "compressed" if compression_of(head) else None
