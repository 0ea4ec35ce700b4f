"""The batch search of the LMS service (contract user-ownership-transfer 3.2, D4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.batch_ownership import BatchKey, OpenBatches
from lern_pipeline.resources.http_answer import Answer, member
from lern_pipeline.resources.http_service import HttpService
from lern_pipeline.settings import JobSettings

PAGE = 200
#: What the search cluster gives out of one search, by default.
MOST = 10_000

#: Most times that all pages are gone through.
PASSES = 3

#: Not started, in progress (D14).
OPEN = (0, 1)
FIELDS = ("identifier", "createdFor", "batchId", "courseId", "startDate", "enrollmentType")


class _Response(msgspec.Struct):
    count: float = 0
    content: list[Any] | None = None


class _Result(msgspec.Struct):
    response: _Response = msgspec.field(default_factory=_Response)


class _Body(msgspec.Struct):
    result: _Result = msgspec.field(default_factory=_Result)


_body = msgspec.json.Decoder(_Body)


@dataclass(slots=True)
class _Found:
    """What one search has come to: distinct batches, entries that are none, and how many there are by its own word."""

    batches: dict[BatchKey, None] = field(default_factory=dict)
    without_key: int = 0
    count: float = 0

    @property
    def has_all(self) -> bool:
        return len(self.batches) + self.without_key >= min(self.count, MOST)

    def add(self, entry: object) -> None:
        course_id, batch_id = member(entry, "courseId"), member(entry, "batchId")
        if isinstance(course_id, str) and isinstance(batch_id, str) and course_id and batch_id:
            self.batches[BatchKey(course_id, batch_id)] = None
        else:
            self.without_key += 1


class LmsBatchSearch:
    """See :class:`lern_pipeline.microbatch.batch_ownership.CourseBatchSearch`."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._settings = settings
        self._service = HttpService("LMS service", settings, "service.lms.basePath", counts=counts)

    def close(self) -> None:
        self._service.close()

    def open_batches(self, user_ids: Iterable[str]) -> dict[str, OpenBatches]:
        """See the protocol."""
        return self._service.for_each(user_ids, self._of_user)

    def _of_user(self, user_id: str) -> OpenBatches:
        searches: tuple[tuple[dict[str, Any], tuple[str, ...]], ...] = (
            ({"createdBy": user_id}, FIELDS),
            ({"mentors": [user_id]}, (*FIELDS, "mentors")),
        )
        found = [self._found({**owner, "status": OPEN}, fields) for owner, fields in searches]
        return OpenBatches(
            tuple(dict.fromkeys(key for one in found for key in one.batches)),
            sum(one.without_key for one in found),
            is_complete=all(one.count <= PAGE or (one.count <= MOST and one.has_all) for one in found),
        )

    def _found(self, filters: dict[str, Any], fields: tuple[str, ...]) -> _Found:
        """All pages of one search. Nothing says in which order the service has them: where an entry came twice, another
        one did not come, and they are gone through again."""
        found = _Found()
        for _ in range(PASSES):
            found.without_key = 0
            self._go_through(filters, fields, found)
            if found.count <= PAGE or found.has_all:
                break
        return found

    def _go_through(self, filters: dict[str, Any], fields: tuple[str, ...], found: _Found) -> None:
        """The service may give fewer entries at a time than it is asked for."""
        got = 0
        while got < MOST:
            request = {"filters": filters, "fields": fields, "offset": got, "limit": min(PAGE, MOST - got)}
            response = self._search({"request": request})
            found.count = response.count
            content = response.content if response.count > 0 and response.content else []
            for entry in content:
                found.add(entry)
            got += len(content)
            if got >= response.count or not content:
                return

    def _search(self, body: dict[str, Any]) -> _Response:
        """Whatever is no result is tried again, and then an outage (contract 6)."""
        path = self._settings.text("batch_search_api")
        answer = Answer(0, b"")
        for _ in range(self._settings.integer("http.attempts")):
            answer = self._service.post(path, body)
            if answer.status == 200:
                try:
                    return _body.decode(answer.content).result.response
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    continue
        reason = f"answered {answer.status}" if answer.status != 200 else "gave an answer that cannot be used"
        raise ServiceUnavailable("LMS service", self._service.shown(path), reason, answer.status)
