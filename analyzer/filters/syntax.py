"""The display filter's grammar: tokens → syntax tree.

or   = and  {("or" | "||") and}
and  = not  {("and" | "&&") not}
not  = {"not" | "!"} ("(" or ")" | relation)
relation = field [operator literal | ["not"] "in" "{" item {[","] item} "}"]
"""

from dataclasses import dataclass
from typing import Final

from analyzer.filters.lexer import FilterError, Token, tokens

MAX_DEPTH: Final = 64
"""Nested parentheses; Python's stack must never decide."""

OPERATORS: Final = {
    "==": "eq",
    "eq": "eq",
    "any_eq": "eq",
    "===": "all_eq",
    "all_eq": "all_eq",
    "!=": "ne",
    "ne": "ne",
    "all_ne": "ne",
    "!==": "any_ne",
    "any_ne": "any_ne",
    "<": "lt",
    "lt": "lt",
    "<=": "le",
    "le": "le",
    ">": "gt",
    "gt": "gt",
    ">=": "ge",
    "ge": "ge",
    "contains": "contains",
    "matches": "matches",
    "~": "matches",
}
_RESERVED: Final = frozenset({"and", "or", "not", "in", "contains", "matches"})


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written; `quoted` ones are strings whatever they look like."""

    text: str
    quoted: bool
    position: int
    length: int


@dataclass(frozen=True, slots=True)
class Relation:
    """A field alone (`operator` ``exists``), compared, or tested against a set (``in``).

    `items` holds (literal, literal) pairs, a single value as the pair of itself.
    """

    field: str
    position: int
    operator: str
    items: tuple[tuple[Literal, Literal], ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    item: "Node"


@dataclass(frozen=True, slots=True)
class Junction:
    """`items` joined by ``and`` or ``or``."""

    operator: str
    items: tuple["Node", ...]


Node = Relation | Not | Junction


def parse(text: str) -> Node:
    """Return the syntax tree of `text`; raise `FilterError`."""
    return _Parser(text).filter()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(tokens(text))
        self.at = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def fail(self, message: str, token: Token) -> FilterError:
        return FilterError(message, self.text, token.position, token.length)

    def accept(self, *texts: str) -> bool:
        token = self.next
        if token.kind in ("word", "operator") and token.text.lower() in texts:
            self.take()
            return True
        return False

    def filter(self) -> Node:
        if self.next.kind == "end":
            raise self.fail("the filter is empty", self.next)
        node = self.either()
        token = self.next
        if token.kind != "end":
            hint = "unexpected ')'" if token.text == ")" else "expected 'and', 'or' or the end here"
            raise self.fail(hint, token)
        return node

    def either(self) -> Node:
        items = [self.both()]
        while self.accept("or", "||"):
            items.append(self.both())
        return items[0] if len(items) == 1 else Junction("or", tuple(items))

    def both(self) -> Node:
        items = [self.negation()]
        while self.accept("and", "&&"):
            items.append(self.negation())
        return items[0] if len(items) == 1 else Junction("and", tuple(items))

    def negation(self) -> Node:
        negative = False
        while self.accept("not", "!"):
            negative = not negative
        opening = self.next
        if self.accept("("):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise self.fail("too many nested parentheses", opening)
            node = self.either()
            if not self.accept(")"):
                what = (
                    "expected ')' here" if self.next.kind != "end" else "this '(' is never closed"
                )
                raise self.fail(what, opening if self.next.kind == "end" else self.next)
            self.depth -= 1
        else:
            node = self.relation()
        return Not(node) if negative else node

    def relation(self) -> Node:
        token = self.take()
        if token.kind == "end":
            raise self.fail("the filter ends where a field should stand", token)
        if token.kind != "word" or token.text.lower() in _RESERVED:
            raise self.fail("expected a field name here", token)
        following = self.next
        word = following.text.lower()
        if following.kind not in ("word", "operator"):
            if following.kind == "string":
                raise self.fail("expected an operator before this value", following)
            return Relation(token.text, token.position, "exists")
        if word == "in":
            self.take()
            return Relation(token.text, token.position, "in", self.members())
        after = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        if word == "not" and after.text.lower() == "in":
            self.at += 2
            return Not(Relation(token.text, token.position, "in", self.members()))
        if word in OPERATORS:
            self.take()
            value = self.literal()
            return Relation(token.text, token.position, OPERATORS[word], ((value, value),))
        return Relation(token.text, token.position, "exists")

    def members(self) -> tuple[tuple[Literal, Literal], ...]:
        opening = self.next
        if not self.accept("{"):
            raise self.fail("expected '{' after 'in'", opening)
        items: list[tuple[Literal, Literal]] = []
        while not self.accept("}"):
            if self.next.kind == "end":
                raise self.fail("this '{' is never closed", opening)
            low = high = self.literal()
            if self.accept(".."):
                high = self.literal()
            items.append((low, high))
            self.accept(",")
        if not items:
            raise self.fail("the set is empty", opening)
        return tuple(items)

    def literal(self) -> Literal:
        token = self.take()
        if token.kind not in ("word", "string"):
            raise self.fail("expected a value here", token)
        return Literal(token.text, token.kind == "string", token.position, token.length)
