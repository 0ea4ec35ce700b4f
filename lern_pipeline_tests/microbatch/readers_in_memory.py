"""What HTTP services tell, in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from lern_pipeline.microbatch.account_reads import AccountRead, NoAccount
from lern_pipeline.microbatch.service_readers import (
    ContentAnswer,
    ContentUnusable,
    NotRead,
    StatusFound,
    StatusUnknown,
    TypeUnknown,
    UserBlocked,
    UserProfile,
)
from lern_pipeline.microbatch.user_directory import AccountBlocked, NoAnswer, ProfileRead


class InMemoryDirectory:
    """The user and framework services: what they say, and what they were asked for."""

    def __init__(self) -> None:
        self.profiles: dict[str, ProfileRead | AccountBlocked | NoAnswer] = {}
        self.categories: dict[str, tuple[str, ...] | NoAnswer] = {}
        self.asked: list[str] = []

    def read_profiles(self, user_ids: Iterable[str]) -> dict[str, ProfileRead | AccountBlocked | NoAnswer]:
        wanted = sorted(set(user_ids))
        self.asked += wanted
        return {user: self.profiles.get(user, NoAnswer("user-read: RESOURCE_NOT_FOUND")) for user in wanted}

    def framework_categories(self, framework_ids: Iterable[str]) -> dict[str, tuple[str, ...] | NoAnswer]:
        wanted = sorted(set(framework_ids))
        self.asked += wanted
        return {framework: self.categories.get(framework, ()) for framework in wanted}

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryCollections:
    """The search service: what it says of each collection, and what it was asked for."""

    def __init__(self, answers: Mapping[str, StatusFound | StatusUnknown] | None = None) -> None:
        self.answers = dict(answers or {})
        self.asked: list[str] = []

    def collection_statuses(self, collection_ids: Iterable[str]) -> dict[str, StatusFound | StatusUnknown]:
        wanted = sorted(set(collection_ids))
        self.asked += wanted
        unknown = StatusUnknown("search service knows no such collection")
        return {collection_id: self.answers.get(collection_id, unknown) for collection_id in wanted}

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryContents:
    """The content service: what it says of each content, and what it was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, ContentAnswer | ContentUnusable] = {}
        self.types: dict[str, str | TypeUnknown] = {}
        self.names: dict[str, str | NotRead] = {}
        self.asked: list[str] = []

    def read_contents(self, content_ids: Iterable[str]) -> dict[str, ContentAnswer | ContentUnusable]:
        wanted = sorted(set(content_ids))
        self.asked += wanted
        unknown = ContentAnswer(False, "RESOURCE_NOT_FOUND", None)
        return {content_id: self.answers.get(content_id, unknown) for content_id in wanted}

    def content_types(self, content_ids: Iterable[str]) -> dict[str, str | TypeUnknown]:
        wanted = sorted(set(content_ids))
        self.asked += wanted
        unknown = TypeUnknown(is_outage=False)
        return {content_id: self.types.get(content_id, unknown) for content_id in wanted}

    def collection_names(self, collection_ids: Iterable[str]) -> dict[str, str | NotRead]:
        wanted = sorted(set(collection_ids))
        self.asked += wanted
        return {id_: self.names.get(id_, NotRead(f"http://content/read/{id_}", "answered 404")) for id_ in wanted}

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryUsers:
    """The user service: profiles, or what stands in their place, by user; what it was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, Mapping[str, Any] | UserBlocked | NotRead] = {}
        self.asked: list[str] = []

    def read_users(
        self, user_ids: Iterable[str], members: Collection[str]
    ) -> dict[str, UserProfile | UserBlocked | NotRead]:
        wanted = sorted(set(user_ids))
        self.asked += wanted
        return {user_id: self._read(user_id, members) for user_id in wanted}

    def _read(self, user_id: str, members: Collection[str]) -> UserProfile | UserBlocked | NotRead:
        found = self.answers.get(user_id, NotRead(f"http://user/read/{user_id}", "answered 404"))
        if isinstance(found, (UserBlocked, NotRead)):
            return found
        return UserProfile({name: value for name, value in found.items() if name in members}, not found)

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryAccounts:
    """What the user service says of users who are to be deleted, and who was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, AccountRead] = {}
        self.asked: list[str] = []

    def read_accounts(self, user_ids: Iterable[str]) -> dict[str, AccountRead]:
        wanted = sorted(set(user_ids))
        self.asked += wanted
        return {user_id: self.answers.get(user_id, NoAccount()) for user_id in wanted}

    def close(self) -> None:
        """Nothing was opened."""
