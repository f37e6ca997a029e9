"""One or several capture files read as one, in the order of their first packets."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from analyzer.capture_info import CaptureInfo
from analyzer.merging import MOST, Place, merge
from analyzer.sources import (
    Capture,
    CaptureState,
    FilterRefusedError,
    FrameBatch,
    Input,
    Problem,
    Reading,
    SourceError,
    as_written,
    open_captures,
)
from analyzer.sources.again import FoundFrame, Frames
from dissectors.text import safe

BLOCK: Final = 1 << 18
"""Bytes read at once when bodies are fetched: neighbours are asked for next."""
CACHED_BLOCKS: Final = 32
MAX_STRETCHES: Final = 64
"""Stretches of records looked through for one frame."""
KEPT_FRAMES: Final = 32
"""Stretches of records that are kept once they were looked at."""
PATIENCE_NS: Final = 200_000_000
"""How far a file may reach back into the one before: reassembly orders so much by itself."""
USUAL_FILES: Final = 256
"""So many any process may have open, on any system."""
HELD: Final = 3
"""Files that one capture may hold open: itself, an archive, a spool."""


def _is_empty(path: str) -> bool:
    place = Path(path)
    try:
        return place.is_file() and not place.stat().st_size
    except (OSError, ValueError):
        return False


def _by_time(files: list[Capture]) -> list[tuple[Capture, int | None]]:
    """Order files by their first packets; those that cannot tell yet keep their places."""
    timed = [(file, file.first_ns()) for file in files]
    known = [number for number, (_, time) in enumerate(timed) if time is not None]
    ordered = list(timed)
    for place, number in zip(
        known, sorted(known, key=lambda each: timed[each][1] or 0), strict=True
    ):
        ordered[place] = timed[number]
    return ordered


def _allow_files(count: int) -> None:
    """Raise the number of files this process may have open, for a large set."""
    if count < USUAL_FILES:
        return
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # not on every system

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = max(soft, count + USUAL_FILES)
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        if soft != resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class CaptureSetState(NamedTuple):
    """What reading the set has changed."""

    files: list[CaptureState]
    bases: list[int]
    places: list[Place]
    found: list[Problem]


class CaptureSet:
    """Frames of all files in one numbering, bytes of all files in one offset space."""

    def __init__(self, paths: Sequence[Input], reading: Reading | None = None) -> None:
        self.files: list[Capture] = []
        self._starts: list[int | None] = []
        """Times of the first packets of several files, where they tell."""
        self._found: list[Problem] = []
        self.left_out: list[str] = []
        """Why inputs that were named could not be opened, where others could."""
        try:
            reading = reading or Reading()
            self._open(self._filled(as_written(paths), reading), reading)
        except BaseException:
            self.close()
            raise
        self._bases: list[int] = [0]
        """Where each piece of a file begins in the common offset space: files one after the other
        are a piece each, known once the one before ended.
        """
        self._places: list[Place] = [Place(0, 0)]
        """Which piece that is."""
        self._lock = Lock()
        self._frames: list[tuple[int, Frames]] = []
        """Those looked at last, with the number of their file."""
        self._blocks: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def _filled(self, paths: list[Input], reading: Reading) -> list[Input]:
        """Leave out empty files among others: a rotated set that is being written ends in one."""
        might = paths[:-1] if reading.follow else paths
        empty = [path for path in might if isinstance(path, str) and _is_empty(path)]
        if len(empty) == len(paths):
            return paths
        for path in empty:
            text = f"{safe(Path(path).name)}: empty file, left out"
            self._found.append(Problem("not_opened", text, 0, 0))
        return [path for path in paths if path not in empty]

    def _open(self, paths: list[Input], reading: Reading) -> None:
        """Open what can be opened; raises `SourceError` where that is nothing."""
        _allow_files(HELD * len(paths))
        for number, path in enumerate(paths, 1):
            try:
                # The others would never end, and what comes after them never be read.
                follow = reading.follow and number == len(paths)
                self.files += open_captures(path, replace(reading, follow=follow))
            except FilterRefusedError:
                raise
            except SourceError as error:
                self.left_out.append(str(error))
        if not self.files:
            more = len(self.left_out) - 1
            raise SourceError(self.left_out[0] + (f", and {more} more" if more else ""))
        for text in self.left_out:
            self._found.append(Problem("left_out", f"{text}: left out", 0, 0))
        if len(self.files) > 1:
            ordered = _by_time(self.files)
            self.files = [file for file, _ in ordered]
            self._starts = [start for _, start in ordered]

    def batches(self) -> Iterator[FrameBatch]:
        """Yield the frames of all files, in the order of their times where that is possible."""
        starts = [start for start in self._starts if start is not None]
        if len(self.files) == 1 or len(starts) < len(self.files):
            yield from self._one_by_one()
            return
        frames = base = 0
        for batch, places, late in merge(self.files, starts):
            if late:
                text = f"more than {MOST} files overlap in time, the others are read later"
                self._found.append(Problem("overlapping_files", text, base, frames + 1))
            if not frames:
                self._bases.clear()
                self._places.clear()
            for at, place in places:
                self._bases.append(base + at)
                self._places.append(place)
            yield replace(batch, base=base, first_frame=frames + 1)
            frames += len(batch)
            base += len(batch.data)

    def _one_by_one(self) -> Iterator[FrameBatch]:
        """Yield the frames of one file, or of several of which one cannot tell its time."""
        frames = 0
        latest: tuple[int, str] | None = None
        """The latest time so far, and the file that has it."""
        for number, file in enumerate(self.files):
            base, last = self._bases[number], frames
            end = base
            for batch in file.batches():
                if len(batch):
                    if last == frames and latest:
                        self._overlap(latest, int(batch.time_ns[0]), file.name, base, frames + 1)
                    latest = max(latest or (0, ""), (int(batch.time_ns.max()), file.name))
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
                self._places.append(Place(number + 1, 0))

    def _overlap(
        self, latest: tuple[int, str], first: int, name: str, base: int, frame: int
    ) -> None:
        """Note a file that begins before an earlier one has ended."""
        if 0 < first < latest[0] - PATIENCE_NS:
            ahead = (latest[0] - first) / 1e9
            text = f"{safe(name)} begins {ahead:.3f} s before {safe(latest[1])}, read first, ends"
            self._found.append(Problem("overlapping_files", text, base, frame))

    @property
    def plain_size(self) -> int | None:
        """Bytes of all files together where all are ordinary ones, else None."""
        sizes = [file.plain_size for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def state(self, *, final: bool) -> CaptureSetState:
        """Return what `batches` has changed so far; at the end with what is large."""
        files = [file.state(final=final) for file in self.files]
        return CaptureSetState(files, self._bases, self._places, self._found)

    def adopt(self, state: CaptureSetState) -> None:
        """Take over what `batches` has changed in another process."""
        for file, each in zip(self.files, state.files, strict=True):
            file.adopt(each)
        self._bases, self._places, self._found = state.bases, state.places, state.found

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of a batch; zeros where a file has become shorter in the meantime."""
        pieces = []
        while length > 0:
            number = bisect_right(self._bases, offset)
            room = self._bases[number] - offset if number < len(self._bases) else length
            count = min(room, length)
            pieces.append(self.peek(offset, count).ljust(count, b"\0"))
            offset, length = offset + count, length - count
        return b"".join(pieces)

    def peek(self, offset: int, length: int) -> bytes:
        """Return bytes of one file, fewer where they are gone; what is read is not kept."""
        number = bisect_right(self._bases, offset) - 1
        file, start = self._places[number]
        return self.files[file].pread(start + offset - self._bases[number], length)

    def pread(self, offset: int, length: int) -> bytes:
        """Return capture bytes from the common offset space, also over the end of a file; short
        only where bytes are gone, and at the end of all.
        """
        pieces = []
        end = offset + length
        while offset < end:
            number = bisect_right(self._bases, offset) - 1
            base, last = self._bases[number], self._bases[number + 1 : number + 2]
            at, within = divmod(offset - base, BLOCK)
            room = min([end, *last]) - offset
            piece = self._block(number, at)[within : within + room]
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)

    def frame(self, offset: int) -> FoundFrame | None:
        """Return the captured frame that has the byte at `offset`; None where it cannot be found
        again. Frames of several files are numbered in the order of their times: theirs is 0.
        """
        number = bisect_right(self._bases, offset) - 1
        file, start = self._places[number]
        shift = self._bases[number] - start
        at = offset - shift
        known = next((f for own, f in self._frames if own == file and f.low <= at < f.high), None)
        if known is None:
            known = self.files[file].frames_around(at)
            if known is None:
                return None
            self._frames = [(file, known), *self._frames[: KEPT_FRAMES - 1]]
        found = known.at(at)
        if found is None:
            return None
        name = found.number if len(self.files) == 1 else 0
        return found._replace(number=name, offset=found.offset + shift)

    def frame_near(self, offset: int, number: int, time_ns: int) -> FoundFrame | None:
        """Return the frame of a number, looked for from the byte at `offset` on, either way; of
        several files the one of that file captured at `time_ns`. None where it is not there.
        """
        place = bisect_right(self._bases, offset) - 1
        file, start = self._places[place]
        shift = self._bases[place] - start
        at, way = offset - shift, 0
        for _ in range(MAX_STRETCHES):
            known = self.files[file].frames_around(at)
            if known is None or not len(known.offset):
                return None
            several = len(self.files) > 1
            found = known.captured_at(time_ns) if several else known.numbered(number)
            if isinstance(found, FoundFrame):
                return found._replace(number=number, offset=found.offset + shift)
            if way and found != way:  # it would stand between two stretches
                return None
            way = found
            at = known.high if way > 0 else known.low - 1
        return None

    def _block(self, number: int, at: int) -> bytes:
        key = (number, at)
        with self._lock:
            block = self._blocks.get(key)
            if block is None or len(block) < BLOCK:  # a growing file has more by now
                file, start = self._places[number]
                block = self.files[file].pread(start + at * BLOCK, BLOCK)
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
        file, start = self._places[-1]
        oldest = self.files[file].oldest
        return max(self._bases[-1] - start + oldest, 0) if oldest else 0

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
