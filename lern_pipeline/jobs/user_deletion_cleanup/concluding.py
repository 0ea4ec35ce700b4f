"""What the steps of a micro-batch's whole deletions came to (contract user-deletion-cleanup 5, 9, 10, decisions 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from lern_pipeline.events.record import Position
from lern_pipeline.jobs.user_deletion_cleanup.audit import audit_message
from lern_pipeline.jobs.user_deletion_cleanup.pending import Pending, WholeDeletion
from lern_pipeline.microbatch.effects import Outcome
from lern_pipeline.microbatch.job import Decision, Failure, Moment
from lern_pipeline.microbatch.login_accounts import PROVIDER
from lern_pipeline.microbatch.plan import Message
from lern_pipeline.settings import JobSettings

NOT_REMOVED = "the account at Keycloak could not be removed"


def concluded(left: Pending, outcomes: Mapping[str, Outcome], settings: JobSettings, moment: Moment) -> Decision:
    """The rows that come last, and the audit events. An event whose account is still owed is parked: the account must
    not be forgotten (10.3)."""
    decision = Decision(rows=left.rows)
    metrics = Counter({"keycloak-failure-count": 0, "accounts-removed-count": 0})
    for kept in left.kept:
        metrics["lookups-deleted-count"] += _deleted(outcomes.get(kept.lookups_deletion.key))
        metrics["external-identities-deleted-count"] += _deleted(outcomes.get(kept.identities_deletion.key))
    metrics["db-update-success-count"] = sum(metrics.values()) + sum(len(writes.rows) for writes in left.rows)
    told: dict[str, Message] = {}
    for user in left.users:
        removal = outcomes[user.removal.key] if user.remove_account else None
        removed = removal is not None and removal.is_done
        metrics["accounts-removed-count"] += removed
        if removal is not None and removal.status == "owed":
            metrics["keycloak-failure-count"] += 1
            for asked in user.asked:
                decision.failed[Position(*asked.at)] = Failure(NOT_REMOVED, error=f"{NOT_REMOVED}: {removal.reason}")
        told |= _audits(user, removed, outcomes, settings, moment)
    decision.messages = list(told.values())
    gone = sum(outcomes[user.removal.key].result.get("how") == "gone" for user in left.users if user.remove_account)
    if gone:
        decision.warnings.append(
            f"Keycloak has no account of {gone} users: they are gone already, or {PROVIDER} is not "
            f"{settings.text(PROVIDER)}"
        )
    decision.metrics = {name: float(count) for name, count in metrics.items()}
    return decision


def _audits(
    user: WholeDeletion, removed: bool, outcomes: Mapping[str, Outcome], settings: JobSettings, moment: Moment
) -> dict[str, Message]:
    """By input event, of which the first record counts. Those that an earlier batch has claimed are told of there: the
    same mid and user came again, or the same record after a rewind."""
    return {
        asked.event_id: audit_message(user.user_id, asked.organisation_id, asked.event_id, removed, settings, moment)
        for asked in reversed(user.asked)
        if not outcomes[asked.telling.key].earlier_batch
    }


def _deleted(outcome: Outcome | None) -> int:
    return 0 if outcome is None else int(outcome.result["deleted"])
