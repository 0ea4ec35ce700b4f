"""The rebuild of a course batch on the real servers, as Dagster runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.query import dict_factory

from lern_pipeline.jobs.activity_aggregates_rebuild.course_batch import CourseBatch
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.settings.variable import environment_name
from lern_pipeline_tests.stack.servers import Servers

pytestmark = pytest.mark.stack

LEARNERS = 300
CHUNK = 50
KEYSPACE = "sunbird_courses"


@dataclass
class WrongBatch:
    """A course batch of its own of which every aggregate is wrong. Every third learner has completed it, every ninth
    has been told so; one in a hundred has a right enrolment and right aggregates."""

    servers: Servers
    home: Path
    at: CourseBatch

    def user(self, number: int) -> str:
        return f"{self.at.course_id}-u{number:04d}"

    def give(self) -> None:
        course, batch = self.at
        activities = (course, f"{course}_unit")
        with self.servers.redis(10) as client:
            for node in activities:
                client.sadd(f"{course}:{node}:leafnodes", "do_a", "do_b")
            for content in ("do_a", "do_b"):
                client.sadd(f"{course}:{content}:ancestors", *activities)
        consumption: list[list[Any]] = []
        enrolments: list[list[Any]] = []
        aggregates: list[list[Any]] = []
        for number in range(LEARNERS):
            user, done, right = self.user(number), 2 if number % 3 == 0 else 1, number % 100 == 1
            consumption += [[user, course, batch, "do_a", 2, 1], [user, course, batch, "do_b", done, 1]]
            known = (1, {"do_a": 2, "do_b": 1}) if right else (0, {})
            enrolments.append([user, course, batch, 2 if number % 9 == 0 else 1, *known, 1])
            counted = {"completedCount": 1.0 if right else 9.0, "score:x": 5.0}
            aggregates += [["Course", activity, user, f"cb:{batch}", counted, 1] for activity in activities]
        key = ("userid", "courseid", "batchid")
        aggregate_key = ("activity_type", "activity_id", "user_id", "context_id")
        cassandra = Cassandra(self.servers.settings())
        for writes in (
            RowWrites(f"{KEYSPACE}.course_batch", ("courseid", "batchid"), ("status",), rows=[[course, batch, 1, 1]]),
            RowWrites(f"{KEYSPACE}.user_content_consumption", (*key, "contentid"), ("status",), rows=consumption),
            RowWrites(f"{KEYSPACE}.user_enrolments", key, ("status", "progress", "contentstatus"), rows=enrolments),
            RowWrites(f"{KEYSPACE}.user_activity_agg", aggregate_key, put=("aggregates",), rows=aggregates),
        ):
            cassandra.apply(writes)
        cassandra.close()

    def run(self, crash_at: str | None = None, **config: Any) -> dict[str, Any]:
        """One run; the metadata of its materialisation. Killed at ``crash_at``: nothing."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LERN_PIPELINE_")}
        environment |= {environment_name(name): str(value) for name, value in self.servers.values().items()}
        environment |= {"DAGSTER_HOME": str(self.home)}
        if crash_at:
            environment["LERN_PIPELINE_CRASH_AT"] = crash_at
        ended = subprocess.run(
            [
                sys.executable,
                "-m",
                "lern_pipeline_tests.stack.rebuild_process",
                self.at.key,
                json.dumps({"chunk_learners": CHUNK} | config),
            ],
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert ended.returncode == (-signal.SIGKILL if crash_at else 0), ended.stderr[-2000:]
        found: dict[str, Any] = {} if crash_at else json.loads(ended.stdout.strip().rpartition("\n")[2])
        return found

    def rows(self) -> dict[str, Any]:
        """Learner's number and activity → what is stored, times left out."""
        at, profile = self.servers.addresses, ExecutionProfile(request_timeout=60, row_factory=dict_factory)
        profiles = {EXEC_PROFILE_DEFAULT: profile}
        cluster = Cluster([at.cassandra_host], port=at.cassandra_port, execution_profiles=profiles)
        session = cluster.connect(KEYSPACE)
        enrolment = session.prepare("SELECT * FROM user_enrolments WHERE userid IN ?")
        aggregate = session.prepare(
            "SELECT * FROM user_activity_agg WHERE activity_type = 'Course' AND activity_id = ? AND user_id IN ?"
        )
        numbers = {self.user(number): number for number in range(LEARNERS)}
        found: dict[str, Any] = {
            f"{numbers[row['userid']]}": (
                row["status"],
                row["progress"],
                dict(row["contentstatus"] or {}),
                row["completedon"] is not None,
            )
            for row in session.execute(enrolment, [list(numbers)])
        }
        for name in ("", "_unit"):
            for row in session.execute(aggregate, [self.at.course_id + name, list(numbers)]):
                found[f"{numbers[row['user_id']]}{name or '_course'}"] = dict(row["aggregates"])
        cluster.shutdown()
        return found

    def messages(self, topic: str) -> list[dict[str, Any]]:
        """This batch's."""
        full = f"{self.servers.env}.{topic}"
        if full not in self.servers.topics():
            return []
        values = [json.loads(record.value) for record in self.servers.records(full)]
        return [value for value in values if self.at.course_id in json.dumps(value)]

    def certified(self) -> Counter[str]:
        """Learner → ids of the requests for a certificate."""
        asked = {(m["edata"]["userIds"][0], m["mid"]) for m in self.messages("issue.certificate.request")}
        return Counter(user for user, _ in asked)


def expected_rows() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number in range(LEARNERS):
        done, told = number % 3 == 0, number % 9 == 0
        count = 2 if done else 1
        statuses = {"do_a": 2, "do_b": 2 if done else 1}
        found[f"{number}"] = (2, 0, {}, False) if told else (2 if done else 1, count, statuses, done)
        for name in ("_course", "_unit"):
            found[f"{number}{name}"] = {"completedCount": float(count), "score:x": 5.0}
    return found


NEWLY_COMPLETED = [number for number in range(LEARNERS) if number % 3 == 0 and number % 9]
DIFFERED = LEARNERS - len([n for n in range(LEARNERS) if n % 100 == 1 and n % 3 and n % 9])


@pytest.fixture
def batch(servers: Servers, tmp_path: Path) -> Iterator[WrongBatch]:
    course = f"do_{uuid.uuid4().hex[:10]}"
    batch = WrongBatch(servers, tmp_path, CourseBatch(course, "B.1 ü"))
    batch.give()
    yield batch
    with servers.redis(10) as client:
        client.delete(*client.scan_iter(f"{course}:*", count=1000))


def figures(metadata: dict[str, Any]) -> dict[str, Any]:
    names = ("learners", "learners_differed", "completed_newly", "rows_changed", "messages", "left_out")
    return {name: metadata[name] for name in names}


def test_a_dry_run_changes_nothing_and_the_rebuild_does_what_it_said(batch: WrongBatch) -> None:
    before = batch.rows()
    dry = batch.run(dry_run=True)
    assert batch.rows() == before
    assert batch.messages("telemetry.raw") == batch.messages("issue.certificate.request") == []
    assert len(dry["changes"]) == 300
    real = batch.run()
    assert figures(real) == figures(dry)
    assert real["learners"] == LEARNERS
    assert real["learners_differed"] == DIFFERED
    assert batch.rows() == expected_rows()
    assert batch.certified() == Counter({batch.user(number): 1 for number in NEWLY_COMPLETED})
    again = batch.run()
    assert (again["learners"], again["learners_differed"], again["rows_written"]) == (LEARNERS, 0, 0)
    assert len(batch.messages("issue.certificate.request")) == len(NEWLY_COMPLETED)


@pytest.mark.parametrize("point", ["between-rows#5", "after-publish#3"])
def test_killed_in_the_middle_it_goes_on_to_the_same_end(batch: WrongBatch, point: str) -> None:
    batch.run(crash_at=point)
    assert batch.rows() != expected_rows()
    found = batch.run()
    assert found["went_on"] is True
    assert (found["learners"], found["learners_differed"]) == (LEARNERS, DIFFERED)
    assert found["completed_newly"] == len(NEWLY_COMPLETED)
    assert batch.rows() == expected_rows()
    assert batch.certified() == Counter({batch.user(number): 1 for number in NEWLY_COMPLETED})
    audits = {message["mid"] for message in batch.messages("telemetry.raw")}
    assert len(audits) == len(NEWLY_COMPLETED)
