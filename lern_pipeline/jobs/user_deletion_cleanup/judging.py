"""What becomes of one event: skipped, parked, or which of the two branches (contract user-deletion-cleanup 4, 10)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lern_pipeline.jobs.user_deletion_cleanup.deletion_event import DeletionRequest
from lern_pipeline.jobs.user_deletion_cleanup.identity import begun_unit
from lern_pipeline.jobs.user_deletion_cleanup.state import DeletionState
from lern_pipeline.microbatch.account_reads import AccountNotRead, BlockedAccount, NoAccount, ReadableAccount
from lern_pipeline.microbatch.job import Event, Failure, Moment
from lern_pipeline.settings import JobSettings

UNKNOWN_USER = "the user service knows no such user"
OTHER_USER = "not the user or the organisation that the event names"
NO_ROW = "the user has no row"
NO_ROOT_ORGANISATION = "the user's row has no rootorgid"
TOO_OLD = "older than user.deletion.max.age.days, and the user is active"

MAX_AGE = "user.deletion.max.age.days"
DAY_MS = 86_400_000


class Branch(Enum):
    """``WHOLE``: the user is still readable, everything is done (4.2). ``REST``: the service has deleted the user, what
    it leaves is done (4.3)."""

    WHOLE = "200"
    REST = "400"


@dataclass(frozen=True, slots=True)
class Skipped:
    """Nothing is done, and that is all."""

    reason: str


def judged(
    event: Event[DeletionRequest], state: DeletionState, settings: JobSettings, moment: Moment
) -> Branch | Skipped | Failure:
    """A failure is an event that is parked: it can be done later, and must not be lost (10.4, 10.5)."""
    request = event.work
    begun = begun_unit(event) in moment.counted
    match state.accounts[request.user_id]:
        case AccountNotRead(reason):
            return Failure(reason)
        case NoAccount():
            return Skipped(UNKNOWN_USER)
        case ReadableAccount(identifier, root_org_id):
            if not _same(request.user_id, identifier) or not _same(request.organisation_id, root_org_id):
                return Skipped(OTHER_USER)
            if request.user_id not in state.rows:
                return Failure(NO_ROW)
            return Branch.WHOLE if begun or not _too_old(event, settings, moment) else Failure(TOO_OLD)
        case BlockedAccount():
            row = state.row_of(request.user_id)
            if row is None:
                return Failure(NO_ROW)
            if row.rootorgid is None:
                return Failure(NO_ROOT_ORGANISATION)
            if not _same(request.user_id, row.userid) or not _same(request.organisation_id, row.rootorgid):
                return Skipped(OTHER_USER)
            return Branch.WHOLE if begun and request.user_id in state.rows else Branch.REST


def _same(one: str, other: str | None) -> bool:
    return other is not None and one.lower() == other.lower()


def _too_old(event: Event[DeletionRequest], settings: JobSettings, moment: Moment) -> bool:
    """A late replay would delete a user who has become active again (12)."""
    days = settings.optional_integer(MAX_AGE)
    if days is None:
        return False
    made_at = event.record.timestamp if event.work.made_at_ms is None else event.work.made_at_ms
    return moment.now_ms - made_at > days * DAY_MS
