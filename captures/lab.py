"""A small network of our own: two namespaces, a cable, real programs, tcpdump.

Everything needs root and Linux. Segments look like segments of a real network: the MTU is 1500 and
segmentation offload is off, so that the capture holds what the wire would hold.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

CLIENT, SERVER = "10.77.0.1", "10.77.0.2"
SERVER6 = "fd77::2"
OFFLOADS = ["tso", "gso", "gro", "tx", "rx", "sg"]


def run(*command: str) -> None:
    """Run a set-up command; it must succeed."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Lab:
    """Two namespaces joined by a cable, optionally a bad one (see `forward`)."""

    def __init__(self, work: Path, bad_cable: Sequence[str] = ()) -> None:
        tag = f"rl{os.getpid() % 100000}"
        self.work = work
        self.client, self.server, self.middle = (f"{tag}{end}" for end in "csm")
        self._bad_cable = list(bad_cable)
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Lab:
        spaces = [self.client, self.server] + ([self.middle] if self._bad_cable else [])
        for space in spaces:
            run("ip", "netns", "add", space)
            run("ip", "-n", space, "link", "set", "lo", "up")
        if self._bad_cable:
            self._cable(self.client, "eth0", self.middle, "left")
            self._cable(self.server, "eth0", self.middle, "right")
            self.spawn(self.middle, sys.executable, __file__, *self._bad_cable, name="cable")
        else:
            self._cable(self.client, "eth0", self.server, "eth0")
        for space, last in ((self.client, 1), (self.server, 2)):
            run("ip", "-n", space, "address", "add", f"10.77.0.{last}/24", "dev", "eth0")
            run("ip", "-n", space, "address", "add", f"fd77::{last}/64", "dev", "eth0", "nodad")
        return self

    def _cable(self, space_a: str, name_a: str, space_b: str, name_b: str) -> None:
        run("ip", "link", "add", name_a, "netns", space_a, "mtu", "1500", "type", "veth",
            "peer", "name", name_b, "netns", space_b, "mtu", "1500")  # fmt: skip
        for space, name in ((space_a, name_a), (space_b, name_b)):
            for offload in OFFLOADS:  # not every kernel has every switch
                subprocess.run(
                    ["ip", "netns", "exec", space, "ethtool", "-K", name, offload, "off"],
                    capture_output=True, check=False,
                )  # fmt: skip
            run("ip", "-n", space, "link", "set", name, "up")

    def __exit__(self, *_: object) -> None:
        for child in reversed(self._children):
            stop(child)
        for space in (self.client, self.server, self.middle):
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)

    def spawn(
        self, space: str, *command: str, name: str = "", env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program in a namespace; its output goes to a log in the work folder."""
        log = (self.work / f"{name or Path(command[0]).name}-{len(self._children)}.log").open("wb")
        child = subprocess.Popen(
            ["ip", "netns", "exec", space, *command],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.work,
            env={**os.environ, **(env or {})},
        )  # fmt: skip
        self._children.append(child)
        return child

    @contextlib.contextmanager
    def capture(
        self, target: Path, *, where: str = "", interface: str = "eth0",
        snaplen: int = 0, expression: str = "tcp", buffer_kib: int = 16384,
    ) -> Iterator[None]:  # fmt: skip
        """Record what passes one end of the cable while the block runs."""
        child = self.spawn(
            where or self.server, "tcpdump", "-Z", "root", "-n", "-U", "--immediate-mode",
            "-B", str(buffer_kib), "-i", interface, "-s", str(snaplen), "-w", str(target),
            expression,
        )  # fmt: skip
        deadline = time.monotonic() + 5
        while not target.exists() or target.stat().st_size < 24:
            if time.monotonic() > deadline:
                raise RuntimeError(f"tcpdump did not start for {target.name}")
            time.sleep(0.05)
        time.sleep(0.2)
        try:
            yield
        finally:
            time.sleep(0.5)
            stop(child, signal.SIGINT)

    def wait_for_port(self, port: int) -> None:
        """Until somebody listens on `port` in the server's namespace (by asking ss, unseen)."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            listing = subprocess.run(
                ["ip", "netns", "exec", self.server, "ss", "-Hltn", f"sport = :{port}"],
                capture_output=True, check=True,
            ).stdout  # fmt: skip
            if listing.strip():
                return
            time.sleep(0.1)
        raise RuntimeError(f"nobody listens on port {port}")


def stop(child: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """End one child, politely first."""
    if child.poll() is None:
        child.send_signal(how)
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def forward(left: str, right: str, loss: float, reorder: float, seed: int) -> None:
    """A cable that loses and overtakes frames, for kernels without netem.

    A reordered frame waits until three others of its direction have passed, or 4 ms.
    """
    dice = random.Random(seed)
    ends = []
    for name in (left, right):
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        end.bind((name, 0))
        ends.append(end)
    held: list[list[tuple[float, int, bytes]]] = [[], []]  # (due, frames to let pass, frame)
    while True:
        ready, _, _ = select.select(ends, [], [], 0.002 if any(held) else 1)
        for side, end in enumerate(ends):
            if end in ready:
                frame, address = end.recvfrom(65535)
                if address[2] == socket.PACKET_OUTGOING:
                    continue
                chance = dice.random() if len(frame) > 100 else 1.0  # only data is unlucky
                if chance < loss:
                    continue
                if chance < loss + reorder:
                    held[side].append((time.monotonic() + 0.004, 3, frame))
                    continue
                ends[1 - side].send(frame)
                held[side] = [(due, passed - 1, late) for due, passed, late in held[side]]
            now = time.monotonic()
            for due, passed, late in held[side]:
                if due <= now or passed <= 0:
                    ends[1 - side].send(late)
            held[side] = [item for item in held[side] if item[0] > now and item[1] > 0]


if __name__ == "__main__":
    forward("left", "right", float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
