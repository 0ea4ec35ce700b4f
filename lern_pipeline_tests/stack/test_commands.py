"""The commands as an operator calls them: cut over from the old job, drain, rerun from the archive, rewind, outages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.resources.kafka import Kafka
from lern_pipeline.resources.kafka_positions import KafkaPositions
from lern_pipeline_tests.command import COMMAND
from lern_pipeline_tests.stack.learner_tables import JOB, LearnerTables, completion
from lern_pipeline_tests.stack.servers import Servers

pytestmark = pytest.mark.stack


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out.strip().rpartition("\n")[2])
        return found


@dataclass(frozen=True)
class Operator:
    """Somebody at a shell with a configuration and a Dagster home."""

    servers: Servers
    directory: Path

    def call(self, *arguments: str, **changed: Any) -> Ended:
        config = self.directory / "lern.yaml"
        values = self.servers.values() | {name.replace("__", "."): value for name, value in changed.items()}
        config.write_text("".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items()))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LERN_PIPELINE_")}
        own = {"LERN_PIPELINE_CONFIG": str(config), "DAGSTER_HOME": str(self.directory / "dagster")}
        ended = subprocess.run(
            [str(COMMAND), *arguments], env=inherited | own, capture_output=True, text=True, timeout=300, check=False
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    @property
    def archive(self) -> Path:
        return self.directory / "dagster" / "lern_pipeline" / "batches" / JOB.name


@pytest.fixture(scope="module")
def operator(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    return Operator(servers, tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="module")
def tables(servers: Servers) -> Iterator[LearnerTables]:
    tables = LearnerTables(servers)
    yield tables
    tables.close()


@pytest.fixture(scope="module")
def story(operator: Operator, servers: Servers, tables: LearnerTables) -> Iterator[SimpleNamespace]:
    """An installation that cuts over: the old job has handled two of the five records of partition 0."""
    settings = servers.settings()
    topic, group = JOB.input_topic(settings), JOB.consumer_group(settings)
    course, users = f"{servers.env}_course", [f"{servers.env}-u{n}" for n in range(8)]
    tables.relations({f"{course}:{course}:leafnodes": ["r1", "r2"]})
    servers.topic("coursebatch.job.request", partitions=2)
    events = [json.dumps(completion(user, course, "b", "r1")).encode() for user in users]
    servers.send(topic, events[:5], partition=0)
    servers.send(topic, [*events[5:7], b"{"], partition=1, compression_type="snappy")
    broker, positions = Kafka(settings), KafkaPositions(settings)
    broker.commit(topic, group, {0: 2})

    def consumed(user: str) -> Any:
        return tables.consumption(user).get("r1")

    drained = operator.call("drain", "--job", JOB.name, "--json")
    after = SimpleNamespace(
        consumed=[consumed(user) for user in users],
        committed=positions.committed(topic, group),
        topics=servers.topics(),
        audits=len(servers.records(f"{servers.env}.telemetry.raw")),
    )
    idle = operator.call("drain", "--job", JOB.name, "--json")

    # Retention takes the records away.
    servers.delete_records(topic, 5, 0)
    servers.delete_records(topic, 3, 1)
    key = drained.report["batches"][0]["partition_key"]
    rerun = operator.call("rerun", JOB.name, key, "--json")
    after_rerun = SimpleNamespace(
        consumed=[consumed(user) for user in users], audits=len(servers.records(f"{servers.env}.telemetry.raw"))
    )
    shutil.rmtree(operator.archive / key)
    expired = operator.call("rerun", JOB.name, key)

    rewound = operator.call("rewind", JOB.name, "--to", "earliest")
    servers.send(topic, [events[7]], partition=0)
    last = operator.call("drain", "--job", JOB.name)
    yield SimpleNamespace(
        drained=drained,
        after=after,
        idle=idle,
        key=MicroBatchKey.parse(key),
        rerun=rerun,
        after_rerun=after_rerun,
        expired=expired,
        rewound=rewound,
        last=last,
        newest=consumed(users[7]),
        env=servers.env,
        committed_at_end=positions.committed(topic, group),
    )
    positions.close()
    broker.close()
    tables.forget(users, [course])


def test_the_first_drain_starts_where_the_old_job_stood(story: SimpleNamespace) -> None:
    assert story.drained.code == 0, story.drained.err
    assert story.key.starts == {0: 2, 1: 0}
    assert story.key.ends == {0: 5, 1: 3}
    done = (None, 1, 1)
    assert story.after.consumed == [None, None, done, done, done, done, done, None]


def test_drain_reports_every_batch(story: SimpleNamespace) -> None:
    (batch,) = story.drained.report["batches"]
    assert {name: batch[name] for name in ("consumed", "processed", "skipped", "failed", "status", "reason")} == {
        "consumed": 6,
        "processed": 5,
        "skipped": 0,
        "failed": 1,
        "status": "materialised",
        "reason": None,
    }
    assert batch["job"] == JOB.name
    assert story.drained.report["waiting"] == 0


def test_output_topics_that_were_missing_are_there(story: SimpleNamespace) -> None:
    assert {f"{story.env}.telemetry.raw", f"{story.env}.activity.agg.failed"} <= story.after.topics


def test_the_groups_offsets_are_committed_after_success(story: SimpleNamespace) -> None:
    assert story.after.committed == {0: 5, 1: 3}
    assert story.committed_at_end == {0: 6, 1: 3}


def test_a_drain_with_nothing_to_do_says_so(story: SimpleNamespace) -> None:
    assert story.idle.code == 0
    assert story.idle.report["batches"] == []


def test_a_batch_is_run_again_from_its_archive_when_kafka_has_lost_it(story: SimpleNamespace) -> None:
    assert story.rerun.code == 0, story.rerun.err
    (batch,) = story.rerun.report["batches"]
    assert (batch["consumed"], batch["processed"], batch["failed"]) == (6, 5, 1)
    assert story.after_rerun.consumed == story.after.consumed
    assert story.after_rerun.audits == story.after.audits == 10


def test_a_batch_that_nobody_has_any_more_is_refused_clearly(story: SimpleNamespace) -> None:
    assert story.expired.code == 1
    reason = story.expired.err.splitlines()[-1]
    assert "cannot be run again" in reason
    assert str(story.key) in reason


def test_rewinding_says_what_it_repeats(story: SimpleNamespace) -> None:
    assert story.rewound.code == 0, story.rewound.err
    assert "goes on at" in story.rewound.out
    assert "nothing is repeated or left out" in story.rewound.out


def test_the_lane_goes_on_after_all_that(story: SimpleNamespace) -> None:
    assert story.last.code == 0, story.last.err
    assert "1 micro-batches, 1 events" in story.last.out
    assert story.newest == (None, 1, 1)


def test_a_server_that_is_down_is_one_line_with_its_address(story: SimpleNamespace, operator: Operator) -> None:
    ended = operator.call("drain", "--job", JOB.name, **{"kafka__broker-servers": "localhost:1"})
    assert ended.code == 1
    (line,) = ended.err.splitlines()
    assert line.startswith(f"{JOB.name}: Kafka at localhost:1 is not available: ")
