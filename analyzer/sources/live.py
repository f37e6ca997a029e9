"""Live capture: a child process captures and writes pcap into a pipe, which is read like any other.

Only the child needs privileges. It is dumpcap, else tcpdump, else this file run by Python with
scapy's sockets. The only file that imports scapy.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, BinaryIO, Final

from analyzer import interrupt
from analyzer.sources.capture import Capture
from analyzer.sources.growing import Note, Pipe
from analyzer.sources.model import MAX_SNAPLEN, FilterRefusedError, SourceError
from analyzer.sources.stream import Reading, SpooledStream
from dissectors.text import safe

CHOICE: Final = "RTMP_ANALYZE_CAPTURE"
"""Environment variable that names the capture program: dumpcap, tcpdump or scapy."""
KERNEL_BUFFER: Final = 32
"""MiB that the kernel may hold for the child: two seconds of 100 Mbit/s and more."""
PIPE_BUFFER: Final = 1 << 20
PATIENCE: Final = 3.0
"""Seconds the child gets to write what it holds and end."""
MAX_WORDS: Final = 64 << 10
"""Bytes read of what the child says."""
_SYSTEM: Final = ("/usr/sbin", "/usr/local/sbin", "/sbin")
"""Where tcpdump is, often not in a user's PATH."""
_DROPS: Final = (
    # tcpdump and our own child.
    re.compile(r"^(\d+) packets? dropped by (?:kernel|interface)", re.MULTILINE),
    # dumpcap's line has received/dropped; the second number is the sum of what stands behind it.
    re.compile(r"received/dropped on interface .*?: \d+/(\d+) \(", re.MULTILINE),
)


class Interface:
    """A network interface to capture from, as `Session` takes it in place of a file."""

    def __init__(self, name: str, bpf: str = "", count: int | None = None) -> None:
        self.name = name
        self.bpf = bpf
        self.count = count
        """The child ends by itself after this many packets."""

    def open(self, reading: Reading) -> Capture:
        """Start the child and wait for its pcap header; raises `SourceError`."""
        child = _Child(self.name, _command(self.name, self.bpf, self.count), self.count is None)
        try:
            return Capture(SpooledStream(child, None, reading), self.name, child, reading.most)
        except SourceError:
            child.close()
            raise child.failure() from None
        except BaseException:
            child.close()
            raise


