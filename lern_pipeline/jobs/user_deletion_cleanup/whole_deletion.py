"""The steps of the 200 branch as data (contract user-deletion-cleanup 4.2, 10.2)."""

from __future__ import annotations

from collections.abc import Sequence

from lern_pipeline.jobs.user_deletion_cleanup.blanked_row import blanked_rows
from lern_pipeline.jobs.user_deletion_cleanup.cached_profile import forgotten
from lern_pipeline.jobs.user_deletion_cleanup.deletion_event import DeletionRequest
from lern_pipeline.jobs.user_deletion_cleanup.identity import event_id
from lern_pipeline.jobs.user_deletion_cleanup.pending import Asked, KeptRows, Pending, WholeDeletion
from lern_pipeline.jobs.user_deletion_cleanup.row_deletion import identity_deletions, lookup_deletions
from lern_pipeline.jobs.user_deletion_cleanup.state import MANAGED_LOOKUPS, DeletionState, managed_with_row
from lern_pipeline.microbatch.job import Event, Moment
from lern_pipeline.microbatch.login_accounts import removal_not_configured
from lern_pipeline.settings import JobSettings


def whole_deletions(
    events: Sequence[Event[DeletionRequest]],
    managed: Sequence[str],
    state: DeletionState,
    settings: JobSettings,
    moment: Moment,
) -> Pending:
    """``events``: of users who are still readable, several of one user are one deletion (11); ``managed``: all managed
    users of the batch."""
    remove_accounts = removal_not_configured(settings) is None
    topic = settings.text("kafka.input.topic")
    users: dict[str, WholeDeletion] = {}
    for event in events:
        user_id = event.work.user_id
        user = users.setdefault(user_id, WholeDeletion(user_id, [], remove_accounts))
        at = event.position.partition, event.position.offset
        user.asked.append(Asked(at, event.work.organisation_id, event_id(event.work, event.record, topic)))
    requests = [event.work for event in events]
    with_rows = dict.fromkeys((*users, *managed) if settings.flag(MANAGED_LOOKUPS) else users)
    return Pending(
        list(users.values()),
        [_kept_rows(user_id, state, settings) for user_id in with_rows],
        [forgotten(requests, settings)],
        [
            blanked_rows(users, moment.write_time_us, settings),
            blanked_rows(managed_with_row(requests, state), moment.write_time_us, settings),
        ],
    )


def _kept_rows(user_id: str, state: DeletionState, settings: JobSettings) -> KeptRows:
    identities = state.identities.get(user_id, [])
    return KeptRows(
        user_id,
        lookup_deletions(state.rows[user_id], identities, settings),
        identity_deletions(identities, state.identity_key, settings),
    )
