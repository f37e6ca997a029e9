"""From captured frames to TCP segments."""

from analyzer.link.layer import LinkLayer
from analyzer.link.model import Counters, Flow, FlowTable, SegmentBatch

__all__ = ["Counters", "Flow", "FlowTable", "LinkLayer", "SegmentBatch"]
