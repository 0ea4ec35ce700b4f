"""The search cluster's documents: ``DELETE`` and ``GET /<index>/_doc/<id>`` (platform contract 9)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from lern_pipeline_tests.third_party.answers import Answer, Request

PATH = re.compile(r"/([^/_][^/]*)/_doc/([^/]+)")


class Documents:
    """Holds documents by index and id."""

    name = "documents"

    def __init__(self) -> None:
        self._indices: dict[str, dict[str, Any]] = {}

    def answer(self, request: Request) -> Answer | None:
        found = PATH.fullmatch(request.whole_path)
        if found is None or request.method not in ("DELETE", "GET"):
            return None
        index, document_id = map(unquote, found.groups())
        documents = self._indices.get(index, {})
        head = {"_index": index, "_id": document_id}
        if document_id not in documents:
            gone = {"result": "not_found"} if request.method == "DELETE" else {"found": False}
            return Answer(head | gone, 404)
        if request.method == "GET":
            return Answer(head | {"found": True, "_source": documents[document_id]})
        del documents[document_id]
        return Answer(head | {"result": "deleted"})

    def state(self) -> dict[str, dict[str, Any]]:
        """Index → id → document."""
        return self._indices

    def add(self, state: dict[str, dict[str, Any]]) -> None:
        for index, documents in state.items():
            self._indices.setdefault(index, {}).update(documents)
