"""Every recorded scenario of the job, played on the pure rules with stores in memory.

A quick check before the end-to-end one: the reading of records and stores is done here in the plainest way.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.events.lenient_json import InvalidJson, parse_lenient
from lern_pipeline.events.validation import InvalidEvent, Skip
from lern_pipeline.jobs.relation_cache_updater.hierarchy import InvalidHierarchy
from lern_pipeline.jobs.relation_cache_updater.rules import cache_changes, leafnodes_key, requested_collection

pytestmark = pytest.mark.contracts

SCENARIOS = sorted((Path(__file__).parents[2] / "golden" / "scenarios" / "relation-cache-updater").glob("*.json"))


class Stores:
    """The hierarchy table, Redis databases 10 and 5, and the account."""

    def __init__(self, given: dict[str, Any], cleanup: bool) -> None:
        rows = given.get("cassandra", {}).get("dev_hierarchy_store.content_hierarchy", [])
        self.hierarchies: dict[str, str | None] = {row["identifier"]: row.get("hierarchy") for row in rows}
        self.redis = {db: dict(given.get("redis", {}).get(db, {})) for db in ("10", "5")}
        self.account = {"processed": 0, "skipped": 0, "failed": 0}
        self.cleanup = cleanup

    def handle(self, value: object) -> None:
        text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        try:
            event = parse_lenient(text)
            root_id = requested_collection(event)
            result = root_id if isinstance(root_id, Skip) else self.publish(root_id)
        except (InvalidJson, InvalidEvent, InvalidHierarchy):
            self.account["failed"] += 1
        else:
            self.account["skipped" if isinstance(result, Skip) else "processed"] += 1

    def publish(self, root_id: str) -> Skip | None:
        sets = self.redis["10"]
        old = sets.get(leafnodes_key(root_id, root_id), {"type": "none"})
        previous = frozenset(old["value"]) if old["type"] == "set" else frozenset()
        changes = cache_changes(root_id, self.hierarchies.get(root_id), previous, self.cleanup)
        if isinstance(changes, Skip):
            return changes
        for key, members in changes.sets:
            sets[key] = {"type": "set", "value": list(members)}
        for key in changes.deletions:
            sets.pop(key, None)
        for unit, unit_json in changes.strings:
            self.redis["5"][unit] = {"type": "string", "value": unit_json}
        return None


def comparable(entry: dict[str, Any]) -> object:
    match entry["type"]:
        case "set":
            return sorted(entry["value"])
        case "string":
            return json.loads(entry["value"])
        case _:
            return entry


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    scenario = json.loads(path.read_text())
    expected = scenario["expected"]
    stores = Stores(scenario["given"], scenario["settings"].get("relation.cache.cleanup.enabled", True))
    for record in scenario["records"]:
        stores.handle(record["value"])
    for db, entries in expected["redis"].items():
        actual = {key: comparable(entry) for key, entry in stores.redis[db].items()}
        assert actual == {key: comparable(entry) for key, entry in entries.items()}
    assert stores.account == expected["account"]


def test_there_are_scenarios() -> None:
    assert len(SCENARIOS) >= 40
