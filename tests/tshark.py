"""How many messages of each type tshark sees, with the preferences that let it see them."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

OPTIONS = [
    "-o", "rtmpt.max_packet_size:16777215", "-o", "tcp.reassemble_out_of_order:TRUE",
    "-V", "-O", "rtmpt",
]  # fmt: skip
TYPES = {
    "Set Chunk Size": 1, "Abort Message": 2, "Acknowledgement": 3, "User Control Message": 4,
    "Window Acknowledgement Size": 5, "Set Peer Bandwidth": 6, "Audio Data": 8, "Video Data": 9,
    "AMF3 Data": 15, "AMF3 Shared Object": 16, "AMF3 Command": 17, "AMF0 Data": 18,
    "AMF0 Shared Object": 19, "AMF0 Command": 20, "Aggregate": 22,
}  # fmt: skip
TITLE = re.compile(r"^Real Time Messaging Protocol \((.*)\)$")
SOURCE = re.compile(r"^Transmission Control Protocol, Src Port: (\d+)")
Counts = dict[str, dict[int, int]]


def counts(path: Path, port: int) -> Counts:
    """`{"c2s": {type: n}, "s2c": …}`; what tshark cannot name counts as type -1."""
    command = ["tshark", "-n", "-r", str(path), "-d", f"tcp.port=={port},rtmpt", *OPTIONS]
    said = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    found = {"c2s": Counter[int](), "s2c": Counter[int]()}
    way = "c2s"
    for line in said.stdout.splitlines():
        if source := SOURCE.match(line):
            way = "s2c" if int(source[1]) == port else "c2s"
        elif (title := TITLE.match(line)) and not title[1].startswith("Handshake"):
            names = sorted((name for name in TYPES if title[1].startswith(name)), key=len)
            found[way][TYPES[names[-1]] if names else -1] += 1
    return {way: dict(sorted(count.items())) for way, count in found.items()}
