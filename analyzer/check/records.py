"""Where frames stand in the capture file, for reports that point at bytes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analyzer.captures import CaptureSet
from analyzer.check.outcome import Outcome
from analyzer.sources import SourceError


def locate(outcome: Outcome, paths: Sequence[str]) -> None:
    """Set the offset and length of the frames that findings name; the file is read once more.

    Where they have none, the outcome says why.
    """
    wanted = sorted({item.frame for item in outcome.findings if item.frame})
    if not wanted:
        return
    outcome.no_records = _reason(outcome, paths)
    if outcome.no_records:
        return
    try:
        captures = CaptureSet([paths[0]])
    except SourceError as error:
        outcome.no_records = str(error)
        return
    with closing(captures):
        if len(captures.files) > 1:
            outcome.no_records = "an archive of several captures: frames have no bytes of its own"
            return
        _locate(outcome, captures, np.array(wanted, np.int64))


def _reason(outcome: Outcome, paths: Sequence[str]) -> str:
    compression = outcome.capture.compression
    if compression is not None:
        return f"compressed ({compression}): frames have no bytes of their own in this file"
    if len(paths) != 1:
        return "several files read as one: frames have no offsets in common"
    if not Path(paths[0]).is_file():
        return "no file: what came through a pipe cannot be read again"
    return ""


def _locate(outcome: Outcome, captures: CaptureSet, numbers: NDArray[np.int64]) -> None:
    for batch in captures.batches():
        at = numbers - batch.first_frame
        inside = (at >= 0) & (at < len(batch))
        for frame, row in zip(numbers[inside].tolist(), at[inside].tolist(), strict=True):
            offset = batch.base + int(batch.offset[row])
            outcome.records[frame] = (offset, int(batch.caplen[row]))
        if batch.first_frame + len(batch) > numbers[-1]:
            return
