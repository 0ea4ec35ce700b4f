"""What became of the notifications, from the outcomes of their sends (contract notification-job 6, 8, 11). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from lern_pipeline.events.record import Position
from lern_pipeline.jobs.notification_job.told import told
from lern_pipeline.microbatch.job import Decision, Failure
from lern_pipeline.microbatch.plan import Message, Outcome

ALREADY_HANDLED = "already sent, or given up, for an event of the same mid and iteration"
UNKNOWN = "perhaps sent before a crash, not sent again"
DROPPED = "an operator decided not to send it"
FAILED_TWICE = "the last attempt failed"

ACKNOWLEDGED = "acknowledged"
"""Member of a failed outcome's result: its retry event or dead letter is out. That is what tells the ledger states
`requeued` and `dropped` from `failed` (8)."""

SENT_METRICS = {"phone": "sms-sent", "email": "mails-sent", "device": "pushes-sent"}


class Waiting(msgspec.Struct):
    """A notification whose sends are under way. ``place``: for logs. ``retry`` None: it was the last attempt."""

    at: tuple[int, int]
    place: str
    mode: str
    effects: list[str]
    retry: Message | None
    dead_letters: list[Message]


def conclude(waiting: Sequence[Waiting], outcomes: Mapping[str, Outcome]) -> Decision:
    """The end of each notification; one that failed for the first time is requeued (6)."""
    decision = Decision()
    sent: Counter[str] = Counter()
    lost: list[str] = []
    for notification in waiting:
        position = Position(*notification.at)
        found = {key: outcomes[key] for key in notification.effects}
        skipped = _why_skipped(list(found.values()))
        if skipped is not None:
            decision.skipped[position] = skipped
            continue
        if any(outcome.is_done for outcome in found.values()):
            sent[notification.mode] += 1
            continue
        reason = f"{notification.mode}: {next(iter(found.values())).reason}"
        if notification.retry is not None:
            decision.failed[position] = Failure(f"not sent: {reason}")
            # The retry event tells of it.
            decision.failed_without_record.add(position)
            decision.messages.append(notification.retry)
        else:
            decision.skipped[position] = FAILED_TWICE
            decision.messages += notification.dead_letters
            lost.append(f"{FAILED_TWICE}: {reason} ({notification.place})")
        for key, outcome in found.items():
            decision.settled[key] = msgspec.structs.replace(outcome, result={ACKNOWLEDGED: True})
    decision.metrics = {metric: float(sent[mode]) for mode, metric in SENT_METRICS.items()}
    decision.warnings = told(lost)
    return decision


def _why_skipped(outcomes: Sequence[Outcome]) -> str | None:
    """None: sent, or certainly not sent, by this batch."""
    if all(outcome.earlier_batch for outcome in outcomes):
        certain_failure = all(outcome.status == "failed" for outcome in outcomes)
        if not certain_failure or all(outcome.result.get(ACKNOWLEDGED) for outcome in outcomes):
            unknown = not any(outcome.is_done for outcome in outcomes) and _any(outcomes, "unknown")
            return UNKNOWN if unknown else ALREADY_HANDLED
    elif any(outcome.is_done for outcome in outcomes):
        return None
    if _any(outcomes, "unknown"):
        return UNKNOWN
    return DROPPED if _any(outcomes, "dropped") else None


def _any(outcomes: Sequence[Outcome], status: str) -> bool:
    return any(outcome.status == status for outcome in outcomes)
