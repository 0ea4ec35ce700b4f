"""relation-cache-updater (its contract, section 11)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.jobs import RELATION_CACHE_UPDATER
from lern_pipeline.settings.variable import Area, area, flag, integer, text

AREA: Area = area(
    RELATION_CACHE_UPDATER,
    "Contract: relation-cache-updater, section 11.",
    (
        text("kafka.input.topic", "{env}.content.postpublish.request", "Input."),
        text("kafka.groupId", "{env}-relation-cache-updater-group", "Consumer group."),
        text("lms-cassandra.keyspace", "{env}_hierarchy_store", "Keyspace of the hierarchies."),
        text("lms-cassandra.table", "content_hierarchy", "Hierarchies."),
        integer("redis.database.index", 10, "Redis database of the relation sets."),
        integer("dp-redis.database.index", 5, "Redis database of the units."),
        flag("relation.cache.cleanup.enabled", True, "Delete the keys of nodes that a new version no longer has."),
    ),
    jobs=(RELATION_CACHE_UPDATER,),
)
