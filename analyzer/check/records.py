"""Where frames stand in the capture file, for reports that point at bytes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from analyzer.captures import CaptureSet
from analyzer.check.outcome import Outcome
from analyzer.sources import SourceError


def locate(outcome: Outcome, paths: Sequence[str]) -> None:
    """Set the offset and length of the frames that findings name; the file is read once more.

    What came through a pipe cannot be read again, in a compressed file frames have no bytes of
    their own, and several files given as one have no offsets in common.
    """
    wanted = sorted({item.frame for item in outcome.findings if item.frame})
    if len(paths) != 1 or not wanted or outcome.capture.compression is not None:
        return
    if not Path(paths[0]).is_file():
        return
    try:
        captures = CaptureSet([paths[0]])
    except SourceError:
        return
    numbers = np.array(wanted, np.int64)
    with closing(captures):
        if len(captures.files) > 1:
            return
        for batch in captures.batches():
            at = numbers - batch.first_frame
            inside = (at >= 0) & (at < len(batch))
            for frame, row in zip(numbers[inside].tolist(), at[inside].tolist(), strict=True):
                offset = batch.base + int(batch.offset[row])
                outcome.records[frame] = (offset, int(batch.caplen[row]))
            if batch.first_frame + len(batch) > wanted[-1]:
                return
