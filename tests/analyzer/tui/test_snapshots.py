"""The screens are those a person reviewed; see `snapshots` for how to renew them."""

import pytest

from tests.analyzer.tui import snapshots


@pytest.mark.parametrize("size", snapshots.SIZES)
def test_screens_are_as_reviewed(size):
    for name, shown in snapshots.screens(size).items():
        assert shown == snapshots.file_of(name, size).read_text("utf-8"), name


def test_there_is_no_snapshot_without_a_scene():
    wanted = {snapshots.file_of(n, size) for n in snapshots.SCENES for size in snapshots.SIZES}
    assert set(snapshots.FOLDER.iterdir()) == wanted
