"""What user-ownership-transfer asks of the user, LMS and search services, as protocols (its contract, section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from lern_pipeline.microbatch.stores import Client


@dataclass(frozen=True, slots=True)
class MemberFound:
    """A user, as the service spells id and root organisation; empty where it does not name them."""

    identifier: str
    root_organisation: str


@dataclass(frozen=True, slots=True)
class MemberRefused:
    """The service does not give the user: 404 for one that it does not know, 400 for one that is deleted or blocked."""

    status: int


@dataclass(frozen=True, slots=True)
class MemberUnclear:
    """The answer cannot be used; ``reason`` holds nothing of the user."""

    reason: str


Member = MemberFound | MemberRefused | MemberUnclear


class OrganisationMembers(Client, Protocol):
    """The private user read (3.1)."""

    def read_members(self, user_ids: Iterable[str]) -> dict[str, Member]:
        """Each distinct user is asked for once.

        Raises:
            ServiceUnavailable: no answer after the bounded retries.
            ConfigurationError: 401 or 403, or an address that cannot be used.
        """
        ...


class BatchKey(NamedTuple):
    """A course batch; its search document is known by the batch id alone."""

    course_id: str
    batch_id: str


@dataclass(frozen=True, slots=True)
class OpenBatches:
    """Batches of one user, created or mentored, that have not ended, each once and in the search's order.

    ``without_key``: entries that lack a course or a batch. ``is_complete``: False where there are more than the search
    gives out.
    """

    batches: tuple[BatchKey, ...] = ()
    without_key: int = 0
    is_complete: bool = True


class CourseBatchSearch(Client, Protocol):
    """The batch search of the LMS service (3.2)."""

    def open_batches(self, user_ids: Iterable[str]) -> dict[str, OpenBatches]:
        """All pages of both searches, created by and mentored by, for each distinct user.

        Raises:
            ServiceUnavailable: no usable answer after the bounded retries.
            ConfigurationError: 401 or 403, or an address that cannot be used.
        """
        ...


class CourseBatchIndex(Client, Protocol):
    """The search documents of course batches (3.4)."""

    def update(self, documents: Mapping[str, Mapping[str, Any]]) -> set[str]:
        """Set members of documents, by batch id; all other members stay. Searches find them so afterwards.

        Returns:
            The ids without a document: none is made for them.

        Raises:
            ServiceUnavailable: no answer after the bounded retries, or a document is refused.
            ConfigurationError: 401 or 403, no index, or an address that cannot be used.
        """
        ...


@dataclass(slots=True)
class CourseBatchServices:
    """All that is known of course batches outside Cassandra."""

    members: OrganisationMembers
    search: CourseBatchSearch
    index: CourseBatchIndex

    def close(self) -> None:
        """Close whatever was opened."""
        self.members.close()
        self.search.close()
        self.index.close()
