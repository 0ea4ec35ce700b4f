"""``lern-pipeline benchmark progress``: course progress."""

from __future__ import annotations

from collections.abc import Sequence

from lern_pipeline.benchmark.drained import Benchmark
from lern_pipeline.benchmark.progress_workload import ProgressWorkload
from lern_pipeline.benchmark.store_limits import Read, Reads
from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER
from lern_pipeline.microbatch.plan import Plan
from lern_pipeline.settings import JobSettings

CONSUMPTION = ("userid", "courseid", "batchid", "contentid", "status", "viewcount", "completedcount")
ENROLMENT = ("userid", "courseid", "batchid", "status")


def _reads(settings: JobSettings) -> Reads:
    keyspace = settings.text("lms-cassandra.keyspace")

    def reads(plan: Plan) -> Sequence[Read]:
        """Of the enrolments of the batch, those whose consumption rows it writes."""
        (consumption,) = (writes for writes in plan.rows if "contentid" in writes.key)
        keys = list(dict.fromkeys((row[1], row[2], row[0]) for row in consumption.rows))
        return [
            Read(f"{keyspace}.{table}", columns, ("courseid", "batchid"), "userid", keys)
            for table, columns in (("user_content_consumption", CONSUMPTION), ("user_enrolments", ENROLMENT))
        ]

    return reads


PROGRESS = Benchmark(
    "progress",
    ACTIVITY_AGGREGATE_UPDATER,
    lambda options, seed, token: ProgressWorkload(options.events, options.events_per_learner, seed, token),
    _reads,
)
