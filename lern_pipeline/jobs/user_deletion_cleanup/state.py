"""What the job reads before it decides, each key once (contract user-deletion-cleanup 3, 4, 6, 8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lern_pipeline.jobs.user_deletion_cleanup.deletion_event import DeletionRequest
from lern_pipeline.jobs.user_deletion_cleanup.identity import begun_users
from lern_pipeline.jobs.user_deletion_cleanup.tables import EXTERNAL_IDENTITY, MEMBERSHIP, USER, table
from lern_pipeline.microbatch.account_reads import AccountRead, BlockedAccount, ReadableAccount
from lern_pipeline.microbatch.job import Event
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.microbatch.stores import RowReader
from lern_pipeline.settings import JobSettings

MANAGED_LOOKUPS = "user.deletion.managed.lookups.enabled"

# Reads that are not worth threads.
FEW = 64


class UserRow(NamedTuple):
    """What the job needs of a user's row."""

    id: str
    userid: str | None
    rootorgid: str | None
    email: str | None = None
    phone: str | None = None
    username: str | None = None


class Membership(NamedTuple):
    """A membership that there is."""

    isdeleted: bool | None
    orgleftdate: str | None


@dataclass(slots=True)
class DeletionState:
    """``rows``: by id, of users and managed users; ``scanned``: rows of blocked users that only ``userid`` finds;
    ``identities``: by user, all columns that are needed; ``identity_key``: primary key of their table."""

    accounts: dict[str, AccountRead] = field(default_factory=dict)
    rows: dict[str, UserRow] = field(default_factory=dict)
    scanned: dict[str, UserRow] = field(default_factory=dict)
    memberships: dict[tuple[str, str], Membership] = field(default_factory=dict)
    identities: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    identity_key: tuple[str, ...] = ()

    def row_of(self, user_id: str) -> UserRow | None:
        """A blocked user's row: the one under the id, unless it is another user's (U9)."""
        row = self.rows.get(user_id)
        return row if row is not None and row.userid == user_id else self.scanned.get(user_id)


def read_state(
    events: Sequence[Event[DeletionRequest]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> DeletionState:
    """What the user service says; then the rows of those that it knows."""
    state = DeletionState()
    users = list(dict.fromkeys(event.work.user_id for event in events))
    # A few are read one after the other, as the events have them; many concurrently.
    for some in [[user] for user in users] if len(users) <= FEW else [users]:
        state.accounts |= readers.accounts.read_accounts(some)
    known = [
        event for event in events if isinstance(state.accounts[event.work.user_id], ReadableAccount | BlockedAccount)
    ]
    if not known:
        return state
    requests = [event.work for event in known]
    _read_rows(state, requests, readers.rows, settings)
    found = readers.rows.select(
        table(settings, MEMBERSHIP),
        ("userid", "organisationid", *Membership._fields),
        equal=("userid",),
        within="organisationid",
        keys=[(request.user_id, request.organisation_id) for request in requests],
    )
    state.memberships = {(row[0], row[1]): Membership(*row[2:]) for row in found}
    begun = begun_users(known, counted)
    whole = [
        user_id
        for user_id in dict.fromkeys(request.user_id for request in requests)
        if isinstance(state.accounts[user_id], ReadableAccount) or user_id in begun
    ]
    if settings.flag(MANAGED_LOOKUPS):
        whole += managed_with_row(requests, state)
    if whole:
        _read_identities(state, whole, readers.rows, settings)
    return state


def _read_rows(
    state: DeletionState, requests: Iterable[DeletionRequest], rows: RowReader, settings: JobSettings
) -> None:
    wanted = dict.fromkeys(id_ for request in requests for id_ in (request.user_id, *request.managed_users))
    found = rows.select(table(settings, USER), UserRow._fields, equal=(), within="id", keys=[(id_,) for id_ in wanted])
    state.rows = {row[0]: UserRow(*row) for row in found}
    for user_id in dict.fromkeys(request.user_id for request in requests):
        if isinstance(state.accounts[user_id], BlockedAccount) and state.row_of(user_id) is None:
            pages = rows.scan(table(settings, USER), UserRow._fields, "id", {"userid": user_id})
            first = next((page[0] for page in pages if page), None)
            if first is not None:
                state.scanned[user_id] = UserRow(*first)


def _read_identities(state: DeletionState, users: Sequence[str], rows: RowReader, settings: JobSettings) -> None:
    name = table(settings, EXTERNAL_IDENTITY)
    state.identity_key = rows.primary_key(name)
    columns = tuple(dict.fromkeys((*state.identity_key, "userid", "idtype", "provider", "externalid")))
    by_user: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows.select_each(name, columns, "userid", users):
        identity = dict(zip(columns, row, strict=True))
        by_user[identity["userid"]].append(identity)
    state.identities = dict(by_user)


def managed_with_row(requests: Iterable[DeletionRequest], state: DeletionState) -> list[str]:
    """The managed users that there are, each once, in order."""
    named = dict.fromkeys(user_id for request in requests for user_id in request.managed_users)
    return [user_id for user_id in named if user_id in state.rows]
