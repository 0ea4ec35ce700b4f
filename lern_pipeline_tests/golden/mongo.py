"""MongoDB before and after a group: what is given goes in, what carries a tag comes out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bson import json_util
from pymongo import MongoClient

from lern_pipeline_tests.golden.scenarios import Scenario

DATABASE = "ml-service"


class MongoDocuments:
    """The collections that the scenarios name, on one server."""

    def __init__(self, url: str) -> None:
        self._client: MongoClient[dict[str, Any]] = MongoClient(url)
        self._database = self._client[DATABASE]

    def close(self) -> None:
        self._client.close()

    def prepare(self, scenarios: Sequence[Scenario]) -> None:
        """Removes what earlier runs of the scenarios left, then loads what is given."""
        for name in _collections(scenarios):
            for document in self._database[name].find():
                if _tags_of(document, scenarios):
                    self._database[name].delete_one({"_id": document["_id"]})
        for scenario in scenarios:
            for name, documents in scenario.given.get("mongo", {}).items():
                if documents:
                    self._database[name].insert_many(json_util.loads(json.dumps(documents)))

    def read(self, scenarios: Sequence[Scenario]) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Tag → collection → the documents that carry it, in extended JSON."""
        found: dict[str, dict[str, list[dict[str, Any]]]] = {scenario.tag: {} for scenario in scenarios}
        for name in _collections(scenarios):
            for document in self._database[name].find():
                for tag in _tags_of(document, scenarios):
                    found[tag].setdefault(name, []).append(_extended(document))
        return found


def _extended(document: Mapping[str, Any]) -> dict[str, Any]:
    extended: dict[str, Any] = json.loads(json_util.dumps(document, json_options=json_util.RELAXED_JSON_OPTIONS))
    return extended


def _tags_of(document: Mapping[str, Any], scenarios: Iterable[Scenario]) -> list[str]:
    """A document carries a tag in a text, or is one that the scenario gives."""
    text = json.dumps(_extended(document))
    own = json.dumps(_extended(document)["_id"])
    return [
        scenario.tag
        for scenario in scenarios
        if scenario.tag in text
        or any(
            own == json.dumps(given["_id"])
            for documents in scenario.given.get("mongo", {}).values()
            for given in documents
        )
    ]


def _collections(scenarios: Iterable[Scenario]) -> list[str]:
    parts = [part.get("mongo", {}) for one in scenarios for part in (one.given, one.expected)]
    return sorted({name for part in parts for name in part})
