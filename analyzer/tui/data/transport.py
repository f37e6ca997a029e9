"""What TCP measured over time, as series: round trips and receive windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyzer.metrics.windows import complete, per_window
from analyzer.tui.data.series import ARROWS, SECOND, Series, sorted_series

if TYPE_CHECKING:
    from analyzer.model import Connection
    from analyzer.tcp import TcpDirection

PEERS = ("client", "server")


def transport(view: Connection, tcp: TcpDirection, direction: int, width: int) -> list[Series]:
    """Return bytes on the wire, segments sent again, round trips and the receive window."""
    arrow, epoch = ARROWS[direction], view.epoch_ns
    segments = tcp.segments
    found = []
    windows = per_window(segments.time_ns, width, segments.length)
    windows = complete(windows._replace(start=windows.start - epoch), width, view.end_ns)
    rate = windows.sums * (8 * SECOND / width)
    found.append(
        sorted_series(f"{arrow} TCP throughput", "bit/s", windows.start + width // 2, rate)
    )
    again = [event.time_ns - epoch for event in tcp.events.of("retransmission")]
    if again:
        windows = per_window(np.array(again), width, np.ones(len(again)))
        middle = windows.start + width // 2
        name = f"{arrow} segments sent again"
        found.append(sorted_series(name, "", middle, windows.sums, kind="bars"))
    stalls = [
        (stall.start_ns - epoch, (stall.end_ns or view.tcp_connection.end_ns) - epoch)
        for stall in tcp.stalls()
    ]
    found += _measured(view, tcp, direction)
    if stalls:  # a plateau from its beginning to its end
        times = np.array([(start - 1, start, end, end + 1) for start, end in stalls]).ravel()
        lengths = np.array([(0, end - start, end - start, 0) for start, end in stalls]).ravel()
        name = f"receive window of the {PEERS[direction]} shut"
        found.append(sorted_series(name, "ms", times, lengths / 1e6))
    return found


def _measured(view: Connection, tcp: TcpDirection, direction: int) -> list[Series]:
    """Round trips of what a peer sends, and the window in which it receives.

    Both as at the place of the capture; windows need the scale that the SYNs agreed on.
    """
    found = []
    times, trips = tcp.round_trips.over_time.columns()
    name = f"{ARROWS[direction]} round trip, data to its ACK"
    found.append(sorted_series(name, "ms", times - view.epoch_ns, trips / 1e6))
    times, windows = tcp.window.over_time.columns()
    scale = view.tcp_connection.handshake.scale(view.sides[direction])
    if scale is not None:
        name = f"receive window of the {PEERS[direction]}"
        found.append(sorted_series(name, "B", times - view.epoch_ns, windows << scale))
    return found
