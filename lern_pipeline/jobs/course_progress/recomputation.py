"""From content statuses to aggregates, enrolment rows and completion messages (contract activity-aggregate-updater
4.6–4.8). Written once for every job that recomputes course progress. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lern_pipeline.events.course_progress import certificate_request, enrolment_complete_audit
from lern_pipeline.events.record import Position
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey, StoredEnrolment
from lern_pipeline.jobs.course_progress.progress import RelationSets, done_contents
from lern_pipeline.jobs.course_progress.rows import AggregateRows, EnrolmentRows, table
from lern_pipeline.microbatch.job import FailedPayload, Moment
from lern_pipeline.microbatch.plan import Message, RowWrites
from lern_pipeline.microbatch.service_readers import StatusFound, StatusUnknown
from lern_pipeline.settings import JobSettings

RETIRED = "Retired"


class Recomputation:
    """Collects what recomputing enrolments changes, enrolment by enrolment."""

    def __init__(
        self,
        relations: RelationSets,
        enrolments: Mapping[EnrolmentKey, StoredEnrolment],
        collection_status: Mapping[str, StatusFound | StatusUnknown],
        settings: JobSettings,
        moment: Moment,
        completed_stay: bool = False,
    ) -> None:
        """``completed_stay``: the pending filter (4.7) works even where it is switched off."""
        self._relations = relations
        self._stored = enrolments
        self._collection_status = collection_status
        self._moment = moment
        self._filter_pending = completed_stay or settings.flag("activity.filter.processed.enrolments")
        self._unit_aggregates = settings.flag("activity.module.aggs.enabled")
        self._audit_topic = settings.text("kafka.audit.topic")
        self._certificate_topic = settings.text("kafka.certissue.topic")
        self._aggregates = AggregateRows(table(settings, "user_activity_agg.table"), moment)
        self._enrolments = EnrolmentRows(table(settings, "user_enrolments.table"), moment)
        self._all_optional: set[str] = set()
        self._retired = 0
        self.completed: list[EnrolmentKey] = []
        self.messages: list[Message] = []

    # --- courses without leaf nodes

    def has_leaf_nodes(self, course_id: str) -> bool:
        """Whether the relation cache knows the course."""
        return bool(self._relations.leafnodes.get((course_id, course_id)))

    def is_retired(self, course_id: str) -> bool:
        """Whether the search service says that the course is retired (looked up only without leaf nodes)."""
        if self._status(course_id) != RETIRED:
            return False
        self._retired += 1
        return True

    def missing_leaf_nodes(
        self, enrolment: EnrolmentKey, position: Position, contents: dict[str, dict[str, Any]]
    ) -> FailedPayload:
        """The failed record of an enrolment whose course has no leaf nodes (4.8, 10.6); also for a retired course."""
        user_id, course_id, batch_id = enrolment
        return FailedPayload(
            position,
            {"userId": user_id, "batchId": batch_id, "courseId": course_id, "contents": contents},
            f"missing leaf nodes for collection {course_id} (status {self._status(course_id)})",
            reason="missing leaf nodes",
        )

    def _status(self, course_id: str) -> str:
        status = self._collection_status.get(course_id, StatusUnknown("not looked up"))
        return status.status if isinstance(status, StatusFound) else f"unknown: {status.reason}"

    # --- progress

    def recompute(self, enrolment: EnrolmentKey, position: Position, statuses: dict[str, int]) -> bool:
        """Aggregates of the course and its units, the enrolment, and on completion its messages.

        Args:
            position: the event that makes the messages' ids.
            statuses: content id → status, of everything consumed in this enrolment.

        Returns:
            Whether the course's own progress was computed (not for a retired course without leaf nodes).
        """
        done = done_contents(statuses)
        has_leaf_nodes = self.has_leaf_nodes(enrolment.course_id)
        if has_leaf_nodes:
            self._course(enrolment, position, statuses, done)
        if self._unit_aggregates:
            self._units(enrolment, statuses, done)
        return has_leaf_nodes

    def _course(
        self, enrolment: EnrolmentKey, position: Position, statuses: dict[str, int], done: frozenset[str]
    ) -> None:
        user_id, course_id, batch_id = enrolment
        required = self._relations.required(course_id, course_id)
        if not required:
            self._all_optional.add(course_id)
        progress = len(required & done)
        self._aggregates.add(course_id, user_id, batch_id, progress)
        if self._filter_pending:
            enrolled = self._stored.get(enrolment)
            if enrolled is None or enrolled.is_completed:
                return
        if progress < len(required):
            self._enrolments.add_in_progress(enrolment, progress, statuses)
            return
        self._enrolments.add_completed(enrolment, progress, statuses)
        self._completed(enrolment, position)

    def _completed(self, enrolment: EnrolmentKey, position: Position) -> None:
        ids, now = self._moment.ids, self._moment.now_ms
        user_id, course_id, batch_id = enrolment
        name = f"{position}|{user_id}|{course_id}|{batch_id}"
        self.completed.append(enrolment)
        self.messages += (
            Message(
                f"certificate|{name}",
                self._certificate_topic,
                certificate_request(ids, position, user_id, course_id, batch_id, now),
            ),
            Message(
                f"enrol-complete|{name}",
                self._audit_topic,
                enrolment_complete_audit(ids, position, user_id, course_id, batch_id, now),
            ),
        )

    def _units(self, enrolment: EnrolmentKey, content_ids: Iterable[str], done: frozenset[str]) -> None:
        user_id, course_id, batch_id = enrolment
        for unit_id in sorted(self._relations.units_above(course_id, content_ids)):
            required = self._relations.required(course_id, unit_id)
            self._aggregates.add(unit_id, user_id, batch_id, len(required & done))

    # --- outcome

    @property
    def rows(self) -> list[RowWrites]:
        """Aggregates first, then enrolments."""
        return [self._aggregates.writes, self._enrolments.in_progress, self._enrolments.completed]

    @property
    def warnings(self) -> list[str]:
        return [
            f"course {course_id}: every leaf node is optional, so the first completion completes it"
            for course_id in sorted(self._all_optional)
        ]

    @property
    def metrics(self) -> dict[str, float]:
        return {
            "retired-consumption-events-count": float(self._retired),
            "enrolment-complete-count": float(len(self._enrolments.completed.rows)),
            "cert-issue-events-count": float(len(self.completed)),
        }
