"""From a failed event to its success, through real Kafka, Cassandra and Redis: shown, sent again once, counted on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance

from lern_pipeline.definitions import make_definitions
from lern_pipeline.microbatch.crash_points import VARIABLE
from lern_pipeline.orchestration import installation
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.stack.learner_tables import JOB, LearnerTables, RealRun, completion
from lern_pipeline_tests.stack.servers import Servers, key
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.search import Search

pytestmark = pytest.mark.stack

#: Written as no encoder writes it.
UNREADABLE = b'{ "edata": \xff'


class Operator:
    """Somebody at the launchpad of an installation on these servers."""

    def __init__(self, servers: Servers, instance: DagsterInstance, directory: Path) -> None:
        self.config_file = config = directory / "lern.yaml"
        values = servers.values() | {"microbatch.store.url": str(directory / "batches")}
        config.write_text("".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items()))
        # Only this job: its failed topic is looked into, and no other topic of the shared servers.
        self._definitions = make_definitions(load_configuration(str(config), {}), str(config), (JOB,))
        self._instance = instance

    def shown(self) -> Mapping[str, Any]:
        result = self._execute("failed_events_job")
        (materialisation,) = result.asset_materializations_for_node("failed_events")
        return materialisation.metadata

    def redrive(self, **asked: Any) -> dict[str, Any]:
        config = {"ops": {"redrive_failed_events": {"config": {"job": JOB.name, **asked}}}}
        result = self._execute("redrive_failed_events_job", config)
        (observed,) = [event for event in result.all_events if event.event_type_value == "ASSET_OBSERVATION"]
        return {n: v.value for n, v in observed.asset_observation_data.asset_observation.metadata.items()}

    def redrive_process(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """All that failed, in a process that the environment may have killed."""
        command = [sys.executable, "-m", "lern_pipeline_tests.stack.redrive_process", str(self.config_file), "{}"]
        return subprocess.run(
            command, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
        )

    def _execute(self, job: str, config: Any = None) -> dg.ExecuteInProcessResult:
        return self._definitions.resolve_job_def(job).execute_in_process(config, instance=self._instance)


@pytest.fixture
def tables(servers: Servers) -> Iterator[LearnerTables]:
    tables = LearnerTables(servers)
    yield tables
    tables.close()


@pytest.fixture
def servers(local_stack: Any) -> Iterator[Servers]:
    """Topics of each test's own."""
    servers = Servers.at(local_stack.addresses)
    servers.topic("coursebatch.job.request")
    yield servers
    servers.forget_topics()


@pytest.fixture
def run(servers: Servers, tmp_path: Path) -> Iterator[RealRun]:
    """Of a job whose search service knows no course."""
    with ThirdParty([Search()]) as third_party:
        run = RealRun(servers, tmp_path / "archive", {"service.search.basePath": f"{third_party.address}/search"})
        yield run
        run.services.close()


@pytest.fixture
def operator(servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    for name in [name for name in os.environ if name.startswith("LERN_PIPELINE_")]:
        monkeypatch.delenv(name)
    installation._services.cache_clear()
    monkeypatch.setattr(installation, "_brokers", {})
    with DagsterInstance.ephemeral() as instance:
        yield Operator(servers, instance, tmp_path)
    installation._services.cache_clear()


def test_a_failed_event_is_shown_sent_again_once_and_succeeds(
    servers: Servers, tables: LearnerTables, operator: Operator, run: RealRun
) -> None:
    user, course = f"{servers.env}-user", f"{servers.env}_course"
    failed_topic = f"{servers.env}.activity.agg.failed"
    # With spaces, as the services do not write it: what is sent again must be these bytes.
    event = json.dumps(completion(user, course, "b", "r1"), indent=1).encode()
    servers.send(run.topic, [event, UNREADABLE], key=user.encode())
    first = run.execute(key("0.0-2"))
    assert (first.account.processed, first.account.failed_total) == (0, 2)

    shown = operator.shown()
    assert shown["failed_events"].value == 2
    assert {(record.data["job"], record.data["error"]) for record in shown["by_reason"].value.records} == {
        (JOB.name, "FailedGroup"),
        (JOB.name, "UnreadableRecord"),
    }
    assert user not in repr(shown)

    assert operator.redrive()["would_be_sent"] == 2
    assert len(servers.records(run.topic)) == 2

    assert operator.redrive(dry_run=False)["sent"] == 2
    records = servers.records(run.topic)
    assert [(r.value, r.key, list(r.headers)) for r in records[2:]] == [
        (event, user.encode(), [("lern-pipeline-attempts", b"1")]),
        (UNREADABLE, user.encode(), [("lern-pipeline-attempts", b"1")]),
    ]
    second_run = operator.redrive(dry_run=False)
    assert (second_run["sent"], second_run["redriven_before"]) == (0, 2)
    assert len(servers.records(run.topic)) == 4

    tables.relations({f"{course}:{course}:leafnodes": ["r1"]})
    second = run.execute(key("0.2-4"))
    # The archive, from which the batch may be run again, keeps the count.
    assert [record.earlier_attempts for record in run.store.read_records(str(key("0.2-4"))) or ()] == [1, 1]
    assert (second.account.processed, second.account.failed_total) == (1, 1)
    assert tables.consumption(user) == {"r1": (None, 1, 1)}
    attempts = [dict(record.headers)["attempt"] for record in servers.records(failed_topic)]
    assert sorted(attempts) == [b"1", b"1", b"2"]

    # What has failed anew is another event; once more it is sent, and then no more.
    assert [operator.redrive(dry_run=False)["sent"] for _ in range(2)] == [1, 0]
    assert list(servers.records(run.topic)[4].headers) == [("lern-pipeline-attempts", b"2")]
    assert operator.redrive(dry_run=False, again=True)["sent"] == 3


def test_a_kill_between_sending_and_keeping_sends_twice_and_loses_nothing(
    servers: Servers, operator: Operator, run: RealRun
) -> None:
    servers.send(run.topic, [UNREADABLE, b"{"])
    run.execute(key("0.0-2"))
    killed = operator.redrive_process(**{VARIABLE: "between-publishes"})
    assert killed.returncode == -signal.SIGKILL
    assert len(servers.records(run.topic)) == 4
    ended = [operator.redrive_process() for _ in range(2)]
    assert [(one.returncode, one.stdout) for one in ended] == [(0, "2\n"), (0, "0\n")]
    assert [record.value for record in servers.records(run.topic)] == [UNREADABLE, b"{"] * 3
