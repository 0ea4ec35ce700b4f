"""Search documents of course batches (contract user-ownership-transfer 3.4, D5 to D8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
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
        if documents:
            self._see_the_index()
        return {update.id for some in _chunks(documents) for update in self._updated(some) if update.error is not None}

    def _see_the_index(self) -> None:
        # An update of a document makes the index where there is none.
        status = self._cluster.send("HEAD", f"/{INDEX}").status
        if status == 404:
            raise ConfigurationError(f"{NAME} at {self._cluster.address} has no index {INDEX}: check {ADDRESS}")
        if status != 200:
            raise self._unavailable(f"answered {status}", status)

    def _updated(self, documents: Mapping[str, Mapping[str, Any]]) -> list[_Update]:
        # The next search must find what this one has changed, also where the index refreshes seldom or never (D5).
        answer = self._cluster.send(
            "POST",
            f"/{INDEX}/_bulk?refresh=true",
            b"".join(_lines(documents)),
            {"Content-Type": "application/x-ndjson"},
        )
        if answer.status != 200:
            raise self._unavailable(f"answered {answer.status}", answer.status)
        try:
            updates = [item.update for item in msgspec.json.decode(answer.content, type=_Answer).items]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._unavailable("gave an answer that cannot be used") from None
        for update in updates:
            if update.error is not None and update.error.type != NO_DOCUMENT:
                raise self._unavailable(f"refused to update a document: {update.error.type}", update.status)
        if {update.id for update in updates} != documents.keys():
            raise self._unavailable("gave an answer without some of the documents")
        self.counts[f"search.{INDEX}.updated"] += sum(update.result == "updated" for update in updates)
        return updates

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
