"""Collections that are published again: their trees have shrunk, and keys of before must go."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lern_pipeline.jobs.relation_cache_updater.hierarchy import COLLECTION
from lern_pipeline.jobs.relation_cache_updater.job import RELATION_CACHE_UPDATER
from lern_pipeline.microbatch.plan import CacheWrites, ReplaceSet, RowWrites
from lern_pipeline_tests.faults.job_world import ClientOf, JobWorld, keys_naming

HIERARCHIES = "dev_hierarchy_store.content_hierarchy"
EVENTS_PER_COLLECTION = 3


class RelationCacheWorld(JobWorld):
    """Each collection is published several times over; some have no hierarchy, or one that cannot be used."""

    job = RELATION_CACHE_UPDATER
    never_passed = frozenset({"between-rows", "between-last"})
    # Sets of the new version beside units of the old one.
    telling_points = ("between-cache",)
    times = frozenset()

    def make_workload(self) -> None:
        self._collections = max(self.events // EVENTS_PER_COLLECTION, 1)

    def event(self, number: int) -> bytes:
        edata = {
            "action": "post-publish-process",
            "identifier": self._root(number % self._collections),
            "mimeType": COLLECTION,
        }
        return json.dumps({"eid": "BE_JOB_REQUEST", "edata": edata}).encode()

    def given_rows(self, write_time_us: int) -> Iterator[RowWrites]:
        hierarchies = {number: self._hierarchy(number) for number in range(self._collections)}
        rows = [[self._root(number), text, write_time_us] for number, text in hierarchies.items() if text]
        yield RowWrites(HIERARCHIES, key=("identifier",), set=("hierarchy",), rows=rows)

    def given_caches(self) -> Iterator[CacheWrites]:
        """As of the version before, which had one content more, and all of them optional."""
        database = self.settings.integer("redis.database.index")
        yield CacheWrites("redis", database, [self._before(self._root(n)) for n in range(self._collections)])

    def keys_left(self, client_of: ClientOf) -> Mapping[str, str]:
        return dict(
            left
            for name in ("redis.database.index", "dp-redis.database.index")
            for left in keys_naming(client_of(self.settings.integer(name)), self.token, name)
        )

    def _root(self, number: int) -> str:
        return f"do_{self.token}_{number}"

    def _hierarchy(self, number: int) -> str | None:
        if number % 10 == 3:
            return None
        if number % 10 == 6:
            return "not a hierarchy"
        root = self._root(number)
        units = [
            _collection(
                f"{root}_u{unit}",
                *(_resource(f"{root}_u{unit}_c{content}", optional=content == 0 < unit) for content in range(3)),
                visibility="Parent",
            )
            for unit in range(2)
        ]
        return json.dumps(_collection(root, *units))

    def _before(self, root: str) -> list[Any]:
        contents = tuple(f"{root}_u{unit}_c{content}" for unit in range(2) for content in range(4))
        return [
            *(ReplaceSet(f"{root}:{name}:{kind}", contents) for name in (root, f"{root}_u0") for kind in KINDS),
            *(ReplaceSet(f"{root}:{content}:ancestors", (root,)) for content in contents),
        ]


KINDS = ("leafnodes", "optionalnodes")


def _collection(identifier: str, *children: dict[str, Any], **members: str) -> dict[str, Any]:
    return {"identifier": identifier, "mimeType": COLLECTION, "children": list(children), **members}


def _resource(identifier: str, optional: bool) -> dict[str, Any]:
    return {"identifier": identifier, "mimeType": "video/mp4", "relationalMetadata": {"optional": optional}}
