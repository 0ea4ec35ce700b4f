"""Outcomes of many threads: all are kept, in fewer writes than there are outcomes, and nobody goes on before."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.effects import Outcome
from lern_pipeline.microbatch.outcomes_kept_together import OutcomesKeptTogether

pytestmark = pytest.mark.rules

DONE = Outcome("done")


def test_what_ends_during_a_write_is_kept_by_the_next() -> None:
    writes: list[list[str]] = []
    begun, goes_on = threading.Event(), threading.Event()

    def write(outcomes: Mapping[str, Outcome]) -> None:
        begun.set()
        assert goes_on.wait(20)
        writes.append(sorted(outcomes))

    kept = OutcomesKeptTogether(write)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(kept.keep, "a", DONE)
        assert begun.wait(20)
        others = [pool.submit(kept.keep, key, DONE) for key in "bcd"]
        while len(kept._gathering.outcomes) < 3:
            time.sleep(0.001)
        assert not first.done()
        goes_on.set()
        for future in (first, *others):
            future.result(20)
    assert writes == [["a"], ["b", "c", "d"]]


def test_all_are_kept_before_anybody_goes_on() -> None:
    stored: dict[str, Outcome] = {}
    kept = OutcomesKeptTogether(stored.update)

    def keep(number: int) -> bool:
        kept.keep(str(number), DONE)
        return str(number) in stored

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(keep, range(500)))
    assert len(stored) == 500


def test_an_outage_fails_everybody_of_that_write_and_no_other() -> None:
    fails = True

    def write(outcomes: Mapping[str, Outcome]) -> None:
        if fails:
            raise ServiceUnavailable("Cassandra", "cassandra:9042", "no answer")

    kept = OutcomesKeptTogether(write)
    with pytest.raises(ServiceUnavailable):
        kept.keep("a", DONE)
    fails = False
    kept.keep("b", DONE)
