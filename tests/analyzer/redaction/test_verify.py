"""What --verify says of copies whose messages were numbered in another order."""

import gzip
from pathlib import Path

import pytest

from analyzer.cli import main
from analyzer.redaction.verify import differences
from tests.analyzer import talk
from tests.analyzer.redaction.shared import SECRET
from tests.analyzer.talk import CAPTURES, answer, publish


def test_compressed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = CAPTURES / "lab" / "nginx-audio-only.pcap.gz"
    target = tmp_path / "out.pcap"
    assert main(["redact", str(source), "-o", str(target), "--verify"]) == 0
    said = capsys.readouterr().err
    assert "; the same messages" in said and "differently" not in said


def test_structure_is_compared_in_compressed_captures(tmp_path: Path) -> None:
    data = talk.pcap(publish(SECRET), answer())
    first, second = tmp_path / "a.pcap.gz", tmp_path / "b.pcap"
    first.write_bytes(gzip.compress(data))
    # The string's type becomes Long String: the same message, another structure.
    second.write_bytes(data.replace(b"\x02\0\x07publish", b"\x0c\0\x07publish"))
    found = differences(talk.opened(first), talk.opened(second))
    assert found[0] == "structure of message c0.c2s.3"
