"""``lern-pipeline benchmark reconciliation``: enrolments recomputed from what is stored."""

from __future__ import annotations

from collections.abc import Sequence

from lern_pipeline.benchmark.drained import Benchmark
from lern_pipeline.benchmark.progress import CONSUMPTION, ENROLMENT
from lern_pipeline.benchmark.reconciliation_workload import ReconciliationWorkload
from lern_pipeline.benchmark.store_limits import Read, Reads
from lern_pipeline.jobs.enrolment_reconciliation.job import ENROLMENT_RECONCILIATION
from lern_pipeline.microbatch.plan import Plan
from lern_pipeline.settings import JobSettings


def _reads(settings: JobSettings) -> Reads:
    keyspace = settings.text("lms-cassandra.keyspace")

    def reads(plan: Plan) -> Sequence[Read]:
        """Of the enrolments it writes: what they have consumed, and how they stand."""
        enrolments = [row for writes in plan.rows if "courseid" in writes.key for row in writes.rows]
        keys = list(dict.fromkeys((row[1], row[2], row[0]) for row in enrolments))
        return [
            Read(f"{keyspace}.{table}", columns, ("courseid", "batchid"), "userid", keys)
            for table, columns in (("user_content_consumption", CONSUMPTION), ("user_enrolments", ENROLMENT))
        ]

    return reads


RECONCILIATION = Benchmark(
    "reconciliation",
    ENROLMENT_RECONCILIATION,
    lambda options, seed, token: ReconciliationWorkload(options.events, options.events_per_learner, seed, token),
    _reads,
)
