"""What the command line names as output: kept off the captures, opened before the work begins.

What a file held stays until there is something to take its place: a run that fails leaves it.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO

from analyzer import interrupt
from analyzer.cli import UsageError
from dissectors.text import safe

STDIO: Final = "-"


def check_paths(captures: Sequence[str], outputs: Iterable[str]) -> None:
    """Raise `UsageError` where an output is one of the captures, or named for two outputs."""
    taken: set[str] = set()
    for output in outputs:
        if output == STDIO:
            continue
        if output in taken:
            raise UsageError(f"{safe(output)}: named for two outputs")
        taken |= {output} - {os.devnull}
        if any(capture != STDIO and _same_file(capture, output) for capture in captures):
            raise UsageError(f"{safe(output)}: is the capture itself; it is not overwritten")


def _same_file(first: str, second: str) -> bool:
    try:
        return Path(first).samefile(second)
    except (OSError, ValueError):
        return False


class Draft:
    """Binary output that takes a file's place when it is whole; closing it earlier drops it.

    Pipes and devices are written to at once. Raises `OSError`.
    """

    def __init__(self, path: str) -> None:
        try:
            target = Path(path).resolve()
        except RuntimeError:  # Python 3.11 and 3.12 of links in a circle
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path) from None
        self._target: Path | None = target
        self._new: Path | None = None
        """A file beside the target, to be renamed."""
        known = target.stat() if target.exists() else None
        # The shell's own redirections are open already: another file would not be seen there.
        if path.startswith(("/dev/", "/proc/")) or (known and not stat.S_ISREG(known.st_mode)):
            self._target = None
            self.file: BinaryIO = io.BufferedWriter(io.FileIO(path, "w"))
        elif known is None or _replaceable(target, known):
            self.file, self._new = self._beside(target, known)
        else:
            with target.open("ab"):
                pass  # proves that it can be written to
            self.file = self._apart()

    @staticmethod
    def _beside(target: Path, known: os.stat_result | None) -> tuple[BinaryIO, Path]:
        """Create a file in the target's folder, with its permissions."""
        import tempfile

        with interrupt.held():
            number, name = tempfile.mkstemp(dir=target.parent, prefix=".rtmp-analyze-")
            new = Path(name)
            interrupt.remains.add(new.unlink)
        if known is None:
            mask = os.umask(0)
            os.umask(mask)
            new.chmod(0o666 & ~mask)
        else:
            new.chmod(stat.S_IMODE(known.st_mode))
        return os.fdopen(number, "w+b"), new

    @staticmethod
    def _apart() -> BinaryIO:
        """Create a file without a name."""
        import tempfile

        number, name = tempfile.mkstemp()
        with suppress(OSError):
            Path(name).unlink()
        return os.fdopen(number, "w+b")

    def commit(self) -> None:
        """Put what was written in the file's place."""
        self.file.flush()
        if self._new is not None:
            self.file.close()
            assert self._target is not None
            self._new.replace(self._target)
            self._forget()
        elif self._target is not None:
            import shutil

            self.file.seek(0)
            with self._target.open("wb") as out:
                shutil.copyfileobj(self.file, out)

    def close(self) -> None:
        """Drop what was not committed."""
        with suppress(OSError):
            self.file.close()
        if self._new is not None:
            with suppress(OSError):
                self._new.unlink()
            self._forget()

    def _forget(self) -> None:
        assert self._new is not None
        interrupt.remains.discard(self._new.unlink)
        self._new = None


def _replaceable(target: Path, known: os.stat_result) -> bool:
    """Whether another file of the same owner can take a file's place, under its only name."""
    own = not hasattr(os, "geteuid") or known.st_uid == os.geteuid()
    return (
        own
        and known.st_nlink == 1
        and os.access(target, os.W_OK)
        and os.access(target.parent, os.W_OK)
    )


class Growing(io.FileIO):
    """A file that is read while it is written; the first bytes empty it. Raises `OSError`.

    A new file to which nothing was written is there only after `commit`.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._new = not os.path.lexists(path)
        super().__init__(path, "a")
        self._full = stat.S_ISREG(os.fstat(self.fileno()).st_mode)

    def write(self, data: Any) -> int:
        self.commit()
        if self._full:
            self._full = False
            self.truncate(0)
        return super().write(data) or 0

    def commit(self) -> None:
        """Keep the file, whatever is written to it."""
        self._new = False

    def close(self) -> None:
        if not self.closed and self._new:
            with suppress(OSError):
                self._path.unlink()
        super().close()


class _Text(io.TextIOWrapper):
    """Text of a draft, or of a file that grows."""

    draft: Draft | Growing
    path: str
    """As the user wrote it."""


def open_text(path: str, stack: ExitStack, *, growing: bool = False) -> TextIO:
    """Open an output that `stack` closes and `finish` puts in its place; raise `UsageError`.

    What a GitHub step's summary holds already stays.
    """
    if path == STDIO:
        return sys.stdout
    try:
        if path == os.environ.get("GITHUB_STEP_SUMMARY"):
            return stack.enter_context(_text(Path(path).open("ab")))
        if growing:
            file = Growing(path)
            out = stack.enter_context(_text(io.BufferedWriter(file)))
            out.draft, out.path = file, path
            return out
        draft = Draft(path)
    except OSError as error:
        raise UsageError(f"{safe(path)}: {error.strerror}") from None
    stack.callback(draft.close)
    out = _text(draft.file)
    out.draft, out.path = draft, path
    return out


def _text(file: BinaryIO) -> _Text:
    return _Text(file, encoding="utf-8", errors="backslashreplace", newline="\n")


def finish(out: TextIO) -> None:
    """Have an output that is whole take its place."""
    out.flush()
    if isinstance(out, _Text) and hasattr(out, "draft"):
        out.draft.commit()


@contextmanager
def naming(out: TextIO) -> Iterator[None]:
    """Name the output in an `OSError` that writing to it raises, a full disk most often."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or getattr(out, "path", None)
        raise


def color(choice: str, out: TextIO) -> bool:
    """Whether to write ANSI colours, as ``--color`` and the terminal want it."""
    if choice != "auto":
        return choice == "always"
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
