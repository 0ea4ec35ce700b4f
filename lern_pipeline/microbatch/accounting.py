"""What became of the events: counted, and told on the failed topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lern_pipeline.events.record import Position, Record
from lern_pipeline.microbatch.failed_topic import FAILED_GROUP, FailedTopic
from lern_pipeline.microbatch.job import Decision, JobSpec
from lern_pipeline.microbatch.plan import Account, Message


def decided_account(
    consumed: int,
    skipped: Mapping[str, int],
    failed: Mapping[str, int],
    open_events: Iterable[Position],
    decision: Decision,
) -> Account:
    """The account after a decision about ``open_events``; those that it does not name are processed.

    Counted, not subtracted: a decision about an event that was not open must not balance.
    """
    processed = len(set(open_events) - decision.skipped.keys() - decision.failed.keys())
    now_skipped, now_failed = Counter(skipped), Counter(failed)
    now_skipped.update(decision.skipped.values())
    now_failed.update(failure.reason for failure in decision.failed.values())
    return Account(consumed, processed, dict(now_skipped), dict(now_failed))


def failed_messages(
    decision: Decision,
    record_of: Callable[[Position], Record],
    failed_topic: FailedTopic,
    decode: Callable[[bytes | None], dict[str, Any]],
) -> list[Message]:
    """The failed records that a decision asks for: of failed events, and payloads of the job's own making."""
    messages = []
    for position, failure in decision.failed.items():
        if position in decision.failed_without_record:
            continue
        record = record_of(position)
        messages.append(
            failed_topic.message(
                record,
                decode(record.value),
                failure.error or failure.reason,
                failure.code,
                "Failure",
                kind=failure.kind,
                reason=failure.reason,
            )
        )
    numbers: Counter[Position] = Counter()
    for payload in decision.failed_payloads:
        numbers[payload.position] += 1
        messages.append(
            failed_topic.message(
                record_of(payload.position),
                payload.members,
                payload.error,
                payload.code,
                FAILED_GROUP,
                numbers[payload.position],
                reason=payload.reason,
            )
        )
    return messages


def event_metrics(job: JobSpec[Any, Any], account: Account) -> dict[str, float]:
    """The job's own metrics that are figures of the account."""
    return {name: float(_account_figure(account, what)) for name, what in job.event_metrics.items()}


def all_metrics(job: JobSpec[Any, Any], account: Account, decided: Mapping[str, float]) -> dict[str, float]:
    """With those that the rules have counted; a name that both know is their sum."""
    found = event_metrics(job, account)
    return found | {name: value + found.get(name, 0.0) for name, value in decided.items()}


def _account_figure(account: Account, what: str | Callable[[Account], int]) -> int:
    if callable(what):
        return what(account)
    return {
        "consumed": account.consumed,
        "processed": account.processed,
        "skipped": account.skipped_total,
        "failed": account.failed_total,
    }[what]
