"""``rtmp-analyze redact``: copy a capture without the secrets in it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from analyzer import cli, run
from analyzer.commands.opening import open_session
from analyzer.outputs import Draft, check_paths
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.redaction.addresses import Addresses
    from analyzer.redaction.edits import Sealed
    from analyzer.redaction.patterns import Patterns
    from analyzer.redaction.rewrite import Written
    from analyzer.redaction.secrets import Secrets
    from analyzer.session import Session

_EPILOG = """\
Stream names, keys in the path of tcUrl and app, query strings of URLs, user:password@, what stands
below a name such as token, authentication parameters and every echo of them become text of the
same length (~key1~~~), the same secret the same text; also where chunk headers or segments split
them, and in packets sent again. Text that nobody can decode, behind a hole in a command for
example, becomes ~~~~; the bodies of RTMPT are zeroed. Checksums are corrected, or 0 where the
packet was cut. Of pcapng, decryption secrets, names and comments are left out. Handshakes stay.

exit codes: 0 written, 1 --verify found a secret in the copy (which is deleted), 2 usage error,
3 input unreadable, 4 it cannot be told what is secret: no RTMP was found (the copy is written), or
too much text to be searched (it is not).
"""


def main(words: list[str]) -> int:
    """Copy the capture; return the exit code."""
    options = _parser().parse_args(words)
    if options.salt is not None and not options.anonymize:
        raise cli.UsageError("--salt goes with --anonymize")
    if options.verify and options.output == "-":
        raise cli.UsageError("--verify reads the copy again: give it a name with -o")
    if options.output == "-" and sys.stdout.isatty():
        raise cli.UsageError("a capture is not written to a terminal: give a name with -o")
    check_paths([options.capture], [options.output])
    with ExitStack() as stack:
        session = open_session([options.capture], options, stack)
        if isinstance(session, int):
            return session
        if len(session.captures.files) != 1:
            raise cli.UsageError("an archive of several captures: unpack it first")
        code = _redact(session, options)
        return run.tell_trouble(session) or code


def _redact(session: Session, options: argparse.Namespace) -> int:
    from analyzer.redaction.collect import collect
    from analyzer.redaction.unparsed import search

    secrets = collect(session)
    search(session, secrets)
    addresses = _addresses(session, options)
    planned = _plan(session, secrets, addresses, strip=options.strip_media)
    if run.tell_failures(session):
        return cli.complain("nothing is written: secrets might be left", cli.INTERNAL)
    if planned is None:
        return cli.complain(
            "more than can be searched, so nothing is written: secrets might be left",
            cli.INCONCLUSIVE,
        )
    patterns, edits = planned

    def write(out: BinaryIO) -> Written:
        from analyzer.redaction.rewrite import rewrite

        return rewrite(session.captures.files[0], edits, addresses, out)

    if options.output == "-":
        written = write(sys.stdout.buffer)
    else:
        written = _write_file(options.output, write)
    if not options.quiet:
        _tell(session, patterns, written)
    code = _verify(session, patterns, options) if options.verify else cli.OK
    if code == cli.OK and not session.connections:
        return cli.complain(
            "no RTMP was found: only what looks like a secret is replaced", cli.INCONCLUSIVE
        )
    return code


def _plan(
    session: Session, secrets: Secrets, addresses: Addresses | None, *, strip: bool
) -> tuple[Patterns, Sealed] | None:
    """Return what to look for and what to change, None where it cannot be told; `secrets` grow by
    those no message has.
    """
    from analyzer.redaction.edits import collect_edits
    from analyzer.redaction.patterns import Patterns
    from analyzer.redaction.plan import plan

    while not secrets.overflow:
        patterns = Patterns(secrets, _address_texts(session) if addresses else [])
        plans = plan(session, patterns, addresses, strip=strip)
        edits, strays = collect_edits(session.captures.files[0], plans, patterns)
        if strays.overflow:
            return None
        if strays.whole.keys() <= secrets.whole.keys():
            return patterns, edits
        secrets.update(strays)
    return None


def _write_file(path: str, write: Callable[[BinaryIO], Written]) -> Written:
    """Write a file, whole or not at all."""
    try:
        with closing(Draft(path)) as draft:
            written = write(draft.file)
            draft.commit()
            return written
    except OSError as error:
        raise cli.UsageError(f"{safe(path)}: {error.strerror}") from None


def _tell(session: Session, patterns: Patterns, written: Written) -> None:
    said = sys.stderr.write
    plural = "" if patterns.replaced == 1 else "s"
    said(f"{cli.PROGRAM}: {patterns.replaced} secret{plural} replaced; ")
    said(f"{written.changed} of {written.packets} packets changed\n")
    tunnelled = sum(connection.variant == "rtmpt" for connection in session.connections)
    if tunnelled:
        plural = "" if tunnelled == 1 else "s"
        said(f"{cli.PROGRAM}: {tunnelled} connection{plural} with RTMP inside HTTP, which is not ")
        said("decoded: its bodies are blanked\n")
    if session.limits_hit:
        limits = ", ".join(session.limits_hit)
        said(f"{cli.PROGRAM}: not all was decoded ({limits}): secrets that stand only there stay\n")
    if session.capture.truncated:
        said(f"{cli.PROGRAM}: the capture is torn; what cannot be read is left out\n")


def _verify(session: Session, patterns: Patterns, options: argparse.Namespace) -> int:
    from analyzer.redaction.verify import differences, leaks

    with ExitStack() as stack:
        copy = open_session([options.output], options, stack)
        if isinstance(copy, int):
            return copy
        found = leaks(copy, patterns)
        if found:
            Path(options.output).unlink()
            where = ", ".join(found[:5])
            return cli.complain(f"secrets survive in {where}; the copy is deleted", cli.FINDINGS)
        different = differences(session, copy)
        for each in different[:5]:
            cli.complain(f"the copy reads differently: {each}", cli.OK)
        if not options.quiet:
            what = "the same messages" if not different else "not the same messages"
            sys.stderr.write(
                f"{cli.PROGRAM}: verified: no secret in {copy.packets} "
                f"packets, their streams and {len(copy.messages)} messages; {what}\n"
            )
    return cli.OK


def _addresses(session: Session, options: argparse.Namespace) -> Addresses | None:
    """Return the mapping of addresses: from the salt, or from the capture's own bytes."""
    if not options.anonymize:
        return None
    from hashlib import blake2b

    from analyzer.redaction.addresses import Addresses
    from analyzer.redaction.reread import blocks

    if options.salt is not None:
        return Addresses(options.salt.encode("utf-8", "surrogateescape"))
    digest = blake2b()
    for block in blocks(session.captures.files[0]):
        digest.update(block.data)
    return Addresses(digest.digest())


