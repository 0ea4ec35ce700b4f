"""The LMS service's batch search, on a real search cluster (contract user-ownership-transfer 3.2).

``POST …/course/batch/search``. It finds what the cluster's index shows at that moment, and gives out 30 at a time
unless it is told otherwise, as the LMS service does. The state is ``{"cluster": "host:port"}``; without one nothing is
found.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from lern_pipeline_tests.third_party.answers import Answer, Request

INDEX = "course-batch"
USUAL_LIMIT = 30


class BatchSearch:
    """Holds the cluster's address."""

    name = "batches"

    def __init__(self) -> None:
        self._state: dict[str, str] = {}

    def answer(self, request: Request) -> Answer | None:
        if request.method != "POST" or not request.whole_path.endswith("/course/batch/search"):
            return None
        asked = request.body["request"]
        hits = self._search(asked["filters"], asked.get("offset", 0), asked.get("limit", USUAL_LIMIT))
        content = [
            {"identifier": hit["_id"]}
            | {name: hit["_source"][name] for name in asked["fields"] if name in hit["_source"]}
            for hit in hits["hits"]
        ]
        response = {"count": hits["total"]["value"], "content": content}
        return Answer({"responseCode": "OK", "result": {"response": response}})

    def _search(self, filters: dict[str, Any], offset: int, limit: int) -> dict[str, Any]:
        nothing: dict[str, Any] = {"total": {"value": 0}, "hits": []}
        if "cluster" not in self._state:
            return nothing
        terms = [
            {
                "terms": {
                    "status" if name == "status" else f"{name}.keyword": wanted
                    if isinstance(wanted, list)
                    else [wanted]
                }
            }
            for name, wanted in filters.items()
        ]
        query = {
            "query": {"bool": {"filter": terms}},
            "from": offset,
            "size": limit,
            "sort": ["_doc"],
            "track_total_hits": True,
        }
        asked = urllib.request.Request(
            f"http://{self._state['cluster']}/{INDEX}/_search",
            json.dumps(query).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                found: dict[str, Any] = json.load(answer)["hits"]
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return nothing
            raise
        return found

    def state(self) -> dict[str, str]:
        """Everything it holds."""
        return self._state

    def add(self, state: dict[str, str]) -> None:
        self._state |= state
