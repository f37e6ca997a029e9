"""The HTML report: one file that can be mailed. No script, nothing loaded, nothing run.

Every value passes jinja2's autoescape, and captured texts `dissectors.text.safe` and the redactor
before it. The policy in the page allows nothing but the page's own style sheet, by its hash.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TextIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analyzer import __version__
from analyzer.check.outcome import Outcome
from analyzer.export import svg
from analyzer.export.check import title, why
from analyzer.export.request import Request
from analyzer.export.tree import seconds
from analyzer.rules import BY_ID
from dissectors.text import safe

TEMPLATES: Final = Path(__file__).with_name("templates")
MAX_ROWS: Final = 500
"""Findings of a capture, and rows of its results: what a browser shows without effort."""


def write(outcomes: Sequence[Outcome], out: TextIO, request: Request) -> None:
    """Write the page."""
    style = (TEMPLATES / "report.css").read_text("utf-8")
    names = [outcome.name for outcome in outcomes]
    template = _environment(request).get_template("report.html.j2")
    stream = template.stream(
        outcomes=outcomes,
        title=names[0] if len(names) == 1 else f"{len(names)} captures",
        redacted=request.redactor is not None,
        style=Markup(style),
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
        rows=MAX_ROWS,
        svg=svg,
        titles={rule.id: rule.title for rule in BY_ID.values()},
        version=__version__,
    )
    stream.enable_buffering(64)
    out.writelines(stream)


def _environment(request: Request) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def shown(text: Any) -> str:
        return request.shown(safe(str(text)))

    filters: dict[str, Any] = {
        "shown": shown,
        "seconds": seconds,
        "why": why,
        "count": _count,
        "heading": title,
        "draw": svg.draw,
        "rule_of": _rule_of,
    }
    environment.filters.update(filters)
    return environment


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _rule_of(outcome: Outcome, number: str) -> str:
    """Return the rule of the finding with that id."""
    return next((item.rule for item in outcome.findings if item.id == number), number)
