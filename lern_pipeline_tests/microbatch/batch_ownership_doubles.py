"""Doubles of the user read, the batch search and the documents that it searches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lern_pipeline.microbatch.batch_ownership import (
    BatchKey,
    CourseBatchServices,
    Member,
    MemberRefused,
    OpenBatches,
)

Journal = list[str]


class InMemoryMembers:
    """The user service: what it says of each user, and what it was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, Member] = {}
        self.asked: list[str] = []

    def read_members(self, user_ids: Iterable[str]) -> dict[str, Member]:
        wanted = sorted(set(user_ids))
        self.asked += wanted
        return {user: self.answers.get(user, MemberRefused(404)) for user in wanted}

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryBatchDocuments:
    """Documents by batch id, and the search that finds them by creator, mentor and status.

    ``stale``: what the search finds instead, by user. Updates are to be seen at once, as the job asks for.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.documents: dict[str, dict[str, Any]] = {}
        self.stale: dict[str, OpenBatches] = {}
        self.searched: list[str] = []
        self.updates: list[dict[str, Any]] = []

    def open_batches(self, user_ids: Iterable[str]) -> dict[str, OpenBatches]:
        wanted = sorted(set(user_ids))
        self.searched += wanted
        return {user: self.stale.get(user) or OpenBatches(tuple(self._of(user))) for user in wanted}

    def _of(self, user: str) -> Iterable[BatchKey]:
        return [
            BatchKey(document["courseId"], batch_id)
            for batch_id, document in self.documents.items()
            if document.get("status") in (0, 1)
            and (document.get("createdBy") == user or user in (document.get("mentors") or ()))
        ]

    def update(self, documents: Mapping[str, Mapping[str, Any]]) -> set[str]:
        self.journal.append("documents course-batch")
        self.updates.append({id_: dict(members) for id_, members in documents.items()})
        for id_ in documents.keys() & self.documents.keys():
            self.documents[id_] |= documents[id_]
        return documents.keys() - self.documents.keys()

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryBatchOwnership:
    """All of them."""

    def __init__(self, journal: Journal) -> None:
        self.members = InMemoryMembers()
        self.documents = InMemoryBatchDocuments(journal)

    @property
    def services(self) -> CourseBatchServices:
        return CourseBatchServices(self.members, self.documents, self.documents)
