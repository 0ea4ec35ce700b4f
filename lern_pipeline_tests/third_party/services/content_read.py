"""The content service's read: ``GET <any prefix>/content/v1/read/<id>`` (platform contract H2)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from lern_pipeline_tests.third_party.answers import Answer, Request

PATH = re.compile(r".*/content/v\d+/read/([^/]+)")


class ContentRead:
    """Holds contents by identifier."""

    name = "content"

    def __init__(self) -> None:
        self._contents: dict[str, dict[str, Any]] = {}

    def answer(self, request: Request) -> Answer | None:
        found = PATH.fullmatch(request.whole_path)
        if request.method != "GET" or found is None:
            return None
        identifier = unquote(found[1])
        content = self._contents.get(identifier)
        if content is None:
            return Answer({"id": "api.content.read", "responseCode": "RESOURCE_NOT_FOUND", "result": {}}, 404)
        return Answer({"id": "api.content.read", "responseCode": "OK", "result": {"content": content}})

    def state(self) -> dict[str, dict[str, Any]]:
        """Identifier → content."""
        return self._contents

    def add(self, state: dict[str, dict[str, Any]]) -> None:
        for identifier, content in state.items():
            self._contents[identifier] = {"identifier": identifier, **content}
