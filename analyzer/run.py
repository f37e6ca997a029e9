"""What the command line asks for, done: analyse once, write every output."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from contextlib import ExitStack, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Final, TextIO

from analyzer import cli, inputs, interrupt
from analyzer.cli import UsageError
from analyzer.commands.opening import compile_filter
from analyzer.export import FORMATS
from analyzer.outputs import check_paths, color, finish, naming, open_text

if TYPE_CHECKING:
    from analyzer.export.request import Request
    from analyzer.export.streaming import Streamer
    from analyzer.filters import Filter
    from analyzer.redaction.secrets import Secrets
    from analyzer.session import Session


REFRESH_RATE: Final = "200"
"""Looks per second at what changed; what a key press shows waits for two of them."""
ESCAPE_MS: Final = "50"
"""Milliseconds in which what follows an Esc can make another key of it."""
UNMASKED: Final = "{} not redacted: stream names and credentials are shown"


def run(options: argparse.Namespace) -> int:
    """Analyse the captures and return the exit code."""
    from analyzer.sources import FilterRefusedError, SourceError

    cli.utf8(sys.stdout)
    compiled = compile_filter(options.filter)
    form = _format(options)
    with ExitStack() as stack:
        outputs = _outputs(options, form, stack)
        streamer = _streamer(options, compiled, outputs)
        try:
            session = inputs.open_session(options, form, stack, streamed=streamer is not None)
        except FilterRefusedError as error:
            raise UsageError(str(error)) from None
        except SourceError as error:
            return cli.complain(str(error), cli.UNREADABLE)
        stack.callback(session.close)
        if form == "tui":
            code = _terminal(session, options)
            if code is None:
                outputs.insert(0, ("summary", sys.stdout))
            elif code or not outputs:
                return code
        if not session.done and not analyse(session, options, streamer):
            return cli.UNREADABLE
        if streamer is not None:
            streamer.finish(session)
        _write(session, options, compiled, outputs)
        tell_drops(session, options)
        return _exit_code(session, options, told=form in ("check", "summary"))


def _exit_code(session: Session, options: argparse.Namespace, *, told: bool) -> int:
    """Return the exit code; `told` when the output itself says why it is inconclusive."""
    from analyzer.export.verdict import nothing_to_judge, reached

    unsupported = unsupported_link(session)
    if unsupported is not None:
        return cli.complain(unsupported, cli.UNREADABLE)
    if tell_failures(session):
        return cli.INTERNAL
    trouble = tell_trouble(session)
    if tell_left_out(session):
        return cli.UNREADABLE
    if trouble is not None:
        return trouble
    if reached(session, options.fail_on):
        return cli.FINDINGS
    reason = nothing_to_judge(session)
    if reason is None:
        return cli.OK
    if not told:
        say(options, f"inconclusive: {reason}")
    return cli.INCONCLUSIVE


def unsupported_link(session: Session) -> str | None:
    """Say that no packet could be read for its link type, None where one could."""
    links = session.link.counters.unsupported_link
    if not links or sum(links.values()) != session.packets:
        return None
    from analyzer.sources import link_name

    names = ", ".join(f"{link_name(link)} ({link})" for link in sorted(links))
    return f"link type {names} is not supported: nothing was read"


def tell_failures(session: Session) -> bool:
    """Say where the program itself failed, and how to report it; whether it did."""
    for failure in session.failures.found:
        cli.tell(f"{failure.text}; please report it with the capture")
    return bool(session.failures)


def tell_left_out(session: Session) -> bool:
    """Say which inputs could not be read where others could; whether there are any."""
    for text in session.captures.left_out:
        cli.tell(f"{text}: left out")
    return bool(session.captures.left_out)


def tell_trouble(session: Session) -> int | None:
    """Say what kept this program from reading or keeping the whole input, and return its exit
    code; None where nothing did. What is wrong with the capture itself is a finding instead.
    """
    codes = {"spool_failed": cli.UNREADABLE, "save_failed": cli.USAGE}
    found = None
    for problem in session.captures.problems:
        if problem.code in codes:
            found = cli.complain(problem.text, codes[problem.code])
    return found


def say(options: argparse.Namespace, text: str) -> None:
    if not options.quiet:
        cli.tell(text)


def _format(options: argparse.Namespace) -> str:
    """Return the main output's format: a terminal gets the TUI, a pipe the summary."""
    terminal = sys.stdout.isatty() and (sys.stdin.isatty() or _keys_elsewhere(options))
    if options.format:
        form: str = options.format
        if form == "tui" and not terminal:
            raise UsageError("-F tui needs a terminal")
        return form
    if options.command == "check":
        return "check"
    if options.hexdump:
        return "tree"
    if terminal and options.output is None:
        return "tui"
    # As tshark does: who asks for certain messages wants to see them.
    return "list" if options.filter else "summary"


def _keys_elsewhere(options: argparse.Namespace) -> bool:
    """Whether a capture comes through standard input and keys can come from the terminal."""
    if "-" not in options.captures:
        return False
    try:
        os.close(os.open(inputs.TERMINAL, os.O_RDWR))
    except OSError:
        return False
    return True


