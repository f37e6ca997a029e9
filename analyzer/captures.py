"""One or several capture files read as one, in the order given or that of their numbers."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from analyzer.capture_info import CaptureInfo
from analyzer.sources import (
    Capture,
    CaptureState,
    FrameBatch,
    Input,
    Problem,
    Reading,
    as_written,
    open_captures,
)
from dissectors.text import safe

BLOCK: Final = 1 << 18
"""Bytes read at once when bodies are fetched: neighbours are asked for next."""
CACHED_BLOCKS: Final = 32


def _is_empty(path: str) -> bool:
    place = Path(path)
    try:
        return place.is_file() and not place.stat().st_size
    except (OSError, ValueError):
        return False


class CaptureSetState(NamedTuple):
    """What reading the set has changed."""

    files: list[CaptureState]
    bases: list[int]
    found: list[Problem]


class CaptureSet:
    """Frames of all files in one numbering, bytes of all files in one offset space."""

    def __init__(self, paths: Sequence[Input], reading: Reading | None = None) -> None:
        self.files: list[Capture] = []
        self._found: list[Problem] = []
        paths = self._filled(as_written(paths))
        try:
            for path in paths:
                self.files += open_captures(path, reading or Reading())
        except BaseException:
            self.close()
            raise
        self._bases: list[int] = [0]
        """Where each file begins in the common offset space; known once the one before ended."""
        self._lock = Lock()
        self._blocks: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def _filled(self, paths: list[Input]) -> list[Input]:
        """Leave out empty files among others: a rotated set that is being written ends in one."""
        empty = [path for path in paths if isinstance(path, str) and _is_empty(path)]
        if len(empty) == len(paths):
            return paths
        for path in empty:
            text = f"{safe(Path(path).name)}: empty file, left out"
            self._found.append(Problem("not_opened", text, 0, 0))
        return [path for path in paths if path not in empty]

    def batches(self) -> Iterator[FrameBatch]:
        """Yield the frames of all files."""
        frames = 0
        begun: tuple[int, str] | None = None
        for number, file in enumerate(self.files):
            base, last = self._bases[number], frames
            end = base
            for batch in file.batches():
                if last == frames and len(batch):
                    first = int(batch.time_ns[0])
                    if begun and first < begun[0]:
                        text = f"{safe(file.name)} begins before {safe(begun[1])}, given before it"
                        self._found.append(Problem("unordered_files", text, base, frames + 1))
                    begun = first, file.name
                last = frames + batch.first_frame - 1 + len(batch)
                end = base + batch.base + len(batch.data)
                if base or frames:
                    batch = replace(
                        batch, base=base + batch.base, first_frame=frames + batch.first_frame
                    )
                yield batch
            frames = last
            if number + 1 < len(self.files):
                self._bases.append(end)

    @property
    def plain_size(self) -> int | None:
        """Bytes of all files together where all are ordinary ones, else None."""
        sizes = [file.plain_size for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def state(self, *, final: bool) -> CaptureSetState:
        """Return what `batches` has changed so far; at the end with what is large."""
        files = [file.state(final=final) for file in self.files]
        return CaptureSetState(files, self._bases, self._found)

    def adopt(self, state: CaptureSetState) -> None:
        """Take over what `batches` has changed in another process."""
        for file, each in zip(self.files, state.files, strict=True):
            file.adopt(each)
        self._bases, self._found = state.bases, state.found

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of one file; zeros where it has become shorter in the meantime."""
        return self.peek(offset, length).ljust(length, b"\0")

    def peek(self, offset: int, length: int) -> bytes:
        """Return bytes of one file, fewer where they are gone; what is read is not kept."""
        number = bisect_right(self._bases, offset) - 1
        return self.files[number].pread(offset - self._bases[number], length)

    def pread(self, offset: int, length: int) -> bytes:
        """Return capture bytes from the common offset space; short only at the end of a file."""
        number = bisect_right(self._bases, offset) - 1
        offset -= self._bases[number]
        pieces = []
        while length > 0:
            at, within = divmod(offset, BLOCK)
            piece = self._block(number, at)[within : within + length]
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return b"".join(pieces)

    def _block(self, number: int, at: int) -> bytes:
        key = (number, at)
        with self._lock:
            block = self._blocks.get(key)
            if block is None or len(block) < BLOCK:  # a growing file has more by now
                block = self.files[number].pread(at * BLOCK, BLOCK)
                self._blocks[key] = block
                while len(self._blocks) > CACHED_BLOCKS:
                    self._blocks.popitem(last=False)
            return block

    @property
    def problems(self) -> list[Problem]:
        return [*(each for file in self.files for each in file.problems), *self._found]

    @property
    def oldest(self) -> int:
        """Offset before which bytes cannot be read again."""
        last = len(self._bases) - 1
        oldest = self.files[last].oldest
        return self._bases[last] + oldest if oldest else 0

    @property
    def position(self) -> int:
        """Bytes read so far, as they came."""
        return sum(file.bytes_read for file in self.files)

    def stop(self) -> None:
        """End inputs that would go on; any thread or signal handler may call this."""
        for file in self.files:
            file.stop()

    def info(self) -> CaptureInfo:
        """Describe the set as one capture."""
        first = self.files[0]
        sizes = [file.size for file in self.files]
        names = [file.name for file in self.files]
        links = dict.fromkeys(link for file in self.files for link in file.link_types)
        return CaptureInfo(
            name=", ".join(names),
            format=first.format,
            compression=first.compression,
            size=None if None in sizes else sum(size or 0 for size in sizes),
            packets=sum(file.packets for file in self.files),
            link_types=list(links),
            truncated=any(file.truncated for file in self.files),
            bytes_read=sum(file.bytes_read for file in self.files),
        )

    def close(self) -> None:
        """Close all files."""
        for file in self.files:
            file.close()
