"""The demo from its start to its end, through a Dagster of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from kafka.admin import KafkaAdminClient

from lern_pipeline.local.demo.dagster_services import MARK
from lern_pipeline_tests.command import COMMAND
from lern_pipeline_tests.conftest import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.dagster]

SECONDS = 400
OF_THE_DEMO = (
    'jobs.merge-user-courses.kafka.output.enrolment.sync.topic: "{env}.batch.enrolment.sync.request"',
    "jobs.assessment-aggregator.assessment.skip.missingRecords: true",
)


@pytest.fixture
def env(local_stack: RunningStack) -> Iterator[str]:
    """An environment whose topics are the demo's own: those of other tests may hold records."""
    env = f"demo{os.getpid()}"
    yield env
    at = local_stack.addresses
    with KafkaAdminClient(bootstrap_servers=f"{at.kafka_host}:{at.kafka_port}") as admin:
        admin.delete_topics([name for name in admin.list_topics() if name.startswith(f"{env}.")])


def test_demo_runs_once_and_leaves_nothing_behind(local_stack: RunningStack, env: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("\n".join([*local_stack.configuration_lines(env), *OF_THE_DEMO, ""]))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LERN_PIPELINE_")}
    environment = inherited | {"LERN_PIPELINE_CONFIG": str(config), "LERN_PIPELINE_LOCAL": str(tmp_path / "local")}

    ended = subprocess.run(
        [str(COMMAND), "demo", "--once"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert ended.returncode == 0, f"{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
    assert "events are accounted for" in ended.stdout
    assert '"action": "issue-certificate"' in ended.stdout
    assert "enrolment-reconciliation 2" in ended.stdout, "the merge was followed by a recomputation"
    assert "assessment-aggregator 2" in ended.stdout, "answers became attempts"
    assert "attempts_count " in ended.stdout
    assert "25 certificates were issued, each once, and as many mails sent" in ended.stdout
    assert "moves from Karnataka to Kerala" in ended.stdout
    assert "user-cache-updater " in ended.stdout and "hashes written: 1, in " in ended.stdout
    mark = (tmp_path / "local" / "demo" / "mark").read_text()
    assert not left_behind(mark)
    assert all(server["up"] for server in local_stack.stack.status().values()), "servers that ran before still run"


def left_behind(mark: str) -> list[str]:
    """Processes that the demo started and that still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK, "").startswith(mark):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found
