"""The job's decisions: requests and what is stored → rows, keys, calls, messages (contract user-deletion-cleanup 4).

Pure: no clock, no I/O, no random. The order is that of 10.2: membership, Keycloak, look-ups, external identities,
Redis, the user's row, managed users, audit event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lern_pipeline.conversion import converted
from lern_pipeline.jobs.user_deletion_cleanup.blanked_row import blanked_rows
from lern_pipeline.jobs.user_deletion_cleanup.cached_profile import forgotten
from lern_pipeline.jobs.user_deletion_cleanup.concluding import concluded
from lern_pipeline.jobs.user_deletion_cleanup.deletion_event import DeletionRequest
from lern_pipeline.jobs.user_deletion_cleanup.identity import begun_unit
from lern_pipeline.jobs.user_deletion_cleanup.judging import Branch, Skipped, judged
from lern_pipeline.jobs.user_deletion_cleanup.membership import marked_memberships, needs_marking
from lern_pipeline.jobs.user_deletion_cleanup.pending import Pending
from lern_pipeline.jobs.user_deletion_cleanup.state import DeletionState, managed_with_row
from lern_pipeline.jobs.user_deletion_cleanup.told import told
from lern_pipeline.jobs.user_deletion_cleanup.whole_deletion import whole_deletions
from lern_pipeline.microbatch.account_reads import BlockedAccount, ReadableAccount
from lern_pipeline.microbatch.effects import Outcome, Stage
from lern_pipeline.microbatch.job import Decision, Event, Failure, Moment
from lern_pipeline.settings import JobSettings

Events = Sequence[Event[DeletionRequest]]


def decide(events: Events, state: DeletionState, settings: JobSettings, moment: Moment) -> Decision:
    """Who is deleted how far; what comes after the first calls is left to :func:`follow`."""
    decision = Decision()
    whole: list[Event[DeletionRequest]] = []
    rest: list[DeletionRequest] = []
    for event in events:
        match judged(event, state, settings, moment):
            case Skipped(reason):
                decision.skipped[event.position] = reason
            case Failure() as failure:
                decision.failed[event.position] = failure
            case Branch.WHOLE:
                whole.append(event)
            case Branch.REST:
                rest.append(event.work)
    requests = [*(event.work for event in whole), *rest]
    keys = dict.fromkeys((request.user_id, request.organisation_id) for request in requests)
    marked = [key for key in keys if key in state.memberships and needs_marking(state.memberships[key])]
    decision.rows = [
        marked_memberships(marked, settings, moment),
        blanked_rows(managed_with_row(rest, state), moment.write_time_us, settings),
    ]
    decision.cache = [forgotten(rest, settings)]
    decision.counted = [begun_unit(event) for event in whole]
    managed = managed_with_row(requests, state)
    pending = whole_deletions(whole, managed, state, settings, moment)
    if pending.users or pending.kept:
        decision.effects = next(pending.stages())
        decision.pending = msgspec.to_builtins(pending)
    known = sum(isinstance(state.accounts[event.work.user_id], ReadableAccount | BlockedAccount) for event in events)
    decision.metrics = {
        "api-read-success-count": float(known),
        "api-read-miss-count": float(len(events) - known),
        "memberships-marked-count": float(len(marked)),
        "managed-users-blanked-count": float(len(managed)),
        "db-update-success-count": float(sum(len(writes.rows) for writes in decision.rows)),
    }
    decision.warnings = list(told(requests, len(whole), state, settings))
    return decision


def follow(
    pending: dict[str, Any], outcomes: Mapping[str, Outcome], settings: JobSettings, moment: Moment
) -> Stage | Decision:
    """The next step of all users who were still readable; what it all came to."""
    left = converted(pending, Pending)
    *steps, telling = left.stages()
    for effects in steps:
        if any(effect.key not in outcomes for effect in effects):
            return Stage(effects=effects)
    if any(effect.key not in outcomes for effect in telling):
        return Stage(cache=left.cache, effects=telling)
    return concluded(left, outcomes, settings, moment)
