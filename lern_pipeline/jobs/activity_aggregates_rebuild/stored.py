"""What is stored of enrolments and aggregates, to compare with (contract activity-aggregate-updater 5.2, 5.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lern_pipeline.jobs.activity_aggregates_rebuild.differences import StoredRows
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey
from lern_pipeline.jobs.course_progress.rows import ENROLMENT_KEY, table
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.microbatch.stores import RowReader
from lern_pipeline.settings import JobSettings

ENROLMENT_COLUMNS = ("status", "progress", "contentstatus")


def read_stored_enrolments(
    rows: RowReader, settings: JobSettings, enrolments: Iterable[EnrolmentKey]
) -> dict[EnrolmentKey, dict[str, Any]]:
    """The enrolments that exist, with what the rules write of them but times."""
    return {
        EnrolmentKey(*values[:3]): {
            "status": values[3],
            "progress": values[4],
            "contentstatus": dict(values[5] or {}),
        }
        for values in rows.select(
            table(settings, "user_enrolments.table"),
            (*ENROLMENT_KEY, *ENROLMENT_COLUMNS),
            equal=("courseid", "batchid"),
            within="userid",
            keys=((enrolment.course_id, enrolment.batch_id, enrolment.user_id) for enrolment in enrolments),
        )
    }


def read_stored_aggregates(rows: RowReader, settings: JobSettings, planned: Sequence[RowWrites]) -> StoredRows:
    """What stands under the keys of the planned rows of ``user_activity_agg``."""
    name = table(settings, "user_activity_agg.table")
    keys = [writes.key_of(row) for writes in planned if writes.table == name for row in writes.rows]
    return {
        (name, tuple(key)): {"aggregates": dict(aggregates or {})}
        for *key, aggregates in rows.select(
            name,
            ("activity_type", "activity_id", "user_id", "context_id", "aggregates"),
            equal=("activity_type", "activity_id", "context_id"),
            within="user_id",
            keys=((type_, activity, context, user) for type_, activity, user, context in keys),
        )
    }


def read_completion_times(
    rows: RowReader, settings: JobSettings, enrolments: Iterable[EnrolmentKey]
) -> dict[EnrolmentKey, int | None]:
    """Enrolment → ``completedon`` in epoch milliseconds."""
    return {
        EnrolmentKey(*key): completed_on
        for *key, completed_on in rows.select(
            table(settings, "user_enrolments.table"),
            (*ENROLMENT_KEY, "completedon"),
            equal=("courseid", "batchid"),
            within="userid",
            keys=((enrolment.course_id, enrolment.batch_id, enrolment.user_id) for enrolment in enrolments),
            times=("completedon",),
        )
    }
