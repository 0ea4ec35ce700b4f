"""A workload of course progress: completions of learners who have several each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lern_pipeline.benchmark.progress_workload import ProgressWorkload
from lern_pipeline.jobs.activity_aggregate_updater.completion_event import checksum
from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey
from lern_pipeline.microbatch.crash_points import BOUNDARIES
from lern_pipeline.microbatch.plan import CacheWrites, RowWrites
from lern_pipeline_tests.faults.job_world import KEYSPACE, ClientOf, JobWorld, Selection

CHECKSUMS = 13


class ProgressWorld(JobWorld):
    """Several events of each learner, so that batches depend on what earlier ones left."""

    job = ACTIVITY_AGGREGATE_UPDATER
    never_passed = frozenset({"between-cache"})
    # This job stands for all of them: it passes nearly every boundary.
    telling_points = (*(name for name in BOUNDARIES if name != "between-cache"), "between-rows#2", "between-rows#3")
    times = frozenset({"datetime", "completedon", "agg_last_updated"})

    def make_workload(self) -> None:
        self.workload = ProgressWorkload(self.events, events_per_learner=4, seed=7, token=self.token)

    def event(self, number: int) -> bytes:
        return self.workload.completions[number].value()

    def given_rows(self, write_time_us: int) -> Iterable[RowWrites]:
        return self.workload.stored_rows(KEYSPACE, write_time_us)

    def given_caches(self) -> Iterable[CacheWrites]:
        return self.workload.caches(self.settings)

    def selections(self) -> Iterable[Selection]:
        for user, course, batch in self.workload.enrolments:
            for table in ("user_content_consumption", "user_enrolments"):
                yield f"{KEYSPACE}.{table}", {"userid": user}
            yield from aggregates_of(user, (course, *(f"{course}_u{unit}" for unit in range(4))), batch)

    def keys_left(self, client_of: ClientOf) -> Mapping[str, str]:
        """Which of the workload's completions are remembered."""
        named = {
            checksum(EnrolmentKey(done.user_id, done.course_id, done.batch_id), content_id): f"{done} {content_id}"
            for done in self.workload.completions
            for content_id in done.content_ids
        }
        remembered = client_of(CHECKSUMS).mget(list(named))
        return {f"checksum of {what}": "there" for what, value in zip(named.values(), remembered, strict=True) if value}


def aggregates_of(user: str, activities: Iterable[str], batch: str) -> Iterable[Selection]:
    """The learner's aggregates of a course and its units."""
    for activity in activities:
        yield (
            f"{KEYSPACE}.user_activity_agg",
            {"activity_type": "Course", "activity_id": activity, "user_id": user, "context_id": f"cb:{batch}"},
        )
