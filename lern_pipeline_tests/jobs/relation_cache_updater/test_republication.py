"""A collection that is published again is as if it had been published once, but for what the contract lets stay."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings

from lern_pipeline.jobs.relation_cache_updater.hierarchy import relations_of
from lern_pipeline_tests.jobs.relation_cache_updater.collections_in_memory import (
    RELATIONS,
    UNITS,
    Collections,
    collections,
    named_in,
)
from lern_pipeline_tests.jobs.relation_cache_updater.test_hierarchy_properties import trees

pytestmark = pytest.mark.rules

ROOT = "do_A"


def published(*versions: Any) -> Collections:
    """Each version in a batch of its own."""
    platform = collections(f"memory://{uuid4()}")
    for version in versions:
        platform.hierarchy(ROOT, named_in(ROOT, version))
        platform.published(ROOT)
        platform.run()
    for key in platform.keys:
        platform.store.delete(str(key))
    return platform


@settings(max_examples=60)
@given(trees, trees)
def test_only_what_belongs_to_nodes_that_have_gone_stays(before: Any, now: Any) -> None:
    """Exception (D1): sets of collections that are no longer in the tree, and JSON of units, are never deleted."""
    again, once = published(before, now).keys_and_values(), published(now).keys_and_values()
    for database, keys in once.items():
        assert keys.items() <= again[database].items()
    collections_now = relations_of(ROOT, json.loads(named_in(ROOT, now))).collections
    for key in again[RELATIONS].keys() - once[RELATIONS].keys():
        _, node, kind = key.split(":")
        assert kind in ("leafnodes", "optionalnodes")
        assert node not in collections_now
    assert again.keys() <= {RELATIONS, UNITS}
