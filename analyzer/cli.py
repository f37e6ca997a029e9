"""Command line and exit codes. Whatever is heavy is imported when it is needed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

from analyzer import __version__, interrupt
from analyzer.export import DETAILS, FORMATS, SEVERITIES
from dissectors.text import safe

PROGRAM: Final = "rtmp-analyze"

OK: Final = 0
FINDINGS: Final = 1
USAGE: Final = 2
UNREADABLE: Final = 3
INCONCLUSIVE: Final = 4
INTERNAL: Final = 70
CLOSED_PIPE: Final = 141

FORMAT_NAMES: Final = ("tui", *FORMATS)
COMMANDS: Final = {
    "check": "findings decide the exit code, for CI",
    "diff": "compare what two captures say",
    "extract": "write media, metadata or raw bytes into files",
    "redact": "copy a capture without the secrets in it",
    "schema": "print the JSON Schema of a report, a diff, a baseline …",
}
"""Sub-command → what it does; `analyzer.commands` has a module of that name with `main`."""

_LISTED: Final = "\n".join(f"  {name:10} {words}" for name, words in COMMANDS.items())
_EPILOG: Final = f"""\
sub-commands (as the first word):
{_LISTED}

exit codes: 0 analysed or passed, 1 findings (check, --fail-on), 2 usage or filter error, or output
that cannot be written, 3 input unreadable, 4 inconclusive: no RTMP, or encrypted, 70 internal
error, 130 interrupted (128 + signal), 141 closed pipe.
A capture named like a sub-command is given as ./check. Captures are opened together, as one, in
the order of their times; 3 also where some of them could be read and the others were left out.
"""


class UsageError(Exception):
    """Something the user wrote cannot be done; the text may have several lines."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _fill_closed_streams()
    try:
        code = _guarded(words)
        sys.stdout.flush()
    except BrokenPipeError:
        _mute_stdout()
        return CLOSED_PIPE
    except OSError as error:  # a full disk, most often
        _mute_stdout()
        where = error.filename or "standard output"
        return complain(f"{safe(str(where))}: {error.strerror}", USAGE)
    except KeyboardInterrupt as asked:
        return interrupt.exit_code(asked)
    return code


def _fill_closed_streams() -> None:
    """Put the null device where a standard stream was closed: no file may take its number.

    Nothing can be written to such a standard output, so that its loss is an error.
    """
    access = {"stdin": os.O_RDONLY, "stdout": os.O_RDONLY, "stderr": os.O_WRONLY}
    for name, flags in access.items():
        if getattr(sys, name) is None:
            stream = os.fdopen(os.open(os.devnull, flags), "r" if name == "stdin" else "w")
            setattr(sys, name, stream)


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{PROGRAM}: {safe(message)} (--help lists the options)\n")


def _guarded(words: list[str]) -> int:
    """Turn everything but trouble with the output into an exit code."""
    try:
        return _dispatch(words)
    except UsageError as error:
        return complain(str(error), USAGE)
    except SystemExit as error:  # argparse: 0 after --help and --version, 2 after an error
        return error.code if isinstance(error.code, int) else USAGE
    except OSError:
        raise
    except Exception as error:
        return _internal(error)


def _dispatch(words: list[str]) -> int:
    if words and words[0] in COMMANDS:
        module = import_module(f"analyzer.commands.{words[0]}")
        code: int = module.main(words[1:])
        return code
    parser = _main_parser()
    options = parser.parse_args(words)
    options.command = ""
    options.captures += options.read
    if options.interfaces:
        return _print_interfaces()
    if options.interface and options.captures:
        raise UsageError("either an interface or captures, not both")
    if (options.bpf or options.write) and not options.interface:
        raise UsageError("-f and -w go with -i")
    if not options.captures and not options.interface and not _asked(options):
        parser.error("no capture given (- reads one from standard input)")
    from analyzer.run import run

    return run(options)


def _asked(options: argparse.Namespace) -> bool:
    """Ask on the terminal which capture is meant; False where there is none, or no answer."""
    at_terminal = sys.stdout.isatty() and sys.stdin.isatty()
    if not at_terminal or options.format not in (None, "tui") or options.output is not None:
        return False
    try:
        choice = import_module("analyzer.tui.chooser").choose()
    except ImportError:
        return False
    if choice is None:
        raise SystemExit(OK)
    if choice.kind == "interface":
        options.interface = choice.name
    else:
        options.captures = [choice.name]
    return True


def _print_interfaces() -> int:
    from analyzer.sources import SourceError
    from analyzer.sources.live import interfaces

    try:
        sys.stdout.write(interfaces())
    except SourceError as error:
        return complain(str(error), UNREADABLE)
    return OK


def utf8(stream: Any) -> None:
    """Make a standard stream independent of the locale."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def tell(text: str) -> None:
    """Write to stderr; what the text quotes, the user's own words too, reaches it as text only."""
    lines = "\n".join(map(safe, text.split("\n")))
    sys.stderr.write(f"{PROGRAM}: {lines}\n")


def complain(text: str, code: int) -> int:
    tell(text)
    return code


def _internal(error: Exception) -> int:
    if os.environ.get("RTMP_ANALYZE_DEBUG") == "1":
        import traceback

        traceback.print_exc()
    text = safe(str(error))[:200]
    what = f"internal error: {type(error).__name__}: {text}; please report it with the capture"
    return complain(f"{what} (RTMP_ANALYZE_DEBUG=1 shows where)", INTERNAL)


