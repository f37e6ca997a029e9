"""Where frames come from: capture files, compressed ones, and pipes."""

from analyzer.sources.capture import Capture, open_capture
from analyzer.sources.model import (
    NO_LINK,
    FrameBatch,
    Problem,
    Secret,
    SourceError,
    link_name,
)

__all__ = [
    "NO_LINK",
    "Capture",
    "FrameBatch",
    "Problem",
    "Secret",
    "SourceError",
    "link_name",
    "open_capture",
]
