"""Constants, value names and limits, each with its section or its reason."""

from typing import Final

# Handshake, RTMP 1.0 §5.2.
VERSION: Final = 3
HANDSHAKE_SIZE: Final = 1536
HANDSHAKE_END: Final = 1 + 2 * HANDSHAKE_SIZE
"""Stream offset of the first chunk in either direction: C0 C1 C2, S0 S1 S2."""
RTMPE_VERSIONS: Final = frozenset({6, 8, 9})

# Chunk stream, RTMP 1.0 §5.3.
DEFAULT_CHUNK_SIZE: Final = 128
MAX_CHUNK_SIZE: Final = 0x7FFFFFFF
MAX_MESSAGE_LENGTH: Final = 0xFFFFFF
EXTENDED_TIMESTAMP: Final = 0xFFFFFF
CONTROL_CSID: Final = 2
HEADER_LENGTHS: Final = (11, 7, 3, 0)
"""Message header bytes of fmt 0–3, §5.3.1.2."""

# Message types, RTMP 1.0 §5.4, §6.2, §7.1.
SET_CHUNK_SIZE: Final = 1
ABORT: Final = 2
ACKNOWLEDGEMENT: Final = 3
USER_CONTROL: Final = 4
WINDOW_ACKNOWLEDGEMENT_SIZE: Final = 5
SET_PEER_BANDWIDTH: Final = 6
AUDIO: Final = 8
VIDEO: Final = 9
DATA_AMF3: Final = 15
SHARED_OBJECT_AMF3: Final = 16
COMMAND_AMF3: Final = 17
DATA_AMF0: Final = 18
SHARED_OBJECT_AMF0: Final = 19
COMMAND_AMF0: Final = 20
AGGREGATE: Final = 22

LIMIT_TYPES: Final = {0: "Hard", 1: "Soft", 2: "Dynamic"}
"""Set Peer Bandwidth, §5.4.5."""

# Limits: everything captured is hostile.
MAX_AMF_DEPTH: Final = 64
"""Nesting that real encoders reach is below 10; Python's stack must never decide."""
MAX_AMF_NODES: Final = 50_000
"""Values per message; a field costs about 300 bytes."""
