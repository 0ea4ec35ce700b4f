"""A real ``dagster-daemon`` on a world's instance: its processes, and how far the lane has come under it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import psutil
import yaml
from dagster import DagsterInstance, RunsFilter
from sqlalchemy.exc import OperationalError

from lern_pipeline.commands.home import shipped_dagster_yaml
from lern_pipeline.microbatch.completeness import completeness
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.completeness_check import batch_fates
from lern_pipeline.orchestration.instance_storage import create_storage
from lern_pipeline.orchestration.lane import IN_PROGRESS, Lane
from lern_pipeline.orchestration.worker_process import Worker
from lern_pipeline.resources.kafka_positions import KafkaPositions
from lern_pipeline_tests.faults.job_world import JobWorld

T = TypeVar("T")

CODE_SERVER, FORK_SERVER = " api grpc ", "lern_pipeline.launcher.fork_server"

SHORT_PAUSES = {
    "LERN_PIPELINE_MICROBATCH_SENSOR_INTERVAL_SECONDS": "1",
    "LERN_PIPELINE_TASK_RESTART_STRATEGY_DELAY": "1000",
}

# A code server that died is started again when the daemon reloads its workspace: every minute, here sooner.
DAEMON = """\
from dagster._daemon import controller
from dagster._daemon.cli import main
controller.RELOAD_WORKSPACE_INTERVAL = 5
main()
"""

# Far above what a loaded machine needs; says only that the lane stands still.
PATIENCE = 240.0


def make_home(world: JobWorld) -> None:
    """The shipped instance configuration with a run monitoring that looks every second."""
    settings = yaml.safe_load(shipped_dagster_yaml().read_text())
    settings["run_monitoring"]["poll_interval_seconds"] = 1
    (home_of(world) / "dagster.yaml").write_text(yaml.safe_dump(settings))
    create_storage(home_of(world))


def home_of(world: JobWorld) -> Path:
    return Path(world.environment["DAGSTER_HOME"])


def processes_of(world: JobWorld) -> list[psutil.Process]:
    """Every process that lives in the world's Dagster home, whoever its parent is."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DAGSTER_HOME") == world.environment["DAGSTER_HOME"]:
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class LaneDaemon:
    """``dagster-daemon run`` on the package's definitions, with the shipped run launcher, sensors on."""

    def __init__(self, world: JobWorld, name: str = "daemon") -> None:
        workspace = world.directory / "workspace.yaml"
        module = {"python_module": {"module_name": "lern_pipeline.definitions", "location_name": "lern_pipeline"}}
        workspace.write_text(yaml.safe_dump({"load_from": [module]}))
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("LERN_PIPELINE_", "DAGSTER_"))}
        self.log = world.directory / f"{name}.log"
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", DAEMON, "run", "-w", str(workspace)],
                env={**kept, **world.environment, **SHORT_PAUSES},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def child(self, what: str) -> psutil.Process | None:
        """Its code server or fork server, while there is one."""
        for child in psutil.Process(self.process.pid).children():
            try:
                if what in f" {' '.join(child.cmdline())} " and _runs(child):
                    return child
            except psutil.Error:
                continue
        return None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """As systemd or a terminal would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


def answered(question: Callable[[], T]) -> T:
    """What the instance says. SQLite may refuse for a while ("locking protocol") when many processes open and close a
    file, or those that had it open are killed; the processes that are watched then ask again too."""
    for _ in range(10):
        try:
            return question()
        except OperationalError:
            time.sleep(0.5)
    return question()


class Watched:
    """A world's lane, seen without touching it: a look of the planner's own would mark dead runs as failed.

    Lanes of several worlds may be watched on one instance.
    """

    def __init__(self, world: JobWorld, instance: DagsterInstance) -> None:
        self.world = world
        self._job = world.job
        self.instance = instance
        self._positions = KafkaPositions(world.settings)

    def keys(self) -> list[MicroBatchKey]:
        texts = answered(lambda: self.instance.get_dynamic_partitions(names.partitions_name(self._job)))
        return [MicroBatchKey.parse(text) for text in texts]

    def materialised(self) -> set[str]:
        return answered(lambda: set(self.instance.get_materialized_partitions(names.asset_key(self._job))))

    def batches_done(self) -> int:
        return sum(1 for key in self.keys() if not key.is_position and str(key) in self.materialised())

    def is_done(self) -> bool:
        """Everything in the topic belongs to a batch, and every batch is materialised."""
        keys = self.keys()
        return bool(keys) and keys[-1].ends == self.topic_ends() and {str(key) for key in keys} <= self.materialised()

    def topic_ends(self) -> dict[int, int]:
        return self._positions.offsets(self.world.input_topic).ends

    def working(self) -> Worker | None:
        """The process of a run that has begun its step."""
        filter_ = RunsFilter(job_name=names.asset_job_name(self._job), statuses=[dg.DagsterRunStatus.STARTED])
        for run in answered(lambda: self.instance.get_runs(filter_)):
            worker = Worker.of_run(run.run_id, run.tags)
            if worker is not None and not worker.is_dead:
                return worker
        return None

    def runs_by_key(self) -> dict[str, list[dg.DagsterRun]]:
        found: dict[str, list[dg.DagsterRun]] = {}
        filter_ = RunsFilter(job_name=names.asset_job_name(self._job))
        for run in answered(lambda: self.instance.get_runs(filter_)):
            found.setdefault(run.tags[names.PARTITION_TAG], []).append(run)
        return found

    def runs_in_progress(self) -> int:
        filter_ = RunsFilter(job_name=names.asset_job_name(self._job), statuses=list(IN_PROGRESS))
        return answered(lambda: self.instance.get_runs_count(filter_))

    def wait(self, what: str, condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Wait until the condition holds; its value."""
        began = time.monotonic()
        while not (value := condition()):
            assert time.monotonic() < began + seconds, f"{what}: not within {seconds:.0f} s; {self.describe()}"
            time.sleep(0.1)
        print(f"{what} after {time.monotonic() - began:.1f} s")
        return value

    def describe(self) -> str:
        newest = self.keys()[-1:]
        runs = {key: [run.status.value for run in runs] for key, runs in self.runs_by_key().items()}
        return f"{self.batches_done()} batches done, newest {newest} {[runs.get(str(key)) for key in newest]}"

    def assert_complete(self, events: int) -> None:
        """No gap, no overlap, no batch left out, every event accounted for."""
        fates, _ = batch_fates(self._job, self.instance)
        positions: Any = self._positions
        lane = Lane(self._job, self.world.settings, self.instance, positions)
        keys = [MicroBatchKey.parse(text) for text in lane.key_texts()]
        starts = self._positions.offsets(self.world.input_topic).starts
        found = completeness([(key, fates[str(key)]) for key in keys], starts)
        assert found.complete, [*map(str, found.findings), *found.open]
        assert not found.skipped
        assert not lane.chain_of_all().strays
        assert sum(key.offsets for key in keys) == events
        assert self.runs_in_progress() == 0


@contextmanager
def watched(world: JobWorld) -> Iterator[Watched]:
    with DagsterInstance.from_config(str(home_of(world))) as instance:
        yield Watched(world, instance)
