"""Secrets found in bytes: each text by itself, however many are searched at once."""

from hypothesis import given
from hypothesis import strategies as st

from analyzer.redaction.loose import scrape
from analyzer.redaction.patterns import Patterns
from analyzer.redaction.secrets import Secrets

NAMES = ("sekret-1", "sekret-12", "other-key")


def patterns(*names: str) -> Patterns:
    secrets = Secrets()
    for name in names:
        secrets.name(name)
    return Patterns(secrets)


@given(st.lists(st.binary(max_size=6) | st.sampled_from([n.encode() for n in NAMES])))
def test_texts_searched_together_and_alone(pieces: list[bytes]) -> None:
    wanted = patterns(*NAMES)
    texts = [b"".join(pieces[at : at + 3]) for at in range(0, len(pieces), 2)] + [b""]
    assert wanted.find_each(texts) == [wanted.find(text) for text in texts]


def test_the_longest_at_each_place_and_none_over_a_border() -> None:
    wanted = patterns(*NAMES)
    hits = wanted.find_each([b"x sekret-12", b"sekret-1", b"2 other-", b"key"])
    assert [[(hit.start, hit.length, hit.secret) for hit in each] for each in hits] == [
        [(2, 9, "sekret-12")],
        [(0, 8, "sekret-1")],
        [],
        [],
    ]


def test_nothing_wanted() -> None:
    assert patterns().find_each([b"sekret-1", b""]) == [[], []]


def test_names_before_the_type_of_publishing() -> None:
    """What is a name stands right before the type's string, AMF0 §2.4, with a length of its own."""
    secrets = Secrets()
    scrape(b"\0\x09" + b"first-key\x02\0\x04live" + b"b" * 300 + b"\x02\0\x06record", secrets)
    assert {"first-key", "b" * 255} <= secrets.whole.keys()
    assert "live" + "b" * 251 not in secrets.whole
    short = Secrets()
    scrape(b"\0\x03abc\x02\0\x04live", short)
    assert not short.whole
