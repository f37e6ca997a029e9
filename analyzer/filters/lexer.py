"""Tokens of the display filter, each with its place in the text."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

MAX_LENGTH: Final = 10_000
"""Longest filter read; people write below 500 characters."""


class FilterError(ValueError):
    """A filter that cannot be understood; `position` and `length` say where."""

    def __init__(self, message: str, text: str, position: int, length: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.position = position
        self.length = max(length, 1)

    def caret(self) -> str:
        """Return the filter and a line of carets under the wrong part."""
        line = "".join(c if c.isprintable() else " " for c in self.text)
        return f"{line}\n{' ' * self.position}{'^' * self.length}"


class Token(NamedTuple):
    """`kind` is ``word``, ``string``, ``operator`` (symbols and punctuation) or ``end``."""

    kind: str
    text: str
    """Decoded for strings, otherwise as written."""
    position: int
    length: int


_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
    | (?P<operator>===|!==|==|!=|<=|>=|&&|\|\||\.\.|[<>!~(){},])
    | (?P<string>[rR]?"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<word>(?:(?!\.\.)[^\s(){},"'!=<>&|~])+)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_NAMED_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b"}
_HINTS: Final = {
    "=": "one '=' compares nothing; write '=='",
    "&": "write '&&' or 'and'",
    "|": "write '||' or 'or'",
    '"': "this string has no closing quote",
    "'": "this string has no closing quote",
}


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of `text`, last an ``end``; raise `FilterError` at what fits nowhere."""
    if len(text) > MAX_LENGTH:
        raise FilterError(f"filter longer than {MAX_LENGTH} characters", text[:80], 0)
    position = 0
    while position < len(text):
        if text.startswith("<>", position):
            raise FilterError("'<>' is no operator here; write '!='", text, position, 2)
        match = _TOKEN.match(text, position)
        if match is None:
            wrong = text[position]
            length = len(text) - position if wrong in "\"'" else 1
            raise FilterError(_HINTS.get(wrong, "cannot read this"), text, position, length)
        kind = match.lastgroup or ""
        piece = match.group()
        if kind == "string":
            yield Token(kind, _unquote(piece), position, len(piece))
        elif kind != "space":
            yield Token(kind, piece, position, len(piece))
        position = match.end()
    yield Token("end", "", len(text), 1)


def _unquote(piece: str) -> str:
    if piece[0] in "rR":
        return piece[2:-1].replace('\\"', '"')
    return _ESCAPE.sub(_unescape, piece[1:-1])


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if len(code) > 1:
        return chr(int(code[1:], 16))
    # Unknown escapes keep their backslash, so that "\d" and "\." work in `matches`.
    return _NAMED_ESCAPES.get(code, code if code in "\"'\\" else "\\" + code)
