"""What is left to do once a plan is stored, as it is stored with it. No part of it has to be read again: the values by
which a user's look-ups are found are in here before the row is blanked (contract user-deletion-cleanup 10.1)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from lern_pipeline.jobs.user_deletion_cleanup.identity import shown_id
from lern_pipeline.jobs.user_deletion_cleanup.performers import DELETE_ROWS, REMOVE_ACCOUNT, TELL
from lern_pipeline.jobs.user_deletion_cleanup.row_deletion import RowDeletion
from lern_pipeline.microbatch.plan import CacheWrites, Effect, RowWrites


class Asked(msgspec.Struct):
    """One event that asks for the deletion: its position, its organisation and by what it is known again."""

    at: tuple[int, int]
    organisation_id: str
    event_id: str

    @property
    def telling(self) -> Effect:
        return Effect(f"audit|{self.event_id}", TELL, what="audit event")


class WholeDeletion(msgspec.Struct):
    """Everything about one user. ``remove_account``: unless Keycloak is not configured."""

    user_id: str
    asked: list[Asked]
    remove_account: bool

    @property
    def removal(self) -> Effect:
        """Known by the first event: the others of the batch ask for the same."""
        return Effect(
            f"keycloak|{self.asked[0].event_id}",
            REMOVE_ACCOUNT,
            {"user_id": self.user_id},
            what="removal of the account at Keycloak",
            to_whom=shown_id(self.user_id),
        )


class KeptRows(msgspec.Struct):
    """A user's look-ups and external identities."""

    user_id: str
    lookups: list[RowDeletion]
    identities: list[RowDeletion]

    @property
    def lookups_deletion(self) -> Effect:
        return self._deletion("lookups", self.lookups)

    @property
    def identities_deletion(self) -> Effect:
        return self._deletion("identities", self.identities)

    def _deletion(self, what: str, deletions: list[RowDeletion]) -> Effect:
        payload = {"deletions": msgspec.to_builtins(deletions)}
        return Effect(f"{what}|{self.user_id}", DELETE_ROWS, payload, once=False)


class Pending(msgspec.Struct):
    """Of a whole micro-batch. ``cache`` and ``rows``: what comes after the look-ups and identities are gone."""

    users: list[WholeDeletion]
    kept: list[KeptRows]
    cache: list[CacheWrites]
    rows: list[RowWrites]

    def stages(self) -> Iterator[list[Effect]]:
        """Step by step, for all users at once (10.2); the last one lets the audit events be told."""
        yield [user.removal for user in self.users if user.remove_account]
        yield [kept.lookups_deletion for kept in self.kept if kept.lookups]
        yield [kept.identities_deletion for kept in self.kept if kept.identities]
        yield [asked.telling for user in self.users for asked in user.asked]
