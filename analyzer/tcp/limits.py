"""Bounds of TCP reassembly. Times are capture times: no result depends on the reader's clock."""

GRACE_SEGMENTS = 256
"""Frames of the connection to wait after the receiver acknowledged a hole: loopback captures show
data up to 42 frames after its acknowledgement."""
GRACE_NS = 200_000_000
"""The same wait as time, for slow connections, when `SHUFFLED` frames have come, too."""
SHUFFLED = 64
"""Frames of the connection among which a capture's order may be wrong."""
LONGEST_NS = 5_000_000_000
"""The longest wait, for connections that fall silent."""
HOLD_SEGMENTS = 64
"""Without a SYN: segments held back to find the lowest sequence number."""
HOLD_SPREAD = 1 << 20
"""Without a SYN: held segments further below the first one are not taken for the start."""
DUPLICATE_NS = 1_000_000
"""Copies made by a mirror port or by `any` follow their original within this time."""
COPY_NS = 500_000_000
"""The same where the IPv4 identification tells copies (RFC 6864: senders number what may be
fragmented, and most number everything), and of SYNs: two taps may be far from each other."""
RECENT_SEGMENTS = 64
"""Segments per direction remembered to recognise such copies."""
RECENT_SHUT = 16
"""Frames with a zero window remembered per side for the same reason."""
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

MOST_HEADER = 60
"""RFC 9293 §3.1: the data offset counts 32-bit words in 4 bits. (In the later rows of a segment
that came in fragments, the header stands elsewhere.)"""
MAX_DISTANCE = 1 << 30
"""RFC 7323 §2.3: no window is larger, so a segment further away is not of this connection."""
NEAR = 16 << 20
"""How far ahead of the stream a segment may be where no receive window was captured."""
LEAST_WINDOW = 65535
"""The first flight answers a SYN's window, which is not scaled (RFC 7323 §2.2)."""
MOST_SHIFT = 14
"""RFC 7323 §2.3: the largest scale of windows, assumed where the SYNs were not captured."""
MAX_STRAYS = 32
"""Segments beyond the receiver's window put aside, per direction; beyond, the oldest goes."""
MAX_LATE = 1000
"""Segments late after a RST that are counted, per direction."""
MAX_FALSE_CLOSES = 100
"""FIN, RST and SYN not believed that are listed per connection; all are counted."""
MAX_BUFFERED = 4 << 20
"""Bytes kept behind holes, per direction."""
MAX_BUFFERED_SEGMENTS = 1024
"""Segments kept behind holes, per direction."""
MAX_OVERLAPPED = 64
"""Buffered pieces one segment may overlap and leave buffered, and delivered ones it is compared
with: walking them costs time."""
FREE_HOLES = 10_000
"""Holes of a direction that are waited for, whatever it brings."""
FREE_HOLES_TOTAL = 20_000
"""The same of all directions together; beyond, each has `LEAST_HOLES`."""
LEAST_HOLES = 8
HOLE_BYTES = 512
"""Payload bytes of a direction that pay for one more: captures that lost every other packet of a
stream with video have more of them. Beyond, what follows a hole is taken at once, as if everything
had been waited for; and where no RTMP was found until then, none is looked for any more."""
FREE_COMPARISONS = 5_000
"""Segments that a direction's retransmissions are compared with, whatever it brings."""
COMPARISON_BYTES = 4096
"""Payload bytes of a direction that pay for one more: copies of a tap are told without."""
MAX_LOSSES = 32
"""Holes with duplicate acknowledgements remembered, per direction; beyond, the oldest goes."""
MAX_BUFFERED_TOTAL = 256 << 20
"""Bytes kept behind holes by all directions together."""
MAX_SEGMENTS_TOTAL = 32_768
"""Segments kept behind holes by all directions together, 400 bytes each without their payload."""
MAX_LIVE = 2_800
"""Connections that may still receive segments, 19 kB each; beyond, those idle longest are closed.
Who is closed too early comes back as a new connection."""
EVICTED_AT_ONCE = 512
"""Connections closed together, so that looking for the idle ones stays cheap."""
FREE_OPENINGS = 2_500
"""Connections opened whatever they bring; opening one costs as much as 30 kB of a stream."""
OPENING_BYTES = 1024
"""Payload bytes that pay for one more. A handshake brings more than that; a flood does not."""
MAX_HALF_OPEN = 40_000
"""Flows of which only SYNs are remembered; beyond, the oldest is forgotten (SYN floods)."""
FAST_SEGMENTS = 48
"""Frames of one connection in a batch from which on column arithmetic is the cheaper way."""
SLOW_FRAMES = 8192
"""Frames taken one by one that are Python objects at once, half a kilobyte each."""
SPLIT_FRAMES = 512
"""Frames of a batch below which irregular ones are no longer isolated by halving."""
