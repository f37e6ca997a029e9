"""One media stream into its files: the FLV, bare streams by track, and what is left over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from analyzer.extract.elementary import WRITERS, Writer
from analyzer.extract.flv import FlvWriter
from analyzer.extract.streams import MediaStream, Piece, earliest
from analyzer.media_parts import Part, parts
from dissectors import spec

if TYPE_CHECKING:
    from analyzer.extract.folder import Folder
    from analyzer.session import Session

MAX_TRACKS: Final = 64
"""Files open at once for the tracks of one stream."""
_NAMES: Final = {True: "video", False: "audio"}


class Wanted(NamedTuple):
    """Which files are asked for."""

    flv: bool = False
    video: bool = False
    audio: bool = False


class File(NamedTuple):
    """A file that was written."""

    name: str
    content: str
    frames: int
    size: int


class _Track:
    """A bare stream that is being written."""

    def __init__(self, name: str, content: str, writer: Writer) -> None:
        self.name = name
        self.content = content
        self.writer = writer
        self.frames = 0


class MediaFiles:
    """The files of one stream while its messages pass by."""

    def __init__(
        self, session: Session, stream: MediaStream, folder: Folder, wanted: Wanted
    ) -> None:
        self._session, self._stream, self._folder = session, stream, folder
        self._wanted = wanted
        self._tracks: dict[tuple[bool, int, str], _Track | None] = {}
        self._flvs: dict[str, tuple[FlvWriter, str]] = {}
        self._configured: dict[tuple[bool, int], str] = {}
        """Codec of the last configuration, by kind and track."""

    def write(self, shift: int) -> list[File]:
        """Write the stream's messages, `shift` milliseconds later; return the files."""
        for piece in self._stream.pieces(self._session, shift):
            if self._wanted.flv:
                self._tag("", "FLV", piece, {True, False})
            self._bare(piece)
        for track in self._tracks.values():
            if track is not None:
                track.writer.close()
        return self._files()

    def _files(self) -> list[File]:
        found = [(name, what, flv.tags) for name, (flv, what) in self._flvs.items()]
        found += [(t.name, t.content, t.frames) for t in self._tracks.values() if t is not None]
        written = []
        for name, what, frames in sorted(found):
            if not frames:
                self._folder.drop(name)  # a track that was announced and never sent
                continue
            written.append(File(name, what, frames, self._folder.size(name)))
        return written

    def _tag(self, suffix: str, content: str, piece: Piece, kinds: set[bool]) -> None:
        name = f"{self._stream.name}{suffix}.flv"
        known = self._flvs.get(name)
        if known is None:
            seen = self._kinds()
            flv = FlvWriter(
                self._folder.open(name),
                audio=False in kinds and spec.AUDIO in seen,
                video=True in kinds and spec.VIDEO in seen,
            )
            known = self._flvs[name] = flv, content
        known[0].tag(piece.type_id, piece.timestamp, piece.body)

    def _kinds(self) -> set[int]:
        rows = np.array(self._stream.rows)
        found = set(np.unique(self._session.messages.column("type_id")[rows]).tolist())
        return found | {spec.AUDIO, spec.VIDEO} if spec.AGGREGATE in found else found

    def _bare(self, piece: Piece) -> None:
        """Give the parts of a message to the files of their tracks."""
        video = piece.type_id == spec.VIDEO
        if not (self._wanted.video if video else self._wanted.audio):
            return
        known = self._configured.get((video, 0))
        whole = False
        for part in parts(piece.type_id, piece.body, len(piece.body), known):
            if part.config and part.codec:
                self._configured[video, part.track] = part.codec
            if part.codec in WRITERS:
                self._frame(part, piece)
            elif part.codec is not None:
                whole = True
        if whole:
            # No bare form that players know: the tags as they are, of this kind only.
            self._tag(f"-{_NAMES[video]}", f"{_NAMES[video]} in FLV", piece, {video})

    def _frame(self, part: Part, piece: Piece) -> None:
        track = self._track(part)
        if track is None:
            return
        data = piece.body[part.start : part.start + part.length]
        if part.config:
            track.writer.config(data)
        elif part.coded:
            pts = max(piece.timestamp + part.composition_time, 0)
            if track.writer.frame(data, part.keyframe, pts):
                track.frames += 1
            else:
                self._stream.leave_out(self._session, piece.row, "cannot be written")

    def _track(self, part: Part) -> _Track | None:
        assert part.codec is not None
        key = (part.video, part.track, part.codec)
        if key in self._tracks:
            return self._tracks[key]
        if len(self._tracks) >= MAX_TRACKS:
            self._stream.note(f"more than {MAX_TRACKS} tracks, the others left out")
            return None
        suffix, make = WRITERS[part.codec]
        number = f"-t{part.track}" if part.track else ""
        name = f"{self._stream.name}{number}.{suffix}"
        writer = make(self._folder.open(name), self._stream.note, part.codec)
        self._tracks[key] = _Track(name, part.codec, writer)
        return self._tracks[key]


def shift_of(session: Session, stream: MediaStream, offset: str | int) -> int:
    """Return the milliseconds to add: a number, or for ``start`` what makes the first one 0."""
    return -earliest(session, stream) if offset == "start" else int(offset)


def describe(
    session: Session, stream: MediaStream, files: list[File], shift: int
) -> dict[str, Any]:
    """Return what the JSON beside the files says: what they are, and what they lack."""
    view = session.connections[stream.connection]
    side = view.sides[stream.direction]
    gaps = view.tcp_connection.directions[side].gaps
    return {
        "connection": view.id,
        "direction": stream.name.split("-")[1],
        "msid": stream.msid,
        "client": str(view.client),
        "server": str(view.server),
        "timestamp_offset": shift,
        "files": [file._asdict() for file in files],
        "gaps": [gap._asdict() for _, gap in zip(range(MAX_GAPS), gaps, strict=False)],
        "gap_count": len(gaps),
        "left_out": stream.left_out,
        "left_out_count": stream.left_out_count,
        "notes": dict(sorted(stream.notes.items())),
    }


MAX_GAPS: Final = 1_000
"""Gaps listed of one direction; all are counted."""
