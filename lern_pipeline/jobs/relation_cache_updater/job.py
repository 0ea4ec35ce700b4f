"""Names and wiring of relation-cache-updater."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.relation_cache_updater.decision import decide
from lern_pipeline.jobs.relation_cache_updater.rules import requested_collection
from lern_pipeline.jobs.relation_cache_updater.state import HierarchyState, read_state
from lern_pipeline.microbatch.job import JobSpec, Store

RELATION_CACHE_UPDATER: JobSpec[str, HierarchyState] = JobSpec(
    name="relation-cache-updater",
    description=(
        "A published collection's hierarchy becomes leaf nodes, optional nodes and ancestors in Redis, and the JSON "
        "of its units: what course progress is counted against."
    ),
    group="course_progress",
    decode=decode_lenient,
    validate=requested_collection,
    read_state=read_state,
    decide=decide,
    stores=(
        Store(
            ("redis", "relation_cache"),
            "Leaf nodes, optional nodes and ancestors of every published collection.",
            "redis",
            cache=("redis", "redis.database.index"),
        ),
        Store(
            ("redis", "collection_units"),
            "The JSON of the inner units of published collections, by unit id.",
            "redis",
            cache=("dp-redis", "dp-redis.database.index"),
        ),
    ),
    pool="relation_cache",
    kinds=frozenset({"kafka", "cassandra", "redis"}),
    event_metrics={
        "total-events-count": "consumed",
        "success-events-count": "processed",
        "skipped-event-count": "skipped",
        "failed-events-count": "failed",
    },
    io_metrics={"db-read-count": "cassandra.selects"},
)
