"""Learners, courses and events of the course-progress jobs on stores in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lern_pipeline.events.record import Record
from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.run import BatchResult, MicroBatchRun
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld
from lern_pipeline_tests.microbatch.journal import Row

CONSUMPTION = "sunbird_courses.user_content_consumption"
AGGREGATES = "sunbird_courses.user_activity_agg"
ENROLMENTS = "sunbird_courses.user_enrolments"
RELATION_CACHE = ("redis", 10)
CHECKSUMS = ("dedup-redis", 13)

AUDIT = "test.telemetry.raw"
CERTIFICATES = "test.issue.certificate.request"
FAILED = "test.activity.agg.failed"

STARTED = 1_800_000_000.0
STARTED_MS = int(STARTED * 1000)

TIMES = frozenset({"datetime", "completedon", "agg_last_updated"})


def aggregate_settings(**settings: str) -> JobSettings:
    """Settings by documented name, dots as two underscores."""
    names = {
        f"LERN_PIPELINE_{name.replace('__', '_').replace('.', '_').upper()}": value for name, value in settings.items()
    }
    environment = {"LERN_PIPELINE_ENV": "test"} | names
    return load_configuration(None, environment).for_job("activity-aggregate-updater")


def completed(*content_ids: str) -> list[dict[str, Any]]:
    return [{"contentId": content_id, "status": 2} for content_id in content_ids]


@dataclass
class Learners:
    """The platform around the job. Batches take what was published since the last one."""

    base: str
    settings: JobSettings = field(default_factory=aggregate_settings)
    job: JobSpec[Any, Any] = ACTIVITY_AGGREGATE_UPDATER
    world: InMemoryWorld = field(default_factory=InMemoryWorld)
    planned: dict[int, int] = field(default_factory=dict)
    keys: list[MicroBatchKey] = field(default_factory=list)

    # --- what is given

    def relations(self, **sets: Iterable[str]) -> None:
        """``do_9001__unit_a__leafnodes=[…]``: the set under ``do_9001:unit_a:leafnodes``."""
        there = self.world.caches.database(*RELATION_CACHE)
        for name, members in sets.items():
            there[name.replace("__", ":")] = frozenset(members)

    def course_9001(self) -> None:
        """The course of the contract's worked examples: two units, one optional content."""
        self.relations(
            do_9001__do_9001__leafnodes=["do_r1", "do_r2", "do_r3"],
            do_9001__do_9001__optionalnodes=["do_r3"],
            do_9001__unit_a__leafnodes=["do_r1", "do_r3"],
            do_9001__unit_a__optionalnodes=["do_r3"],
            do_9001__unit_b__leafnodes=["do_r2"],
            do_9001__do_r1__ancestors=["unit_a", "do_9001"],
            do_9001__do_r2__ancestors=["unit_b", "do_9001"],
            do_9001__do_r3__ancestors=["unit_a", "do_9001"],
        )

    def enrolled(self, user: str, course: str = "do_9001", batch: str = "B-501", **columns: Any) -> None:
        self.world.rows.give(ENROLMENTS, _key(user, course, batch), {"status": 0} | columns)

    def consumed(
        self, user: str, content: str, status: int | None, course: str = "do_9001", batch: str = "B-501", **columns: Any
    ) -> None:
        """A row as the LMS writes it: counters are null unless given."""
        self.world.rows.give(
            CONSUMPTION, _key(user, course, batch) | {"contentid": content}, {"status": status} | columns
        )

    def publish(
        self, user: str, contents: Any, course: str = "do_9001", batch: str = "B-501", partition: int = 0
    ) -> Record:
        edata = {
            "action": "batch-enrolment-update",
            "userId": user,
            "batchId": batch,
            "courseId": course,
            "contents": contents,
        }
        return self.publish_edata(edata, partition)

    def publish_edata(self, edata: Any, partition: int = 0) -> Record:
        return self.publish_value(json.dumps({"edata": edata}).encode(), partition)

    def publish_value(self, value: bytes | None, partition: int = 0) -> Record:
        return self.world.broker.append(value, partition)

    # --- running

    @property
    def store(self) -> BatchStore:
        return BatchStore(self.base, self.job.name)

    def run(self, now: float = STARTED) -> BatchResult:
        """One batch of everything new."""
        ends = self.world.broker.ends()
        ranges = [OffsetRange(partition, self.planned.get(partition, 0), end) for partition, end in ends.items()]
        self.planned = ends
        key = MicroBatchKey.of(datetime.fromtimestamp(now, UTC), ranges)
        self.keys.append(key)
        return self.execute(key, now)

    def execute(self, key: MicroBatchKey, now: float = STARTED, rerun: bool = False) -> BatchResult:
        services = self.world.services
        run = MicroBatchRun(self.job, self.settings, services, self.store, clock=lambda: now)
        return run.execute(key, 1, rerun)

    # --- what is found

    def consumption(self, user: str, course: str = "do_9001") -> dict[str, tuple[int | None, int | None]]:
        """Content → (viewcount, completedcount)."""
        rows = [row for row in self.world.rows.rows(CONSUMPTION) if (row["userid"], row["courseid"]) == (user, course)]
        return {row["contentid"]: (row.get("viewcount"), row.get("completedcount")) for row in rows}

    def aggregates(self, user: str) -> dict[str, float]:
        """Activity → completedCount."""
        rows = [row for row in self.world.rows.rows(AGGREGATES) if row["user_id"] == user]
        return {row["activity_id"]: row["aggregates"]["completedCount"] for row in rows}

    def enrolment(self, user: str, course: str = "do_9001", batch: str = "B-501") -> Row | None:
        return self.world.rows.row(ENROLMENTS, _key(user, course, batch))

    @property
    def checksums(self) -> set[str]:
        return set(self.world.caches.database(*CHECKSUMS))

    def messages(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(message.value) for message in self.world.broker.published if message.topic == topic]

    def audits(self) -> list[tuple[str, str]]:
        """(type, id of the object) in the order of publication."""
        return [(event["edata"]["type"], event["object"]["id"]) for event in self.messages(AUDIT)]

    def state(self) -> Mapping[str, Sequence[Row]]:
        """All rows, without the times of processing."""
        return self.world.rows.state(without=TIMES)


def _key(user: str, course: str, batch: str) -> dict[str, str]:
    return {"userid": user, "courseid": course, "batchid": batch}
