"""What the job reads before it decides: hierarchies and, for the cleanup, old leaf nodes (contract 3, D1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lern_pipeline.jobs.relation_cache_updater.rules import leafnodes_key
from lern_pipeline.microbatch.job import Event
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.settings import JobSettings

# A hierarchy may have megabytes: few to a query, so that no answer grows past what a node likes to send.
HIERARCHIES_PER_QUERY = 5


@dataclass(frozen=True, slots=True)
class HierarchyState:
    """Collection id → hierarchy text (None: null or no row), and the members of its old leaf node set."""

    hierarchies: dict[str, str | None]
    previous_leafnodes: dict[str, frozenset[str]]


def read_state(
    events: Sequence[Event[str]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> HierarchyState:
    """The current row of each distinct collection, once, after the last of its events was consumed (8)."""
    roots = list(dict.fromkeys(event.work for event in events))
    table = f"{settings.text('lms-cassandra.keyspace')}.{settings.text('lms-cassandra.table')}"
    rows = readers.rows.select(
        table,
        ("identifier", "hierarchy"),
        equal=(),
        within="identifier",
        keys=((root,) for root in roots),
        group_size=HIERARCHIES_PER_QUERY,
    )
    hierarchies: dict[str, str | None] = dict.fromkeys(roots)
    hierarchies.update(rows)
    previous: dict[str, frozenset[str]] = {}
    if settings.flag("relation.cache.cleanup.enabled"):
        keys = {leafnodes_key(root, root): root for root in roots}
        found = readers.caches.sets("redis", settings.integer("redis.database.index"), keys)
        previous = {keys[key]: members for key, members in found.items()}
    return HierarchyState(hierarchies, previous)
