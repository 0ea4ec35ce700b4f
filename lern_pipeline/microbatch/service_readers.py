"""What the jobs read from the search, content and user services, as protocols: clients are handed in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lern_pipeline.microbatch.stores import Client


@dataclass(frozen=True, slots=True)
class StatusFound:
    """The search service knows the collection."""

    status: str


@dataclass(frozen=True, slots=True)
class StatusUnknown:
    """The look-up failed, after the bounded retries; ``reason`` holds no data of the collection."""

    reason: str


class CollectionStatusReader(Client, Protocol):
    """Status of collections at the search service (platform contract H1)."""

    def collection_statuses(self, collection_ids: Iterable[str]) -> dict[str, StatusFound | StatusUnknown]:
        """Each distinct collection is asked for once. An outage is an answer here too (decisions 6).

        Raises:
            ConfigurationError: 401 or 403.
        """
        ...


@dataclass(frozen=True, slots=True)
class ContentAnswer:
    """What the content service says of a content, an error or not.

    ``total_questions`` is ``result.content.totalQuestions`` as it stands; None where any level of it is missing.
    """

    accepted: bool
    response_code: str
    total_questions: object


@dataclass(frozen=True, slots=True)
class ContentUnusable:
    """An answer that tells nothing; ``reason`` holds no data of the content."""

    reason: str


@dataclass(frozen=True, slots=True)
class TypeUnknown:
    """The content's type cannot be had; ``is_outage``: because the service did not answer, after the retries."""

    is_outage: bool


@dataclass(frozen=True, slots=True)
class NotRead:
    """A read that one key's own answer has made impossible. ``address`` without query; ``reason`` tells of no one."""

    address: str
    reason: str


class ContentReader(Client, Protocol):
    """The content read API (platform contract H2, H3, H4)."""

    def read_contents(self, content_ids: Iterable[str]) -> dict[str, ContentAnswer | ContentUnusable]:
        """Each distinct content is asked for once.

        Raises:
            ServiceUnavailable: no answer after the bounded retries.
            ConfigurationError: 401 or 403, or an address that cannot be used.
        """
        ...

    def content_types(self, content_ids: Iterable[str]) -> dict[str, str | TypeUnknown]:
        """``contentType`` of each distinct content, else its ``contenttype``, else empty. An outage is an answer here
        too (contract collection-cert-pre-processor 7.2).

        Raises:
            ConfigurationError: 401 or 403, or an address that cannot be used.
        """
        ...

    def collection_names(self, collection_ids: Iterable[str]) -> dict[str, str | NotRead]:
        """``name`` of each distinct collection, empty where it has none.

        Raises:
            ServiceUnavailable: no answer after the bounded retries.
            ConfigurationError: 401 or 403, or an address that cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class UserProfile:
    """``members``: those that were asked for and that the profile has, nulls too. ``is_empty``: it has none at all."""

    members: Mapping[str, Any]
    is_empty: bool


@dataclass(frozen=True, slots=True)
class UserBlocked:
    """The account is blocked or deleted."""


class UserReader(Client, Protocol):
    """The user read API (platform contract H5, H6)."""

    def read_users(
        self, user_ids: Iterable[str], members: Collection[str]
    ) -> dict[str, UserProfile | UserBlocked | NotRead]:
        """Each distinct user is asked for once; of the profile only ``members`` are kept.

        Raises:
            ServiceUnavailable: no answer after the bounded retries.
            ConfigurationError: 401 or 403, or an address that cannot be used.
        """
        ...
