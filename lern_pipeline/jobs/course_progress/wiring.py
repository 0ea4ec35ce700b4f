"""Names that the jobs which recompute course progress share: pool, outputs, metrics."""

from __future__ import annotations

# Jobs that read and write the same learner rows never run at the same time.
LEARNER_ROWS = "learner_rows"

OUTPUT_TOPICS = {
    "kafka.audit.topic": "AUDIT telemetry of content starts and completions, and of completed enrolments.",
    "kafka.certissue.topic": "Requests to issue a certificate.",
}

# Columns that hold nothing but the time of the computation.
TIME_COLUMNS = frozenset({"datetime", "completedon", "agg_last_updated"})

EVENT_METRICS = {
    "total-events-count": "consumed",
    "skipped-events-count": "skipped",
    "failed-events-count": "failed",
}

IO_METRICS = {
    "db-read-count": "cassandra.selects",
    "db-update-count": "cassandra.batches",
    "cache-hit-count": "redis.set_reads",
    "cache-miss-count": "redis.set_misses",
}