def _address_texts(session: Session) -> list[str]:
    """Return the addresses of the connections, as messages may write them."""
    found: set[str] = set()
    for connection in session.connections:
        found |= {connection.client.ip, connection.server.ip}
        if connection.proxied_client:
            found.add(connection.proxied_client.ip)
    return sorted(found)


def _parser() -> cli.Parser:
    parser = cli.Parser(
        prog=f"{cli.PROGRAM} redact",
        description="Copy a capture without the secrets in it, so that it can be shared.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "capture", metavar="CAPTURE", help="pcap or pcapng, also compressed; - is stdin"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="the copy, in the capture's own format, not compressed; - is stdout",
    )
    parser.add_argument(
        "--strip-media",
        action="store_true",
        help="blank coded audio and video; headers, configurations and sizes stay",
    )
    parser.add_argument(
        "--anonymize",
        action="store_true",
        help="replace IP and MAC addresses, prefixes kept; blank what is neither TCP nor ARP",
    )
    parser.add_argument(
        "--salt",
        metavar="TEXT",
        help="key of --anonymize: the same in several captures maps them alike "
        "(default: made from the capture's own bytes)",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="read the copy again and prove that no secret is left in it",
    )
    cli.decode_option(parser)
    parser.add_argument("-q", dest="quiet", action="store_true", help="no narration on stderr")
    return parser
