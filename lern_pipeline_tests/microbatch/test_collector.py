"""The cycle collector during a batch."""

from __future__ import annotations

import gc
import weakref

import pytest

from lern_pipeline.microbatch.collector import OBJECTS_BETWEEN_COLLECTIONS, rare_collections

pytestmark = pytest.mark.rules


class Cycle:
    """Holds itself."""

    def __init__(self) -> None:
        self.me = self


def test_what_a_batch_leaves_is_collected_at_its_end_and_all_is_as_before() -> None:
    gc.collect()
    before = gc.get_threshold(), gc.get_freeze_count()
    with rare_collections():
        assert gc.get_threshold()[0] == OBJECTS_BETWEEN_COLLECTIONS
        left = weakref.ref(Cycle())
        assert left() is not None
    assert left() is None
    assert (gc.get_threshold(), gc.get_freeze_count()) == before


def test_a_batch_that_fails_is_no_exception() -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    with pytest.raises(ZeroDivisionError), rare_collections():
        raise ZeroDivisionError
    assert (gc.get_threshold(), gc.get_freeze_count()) == before


def test_what_was_there_before_is_collected_after_it() -> None:
    older = weakref.ref(Cycle())
    with rare_collections():
        pass
    gc.collect()
    assert older() is None
