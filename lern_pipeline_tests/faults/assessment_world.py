"""Attempts of learners who try several times, with repetitions and contents of other courses among them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from lern_pipeline.benchmark.assessments_workload import AssessmentsWorkload
from lern_pipeline.jobs.assessment_aggregator.job import ASSESSMENT_AGGREGATOR
from lern_pipeline.microbatch.plan import CacheWrites, RowWrites, SetText
from lern_pipeline_tests.faults.job_world import KEYSPACE, OF_CACHES, JobWorld, Selection
from lern_pipeline_tests.faults.progress_world import aggregates_of

EVENTS_PER_LEARNER = 4


class AssessmentWorld(JobWorld):
    """Every fifth event repeats an attempt, every eleventh is of a content that the course does not have."""

    job = ASSESSMENT_AGGREGATOR
    never_passed = OF_CACHES
    # Answers are stored, which must not be there twice then; and everything is, but nobody has asked for certificates.
    telling_points = ("between-rows", "before-publish")
    times = frozenset({"created_on", "updated_on", "agg_last_updated"})

    def make_workload(self) -> None:
        self.workload = AssessmentsWorkload(self.events, EVENTS_PER_LEARNER, seed=11, token=self.token)
        self._events = [value for _, value in self.workload.messages()]

    def event(self, number: int) -> bytes:
        if number % 5 == 4:
            # In the other partition, or in the same.
            return self._events[number - 3 + number % 2]
        if number % 11 == 10:
            return json.dumps(json.loads(self._events[number]) | {"contentId": f"do_{self.token}_elsewhere"}).encode()
        return self._events[number]

    def given_rows(self, write_time_us: int) -> Iterable[RowWrites]:
        return self.workload.stored_rows(KEYSPACE, write_time_us)

    @property
    def uncached_content(self) -> str:
        """Of the first learner, among others."""
        return self.workload.learners[0][-1]

    def given_caches(self) -> Iterator[CacheWrites]:
        """Leaf nodes, and the number of questions of every content but one; only some tests have them counted."""
        yield from self.workload.caches(self.settings)
        contents = {learner[-1] for learner in self.workload.learners} - {self.uncached_content}
        totals = [SetText(content, '{"totalQuestions": 10}') for content in sorted(contents)]
        yield CacheWrites("redis-meta", self.settings.integer("redis.database.contentCache.id"), [list(totals)])

    def selections(self) -> Iterable[Selection]:
        for user, course, batch, _ in self.workload.learners:
            key = {"course_id": course, "batch_id": batch, "user_id": user}
            yield f"{KEYSPACE}.assessment_aggregator", key
            yield from aggregates_of(user, (course,), batch)
