"""The captures' golden text and JSON; python -m tests.make_golden writes them anew."""

import pytest

from tests import make_golden as golden
from tests.analyzer import talk

CAPTURES = golden.captures()


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_golden(path):
    session = talk.opened(path)
    expected = golden.stem(path)
    assert golden.text(session) == expected.with_suffix(".txt").read_text("utf-8")
    assert golden.summary(session) == expected.with_suffix(".json").read_text("utf-8")


def test_no_golden_file_is_left_over_and_they_stay_reviewable():
    files = [*golden.FOLDER.glob("*.txt"), *golden.FOLDER.glob("*.json")]
    assert {file.with_suffix("") for file in files} == {golden.stem(path) for path in CAPTURES}
    assert sum(file.stat().st_size for file in files) < 400_000
