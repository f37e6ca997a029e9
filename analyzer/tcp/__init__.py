"""TCP: connections, and the ordered byte stream of each direction with explicit gaps."""

from .batch import Flow, SegmentBatch
from .connection import (
    ClosedBy,
    DirectionStatistics,
    Endpoint,
    FalseClose,
    StreamConsumer,
    TcpConnection,
    TcpDirection,
)
from .segments import Event, Gap, Piece, SegmentColumns
from .tracker import TcpTracker

__all__ = [
    "ClosedBy",
    "DirectionStatistics",
    "Endpoint",
    "Event",
    "FalseClose",
    "Flow",
    "Gap",
    "Piece",
    "SegmentBatch",
    "SegmentColumns",
    "StreamConsumer",
    "TcpConnection",
    "TcpDirection",
    "TcpTracker",
]
