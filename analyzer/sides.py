"""Clients and servers of connections whose opening was not captured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analyzer.model import RTMP_PORT

if TYPE_CHECKING:
    from analyzer.model import Connection
    from analyzer.tcp import Endpoint


def turn_mistaken(connections: Sequence[Connection]) -> None:
    """Turn the connections of which the ports told the wrong client.

    RTMP's own port decides; then what only one side says (`dissectors.sides`: no proof, FFmpeg
    says goodbye like a client when it serves); then who serves other connections.
    """
    servers: Counter[Endpoint] = Counter()
    unsure = []
    for view in connections:
        tcp, votes = view.tcp_connection, view.rtmp.client_votes
        client = tcp.client_side
        ports = [port == RTMP_PORT for _, port in tcp.endpoints]
        if not view.from_start and ports[0] == ports[1]:
            if votes[0] == votes[1]:
                unsure.append(view)
                servers.update(tcp.endpoints)
                continue
            client = int(votes[1] > votes[0])
        tcp.client_side = client
        servers[tcp.endpoints[1 - client]] += len(connections)
    for view in unsure:
        tcp = view.tcp_connection
        served = [servers[end] for end in tcp.endpoints]
        if served[0] != served[1]:
            tcp.client_side = int(served[0] > served[1])
