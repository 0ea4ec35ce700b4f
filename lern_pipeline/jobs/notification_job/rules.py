"""What is sent for a batch of notifications (contract notification-job 3, 6, 7, 8; decisions 2, 3). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from lern_pipeline.conversion import converted
from lern_pipeline.events.record import Record
from lern_pipeline.jobs.notification_job.ledger_key import event_key, shown_mid
from lern_pipeline.jobs.notification_job.notification_event import NO_EDATA, OTHER_ACTION, Notification, Unsendable
from lern_pipeline.jobs.notification_job.outcome import ALREADY_HANDLED, Waiting, conclude
from lern_pipeline.jobs.notification_job.retry_event import RETRY_ITERATION
from lern_pipeline.jobs.notification_job.sends import sends
from lern_pipeline.jobs.notification_job.told import told
from lern_pipeline.microbatch.effects import Stage
from lern_pipeline.microbatch.job import Decision, Event, Moment
from lern_pipeline.microbatch.plan import Account, Effect, Message, Outcome
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.settings import JobSettings

IGNORED = frozenset({OTHER_ACTION, NO_EDATA})
"""Reasons of events that count in nothing but the total (11)."""

WAIT = "wait"
"""Kind of the effect that lets time pass until retries are old enough (D20)."""


def read_state(
    events: Sequence[Event[Notification | Unsendable]],
    readers: Readers,
    settings: JobSettings,
    counted: frozenset[str],
) -> None:
    """There is none: texts and recipients come with the event."""


def decide(
    events: Sequence[Event[Notification | Unsendable]], state: None, settings: JobSettings, moment: Moment
) -> Decision:
    """One send per notification, in stages: of one message id only one at a time, in offset order (7).

    An event whose key another event of the batch has is handled by that one.
    """
    decision = Decision()
    topic = settings.text("kafka.input.topic")
    token_by_token = settings.optional_text("fcm_service_account_json") is not None
    claimed: set[str] = set()
    order = _Stages(settings.number("notification.retry.delay.seconds"), moment.now_ms)
    waiting: list[Waiting] = []
    lost: list[str] = []
    for event in events:
        position, work = event.position, event.work
        if isinstance(work, Unsendable):
            decision.skipped[position] = work.reason
            lost.append(f"{work.reason} ({_place(work.mid, event.record)})")
            if work.reason not in IGNORED:
                decision.messages += _dead_letter(event.record, settings)
            continue
        key = event_key(work.mid, work.iteration, topic, event.record)
        if key in claimed:
            decision.skipped[position] = ALREADY_HANDLED
            continue
        claimed.add(key)
        mid = str(position) if work.mid is None else shown_mid(work.mid)
        effects = sends(work.wanted, key, mid, moment.ids.make(position, "mail"), token_by_token)
        order.add(effects, key if work.mid is None else work.mid, work.iteration, event.record)
        waiting.append(
            Waiting(
                at=position,
                place=_place(work.mid, event.record),
                mode=work.mode if work.mode in ("phone", "email", "device") else "other",
                effects=[effect.key for effect in effects],
                retry=None if work.retry is None else Message(f"retry|{position}", topic, work.retry),
                dead_letters=[] if work.retry is not None else _dead_letter(event.record, settings),
            )
        )
    decision.warnings = told(lost)
    stages = list(order.stages())
    decision.effects = stages[0] if stages else []
    decision.pending = msgspec.to_builtins(Pending(waiting, stages[1:]), builtin_types=(bytes,))
    return decision


class Pending(msgspec.Struct):
    """What is left to do once the first stage's outcomes are known."""

    waiting: list[Waiting]
    later: list[list[Effect]]


def follow(
    pending: dict[str, Any], outcomes: Mapping[str, Outcome], settings: JobSettings, moment: Moment
) -> Stage | Decision:
    """The next stage of sends, or what became of them all."""
    left = converted(pending, Pending)
    for stage in left.later:
        if stage[0].key not in outcomes:
            return Stage(effects=stage)
    return conclude(left.waiting, outcomes)


class _Stages:
    """Sorts effects into stages: those of one message id follow one another, delayed ones come after all others."""

    def __init__(self, delay_seconds: float, now_ms: int) -> None:
        self._delay_ms = int(delay_seconds * 1000)
        self._now_ms = now_ms
        self._early: list[list[Effect]] = []
        self._late: list[list[Effect]] = []
        self._turns: dict[str, int] = {}
        self._late_ids: set[str] = set()
        self._wait_until_ms = 0

    def add(self, effects: list[Effect], message_id: str, iteration: int, record: Record) -> None:
        due_ms = record.timestamp + self._delay_ms if iteration >= RETRY_ITERATION else 0
        if due_ms > self._now_ms and message_id not in self._late_ids:
            self._late_ids.add(message_id)
            self._turns[message_id] = 0
        late = message_id in self._late_ids
        if late:
            self._wait_until_ms = max(self._wait_until_ms, due_ms)
        stages = self._late if late else self._early
        turn = self._turns.get(message_id, 0)
        self._turns[message_id] = turn + 1
        if turn == len(stages):
            stages.append([])
        stages[turn] += effects

    def stages(self) -> Iterator[list[Effect]]:
        yield from self._early
        if self._late:
            until = self._wait_until_ms
            yield [Effect(f"{WAIT}|{until}", WAIT, {"until_ms": until}, once=False)]
            yield from self._late


def _place(mid: str | None, record: Record) -> str:
    named = "no mid" if mid is None else f"mid {shown_mid(mid)}"
    return f"{named}, partition {record.partition}, offset {record.offset}"


def _dead_letter(record: Record, settings: JobSettings) -> list[Message]:
    topic = settings.optional_text("kafka.output.deadletter.topic")
    if topic is None:
        return []
    headers = [
        ("topic", settings.text("kafka.input.topic").encode()),
        ("partition", str(record.partition).encode()),
        ("offset", str(record.offset).encode()),
    ]
    return [Message(f"dead letter|{record.position}", topic, record.value or b"", record.key, headers)]


def sent_count(account: Account) -> int:
    """``success-events-count``."""
    return account.processed


def requeued_count(account: Account) -> int:
    """``failed-events-count``: a retry event went out. Unreadable records have failed too and are not meant."""
    return sum(count for reason, count in account.failed.items() if not reason.startswith("unreadable"))


def skipped_count(account: Account) -> int:
    """``skipped-event-count``: lost, unknown, or handled before; ignored events are not meant."""
    return sum(count for reason, count in account.skipped.items() if reason not in IGNORED)
