"""From what the user names to the captures behind it."""

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from analyzer.sources.capture import DEFAULT, Capture, open_capture, open_file
from analyzer.sources.model import SourceError
from analyzer.sources.stream import Reading
from dissectors.text import safe

_ZIP = b"PK\x03\x04"


@runtime_checkable
class Opener(Protocol):
    """An input that is no file, as a network interface."""

    def open(self, reading: Reading) -> Capture: ...


Input = str | BinaryIO | Opener


def open_captures(given: Input, reading: Reading = DEFAULT) -> list[Capture]:
    """Open a capture, or all captures in a zip archive. Raises `SourceError`."""
    if not isinstance(given, str):
        return [given.open(reading) if isinstance(given, Opener) else open_capture(given, reading)]
    if given == "-" or not _is_zip(given):
        return [open_capture(given, reading)]
    from analyzer.sources.archive import open_archive

    file, name = open_file(given)
    try:
        return open_archive(file, name, reading)
    except SourceError as error:
        file.close()
        raise SourceError(f"{safe(name)}: {error}") from None


def as_written(given: Sequence[Input]) -> list[Input]:
    """Return a rotated set in the order of its numbers where a shell's pattern sorted the names
    (`cap.pcap1 cap.pcap10 cap.pcap2`), anything else as it is.
    """
    names = [each for each in given if isinstance(each, str)]
    if len(names) < len(given) or names != sorted(names):
        return list(given)
    return [*sorted(names, key=by_number)]


def by_number(name: str) -> list[str | int]:
    """Return a key that sorts numbers in names as numbers."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def _is_zip(path: str) -> bool:
    with contextlib.suppress(OSError, ValueError):
        # A FIFO is not opened here: its writer might be gone at the second opening.
        if Path(path).is_file():
            file, _ = open_file(path)
            with file:
                return file.read(len(_ZIP)) == _ZIP
    return False
