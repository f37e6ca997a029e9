"""Which message headers real products send (RTMP 1.0 §5.4, §7.1)."""

from typing import Final

KNOWN_TYPES: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 18, 19, 20, 22})
_CONTROL_LENGTHS: Final = {1: 4, 2: 4, 3: 4, 5: 4, 6: 5}


def implausible(type_id: int, length: int, msid: int) -> bool:
    """Whether no product sends such a message header: the reader is out of step.

    An unknown type alone is not enough: it may be a vendor's message.
    """
    expected = _CONTROL_LENGTHS.get(type_id)
    if expected is not None:
        return length > expected + 60
    if type_id in KNOWN_TYPES:
        return type_id not in (8, 9, 22) and msid > 0xFFFFFF
    return msid > 0xFFFF or length > 1 << 20
