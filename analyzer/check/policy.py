"""What `check` wants: from rtmp-analyze.toml, pyproject.toml and the command line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from analyzer.check import assertions
from analyzer.check.assertions import Assertion, Kind
from analyzer.check.profiles import PROFILES
from analyzer.export import SEVERITIES
from analyzer.filters.lexer import FilterError
from analyzer.options import Policy
from analyzer.rules import BY_ID, RULES
from dissectors.text import safe

OWN_FILE: Final = "rtmp-analyze.toml"
PROJECT_FILE: Final = "pyproject.toml"
TABLE: Final = "rtmp-analyze"
THRESHOLDS: Final = (*SEVERITIES, "never")
_GROUPS: Final = sorted({rule.id.partition("-")[0] for rule in RULES})
_KEYS: Final = (
    "fail_on", "select", "ignore", "expect", "forbid", "profile", "baseline", "rules",
)  # fmt: skip


class PolicyError(Exception):
    """What is wanted cannot be understood; the text has a line, and where it helps a caret."""


@dataclass(slots=True)
class Wanted:
    """The policy of a run; `source` is the file it came from."""

    fail_on: str = "error"
    select: list[str] = field(default_factory=list)
    ignore: list[str] = field(default_factory=list)
    parameters: dict[str, dict[str, float]] = field(default_factory=dict)
    severities: dict[str, str] = field(default_factory=dict)
    assertions: list[Assertion] = field(default_factory=list)
    profile: str | None = None
    baseline: str | None = None
    source: str | None = None

    def rules(self) -> Policy:
        """Return what the rules need of it."""
        ignore = set(self.ignore)
        if self.profile is not None and PROFILES[self.profile].specified:
            ignore |= {rule.id for rule in RULES if not rule.section}
        return Policy(frozenset(self.select), frozenset(ignore), self.parameters, self.severities)


def load(path: str | None, folder: Path) -> Wanted:
    """Read the policy file: `path`, or the first that `folder` has; raise `PolicyError`."""
    if path is not None:
        return _read(Path(path), safe(path))
    for name in (OWN_FILE, PROJECT_FILE):
        if (folder / name).is_file():
            return _read(folder / name, name)
    return Wanted()


def _read(path: Path, name: str) -> Wanted:
    try:
        text = path.read_text("utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise PolicyError(f"{name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PolicyError(f"{name}: it is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{name}: {error}") from None
    reader = _Reader(name, text)
    table: Any = document
    for key in ("tool", TABLE) if path.name == PROJECT_FILE else ():
        table = table.get(key, {})
        if not isinstance(table, dict):
            raise reader.fail(key, f"'{key}' should be a table")
    return reader.wanted(table)


class _Reader:
    """Checks a table; faults name the file, the line and the key."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines = text.splitlines()

    def fail(self, key: str, message: str) -> PolicyError:
        """Point at the first line that has `key` as a key, a table's name or a value."""
        word = re.compile(rf"(?<![\w-]){re.escape(key)}(?![\w-])")
        for number, line in enumerate(self.lines, 1):
            found = word.search(line.partition("#")[0])
            if found:
                where = f"{self.name}:{number}: {message}"
                return PolicyError(f"{where}\n{caret(line, found.start(), len(key))}")
        return PolicyError(f"{self.name}: {message}")

    def wanted(self, table: Mapping[str, Any]) -> Wanted:
        wanted = Wanted(source=self.name)
        for key, value in table.items():
            if key not in _KEYS:
                raise self.fail(key, f"unknown key '{key}'{_hint(key, _KEYS)}")
            try:
                self._take(wanted, key, value)
            except LocatedError:
                raise
            except PolicyError as error:
                raise self.fail(key, str(error)) from None
        return wanted

    def _take(self, wanted: Wanted, key: str, value: Any) -> None:
        if key == "fail_on":
            wanted.fail_on = threshold(value)
        elif key == "profile":
            wanted.profile = profile(value)
        elif key == "baseline":
            wanted.baseline = _text(key, value)
        elif key in ("select", "ignore"):
            names = [self._rule(name) for name in _texts(key, value)]
            setattr(wanted, key, names)
        elif key == "rules":
            self._rules(wanted, value)
        else:
            kind: Kind = "expect" if key == "expect" else "forbid"
            for text in _texts(key, value):
                wanted.assertions.append(self._assertion(kind, text))

    def _assertion(self, kind: Kind, text: str) -> Assertion:
        try:
            return assertions.compile(kind, text)
        except FilterError as error:
            first = text.splitlines()[0] if text else kind
            line = next((n for n, line in enumerate(self.lines, 1) if first in line), None)
            where = self.name if line is None else f"{self.name}:{line}"
            raise LocatedError(f"{where}: {kind}: {error.message}\n{error.caret()}") from None

    def _rule(self, name: str) -> str:
        try:
            return rule_name(name)
        except PolicyError as error:
            raise LocatedError(str(self.fail(name, str(error)))) from None

    def _rules(self, wanted: Wanted, table: Any) -> None:
        if not isinstance(table, dict):
            raise PolicyError("'rules' should be tables such as [rules.VID-10]")
        for name, values in table.items():
            if name not in BY_ID or not isinstance(values, dict):
                message = f"unknown rule '{name}'{_hint(name, BY_ID)}"
                raise LocatedError(str(self.fail(name, message)))
            for key, value in values.items():
                try:
                    self._parameter(wanted, name, key, value)
                except PolicyError as error:
                    raise LocatedError(str(self.fail(key, str(error)))) from None

    def _parameter(self, wanted: Wanted, rule: str, key: str, value: Any) -> None:
        if key == "severity":
            if value not in SEVERITIES:
                raise PolicyError(f"'severity' should be one of {', '.join(SEVERITIES)}")
            wanted.severities[rule] = value
            return
        parameter(rule, key, "severity")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise PolicyError(f"'{key}' should be a number")
        wanted.parameters.setdefault(rule, {})[key] = value


