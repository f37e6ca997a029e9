"""Where and when messages were captured."""

from types import SimpleNamespace

import numpy as np

from analyzer.tcp import TcpDirection
from analyzer.tracked import Ended, places


def test_of_a_message_whose_segments_are_forgotten_the_end_is_known() -> None:
    """It was under way for longer than they are kept: no frame, and no time before the start."""
    stream = TcpDirection()
    stream.segments.append(1000, 5000, 10, 7, 4_000)
    tcp = SimpleNamespace(directions=(stream, stream), end_ns=9_000)
    tracked = SimpleNamespace(tcp=tcp, view=SimpleNamespace(index=0))
    batch = [Ended(tracked, 0, [None, None])]  # type: ignore[arg-type, list-item]
    found = places(batch, np.array([20, 1000]), np.array([60, 1010]), 3_000)
    assert found["first_frame"].tolist() == found["last_frame"].tolist() == [0, 7]
    assert found["time_ns"].tolist() == found["first_time_ns"].tolist() == [6_000, 1_000]
