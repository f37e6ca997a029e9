"""Policy files and options: what is read, and how faults are told."""

from pathlib import Path

import pytest

from analyzer.check import policy
from analyzer.check.profiles import PROFILES
from analyzer.rules import RULES

WITH_PARAMETERS = next(rule for rule in RULES if rule.parameters)
PARAMETER = next(iter(WITH_PARAMETERS.parameters))

GOOD = f"""\
fail_on = "warning"
profile = "youtube"
select = ["CMD", "{WITH_PARAMETERS.id}"]
ignore = ["CHK-08"]
expect = ["publish.started", "gop.max <= 2s"]
forbid = "rule.CMD-05"
baseline = "known.json"

[rules.{WITH_PARAMETERS.id}]
{PARAMETER} = 7
severity = "note"
"""


def check_good(wanted: policy.Wanted) -> None:
    assert (wanted.fail_on, wanted.profile, wanted.baseline) == (
        "warning", "youtube", "known.json",
    )  # fmt: skip
    assert [(a.kind, a.text) for a in wanted.assertions] == [
        ("expect", "publish.started"),
        ("expect", "gop.max <= 2s"),
        ("forbid", "rule.CMD-05"),
    ]
    rules = wanted.rules()
    assert rules.parameters == {WITH_PARAMETERS.id: {PARAMETER: 7}}
    assert rules.severities == {WITH_PARAMETERS.id: "note"}
    assert rules.selects("CMD-01") and not rules.selects("CHK-01")


def test_own_file(tmp_path: Path) -> None:
    (tmp_path / "rtmp-analyze.toml").write_text(GOOD)
    check_good(policy.load(None, tmp_path))


def test_project_file(tmp_path: Path) -> None:
    text = GOOD.replace("[rules.", "[tool.rtmp-analyze.rules.")
    (tmp_path / "pyproject.toml").write_text("[tool.rtmp-analyze]\n" + text)
    check_good(policy.load(None, tmp_path))


def test_own_file_goes_before_the_project(tmp_path: Path) -> None:
    (tmp_path / "rtmp-analyze.toml").write_text('fail_on = "note"')
    (tmp_path / "pyproject.toml").write_text('[tool.rtmp-analyze]\nfail_on = "never"')
    assert policy.load(None, tmp_path).fail_on == "note"


def test_no_file_or_no_table_is_the_default(tmp_path: Path) -> None:
    assert policy.load(None, tmp_path).fail_on == "error"
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'")
    assert policy.load(None, tmp_path).assertions == []


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("fail_onn = 1", "unknown key 'fail_onn'; did you mean 'fail_on'?", "fail_onn"),
        ('x = 1\nfail_on = "bad"', "unknown key 'x'", "x"),
        ('fail_on = "bad"', "should be one of note, warning, error, never", "fail_on"),
        ('profile = "yt"', "unknown profile 'yt'; there are spec, youtube", "profile"),
        ('select = ["TS", "CMD-99"]', "unknown rule or group 'CMD-99'", "CMD-99"),
        ('expect = ["gop.max <= 2"]', "duration with its unit", "2"),
        ('x.y = 1\nexpect = ["a == ", "b"]', "unknown key 'x'", "x"),
        ("expect = 3", "should be a list of texts", "expect"),
        ("[rules.ABC-1]", "unknown rule 'ABC-1'", "ABC-1"),
        (f"[rules.{WITH_PARAMETERS.id}]\nspeed = 1", "has no parameter 'speed'; it has", "speed"),
        (f"[rules.{WITH_PARAMETERS.id}]\nseverty = 'x'", "did you mean 'severity'?", "severty"),
        (f"[rules.{WITH_PARAMETERS.id}]\nseverity = 'x'", "'severity' should be", "severity"),
        (f"[rules.{WITH_PARAMETERS.id}]\n{PARAMETER} = '1'", "should be a number", PARAMETER),
        ("fail_on =", "Invalid value (at end of document)", ""),
    ],
)
def test_faults_name_the_line_and_the_part(
    tmp_path: Path, text: str, message: str, marked: str
) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(policy.PolicyError) as caught:
        policy.load(str(path), tmp_path)
    first, *rest = str(caught.value).splitlines()
    assert message in first
    if marked:
        line, carets = rest
        assert line[carets.index("^") : carets.rindex("^") + 1] == marked


def test_an_assertion_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text('expect = ["publish.started",\n "gop.max <= 2"]')
    with pytest.raises(policy.PolicyError) as caught:
        policy.load(str(path), tmp_path)
    assert "p.toml:2: expect: expected a duration" in str(caught.value)


@pytest.mark.parametrize("text", ["tool = 3", "[tool]\nrtmp-analyze = 5"])
def test_a_project_file_of_another_shape(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(policy.PolicyError, match="should be a table"):
        policy.load(None, tmp_path)


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(policy.PolicyError, match="No such file"):
        policy.load("nowhere.toml", tmp_path)
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(policy.PolicyError, match="not UTF-8"):
        policy.load(str(tmp_path / "b.toml"), tmp_path)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("nothing", "nothing"),
        ("ABC-1.x=3", "ABC-1"),
        (f"{WITH_PARAMETERS.id}.nope=3", "nope"),
        (f"{WITH_PARAMETERS.id}.{PARAMETER}=fast", "fast"),
        (f"{WITH_PARAMETERS.id}.{PARAMETER}=nan", "nan"),
    ],
)
def test_parameter_option_points_at_the_wrong_part(text: str, marked: str) -> None:
    with pytest.raises(policy.PolicyError) as caught:
        policy.parameter_option(text)
    _, line, carets = str(caught.value).splitlines()
    assert line[carets.index("^") : carets.rindex("^") + 1] == marked


def test_parameter_option() -> None:
    text = f"{WITH_PARAMETERS.id}.{PARAMETER}=2.5"
    assert policy.parameter_option(text) == (WITH_PARAMETERS.id, PARAMETER, 2.5)


def test_severity_is_no_parameter_of_the_command_line() -> None:
    with pytest.raises(policy.PolicyError) as caught:
        policy.parameter_option("SEC-01.severity=error")
    message, line, carets = str(caught.value).splitlines()
    assert "policy file: [rules.SEC-01], severity = " in message
    assert line[carets.index("^") :].startswith("severity=") and "mean" not in message


def test_rule_names_are_ids_or_groups() -> None:
    assert policy.rule_name("cmd-05") == "CMD-05"
    assert policy.rule_name("CMD-") == "CMD" == policy.rule_name("CMD-*")


def test_the_profile_of_the_specification_leaves_out_rules_without_a_section() -> None:
    wanted = policy.Wanted(profile="spec")
    for rule in RULES:
        assert wanted.rules().selects(rule.id) == bool(rule.section)


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_cite_their_sources_and_can_be_asked(name: str) -> None:
    from analyzer.check import assertions

    names = [requirement.name for requirement in PROFILES[name].requirements]
    assert len(names) == len(set(names))
    for requirement in PROFILES[name].requirements:
        assertions.compile("expect", requirement.expect)
        assert requirement.source.startswith("https://")
        assert requirement.severity in ("error", "warning")
