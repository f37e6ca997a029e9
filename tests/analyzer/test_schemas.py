"""Everything that is written as JSON has a schema, and keeps to it."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from analyzer.cli import main
from analyzer.commands.schema import SCHEMAS
from tests.analyzer.talk import CAPTURES

DROPS = str(CAPTURES / "lab/nginx-capture-drops.pcap")
PLAYED = str(CAPTURES / "real/publish-play-nginx.pcap")


@pytest.fixture
def schema(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Any:
    """What the command prints for the name the test is parametrised with."""
    assert main(["schema", request.param]) == 0
    found = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(found)
    return found


@pytest.mark.parametrize("schema", SCHEMAS, indirect=True)
def test_schemas_are_valid(schema: Any) -> None:
    assert schema["$schema"].endswith("2020-12/schema") and schema["title"]


@pytest.mark.parametrize("schema", ["report"], indirect=True)
def test_check(tmp_path: Path, schema: Any) -> None:
    out = tmp_path / "report"
    words = [DROPS, "--expect", "gop.max <= 1ms", "--profile", "youtube", "-q"]
    assert main(["check", *words, "-F", "json", "-o", str(out)]) == 1
    document = json.loads(out.read_text())
    jsonschema.validate(document, schema)
    assert document["summary"]["assertions"] and document["diagnostics"]
    main(["check", *words, "-F", "ndjson", "-o", str(out)])
    for line in out.read_text().splitlines():
        jsonschema.validate(json.loads(line), schema)


@pytest.mark.parametrize("schema", ["diff"], indirect=True)
def test_diff(tmp_path: Path, schema: Any) -> None:
    out = tmp_path / "diff.json"
    for other in (PLAYED, DROPS):
        assert main(["diff", PLAYED, other, "--json", "-q", "-o", str(out)]) == 0
        document = json.loads(out.read_text())
        jsonschema.validate(document, schema)
    assert document["only_a"] or document["only_b"]
    document["connections"][0]["differences"][0]["stage"] = "no such stage"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


@pytest.mark.parametrize("schema", ["baseline"], indirect=True)
def test_baseline(tmp_path: Path, schema: Any) -> None:
    path = tmp_path / "known.json"
    assert main(["check", DROPS, "--baseline", str(path), "--write-baseline", "-q"]) == 0
    document = json.loads(path.read_text())
    jsonschema.validate(document, schema)
    assert document["findings"]


@pytest.mark.parametrize("schema", ["media", "metadata", "timing"], indirect=True)
def test_extract(tmp_path: Path, schema: Any) -> None:
    words = ["extract", DROPS, "--flv", "--metadata", "--raw", "-q", "-o", str(tmp_path)]
    assert main(words) == 0
    name = schema["title"].split()[-1]
    paths = list(tmp_path.glob("c?-???-?.json" if name == "media" else f"*.{name}.json"))
    for path in paths:
        jsonschema.validate(json.loads(path.read_text()), schema)
    assert paths


def test_an_unknown_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "nothing"]) == 2
    assert "report" in capsys.readouterr().err
