"""Where frames come from: capture files, compressed ones, archives, pipes and interfaces."""

from analyzer.sources.capture import Capture, CaptureState, open_capture
from analyzer.sources.inputs import Input, as_written, open_captures
from analyzer.sources.model import (
    NO_LINK,
    FilterRefusedError,
    FrameBatch,
    Problem,
    Secret,
    SourceError,
    link_name,
)
from analyzer.sources.stream import Reading

__all__ = [
    "NO_LINK",
    "Capture",
    "CaptureState",
    "FilterRefusedError",
    "FrameBatch",
    "Input",
    "Problem",
    "Reading",
    "Secret",
    "SourceError",
    "as_written",
    "link_name",
    "open_capture",
    "open_captures",
]
