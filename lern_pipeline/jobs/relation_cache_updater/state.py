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

PACKAGED_KEYSPACE = "dev_hierarchy_store"


@dataclass(frozen=True, slots=True)
class HierarchyState:
    """Collection id → hierarchy text (None: null or no row), and the members of its old leaf node set."""

    hierarchies: dict[str, str | None]
    previous_leafnodes: dict[str, frozenset[str]]
    warnings: tuple[str, ...] = ()


def read_state(
    events: Sequence[Event[str]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> HierarchyState:
    """The current row of each distinct collection, once, after the last of its events was consumed (8)."""
    roots = list(dict.fromkeys(event.work for event in events))
    keyspace, warnings = _hierarchy_keyspace(readers, settings) if roots else ("", ())
    rows = readers.rows.select(
        f"{keyspace}.{settings.text('lms-cassandra.table')}",
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
    return HierarchyState(hierarchies, previous, warnings)


def _hierarchy_keyspace(readers: Readers, settings: JobSettings) -> tuple[str, tuple[str, ...]]:
    """The configured keyspace. Where none is configured and the environment's own is not there, the existing
    job's packaged default, with a warning (contract 11: ``{env}_hierarchy_store``, file ``dev_hierarchy_store``)."""
    keyspace = settings.text("lms-cassandra.keyspace")
    rows = readers.rows
    if not settings.is_default("lms-cassandra.keyspace") or rows.has_keyspace(keyspace):
        return keyspace, ()
    if not rows.has_keyspace(PACKAGED_KEYSPACE):
        return keyspace, ()
    return PACKAGED_KEYSPACE, (f"no keyspace {keyspace}: hierarchies are read from {PACKAGED_KEYSPACE}",)
