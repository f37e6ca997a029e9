"""``rtmp-analyze schema``: print the JSON Schema of what the program writes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from analyzer import cli

_FOLDER: Final = Path(__file__).parents[1] / "export"
SCHEMAS: Final = {
    "report": (_FOLDER / "schema.json", "--json, check --json, and each line of --ndjson"),
    "diff": (_FOLDER / "schema-diff.json", "diff --json"),
    "baseline": (_FOLDER / "schema-baseline.json", "check --write-baseline"),
    "media": (_FOLDER / "schema-media.json", "extract, beside the files of each stream"),
    "metadata": (_FOLDER / "schema-metadata.json", "extract --metadata"),
    "timing": (_FOLDER / "schema-timing.json", "extract --raw, beside the bytes"),
}
"""Name → its file, and what writes such JSON."""


def main(words: list[str]) -> int:
    """Print a schema; that of the report where none is named."""
    chosen = _parser().parse_args(words).name
    cli.utf8(sys.stdout)
    sys.stdout.write(SCHEMAS[chosen][0].read_text("utf-8"))
    return cli.OK


def _parser() -> cli.Parser:
    parser = cli.Parser(
        prog=f"{cli.PROGRAM} schema",
        description="Print the JSON Schema (2020-12) of what the program writes.",
        epilog="\n".join(
            ["schemas:", *(f"  {name:9} {what}" for name, (_, what) in SCHEMAS.items())]
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "name", nargs="?", choices=SCHEMAS, default="report", help="which (default: report)"
    )
    return parser
