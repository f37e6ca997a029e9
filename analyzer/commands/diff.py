"""``rtmp-analyze diff``: what two captures say differently."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from analyzer import cli, run
from analyzer.commands.opening import compile_filter, open_session
from analyzer.outputs import check_paths, finish, open_text
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.diff.compare import Comparison

_EPILOG = """\
Connections are paired by role and application, and compared stage by stage: handshake, connect
and its reply, the messages of each side in order, chunk streams, acknowledgements, metadata,
codecs and configurations, timing (waits, rates, A/V skew, composition times, timestamps that
repeat or go back). What no second run repeats is left out or named alike:
addresses, times, transaction and client ids, stream names, credentials, process numbers, lengths
of recordings; rates and waits differ only beyond a tolerance. Nothing is printed where nothing
differs.

exit codes: 0 compared, 1 with --exit-code: they differ, 2 usage or filter error, 3 input
unreadable, 4 no RTMP to compare in one of them.
"""


def main(words: list[str]) -> int:
    """Compare two captures; return the exit code."""
    options = _parser().parse_args(words)
    if options.a == options.b == "-":
        raise cli.UsageError("only one of them can come from standard input")
    compiled = compile_filter(options.filter)
    check_paths([options.a, options.b], [options.output])
    from analyzer.diff.compare import compare, profiles
    from analyzer.redact import Redactor
    from analyzer.redaction.collect import collect

    found = []
    names = []
    for path in (options.a, options.b):
        with ExitStack() as stack:
            session = open_session([path], options, stack)
            if isinstance(session, int):
                return session
            if run.tell_failures(session):
                return cli.INTERNAL
            trouble = run.tell_trouble(session)
            if trouble is not None:
                return trouble
            found.append(profiles(session, compiled, Redactor(collect(session))))
            names.append(session.capture.name)
        del session
        _make_room()  # before the other one is read
    result = compare(*found)
    _write(result, _shown(names), options)
    for name, each in zip(names, found, strict=True):
        if not each:
            return cli.complain(f"{_shown([name])[0]}: no RTMP to compare", cli.INCONCLUSIVE)
    if result.equal and not options.quiet:
        count = len(result.pairs)
        what = "connection" if count == 1 else "connections"
        cli.tell(f"no differences in {count} {what}")
        if any(pair.holes_a or pair.holes_b for pair in result.pairs):
            cli.tell("some of it was not captured (--json says what)")
    return cli.FINDINGS if options.exit_code and not result.equal else cli.OK


def _make_room() -> None:
    """Give back the memory of a session, whose connections are cycles."""
    import gc

    from analyzer import memory

    gc.collect()
    memory.give_back()


def _shown(names: list[str]) -> tuple[str, ...]:
    return tuple(safe(name) for name in names)


def _write(result: Comparison, names: tuple[str, ...], options: argparse.Namespace) -> None:
    from analyzer.diff.output import write_json, write_text

    write = write_json if options.json else write_text
    pair = names[0], names[1]
    if options.output == "-":
        cli.utf8(sys.stdout)
        write(result, pair, sys.stdout)
        return
    with ExitStack() as stack:
        out = open_text(options.output, stack)
        try:
            write(result, pair, out)
            finish(out)
        except OSError as error:
            raise cli.UsageError(f"{safe(options.output)}: {error.strerror}") from None


def _parser() -> cli.Parser:
    parser = cli.Parser(
        prog=f"{cli.PROGRAM} diff",
        description="Compare what two captures say, not their bytes.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("a", metavar="A", help="a capture; lines that only it has begin with -")
    parser.add_argument("b", metavar="B", help="the other; lines that only it has begin with +")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument(
        "--exit-code", action="store_true", help="exit 1 where they differ, for scripts"
    )
    parser.add_argument(
        "-Y", dest="filter", metavar="FILTER", help="only connections with a message that matches"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="-", help="write there, not to stdout"
    )
    cli.decode_option(parser)
    parser.add_argument("-q", dest="quiet", action="store_true", help="no narration on stderr")
    return parser
