"""``lern-pipeline benchmark assessments``: attempts and their aggregates."""

from __future__ import annotations

from collections.abc import Sequence

from lern_pipeline.benchmark.assessments_workload import AssessmentsWorkload
from lern_pipeline.benchmark.drained import Benchmark
from lern_pipeline.benchmark.store_limits import Read, Reads
from lern_pipeline.jobs.assessment_aggregator.job import ASSESSMENT_AGGREGATOR
from lern_pipeline.microbatch.plan import Plan
from lern_pipeline.settings import JobSettings

ATTEMPT = (
    "user_id",
    "course_id",
    "batch_id",
    "content_id",
    "attempt_id",
    "last_attempted_on",
    "created_on",
    "total_score",
    "total_max_score",
)


def _reads(settings: JobSettings) -> Reads:
    table = f"{settings.text('lms-cassandra.keyspace')}.{settings.text('lms-cassandra.table')}"

    def reads(plan: Plan) -> Sequence[Read]:
        """All attempts of each learner, course and batch of whom it writes one."""
        (attempts,) = (writes for writes in plan.rows if "attempt_id" in writes.key)
        keys = list(dict.fromkeys((row[0], row[1], row[2]) for row in attempts.rows))
        return [Read(table, ATTEMPT, ("course_id", "batch_id"), "user_id", keys)]

    return reads


ASSESSMENTS = Benchmark(
    "assessments",
    ASSESSMENT_AGGREGATOR,
    lambda options, seed, token: AssessmentsWorkload(options.events, options.events_per_learner, seed, token),
    _reads,
)
