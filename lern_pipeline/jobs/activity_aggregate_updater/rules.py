"""The job's decision: completions and state → rows, messages, checksums (contract activity-aggregate-updater 4, 10).

Pure: no clock, no I/O, no random.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from lern_pipeline.events.course_progress import certificate_request, content_audit, enrolment_complete_audit
from lern_pipeline.jobs.activity_aggregate_updater.completion_event import CompletionEvent
from lern_pipeline.jobs.activity_aggregate_updater.consumption import (
    Content,
    EnrolmentInput,
    changed,
    described,
    merge,
)
from lern_pipeline.jobs.activity_aggregate_updater.state import ProgressState
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey
from lern_pipeline.jobs.course_progress.progress import done_contents
from lern_pipeline.jobs.course_progress.rows import AggregateRows, EnrolmentRows, consumption_writes, table
from lern_pipeline.microbatch.job import Decision, Event, FailedPayload, Failure, Moment
from lern_pipeline.microbatch.plan import CacheChange, CacheWrites, Message, SetText
from lern_pipeline.microbatch.services import StatusFound, StatusUnknown
from lern_pipeline.settings import JobSettings

RETIRED = "Retired"
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
        self.filter_pending = settings.flag("activity.filter.processed.enrolments")
        self.unit_aggregates = settings.flag("activity.module.aggs.enabled")
        self.audit_topic = settings.text("kafka.audit.topic")
        self.certificate_topic = settings.text("kafka.certissue.topic")
        self.consumption = consumption_writes(table(settings, "content_consumption.table"))
        self.aggregates = AggregateRows(table(settings, "user_activity_agg.table"), moment)
        self.enrolments = EnrolmentRows(table(settings, "user_enrolments.table"), moment)
        self.checksum_expiry = settings.integer("dedup-redis.database.expiry")
        self.checksum_database = settings.integer("dedup-redis.database.index")
        self.completion_messages: list[Message] = []
        self.content_messages: list[Message] = []
        self.checksums: list[str] = []
        self.metrics: Counter[str] = Counter()
        self.decision = Decision()
        self.courses_all_optional: set[str] = set()

    def decide(self, usable_events: int) -> Decision:
        for enrolment, input_ in self.state.inputs.items():
            self._enrolment(enrolment, input_)
        decision = self.decision
        decision.rows = [
            self.consumption,
            self.aggregates.writes,
            self.enrolments.in_progress,
            self.enrolments.completed,
        ]
        decision.messages = [*self.completion_messages, *self.content_messages]
        decision.last = [self._checksum_writes()]
        decision.warnings = [
            f"course {course_id}: every leaf node is optional, so the first completion completes it"
            for course_id in sorted(self.courses_all_optional)
        ]
        decision.metrics = {
            "batch-enrolment-update-count": float(usable_events),
            "processed-enrolment-count": float(len(self.state.inputs)),
            "retired-consumption-events-count": float(self.metrics["retired"]),
            "enrolment-complete-count": float(len(self.enrolments.completed.rows)),
            "cert-issue-events-count": float(self.metrics["certificates"]),
        }
        return decision

    def _enrolment(self, enrolment: EnrolmentKey, input_: EnrolmentInput) -> None:
        stored = self.state.consumption.get(enrolment, {})
        merged = merge(input_, stored.values())
        course_id = enrolment.course_id
        has_leaf_nodes = bool(self.state.relations.leafnodes.get((course_id, course_id)))
        if not has_leaf_nodes and not self._retired(enrolment, input_, merged):
            return
        self.decision.counted.extend(input_.counted)
        for content_id, viewcount, completedcount in changed(merged, stored):
            self.consumption.rows.append([*enrolment, content_id, viewcount, completedcount, self.moment.write_time_us])
        statuses = {content_id: content.status for content_id, content in merged.items()}
        done = done_contents(statuses)
        if has_leaf_nodes:
            self._course(enrolment, input_, statuses, done)
        if self.unit_aggregates:
            self._units(enrolment, merged, done)
        self._content_audits(enrolment, input_, merged)

    def _retired(self, enrolment: EnrolmentKey, input_: EnrolmentInput, merged: Mapping[str, Content]) -> bool:
        """Leaf nodes are missing (4.8): write the failed record. True if the collection is retired, so that the
        consumption still counts; else the enrolment fails alone, with nothing written."""
        status = self.state.collection_status.get(enrolment.course_id, StatusUnknown("not looked up"))
        known = status.status if isinstance(status, StatusFound) else f"unknown: {status.reason}"
        user_id, course_id, batch_id = enrolment
        self.decision.failed_payloads.append(
            FailedPayload(
                input_.events[0],
                {"userId": user_id, "batchId": batch_id, "courseId": course_id, "contents": described(merged)},
                f"missing leaf nodes for collection {course_id} (status {known})",
            )
        )
        if known == RETIRED:
            self.metrics["retired"] += 1
            return True
        for position in input_.events:
            self.decision.failed[position] = Failure("missing leaf nodes")
            self.decision.failed_without_record.add(position)
        return False

    def _course(
        self, enrolment: EnrolmentKey, input_: EnrolmentInput, statuses: dict[str, int], done: frozenset[str]
    ) -> None:
        user_id, course_id, batch_id = enrolment
        required = self.state.relations.required(course_id, course_id)
        if not required:
            self.courses_all_optional.add(course_id)
        progress = len(required & done)
        self.aggregates.add(course_id, user_id, batch_id, progress)
        # Also for an enrolment that is not updated below: the content has been counted (4.7).
        self.checksums.extend(input_.checksums.values())
        if self.filter_pending:
            enrolled = self.state.enrolments.get(enrolment)
            if enrolled is None or enrolled.is_completed:
                return
        if progress < len(required):
            self.enrolments.add_in_progress(enrolment, progress, statuses)
            return
        self.enrolments.add_completed(enrolment, progress, statuses)
        self._completion_messages(enrolment, input_)

    def _completion_messages(self, enrolment: EnrolmentKey, input_: EnrolmentInput) -> None:
        position, ids, now = input_.events[0], self.moment.ids, self.moment.now_ms
        user_id, course_id, batch_id = enrolment
        name = f"{position}|{user_id}|{course_id}|{batch_id}"
        self.metrics["certificates"] += 1
        self.completion_messages += (
            Message(
                f"certificate|{name}",
                self.certificate_topic,
                certificate_request(ids, position, user_id, course_id, batch_id, now),
            ),
            Message(
                f"enrol-complete|{name}",
                self.audit_topic,
                enrolment_complete_audit(ids, position, user_id, course_id, batch_id, now),
            ),
        )

    def _units(self, enrolment: EnrolmentKey, merged: Mapping[str, Content], done: frozenset[str]) -> None:
        user_id, course_id, batch_id = enrolment
        relations = self.state.relations
        for unit_id in sorted(relations.units_above(course_id, merged)):
            self.aggregates.add(unit_id, user_id, batch_id, len(relations.required(course_id, unit_id) & done))

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
