"""``rtmp-analyze schema``: print the JSON Schema of the JSON report."""

from __future__ import annotations

import sys
from pathlib import Path

from analyzer import cli

SCHEMA = Path(__file__).parents[1] / "export" / "schema.json"


def main(words: list[str]) -> int:
    """Print the schema; it takes no options."""
    cli.Parser(prog=f"{cli.PROGRAM} schema", description=cli.COMMANDS["schema"]).parse_args(words)
    cli.utf8(sys.stdout)
    sys.stdout.write(SCHEMA.read_text("utf-8"))
    return cli.OK
