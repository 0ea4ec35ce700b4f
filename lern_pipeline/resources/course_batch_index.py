"""Search documents of course batches (contract user-ownership-transfer 3.4, D5 to D8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.resources.http_answer import Answer
from lern_pipeline.resources.search_cluster import ADDRESS, NAME, SearchCluster
from lern_pipeline.settings import JobSettings

INDEX = "course-batch"
NO_DOCUMENT = "document_missing_exception"

#: Documents of one request.
TOGETHER = 500

#: The LMS service may write the same document at the same moment; a partial update loses nothing of it.
CONFLICTS = 5


class _Error(msgspec.Struct):
    type: str = "unknown error"


class _Update(msgspec.Struct):
    id: str = msgspec.field(name="_id")
    status: int
    result: str = ""
    error: _Error | None = None


class _Item(msgspec.Struct):
    update: _Update


class _Answer(msgspec.Struct):
    items: list[_Item]


_answer = msgspec.json.Decoder(_Answer)


class CourseBatchDocuments:
    """See :class:`lern_pipeline.microbatch.batch_ownership.CourseBatchIndex`.

    ``counts`` gets ``search.course-batch.updated``, the documents that were changed.
    """

    def __init__(self, settings: JobSettings, counts: Counter[str] | None = None) -> None:
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._cluster = SearchCluster(settings, self.counts)

    def close(self) -> None:
        self._cluster.close()

    def update(self, documents: Mapping[str, Mapping[str, Any]]) -> set[str]:
        """See the protocol."""
        if not documents:
            return set()
        self._see_the_index()
        missing: set[str] = set()
        for some in _chunks(documents):
            missing |= self._updated(some)
        # The next search must find what has changed, also where the index refreshes seldom or never (D5).
        self._sent("POST", f"/{INDEX}/_refresh")
        return missing

    def _see_the_index(self) -> None:
        # An update of a document makes the index where there is none.
        if self._sent("HEAD", f"/{INDEX}", also=404).status == 404:
            raise ConfigurationError(f"{NAME} at {self._cluster.address} has no index {INDEX}: check {ADDRESS}")

    def _updated(self, documents: Mapping[str, Mapping[str, Any]]) -> set[str]:
        """The ids of those that are not there."""
        answer = self._sent("POST", f"/{INDEX}/_bulk", b"".join(_lines(documents)))
        try:
            updates = [item.update for item in _answer.decode(answer.content).items]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._unavailable("gave an answer that cannot be used") from None
        for update in updates:
            if update.error is not None and update.error.type != NO_DOCUMENT:
                raise self._unavailable(f"refused to update a document: {update.error.type}", update.status)
        if {update.id for update in updates} != documents.keys():
            raise self._unavailable("gave an answer without some of the documents")
        self.counts[f"search.{INDEX}.updated"] += sum(update.result == "updated" for update in updates)
        return {update.id for update in updates if update.error is not None}

    def _sent(self, method: str, path: str, lines: bytes | None = None, also: int = 200) -> Answer:
        """An answer that is 200, or ``also``."""
        headers = None if lines is None else {"Content-Type": "application/x-ndjson"}
        answer = self._cluster.send(method, path, lines, headers)
        if answer.status not in (200, also):
            raise self._unavailable(f"answered {answer.status}", answer.status)
        return answer

    def _unavailable(self, reason: str, status: int | None = None) -> ServiceUnavailable:
        return ServiceUnavailable(NAME, self._cluster.address, reason, status)


def _chunks(documents: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Mapping[str, Any]]]:
    ids = list(documents)
    for start in range(0, len(ids), TOGETHER):
        yield {id_: documents[id_] for id_ in ids[start : start + TOGETHER]}


def _lines(documents: Mapping[str, Mapping[str, Any]]) -> Iterator[bytes]:
    for id_, members in documents.items():
        for line in ({"update": {"_id": id_, "retry_on_conflict": CONFLICTS}}, {"doc": members}):
            yield msgspec.json.encode(line) + b"\n"
