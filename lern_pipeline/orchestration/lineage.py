"""Topics and stores as assets, so that the graph runs from the first topic to the last (design 3).

What a job only reads is drawn where another job of the pipeline writes it (the relation cache); the published
hierarchies and the like are not: nobody here makes them, and the graph stays acyclic.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from lern_pipeline.microbatch.job import JobSpec, Store
from lern_pipeline.microbatch.run import BatchResult
from lern_pipeline.orchestration import names
from lern_pipeline.settings import Configuration, JobSettings

#: Group of what concerns all domains.
OPERATIONS = "operations"


@dataclass(slots=True)
class _Topic:
    """What the jobs say of a topic."""

    name: str
    group: str
    description: str = ""
    readers: list[str] = field(default_factory=list)
    writers: set[dg.AssetKey] = field(default_factory=set)

    def spec(self, key: dg.AssetKey) -> dg.AssetSpec:
        read = f"Read by {', '.join(self.readers)}." if self.readers else ""
        return dg.AssetSpec(
            key,
            deps=sorted(self.writers),
            description=" ".join(part for part in (self.description, read) if part),
            group_name=self.group,
            kinds={"kafka"},
            metadata={"topic": self.name},
        )


def topic_specs(jobs: Sequence[JobSpec[Any, Any]], configuration: Configuration) -> list[dg.AssetSpec]:
    """Every topic that a job reads or writes, downstream of the jobs that write it.

    It stands in the group of the job that reads it, else of the first that writes it: groups are the platform's
    domains, so that the graph of groups tells how they hand over to each other.
    """
    topics: dict[dg.AssetKey, _Topic] = {}
    for job in jobs:
        settings = configuration.for_job(job.name)
        read = job.input_topic(settings)
        topic = topics.setdefault(names.topic_key(read, settings), _Topic(read, job.group))
        if not topic.readers:
            topic.group = job.group
        topic.readers.append(job.name)
        for written, description in _written_topics(job, settings):
            key = names.topic_key(written, settings)
            topic = topics.setdefault(key, _Topic(written, job.group))
            topic.description = topic.description or description
            if written == job.failed_topic(settings) and topic.group != job.group and not topic.readers:
                # Shared by jobs of several domains: it is none of theirs.
                topic.group = OPERATIONS
            # A job that publishes to its own input topic draws no edge for that.
            if written != read:
                topic.writers.add(names.asset_key(job))
    return [topic.spec(key) for key, topic in topics.items()]


def _written_topics(job: JobSpec[Any, Any], settings: JobSettings) -> Iterator[tuple[str, str]]:
    for setting, description in job.output_topics.items():
        # An output that is switched off has no topic.
        if topic := settings.optional_text(setting):
            yield topic, description
    yield job.failed_topic(settings), "Events that could not be used, with the reason and the way back to their batch."


def store_specs(jobs: Sequence[JobSpec[Any, Any]]) -> list[dg.AssetSpec]:
    """Every table, Redis database and mailbox that a job writes, downstream of every job that writes it, in the group
    of the first of them."""
    stores: dict[tuple[str, ...], tuple[Store, str]] = {}
    writers: dict[tuple[str, ...], list[dg.AssetKey]] = defaultdict(list)
    for job in jobs:
        for store in job.stores:
            stores.setdefault(store.name, (store, job.group))
            writers[store.name].append(names.asset_key(job))
    return [
        dg.AssetSpec(
            dg.AssetKey(list(name)),
            deps=writers[name],
            description=store.description,
            group_name=group,
            kinds={store.kind},
        )
        for name, (store, group) in stores.items()
    ]


def also_written_by(
    writer: dg.AssetKey, written: Sequence[dg.AssetKey], specs: Sequence[dg.AssetSpec]
) -> list[dg.AssetSpec]:
    """The specs, those of ``written`` also downstream of an asset that is no job's."""
    wanted = set(written)
    return [spec.merge_attributes(deps=[writer]) if spec.key in wanted else spec for spec in specs]


def written_events(job: JobSpec[Any, Any], settings: JobSettings, result: BatchResult) -> list[dg.AssetMaterialization]:
    """One materialisation per store and topic that the batch wrote, with its count of rows, keys or messages."""
    rows, keys = result.plan.rows_by_table(), result.plan.keys_by_store()
    events = []
    for store in job.stores:
        count = 0
        if store.table:
            count = rows[".".join(settings.text(setting) for setting in store.table)]
        elif store.cache:
            server, database = store.cache
            count = keys[f"{server}/{settings.integer(database)}"]
        elif store.metric:
            count = int(result.plan.metrics.get(store.metric, 0))
        elif store.collection:
            count = result.counts[f"mongo.{store.collection}.modified"]
        elif store.index:
            count = result.counts[f"search.{store.index}.updated"]
        if count:
            what = "sent" if store.metric else "documents" if store.collection or store.index else "rows"
            events.append(
                dg.AssetMaterialization(
                    dg.AssetKey(list(store.name)), metadata={what: count, "micro_batch": result.plan.key}
                )
            )
    for topic, count in sorted(result.plan.messages_by_topic().items()):
        events.append(
            dg.AssetMaterialization(
                names.topic_key(topic, settings), metadata={"messages": count, "micro_batch": result.plan.key}
            )
        )
    return events
