"""What a file held stays until something whole takes its place."""

import os
import stat
from pathlib import Path

import pytest

from analyzer import cli
from analyzer.outputs import Draft, Growing
from tests.analyzer import talk
from tests.analyzer.talk import answer, publish

OLD = "the report of yesterday\n"


@pytest.fixture
def capture(tmp_path: Path) -> str:
    path = tmp_path / "in.pcap"
    path.write_bytes(talk.pcap(publish(), answer()))
    return str(path)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "out" / "report"
    path.parent.mkdir()
    path.write_text(OLD)
    return path


def alone(report: Path) -> bool:
    return [each.name for each in report.parent.iterdir()] == [report.name]


@pytest.mark.parametrize("how", ["-o={}", "--report=json={}"])
@pytest.mark.parametrize("wrong", ["missing.pcap", "text", "-Y=cside == 3"])
def test_a_failed_run_leaves_the_file(capture: str, report: Path, how: str, wrong: str) -> None:
    text = report.parents[1] / "text"
    text.write_text("this is not a capture\n" * 9)
    words = [capture, wrong] if wrong.startswith("-") else [str(text.with_name(wrong))]
    assert cli.main([*words, *how.format(report).split("=", 1)]) in (cli.USAGE, cli.UNREADABLE)
    assert report.read_text() == OLD and alone(report)


def test_diff_and_redact_leave_it(capture: str, report: Path) -> None:
    missing = str(report.with_name("missing.pcap"))
    assert cli.main(["diff", capture, missing, "-o", str(report)]) == cli.UNREADABLE
    assert cli.main(["redact", missing, "-o", str(report)]) == cli.UNREADABLE
    assert report.read_text() == OLD and alone(report)


def test_an_error_while_writing_leaves_it(
    capture: str, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from analyzer.export import summary

    monkeypatch.setattr(summary, "_findings", lambda *_: 1 / 0)
    assert cli.main([capture, "-F", "summary", "-o", str(report)]) == cli.INTERNAL
    assert report.read_text() == OLD and alone(report)


@pytest.mark.parametrize(
    "words",
    [["{}", "--json"], ["check", "{}", "--json"], ["diff", "{}", "{}", "--json"], ["redact", "{}"]],
)
def test_success_replaces_it_and_keeps_its_permissions(
    capture: str, report: Path, words: list[str]
) -> None:
    report.chmod(0o640)
    cli.main([*(word.format(capture) for word in words), "-o", str(report)])
    assert OLD.encode() not in report.read_bytes() and report.stat().st_size > len(OLD)
    assert stat.S_IMODE(report.stat().st_mode) == 0o640 and alone(report)


def test_a_new_file_has_the_usual_permissions(capture: str, tmp_path: Path) -> None:
    usual, new = tmp_path / "usual", tmp_path / "new"
    usual.touch()
    assert cli.main([capture, "-o", str(new)]) == cli.OK
    assert new.stat().st_mode == usual.stat().st_mode


def test_links_stay_links(capture: str, report: Path) -> None:
    symbolic, hard = report.with_name("symbolic"), report.with_name("hard")
    symbolic.symlink_to(report)
    hard.hardlink_to(report)
    assert cli.main([capture, "-o", str(symbolic)]) == cli.OK
    assert symbolic.is_symlink() and hard.samefile(report)
    assert hard.read_text() == report.read_text() != OLD


def test_links_in_a_circle_are_an_error(capture: str, report: Path) -> None:
    one, two = report.with_name("one"), report.with_name("two")
    one.symlink_to(two)
    two.symlink_to(one)
    assert cli.main([capture, "-o", str(one)]) == cli.USAGE
    assert one.is_symlink()


def test_pipes_are_written_to(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    draft = Draft(str(path))
    draft.file.write(b"at once")
    draft.commit()
    assert os.read(reader, 100) == b"at once" and stat.S_ISFIFO(path.stat().st_mode)
    draft.close()
    os.close(reader)


def test_what_grows_is_emptied_by_the_first_bytes(report: Path) -> None:
    with Growing(str(report)) as out:
        assert report.read_text() == OLD
        out.write(b"a")
        out.write(b"b")
    assert report.read_text() == "ab"


def test_a_list_that_grows(capture: str, report: Path) -> None:
    missing = str(report.with_name("missing.pcap"))
    assert cli.main([missing, "-F", "list", "-l", "-o", str(report)]) == cli.UNREADABLE
    assert report.read_text() == OLD
    assert cli.main([capture, "-F", "list", "-l", "-o", str(report)]) == cli.OK
    assert OLD not in report.read_text() and "publish" in report.read_text()


@pytest.mark.parametrize("form", ["list", "ndjson", "tree"])
def test_a_new_file_that_grows_needs_a_capture(capture: str, tmp_path: Path, form: str) -> None:
    new, missing = tmp_path / "new", str(tmp_path / "missing.pcap")
    assert cli.main([missing, "-F", form, "-l", "-o", str(new)]) == cli.UNREADABLE
    assert not new.exists()
    assert cli.main([capture, "-F", form, "-l", "-o", str(new)]) == cli.OK
    assert "publish" in new.read_text()


def test_a_baseline_is_replaced_when_the_new_one_is_whole(
    capture: str, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["check", capture, "--write-baseline", "--baseline", str(report)]
    with monkeypatch.context() as patch:
        patch.setattr("analyzer.check.baseline.write", lambda found: "\ud800")
        patch.setattr("analyzer.outputs.Draft.commit", lambda draft: 1 / 0)
        assert cli.main(words) == cli.INTERNAL
    assert report.read_text() == OLD and alone(report)
    report.chmod(0o640)
    cli.main(words)
    assert '"findings"' in report.read_text() and alone(report)
    assert stat.S_IMODE(report.stat().st_mode) == 0o640
