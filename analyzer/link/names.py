"""Numbers of the link layer: link types, Ethernet types, protocols, ports and limits."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

# Link types, https://www.tcpdump.org/linktypes.html
NULL: Final = 0
ETHERNET: Final = 1
PPP: Final = 9
RAW_BSD: Final = 12
RAW_OPENBSD: Final = 14
PPP_SERIAL: Final = 50
PPP_ETHER: Final = 51
RAW: Final = 101
C_HDLC: Final = 104
IEEE802_11: Final = 105
LOOP: Final = 108
LINUX_SLL: Final = 113
RADIOTAP: Final = 127
PPP_WITH_DIR: Final = 204
MPLS_LINK: Final = 219
IPV4_LINK: Final = 228
IPV6_LINK: Final = 229
LINUX_SLL2: Final = 276

CAREFUL_LINKS: Final = frozenset(
    {
        PPP,
        PPP_SERIAL,
        PPP_ETHER,
        C_HDLC,
        IEEE802_11,
        RADIOTAP,
        PPP_WITH_DIR,
        MPLS_LINK,
    }
)
"""Link types that are read frame by frame only."""

PARTS: Final = -2
"""No link type: the packet's parts are Ethernet frames."""

# Ethernet types.
PROTECTED: Final = -3
"""No type: what stands there is encrypted."""
MIN_TYPE: Final = 0x600
IPV4: Final = 0x0800
IPV6: Final = 0x86DD
VLAN_TYPES: Final = (0x8100, 0x88A8, 0x9100)
MPLS_TYPES: Final = (0x8847, 0x8848)
PPPOE_SESSION: Final = 0x8864
PPP_TYPE: Final = 0x880B
BRIDGED: Final = 0x6558
ERSPAN: Final = 0x88BE
INNER_TYPES: Final = frozenset({IPV4, IPV6, *VLAN_TYPES, *MPLS_TYPES, PPPOE_SESSION, BRIDGED})

# IP protocols.
HOP_BY_HOP: Final = 0
IP_IN_IP: Final = 4
TCP: Final = 6
UDP: Final = 17
IPV6_IN_IP: Final = 41
ROUTING: Final = 43
FRAGMENT: Final = 44
GRE: Final = 47
AUTHENTICATION: Final = 51
DESTINATION: Final = 60
MOBILITY: Final = 135
HIP: Final = 139
SHIM6: Final = 140
INNER_PROTOCOLS: Final = frozenset(
    {
        HOP_BY_HOP,
        IP_IN_IP,
        IPV6_IN_IP,
        ROUTING,
        FRAGMENT,
        GRE,
        AUTHENTICATION,
        DESTINATION,
        MOBILITY,
        HIP,
        SHIM6,
    }
)

# UDP ports of tunnels; 8472 is Linux's VXLAN from before 4789 was assigned.
VXLAN_PORTS: Final = (4789, 8472)
GENEVE_PORT: Final = 6081
GTP_PORT: Final = 2152
TUNNEL_PORTS: Final = frozenset({*VXLAN_PORTS, GENEVE_PORT, GTP_PORT})

# The address family of NULL and LOOP, in either byte order; BSDs differ over IPv6.
FAMILY_INET: Final = (2, 2 << 24)
FAMILY_INET6: Final = tuple(v << shift for v in (10, 24, 28, 30) for shift in (0, 24))

MAX_LAYERS: Final = 16
"""Layers of encapsulation followed, as in Suricata."""

MAX_OFFLOAD: Final = 1 << 19
"""Longest packet that length 0 may stand for: the kernel's gso_max_size is below it."""


def offloaded_length(
    wirelen: NDArray[np.int64], caplen: NDArray[np.int64], before: NDArray[np.int64]
) -> NDArray[np.int64]:
    """IP length of packets that have 0 there (TSO, "BIG TCP"): all the frame has on the wire.

    `before` is what stands before the IP header. A wire length that no card would be
    given, or less than was captured, is not believed.
    """
    wire = np.where((wirelen < caplen) | (wirelen > MAX_OFFLOAD), caplen, wirelen)
    return wire - before
