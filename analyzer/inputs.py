"""What the command line names as input: captures, standard input, an interface."""

from __future__ import annotations

import argparse
import io
import os
import stat
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from analyzer.cli import UsageError
from analyzer.outputs import Growing
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.options import Options
    from analyzer.session import Session

RING: Final = 1 << 30
"""Bytes of a live capture kept on disk to be read again; what is older is gone."""
KEEP: Final = 250_000
"""Messages of a live capture kept in memory, some 110 bytes each: 45 minutes of an ordinary one."""
TERMINAL: Final = "/dev/tty"


def open_session(
    options: argparse.Namespace, form: str, stack: ExitStack, *, streamed: bool
) -> Session:
    """Open the captures; raises `SourceError`."""
    from analyzer.start import start

    return start(_paths(options, form), session_options(options, stack, streamed=streamed))


def session_options(options: argparse.Namespace, stack: ExitStack, *, streamed: bool) -> Options:
    from analyzer.options import Options
    from analyzer.sources import Reading

    interface = options.interface is not None
    ring = options.ring if options.ring is not None else RING if interface else None
    rows = options.keep if options.keep is not None else KEEP
    save = stack.enter_context(_create(options.write)) if options.write else None
    reading = Reading(
        live=endless(options),
        follow=options.follow,
        spool=ring,
        most=options.max_input_bytes,
        save=save,
    )
    bounded = interface or options.ring is not None or options.keep is not None
    return Options(
        frozenset(options.decode_as),
        options.count,
        reading=reading,
        endless=bounded,
        rows=rows,
        streamed=streamed,
        check_checksums=options.check_checksums,
    )


def _create(path: str) -> BinaryIO:
    try:
        return io.BufferedWriter(Growing(path))
    except OSError as error:
        raise UsageError(f"{safe(path)}: {error.strerror}") from None


def endless(options: argparse.Namespace) -> bool:
    """Whether the input goes on until somebody stops it."""
    if options.interface is not None or options.follow:
        return True
    return from_pipe(options.captures)


def from_pipe(captures: Sequence[str]) -> bool:
    """Whether one of the captures comes through standard input while somebody writes it."""
    return "-" in captures and _stdin_kind() == "pipe"


def _stdin_kind() -> str:
    """Return ``file``, ``closed`` or ``pipe``: anything one waits for."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return "closed"
    return "file" if stat.S_ISREG(mode) else "pipe"


def _paths(options: argparse.Namespace, form: str) -> list[Any]:
    if options.interface is not None:
        from analyzer.sources.live import Interface

        return [Interface(options.interface, options.bpf or "", options.count)]
    if form == "tui" and "-" in options.captures:
        # The capture comes through standard input, keys from the terminal itself.
        pipe = os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
        keys = os.open(TERMINAL, os.O_RDWR)
        os.dup2(keys, sys.stdin.fileno())
        os.close(keys)
        return [pipe if path == "-" else path for path in options.captures]
    return list(options.captures)


def whole_paths(options: argparse.Namespace) -> list[str]:
    return [str(Path(path).absolute()) for path in options.captures if path != "-"]