def _outputs(options: argparse.Namespace, form: str, stack: ExitStack) -> list[tuple[str, TextIO]]:
    """Open every output before the work begins; raises `UsageError`."""
    wanted = [] if form == "tui" else [(form, options.output or "-")]
    wanted += options.report
    check_paths(options.captures, [path for _, path in wanted])
    opened = [
        (name, open_text(path, stack, growing=not place and _grows(options, name)))
        for place, (name, path) in enumerate(wanted)
    ]
    if options.flush and any(out is sys.stdout for _, out in opened):
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return opened


def _terminal(session: Session, options: argparse.Namespace) -> int | None:
    """Run the TUI, which indexes in the background; None when it cannot run here."""
    os.environ.setdefault("TEXTUAL_FPS", REFRESH_RATE)
    os.environ.setdefault("ESCDELAY", ESCAPE_MS)
    gc.disable()  # an eighth of the time of importing; the interface turns it on again
    try:
        app = import_module("analyzer.tui.app")
    except ImportError as error:
        say(options, f"no terminal interface ({error}); here is the summary")
        return None
    with interrupt.raised():
        code: int = app.run(
            session, options.filter, bool(options.redact), inputs.whole_paths(options)
        )
    return code


def _grows(options: argparse.Namespace, name: str) -> bool:
    """Whether the main output is written while the capture runs."""
    if not (options.flush or inputs.endless(options)):
        return False
    from analyzer.export import streaming

    # What a pipe brings reads as the file it came from in NDJSON: replies with their calls.
    running = options.flush or options.interface or options.follow
    return name in streaming.FORMATS and bool(name != "ndjson" or running)


def _streamer(
    options: argparse.Namespace, compiled: Filter | None, outputs: list[tuple[str, TextIO]]
) -> Streamer | None:
    """Take the main output from `outputs` where it is written while the capture runs."""
    if not outputs or not _grows(options, outputs[0][0]):
        return None
    from analyzer.export import streaming

    name, out = outputs[0]
    del outputs[0]
    redacted = FORMATS[name].redacted if options.redact is None else options.redact
    if FORMATS[name].redacted and options.redact is False:
        say(options, UNMASKED.format(name))
    return streaming.Streamer(name, out, _request(options, compiled, out), redacted)


def tell_drops(session: Session, options: argparse.Namespace) -> None:
    """Say what happened to a capture while it ran, which lists and trees do not."""
    for problem in session.captures.problems:
        if problem.code == "capture_drops":
            say(options, f"{problem.text}: {problem.count}")
        elif problem.code in ("capture_ended", "follow_ended", "shortened"):
            say(options, problem.text)


def analyse(session: Session, options: argparse.Namespace, streamer: Streamer | None) -> bool:
    """Index the captures, with progress on a terminal's stderr; False if one is unreadable."""
    from analyzer.sources import SourceError

    # Lines on the same terminal leave no place for another that is overwritten.
    wanted = sys.stderr.isatty() and not options.quiet and streamer is None
    progress = _Progress() if wanted else None
    stopping = interrupt.stopping(session.stop) if inputs.endless(options) else nullcontext()
    try:
        with stopping:
            session.run(streamer or progress)
    except SourceError as error:
        cli.complain(str(error), cli.UNREADABLE)
        return False
    finally:
        if progress is not None:
            progress.clear()
    if options.verbose:
        say(
            options,
            f"{session.capture.packets} packets, {len(session.connections)} RTMP connections, "
            f"{len(session.messages)} messages",
        )
    return True


class _Progress:
    """A line on the terminal that is overwritten and leaves nothing behind."""

    def __init__(self) -> None:
        self.width = 0
        interrupt.remains.add(self.clear)

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
        interrupt.remains.discard(self.clear)
        if self.width:
            sys.stderr.write("\r" + " " * self.width + "\r")
            sys.stderr.flush()


def _write(
    session: Session,
    options: argparse.Namespace,
    compiled: Filter | None,
    outputs: list[tuple[str, TextIO]],
) -> None:
    secrets: Secrets | None = None
    unmasked: list[str] = []
    for name, out in outputs:
        form = FORMATS[name]
        request = _request(options, compiled, out)
        if form.redacted and options.redact is False:
            unmasked.append(name)
        if options.redact or (form.redacted and options.redact is None):
            from analyzer.redact import Redactor
            from analyzer.redaction.collect import collect

            secrets = secrets or collect(session)
            request.redactor = Redactor(secrets)
        with naming(out):
            form.write(session, out, request)
            finish(out)
    if unmasked:
        say(options, UNMASKED.format(", ".join(unmasked)))


def _request(options: argparse.Namespace, compiled: Filter | None, out: TextIO) -> Request:
    from analyzer.export.request import Request

    return Request(
        filter=compiled,
        detail=options.detail,
        plumbing=options.plumbing,
        hexdump=options.hexdump,
        color=color(options.color, out),
        captures=options.captures,
        fail_on="error" if options.fail_on == "never" else options.fail_on,
    )
