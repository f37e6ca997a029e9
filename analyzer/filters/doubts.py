"""Filters that are right and can pass nothing: a value that its field never has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Final, NamedTuple

from analyzer.filters.compare import folded, number_of
from analyzer.filters.lexer import FilterError
from analyzer.filters.summaries import ROOTS
from analyzer.filters.syntax import Junction, Literal, Node, Relation, parse
from dissectors import spec
from dissectors.dissect import type_name
from dissectors.messages import media_names

FEW: Final = 8
"""Words that are all named where none is like what was typed."""


class Vocabulary(NamedTuple):
    """All words a field can have; `noun` says what each is."""

    noun: str
    words: Iterable[str]
    spelled: bool = False
    """As they are spelled: ``Video`` is not ``video``. Numbers are values, too."""


def _keys(*tables: Mapping[int, media_names.Name]) -> frozenset[str]:
    return frozenset(name.key for table in tables for name in table.values())


_ROLES: Final = ("publish", "play", "both")
_MULTITRACK: Final = Vocabulary("kind of multitrack", _keys(media_names.MULTITRACK_TYPES))


@cache
def _rules() -> frozenset[str]:
    from analyzer.rules import BY_ID  # only where somebody asks for a rule

    return frozenset(BY_ID)


@cache
def _vocabularies() -> Mapping[str, Callable[[], Vocabulary] | Vocabulary]:
    types = [type_name(number) for number in range(256)]
    return {
        "type": Vocabulary("message type", types, spelled=True),
        "kind": Vocabulary("kind of message", ROOTS, spelled=True),
        "direction": Vocabulary("direction", ("c2s", "s2c")),
        "connection.role": Vocabulary("role", _ROLES, spelled=True),
        "stream.role": Vocabulary("role", _ROLES[:2], spelled=True),
        "connection.closed_by": Vocabulary(
            "end of a connection",
            [f"{side}.{how}" for side in ("client", "server") for how in ("fin", "rst")],
            spelled=True,
        ),
        "diagnostic.rule": lambda: Vocabulary("rule", _rules(), spelled=True),
        "diagnostic.confidence": Vocabulary(
            "confidence", ("definite", "likely", "heuristic"), spelled=True
        ),
        "video.frame_type": Vocabulary("frame type", _keys(media_names.FRAME_TYPES)),
        "video.command": Vocabulary("video command", _keys(media_names.COMMANDS)),
        "video.packet_type": Vocabulary(
            "packet type of video",
            _keys(media_names.AVC_PACKET_TYPES, media_names.VIDEO_PACKET_TYPES),
        ),
        "audio.packet_type": Vocabulary(
            "packet type of audio",
            _keys(media_names.AAC_PACKET_TYPES, media_names.AUDIO_PACKET_TYPES),
        ),
        "video.multitrack": _MULTITRACK,
        "audio.multitrack": _MULTITRACK,
        "audio.sound_type": Vocabulary("sound type", media_names.SOUND_TYPES),
        "control.limit_type": Vocabulary("limit type", spec.LIMIT_TYPES.values()),
    }


RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "fmt": (0, 3),
    "csid": (2, 65599),
    "type_id": (0, 0xFF),
    "msid": (0, 0xFFFFFFFF),
    "timestamp": (0, 0xFFFFFFFF),
    "length": (0, 0xFFFFFF),
}
"""What a chunk header can hold (RTMP 1.0 §5.3.1); csid 0 and 1 announce longer headers."""


def doubt(text: str) -> FilterError | None:
    """Return the first comparison of a valid filter that no message can pass, with its place."""
    for relation in _relations(parse(text)):
        if relation.operator in ("eq", "ne", "in"):
            for low, high in relation.items:
                message = _why(relation.field, low) if low is high else None
                if message:
                    return FilterError(message, text, low.position, low.length)
    return None


def compared(text: str) -> list[str]:
    """Return the fields that a valid filter compares with something."""
    found = [item.field for item in _relations(parse(text)) if item.operator != "exists"]
    return list(dict.fromkeys(found))


def _relations(node: Node) -> Iterator[Relation]:
    if isinstance(node, Relation):
        yield node
    else:
        for item in node.items if isinstance(node, Junction) else (node.item,):
            yield from _relations(item)


def _why(field: str, literal: Literal) -> str | None:
    number = None if literal.quoted else number_of(literal.text)
    if field in RANGES and number is not None:
        low, high = RANGES[field]
        return None if low <= number <= high else f"no {field} but {low} to {high} is possible"
    found = _vocabularies().get(field)
    if found is None:
        return None
    known = found if isinstance(found, Vocabulary) else found()
    if known.spelled and number is not None:
        return None
    words = {(word if known.spelled else folded(word)): word for word in known.words}
    if (literal.text if known.spelled else folded(literal.text)) in words:
        return None
    return f"no {known.noun} is called '{literal.text[:40]}'{_hint(literal.text, words.values())}"


def _hint(text: str, words: Iterable[str]) -> str:
    """Offer the word meant, or all of them where they are few."""
    plain = {word.casefold(): word for word in sorted(words)}
    close = get_close_matches(text.casefold(), plain, 1, 0.5)
    if close:
        return f"; did you mean '{plain[close[0]]}'?"
    return f": there is {', '.join(plain.values())}" if len(plain) <= FEW else ""
