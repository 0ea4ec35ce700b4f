"""An installation on stores in memory: the real definitions, lanes and runs, on a Dagster instance of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from lern_pipeline.definitions import make_definitions
from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.orchestration import installation, names
from lern_pipeline.orchestration.drain import Runner
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.lane import Lane
from lern_pipeline.resources.kafka_positions import TopicOffsets
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld

JOB = ACTIVITY_AGGREGATE_UPDATER
TOPIC = "test.coursebatch.job.request"

SETTINGS = """\
env: test
kafka.auto.offset.reset: earliest
microbatch.store.url: {store}
microbatch.sensor.watch.seconds: 0
"""


@dataclass
class InMemoryPositions:
    """What Kafka says of the input topic; other topics do not exist."""

    offsets_by_topic: dict[str, TopicOffsets] = field(default_factory=dict)
    committed_offsets: dict[int, int] = field(default_factory=dict)
    outage: str | None = None
    world: InMemoryWorld | None = None

    def offsets(self, topic: str) -> TopicOffsets:
        if self.outage is not None:
            raise ServiceUnavailable("Kafka", "kafka:9092", self.outage)
        if topic in self.offsets_by_topic:
            return self.offsets_by_topic[topic]
        if topic == TOPIC and self.world is not None and self.world.broker.partitions:
            ends = self.world.broker.ends()
            return TopicOffsets({p: self.world.broker.log_starts.get(p, 0) for p in ends}, ends)
        return TopicOffsets({}, {})

    def ends(self, topic: str) -> dict[int, int]:
        return self.offsets(topic).ends

    def committed(self, topic: str, group: str) -> dict[int, int]:
        return dict(self.committed_offsets)

    def close(self) -> None:
        """Nothing was opened."""


@dataclass
class Installed:
    """Everything of one installation but the servers."""

    instance: DagsterInstance
    config_file: Path
    world: InMemoryWorld
    positions: InMemoryPositions
    definitions: dg.Definitions
    resource: Installation

    def lane(self, job: JobSpec[Any, Any] = JOB, instance: DagsterInstance | None = None) -> Lane:
        positions: Any = self.positions
        return Lane(job, self.resource.settings(job), instance or self.instance, positions)

    def publish(self, user: str = "u-ada", contents: tuple[str, ...] = ("do_r1",), **members: Any) -> None:
        edata = {
            "action": "batch-enrolment-update",
            "userId": user,
            "batchId": "B-501",
            "courseId": "do_9001",
            "contents": [{"contentId": content, "status": 2} for content in contents],
        } | members
        self.world.broker.append(json.dumps({"edata": edata}).encode())

    def stand_at(self, offset: int) -> MicroBatchKey:
        """The lane of the one partition stands at ``offset``."""
        key = MicroBatchKey.at(datetime.now(UTC), {0: offset})
        self.instance.add_dynamic_partitions(names.partitions_name(JOB), [str(key)])
        return key

    def add(self, key: MicroBatchKey) -> MicroBatchKey:
        self.instance.add_dynamic_partitions(names.partitions_name(JOB), [str(key)])
        return key

    def create_run(
        self,
        key: MicroBatchKey,
        status: DagsterRunStatus = DagsterRunStatus.STARTED,
        attempt: int | None = 1,
        tags: Mapping[str, str] | None = None,
        job: JobSpec[Any, Any] = JOB,
    ) -> dg.DagsterRun:
        """A run of the key in the given state; what does the work is left out."""
        own = {names.PARTITION_TAG: str(key)}
        if attempt is not None:
            own |= {names.LANE_TAG: job.name, names.ATTEMPT_TAG: str(attempt)}
        job_name = names.asset_job_name(job)
        location = RegisteredCodeLocationOrigin("lern_pipeline")
        return self.instance.create_run_for_job(
            self.definitions.resolve_job_def(job_name),
            status=status,
            tags=own | dict(tags or {}),
            # A queued run says where its code is.
            remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job_name),
        )

    def failed_run(self, key: MicroBatchKey, attempt: int = 1) -> dg.DagsterRun:
        run = self.create_run(key, attempt=attempt)
        self.instance.report_run_failed(run, "the store was down")
        return run

    def report_materialised(self, key: MicroBatchKey, **metadata: Any) -> None:
        """As an operator does with the button in the UI."""
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(names.asset_key(JOB), partition=str(key), metadata=metadata)
        )

    def runner(self) -> Runner:
        return Runner((JOB,), self.definitions, self.resource, self.instance, lambda line: None)


def install(instance: DagsterInstance, directory: Path, monkeypatch: Any, extra: str = "") -> Installed:
    """Puts stores in memory where the installation makes its clients."""
    config_file = directory / "lern.yaml"
    config_file.write_text(SETTINGS.format(store=directory / "batches") + extra)
    world = InMemoryWorld()
    positions = InMemoryPositions(world=world)
    monkeypatch.setattr(installation, "_services", lambda config_file, job, cassandra: world.services)
    monkeypatch.setattr(installation, "_positions", lambda config_file, job: positions)
    definitions = make_definitions(load_configuration(str(config_file), {}), str(config_file))
    return Installed(instance, config_file, world, positions, definitions, Installation(config_file=str(config_file)))


def batch(start: int, end: int) -> MicroBatchKey:
    """A key of the one partition, planned at some time."""
    moment = datetime(2027, 1, 1, 0, start % 60, end % 60, tzinfo=UTC)
    return MicroBatchKey.of(moment, [OffsetRange(0, start, end)])
