"""A plan with effects, worked out to its end: the stages that follow from outcomes, and what it all came to.

Everything here is a function of the stored plan and of outcomes that the ledger keeps: after a crash the same stages
come again, with the same times and ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from lern_pipeline.events.deterministic_ids import IdMaker
from lern_pipeline.events.record import Position, Record
from lern_pipeline.microbatch.accounting import all_metrics, decided_account, failed_messages
from lern_pipeline.microbatch.effects import Outcome, Stage
from lern_pipeline.microbatch.failed_topic import FailedTopic
from lern_pipeline.microbatch.job import Decision, JobSpec, Moment
from lern_pipeline.microbatch.plan import CacheWrites, Message, Plan, RowWrites
from lern_pipeline.settings import JobSettings


class Conclusion:
    """One plan on its way from its first effects to its end."""

    def __init__(self, job: JobSpec[Any, Any], settings: JobSettings, plan: Plan) -> None:
        self._job = job
        self._settings = settings
        self._plan = plan
        self._moment = Moment(
            now_ms=plan.planned_at_ms,
            write_time_us=plan.planned_at_ms * 1000,
            ids=IdMaker(job.name, job.input_topic(settings)),
            counted=frozenset(plan.counted),
        )
        self._outcomes: dict[str, Outcome] = {}
        self._published_before = set(plan.published_before)
        self._rows: list[RowWrites] = []
        self._cache: list[CacheWrites] = []
        self._messages: list[Message] = []
        self._decision: Decision | None = None

    def next_stage(self, outcomes: Mapping[str, Outcome]) -> Stage | None:
        """What follows when these outcomes are known too; None when that is the end."""
        self._outcomes.update(outcomes)
        assert self._job.follow is not None
        assert self._plan.pending is not None
        following = self._job.follow(self._plan.pending, self._outcomes, self._settings, self._moment)
        if isinstance(following, Decision):
            self._decision = following
            return None
        following.messages = [message for message in following.messages if message.id not in self._published_before]
        self._rows += following.rows
        self._cache += following.cache
        self._messages += following.messages
        return following

    @property
    def last_rows(self) -> list[RowWrites]:
        """What the last decision writes."""
        return [writes for writes in self._decided.rows if writes.rows]

    @property
    def last_cache(self) -> list[CacheWrites]:
        """What the last decision writes into caches."""
        return [writes for writes in self._decided.cache if writes.transactions]

    @property
    def _decided(self) -> Decision:
        assert self._decision is not None, "the plan has not come to its end"
        return self._decision

    def plan(self, record_of: Callable[[Position], Record], failed_topic: FailedTopic) -> Plan:
        """The plan with everything that was done, and the account of its events."""
        before, decision = self._plan, self._decided
        told = failed_messages(decision, record_of, failed_topic, self._job.decode)
        last_messages = [m for m in [*decision.messages, *told] if m.id not in self._published_before]
        account = decided_account(
            before.account.consumed,
            before.account.skipped,
            before.account.failed,
            [Position(*position) for position in before.undecided],
            decision,
        )
        return msgspec.structs.replace(
            before,
            account=account,
            rows=[*before.rows, *self._rows, *self.last_rows],
            cache=[*before.cache, *self._cache, *self.last_cache],
            messages=[*before.messages, *self._messages, *last_messages],
            # Those of the stages are acknowledged.
            published_before=sorted(self._published_before | {message.id for message in self._messages}),
            last=[*before.last, *decision.last],
            counted=sorted({*before.counted, *decision.counted}),
            metrics=all_metrics(self._job, account, _sums(_own_metrics(before, self._job), decision.metrics)),
            warnings=[*before.warnings, *decision.warnings],
            settled=decision.settled,
        )


def _own_metrics(plan: Plan, job: JobSpec[Any, Any]) -> dict[str, float]:
    return {name: value for name, value in plan.metrics.items() if name not in job.event_metrics}


def _sums(*metrics: Mapping[str, float]) -> dict[str, float]:
    """What the rules have counted at the plan and at its end."""
    sums: dict[str, float] = {}
    for part in metrics:
        for name, value in part.items():
            sums[name] = sums.get(name, 0.0) + value
    return sums