class _Child:
    """The capture program: its output as bytes, its end and its last words."""

    def __init__(self, interface: str, command: list[str], endless: bool) -> None:
        """`endless`: it ends only when it is told to."""
        self._interface = interface
        self._endless = endless
        self._program = Path(command[0]).name
        self._words: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 — closed by `close`
        try:
            with interrupt.held():
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=self._words,
                    bufsize=0,
                    env=os.environ | {"LC_ALL": "C"},
                    process_group=0,  # Ctrl-C is ours to pass on
                )
                interrupt.remains.add(self._process.terminate)
        except OSError as error:
            self._words.close()
            raise SourceError(f"{self._program}: {error.strerror}") from None
        assert self._process.stdout is not None
        self._output = self._process.stdout
        with contextlib.suppress(OSError, AttributeError, ImportError):
            import fcntl

            fcntl.fcntl(self._output, fcntl.F_SETPIPE_SZ, PIPE_BUFFER)
        self._pipe = Pipe(self._output.fileno())
        self._stopped = False
        self._closed = False
        self.notes: list[Note] = []

    def read(self, count: int) -> bytes:
        """Return what was captured; at the end the child's last words become `notes`."""
        data = self._pipe.read(count)
        if not data and not self._closed:
            self._finish()
        return data

    def stop(self) -> None:
        """Have the child write what it holds and end. From any thread or signal handler."""
        self._stopped = True
        self._signal(signal.SIGINT)
        self._pipe.stop(PATIENCE)

    def close(self) -> None:
        """End the child, whatever it does."""
        if self._closed:
            return
        self._closed = True
        self._end()
        interrupt.remains.discard(self._process.terminate)
        self._pipe.close()
        self._output.close()

    def _finish(self) -> None:
        early = not self._stopped
        self._end()
        words = self.words()
        drops = sum(int(match) for pattern in _DROPS for match in pattern.findall(words))
        if drops:
            text = f"{self._program} dropped packets before they could be written"
            self.notes.append(Note("capture_drops", text, drops))
        if early and (self._endless or self._process.returncode):
            text = f"the capture ended early: {_line(words) or self._end_of_program()}"
            self.notes.append(Note("capture_ended", text))

    def _end_of_program(self) -> str:
        code = self._process.returncode or 0
        if code < 0:
            return f"{self._program} was ended by signal {-code}"
        return f"{self._program} ended" + (f" with exit code {code}" if code else "")

    def _end(self) -> None:
        """Wait for the child's end, first patiently."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None and (self._closed or number != signal.SIGINT):
                self._signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE / 3)
                return

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError):  # gone, or another user's
            self._process.send_signal(number)

    def words(self) -> str:
        """Return what the child said, without control characters but line ends."""
        self._words.seek(0)
        return _safe_lines(self._words.read(MAX_WORDS))

    def failure(self) -> SourceError:
        """Say in one line why the child ended before its pcap header."""
        return explain(self.words(), self._interface, self._program)


def _safe_lines(raw: bytes) -> str:
    """Return what a program said without control characters but line ends."""
    return "\n".join(safe(line) for line in raw.decode("utf-8", "replace").splitlines())


def explain(words: str, interface: str, program: str) -> SourceError:
    """Turn the safe words of a capture program that failed into one clear line."""
    lower = words.lower()
    name = safe(interface)
    refused = _REFUSED.search(words)
    if refused or "filter expression" in lower or "invalid capture filter" in lower:
        reason = f": {refused[0]}" if refused else ""
        return FilterRefusedError(f"capture filter{reason}")
    if re.search(r"permission|not permitted|need root|cap_net_raw", lower):
        return SourceError(
            f"{name}: no permission to capture. Let only the capture program have it: "
            f"sudo tcpdump -i {name} -U -w - | rtmp-analyze -, or {_PERMISSION[_kind(program)]}"
        )
    if re.search(r"no such device|no device named|doesn't exist|no interface|not found", lower):
        return SourceError(f"{name}: no such interface (-D lists them)")
    if "not up" in lower or "network is down" in lower:
        return SourceError(f"{name}: the interface is down")
    return SourceError(f"{name}: {_line(words) or program + ' ended without a word'}")


_REFUSED: Final = re.compile(
    r"syntax error|expression rejects all packets|illegal [^()\n]*[^()\n.]"
    r"|unknown (?:ether |osi )?(?:host|network|port|port range|protocol|proto) '[^'\n]*'"
    r"|(?:port|host|proto) '[^'\n]*' is [^()\n]*[^()\n.]|[^:()\n]* modifier applied to [\w. ]*\w"
)
"""What libpcap's compiler says of a filter, with which tcpdump ends as with any other error."""
_PERMISSION: Final = {
    "dumpcap": "join the group that may run dumpcap (on Debian: dpkg-reconfigure wireshark-common)",
    "tcpdump": "setcap cap_net_raw,cap_net_admin=ep on the file of tcpdump",
    "scapy": "install dumpcap or tcpdump, which can be given the right where Python should not",
}
"""Capture program → how it gets the right to capture. Never the interpreter: all of its scripts
would have it."""


def _kind(program: str) -> str:
    return program if program in _PERMISSION else "scapy"


def _line(words: str) -> str:
    """Return the line that says what went wrong, without the program's name."""
    lines = [line for line in words.splitlines() if line and not re.match(_CHATTER, line)]
    return re.sub(r"^(?:dumpcap|tcpdump|scapy): ", "", lines[0])[:200] if lines else ""


_CHATTER: Final = (
    r"Capturing on|File: |Packets|\d+ packets|.*listening on|dumpcap: cap_set_proc"
    r"|tcpdump: verbose|tcpdump: data link type"
)


def _program() -> tuple[str, str]:
    """Return (kind, path) of the capture program."""
    wanted = os.environ.get(CHOICE, "")
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM])
    for kind in ("dumpcap", "tcpdump"):
        if wanted in ("", kind) and (found := shutil.which(kind, path=path)):
            return kind, found
    if wanted not in ("", "scapy"):
        raise SourceError(f"{safe(wanted)} ({CHOICE}) is not installed")
    return "scapy", sys.executable


