"""The content read API (platform contract H2–H4, P14; decisions 4 and 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.service_readers import ContentAnswer, ContentUnusable, NotRead, TypeUnknown
from lern_pipeline.resources.http_answer import Answer, member
from lern_pipeline.resources.http_service import HttpService, path_segment
from lern_pipeline.settings import JobSettings

#: So many contents in a row without an answer: the service is down, and the others are not waited for as long.
OUTAGES_IN_A_ROW = 16


class ContentService:
    """Typed client. How many questions: ``GET <content.read.api><content id>``; types and names:
    ``GET <service.content.basePath><content_read_api>/<content id>``."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._settings = settings
        name = "content service"
        self._questions = HttpService(name, settings, "content.read.api", counts=counts, follow_redirects=True)
        self._metadata = HttpService(name, settings, "service.content.basePath", counts=counts, follow_redirects=True)

    def close(self) -> None:
        self._questions.close()
        self._metadata.close()

    def read_contents(self, content_ids: Iterable[str]) -> dict[str, ContentAnswer | ContentUnusable]:
        """See :class:`lern_pipeline.microbatch.service_readers.ContentReader`."""
        return self._questions.for_each(content_ids, lambda id_: _answer(self._questions.get(path_segment(id_))))

    def content_types(self, content_ids: Iterable[str]) -> dict[str, str | TypeUnknown]:
        """See :class:`lern_pipeline.microbatch.service_readers.ContentReader`."""
        outages = 0

        def read(content_id: str) -> str | TypeUnknown:
            nonlocal outages
            if outages >= OUTAGES_IN_A_ROW:
                return TypeUnknown(is_outage=True)
            try:
                answer = self._metadata.get(self._path(content_id))
            except ServiceUnavailable:
                outages += 1
                return TypeUnknown(is_outage=True)
            outages = 0
            return _type(answer)

        return self._metadata.for_each(content_ids, read)

    def collection_names(self, collection_ids: Iterable[str]) -> dict[str, str | NotRead]:
        """See :class:`lern_pipeline.microbatch.service_readers.ContentReader`."""

        def read(collection_id: str) -> str | NotRead:
            path = self._path(collection_id)
            found = _name(self._metadata.get(f"{path}?fields=name"))
            return found if isinstance(found, str) else NotRead(self._metadata.shown(path), found.reason)

        return self._metadata.for_each(collection_ids, read)

    def _path(self, content_id: str) -> str:
        return f"{self._settings.text('content_read_api')}/{path_segment(content_id)}"


def _answer(answer: Answer) -> ContentAnswer | ContentUnusable:
    body = answer.json()
    response_code = member(body, "responseCode")
    if not isinstance(response_code, str):
        return ContentUnusable(f"the content service answered {answer.status} without a responseCode")
    total_questions = member(body, "result", "content", "totalQuestions")
    return ContentAnswer(answer.status < 300, response_code, total_questions)


def _type(answer: Answer) -> str | TypeUnknown:
    body = answer.json()
    response_code, content = member(body, "responseCode"), member(body, "result", "content")
    said_ok = answer.status in (200, 201) and isinstance(response_code, str) and response_code.lower() == "ok"
    if not said_ok or not isinstance(content, dict) or not content:
        return TypeUnknown(is_outage=False)
    found = content.get("contentType")
    if found is None:
        found = content.get("contenttype")
    return found if isinstance(found, str) else ""


def _name(answer: Answer) -> str | ContentUnusable:
    if answer.status != 200:
        return ContentUnusable(f"answered {answer.status}")
    body = answer.json()
    if not isinstance(body, dict):
        return ContentUnusable("answered 200 without a JSON object")
    name = member(body, "result", "content", "name")
    if name is None:
        return ""
    return name if isinstance(name, str) else ContentUnusable("answered 200 with a name that is no text")
