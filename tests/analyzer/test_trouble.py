"""Full disks and the like: told in clear words, with an exit code, and what came is reported."""

import errno
import gzip
import resource
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer import cli
from analyzer.sources.spool import Spool
from tests.analyzer import talk

ROOT = Path(__file__).parents[2]
FULL = "No space left on device"


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "in.pcap.gz"
    frame = struct.pack("<IIII", 2, 0, 60_000, 60_000) + bytes(60_000)
    path.write_bytes(gzip.compress(talk.pcap(talk.publish(), talk.answer()) + 30 * frame))
    return path


@pytest.mark.parametrize(
    "words", [["-F", "summary"], ["check"], ["extract", "-q"], ["redact", "-q"], ["diff"]]
)
def test_a_full_spool(
    capture: Path,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = Spool.write

    def write(self: Spool, piece: bytes) -> None:
        if self.written:
            raise OSError(errno.ENOSPC, FULL)
        whole(self, piece)

    monkeypatch.setattr(Spool, "write", write)
    target = ["-o", str(capture.parent / "out")] if words[0] in ("extract", "redact") else []
    other = [str(capture)] if words[0] == "diff" else []
    assert cli.main([*words, str(capture), *other, *target]) == cli.UNREADABLE
    said = capsys.readouterr()
    assert FULL in said.err and "TMPDIR" in said.err
    if words[0] == "-F":
        assert FULL in said.out and "publish app" in said.out


def limited(size: int, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run the program where no file can have more than `size` bytes."""
    return subprocess.run(
        [sys.executable, "-m", "analyzer", *words],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


@pytest.mark.parametrize("words", [["extract", "--raw"], ["extract"], ["redact"], ["--json"]])
def test_no_half_file_has_the_final_name(tmp_path: Path, words: list[str]) -> None:
    source = tmp_path / "in.pcap"
    source.write_bytes(talk.pcap(talk.publish(), talk.answer()))
    out = tmp_path / "out"
    out.mkdir()
    target = out if words[0] == "extract" else out / "file"
    done = limited(1000, *words, str(source), "-o", str(target))
    assert done.returncode == cli.USAGE and list(out.iterdir()) == []
    assert b"File too large" in done.stderr and str(target) in done.stderr.decode()


def test_extract_into_a_closed_pipe_is_no_full_disk(tmp_path: Path) -> None:
    source = tmp_path / "in.pcap"
    source.write_bytes(talk.pcap(talk.publish(), talk.answer()))
    command = f"{sys.executable} -m analyzer extract {source} -o {tmp_path / 'x'}"
    done = subprocess.run(
        ["sh", "-c", f"{{ sleep 0.2; {command}; echo $? >&2; }} | true"],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
    )
    assert done.stderr.split() == [b"141"]
