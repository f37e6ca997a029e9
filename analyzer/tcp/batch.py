"""The columns of TCP segments that reassembly reads."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10  # RFC 9293 §3.1


class Flow(Protocol):
    """The two endpoints of a flow, in no particular order."""

    @property
    def a_ip(self) -> str: ...
    @property
    def a_port(self) -> int: ...
    @property
    def b_ip(self) -> str: ...
    @property
    def b_port(self) -> int: ...


class Rejected(Protocol):
    """Segments with a wrong checksum, which the receiver ignored; columns as in a batch."""

    @property
    def frame(self) -> npt.NDArray[np.int64]: ...
    @property
    def time_ns(self) -> npt.NDArray[np.int64]: ...
    @property
    def flow(self) -> npt.NDArray[np.int32]: ...
    @property
    def reverse(self) -> npt.NDArray[np.bool_]: ...
    @property
    def seq(self) -> npt.NDArray[np.int64]: ...
    @property
    def length(self) -> npt.NDArray[np.int64]: ...


class SegmentBatch(Protocol):
    """Frames with TCP in capture order; one row per frame."""

    @property
    def data(self) -> bytes:
        """A block of the capture."""

    @property
    def frame(self) -> npt.NDArray[np.int64]: ...
    @property
    def time_ns(self) -> npt.NDArray[np.int64]: ...
    @property
    def flow(self) -> npt.NDArray[np.int32]:
        """Index of the flow."""

    @property
    def reverse(self) -> npt.NDArray[np.bool_]:
        """True when the flow's endpoint b is the sender."""

    @property
    def seq(self) -> npt.NDArray[np.int64]: ...
    @property
    def ack(self) -> npt.NDArray[np.int64]: ...
    @property
    def flags(self) -> npt.NDArray[np.uint8]: ...
    @property
    def window(self) -> npt.NDArray[np.int64]: ...
    @property
    def ident(self) -> npt.NDArray[np.int32]:
        """IPv4 identification, -1 in IPv6."""

    @property
    def payload(self) -> npt.NDArray[np.int64]:
        """Offset of the payload in `data`."""

    @property
    def captured(self) -> npt.NDArray[np.int64]:
        """Captured payload bytes."""

    @property
    def length(self) -> npt.NDArray[np.int64]:
        """Payload bytes on the wire."""

    @property
    def position(self) -> npt.NDArray[np.int64]:
        """Offset of the payload in the capture."""

    @property
    def header(self) -> npt.NDArray[np.int64]:
        """Offset of the TCP header in `data`."""

    @property
    def rejected(self) -> Rejected | None:
        """What was taken out of the batch."""
