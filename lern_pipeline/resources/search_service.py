"""The search service: status of a collection (platform contract H1, decisions 5 and 6)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

import msgspec

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.service_readers import StatusFound, StatusUnknown
from lern_pipeline.resources.http_service import HttpService
from lern_pipeline.settings import JobSettings

UNUSABLE = "search service gave an answer that cannot be used"


class _Content(msgspec.Struct):
    status: str | None = None


class _Result(msgspec.Struct):
    count: float = 0
    content: list[_Content] = []


class _Answer(msgspec.Struct):
    result: _Result = msgspec.field(default_factory=_Result)


_answer = msgspec.json.Decoder(_Answer)


class SearchService:
    """Typed client. A status is remembered for ``activity.collection.status.cache.expiry`` seconds (contract 6.3)."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._settings = settings
        self._service = HttpService("search service", settings, "service.search.basePath", counts=counts)
        self.counts = self._service.counts
        self._down: str | None = None
        self._remembered: dict[str, tuple[float, StatusFound]] = {}

    def close(self) -> None:
        self._service.close()

    def collection_statuses(self, collection_ids: Iterable[str]) -> dict[str, StatusFound | StatusUnknown]:
        """See :class:`lern_pipeline.microbatch.service_readers.CollectionStatusReader`."""
        wanted = sorted(set(collection_ids))
        found = self._still_remembered(wanted)
        missing = [collection_id for collection_id in wanted if collection_id not in found]
        if missing:
            answers = self._asked(missing)
            moment = time.monotonic()
            self._remembered.update((id_, (moment, a)) for id_, a in answers.items() if isinstance(a, StatusFound))
            found.update(answers)
        return found

    def _still_remembered(self, wanted: list[str]) -> dict[str, StatusFound | StatusUnknown]:
        if not self._remembered:
            return {}
        oldest = time.monotonic() - self._settings.integer("activity.collection.status.cache.expiry")
        self._remembered = {id_: known for id_, known in self._remembered.items() if known[0] > oldest}
        return {id_: self._remembered[id_][1] for id_ in wanted if id_ in self._remembered}

    def _asked(self, wanted: list[str]) -> dict[str, StatusFound | StatusUnknown]:
        self._down = None
        return dict(self._service.for_each(wanted, self._status))

    def _status(self, collection_id: str) -> StatusFound | StatusUnknown:
        if self._down is not None:
            # The service has just failed all its retries: the others of this batch need not wait as long.
            return StatusUnknown(self._down)
        try:
            return self._ask(collection_id)
        except ServiceUnavailable as error:
            self._down = f"search service {error.reason}"
            return StatusUnknown(self._down)

    def _ask(self, collection_id: str) -> StatusFound | StatusUnknown:
        body = {
            "request": {
                "filters": {
                    "objectType": "Collection",
                    "identifier": collection_id,
                    "status": ["Live", "Unlisted", "Retired"],
                },
                "fields": ["status"],
            }
        }
        answer = self._service.post("/v3/search", body)
        if answer.status != 200:
            return StatusUnknown(f"search service answered {answer.status}")
        return _parsed(answer.content)


def _parsed(content: bytes) -> StatusFound | StatusUnknown:
    try:
        result = _answer.decode(content).result
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return StatusUnknown(UNUSABLE)
    if result.count <= 0 or not result.content:
        return StatusUnknown("search service knows no such collection")
    status = result.content[0].status
    return StatusFound(status) if status else StatusUnknown("search service gave no status")
