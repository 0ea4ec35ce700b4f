"""The content read API: how many questions a content has (platform contract H2, P14, decisions 4 and 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lern_pipeline.microbatch.services import ContentAnswer, ContentUnusable
from lern_pipeline.resources.http_service import Answer, HttpService, path_segment
from lern_pipeline.settings import JobSettings


class ContentService:
    """Typed client of ``GET <content.read.api><content id>``."""

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self._reads = HttpService("content service", settings, "content.read.api", counts=counts, follow_redirects=True)

    def close(self) -> None:
        self._reads.close()

    def read_contents(self, content_ids: Iterable[str]) -> dict[str, ContentAnswer | ContentUnusable]:
        """See :class:`lern_pipeline.microbatch.services.ContentReader`."""
        return self._reads.for_each(content_ids, lambda id_: _answer(self._reads.get(path_segment(id_))))


def _answer(answer: Answer) -> ContentAnswer | ContentUnusable:
    response_code = answer.member("responseCode")
    if not isinstance(response_code, str):
        return ContentUnusable(f"the content service answered {answer.status} without a responseCode")
    total_questions = answer.member("result", "content", "totalQuestions")
    return ContentAnswer(answer.status < 300, response_code, total_questions)
