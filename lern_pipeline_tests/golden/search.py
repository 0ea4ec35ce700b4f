"""The search cluster before and after a group: what is given goes in, documents whose id carries a tag come out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lern_pipeline_tests.golden.scenarios import Scenario
from lern_pipeline_tests.search_documents import SearchDocuments


class ScenarioDocuments:
    """The indices that the scenarios name, on one server."""

    def __init__(self, host_and_port: str) -> None:
        self._documents = SearchDocuments(host_and_port)

    def close(self) -> None:
        self._documents.close()

    def prepare(self, scenarios: Sequence[Scenario]) -> None:
        """Removes what earlier runs of the scenarios left, then loads what is given."""
        for index in _indices(scenarios):
            for document_id in self._documents.of(index):
                if any(scenario.tag in document_id for scenario in scenarios):
                    self._documents.remove(index, document_id)
        for scenario in scenarios:
            for index, documents in scenario.given.get("search", {}).items():
                for document_id, document in documents.items():
                    self._documents.give(index, document_id, document)

    def read(self, scenarios: Sequence[Scenario]) -> dict[str, dict[str, dict[str, Any]]]:
        """Tag → index → id → document."""
        indices = {index: self._documents.of(index) for index in _indices(scenarios)}
        return {
            scenario.tag: {
                index: {id_: document for id_, document in documents.items() if scenario.tag in id_}
                for index, documents in indices.items()
            }
            for scenario in scenarios
        }


def _indices(scenarios: Iterable[Scenario]) -> list[str]:
    parts = [part.get("search", {}) for one in scenarios for part in (one.given, one.expected)]
    return sorted({name for part in parts for name in part})
