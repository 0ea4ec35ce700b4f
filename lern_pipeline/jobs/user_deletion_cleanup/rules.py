"""The job's decisions: requests and what is stored → rows, keys, calls, messages (contract user-deletion-cleanup 4).

Pure: no clock, no I/O, no random. The order is that of 10.2: membership, Keycloak, look-ups, external identities,
Redis, the user's row, managed users, audit event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lern_pipeline.conversion import converted
from lern_pipeline.events.record import Position
from lern_pipeline.jobs.user_deletion_cleanup.audit import audit_message
from lern_pipeline.jobs.user_deletion_cleanup.blanked_row import blanked_rows
from lern_pipeline.jobs.user_deletion_cleanup.deletion_event import DeletionRequest
from lern_pipeline.jobs.user_deletion_cleanup.identity import begun_unit, event_id
from lern_pipeline.jobs.user_deletion_cleanup.judging import Branch, Skipped, judged
from lern_pipeline.jobs.user_deletion_cleanup.membership import marked_memberships, needs_marking
from lern_pipeline.jobs.user_deletion_cleanup.pending import Asked, Pending, WholeDeletion
from lern_pipeline.jobs.user_deletion_cleanup.row_deletion import identity_deletions, lookup_deletions
from lern_pipeline.jobs.user_deletion_cleanup.state import DeletionState
from lern_pipeline.microbatch.account_reads import BlockedAccount, ReadableAccount
from lern_pipeline.microbatch.effects import Outcome, Stage
from lern_pipeline.microbatch.job import Decision, Event, Failure, Moment
from lern_pipeline.microbatch.login_accounts import PROVIDER, removal_not_configured
from lern_pipeline.microbatch.plan import CacheWrites, DeleteKey
from lern_pipeline.settings import JobSettings

SERVER, DATABASE = "redis-meta", "user.redis.store"
"""Where the hashes are; the existing job deletes on another server (U3)."""

NOT_REMOVED = "the account at Keycloak could not be removed"
MOST_SHOWN = 5

Events = Sequence[Event[DeletionRequest]]


def decide(events: Events, state: DeletionState, settings: JobSettings, moment: Moment) -> Decision:
    """Who is deleted how far; what comes after the first calls is left to :func:`follow`."""
    decision = Decision()
    whole: list[Event[DeletionRequest]] = []
    rest: list[Event[DeletionRequest]] = []
    for event in events:
        match judged(event, state, settings, moment):
            case Skipped(reason):
                decision.skipped[event.position] = reason
            case Failure() as failure:
                decision.failed[event.position] = failure
            case Branch.WHOLE:
                whole.append(event)
            case Branch.REST:
                rest.append(event)
    decision.metrics = _read_metrics(events, state)
    _mark_memberships(decision, [*whole, *rest], state, settings, moment)
    managed = _managed_users(rest, state)
    decision.rows.append(blanked_rows(managed, moment.write_time_us, settings))
    decision.cache = [_forgotten(rest, settings)]
    if whole:
        managed = [*managed, *_managed_users(whole, state)]
        pending = _pending(whole, state, settings, moment)
        decision.counted = [begun_unit(event) for event in whole]
        decision.effects = next(pending.stages())
        decision.pending = msgspec.to_builtins(pending)
    decision.metrics["managed-users-blanked-count"] = float(len(set(managed)))
    _warn(decision, events, whole, rest, state, settings)
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
    return _concluded(left, outcomes, settings, moment)


def _concluded(left: Pending, outcomes: Mapping[str, Outcome], settings: JobSettings, moment: Moment) -> Decision:
    decision = Decision(rows=left.rows)
    metrics: Counter[str] = Counter({"keycloak-failure-count": 0})
    told: set[str] = set()
    for user in left.users:
        removal = outcomes[user.removal.key] if user.remove_account else None
        removed = removal is not None and removal.is_done
        metrics["lookups-deleted-count"] += _deleted(outcomes.get(user.lookups_deletion.key))
        metrics["external-identities-deleted-count"] += _deleted(outcomes.get(user.identities_deletion.key))
        metrics["accounts-removed-count"] += removed
        if removal is not None and removal.result.get("how") == "gone":
            metrics["accounts-gone-count"] += 1
        if removal is not None and removal.status == "owed":
            metrics["keycloak-failure-count"] += 1
            for asked in user.asked:
                decision.failed[Position(*asked.at)] = Failure(NOT_REMOVED, error=f"{NOT_REMOVED}: {removal.reason}")
        for asked in user.asked:
            # Another batch's event of the same mid and user, or the same record after a rewind: told of there.
            if asked.event_id not in told and not outcomes[asked.telling.key].earlier_batch:
                told.add(asked.event_id)
                message = audit_message(user.user_id, asked.organisation_id, asked.event_id, removed, settings, moment)
                decision.messages.append(message)
    if metrics["accounts-gone-count"]:
        decision.warnings.append(
            f"Keycloak has no account of {metrics['accounts-gone-count']} users: they are gone already, or "
            f"{PROVIDER} is not {settings.text(PROVIDER)}"
        )
    decision.metrics = {name: float(count) for name, count in metrics.items()}
    decision.metrics["db-update-success-count"] = float(
        metrics["lookups-deleted-count"]
        + metrics["external-identities-deleted-count"]
        + sum(len(writes.rows) for writes in left.rows)
    )
    return decision


def _deleted(outcome: Outcome | None) -> int:
    return 0 if outcome is None else int(outcome.result["deleted"])


def _read_metrics(events: Events, state: DeletionState) -> dict[str, float]:
    known = sum(isinstance(state.accounts[event.work.user_id], ReadableAccount | BlockedAccount) for event in events)
    return {"api-read-success-count": float(known), "api-read-miss-count": float(len(events) - known)}


def _mark_memberships(
    decision: Decision, events: Events, state: DeletionState, settings: JobSettings, moment: Moment
) -> None:
    keys = dict.fromkeys((event.work.user_id, event.work.organisation_id) for event in events)
    marked = [key for key in keys if key in state.memberships and needs_marking(state.memberships[key])]
    decision.rows.append(marked_memberships(marked, settings, moment))
    decision.metrics["memberships-marked-count"] = float(len(marked))
    missing = [user_id for user_id, organisation in keys if (user_id, organisation) not in state.memberships]
    _warn_of(decision, "no membership in the organisation, and none was made", missing)


def _managed_users(events: Events, state: DeletionState) -> list[str]:
    """Those that have a row, in order."""
    named = dict.fromkeys(user for event in events for user in event.work.managed_users)
    return [user for user in named if user in state.rows]


def _forgotten(events: Events, settings: JobSettings) -> CacheWrites:
    """The users' and managed users' hashes go (U6)."""
    users = dict.fromkeys(id_ for event in events for id_ in (event.work.user_id, *event.work.managed_users))
    return CacheWrites(SERVER, settings.integer(DATABASE), [[DeleteKey(f"user:{user}")] for user in users])


def _pending(events: Events, state: DeletionState, settings: JobSettings, moment: Moment) -> Pending:
    remove_accounts = removal_not_configured(settings) is None
    topic = settings.text("kafka.input.topic")
    users: dict[str, WholeDeletion] = {}
    for event in events:
        user_id = event.work.user_id
        if user_id not in users:
            identities = state.identities.get(user_id, [])
            users[user_id] = WholeDeletion(
                user_id,
                [],
                remove_accounts,
                lookup_deletions(state.rows[user_id], identities, settings),
                identity_deletions(identities, state.identity_key, settings),
            )
        at = event.position.partition, event.position.offset
        asked = Asked(at, event.work.organisation_id, event_id(event.work, event.record, topic))
        users[user_id].asked.append(asked)
    return Pending(
        list(users.values()),
        [_forgotten(events, settings)],
        [
            blanked_rows(users, moment.write_time_us, settings),
            blanked_rows(_managed_users(events, state), moment.write_time_us, settings),
        ],
    )


def _warn(
    decision: Decision, events: Events, whole: Events, rest: Events, state: DeletionState, settings: JobSettings
) -> None:
    named = dict.fromkeys(user for event in (*whole, *rest) for user in event.work.managed_users)
    _warn_of(
        decision, "managed users without a row, and none was made", [id_ for id_ in named if id_ not in state.rows]
    )
    blocked = dict.fromkeys(event.work.user_id for event in events)
    others = [user_id for user_id in blocked if state.accounts[user_id] == BlockedAccount(other_error=True)]
    _warn_of(decision, "the user service answered 400 for another reason than a blocked account", others)
    if state.scanned:
        _warn_of(decision, "found only by looking through the whole table of users", list(state.scanned))
    why = removal_not_configured(settings)
    if why is not None and whole:
        decision.warnings.append(f"{len(whole)} deletions without Keycloak, which is not configured: {why}")


def _warn_of(decision: Decision, what: str, users: Sequence[str]) -> None:
    if users:
        shown = ", ".join(users[:MOST_SHOWN]) + (", …" if len(users) > MOST_SHOWN else "")
        decision.warnings.append(f"{what}: {shown}")
