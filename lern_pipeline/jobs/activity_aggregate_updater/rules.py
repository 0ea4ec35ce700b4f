"""The job's decision: completions and state → rows, messages, checksums (contract activity-aggregate-updater 4, 10).

Pure: no clock, no I/O, no random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lern_pipeline.events.course_progress import content_audit
from lern_pipeline.jobs.activity_aggregate_updater.completion_event import CompletionEvent
from lern_pipeline.jobs.activity_aggregate_updater.consumption import EnrolmentInput, changed, merge
from lern_pipeline.jobs.activity_aggregate_updater.state import ProgressState
from lern_pipeline.jobs.course_progress.consumption import Content, described
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey
from lern_pipeline.jobs.course_progress.recomputation import Recomputation
from lern_pipeline.jobs.course_progress.rows import consumption_writes, table
from lern_pipeline.microbatch.job import Decision, Event, Failure, Moment
from lern_pipeline.microbatch.plan import CacheChange, CacheWrites, Message, SetText
from lern_pipeline.settings import JobSettings

CHECKSUMS_PER_TRANSACTION = 500


def decide(
    events: Sequence[Event[CompletionEvent]], state: ProgressState, settings: JobSettings, moment: Moment
) -> Decision:
    """What this micro-batch changes."""
    return _Decider(state, settings, moment).decide(len(events))


class _Decider:
    """Collects the outcome enrolment by enrolment."""

    def __init__(self, state: ProgressState, settings: JobSettings, moment: Moment) -> None:
        self.state = state
        self.moment = moment
        self.audit_topic = settings.text("kafka.audit.topic")
        self.consumption = consumption_writes(table(settings, "content_consumption.table"))
        self.progress = Recomputation(state.relations, state.enrolments, state.collection_status, settings, moment)
        self.checksum_expiry = settings.integer("dedup-redis.database.expiry")
        self.checksum_database = settings.integer("dedup-redis.database.index")
        self.content_messages: list[Message] = []
        self.checksums: list[str] = []
        self.decision = Decision()

    def decide(self, usable_events: int) -> Decision:
        for enrolment, input_ in self.state.inputs.items():
            self._enrolment(enrolment, input_)
        decision = self.decision
        decision.rows = [self.consumption, *self.progress.rows]
        decision.messages = [*self.progress.messages, *self.content_messages]
        decision.last = [self._checksum_writes()]
        decision.warnings = self.progress.warnings
        decision.metrics = {
            "batch-enrolment-update-count": float(usable_events),
            "processed-enrolment-count": float(len(self.state.inputs)),
            **self.progress.metrics,
        }
        return decision

    def _enrolment(self, enrolment: EnrolmentKey, input_: EnrolmentInput) -> None:
        stored = self.state.consumption.get(enrolment, {})
        merged = merge(input_, stored.values())
        if not self._may_be_counted(enrolment, input_, merged):
            return
        self.decision.counted.extend(input_.counted)
        for content_id, viewcount, completedcount in changed(merged, stored):
            self.consumption.rows.append([*enrolment, content_id, viewcount, completedcount, self.moment.write_time_us])
        statuses = {content_id: content.status for content_id, content in merged.items()}
        if self.progress.recompute(enrolment, input_.events[0], statuses):
            # Also for an enrolment that is not updated: the content has been counted (4.7).
            self.checksums.extend(input_.checksums.values())
        self._content_audits(enrolment, input_, merged)

    def _may_be_counted(self, enrolment: EnrolmentKey, input_: EnrolmentInput, merged: Mapping[str, Content]) -> bool:
        """Leaf nodes missing (4.8): a failed record is written, and unless the collection is retired the enrolment
        fails alone, with nothing else written."""
        if self.progress.has_leaf_nodes(enrolment.course_id):
            return True
        self.decision.failed_payloads.append(
            self.progress.missing_leaf_nodes(enrolment, input_.events[0], described(merged))
        )
        if self.progress.is_retired(enrolment.course_id):
            return True
        for position in input_.events:
            self.decision.failed[position] = Failure("missing leaf nodes")
            self.decision.failed_without_record.add(position)
        return False

    def _content_audits(self, enrolment: EnrolmentKey, input_: EnrolmentInput, merged: Mapping[str, Content]) -> None:
        ids, now = self.moment.ids, self.moment.now_ms
        user_id, course_id, batch_id = enrolment
        for content_id, content_input in input_.contents.items():
            position = content_input.first
            for kind in merged[content_id].events_for:
                self.content_messages.append(
                    Message(
                        f"{kind}|{position}|{user_id}|{course_id}|{batch_id}|{content_id}",
                        self.audit_topic,
                        content_audit(ids, position, kind, user_id, course_id, batch_id, content_id, now),
                    )
                )

    def _checksum_writes(self) -> CacheWrites:
        changes: list[CacheChange] = [SetText(key, "", self.checksum_expiry) for key in self.checksums]
        size = CHECKSUMS_PER_TRANSACTION
        transactions = [changes[start : start + size] for start in range(0, len(changes), size)]
        return CacheWrites("dedup-redis", self.checksum_database, transactions)