class LocatedError(PolicyError):
    """A fault whose text already says where it is."""


def caret(line: str, position: int, length: int) -> str:
    """Return `line` and a line of carets under its wrong part."""
    shown = "".join(c if c.isprintable() else " " for c in line)
    return f"{shown}\n{' ' * position}{'^' * max(length, 1)}"


def _hint(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise PolicyError(f"'{key}' should be a text")
    return value


def _texts(key: str, value: Any) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise PolicyError(f"'{key}' should be a list of texts")
    return values


def threshold(value: Any) -> str:
    """Return a severity for --fail-on; raise `PolicyError`."""
    if value not in THRESHOLDS:
        raise PolicyError(f"'fail_on' should be one of {', '.join(THRESHOLDS)}")
    return str(value)


def profile(value: Any) -> str:
    """Return the name of a profile; raise `PolicyError`."""
    if value not in PROFILES:
        known = ", ".join(PROFILES)
        raise PolicyError(f"unknown profile '{value}'; there are {known}")
    return str(value)


def rule_name(name: str) -> str:
    """Return a rule's id or group as it is written in the table; raise `PolicyError`."""
    upper = name.strip().upper().removesuffix("-*").removesuffix("-")
    if upper not in BY_ID and upper not in _GROUPS:
        hint = _hint(upper, [*BY_ID, *_GROUPS])
        raise PolicyError(f"unknown rule or group '{name}'{hint}")
    return upper


def parameter(rule: str, name: str, *others: str) -> None:
    """Check that the rule has the parameter; raise `PolicyError`. `others` may be meant, too."""
    known = BY_ID[rule].parameters
    if name not in known:
        have = f"it has {', '.join(known)}" if known else "it has none"
        hint = _hint(name, (*known, *others))
        raise PolicyError(f"{rule} has no parameter '{name}'; {have}{hint}")


def parameter_option(text: str) -> tuple[str, str, float]:
    """Read ``VID-10.warning_ms=4000``; raise `PolicyError` with a caret under the wrong part."""
    target, equal, number = text.partition("=")
    rule, dot, name = target.partition(".")
    if not equal or not dot:
        raise _option(text, "should be RULE.name=value", 0, len(text))
    if rule not in BY_ID:
        raise _option(text, f"unknown rule '{rule}'{_hint(rule, BY_ID)}", 0, len(rule))
    if name == "severity":
        message = f'a severity is set in the policy file: [rules.{rule}], severity = "error"'
        raise _option(text, message, len(rule) + 1, len(name))
    try:
        parameter(rule, name)
    except PolicyError as error:
        raise _option(text, str(error), len(rule) + 1, len(name)) from None
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if value != value or value in (float("inf"), float("-inf")):
        raise _option(text, "expected a number here", len(target) + 1, len(number))
    return rule, name, value


def _option(text: str, message: str, position: int, length: int) -> PolicyError:
    return PolicyError(f"--param: {message}\n{caret(text, position, length)}")
