"""``rtmp-analyze check``: judge captures; findings and assertions decide the exit code."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer import cli
from analyzer.export import DETAILS, FORMATS

if TYPE_CHECKING:
    from analyzer.check.policy import Wanted

_EPILOG = """\
Assertions use the filter's syntax on messages (some message matches) and on values of the whole
capture: connections, duration, publish.started, play.started, first_media, video.codec,
video.width, video.frame_rate, video.bitrate, audio.codec, audio.sample_rate, gop.max, av_skew.max,
errors, rule.TS-01 and more; analyzer/check/CHECK.md lists them all, the profiles and the keys of
the policy file.

  --expect publish.started --expect 'video.codec == h264 and gop.max <= 2s' --forbid rule.TS-01

A report that tells of one capture (json, ndjson, summary, list, tree) of several is given a path
with {capture} in it: --report json=out/{capture}.json
A report to $GITHUB_STEP_SUMMARY is appended to what that file holds; any other file is replaced.

exit codes: 0 passed, 1 findings or a failed assertion, 2 usage or policy error, 3 a capture cannot
be read, 4 inconclusive: no RTMP, encrypted, an assertion had nothing to measure, or, without
assertions, the rules could tell of no connection. Of several captures the worst one counts: 3,
then 1, then 4.
"""


def main(words: list[str]) -> int:
    """Analyse, write the outputs, judge."""
    parser = _parser()
    options = parser.parse_args(words)
    options.captures += options.read
    if not options.captures:
        parser.error("no capture given (- reads one from standard input)")
    if options.captures.count("-") > 1:
        parser.error("standard input can be read once only")
    from analyzer.check import drive
    from analyzer.check.policy import PolicyError

    try:
        wanted = _wanted(options)
    except PolicyError as error:
        raise cli.UsageError(str(error)) from None
    return drive.check(options, wanted)


def _wanted(options: argparse.Namespace) -> Wanted:
    """Join the policy file and the command line, which goes before it."""
    from analyzer.check import assertions, policy
    from analyzer.filters.lexer import FilterError

    wanted = policy.load(options.policy, Path())
    if options.fail_on is not None:
        wanted.fail_on = options.fail_on
    if options.profile is not None:
        wanted.profile = policy.profile(options.profile)
    if options.baseline is not None:
        wanted.baseline = options.baseline
    if options.select:
        wanted.select = _names(options.select)
    wanted.ignore += _names(options.ignore)
    for text in options.param:
        rule, name, value = policy.parameter_option(text)
        wanted.parameters.setdefault(rule, {})[name] = value
    for kind, text in options.assertions:
        try:
            wanted.assertions.append(assertions.compile(kind, text))
        except FilterError as error:
            raise cli.UsageError(f"--{kind}: {error.message}\n{error.caret()}") from None
    return wanted


def _names(given: list[str]) -> list[str]:
    """Read rule ids and groups, separated by commas."""
    from analyzer.check import policy

    names = []
    for text in given:
        position = 0
        for name in text.split(","):
            try:
                names.append(policy.rule_name(name))
            except policy.PolicyError as error:
                caret = policy.caret(text, position, len(name))
                raise policy.PolicyError(f"{error}\n{caret}") from None
            position += len(name) + 1
    return names


class _Assertion(argparse.Action):
    """Keeps the order in which expectations and prohibitions were given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        kind = (option_string or "").lstrip("-")
        namespace.assertions = [*namespace.assertions, (kind, values)]


def _parser() -> cli.Parser:
    parser = cli.Parser(
        prog=f"{cli.PROGRAM} check",
        description="Judge captures, each on its own: findings and assertions decide.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    cli.input_options(parser)
    _gate_options(parser)
    form = parser.add_argument_group("output")
    form.add_argument(
        "-F", "--format", choices=tuple(FORMATS), help="write this instead of the verdict"
    )
    for name in ("json", "ndjson"):
        form.add_argument(
            f"--{name}", dest="format", action="store_const", const=name, help=f"-F {name}"
        )
    form.add_argument("--detail", choices=DETAILS, default="messages", help="of JSON")
    form.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    cli.output_options(form, None)
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


def _gate_options(parser: cli.Parser) -> None:
    gate = parser.add_argument_group("what passes")
    gate.add_argument(
        "--expect",
        "--forbid",
        dest="assertions",
        metavar="EXPR",
        action=_Assertion,
        default=[],
        help="an assertion that must hold, or must not; repeatable",
    )
    gate.add_argument(
        "--select", metavar="RULES", action="append", default=[], help="only these: VID,TS-01"
    )
    gate.add_argument(
        "--ignore", metavar="RULES", action="append", default=[], help="all but these"
    )
    gate.add_argument(
        "--param",
        metavar="RULE.name=value",
        action="append",
        default=[],
        help="a rule's threshold: VID-10.warning_ms=4000",
    )
    gate.add_argument("--profile", metavar="NAME", help="spec, youtube, twitch, facebook or ivs")
    gate.add_argument(
        "--policy",
        metavar="FILE",
        help="default: rtmp-analyze.toml, or [tool.rtmp-analyze] in pyproject.toml, if there",
    )
    gate.add_argument("--baseline", metavar="FILE", help="findings in it are known and pass")
    gate.add_argument(
        "--write-baseline", action="store_true", help="make what is found now the baseline"
    )
