"""``rtmp-analyze extract``: media, metadata and raw bytes into files."""

from __future__ import annotations

import argparse
import json
import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from analyzer import cli, run
from analyzer.commands.opening import compile_filter, open_session
from analyzer.outputs import check_paths
from dissectors.text import safe

if TYPE_CHECKING:
    from analyzer.extract.folder import Folder
    from analyzer.extract.media import File
    from analyzer.index import Array
    from analyzer.session import Session

_EPILOG = """\
Without any of --flv, --video, --audio, --metadata, --raw the FLV files are written. Files are
named by connection, direction and message stream: c0-c2s-1.flv, c0-c2s-1.h264. Timestamps stay as
they were sent. Beside the files of each stream a JSON (c0-c2s-1.json) tells of gaps and of the
messages that were left out because of them.

exit codes: 0 written, 2 usage or filter error, 3 input unreadable, 4 nothing to extract.
"""

_PLURAL: Final = re.compile(r"(?<=tag|ame|age|ent|ine)s\b")
"""Of tags, frames, messages, segments, lines."""


def main(words: list[str]) -> int:
    """Write the files; return the exit code."""
    parser = _parser()
    options = parser.parse_args(words)
    chosen = ("flv", "video", "audio", "metadata", "raw")
    if not any(getattr(options, name) for name in chosen):
        options.flv = True
    compiled = compile_filter(options.filter)
    cli.utf8(sys.stdout)
    from analyzer.extract.folder import Folder

    folder = Folder(Path(options.output))
    with ExitStack() as stack:
        session = open_session(options.captures, options, stack)
        if isinstance(session, int):
            return session
        rows = session.order()
        if compiled is not None:
            rows = _of_matching(session, rows, compiled.rows(session, rows))
        code = _Extraction(session, rows, folder, options).run()
        if run.tell_failures(session):
            return cli.INTERNAL
        trouble = run.tell_trouble(session)
        return cli.UNREADABLE if run.tell_left_out(session) else trouble or code


def _of_matching(session: Session, rows: Array, found: Array) -> Array:
    """Return the rows of the connections that have a matching message."""
    import numpy as np

    column = session.messages.column("connection")
    return rows[np.isin(column[rows], np.unique(column[found]))]


def _same_files(captures: list[str], folder: Path) -> list[Path]:
    """Return the files of a folder that are captures, under whatever names."""
    known = {_identity(Path(capture)) for capture in captures} - {None}
    return [path for path in folder.iterdir() if _identity(path) in known]


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