def _command(interface: str, bpf: str, count: int | None) -> list[str]:
    """Return the child's command line; what the user wrote is one word, never an option."""
    kind, path = _program()
    if kind == "scapy" and interface == "any":
        raise SourceError(
            "any: without dumpcap or tcpdump one interface can be captured from at a time: name "
            "it (-D lists them), or install one of the two"
        )
    number = [] if count is None else ["-c", str(count)]
    if kind == "dumpcap":
        chosen = ["-f", bpf] if bpf else []
        size = ["-B", str(KERNEL_BUFFER)]
        return [path, "-q", "-P", *size, "-i", interface, *chosen, *number, "-w", "-"]
    if kind == "tcpdump":
        size = ["-B", str(KERNEL_BUFFER << 10), "-s", "0"]
        return [path, "-n", "-U", *size, "-i", interface, *number, "-w", "-", "--", bpf]
    return [*_own_child(path), "capture", interface, bpf, str(count or 0)]


def _own_child(python: str) -> list[str]:
    root = str(Path(__file__).resolve().parents[2])
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "sys.path.insert(0, sys.argv.pop(1)); "
        "from analyzer.sources import live; sys.exit(live.child(sys.argv[1:]))"
    )
    return [python, "-c", code, root]


def interfaces() -> str:
    """Return the interfaces one can capture from, a line each; raises `SourceError`."""
    kind, path = _program()
    command = [path, "-D"] if kind != "scapy" else [*_own_child(path), "list"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False
    )
    text = _safe_lines(done.stdout)
    if done.returncode or not text.strip():
        raise explain(_safe_lines(done.stderr), "-D", kind)
    return "".join(line + "\n" for line in text.splitlines() if line.strip())


# -- the child with scapy's sockets -----------------------------------------------------------

_LOOPBACK: Final = ("lo", "lo0")
# Linux, <linux/if_packet.h> and <asm/socket.h>
SOL_SOCKET: Final = 1
SO_RCVBUFFORCE: Final = 33
SOL_PACKET: Final = 263
PACKET_STATISTICS: Final = 6
PACKET_IGNORE_OUTGOING: Final = 23


def child(words: list[str]) -> int:
    """Run as the capture child: ``list``, or ``capture INTERFACE BPF COUNT``."""
    import scapy.all  # noqa: F401 — sets up sockets and link types
    from scapy.config import conf
    from scapy.interfaces import get_if_list

    if words[0] == "list":
        sys.stdout.write("".join(f"{n}. {name}\n" for n, name in enumerate(get_if_list(), 1)))
        return 0
    interface, bpf, count = words[1], words[2], int(words[3])
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.append(1))
    try:
        socket: Any = conf.L2listen(iface=interface, filter=bpf or None)
    except Exception as error:  # scapy raises whatever its layers raise
        sys.stderr.write(f"scapy: {error}\n")
        return 1
    if interface in _LOOPBACK:
        with contextlib.suppress(OSError, AttributeError):  # else every packet comes twice
            socket.ins.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    with contextlib.suppress(OSError, AttributeError):
        socket.ins.setsockopt(SOL_SOCKET, SO_RCVBUFFORCE, KERNEL_BUFFER << 20)
    _kernel_drops(socket)  # of other packets, before the filter was in place
    try:
        return _write_packets(socket, count, stopped)
    except BrokenPipeError:
        return 0
    finally:
        sys.stderr.write(f"{_kernel_drops(socket)} packets dropped by kernel\n")


def _write_packets(socket: Any, count: int, stopped: list[int]) -> int:
    """Write what comes as pcap with nanoseconds."""
    from scapy.config import conf

    link = conf.l2types.layer2num.get(socket.LL, 1)
    out: Any = os.fdopen(1, "wb", 0, closefd=False)
    out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, MAX_SNAPLEN, link))
    left = count or -1
    while left and not stopped:
        if not socket.select([socket], 0.2):
            continue
        kind, data, stamp = socket.recv_raw(MAX_SNAPLEN)
        if kind is None or data is None:
            continue
        now = int(stamp * 1e9) if stamp else time.time_ns()
        head = struct.pack("<IIII", now // 10**9, now % 10**9, len(data), len(data))
        _write_all(out, head + bytes(data))
        left -= 1
    return 0


def _write_all(out: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


def _kernel_drops(socket: Any) -> int:
    """PACKET_STATISTICS of a Linux packet socket: packets and drops since it was asked last."""
    try:
        return int(struct.unpack("=II", socket.ins.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1])
    except (OSError, AttributeError, struct.error):
        return 0
