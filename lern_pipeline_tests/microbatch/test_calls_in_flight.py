"""How many calls effects make at once, and how many are claimed meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import pytest

from lern_pipeline.microbatch.effects import Outcome
from lern_pipeline.microbatch.effects_run import EffectsRun
from lern_pipeline.microbatch.plan import Effect
from lern_pipeline_tests.microbatch.ledger_in_memory import InMemoryLedger

pytestmark = pytest.mark.rules

EFFECTS = [Effect(str(number), "mail", {}) for number in range(60)]


class SlowLedger(InMemoryLedger):
    """Takes its time to keep an outcome; knows how many claims had none at most."""

    most_open = 0

    def claim(self, job: str, effect: Effect, batch: str, now_ms: int) -> bool:
        claimed = super().claim(job, effect, batch, now_ms)
        self.most_open = max(self.most_open, sum(entry.outcome is None for entry in list(self.known.values())))
        return claimed

    def record_all(self, job: str, outcomes: Mapping[str, Outcome]) -> None:
        time.sleep(0.01)
        super().record_all(job, outcomes)


class Service:
    """Takes its time; knows how many calls were under way at most."""

    def __init__(self) -> None:
        self.most = self._now = 0
        self._lock = threading.Lock()

    def perform(self, effect: Effect) -> Outcome:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.01)
        with self._lock:
            self._now -= 1
        return Outcome("done")

    def look_up(self, effect: Effect) -> Outcome | None:
        return None


@pytest.mark.parametrize(("concurrency", "claimed"), [(1, 1), (4, 6)])
def test_calls_in_flight_and_claims_without_an_outcome_are_bounded(concurrency: int, claimed: int) -> None:
    ledger, service = SlowLedger(), Service()
    run = EffectsRun("job", "batch", ledger, {"mail": service}, concurrency, False, time.time)
    outcomes = run.carry_out(EFFECTS)
    assert all(outcome.is_done for outcome in outcomes.values())
    assert len(outcomes) == len(EFFECTS)
    assert service.most == concurrency
    assert ledger.most_open == claimed


def test_what_is_not_behind_the_ledger_is_bounded_too() -> None:
    service = Service()
    run = EffectsRun("job", "batch", InMemoryLedger(), {"mail": service}, 4, False, time.time)
    run.carry_out([Effect(str(number), "mail", {}, once=False) for number in range(60)])
    assert service.most == 4
