"""The batch's decision: each published collection's cache changes as planned writes (contract 5, 7, 8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from lern_pipeline.events.record import Position
from lern_pipeline.events.validation import Skip
from lern_pipeline.jobs.relation_cache_updater.hierarchy import InvalidHierarchy
from lern_pipeline.jobs.relation_cache_updater.rules import CacheChanges, cache_changes
from lern_pipeline.jobs.relation_cache_updater.state import HierarchyState
from lern_pipeline.microbatch.job import Decision, Event, Failure, Moment
from lern_pipeline.microbatch.plan import CacheChange, CacheWrites, DeleteKey, ReplaceSet, SetText
from lern_pipeline.settings import JobSettings


def decide(events: Sequence[Event[str]], state: HierarchyState, settings: JobSettings, moment: Moment) -> Decision:
    """Several events of one collection are one computation; each counts on its own (8)."""
    relations = CacheWrites("redis", settings.integer("redis.database.index"), [])
    units = CacheWrites("dp-redis", settings.integer("dp-redis.database.index"), [])
    cleanup = settings.flag("relation.cache.cleanup.enabled")
    decision = Decision(cache=[relations, units], warnings=list(state.warnings))
    events_by_root: dict[str, list[Position]] = defaultdict(list)
    for event in events:
        events_by_root[event.work].append(event.position)
    written = 0
    for root, positions in events_by_root.items():
        try:
            changes = cache_changes(
                root, state.hierarchies.get(root), state.previous_leafnodes.get(root, frozenset()), cleanup
            )
        except InvalidHierarchy as error:
            decision.failed.update((position, Failure(str(error))) for position in positions)
            continue
        if isinstance(changes, Skip):
            decision.skipped.update((position, changes.reason) for position in positions)
            continue
        _append(relations, [*_sets(changes), *map(DeleteKey, changes.deletions)])
        _append(units, [SetText(unit_id, text) for unit_id, text in changes.strings])
        written += len(changes.sets) + len(changes.strings)
    decision.metrics = {"cache-write-count": float(written)}
    return decision


def _append(writes: CacheWrites, transaction: list[CacheChange]) -> None:
    if transaction:
        writes.transactions.append(transaction)


def _sets(changes: CacheChanges) -> list[CacheChange]:
    return [ReplaceSet(key, members) for key, members in changes.sets]
