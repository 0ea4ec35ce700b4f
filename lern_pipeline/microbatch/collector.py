"""Python's cycle collector during a batch."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Objects made before the youngest generation is looked through; Python's own is 700.
OBJECTS_BETWEEN_COLLECTIONS = 100_000


@contextmanager
def rare_collections() -> Iterator[None]:
    """A batch makes objects by the million and hardly any cycle: looking for cycles rarely saves time.

    What the batch leaves is collected at its end, so that the batches of one process do not add up. What was there
    before it is not looked through meanwhile: that alone takes as long as a small batch.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.collect()
        gc.unfreeze()
