"""A seeded workload of reconciliation: learners who have consumed contents, and whose aggregates are stale."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec

from lern_pipeline.benchmark.progress_workload import ProgressWorkload, contents_of
from lern_pipeline.microbatch.plan import CacheWrites, RowWrites
from lern_pipeline.settings import JobSettings

#: One learner in so many has done the whole course, and nobody has noticed.
COMPLETED_ONE_IN = 4
COMPLETED = 2


class ReconciliationWorkload:
    """``events`` requests, ``events_per_learner`` for each enrolment, in random order.

    Courses, batches and learners are those of :class:`ProgressWorkload`. The same seed makes the same workload;
    ``token`` stands in every id.
    """

    def __init__(self, events: int, events_per_learner: int, seed: int, token: str) -> None:
        self._progress = ProgressWorkload(events, events_per_learner, seed, token)
        draw = random.Random(seed)
        #: Enrolment → contents that the learner has completed.
        self.consumed = {
            enrolment: self._consumed(draw, number, enrolment[1])
            for number, enrolment in enumerate(self._progress.enrolments)
        }

    @staticmethod
    def _consumed(draw: random.Random, number: int, course_id: str) -> list[str]:
        contents = contents_of(course_id)
        some = draw.randrange(1, len(contents))
        return contents if number % COMPLETED_ONE_IN == 0 else sorted(draw.sample(contents, some))

    @property
    def about(self) -> str:
        rows = sum(len(contents) for contents in self.consumed.values())
        return f"{len(self.consumed)} learners with {rows} contents"

    def messages(self) -> Iterator[tuple[bytes | None, bytes]]:
        """The events, keyed as the LMS keys them."""
        for completed in self._progress.completions:
            user_id, course_id, batch_id = completed.user_id, completed.course_id, completed.batch_id
            event = {
                "eid": "BE_JOB_REQUEST",
                "ets": 1700000000000,
                "mid": f"LP.1700000000000.{user_id}",
                "actor": {"id": "Course Batch Updater", "type": "System"},
                "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
                "object": {"type": "CourseBatchEnrolment", "id": f"{batch_id}_{user_id}"},
                "edata": {
                    "action": "user-enrolment-sync",
                    "iteration": 1,
                    "userId": user_id,
                    "batchId": batch_id,
                    "courseId": course_id,
                },
            }
            yield user_id.encode(), msgspec.json.encode(event)

    def caches(self, settings: JobSettings) -> Iterator[CacheWrites]:
        """What relation-cache-updater has written before."""
        return self._progress.caches(settings)

    def stored_rows(self, keyspace: str, write_time_us: int) -> Iterator[RowWrites]:
        """Contents completed, and enrolments and aggregates that know nothing of it."""
        yield RowWrites(
            f"{keyspace}.user_enrolments",
            key=("userid", "courseid", "batchid"),
            set=("status", "progress", "active"),
            rows=[[*enrolment, 0, 0, True, write_time_us] for enrolment in self.consumed],
        )
        yield RowWrites(
            f"{keyspace}.user_content_consumption",
            key=("userid", "courseid", "batchid", "contentid"),
            set=("status", "progress", "viewcount", "completedcount"),
            rows=[
                [*enrolment, content_id, COMPLETED, 100, 1, 1, write_time_us]
                for enrolment, contents in self.consumed.items()
                for content_id in contents
            ],
        )
        yield RowWrites(
            f"{keyspace}.user_activity_agg",
            key=("activity_type", "activity_id", "user_id", "context_id"),
            put=("aggregates", "agg_last_updated"),
            rows=[
                [
                    *("Course", course_id, user_id, f"cb:{batch_id}"),
                    {"completedCount": 0.0},
                    {"completedCount": write_time_us // 1000},
                    write_time_us,
                ]
                for user_id, course_id, batch_id in self.consumed
            ],
        )
