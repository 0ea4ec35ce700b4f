"""The platform around notification-job, in memory: a topic, channels that do as they are told, the ledger."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lern_pipeline.events.record import Record
from lern_pipeline.jobs.notification_job.job import NOTIFICATION_JOB
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.run import BatchResult, MicroBatchRun
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld

TOPIC = "dev.lms.notification"
STARTED = 1_800_000_000.0
MID = "NS.1700000000000.m1"

Json = dict[str, Any]

SMS: Json = {
    "mode": "phone",
    "deliveryType": "message",
    "config": {"sender": None, "topic": None, "otp": None, "subject": None},
    "ids": ["9000000001", "+919000000002"],
    "template": {"id": None, "data": "Done: 100% & more", "params": {"x": "y"}},
    "rawData": None,
}
MAIL: Json = {
    "mode": "email",
    "deliveryType": "message",
    "config": {"sender": "other@lern.test", "subject": "Grüße"},
    "ids": ["a@lern.test"],
    "template": {"data": "<p>Hi $name</p>", "params": {"name": "A"}},
    "rawData": None,
}
PUSH: Json = {
    "mode": "device",
    "deliveryType": "message",
    "config": {"topic": None},
    "ids": ["t1", "t2"],
    "template": None,
    "rawData": {"type": 1, "actionData": {"title": "New"}},
}


def envelope(notification: Any, mid: Any = MID, iteration: Any = 1, **edata: Any) -> Json:
    """``R(n)`` of contract section 13."""
    members: Json = {
        "actor": {"id": "BroadCast Topic Notification", "type": "System"},
        "eid": "BE_JOB_REQUEST",
        "mid": mid,
        "trace": {"X-Request-ID": None, "X-Trace-Enabled": "false"},
        "ets": 1700000000000,
        "edata": {
            "action": "broadcast-topic-notification-all",
            "iteration": iteration,
            "request": {"notification": notification},
        },
        "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
        "object": {"id": "h1", "type": "TopicNotifyAll"},
    }
    members["edata"] |= edata
    return members


def changed(notification: Json, **members: Any) -> Json:
    """A copy with other members; ``...`` takes one out."""
    copied = copy.deepcopy(notification) | members
    return {name: value for name, value in copied.items() if value is not ...}


def notification_settings(**names: str) -> JobSettings:
    """The documented defaults; ``fcm_service_account_json="…"`` sets one."""
    environment = {"LERN_PIPELINE_ENV": "dev"} | {
        f"LERN_PIPELINE_{name.upper()}": value for name, value in names.items()
    }
    return load_configuration(None, environment).for_job(NOTIFICATION_JOB.name)


@dataclass
class PostOffice:
    """Batches take what was published since the last one; what the job publishes to its topic can be taken up too."""

    base: str
    settings: JobSettings = field(default_factory=notification_settings)
    world: InMemoryWorld = field(default_factory=InMemoryWorld)
    keys: list[MicroBatchKey] = field(default_factory=list)
    _planned: dict[int, int] = field(default_factory=dict)
    _taken_up: int = 0

    @property
    def sms(self) -> Any:
        return self.world.channels.sms

    @property
    def mail(self) -> Any:
        return self.world.channels.mail

    @property
    def push(self) -> Any:
        return self.world.channels.push

    @property
    def tried(self) -> list[Any]:
        return [*self.sms.tried, *self.mail.tried, *self.push.tried]

    def publish(self, event: Any, partition: int = 0) -> Record:
        value = event if isinstance(event, bytes) or event is None else json.dumps(event, ensure_ascii=False).encode()
        return self.world.broker.append(value, partition)

    def notify(self, notification: Any, **envelope_members: Any) -> Record:
        return self.publish(envelope(notification, **envelope_members))

    def take_up_retries(self) -> int:
        """What the job put back into its topic is there to be read."""
        retries = [message for message in self.world.broker.published if message.topic == TOPIC]
        for message in retries[self._taken_up :]:
            assert message.key is None
            self.publish(message.value)
        count, self._taken_up = len(retries) - self._taken_up, len(retries)
        return count

    def run(self, now: float = STARTED) -> BatchResult:
        """A batch of all that is new."""
        ends = self.world.broker.ends()
        ranges = [OffsetRange(number, self._planned.get(number, 0), end) for number, end in ends.items()]
        self._planned = ends
        self.keys.append(MicroBatchKey.of(datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=len(self.keys)), ranges))
        return self.execute(self.keys[-1], now)

    def execute(self, key: MicroBatchKey, now: float = STARTED, attempt: int = 1, rerun: bool = False) -> BatchResult:
        store = BatchStore(self.base, NOTIFICATION_JOB.name)
        run = MicroBatchRun(NOTIFICATION_JOB, self.settings, self.world.services, store, clock=lambda: now)
        return run.execute(key, attempt, rerun)

    def go_back(self) -> None:
        """The next batch has all records again."""
        self._planned = {}

    def published(self, topic: str = TOPIC) -> list[Json]:
        return [json.loads(message.value) for message in self.world.broker.published if message.topic == topic]


def counts(result: BatchResult) -> tuple[int, int, int]:
    """Processed, skipped, failed."""
    account = result.account
    return account.processed, account.skipped_total, account.failed_total


def metrics(result: BatchResult) -> dict[str, int]:
    """The job's own, those that are not 0 (11)."""
    names = ("total-events-count", "success-events-count", "failed-events-count", "skipped-event-count")
    return {name.split("-")[0]: int(result.plan.metrics[name]) for name in names if result.plan.metrics[name]}
