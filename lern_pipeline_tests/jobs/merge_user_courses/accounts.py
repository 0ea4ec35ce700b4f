"""Learner accounts on stores in memory, merged by the job's own engine run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lern_pipeline.events.record import Record
from lern_pipeline.jobs.merge_user_courses.job import MERGE_USER_COURSES
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.microbatch.run import BatchResult, MicroBatchRun
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld

CONSUMPTION = "sunbird_courses.user_content_consumption"
AGGREGATES = "sunbird_courses.user_activity_agg"
ENROLMENTS = "sunbird_courses.user_enrolments"
LEDGER = "lern_pipeline.merged_accounts"
KEYS = {
    CONSUMPTION: ("userid", "courseid", "batchid", "contentid"),
    AGGREGATES: ("activity_type", "activity_id", "user_id", "context_id"),
    ENROLMENTS: ("userid", "courseid", "batchid"),
}
TIMES = (
    "datetime",
    "last_access_time",
    "last_completed_time",
    "last_updated_time",
    "completedon",
    "enrolled_date",
    "lastcontentaccesstime",
)
SYNC = "test.coursebatch.job.request"
FAILED = "test.learning.events.failed"
STARTED = 1_800_000_000.0
STARTED_MS = int(STARTED * 1000)


def merge_settings(**names: str) -> JobSettings:
    """The documented defaults; ``kafka_output_…="…"`` sets one."""
    environment = {"LERN_PIPELINE_ENV": "test"} | {
        f"LERN_PIPELINE_JOBS_MERGE_USER_COURSES__{name.upper()}": value for name, value in names.items()
    }
    return load_configuration(None, environment).for_job(MERGE_USER_COURSES.name)


@dataclass
class Accounts:
    """The platform around the job. Batches take what was published since the last one."""

    base: str
    settings: JobSettings = field(default_factory=merge_settings)
    world: InMemoryWorld = field(default_factory=InMemoryWorld)
    planned: dict[int, int] = field(default_factory=dict)
    keys: list[MicroBatchKey] = field(default_factory=list)

    # --- what is given

    def give(self, table: str, row: Mapping[str, Any]) -> None:
        """A row in Cassandra's JSON form; times may be texts."""
        row = {name: in_milliseconds(name, value) for name, value in row.items() if value is not None}
        key = {name: row.pop(name) for name in KEYS[table]}
        self.world.rows.apply(RowWrites(table, tuple(key), rows=[[*key.values(), 0]], insert=True))
        self.world.rows.give(table, key, row)

    def consumed(self, user: str, content: str, course: str = "c1", batch: str = "b1", **columns: Any) -> None:
        key = {"userid": user, "courseid": course, "batchid": batch, "contentid": content}
        self.give(CONSUMPTION, key | columns)

    def enrolled(self, user: str, course: str = "c1", batch: str = "b1", **columns: Any) -> None:
        self.give(ENROLMENTS, {"userid": user, "courseid": course, "batchid": batch} | columns)

    def aggregated(self, user: str, course: str = "c1", batch: str = "b1", **columns: Any) -> None:
        key = {"activity_type": "Course", "activity_id": course, "user_id": user, "context_id": f"cb:{batch}"}
        self.give(AGGREGATES, key | columns)

    def merge(self, from_account: Any, to_account: Any, partition: int = 0) -> Record:
        return self.publish(
            {
                "eid": "BE_JOB_REQUEST",
                "edata": {
                    "action": "merge-user-courses-and-cert",
                    "fromAccountId": from_account,
                    "toAccountId": to_account,
                    "iteration": 1,
                },
            },
            partition,
        )

    def publish(self, event: Any, partition: int = 0) -> Record:
        return self.publish_value(json.dumps(event).encode(), partition)

    def publish_value(self, value: bytes | None, partition: int = 0) -> Record:
        return self.world.broker.append(value, partition)

    # --- running

    def run(self, now: float = STARTED) -> BatchResult:
        """One batch of everything new."""
        ends = self.world.broker.ends()
        ranges = [OffsetRange(partition, self.planned.get(partition, 0), end) for partition, end in ends.items()]
        self.planned = ends
        key = MicroBatchKey.of(datetime.fromtimestamp(now, UTC), ranges)
        self.keys.append(key)
        return self.execute(key, now)

    def execute(self, key: MicroBatchKey, now: float = STARTED, rerun: bool = False) -> BatchResult:
        store = BatchStore(self.base, MERGE_USER_COURSES.name)
        run = MicroBatchRun(MERGE_USER_COURSES, self.settings, self.world.services, store, clock=lambda: now)
        return run.execute(key, 1, rerun)

    # --- what is found

    def content(self, user: str, content: str, course: str = "c1", batch: str = "b1") -> dict[str, Any]:
        """The content's columns without the key."""
        key = {"userid": user, "courseid": course, "batchid": batch, "contentid": content}
        return self._columns(CONSUMPTION, key)

    def enrolment(self, user: str, course: str = "c1", batch: str = "b1") -> dict[str, Any]:
        return self._columns(ENROLMENTS, {"userid": user, "courseid": course, "batchid": batch})

    def aggregate(self, user: str, course: str = "c1", batch: str = "b1") -> dict[str, Any]:
        key = {"activity_type": "Course", "activity_id": course, "user_id": user, "context_id": f"cb:{batch}"}
        return self._columns(AGGREGATES, key)

    def _columns(self, table: str, key: Mapping[str, Any]) -> dict[str, Any]:
        row = self.world.rows.row(table, key)
        assert row is not None, f"{table} has no row {key}"
        return {name: value for name, value in row.items() if name not in key}

    def rows_of(self, user: str) -> list[dict[str, Any]]:
        """All rows of one account."""
        rows = [row for table in KEYS for row in self.world.rows.rows(table)]
        return [row for row in rows if row.get("userid", row.get("user_id")) == user]

    def published(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(message.value) for message in self.world.broker.published if message.topic == topic]

    def synced(self, topic: str = SYNC) -> list[tuple[str, str, str]]:
        """(user, course, batch) of the sync events, in order."""
        edatas = [event["edata"] for event in self.published(topic)]
        return [(edata["userId"], edata["courseId"], edata["batchId"]) for edata in edatas]


def in_milliseconds(column: str, value: Any) -> Any:
    if column == "agg_last_updated":
        return {key: in_milliseconds(TIMES[0], member) for key, member in value.items()}
    if column in TIMES and isinstance(value, str):
        return round((datetime.fromisoformat(value) - EPOCH) / timedelta(milliseconds=1))
    return value


def as_text(column: str, value: Any) -> Any:
    """Times as Cassandra's JSON has them."""
    if column == "agg_last_updated":
        return {key: as_text(TIMES[0], member) for key, member in value.items()}
    if column in TIMES and isinstance(value, int):
        time = EPOCH + timedelta(milliseconds=value)
        return f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03}Z"
    return value


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
