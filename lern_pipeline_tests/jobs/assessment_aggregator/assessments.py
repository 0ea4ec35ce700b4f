"""Learners, attempts and events of assessment-aggregator on stores in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lern_pipeline.events.record import Record
from lern_pipeline.jobs.assessment_aggregator.job import ASSESSMENT_AGGREGATOR
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.run import BatchResult, MicroBatchRun
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld
from lern_pipeline_tests.microbatch.journal import Row

ATTEMPTS = "sunbird_courses.assessment_aggregator"
AGGREGATES = "sunbird_courses.user_activity_agg"
RELATION_CACHE = ("redis-meta", 10)
CONTENT_CACHE = ("redis-meta", 5)

CERTIFICATES = "test.issue.certificate.request"
FAILED = "test.telemetry.assess.failed"

STARTED = 1_800_000_000.0
STARTED_MS = int(STARTED * 1000)

#: E1's time, 2024-06-03T07:33:20.123Z.
E1_MS = 1_717_400_000_123

TIMES = frozenset({"created_on", "updated_on", "agg_last_updated"})

QUESTION_FIELDS = (
    "id",
    "assess_ts",
    "max_score",
    "score",
    "type",
    "title",
    "resvalues",
    "params",
    "description",
    "duration",
)


def assessment_settings(**settings: str) -> JobSettings:
    """Settings by documented name, dots as underscores."""
    names = {f"LERN_PIPELINE_{name.upper()}": value for name, value in settings.items()}
    return load_configuration(None, {"LERN_PIPELINE_ENV": "test"} | names).for_job("assessment-aggregator")


def answer(question: Any = "q1", ets: Any = 1_717_400_001_000, score: Any = 1, **changes: Any) -> dict[str, Any]:
    """One ASSESS event. ``changes``: of ``edata``; those named ``item_…``: of its item; ``...`` leaves a member out."""
    item = {
        "id": question,
        "maxscore": 1,
        "type": "mcq",
        "title": f"T-{question}",
        "desc": "",
        "params": [{"1": '{"text":"A"}'}, {"answer": {"correct": ["1"]}}],
    }
    edata = {"item": item, "score": score, "resvalues": [{"1": '{"text":"A"}'}], "duration": 5}
    for name, value in changes.items():
        (item if name.startswith("item_") else edata)[name.removeprefix("item_")] = value
    event = {"eid": "ASSESS", "ets": ets, "edata": edata}
    for members in (event, edata, item):
        for name in [name for name, value in members.items() if value is ...]:
            del members[name]
    return event


def assessed(events: Any, **members: Any) -> dict[str, Any]:
    """An event as the LMS sends it; ``...`` leaves a member out."""
    event = {
        "assessmentTs": E1_MS,
        "batchId": "B-77",
        "courseId": "do_C1",
        "userId": "usr-1",
        "attemptId": "att-1",
        "contentId": "do_Q1",
        "events": events,
    } | members
    return {name: value for name, value in event.items() if value is not ...}


def example_e1(**members: Any) -> dict[str, Any]:
    """Worked example E1: a changed answer and a partly right one."""
    return assessed(
        [
            answer("q1", 1_717_400_001_000, 0, resvalues=[], duration=3),
            answer("q1", 1_717_400_009_000, 1, duration=2.5),
            answer("q2", 1_717_400_012_000, 0.33, resvalues=[{"2": {"text": "B", "n": 4}}], duration=10),
        ],
        **members,
    )


@dataclass
class Assessments:
    """The platform around the job. Batches take what was published since the last one."""

    base: str
    settings: JobSettings = field(default_factory=assessment_settings)
    world: InMemoryWorld = field(default_factory=InMemoryWorld)
    planned: dict[int, int] = field(default_factory=dict)
    keys: list[MicroBatchKey] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world.rows.types["sunbird_courses.question"] = QUESTION_FIELDS
        self.world.rows.partition_keys[ATTEMPTS] = ("course_id",)
        self.leaf_nodes("do_C1", "do_Q1", "do_V1")

    # --- what is given

    def leaf_nodes(self, course: str, *contents: str) -> None:
        self.world.caches.database(*RELATION_CACHE)[f"{course}:{course}:leafnodes"] = frozenset(contents)

    def stored(self, attempt: str = "att-1", content: str = "do_Q1", user: str = "usr-1", **columns: Any) -> None:
        """A row that was there before."""
        given = {
            "last_attempted_on": E1_MS,
            "created_on": 1_717_000_000_000,
            "updated_on": 1_717_000_000_000,
            "total_score": 1.33,
            "total_max_score": 2.0,
            "grand_total": "1.33/2.0",
        } | columns
        key = {"course_id": "do_C1", "batch_id": "B-77", "user_id": user, "content_id": content, "attempt_id": attempt}
        self.world.rows.give(ATTEMPTS, key, {name: value for name, value in given.items() if value is not None})

    def aggregated(self, user: str = "usr-1", **columns: Any) -> None:
        self.world.rows.give(AGGREGATES, _aggregate_key(user), columns)

    def publish(self, event: Any, partition: int = 0) -> Record:
        return self.publish_value(json.dumps(event).encode(), partition)

    def publish_value(self, value: bytes | None, partition: int = 0) -> Record:
        return self.world.broker.append(value, partition)

    # --- running

    @property
    def store(self) -> BatchStore:
        return BatchStore(self.base, ASSESSMENT_AGGREGATOR.name)

    def run(self, now: float = STARTED) -> BatchResult:
        """One batch of everything new."""
        ends = self.world.broker.ends()
        ranges = [OffsetRange(partition, self.planned.get(partition, 0), end) for partition, end in ends.items()]
        self.planned = ends
        key = MicroBatchKey.of(datetime.fromtimestamp(now, UTC), ranges)
        self.keys.append(key)
        return self.execute(key, now)

    def run_events(self, *events: Any, now: float = STARTED) -> BatchResult:
        for event in events:
            self.publish(event)
        return self.run(now)

    def execute(self, key: MicroBatchKey, now: float = STARTED, rerun: bool = False) -> BatchResult:
        run = MicroBatchRun(ASSESSMENT_AGGREGATOR, self.settings, self.world.services, self.store, clock=lambda: now)
        return run.execute(key, 1, rerun)

    # --- what is found

    def attempt(self, attempt: str = "att-1", content: str = "do_Q1", user: str = "usr-1") -> Row | None:
        return self.world.rows.row(ATTEMPTS, {"user_id": user, "content_id": content, "attempt_id": attempt})

    def questions(self, attempt: str = "att-1") -> list[dict[str, Any]]:
        row = self.attempt(attempt)
        assert row is not None
        return [dict(zip(QUESTION_FIELDS, question, strict=True)) for question in row["question"]]

    def aggregate(self, user: str = "usr-1") -> Row | None:
        return self.world.rows.row(AGGREGATES, _aggregate_key(user))

    def messages(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(message.value) for message in self.world.broker.published if message.topic == topic]

    def certificates(self) -> list[tuple[str, str]]:
        """(learner, attempt id) of the requests."""
        return [(event["edata"]["userIds"][0], event["edata"]["attemptId"]) for event in self.messages(CERTIFICATES)]

    def state(self) -> dict[str, list[Row]]:
        """All rows, without the times of processing."""
        return self.world.rows.state(without=TIMES)


def counters(result: BatchResult, *names: str) -> dict[str, float]:
    """The batch's metrics that are not 0, or those named."""
    return {name: value for name, value in result.plan.metrics.items() if name in names or (not names and value)}


def accounts(result: BatchResult) -> tuple[int, int, int]:
    """Processed, skipped, failed."""
    account = result.account
    return account.processed, account.skipped_total, account.failed_total


def dumped(rows: Iterable[Row]) -> str:
    """Rows as one text, to look for something in them."""
    return json.dumps(list(rows), default=str)


def _aggregate_key(user: str) -> dict[str, str]:
    return {"activity_type": "Course", "activity_id": "do_C1", "user_id": user, "context_id": "cb:B-77"}
