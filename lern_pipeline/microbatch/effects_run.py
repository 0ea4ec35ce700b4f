"""Carries out one stage's effects: what the ledger knows is not done again, the rest concurrently.

Each thread claims an effect, makes the call, and goes on when its outcome is kept: when the process dies, no more
effects than there are threads are claimed and have no outcome. ``effects.concurrency`` calls are in flight at most, and
half as many threads more are at the ledger meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

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
from lern_pipeline.microbatch.outcomes_kept_together import OutcomesKeptTogether
from lern_pipeline.microbatch.plan import Effect, Plan
from lern_pipeline.microbatch.services import Services
from lern_pipeline.settings import JobSettings

T = TypeVar("T")

log = logging.getLogger(__name__)

UNKNOWN = "a crash came between sending and the answer"


@dataclass
class EffectsRun:
    """The effects of one micro-batch of one job. ``concurrency``: calls in flight; one is one effect at a time, from
    claim to outcome. ``resend_unknown``: do again what nobody can tell the outcome of."""

    job: str
    batch: str
    ledger: EffectLedger
    performers: Performers
    concurrency: int
    resend_unknown: bool
    clock: Callable[[], float]
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._kept = OutcomesKeptTogether(lambda outcomes: self.ledger.record_all(self.job, outcomes))

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
        threads = self.concurrency + self.concurrency // 2
        with (
            ThreadPoolExecutor(min(self.concurrency, len(wanted)), "call") as self._calls,
            ThreadPoolExecutor(min(threads, len(wanted)), "effect") as pool,
        ):
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
            return self._in_flight(self.performers[effect.kind].perform, effect)
        if entry is None or entry.released:
            if self.ledger.claim(self.job, effect, self.batch, int(self.clock() * 1000)):
                crash_point("after-claim")
                return self._called_and_kept(effect)
            entry = self.ledger.entries(self.job, [effect.key])[effect.key]
        if entry.outcome is not None and not entry.outcome.is_open:
            return self._of_batch(entry, entry.outcome)
        outcome = self._look_up(effect, entry)
        if not outcome.is_open:
            self.ledger.strike_off(self.job, effect.key)
        return self._of_batch(entry, outcome)

    def _in_flight(self, call: Callable[[Effect], T], effect: Effect) -> T:
        """By one of as many threads as calls are allowed. Handing permits on to threads that wait for one loses a
        fifth of the calls in flight: until such a thread is awake, its call is not made."""
        return self._calls.submit(call, effect).result()

    def _of_batch(self, entry: LedgerEntry, outcome: Outcome) -> Outcome:
        earlier = "" if entry.batch == self.batch else entry.batch
        return msgspec.structs.replace(outcome, earlier_batch=earlier)

    def _look_up(self, effect: Effect, entry: LedgerEntry) -> Outcome:
        found = self._in_flight(self.performers[effect.kind].look_up, effect)
        if found is not None and found.code == NOT_THERE:
            return self._called_and_kept(effect)
        if found is not None:
            self.ledger.record_all(self.job, {effect.key: found})
            return found
        # What was read at the start is old by now: another run of the batch may have ended it.
        entry = self.ledger.entries(self.job, [effect.key]).get(effect.key, entry)
        if entry.outcome is not None and not entry.outcome.is_open:
            return entry.outcome
        if self.resend_unknown:
            return self._called_and_kept(effect)
        unknown = Outcome("unknown", reason=UNKNOWN)
        # Listed before it is recorded: a crash in between lists it again.
        self.ledger.list_unfinished(self.job, effect, self.batch, entry.claimed_at_ms)
        self.ledger.record_all(self.job, {effect.key: unknown})
        return unknown

    def _called_and_kept(self, effect: Effect) -> Outcome:
        outcome = self._call(effect)
        self._kept.keep(effect.key, outcome)
        crash_point("after-outcome")
        return outcome

    def _call(self, effect: Effect) -> Outcome:
        try:
            outcome = self._in_flight(self.performers[effect.kind].perform, effect)
        except NotCarriedOut:
            self.ledger.give_back(self.job, effect.key)
            raise
        crash_point("after-effect")
        if outcome.is_open:
            # Listed before it is recorded: a crash in between lists it again.
            self.ledger.list_unfinished(self.job, effect, self.batch, int(self.clock() * 1000))
        return outcome


def keep_settled(plan: Plan, services: Services) -> None:
    """Put the plan's settled outcomes in place of the first ones.

    Raises:
        ServiceUnavailable: the ledger did not take all of them; run the batch again.
    """
    if not plan.settled:
        return

    settled = {key: msgspec.structs.replace(outcome, earlier_batch="") for key, outcome in plan.settled.items()}
    services.ledger.record_all(plan.job, settled)
