"""The search service: ``POST <any prefix>/v3/search`` (platform contract H1)."""

from __future__ import annotations

from typing import Any

from lern_pipeline_tests.third_party.answers import Answer, Request


class Search:
    """Holds documents by identifier; a filter is a value or a list of which the document has one."""

    name = "search"

    def __init__(self) -> None:
        self._documents: dict[str, dict[str, Any]] = {}

    def answer(self, request: Request) -> Answer | None:
        if request.method != "POST" or not request.whole_path.endswith("/v3/search"):
            return None
        asked = request.body.get("request") if isinstance(request.body, dict) else None
        if not isinstance(asked, dict) or not isinstance(asked.get("filters"), dict):
            return Answer({"responseCode": "CLIENT_ERROR", "result": {}}, 400)
        hits = [document for document in self._documents.values() if _fits(document, asked["filters"])]
        fields = {"identifier", *asked.get("fields", ())}
        content = [{name: value for name, value in hit.items() if name in fields} for hit in hits]
        found = {"count": len(hits), **({"content": content} if hits else {})}
        return Answer({"id": "api.v1.search", "responseCode": "OK", "result": found})

    def state(self) -> dict[str, dict[str, Any]]:
        """Identifier → document."""
        return self._documents

    def add(self, state: dict[str, dict[str, Any]]) -> None:
        for identifier, document in state.items():
            self._documents[identifier] = {"identifier": identifier, **document}


def _fits(document: dict[str, Any], filters: dict[str, Any]) -> bool:
    return all(
        document.get(name) in (wanted if isinstance(wanted, list) else [wanted]) for name, wanted in filters.items()
    )
