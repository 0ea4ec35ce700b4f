"""Carries out one stage's effects: what the ledger knows is not done again, the rest concurrently.

``effects.concurrency`` bounds the calls to services. Outcomes are kept while other calls are made already, so there are
twice as many threads; a claim waits for its turn, since what is claimed and not called cannot be told from a call that
was lost.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import msgspec

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.microbatch.crash_points import crash_point
from lern_pipeline.microbatch.effects import (
    NOT_THERE,
    EffectLedger,
    LedgerEntry,
    NotCarriedOut,
    Outcome,
    Performers,
)
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.many_threads import many_threads
from lern_pipeline.microbatch.plan import Effect, Plan
from lern_pipeline.microbatch.services import Services
from lern_pipeline.settings import JobSettings

log = logging.getLogger(__name__)

UNKNOWN = "a crash came between sending and the answer"


@dataclass
class EffectsRun:
    """The effects of one micro-batch of one job. ``resend_unknown``: do again what nobody can tell the outcome of."""

    job: str
    batch: str
    ledger: EffectLedger
    performers: Performers
    concurrency: int
    resend_unknown: bool
    clock: Callable[[], float]
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._calls = threading.BoundedSemaphore(self.concurrency)

    @classmethod
    def of(
        cls, job: JobSpec[Any, Any], plan: Plan, settings: JobSettings, services: Services, clock: Callable[[], float]
    ) -> EffectsRun:
        """For the effects of one plan."""
        return cls(
            job=job.name,
            batch=plan.key,
            ledger=services.ledger,
            performers=job.performers(services, settings) if job.performers else {},
            concurrency=settings.integer("effects.concurrency"),
            resend_unknown=settings.flag("effects.resend.unknown"),
            clock=clock,
        )

    def carry_out(self, effects: Sequence[Effect]) -> dict[str, Outcome]:
        """The outcome of every effect, by key. All are tried before the first outage is raised.

        Raises:
            ServiceUnavailable: a service is down; run the batch again.
            ConfigurationError: a service refuses us.
        """
        wanted = list({effect.key: effect for effect in effects}.values())
        if not wanted:
            return {}
        known = self.ledger.entries(self.job, [effect.key for effect in wanted if effect.once])
        outcomes: dict[str, Outcome] = {}
        troubles: list[LernPipelineError] = []
        with many_threads(), ThreadPoolExecutor(min(2 * self.concurrency, len(wanted)), "effect") as pool:
            futures = [(effect, pool.submit(self._one, effect, known.get(effect.key))) for effect in wanted]
            for effect, future in futures:
                try:
                    outcomes[effect.key] = future.result()
                except LernPipelineError as error:
                    troubles.append(error)
        if troubles:
            raise troubles[0]
        unknown = sum(outcome.status == "unknown" for outcome in outcomes.values())
        if unknown:
            self.warnings.append(
                f"{unknown} effects may have been carried out before a crash and were not repeated: see the asset "
                "unfinished_effects"
            )
        owed = sum(outcome.status == "owed" for outcome in outcomes.values())
        if owed:
            self.warnings.append(f"{owed} effects did not work and are still owed: see the asset unfinished_effects")
        return outcomes

    def _one(self, effect: Effect, entry: LedgerEntry | None) -> Outcome:
        if not effect.once:
            with self._calls:
                return self.performers[effect.kind].perform(effect)
        if entry is None or entry.released:
            with self._calls:
                outcome = self._claimed_call(effect)
            if outcome is not None:
                return self._kept(effect, outcome)
            entry = self.ledger.entries(self.job, [effect.key])[effect.key]
        if entry.outcome is not None and not entry.outcome.is_open:
            return self._of_batch(entry, entry.outcome)
        outcome = self._look_up(effect, entry)
        if not outcome.is_open:
            self.ledger.strike_off(self.job, effect.key)
        return self._of_batch(entry, outcome)

    def _claimed_call(self, effect: Effect) -> Outcome | None:
        """None when somebody else has claimed it."""
        if not self.ledger.claim(self.job, effect, self.batch, int(self.clock() * 1000)):
            return None
        crash_point("after-claim")
        return self._call(effect)

    def _of_batch(self, entry: LedgerEntry, outcome: Outcome) -> Outcome:
        earlier = "" if entry.batch == self.batch else entry.batch
        return msgspec.structs.replace(outcome, earlier_batch=earlier)

    def _look_up(self, effect: Effect, entry: LedgerEntry) -> Outcome:
        with self._calls:
            found = self.performers[effect.kind].look_up(effect)
            again = self._call(effect) if found is not None and found.code == NOT_THERE else None
        if again is not None:
            return self._kept(effect, again)
        if found is not None:
            self.ledger.record(self.job, effect.key, found)
            return found
        # What was read at the start is old by now: another run of the batch may have ended it.
        entry = self.ledger.entries(self.job, [effect.key]).get(effect.key, entry)
        if entry.outcome is not None and not entry.outcome.is_open:
            return entry.outcome
        if self.resend_unknown:
            with self._calls:
                again = self._call(effect)
            return self._kept(effect, again)
        unknown = Outcome("unknown", reason=UNKNOWN)
        # Listed before it is recorded: a crash in between lists it again.
        self.ledger.list_unfinished(self.job, effect, self.batch, entry.claimed_at_ms)
        self.ledger.record(self.job, effect.key, unknown)
        return unknown

    def _call(self, effect: Effect) -> Outcome:
        try:
            outcome = self.performers[effect.kind].perform(effect)
        except NotCarriedOut:
            self.ledger.give_back(self.job, effect.key)
            raise
        crash_point("after-effect")
        return outcome

    def _kept(self, effect: Effect, outcome: Outcome) -> Outcome:
        if outcome.is_open:
            # Listed before it is recorded: a crash in between lists it again.
            self.ledger.list_unfinished(self.job, effect, self.batch, int(self.clock() * 1000))
        self.ledger.record(self.job, effect.key, outcome)
        crash_point("after-outcome")
        return outcome


def keep_settled(plan: Plan, settings: JobSettings, services: Services) -> None:
    """Put the plan's settled outcomes in place of the first ones.

    Raises:
        ServiceUnavailable: the ledger did not take all of them; run the batch again.
    """
    if not plan.settled:
        return

    def keep(key: str) -> None:
        outcome = msgspec.structs.replace(plan.settled[key], earlier_batch="")
        services.ledger.record(plan.job, key, outcome)

    with ThreadPoolExecutor(min(settings.integer("effects.concurrency"), len(plan.settled)), "effect") as pool:
        # Asked for one by one, so that an error is raised here.
        for _ in pool.map(keep, plan.settled):
            pass
