"""One chunk of learners: read what is stored of them, recompute, keep what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from lern_pipeline.events.deterministic_ids import IdMaker
from lern_pipeline.jobs.activity_aggregates_rebuild.course_batch import CourseBatch
from lern_pipeline.jobs.activity_aggregates_rebuild.differences import (
    StoredRows,
    changes_of,
    learners_of,
    what_differs,
)
from lern_pipeline.jobs.activity_aggregates_rebuild.kept import STORE, Chunk
from lern_pipeline.jobs.activity_aggregates_rebuild.rules import recompute
from lern_pipeline.jobs.activity_aggregates_rebuild.stored import read_stored_aggregates, read_stored_enrolments
from lern_pipeline.jobs.activity_aggregates_rebuild.tally import Change, Tally
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey, StoredEnrolment
from lern_pipeline.jobs.course_progress.rows import table
from lern_pipeline.jobs.enrolment_reconciliation.state import read_recomputed_from
from lern_pipeline.microbatch.job import Moment
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.settings import JobSettings


class PlannedChunk:
    """A chunk, and what it would change."""

    def __init__(self, chunk: Chunk, stored: StoredRows) -> None:
        self.chunk = chunk
        self._stored = stored

    def changes(self) -> Iterator[Change]:
        return changes_of(self.chunk.rows, self._stored)


def plan_chunk(
    number: int,
    batch: CourseBatch,
    user_ids: Sequence[str],
    rebuild_id: str,
    readers: Readers,
    settings: JobSettings,
    now: float,
) -> PlannedChunk:
    """Recompute the learners with what is stored now (``now``: seconds since the epoch).

    Raises:
        ServiceUnavailable: a store does not answer.
    """
    learners = [EnrolmentKey(user_id, batch.course_id, batch.batch_id) for user_id in user_ids]
    enrolments = read_stored_enrolments(readers.rows, settings, learners)
    state = read_recomputed_from(enrolments, readers, settings)
    state.enrolments = {key: StoredEnrolment(columns["status"] or 0) for key, columns in enrolments.items()}
    moment = Moment(int(now * 1000), int(now * 1_000_000), IdMaker(STORE, rebuild_id))
    outcome = recompute(learners, state, settings, moment)
    stored = dict(read_stored_aggregates(readers.rows, settings, outcome.rows))
    name = table(settings, "user_enrolments.table")
    stored.update({(name, tuple(key)): columns for key, columns in enrolments.items()})
    rows = what_differs(outcome.rows, stored)
    counted: Counter[str] = Counter()
    for writes in rows:
        counted[writes.table.rpartition(".")[2]] += len(writes.rows)
    tally = Tally(
        learners=len(learners),
        differed=len(learners_of(rows)),
        completed=len(outcome.completed),
        rows=dict(counted),
        messages=dict(Counter(message.topic for message in outcome.messages)),
        left_out=dict(outcome.left_out),
        warnings=outcome.warnings,
    )
    completed = [(key.user_id, key.course_id, key.batch_id) for key in outcome.completed]
    return PlannedChunk(Chunk(number, moment.now_ms, rows, outcome.messages, completed, tally), stored)
