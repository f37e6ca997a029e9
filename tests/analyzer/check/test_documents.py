"""The generated pages are what the code says."""

from pathlib import Path

import analyzer
from analyzer.check import aggregates, document
from analyzer.check.profiles import PROFILES
from analyzer.export import catalogue
from analyzer.rules import RULES

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
