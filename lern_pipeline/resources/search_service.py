"""The search service: status of a collection (platform contract H1, decisions 5 and 6)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import msgspec
import stamina

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.services import StatusFound, StatusUnknown
from lern_pipeline.resources.outage import one_line
from lern_pipeline.settings import JobSettings

CONCURRENT_REQUESTS = 8

UNUSABLE = "search service gave an answer that cannot be used"


class _Content(msgspec.Struct):
    status: str | None = None


class _Result(msgspec.Struct):
    count: float = 0
    content: list[_Content] = []


class _Answer(msgspec.Struct):
    result: _Result = msgspec.field(default_factory=_Result)


class _NotAnswered(Exception):
    """Lost connection, time-out, 429 or 5xx: worth another try."""


class SearchService:
    """Typed client. A status is remembered for ``activity.collection.status.cache.expiry`` seconds (contract 6.3)."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._setting = "service.search.basePath"
        self._settings = settings
        self._attempts = settings.integer("http.attempts")
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._lock = threading.Lock()
        self._down: str | None = None
        self._remembered: dict[str, tuple[float, StatusFound]] = {}

    def close(self) -> None:
        """Nothing is kept open between calls."""

    def collection_statuses(self, collection_ids: Iterable[str]) -> dict[str, StatusFound | StatusUnknown]:
        """See :class:`lern_pipeline.microbatch.services.CollectionStatusReader`."""
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
        timeout = httpx2.Timeout(
            self._settings.number("http.read.timeout.seconds"),
            connect=self._settings.number("http.connect.timeout.seconds"),
        )
        with (
            httpx2.Client(timeout=timeout, headers={"Content-Type": "application/json"}) as client,
            ThreadPoolExecutor(CONCURRENT_REQUESTS, "search") as pool,
        ):
            return dict(zip(wanted, pool.map(lambda id_: self._status(client, id_), wanted), strict=True))

    def _status(self, client: httpx2.Client, collection_id: str) -> StatusFound | StatusUnknown:
        if self._down is not None:
            # The service has just failed all its retries: the others of this batch need not wait as long.
            return StatusUnknown(self._down)
        try:
            for attempt in stamina.retry_context(
                on=_NotAnswered, attempts=self._attempts, timeout=None, wait_initial=0.2, wait_max=2.0, wait_jitter=0.3
            ):
                with attempt:
                    return self._ask(client, collection_id)
        except _NotAnswered as error:
            with self._lock:
                self._down = f"search service {error}"
            return StatusUnknown(self._down)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _ask(self, client: httpx2.Client, collection_id: str) -> StatusFound | StatusUnknown:
        url = f"{self._settings.text(self._setting)}/v3/search"
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
        self.counts["http.requests"] += 1
        try:
            response = client.post(url, content=msgspec.json.encode(body))
        except httpx2.DecodingError:
            return StatusUnknown(UNUSABLE)
        except httpx2.TransportError as error:
            raise _NotAnswered(f"did not answer: {one_line(error)}") from error
        status = response.status_code
        if status == 429 or status >= 500:
            raise _NotAnswered(f"answered {status}")
        if status in (401, 403):
            raise ConfigurationError(f"search service answers {status} to {url}: check {self._setting}")
        if status != 200:
            return StatusUnknown(f"search service answered {status}")
        return _parsed(response.content)


def _parsed(content: bytes) -> StatusFound | StatusUnknown:
    try:
        result = msgspec.json.decode(content, type=_Answer).result
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return StatusUnknown(UNUSABLE)
    if result.count <= 0 or not result.content:
        return StatusUnknown("search service knows no such collection")
    status = result.content[0].status
    return StatusFound(status) if status else StatusUnknown("search service gave no status")
