"""Rows that go only while they are the user's (contract user-deletion-cleanup 6, 8, U2, U19)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from lern_pipeline.jobs.user_deletion_cleanup.state import UserRow
from lern_pipeline.jobs.user_deletion_cleanup.tables import EXTERNAL_IDENTITY, LOOKUP, table
from lern_pipeline.settings import JobSettings


class RowDeletion(msgspec.Struct):
    """One row by its whole key. ``holds``: what it must hold to go."""

    table: str
    key: dict[str, str]
    holds: dict[str, str]


def lookup_deletions(row: UserRow, identities: Iterable[Mapping[str, str]], settings: JobSettings) -> list[RowDeletion]:
    """The user's look-ups, by the values that the user's row and identities have: the user service writes them so."""
    name = table(settings, LOOKUP)
    return [
        RowDeletion(name, {"type": type_, "value": value}, {"userid": row.id})
        for type_, value in _lookups(row, identities)
    ]


def _lookups(row: UserRow, identities: Iterable[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    for type_, value in (("email", row.email), ("phone", row.phone)):
        if value and value.strip():
            yield type_, value
    for identity in identities:
        external = identity["externalid"]
        # Declared and other ids have no look-up.
        if identity["idtype"] == identity["provider"] and external and external.strip():
            yield "externalid", f"{external.lower()}@{identity['provider']}"
    if row.username and row.username.strip():
        yield "username", row.username


def identity_deletions(
    identities: Iterable[Mapping[str, str]], key: Sequence[str], settings: JobSettings
) -> list[RowDeletion]:
    """All identities of a user, in either layout of the table: where the user is no part of the key, the row may have
    become somebody else's."""
    name = table(settings, EXTERNAL_IDENTITY)
    return [
        RowDeletion(
            name,
            {column: identity[column] for column in key},
            {} if "userid" in key else {"userid": identity["userid"]},
        )
        for identity in identities
    ]
