"""The platform's side of the learners' tables and sets on the real servers: what is given, what is found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.query import dict_factory

from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.run import BatchResult, MicroBatchRun
from lern_pipeline.microbatch.services import Services
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.resources.services import services_for
from lern_pipeline.settings import JobSettings
from lern_pipeline_tests.stack.servers import Servers, key

JOB = ACTIVITY_AGGREGATE_UPDATER
RELATION_CACHE, CHECKSUMS = 10, 13
Row = dict[str, Any]


class LearnerTables:
    """Straight to Cassandra and Redis, past the product."""

    def __init__(self, servers: Servers) -> None:
        profile = ExecutionProfile(request_timeout=60, row_factory=dict_factory)
        at = servers.addresses
        self._cluster = Cluster(
            [at.cassandra_host], port=at.cassandra_port, execution_profiles={EXEC_PROFILE_DEFAULT: profile}
        )
        self.session = self._cluster.connect()
        self._servers = servers

    def close(self) -> None:
        self._cluster.shutdown()

    def insert(self, table: str, **columns: Any) -> None:
        """A row as another service writes it, an hour before everything the job does."""
        names = ", ".join(columns)
        places = ", ".join(["%s"] * len(columns))
        self.session.execute(f"INSERT INTO sunbird_courses.{table} ({names}) VALUES ({places})", list(columns.values()))

    def forget(self, users: Iterable[str], courses: Iterable[str]) -> None:
        """What an earlier session left of them."""
        for user in users:
            for table in ("user_content_consumption", "user_enrolments"):
                self.session.execute(f"DELETE FROM sunbird_courses.{table} WHERE userid = %s", [user])
        users_ = set(users)
        for row in self.session.execute("SELECT * FROM sunbird_courses.user_activity_agg"):
            if row["user_id"] in users_:
                self.session.execute(
                    "DELETE FROM sunbird_courses.user_activity_agg "
                    "WHERE activity_type = %s AND activity_id = %s AND user_id = %s AND context_id = %s",
                    [row["activity_type"], row["activity_id"], row["user_id"], row["context_id"]],
                )
        with self._servers.redis(RELATION_CACHE) as client:
            for course in courses:
                for name in list(client.scan_iter(f"{course}:*", count=1000)):
                    client.delete(name)

    def relations(self, sets: Mapping[str, Iterable[str]]) -> None:
        with self._servers.redis(RELATION_CACHE) as client:
            for name, members in sets.items():
                client.sadd(name, *members)

    def rows(self, table: str, user: str) -> list[Row]:
        found = self.session.execute(f"SELECT * FROM sunbird_courses.{table} WHERE userid = %s", [user])
        return [dict(row) for row in found]

    def consumption(self, user: str) -> dict[str, tuple[int | None, int | None, int | None]]:
        """Content → (status, viewcount, completedcount)."""
        rows = self.rows("user_content_consumption", user)
        return {row["contentid"]: (row["status"], row["viewcount"], row["completedcount"]) for row in rows}

    def aggregates(self, user: str, activities: Iterable[str], batch: str) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        for activity in activities:
            rows = self.session.execute(
                "SELECT aggregates FROM sunbird_courses.user_activity_agg "
                "WHERE activity_type = 'Course' AND activity_id = %s AND user_id = %s AND context_id = %s",
                [activity, user, f"cb:{batch}"],
            )
            found.update((activity, dict(row["aggregates"] or {}).get("completedCount")) for row in rows)
        return found

    def enrolment(self, user: str) -> Row | None:
        rows = self.rows("user_enrolments", user)
        return rows[0] if rows else None


class RealRun:
    """Batches of the job through the engine and the real clients, without Dagster around them."""

    def __init__(self, servers: Servers, directory: Path, changed: Mapping[str, Any] | None = None) -> None:
        self.servers = servers
        self.settings: JobSettings = servers.settings(changed=changed)
        self.services: Services = services_for(self.settings)
        self.store = BatchStore(str(directory), JOB.name)
        self.topic = JOB.input_topic(self.settings)
        self.position = 0

    def send(self, *events: Mapping[str, Any] | bytes) -> MicroBatchKey:
        """Publishes; the key of a batch of exactly these."""
        values = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in events]
        self.servers.send(self.topic, values)
        start, self.position = self.position, self.position + len(values)
        return key(str(OffsetRange(0, start, self.position)))

    def batch(self, *events: Mapping[str, Any] | bytes) -> BatchResult:
        return self.execute(self.send(*events))

    def execute(self, key: MicroBatchKey, rerun: bool = False) -> BatchResult:
        return MicroBatchRun(JOB, self.settings, self.services, self.store).execute(key, 1, rerun)

    def metrics(self, result: BatchResult) -> dict[str, float]:
        """The job's metrics as a materialisation carries them."""
        return result.plan.metrics | {name: float(result.counts[what]) for name, what in JOB.io_metrics.items()}

    def messages(self, topic: str) -> list[dict[str, Any]]:
        full = f"{self.servers.env}.{topic}"
        if full not in self.servers.topics():
            return []
        return [json.loads(record.value) for record in self.servers.records(full)]


def completion(user: str, course: str, batch: str, *contents: str, status: int = 2) -> dict[str, Any]:
    return {
        "edata": {
            "action": "batch-enrolment-update",
            "userId": user,
            "batchId": batch,
            "courseId": course,
            "contents": [{"contentId": content, "status": status} for content in contents],
        }
    }
