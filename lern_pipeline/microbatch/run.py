"""One micro-batch, step by step (design 4): read, archive, decide, plan, apply, publish, account.

The order is a protocol. Nothing is written before the plan is stored; nothing is published before the rows are
written (a certificate request must find the completed enrolment); checksums come last; the batch counts as done
when its plan is marked applied. Wherever the process dies, running the batch again ends in the same state.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lern_pipeline.errors import BatchShredded, LernPipelineError
from lern_pipeline.events.decoding import UnreadableRecord
from lern_pipeline.events.deterministic_ids import IdMaker
from lern_pipeline.events.record import Position, Record
from lern_pipeline.events.validation import InvalidEvent, Skip
from lern_pipeline.microbatch.accounting import all_metrics, decided_account, failed_messages
from lern_pipeline.microbatch.conclusion import Conclusion
from lern_pipeline.microbatch.crash_points import crash_point
from lern_pipeline.microbatch.effects import Stage
from lern_pipeline.microbatch.effects_run import EffectsRun, keep_settled
from lern_pipeline.microbatch.failed_topic import FailedTopic
from lern_pipeline.microbatch.job import Decision, Event, JobSpec, Moment
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.microbatch.plan import Account, CacheWrites, DocumentUpdates, Message, Plan, RowWrites
from lern_pipeline.microbatch.refused_documents import without_refused
from lern_pipeline.microbatch.rerun import reconcile
from lern_pipeline.microbatch.services import RecordsExpired, Services
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.microbatch.stores import Refusal
from lern_pipeline.settings import JobSettings

Report = Callable[[str], None]


class AccountDoesNotBalance(LernPipelineError):
    """consumed ≠ processed + skipped + failed: the batch must not be marked done."""


@dataclass(slots=True)
class BatchResult:
    """What a run did. ``seconds`` per step; ``cpu_seconds`` of this process meanwhile; ``counts`` as asked of the
    stores; ``recomputed``: a rerun."""

    plan: Plan
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    archived_bytes: int = 0
    recomputed: bool = False
    from_stored_plan: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def account(self) -> Account:
        return self.plan.account

    @property
    def total_seconds(self) -> float:
        return sum(self.seconds.values())


@dataclass(slots=True)
class _Validated:
    """Records sorted by what became of them."""

    events: list[Event[Any]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    failed_messages: list[Message] = field(default_factory=list)


class MicroBatchRun:
    """Runs micro-batches of one job."""

    def __init__(
        self,
        job: JobSpec[Any, Any],
        settings: JobSettings,
        services: Services,
        store: BatchStore,
        report: Report = lambda line: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.job = job
        self.settings = settings
        self.services = services
        self.store = store
        self.report = report
        self.clock = clock
        self._seconds: dict[str, float] = {}

    def execute(self, key: MicroBatchKey, attempt: int, rerun: bool) -> BatchResult:
        """Bring the batch to its end.

        Args:
            attempt: number of this run, for the failed records' headers.
            rerun: the batch was materialised before: recompute with today's state. Otherwise a stored plan is
                carried out as it is, and one already applied is left alone.

        Raises:
            ServiceUnavailable: a store, the broker or a service is down; run the batch again.
            RecordsExpired: neither Kafka nor the archive has the records.
            BatchShredded: archive and plans were shredded.
            AccountDoesNotBalance: a defect in the job's rules.
        """
        self._seconds = {}
        cpu_before = time.process_time()
        counted_before = Counter(self.services.counts)
        result = self._execute(key, attempt, rerun)
        if result.account.consumed or not key.is_position:
            with self._step("commit"):
                topic = self.job.input_topic(self.settings)
                group = self.job.consumer_group(self.settings)
                warning = None if rerun else self.services.broker.commit(topic, group, key.ends)
                if warning:
                    result.warnings.append(warning)
        crash_point("after-commit")
        result.seconds = self._seconds
        result.cpu_seconds = time.process_time() - cpu_before
        result.counts = Counter(self.services.counts)
        result.counts.subtract(counted_before)
        result.warnings = [*result.plan.warnings, *result.warnings]
        return result

    def _execute(self, key: MicroBatchKey, attempt: int, rerun: bool) -> BatchResult:
        shredded = self.store.why_shredded(str(key))
        if shredded is not None:
            raise BatchShredded(f"{key} can no longer be run again from its archive: {shredded}")
        stored = self.store.newest_plan(str(key))
        if stored is not None and not self.store.is_applied(stored):
            self.report(f"carrying out the stored plan {stored.number} of {key}")
            return BatchResult(self._apply(stored), from_stored_plan=True)
        if stored is not None and not rerun:
            self.report(f"{key} is applied already: nothing to do")
            return BatchResult(self.store.conclusion(stored), from_stored_plan=True)
        records, archived = self._records(key)
        plan = self._plan(key, records, attempt, self.store.conclusion(stored) if stored else None)
        self._check(plan.account)
        crash_point("before-plan")
        with self._step("store plan"):
            plan, stored_bytes = self.store.write_plan(plan)
        crash_point("after-plan")
        plan = self._apply(plan)
        return BatchResult(plan, archived_bytes=archived + stored_bytes, recomputed=stored is not None)

    def _records(self, key: MicroBatchKey) -> tuple[list[Record], int]:
        """The batch's records: from the archive if they are there, else from Kafka, and then archived."""
        crash_point("before-read")
        with self._step("read"):
            archived = self.store.read_records(str(key))
            if archived is not None:
                return archived, 0
            try:
                records = self.services.broker.read(self.job.input_topic(self.settings), key)
            except RecordsExpired as error:
                raise RecordsExpired(
                    f"{error}; the batch's archive is gone too ({self.store.url}), so {key} cannot be run again"
                ) from None
        crash_point("after-read")
        with self._step("archive"):
            size = self.store.write_records(str(key), records)
        crash_point("after-archive")
        return records, size

    def _plan(self, key: MicroBatchKey, records: list[Record], attempt: int, before: Plan | None) -> Plan:
        failed_topic = self._failed_topic(str(key), attempt)
        with self._step("validate"):
            validated = self._validate(records, failed_topic)
        counted = frozenset(before.counted if before else ())
        with self._step("read state"):
            state = self.job.read_state(validated.events, self.services.readers, self.settings, counted)
        crash_point("after-state")
        with self._step("decide"):
            now = self.clock()
            moment = Moment(
                now_ms=int(now * 1000),
                write_time_us=int(now * 1_000_000),
                ids=IdMaker(self.job.name, self.job.input_topic(self.settings)),
                counted=counted,
            )
            decision = self.job.decide(validated.events, state, self.settings, moment)
            plan = self._assemble(key, records, validated, decision, moment, failed_topic)
            plan.number = before.number + 1 if before else 1
            if before:
                plan = reconcile(plan, before, self.job.time_columns)
        crash_point("after-decide")
        return plan

    def _failed_topic(self, batch_key: str, attempt: int) -> FailedTopic:
        return FailedTopic(
            topic=self.job.failed_topic(self.settings),
            input_topic=self.job.input_topic(self.settings),
            job_name=self.job.job_name_in_records,
            batch_key=batch_key,
            attempt=attempt,
            max_bytes=self.settings.integer("kafka.producer.max-request-size"),
            shape=self.job.failed_shape,
        )

    def _validate(self, records: list[Record], failed_topic: FailedTopic) -> _Validated:
        validated = _Validated()
        decode, validate = self.job.decode, self.job.validate
        for record in records:
            members: dict[str, Any] | None = None
            try:
                members = decode(record.value)
                work = validate(members)
            except UnreadableRecord as error:
                reason = f"unreadable: {_counted_reason(str(error))}"
                validated.failed[reason] += 1
                validated.failed_messages.append(
                    failed_topic.message(record, record, str(error), "DATA_ERROR", "UnreadableRecord", reason=reason)
                )
            except InvalidEvent as error:
                validated.failed[error.reason] += 1
                original = record if members is None else members
                validated.failed_messages.append(
                    failed_topic.message(record, original, error.error, error.code, "InvalidEvent", reason=error.reason)
                )
            else:
                if isinstance(work, Skip):
                    validated.skipped[work.reason] += 1
                    if work.error is not None:
                        validated.failed_messages.append(
                            failed_topic.message(
                                record, members, work.error, work.code, "InvalidEvent", reason=work.reason
                            )
                        )
                else:
                    validated.events.append(Event(record, work))
        return validated

    def _assemble(
        self,
        key: MicroBatchKey,
        records: list[Record],
        validated: _Validated,
        decision: Decision,
        moment: Moment,
        failed_topic: FailedTopic,
    ) -> Plan:
        events = {event.position: event.record for event in validated.events}
        account = decided_account(len(records), validated.skipped, validated.failed, events, decision)
        told = failed_messages(decision, events.__getitem__, failed_topic, self.job.decode)
        undecided = events.keys() - decision.skipped.keys() - decision.failed.keys()
        return Plan(
            job=self.job.name,
            key=str(key),
            number=1,
            planned_at_ms=moment.now_ms,
            account=account,
            rows=[writes for writes in decision.rows if writes.rows],
            cache=[writes for writes in decision.cache if writes.transactions],
            documents=[updates for updates in decision.documents if updates.updates],
            messages=[*decision.messages, *validated.failed_messages, *told],
            last=[writes for writes in decision.last if writes.transactions],
            counted=decision.counted,
            metrics=all_metrics(self.job, account, decision.metrics),
            record_bytes=sum(record.size for record in records),
            warnings=decision.warnings,
            effects=decision.effects,
            pending=decision.pending,
            undecided=sorted(undecided) if decision.pending is not None else [],
            attempt=failed_topic.attempt,
        )

    def _apply(self, plan: Plan) -> Plan:
        """Carry out a plan. Every step may be repeated: absolute values, fixed times, fixed ids, ledger.

        Returns:
            What the plan came to: itself, unless effects have added to it.
        """
        # Both have the plan's one conclusion to themselves; no job has both.
        assert not (plan.documents and plan.pending is not None), f"{plan.job} has documents and effects"
        self._write(plan.rows, plan.cache)
        if plan.documents:
            plan = self._update_documents(plan)
        if plan.pending is not None:
            plan = self._conclude(plan)
        crash_point("before-publish")
        with self._step("publish"):
            self.services.broker.publish(plan.unpublished())
        crash_point("after-publish")
        with self._step("effects"):
            keep_settled(plan, self.services)
        crash_point("after-settled")
        with self._step("write checksums"):
            for cache_writes in plan.last:
                self.services.caches.apply(cache_writes)
                crash_point("between-last")
        crash_point("after-last")
        with self._step("mark applied"):
            self.store.mark_applied(plan)
        crash_point("after-applied")
        return plan

    def _write(self, rows: list[RowWrites], cache: list[CacheWrites]) -> None:
        crash_point("before-rows")
        with self._step("write rows"):
            for writes in rows:
                self.services.rows.apply(writes)
                crash_point("between-rows")
        crash_point("after-rows")
        with self._step("write caches"):
            for cache_writes in cache:
                self.services.caches.apply(cache_writes)
                crash_point("between-cache")
        crash_point("after-cache")

    def _update_documents(self, plan: Plan) -> Plan:
        """Update what is in MongoDB. Events whose updates it refuses fail; that is the plan's conclusion then.

        Raises:
            DocumentsRefused: an update that is no event's own.
        """
        concluded = self.store.conclusion(plan)
        if concluded is not plan:
            return concluded
        refusals: list[tuple[DocumentUpdates, Refusal]] = []
        with self._step("update documents"):
            for updates in plan.documents:
                refusals += [(updates, refusal) for refusal in self.services.documents.apply(updates)]
                crash_point("between-documents")
        crash_point("after-documents")
        if not refusals:
            return plan
        failed_topic = self._failed_topic(plan.key, plan.attempt)
        plan = without_refused(self.job, plan, refusals, self._archived(plan.key).__getitem__, failed_topic)
        self._check(plan.account)
        self.store.write_conclusion(plan)
        return plan

    def _conclude(self, plan: Plan) -> Plan:
        """Carry out the plan's effects, stage by stage, with the rows and messages that follow from their outcomes."""
        concluded = self.store.conclusion(plan)
        if concluded is not plan:
            return concluded
        conclusion = Conclusion(self.job, self.settings, plan)
        effects_run = EffectsRun.of(self.job, plan, self.settings, self.services, self.clock)
        stage: Stage | None = Stage(effects=plan.effects)
        while stage is not None:
            self._write(stage.rows, stage.cache)
            with self._step("publish"):
                self.services.broker.publish(stage.messages)
            with self._step("effects"):
                outcomes = effects_run.carry_out(stage.effects)
            crash_point("between-stages")
            with self._step("decide"):
                stage = conclusion.next_stage(outcomes)
        failed_topic = self._failed_topic(plan.key, plan.attempt)
        plan = conclusion.plan(self._archived(plan.key).__getitem__, failed_topic)
        plan.warnings += effects_run.warnings
        self._check(plan.account)
        # Before the conclusion: where that is stored, everything in it but messages has been done.
        self._write(conclusion.last_rows, conclusion.last_cache)
        self.store.write_conclusion(plan)
        crash_point("after-conclusion")
        return plan

    def _archived(self, key: str) -> dict[Position, Record]:
        return {record.position: record for record in self.store.read_records(key) or ()}

    @staticmethod
    def _check(account: Account) -> None:
        if not account.balances:
            raise AccountDoesNotBalance(
                f"{account.consumed} consumed, but {account.processed} processed, "
                f"{account.skipped_total} skipped and {account.failed_total} failed"
            )

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - began


def _counted_reason(reason: str) -> str:
    """Without the position that some reasons end with, so that like counts with like."""
    return reason.split(" (byte", 1)[0].split(" at character ", 1)[0]
