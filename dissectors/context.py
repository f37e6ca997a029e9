"""What a connection knows at one position, as body decoders may ask it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class CodecConfig(NamedTuple):
    """A codec configuration in force: the record bytes and where they came from."""

    codec: str
    """As in the summaries: `h264`, `hevc`, `vvc`, `av1`, `vp9`, `aac`, `opus`, `flac` …"""
    record: bytes
    """avcC, hvcC, av1C, vpcC, AudioSpecificConfig, OpusHead, STREAMINFO, without tag header."""
    message: str
    """Id of the message that carried it: ``c0.c2s.12``."""


@dataclass(frozen=True, slots=True)
class Context:
    """State by position. Decoders read it and can change nothing."""

    type_id: int = 0
    direction: str = "c2s"
    msid: int = 0
    timestamp: int = 0
    """Resolved timestamp of the message, RTMP milliseconds (uint32)."""
    object_encoding: int = 0
    video: Mapping[int, CodecConfig] = field(default_factory=dict)
    """Video configurations in force by track id (0 outside multitrack)."""
    audio: Mapping[int, CodecConfig] = field(default_factory=dict)
    truncated: bool = False
    """True when the body is cut by a gap or the end of the capture."""
    sparing: bool = False
    """Much was decoded already: of this body no more values than its length pays for."""
