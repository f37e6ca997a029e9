"""What the command line asks for, done: analyse once, write every output."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from analyzer import cli
from analyzer.cli import UsageError
from analyzer.export import FORMATS

if TYPE_CHECKING:
    from analyzer.filters import Filter
    from analyzer.model import Options
    from analyzer.redact import Secrets
    from analyzer.session import Session


def run(options: argparse.Namespace) -> int:
    """Analyse the captures and return the exit code."""
    cli.utf8(sys.stdout)
    compiled = _filter(options.filter)
    form = _format(options)
    with ExitStack() as stack:
        outputs = _outputs(options, form, stack)
        session = _open_session(options)
        if session is None:
            return cli.UNREADABLE
        stack.callback(session.close)
        if form == "tui":
            code = _terminal(session, options)
            if code is None:
                outputs.insert(0, ("summary", sys.stdout))
            elif code or not outputs:
                return code
        if not session.done and not _analyse(session, options):
            return cli.UNREADABLE
        _write(session, options, compiled, outputs)
        return _exit_code(session, options, told=form in ("check", "summary"))


def _exit_code(session: Session, options: argparse.Namespace, *, told: bool) -> int:
    """Return the exit code; `told` when the output itself says why it is inconclusive."""
    from analyzer.export.verdict import nothing_to_judge, reached

    if reached(session, options.fail_on):
        return cli.FINDINGS
    reason = nothing_to_judge(session)
    if reason is None:
        return cli.OK
    if not told:
        _say(options, f"inconclusive: {reason}")
    return cli.INCONCLUSIVE


def _say(options: argparse.Namespace, text: str) -> None:
    if not options.quiet:
        sys.stderr.write(f"{cli.PROGRAM}: {text}\n")


def _filter(text: str | None) -> Filter | None:
    if text is None:
        return None
    from analyzer import filters

    try:
        return filters.compile(text)
    except filters.FilterError as error:
        raise UsageError(f"filter: {error.message}\n{error.caret()}") from None


def _format(options: argparse.Namespace) -> str:
    """Return the main output's format: a terminal gets the TUI, a pipe the summary."""
    if options.format:
        form: str = options.format
        return form
    if options.command == "check":
        return "check"
    if options.hexdump:
        return "tree"
    if sys.stdout.isatty() and options.output is None and "-" not in options.captures:
        return "tui"
    # As tshark does: who asks for certain messages wants to see them.
    return "list" if options.filter else "summary"


def _outputs(options: argparse.Namespace, form: str, stack: ExitStack) -> list[tuple[str, TextIO]]:
    """Open every output before the work begins; raises `UsageError`."""
    wanted = [] if form == "tui" else [(form, options.output or "-")]
    outputs: list[tuple[str, TextIO]] = []
    for name, path in [*wanted, *options.report]:
        if path == "-":
            if options.flush:
                sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
            outputs.append((name, sys.stdout))
            continue
        for capture in options.captures:
            if capture != "-" and _same(capture, path):
                raise UsageError(f"{path}: is the capture itself; it is not overwritten")
        try:
            outputs.append((name, stack.enter_context(_open(path))))
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
    return outputs


def _open(path: str) -> TextIO:
    return Path(path).open("w", encoding="utf-8", errors="backslashreplace", newline="\n")


def _same(first: str, second: str) -> bool:
    try:
        return Path(first).samefile(second)
    except OSError:
        return False


def _options(options: argparse.Namespace) -> Options:
    from analyzer.model import Options

    return Options(frozenset(options.decode_as), options.count)


def _paths(options: argparse.Namespace) -> list[Any]:
    return [sys.stdin.buffer if path == "-" else path for path in options.captures]


def _terminal(session: Session, options: argparse.Namespace) -> int | None:
    """Run the TUI, which indexes in the background; None when it cannot run here."""
    try:
        app = import_module("analyzer.tui.app")
    except ImportError as error:
        _say(options, f"no terminal interface ({error}); here is the summary")
        return None
    code: int = app.run(session, options.filter)
    return code


def _open_session(options: argparse.Namespace) -> Session | None:
    """Open the captures; None if one is unreadable."""
    from analyzer.session import Session
    from analyzer.sources import SourceError

    try:
        return Session(_paths(options), _options(options))
    except SourceError as error:
        cli.complain(str(error), cli.UNREADABLE)
        return None


def _analyse(session: Session, options: argparse.Namespace) -> bool:
    """Index the captures, with progress on a terminal's stderr; False if one is unreadable."""
    from analyzer.sources import SourceError

    progress = _Progress() if sys.stderr.isatty() and not options.quiet else None
    try:
        session.run(progress)
    except SourceError as error:
        cli.complain(str(error), cli.UNREADABLE)
        return False
    finally:
        if progress is not None:
            progress.clear()
    if options.verbose:
        _say(
            options,
            f"{session.capture.packets} packets, {len(session.connections)} RTMP connections, "
            f"{len(session.messages)} messages",
        )
    return True


class _Progress:
    """A line on the terminal that is overwritten and leaves nothing behind."""

    def __init__(self) -> None:
        self.width = 0

    def __call__(self, session: Session) -> bool:
        capture = session.capture
        share = ""
        if capture.size:
            share = f"{min(100 * capture.bytes_read // capture.size, 100)} %, "
        line = f"{share}{capture.packets} packets, {len(session.messages)} messages"
        sys.stderr.write("\r" + line.ljust(self.width))
        sys.stderr.flush()
        self.width = len(line)
        return True

    def clear(self) -> None:
        if self.width:
            sys.stderr.write("\r" + " " * self.width + "\r")
            sys.stderr.flush()


def _write(
    session: Session,
    options: argparse.Namespace,
    compiled: Filter | None,
    outputs: list[tuple[str, TextIO]],
) -> None:
    from analyzer.export.request import Request

    secrets: Secrets | None = None
    unmasked: list[str] = []
    for name, out in outputs:
        form = FORMATS[name]
        request = Request(
            filter=compiled,
            detail=options.detail,
            plumbing=options.plumbing,
            hexdump=options.hexdump,
            color=_color(options.color, out),
            fail_on="error" if options.fail_on == "never" else options.fail_on,
        )
        if form.redacted and options.redact is False:
            unmasked.append(name)
        if options.redact or (form.redacted and options.redact is None):
            from analyzer.redact import Redactor, collect

            secrets = secrets or collect(session)
            request.redactor = Redactor(secrets)
        form.write(session, out, request)
        out.flush()
    if unmasked:
        _say(options, f"{', '.join(unmasked)} not redacted: stream names and credentials are shown")


def _color(choice: str, out: TextIO) -> bool:
    if choice != "auto":
        return choice == "always"
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