class _Extraction:
    """One run: what was written so far, and how it is told."""

    def __init__(
        self, session: Session, rows: Array, folder: Folder, options: argparse.Namespace
    ) -> None:
        self._session, self._rows = session, rows
        self._folder, self._options = folder, options
        self._count = 0
        self._inputs: list[Path] = []
        """Files of the folder that are the captures themselves."""

    def run(self) -> int:
        try:
            self._folder.path.mkdir(parents=True, exist_ok=True)
            self._inputs = _same_files(self._options.captures, self._folder.path)
            with self._folder:
                self._streams()
                if self._options.raw:
                    self._raw()
        except BrokenPipeError:
            raise  # of standard output
        except OSError as error:
            where = error.filename or self._folder.path  # a full disk names no file
            raise cli.UsageError(f"{safe(str(where))}: {error.strerror}") from None
        if self._count:
            return cli.OK
        return cli.complain("nothing to extract: no media in any RTMP connection", cli.INCONCLUSIVE)

    def _streams(self) -> None:
        from analyzer.extract.media import MediaFiles, Wanted, describe, shift_of
        from analyzer.extract.metadata import write_metadata
        from analyzer.extract.streams import media_streams

        options = self._options
        wanted = Wanted(options.flv, options.video, options.audio)
        if not (any(wanted) or options.metadata):
            return
        streams, too_many = media_streams(self._session, self._rows)
        if too_many:
            self._say(f"{too_many} streams left out: too many")
        redactor = self._redactor() if options.metadata else None
        for stream in streams:
            self._keep_off_inputs(stream.name)
            files: list[File] = []
            shift = shift_of(self._session, stream, options.offset)
            if any(wanted):
                files += MediaFiles(self._session, stream, self._folder, wanted).write(shift)
            if options.metadata:
                files += write_metadata(self._session, stream, self._folder, redactor)
            if files:
                self._beside(stream.name, describe(self._session, stream, files, shift))
                self._folder.commit()
                self._tell(files)
            for note, times in sorted(stream.notes.items()):
                self._say(f"{stream.name}: {note} ({times})")
            if stream.left_out_count:
                self._say(f"{stream.name}: {stream.left_out_count} messages left out, see its JSON")

    def _raw(self) -> None:
        import numpy as np

        from analyzer.extract.raw import write_raw

        chosen = range(len(self._session.connections))
        if self._options.filter is not None:
            chosen = np.unique(self._session.messages.column("connection")[self._rows]).tolist()
        for index in chosen:
            for direction in (0, 1):
                self._keep_off_inputs(f"c{index}-")
                files = write_raw(self._session, index, direction, self._folder)
                self._folder.commit()
                self._tell(files)
        self._say("raw bytes hold stream names and credentials as they were sent")

    def _keep_off_inputs(self, prefix: str) -> None:
        """Refuse to write over a capture that lies in the folder under one of our names."""
        mine = [str(path) for path in self._inputs if path.name.startswith(prefix)]
        check_paths(self._options.captures, mine)

    def _redactor(self) -> Any:
        if self._options.redact is False:
            self._say("metadata not redacted: stream names and credentials are shown")
            return None
        from analyzer.redact import Redactor
        from analyzer.redaction.collect import collect

        return Redactor(collect(self._session))

    def _beside(self, name: str, content: dict[str, Any]) -> None:
        self._folder.open_text(f"{name}.json").write(json.dumps(content, indent=2) + "\n")

    def _tell(self, files: list[File]) -> None:
        self._count += len(files)
        if self._options.quiet:
            return
        width = max((len(file.name) for file in files), default=0)
        for file in files:
            path = safe(str(self._folder.path / file.name.ljust(width)))
            sys.stdout.write(f"{path}  {file.size:>13,} bytes  {_contents(file)}\n")

    def _say(self, text: str) -> None:
        if not self._options.quiet:
            cli.tell(text)


def _contents(file: File) -> str:
    """Return ``23 h264 frames``, ``196 FLV tags``."""
    kind = file.content
    if kind.endswith("FLV"):
        kind = "FLV tags" if kind == "FLV" else f"tags of {kind}"
    elif " " not in kind:
        kind += " frames"
    if file.frames == 1:
        kind = _PLURAL.sub("", kind, count=1)
    return f"{file.frames:,} {kind}"


def _offset(text: str) -> str | int:
    if text == "start":
        return text
    try:
        value = int(text)
    except ValueError:
        value = 1 << 32
    if abs(value) >= 1 << 32:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of milliseconds, nor 'start'")
    return value


def _parser() -> cli.Parser:
    parser = cli.Parser(
        prog=f"{cli.PROGRAM} extract",
        description="Write the media, metadata or raw bytes of a capture into files.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("captures", nargs="+", metavar="CAPTURE", help="pcap or pcapng; - is stdin")
    what = parser.add_argument_group("what")
    what.add_argument(
        "--flv", action="store_true", help="FLV, every tag as sent, Enhanced RTMP's too"
    )
    what.add_argument(
        "--video",
        action="store_true",
        help="bare video: H.264 and HEVC as Annex B, VP8, VP9 and AV1 as IVF, others in FLV",
    )
    what.add_argument(
        "--audio",
        action="store_true",
        help="bare audio: AAC as ADTS, MP3, AC-3, E-AC-3, FLAC; others in FLV",
    )
    what.add_argument("--metadata", action="store_true", help="data messages as JSON")
    what.add_argument(
        "--raw", action="store_true", help="both directions as sent, and the timing as JSON"
    )
    parser.add_argument(
        "-o", "--output", metavar="DIR", default=".", help="folder of the files (default: here)"
    )
    parser.add_argument(
        "-Y", dest="filter", metavar="FILTER", help="only connections with a message that matches"
    )
    parser.add_argument(
        "--offset",
        metavar="MS",
        type=_offset,
        default=0,
        help="add to all timestamps; 'start' makes the earliest one 0",
    )
    parser.add_argument(
        "--redact",
        action=argparse.BooleanOptionalAction,
        help="hide credentials in the metadata's JSON (default); media is as it was sent",
    )
    cli.decode_option(parser)
    parser.add_argument("-q", dest="quiet", action="store_true", help="write the files only")
    return parser
