"""Link layer to TCP for a stream of frame batches."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from analyzer.link.model import Counters, FlowTable, SegmentBatch
from analyzer.sources.model import FrameBatch

if TYPE_CHECKING:
    from analyzer.link.careful import Careful
    from analyzer.link.checksums import Checker
    from analyzer.link.columns import Group, Ints


class LinkLayer:
    """Decodes batch after batch, for fragments may be spread over several.

    Where another process decodes, this holds what it found, and loads no decoder.
    """

    def __init__(self, check_checksums: bool = False) -> None:
        self.flows = FlowTable()
        self.counters = Counters()
        self._check_checksums = check_checksums

    @cached_property
    def _careful(self) -> Careful:
        from analyzer.link.careful import Careful

        return Careful(self.counters)

    @cached_property
    def _checker(self) -> Checker | None:
        from analyzer.link.checksums import Checker

        return Checker(self.flows) if self._check_checksums else None

    def decode(self, batch: FrameBatch) -> SegmentBatch:
        """Return the TCP segments of `batch` in frame order; nothing in it can raise."""
        from analyzer.link import columns

        fast = columns.decode(batch, self.counters)
        slow = np.sort(np.concatenate(fast.slow))
        return self._merge(batch, fast.groups, slow)

    def decode_carefully(self, batch: FrameBatch) -> SegmentBatch:
        """Do what `decode` does frame by frame, to prove that both agree."""
        return self._merge(batch, [], np.arange(len(batch)))

    def _merge(self, batch: FrameBatch, groups: list[Group], slow: Ints) -> SegmentBatch:
        from analyzer.link.columns import TYPES

        extra = b""
        if len(slow):
            group, extra = self._careful.decode(batch, slow)
            groups = [*groups, group]
        groups = [group for group in groups if len(group.which)]
        data = batch.data + extra if extra else batch.data
        flow = self._number(groups)
        rows = {
            name: _joined([group.rows[name] for group in groups], dtype)
            for name, dtype in TYPES.items()
        }
        segments = SegmentBatch(data, batch.base, len(batch.data), None, flow=flow, **rows)
        if len(groups) > 1:
            segments = segments.take(np.argsort(segments.frame, kind="stable"))
        if len(flow) and flow.min() < 0:
            known = np.flatnonzero(segments.flow >= 0)
            self.counters.unknown_flow += len(flow) - len(known)
            segments = segments.take(known)
        if self._checker is not None and len(segments):
            segments = self._checker.checked(segments)
            if segments.rejected is not None:
                self.counters.bad_checksums += len(segments.rejected.frame)
        return segments

    def _number(self, groups: list[Group]) -> NDArray[np.int32]:
        """Number the flows in the order in which they appear, whatever group they are in."""
        seen = sorted(
            (conversation, group, index)
            for group, each in enumerate(groups)
            for index, conversation in enumerate(each.conversations)
        )
        numbers = [np.zeros(len(group.conversations), dtype=np.int32) for group in groups]
        for conversation, group, index in seen:
            number = self.flows.number(conversation.key, conversation.payload)
            numbers[group][index] = number
        return _joined(
            [number[group.which] for number, group in zip(numbers, groups, strict=True)], np.int32
        )


def _joined(parts: list[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)
