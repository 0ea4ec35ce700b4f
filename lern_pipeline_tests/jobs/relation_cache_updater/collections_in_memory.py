"""Collections and their publication on stores in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lern_pipeline.jobs.relation_cache_updater.job import RELATION_CACHE_UPDATER
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import Learners

COLLECTION = "application/vnd.ekstep.content-collection"
KEYSPACE = "test_hierarchy_store"
RELATIONS, UNITS = ("redis", 10), ("dp-redis", 5)
FAILED = "test.lern.pipeline.failed"


class Collections(Learners):
    """Publishes collections instead of completing contents."""

    def hierarchy(self, root: str, text: str) -> None:
        """From now on the collection looks like this."""
        self.world.rows.give(f"{KEYSPACE}.content_hierarchy", {"identifier": root}, {"hierarchy": text})

    def published(self, root: str) -> None:
        self.publish_edata({"action": "post-publish-process", "identifier": root, "mimeType": COLLECTION})

    def keys_and_values(self) -> Mapping[Any, Mapping[str, Any]]:
        """What is in Redis; the JSON of units parsed (contract 4.4)."""
        return {
            where: {key: json.loads(value) if isinstance(value, str) else value for key, value in keys.items()}
            for where, keys in self.world.caches.databases.items()
        }


def collections(base: str) -> Collections:
    configured = load_configuration(None, {"LERN_PIPELINE_ENV": "test"}).for_job(RELATION_CACHE_UPDATER.name)
    made = Collections(base, configured, RELATION_CACHE_UPDATER)
    made.world.rows.keyspaces.add(KEYSPACE)
    return made


def named_in(root: str, tree: Any) -> str:
    """The tree as JSON, with ids that are the collection's own."""

    def named(node: Any) -> Any:
        node = dict(node)
        if node.get("identifier"):
            node["identifier"] = f"{root}_{node['identifier']}"
        if "children" in node:
            node["children"] = [named(child) for child in node["children"]]
        return node

    return json.dumps({**named(tree), "identifier": root})
