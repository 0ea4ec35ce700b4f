"""Updates that MongoDB refuses: the events that asked for them fail, the rest of the batch stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.events.record import Position, Record
from lern_pipeline.microbatch.accounting import all_metrics, failed_messages
from lern_pipeline.microbatch.failed_topic import FailedTopic
from lern_pipeline.microbatch.job import Decision, Failure, JobSpec
from lern_pipeline.microbatch.plan import Account, DocumentUpdates, Plan
from lern_pipeline.microbatch.stores import Refusal


class DocumentsRefused(LernPipelineError):
    """MongoDB refuses an update that no single event can be blamed for; the text names collection and error code."""


def without_refused(
    job: JobSpec[Any, Any],
    plan: Plan,
    refusals: Sequence[tuple[DocumentUpdates, Refusal]],
    record_of: Callable[[Position], Record],
    failed_topic: FailedTopic,
) -> Plan:
    """What the plan came to: events of refused updates are failed, and told of on the failed topic.

    Raises:
        DocumentsRefused: a refusal for a value that no event stands for.
    """
    decision = Decision()
    for updates, refusal in refusals:
        events = updates.events.get(refusal.value, ()) if isinstance(refusal.value, str) else ()
        if not events:
            raise DocumentsRefused(_reason(refusal))
        for position in events:
            decision.failed.setdefault(Position(*position), Failure(_reason(refusal)))
    failed = Counter(plan.account.failed)
    failed.update(failure.reason for failure in decision.failed.values())
    account = Account(
        plan.account.consumed,
        plan.account.processed - len(decision.failed),
        plan.account.skipped,
        dict(failed),
    )
    own_metrics = {name: value for name, value in plan.metrics.items() if name not in job.event_metrics}
    return msgspec.structs.replace(
        plan,
        account=account,
        messages=[*plan.messages, *failed_messages(decision, record_of, failed_topic, job.decode)],
        metrics=all_metrics(job, account, own_metrics),
    )


def _reason(refusal: Refusal) -> str:
    return f"MongoDB refuses an update in {refusal.collection}: {refusal.reason}"
