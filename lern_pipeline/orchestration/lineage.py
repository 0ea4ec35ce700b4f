"""Topics and stores as assets, so that the graph runs from the first topic to the last (design 3).

What a job only reads is drawn where another job of the pipeline writes it (the relation cache); the published
hierarchies and the like are not: nobody here makes them, and the graph stays acyclic.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from lern_pipeline.microbatch.job import JobSpec, Store
from lern_pipeline.microbatch.run import BatchResult
from lern_pipeline.orchestration import names
from lern_pipeline.settings import Configuration, JobSettings

TOPIC_GROUP = "topics"
STORE_GROUP = "stores"


def topic_specs(jobs: Sequence[JobSpec[Any, Any]], configuration: Configuration) -> list[dg.AssetSpec]:
    """Every topic that a job reads or writes, downstream of the jobs that write it."""
    writers: dict[dg.AssetKey, set[dg.AssetKey]] = defaultdict(set)
    topics: dict[dg.AssetKey, tuple[str, str]] = {}
    for job in jobs:
        settings = configuration.for_job(job.name)
        read = job.input_topic(settings)
        topics.setdefault(names.topic_key(read, settings), (read, f"Read by {job.name}."))
        for topic, description in _written_topics(job, settings):
            key = names.topic_key(topic, settings)
            topics.setdefault(key, (topic, description))
            # A job that publishes to its own input topic draws no edge for that.
            if topic != read:
                writers[key].add(names.asset_key(job))
    return [
        dg.AssetSpec(
            key,
            deps=sorted(writers[key]),
            description=description,
            group_name=TOPIC_GROUP,
            kinds={"kafka"},
            metadata={"topic": topic},
        )
        for key, (topic, description) in topics.items()
    ]


def _written_topics(job: JobSpec[Any, Any], settings: JobSettings) -> Iterator[tuple[str, str]]:
    for setting, description in job.output_topics.items():
        yield settings.text(setting), description
    yield job.failed_topic(settings), "Events that could not be used, with the reason and the way back to their batch."


def store_specs(jobs: Sequence[JobSpec[Any, Any]]) -> list[dg.AssetSpec]:
    """Every table, Redis database and mailbox that a job writes, downstream of every job that writes it."""
    stores: dict[tuple[str, ...], Store] = {}
    writers: dict[tuple[str, ...], list[dg.AssetKey]] = defaultdict(list)
    for job in jobs:
        for store in job.stores:
            stores.setdefault(store.name, store)
            writers[store.name].append(names.asset_key(job))
    return [
        dg.AssetSpec(
            dg.AssetKey(list(name)),
            deps=writers[name],
            description=store.description,
            group_name=STORE_GROUP,
            kinds={store.kind},
        )
        for name, store in stores.items()
    ]


def store_events(job: JobSpec[Any, Any], settings: JobSettings, result: BatchResult) -> list[dg.AssetMaterialization]:
    """One materialisation per store that the batch wrote, with its row or key count."""
    rows, keys = result.plan.rows_by_table(), result.plan.keys_by_store()
    events = []
    for store in job.stores:
        count = 0
        if store.table:
            count = rows[".".join(settings.text(setting) for setting in store.table)]
        elif store.cache:
            server, database = store.cache
            count = keys[f"{server}/{settings.integer(database)}"]
        if count:
            events.append(
                dg.AssetMaterialization(
                    dg.AssetKey(list(store.name)), metadata={"rows": count, "micro_batch": result.plan.key}
                )
            )
    return events
