"""What the job reads: the assets of old owners, both users' records, the roles that are asked for (contract 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lern_pipeline.jobs.manage_learn.documents import SERVER, SOLUTIONS
from lern_pipeline.jobs.ml_transfer_ownership.transfer_event import Transfer
from lern_pipeline.jobs.ml_transfer_ownership.user_record import ABSENT, UserRecord
from lern_pipeline.microbatch.job import Event
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.microbatch.stores import DocumentReader
from lern_pipeline.settings import JobSettings

PROGRAMS = "programs"
USERS = "userExtension"
ROLES = "userRoles"

#: Collection → the member that names the owner.
OWNER = {SOLUTIONS: "author", PROGRAMS: "owner"}


@dataclass(slots=True)
class TransferState:
    """Documents as they were read; ``role_ids`` by code."""

    solutions: list[dict[str, Any]] = field(default_factory=list)
    programs: list[dict[str, Any]] = field(default_factory=list)
    users: dict[str, UserRecord] = field(default_factory=dict)
    role_ids: dict[str, Any] = field(default_factory=dict)


def read_state(
    events: Sequence[Event[Transfer]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> TransferState:
    """Each collection in one or two reads for all events of the batch."""
    transfers = [event.work for event in events]
    # Only these touch the users' roles.
    of_programs = [one for one in transfers if one.solution is None]
    users = {user: UserRecord(user) for one in of_programs for user in (one.old_owner, one.to.user_id)}
    documents = readers.documents
    for document in reversed(documents.find(SERVER, USERS, "userId", users, ("_id", "userId", "platformRoles"))):
        user = document.get("userId")
        if isinstance(user, str) and user in users:
            # The first of several is the last to be set.
            users[user] = UserRecord(user, document["_id"], document.get("platformRoles", ABSENT))
    wanted = {role for one in of_programs for role in one.to.roles}
    role_ids: dict[str, Any] = {}
    for document in documents.find(SERVER, ROLES, "code", sorted(wanted), ("_id", "code")):
        if isinstance(document["_id"], dict) and "$oid" in document["_id"] and isinstance(document.get("code"), str):
            role_ids.setdefault(document["code"], document["_id"])
    return TransferState(
        _assets(documents, SOLUTIONS, transfers, (one.solution for one in transfers)),
        _assets(documents, PROGRAMS, transfers, (one.program for one in transfers)),
        users,
        role_ids,
    )


def _assets(
    documents: DocumentReader, collection: str, transfers: Sequence[Transfer], ids: Iterable[str | None]
) -> list[dict[str, Any]]:
    """Those that are named, and all of users who give away everything."""
    member = OWNER[collection]
    owners = [one.old_owner for one in transfers if one.is_of_all_assets]
    named = [{"$oid": asset} for asset in ids if asset is not None]
    return [
        *documents.find(SERVER, collection, member, owners, ("_id", member)),
        *documents.find(SERVER, collection, "_id", named, ("_id", member)),
    ]