def _mute_stdout() -> None:
    """Keep the interpreter from complaining when it flushes standard output at its end."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass


class _Tree(argparse.Action):
    """-V selects the tree, a second one adds markers and lengths."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        namespace.plumbing = namespace.trees > 0
        namespace.trees += 1
        namespace.format = "tree"


def _main_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=PROGRAM,
        description="Analyse RTMP in a capture: annotated messages, tied to their bytes.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    input_options(parser)
    form = parser.add_argument_group("output")
    form.add_argument("-F", "--format", choices=FORMAT_NAMES, help="default: tui or summary")
    for name in ("json", "ndjson"):
        form.add_argument(
            f"--{name}", dest="format", action="store_const", const=name, help=f"-F {name}"
        )
    tree_help = "-F tree; -VV also shows AMF markers and lengths"
    form.add_argument(
        "-V", "--tree", dest="trees", action=_Tree, nargs=0, default=0, help=tree_help
    )
    form.add_argument("-x", dest="hexdump", action="store_true", help="bytes of bodies under trees")
    form.add_argument("-Y", dest="filter", metavar="FILTER", help="only messages that match")
    form.add_argument(
        "--detail", choices=DETAILS, default="messages", help="of JSON (default: messages)"
    )
    form.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="default: auto"
    )
    form.add_argument(
        "-l",
        dest="flush",
        action="store_true",
        help="flush after each line; NDJSON comes while a pipe is read, not at its end: calls then "
        "lack their replies",
    )
    output_options(form, "never")
    _live_options(parser)
    parser.set_defaults(plumbing=False)
    return parser


def input_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("captures", nargs="*", metavar="CAPTURE", help="pcap or pcapng; - is stdin")
    parser.add_argument(
        "-r", dest="read", metavar="FILE", action="append", default=[], help="one more capture"
    )
    parser.add_argument("-c", dest="count", metavar="N", type=_count, help="stop after N packets")
    decode_option(parser)
    parser.add_argument(
        "--max-input-bytes",
        metavar="SIZE",
        type=_size,
        help="leave each input, decompressed, after this much (default: read all of it, but leave "
        "what grows beyond 1000:1 after 128M, as no capture does)",
    )
    parser.add_argument(
        "--check-checksums",
        action="store_true",
        help="leave out segments with a wrong TCP checksum, as their receiver did",
    )


def decode_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-d",
        dest="decode_as",
        metavar="tcp.port==PORT,rtmp",
        action="append",
        type=_decode_as,
        default=[],
        help="try this port as RTMP even where the proof is weak",
    )


def output_options(form: Any, fail_on: str | None) -> None:
    form.add_argument("-o", "--output", metavar="FILE", help="write there, not to stdout")
    form.add_argument(
        "--report",
        metavar="FORMAT=PATH",
        action="append",
        type=_report,
        default=[],
        help="write another output from the same pass; repeatable",
    )
    form.add_argument(
        "--fail-on",
        choices=(*SEVERITIES, "never"),
        default=fail_on,
        help=f"exit 1 on findings this bad or worse (default: {fail_on or 'error'})",
    )
    form.add_argument(
        "--redact",
        action=argparse.BooleanOptionalAction,
        help="hide stream names and other credentials; the default for JSON",
    )
    form.add_argument("-q", dest="quiet", action="store_true", help="no narration on stderr")
    form.add_argument("-v", dest="verbose", action="count", default=0, help="more of it")


def _live_options(parser: argparse.ArgumentParser) -> None:
    live = parser.add_argument_group("live capture")
    live.add_argument(
        "-i", dest="interface", metavar="INTERFACE", help="capture from there until Ctrl-C"
    )
    live.add_argument(
        "-f",
        dest="bpf",
        metavar="BPF",
        help="capture filter ('tcp port 1935' misses VLAN tags, tunnels and later IP fragments)",
    )
    live.add_argument("-D", dest="interfaces", action="store_true", help="list interfaces")
    live.add_argument("-w", dest="write", metavar="FILE", help="keep the packets")
    live.add_argument(
        "--ring", metavar="SIZE", type=_size, help="bytes kept on disk (default with -i: 1G)"
    )
    live.add_argument(
        "--keep", metavar="N", type=_count, help="messages kept (default with -i: 250000)"
    )
    live.add_argument(
        "--follow", action="store_true", help="a capture file that still grows; of several the last"
    )


def _size(text: str) -> int:
    """Bytes, or with K, M, G what Linux tools mean by it."""
    unit = {"K": 10, "M": 20, "G": 30, "T": 40}.get(text[-1:].upper(), 0)
    digits = text[:-1] if unit else text
    if not digits.isdecimal() or not digits.isascii() or len(digits) > 15 or int(digits) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no size like 512M")
    return int(digits) << unit


def _count(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 15 or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of packets")
    return int(text)


def _decode_as(text: str) -> int:
    """``tcp.port==1940,rtmp``; Wireshark's own name rtmpt is taken too."""
    selector, _, protocol = text.partition(",")
    name, equal, port = selector.partition("==")
    good = name == "tcp.port" and equal and protocol in ("rtmp", "rtmpt")
    if not good or not port.isdecimal() or len(port) > 5 or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"'{text}' should look like tcp.port==1940,rtmp")
    return int(port)


def _report(text: str) -> tuple[str, str]:
    name, equal, path = text.partition("=")
    if name not in FORMATS or not equal or not path:
        known = ", ".join(FORMATS)
        raise argparse.ArgumentTypeError(f"'{text}' should be FORMAT=PATH, FORMAT one of {known}")
    return name, path
