"""The generated pages are what the code says."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

import analyzer
from analyzer.check import aggregates, document
from analyzer.check.profiles import PROFILES
from analyzer.cli import main
from analyzer.export import catalogue
from analyzer.rules import RULES
from tests.analyzer.talk import CAPTURES

ROOT = Path(analyzer.__file__).parent


def test_the_page_about_check() -> None:
    path = ROOT / "check" / "CHECK.md"
    assert path.read_text("utf-8") == document.page(), "run python -m analyzer.check.document"
    for name in (*aggregates.NAMES, *PROFILES):
        assert f"`{name}`" in document.page() or f"### {name}:" in document.page()


def test_the_catalogue_of_rules() -> None:
    path = ROOT / "rules" / "RULES.md"
    assert path.read_text("utf-8") == catalogue.page(), "run python -m analyzer.export.catalogue"
    for rule in RULES:
        assert f"### {rule.id} " in catalogue.page()
        assert rule.id.partition("-")[0] in catalogue.GROUPS
        assert set(rule.gates) <= set(catalogue.GATES)


def recipes() -> list[str]:
    """Every `rtmp-analyze check` of the page's shell scripts and workflows, in one line each."""
    blocks = re.findall(r"```(?:sh|yaml)\n(.*?)```", document.page(), re.DOTALL)
    lines = re.sub(r"\n +(?=--)", " ", "\n".join(blocks)).splitlines()
    return [
        line[line.index("rtmp-analyze check") :] for line in lines if "rtmp-analyze check" in line
    ]


@pytest.mark.parametrize("recipe", recipes())
def test_the_recipes_work(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    good = CAPTURES / "real/publish-play-nginx.pcap"
    (tmp_path / "captures").mkdir()
    for name in ("session.pcap", "captures/a.pcap", "captures/b.pcap"):
        shutil.copy(good, name)
    command = recipe.replace("captures/*.pcap", "captures/a.pcap captures/b.pcap")
    words = shlex.split(command.replace("$GITHUB_STEP_SUMMARY", "summary.md"))
    assert main(words[1:]) == 0
    assert "livestream" not in capsys.readouterr().out
    for path in re.findall(r"[a-z]+=([\w.]+)", command):
        assert "livestream" not in Path(path).read_text("utf-8")


def test_there_is_a_recipe_for_each() -> None:
    assert len(recipes()) == 3
