"""What the fork launcher does not take on: other code locations, and installations that choose the stock launcher."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dagster import DefaultRunLauncher
from dagster._core.launcher import WorkerStatus

from lern_pipeline.launcher import FileComputeLogManager, ForkServerRunLauncher
from lern_pipeline.orchestration.worker_process import Worker
from lern_pipeline_tests.launcher.code_location import CodeLocation
from lern_pipeline_tests.launcher.running import fork_launcher, make_home, runs_on

pytestmark = pytest.mark.dagster

GRPC_TAG = ".dagster/grpc_info"


@pytest.mark.parametrize(
    ("launcher", "expected"),
    [(None, DefaultRunLauncher), (fork_launcher("another.module"), ForkServerRunLauncher)],
    ids=["stock launcher", "module of another location"],
)
def test_the_code_server_launches_the_run(tmp_path: Path, launcher: dict[str, Any] | None, expected: type) -> None:
    location = CodeLocation(tmp_path / "code")
    with runs_on(make_home(tmp_path / "home", launcher), location) as runs:
        assert isinstance(runs.instance.run_launcher, expected)
        assert isinstance(runs.instance.compute_log_manager, FileComputeLogManager)
        run_id = runs.launch_here("quick")
        assert runs.ended(run_id) == ["SUCCESS"]
        run = runs.get(run_id)
        assert GRPC_TAG in run.tags
        assert Worker.of_run(run_id, run.tags) is None
        if isinstance(runs.instance.run_launcher, ForkServerRunLauncher):
            # Nothing is known about its process: run monitoring must leave it alone.
            assert runs.instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
            runs.instance.run_launcher.join(5)


def test_a_process_without_a_queue_launches_from_a_server_of_its_own(tmp_path: Path) -> None:
    location = CodeLocation(tmp_path / "code")
    with runs_on(make_home(tmp_path / "home", fork_launcher(location.module)), location) as runs:
        run_id = runs.launch_here("quick")
        runs.instance.run_launcher.join(30)
        assert runs.status(run_id) == "SUCCESS"
        assert GRPC_TAG not in runs.get(run_id).tags


def test_host_processes_load_the_launcher_without_the_clients() -> None:
    heavy = ["cassandra", "kafka", "redis", "pyhocon", "pandas", "numpy", "lern_pipeline.definitions"]
    program = f"import sys, lern_pipeline.launcher; sys.exit(', '.join(sorted(set({heavy}) & set(sys.modules))) or 0)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stderr == ""
