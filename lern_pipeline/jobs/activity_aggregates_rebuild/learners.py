"""Who the learners of course batches are.

``user_enrolments`` is partitioned by learner, so finding a batch's learners means a look at the whole table. One look
serves all batches of a run; what it finds goes to disk in parts of one chunk each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lern_pipeline.jobs.activity_aggregates_rebuild.course_batch import CourseBatch
from lern_pipeline.jobs.activity_aggregates_rebuild.kept import KeptRebuild
from lern_pipeline.jobs.course_progress.rows import table
from lern_pipeline.microbatch.stores import RowReader
from lern_pipeline.settings import JobSettings


class LearnerParts:
    """Takes learners as they are found and writes them away, ``size`` at a time."""

    def __init__(self, kept: KeptRebuild, size: int) -> None:
        self._kept = kept
        self._size = size
        self._open: list[str] = []
        self.written = 0
        self.learners = 0

    def add(self, user_id: str) -> None:
        self._open.append(user_id)
        self.learners += 1
        if len(self._open) == self._size:
            self._write()

    def end(self) -> None:
        """No more will come."""
        if self._open:
            self._write()

    def _write(self) -> None:
        self.written += 1
        self._kept.write_learners(self.written, self._open)
        self._open = []


def find_learners(rows: RowReader, settings: JobSettings, parts: Mapping[CourseBatch, LearnerParts]) -> None:
    """Give every learner of the batches to the batch's parts, each once.

    Raises:
        ServiceUnavailable: no answer in time.
    """
    for page in _enrolments(rows, settings, list(parts)):
        for user_id, course_id, batch_id in page:
            wanted = parts.get(CourseBatch(course_id, batch_id))
            if wanted is not None:
                wanted.add(user_id)
    for part in parts.values():
        part.end()


def _enrolments(
    rows: RowReader, settings: JobSettings, batches: Sequence[CourseBatch]
) -> Iterator[list[tuple[str, str, str]]]:
    """(user, course, batch), perhaps also of other batches.

    Of one batch the servers pick out the rows. Looking for several courses in every learner's enrolments costs them
    more than sending all: then the rows are picked out here.
    """
    equal = {"courseid": batches[0].course_id, "batchid": batches[0].batch_id} if len(batches) == 1 else {}
    for page in rows.scan(table(settings, "user_enrolments.table"), ("userid", "courseid", "batchid"), "userid", equal):
        yield [(user_id, course_id, batch_id) for user_id, course_id, batch_id in page]
