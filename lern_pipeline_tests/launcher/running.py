"""A Dagster instance in a temporary home, and runs handed to the real daemon that works on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml
from dagster import DagsterInstance, DagsterRun
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget

from lern_pipeline.commands.home import shipped_dagster_yaml
from lern_pipeline.orchestration.instance_storage import create_storage
from lern_pipeline.orchestration.worker_process import Worker
from lern_pipeline_tests.launcher.code_location import CodeLocation, eventually


def make_home(directory: Path, run_launcher: dict[str, Any] | None) -> Path:
    """A home with the shipped instance configuration, another run launcher, and short intervals."""
    settings = yaml.safe_load(shipped_dagster_yaml().read_text())
    del settings["run_launcher"]
    if run_launcher is not None:
        settings["run_launcher"] = run_launcher
    settings["run_monitoring"]["poll_interval_seconds"] = 1
    directory.mkdir(parents=True)
    (directory / "dagster.yaml").write_text(yaml.safe_dump(settings))
    create_storage(directory)
    return directory


def fork_launcher(*modules: str) -> dict[str, Any]:
    return {
        "module": "lern_pipeline.launcher",
        "class": "ForkServerRunLauncher",
        "config": {"modules": list(modules), "termination_grace_seconds": 2},
    }


class Runs:
    """Makes and follows runs of one code location on one instance."""

    def __init__(self, instance: DagsterInstance, process: WorkspaceProcessContext) -> None:
        self.instance = instance
        self._workspace = process.create_request_context()
        self._location = self._workspace.get_code_location(self._workspace.code_location_names[0])
        self._repository = next(iter(self._location.get_repositories().values()))

    def create(self, job: str, **tags: str) -> DagsterRun:
        found = self._repository.get_full_job(job)
        plan = self._location.get_execution_plan(found, {}, None, None, self.instance)
        return self.instance.create_run(
            job_name=job,
            run_id=None,
            run_config={},
            status=None,
            tags=tags,
            root_run_id=None,
            parent_run_id=None,
            step_keys_to_execute=None,
            execution_plan_snapshot=plan.execution_plan_snapshot,
            job_snapshot=found.job_snapshot,
            parent_job_snapshot=found.parent_job_snapshot,
            asset_selection=None,
            asset_check_selection=None,
            resolved_op_selection=None,
            op_selection=None,
            remote_job_origin=found.get_remote_origin(),
            job_code_origin=found.get_python_origin(),
            asset_graph=self._repository.asset_graph,
        )

    def queue(self, job: str, **tags: str) -> str:
        """Have the daemon launch a run."""
        run = self.create(job, **tags)
        self.instance.submit_run(run.run_id, self._workspace)
        return run.run_id

    def launch_here(self, job: str) -> str:
        """Launch a run from this process, as a webserver without a queue does."""
        run = self.create(job)
        self.instance.launch_run(run.run_id, self._workspace)
        return run.run_id

    def get(self, run_id: str) -> DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def status(self, run_id: str) -> str:
        return self.get(run_id).status.value

    def ended(self, *run_ids: str, seconds: float = 30.0) -> list[str]:
        """Wait for the runs; their statuses."""
        eventually("runs end", lambda: all(self.get(run_id).is_finished for run_id in run_ids), seconds)
        return [self.status(run_id) for run_id in run_ids]

    def worker(self, run_id: str) -> Worker:
        """The process of a run, once its op has begun: only then does Dagster ask whether a worker lives."""
        eventually("the run's op begins", lambda: "the op rests" in self.log(run_id), 30)
        run = self.get(run_id)
        worker = Worker.of_run(run_id, run.tags)
        assert worker is not None
        return worker

    def log(self, run_id: str) -> str:
        return "\n".join(entry.user_message or entry.message for entry in self.instance.all_logs(run_id))

    def said(self, run_id: str, name: str) -> str:
        """The value of ``name=…`` in the run's log."""
        return self.log(run_id).split(f"{name}=")[1].split()[0]


@contextmanager
def runs_on(home: Path, location: CodeLocation) -> Iterator[Runs]:
    """This process as a client of the instance in ``home``."""
    with (
        DagsterInstance.from_config(str(home)) as instance,
        WorkspaceProcessContext(
            instance,
            ModuleTarget(location.module, None, str(location.directory), location.module),
        ) as process,
    ):
        yield Runs(instance, process)


class Daemon:
    """``dagster-daemon run`` as a child process."""

    def __init__(self, home: Path, location: CodeLocation, log: Path) -> None:
        self._output = log.open("w")
        command = [sys.executable, "-m", "dagster._daemon", "run", "-m", location.module, "-d", str(location.directory)]
        environment = {**os.environ, "DAGSTER_HOME": str(home)}
        self.process = subprocess.Popen(command, env=environment, stdout=self._output, stderr=subprocess.STDOUT)

    def fork_servers(self) -> list[psutil.Process]:
        return [child for child in self._children() if "lern_pipeline.launcher.fork_server" in command_of(child)]

    def zombies(self) -> list[psutil.Process]:
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in found if status_of(child) == psutil.STATUS_ZOMBIE]

    def _children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        self._output.close()


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def status_of(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return "gone"
