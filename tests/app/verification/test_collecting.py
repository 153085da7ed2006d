"""Folds that keep the collector of cycles off."""

import gc
from collections.abc import Iterator

import pytest

from app.core import memory
from app.verification.collecting import collecting_rarely


@pytest.fixture
def thresholds() -> Iterator[None]:
    was = gc.get_threshold()
    yield
    gc.set_threshold(*was)


def test_what_lives_is_set_aside_meanwhile() -> None:
    gc.unfreeze()
    with collecting_rarely():
        assert gc.get_freeze_count() > 0
        assert not gc.isenabled()
    assert gc.get_freeze_count() == 0
    assert gc.isenabled()
    gc.freeze()  # as this process had it


@pytest.mark.usefixtures("thresholds")
def test_what_a_process_has_settled_stays_settled() -> None:
    memory.settle()
    frozen = gc.get_freeze_count()
    with collecting_rarely():
        assert not gc.isenabled()
    assert gc.isenabled()
    # What is set aside may still die of its own; set free, none of it would be left.
    assert gc.get_freeze_count() > frozen / 2
