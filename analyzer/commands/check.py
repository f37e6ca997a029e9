"""``rtmp-analyze check``: analyse captures; the findings decide the exit code."""

from __future__ import annotations

from analyzer import cli
from analyzer.export import DETAILS
from analyzer.run import run


def main(words: list[str]) -> int:
    """Analyse, write the outputs, judge."""
    parser = _parser()
    options = parser.parse_args(words)
    options.captures += options.read
    if not options.captures:
        parser.error("no capture given (- reads one from standard input)")
    return run(options)


def _parser() -> cli.Parser:
    parser = cli.Parser(
        prog=f"{cli.PROGRAM} check",
        description="Analyse captures; the findings decide the exit code.",
        allow_abbrev=False,
    )
    cli.input_options(parser)
    form = parser.add_argument_group("output")
    names = [name for name in cli.FORMAT_NAMES if name != "tui"]
    form.add_argument("-F", "--format", choices=names, help="write this instead of the verdict")
    for name in ("json", "ndjson"):
        form.add_argument(
            f"--{name}", dest="format", action="store_const", const=name, help=f"-F {name}"
        )
    form.add_argument("--detail", choices=DETAILS, default="messages", help="of JSON")
    form.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    cli.output_options(form, "error")
    parser.set_defaults(
        command="check",
        plumbing=False,
        hexdump=False,
        filter=None,
        flush=False,
        interface=None,
        bpf=None,
        interfaces=False,
        write=None,
        follow=False,
        ring=None,
        keep=None,
    )
    return parser
