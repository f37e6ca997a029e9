"""Bare streams of one track: Annex B, ADTS, IVF, FLAC, and frames that carry their own header."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol

from analyzer.extract.records import AdtsConfig, ParameterSets, adts_config, parameter_sets
from dissectors.codecs.nal import lengths_fit

START_CODE: Final = b"\0\0\0\1"
_ADTS_HEADER: Final = 7
_ADTS_LONGEST: Final = (1 << 13) - 1
_TEMPORAL_DELIMITER: Final = b"\x12\0"
_AV1_RECORD: Final = 4
"""Bytes of an AV1CodecConfigurationRecord before its OBUs."""

_STREAM_INFO: Final = 34
_FLAC_HEADER: Final = b"fLaC\x80\0\0\x22"
"""The marker, and the header of STREAMINFO as the last metadata block (RFC 9639 §8.1)."""

Note = Callable[[str], None]


class Writer(Protocol):
    """Takes what a track sends; `note` is called with what cannot be written."""

    def config(self, record: bytes) -> None: ...

    def frame(self, data: bytes, keyframe: bool, pts: int) -> bool:
        """Write a frame; False where that cannot be done. `pts`: milliseconds."""

    def close(self) -> None: ...


class AnnexB:
    """ITU-T H.264 Annex B, H.265 Annex B: start codes instead of lengths.

    The parameter sets of the configuration come before each random access point that has none.
    """

    def __init__(self, out: BinaryIO, note: Note, codec: str) -> None:
        self._out, self._note, self._codec = out, note, codec
        self._sets: ParameterSets | None = None
        self._written: list[bytes] = []

    def config(self, record: bytes) -> None:
        found = parameter_sets(self._codec, record)
        if found is None:
            self._note("malformed decoder configuration")
            return
        self._sets = found

    def frame(self, data: bytes, keyframe: bool, pts: int) -> bool:
        if self._sets is None:
            self._note("frames before any decoder configuration: NAL lengths of 4 bytes assumed")
        size = self._sets.length_size if self._sets else 4
        if not lengths_fit(data, 0, len(data), size):
            if not data.startswith((START_CODE, START_CODE[1:])):
                self._note("NAL unit lengths that do not fit the frame")
                return False
            self._note("frames that came with start codes")
            self._out.write(data)
            return True
        units, at = [], 0
        while at < len(data):
            length = int.from_bytes(data[at : at + size], "big")
            units.append(data[at + size : at + size + length])
            at += size + length
        units = [unit for unit in units if unit]
        self._insert(units, keyframe)
        self._out.write(b"".join(START_CODE + unit for unit in units))
        return True

    def _insert(self, units: list[bytes], keyframe: bool) -> None:
        if self._sets is None or not units:
            return
        kinds = [self._kind(unit) for unit in units]
        delimiter, sets, random_access = _NAL_TYPES[self._codec]
        fresh = self._written != self._sets.units
        if (sets & set(kinds) and not fresh) or set(self._sets.units) <= set(units):
            self._written = self._sets.units
            return
        if fresh or keyframe or random_access & set(kinds):
            # §7.4.1.2.3: an access unit delimiter stays first.
            place = 1 if kinds[0] == delimiter else 0
            units[place:place] = self._sets.units
            self._written = self._sets.units

    def _kind(self, unit: bytes) -> int:
        return unit[0] & 0x1F if self._codec == "h264" else unit[0] >> 1 & 0x3F

    def close(self) -> None:
        """Nothing is left to be written."""


_NAL_TYPES: Final = {
    "h264": (9, {7, 8}, {5}),
    "hevc": (35, {32, 33, 34}, set(range(16, 22))),
}
"""Access unit delimiter, parameter sets, random access points, by codec."""


class Adts:
    """AAC in ADTS, ISO/IEC 14496-3 §1.A.2.2: a header of 7 bytes before each frame, no CRC."""

    def __init__(self, out: BinaryIO, note: Note, codec: str) -> None:
        self._out, self._note = out, note
        self._config: AdtsConfig | None = None

    def config(self, record: bytes) -> None:
        self._config = adts_config(record)
        if self._config is None:
            self._note("an AudioSpecificConfig that ADTS cannot express")

    def frame(self, data: bytes, keyframe: bool, pts: int) -> bool:
        size = len(data) + _ADTS_HEADER
        if self._config is None:
            self._note("AAC frames without a usable AudioSpecificConfig")
            return False
        if size > _ADTS_LONGEST:
            self._note("AAC frames too long for ADTS")
            return False
        profile, rate, channels = self._config
        value = 0xFFF1 << 40 | profile << 38 | rate << 34 | channels << 30 | size << 13
        value |= 0x7FF << 2  # buffer fullness: variable bit rate
        self._out.write(value.to_bytes(_ADTS_HEADER, "big") + data)
        return True

    def close(self) -> None:
        """Nothing is left to be written."""


class Ivf:
    """IVF: VP8, VP9 and AV1 with a 64-bit time (ms) before each frame."""

    def __init__(self, out: BinaryIO, note: Note, codec: str) -> None:
        self._out, self._codec = out, codec
        self._count = 0
        self._obus = b""
        # Width and height are in the frames themselves; players take them from there.
        fourcc = {"vp8": b"VP80", "vp9": b"VP90", "av1": b"AV01"}[codec]
        out.write(struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, fourcc, 0, 0, 1000, 1, 0, 0))

    def config(self, record: bytes) -> None:
        if self._codec == "av1":
            self._obus = record[_AV1_RECORD:]

    def frame(self, data: bytes, keyframe: bool, pts: int) -> bool:
        if self._codec == "av1":
            # ISOBMFF's samples leave temporal delimiters out (AV1-ISOBMFF §2.4), IVF's do not.
            sequence = self._obus if keyframe and not data.startswith(self._obus) else b""
            data = _TEMPORAL_DELIMITER + sequence + data
        self._out.write(struct.pack("<IQ", len(data), pts) + data)
        self._count += 1
        return True

    def close(self) -> None:
        self._out.seek(24)
        self._out.write(struct.pack("<I", self._count))


class Plain:
    """Frames one after the other: MP3, AC-3 and E-AC-3 have headers of their own, FLAC too."""

    def __init__(self, out: BinaryIO, note: Note, codec: str) -> None:
        self._out, self._codec = out, codec
        self._begun = False

    def config(self, record: bytes) -> None:
        """E-RTMP v2: FLAC's own header, "fLaC" and metadata blocks. MP3 and AC-3 have none."""
        if self._codec != "flac" or self._begun:
            return
        if len(record) == _STREAM_INFO:
            record = _FLAC_HEADER + record  # FFmpeg sends the bare block
        self._out.write(record)
        self._begun = True

    def frame(self, data: bytes, keyframe: bool, pts: int) -> bool:
        self._out.write(data)
        return True

    def close(self) -> None:
        """Nothing is left to be written."""


WRITERS: Final[dict[str, tuple[str, Callable[[BinaryIO, Note, str], Writer]]]] = {
    "h264": ("h264", AnnexB),
    "hevc": ("h265", AnnexB),
    "vp8": ("ivf", Ivf),
    "vp9": ("ivf", Ivf),
    "av1": ("ivf", Ivf),
    "aac": ("aac", Adts),
    "mp3": ("mp3", Plain),
    "ac3": ("ac3", Plain),
    "eac3": ("eac3", Plain),
    "flac": ("flac", Plain),
}
"""Codec → suffix and writer of a bare stream. What is not here has none and goes into an FLV."""
