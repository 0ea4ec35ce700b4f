"""The course batches that there are."""

from __future__ import annotations

from lern_pipeline.jobs.activity_aggregates_rebuild.course_batch import CourseBatch
from lern_pipeline.jobs.course_progress.rows import table
from lern_pipeline.microbatch.stores import RowReader
from lern_pipeline.settings import JobSettings


def read_course_batches(rows: RowReader, settings: JobSettings) -> list[CourseBatch]:
    """Every batch of ``course_batch`` in order; one with a blank id is none (decisions 4).

    Raises:
        ServiceUnavailable: no answer in time.
    """
    pages = rows.scan(table(settings, "course_batch.table"), ("courseid", "batchid"), "courseid", {})
    found = {CourseBatch(course_id, batch_id) for page in pages for course_id, batch_id in page}
    return sorted(batch for batch in found if batch.course_id.strip() and batch.batch_id.strip())
