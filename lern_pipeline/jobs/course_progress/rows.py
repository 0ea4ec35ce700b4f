"""Rows that the course-progress jobs write (contract activity-aggregate-updater 5).

Timestamps inside the rows are epoch milliseconds; the write time, last in every row, epoch microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping

from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey
from lern_pipeline.microbatch.job import Moment
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.settings import JobSettings

ENROLMENT_KEY = ("userid", "courseid", "batchid")
ACTIVITY_TYPE = "Course"
COMPLETED_COUNT = "completedCount"
IN_PROGRESS, COMPLETED = 1, 2


def table(settings: JobSettings, name: str) -> str:
    """``keyspace.table`` for the setting ``lms-cassandra.<name>``."""
    return f"{settings.text('lms-cassandra.keyspace')}.{settings.text(f'lms-cassandra.{name}')}"


def consumption_writes(table_name: str) -> RowWrites:
    """Counters of ``user_content_consumption`` (5.1): status, progress and times belong to the LMS."""
    return RowWrites(table_name, key=(*ENROLMENT_KEY, "contentid"), set=("viewcount", "completedcount"), rows=[])


class AggregateRows:
    """Rows of ``user_activity_agg`` (5.2): only the map entries of ``completedCount`` are touched."""

    def __init__(self, table_name: str, moment: Moment) -> None:
        self.writes = RowWrites(
            table_name,
            key=("activity_type", "activity_id", "user_id", "context_id"),
            put=("aggregates", "agg_last_updated"),
            rows=[],
        )
        self._moment = moment

    def add(self, activity_id: str, user_id: str, batch_id: str, completed_count: int) -> None:
        """The count of a course, or of one of its units (units have activity type ``Course`` too, D11)."""
        self.writes.rows.append(
            [
                ACTIVITY_TYPE,
                activity_id,
                user_id,
                f"cb:{batch_id}",
                {COMPLETED_COUNT: float(completed_count)},
                {COMPLETED_COUNT: self._moment.now_ms},
                self._moment.write_time_us,
            ]
        )


class EnrolmentRows:
    """Rows of ``user_enrolments`` (5.3): in progress and completed differ in the columns they touch."""

    def __init__(self, table_name: str, moment: Moment) -> None:
        self.in_progress = RowWrites(
            table_name, key=ENROLMENT_KEY, set=("status", "progress", "contentstatus", "datetime"), rows=[]
        )
        self.completed = RowWrites(
            table_name,
            key=ENROLMENT_KEY,
            set=("status", "completedon", "progress", "contentstatus", "datetime"),
            rows=[],
        )
        self._moment = moment

    def add_in_progress(self, enrolment: EnrolmentKey, progress: int, statuses: Mapping[str, int]) -> None:
        now = self._moment.now_ms
        self.in_progress.rows.append(
            [*enrolment, IN_PROGRESS, progress, dict(statuses), now, self._moment.write_time_us]
        )

    def add_completed(self, enrolment: EnrolmentKey, progress: int, statuses: Mapping[str, int]) -> None:
        now = self._moment.now_ms
        self.completed.rows.append(
            [*enrolment, COMPLETED, now, progress, dict(statuses), now, self._moment.write_time_us]
        )
