"""Bounds of TCP reassembly. Times are capture times: no result depends on the reader's clock."""

GRACE_SEGMENTS = 256
"""Frames of the connection to wait after the receiver acknowledged a hole: loopback captures show
data up to 42 frames after its acknowledgement."""
GRACE_NS = 200_000_000
"""The same wait as time, for slow connections."""
HOLD_SEGMENTS = 16
"""Without a SYN: segments held back to find the lowest sequence number."""
HOLD_NS = 200_000_000
"""Without a SYN: the longest time segments are held back."""
HOLD_SPREAD = 1 << 20
"""Without a SYN: held segments further below the first one are not taken for the start."""
ONE_SIDED_NS = 5_000_000_000
"""How long a hole is kept open when no acknowledgement was ever captured."""
DUPLICATE_NS = 1_000_000
"""Copies made by a mirror port or by `any` follow their original within this time."""
RECENT_SEGMENTS = 32
"""Segments per direction remembered to recognise such copies."""
DUPLICATE_ACKS = 3
"""RFC 5681 §3.2: this many duplicate acknowledgements signal a loss."""
PROBE_BITS = 14
"""Segments whose bytes cross a multiple of 16 KiB are timed: enough of them, at little cost."""
FIRST_PROBES = 16
"""And the first ones of a stream: a side that only answers sends few."""
MAX_PROBES = 256
"""Timed segments that wait for their acknowledgement, per direction; beyond, the oldest goes."""
RETRANSMISSION_NS = 200_000_000
"""A segment that fills a hole this old was sent again (minimum RTO of Linux), not reordered."""

MAX_DISTANCE = 1 << 30
"""RFC 7323 §2.3: no window is larger, so a segment further away is not of this connection."""
MAX_BUFFERED = 4 << 20
"""Bytes kept behind holes, per direction."""
MAX_BUFFERED_SEGMENTS = 1024
"""Segments kept behind holes, per direction."""
MAX_OVERLAPPED = 64
"""Buffered pieces one segment may overlap and leave buffered: walking them costs time."""
MAX_LOSSES = 32
"""Holes with duplicate acknowledgements remembered, per direction; beyond, the oldest goes."""
MAX_BUFFERED_TOTAL = 256 << 20
"""Bytes kept behind holes by all directions together."""
MAX_LIVE = 4_000
"""Connections that may still receive segments, 11 kB each; beyond, those idle longest are closed.
Who is closed too early comes back as a new connection."""
EVICTED_AT_ONCE = 512
"""Connections closed together, so that looking for the idle ones stays cheap."""
FREE_OPENINGS = 3_000
"""Connections opened whatever they bring; opening one costs as much as 30 kB of a stream."""
OPENING_BYTES = 1024
"""Payload bytes that pay for one more. A handshake brings more than that; a flood does not."""
MAX_HALF_OPEN = 100_000
"""Flows of which only SYNs are remembered; beyond, the oldest is forgotten (SYN floods)."""
FAST_SEGMENTS = 48
"""Frames of one connection in a batch from which on column arithmetic is the cheaper way."""
SPLIT_FRAMES = 512
"""Frames of a batch below which irregular ones are no longer isolated by halving."""
