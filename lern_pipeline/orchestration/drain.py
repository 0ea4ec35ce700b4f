"""Planning and running every micro-batch that waits now, without a daemon: same planner, engine and instance."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import msgspec
from dagster import DagsterInstance, RunsFilter

from lern_pipeline.errors import LaneStopped, LernPipelineError
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.microbatch.planner import BatchStatus, Stop
from lern_pipeline.orchestration import names
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.lane import IN_PROGRESS, Lane, LaneRun
from lern_pipeline.orchestration.worker_process import this_worker

# A daemon reports every 30 seconds; one that has been silent for longer than this is gone.
DAEMON_SILENCE_SECONDS = 45.0

WITHOUT_DAEMON_STATUSES = [status for status in IN_PROGRESS if status.value not in ("STARTED", "CANCELING")]


class BatchReport(msgspec.Struct):
    """One micro-batch as ``drain`` and ``rerun`` report it; ``cpu_seconds`` of this process for the whole run."""

    job: str
    partition_key: str
    run_id: str
    consumed: int
    processed: int
    skipped: int
    failed: int
    seconds: float
    cpu_seconds: float
    status: str
    reason: str | None = None


class DrainReport(msgspec.Struct):
    """All batches, and how many records still wait (behind a lane that could not go on)."""

    batches: list[BatchReport] = []
    waiting: int = 0
    stopped: list[str] = []

    @property
    def succeeded(self) -> bool:
        return not self.stopped and all(batch.status == "materialised" for batch in self.batches)


Progress = Callable[[str], None]


def refuse_if_daemon_alive(instance: DagsterInstance) -> None:
    """Raises LaneStopped while a daemon works on the instance: it plans already."""
    now = time.time()
    for status in instance.get_daemon_statuses().values():
        heartbeat = status.last_heartbeat
        if heartbeat is not None and now - heartbeat.timestamp < DAEMON_SILENCE_SECONDS:
            raise LaneStopped(
                f"a Dagster daemon is alive on {instance.root_directory} (last heard of "
                f"{now - heartbeat.timestamp:.0f} s ago) and does this work; stop it first"
            )


@contextmanager
def only_one(instance: DagsterInstance) -> Iterator[None]:
    """Only one command at a time drives runs on this instance; the lock goes with the process."""
    with (Path(instance.root_directory) / "lern_pipeline.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LaneStopped(f"another drain or rerun is at work on {instance.root_directory}") from None
        yield


class Runner:
    """Runs micro-batches in this process, as Dagster runs of the given instance."""

    def __init__(
        self,
        jobs: Sequence[JobSpec[Any, Any]],
        definitions: dg.Definitions,
        installation: Installation,
        instance: DagsterInstance,
        progress: Progress,
    ) -> None:
        self.jobs = jobs
        self.definitions = definitions
        self.installation = installation
        self.instance = instance
        self.progress = progress

    def drain(self) -> DrainReport:
        """Job by job in the order of the data flow, and again while that made new work for any of them."""
        report = DrainReport()
        stopped: set[str] = set()
        while True:
            before = len(report.batches)
            for job in self.jobs:
                if job.name not in stopped and not self._drain_lane(job, report):
                    stopped.add(job.name)
            if len(report.batches) == before or len(stopped) == len(self.jobs):
                return report

    def _drain_lane(self, job: JobSpec[Any, Any], report: DrainReport) -> bool:
        """False when the lane cannot go on now."""
        lane = self._lane(job)
        self._give_up_unstarted(lane)
        while True:
            try:
                look = lane.advance(immediate=True)
            except LernPipelineError as error:
                report.stopped.append(f"{job.name}: {error}")
                return False
            if isinstance(look.step, Stop):
                report.stopped.append(f"{job.name}: {look.step.reason}")
                return False
            if look.run is None:
                newest = look.newest
                if newest is None and lane.newest() is not None:
                    continue  # the position was set just now
                if newest is not None and newest.status is BatchStatus.IN_PROGRESS:
                    report.stopped.append(f"{job.name}: {newest.key} is running elsewhere")
                    return False
                return True
            batch = self.run(job, look.run)
            report.batches.append(batch)
            if batch.status != "materialised":
                report.waiting += look.lag
                return False

    def _give_up_unstarted(self, lane: Lane) -> None:
        """Runs that a daemon queued and never started: without a daemon nobody will."""
        newest = lane.newest()
        if newest is None or newest.status is not BatchStatus.IN_PROGRESS:
            return
        for record in lane.runs_of(newest.key):
            if record.dagster_run.status in WITHOUT_DAEMON_STATUSES:
                self.instance.report_run_canceled(record.dagster_run, "No daemon is there to start this run.")

    def _lane(self, job: JobSpec[Any, Any]) -> Lane:
        return Lane(job, self.installation.settings(job), self.instance, self.installation.positions(job))

    def run(self, job: JobSpec[Any, Any], run: LaneRun, rerun: bool = False) -> BatchReport:
        """Run one micro-batch to its end and report it; a failure is a report too."""
        began, cpu_before = time.monotonic(), time.process_time()
        run_id = str(uuid4())
        result = self.definitions.resolve_job_def(names.asset_job_name(job)).execute_in_process(
            instance=self.instance,
            partition_key=str(run.key),
            run_id=run_id,
            # From the start on: a run that dies before its step begins must be known to be dead too.
            tags=this_worker().tag(run_id) | ({} if rerun else run.tags(job)),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )
        spent = time.monotonic() - began, time.process_time() - cpu_before
        batch = self._report(job, run.key, result, *spent)
        self.progress(_line(batch))
        return batch

    def _report(
        self, job: JobSpec[Any, Any], key: MicroBatchKey, result: Any, seconds: float, cpu_seconds: float
    ) -> BatchReport:
        counts = dict.fromkeys(("events", "processed", "skipped", "failed"), 0)
        for event in result.get_asset_materialization_events():
            materialisation = event.materialization
            if materialisation.asset_key == names.asset_key(job):
                counts = {name: int(materialisation.metadata[name].value) for name in counts}
        return BatchReport(
            job=job.name,
            partition_key=str(key),
            run_id=result.run_id,
            consumed=counts["events"],
            processed=counts["processed"],
            skipped=counts["skipped"],
            failed=counts["failed"],
            seconds=round(seconds, 3),
            cpu_seconds=round(cpu_seconds, 3),
            status="materialised" if result.success else "failed",
            reason=None if result.success else failure_reason(self.instance, result.run_id),
        )


def failure_reason(instance: DagsterInstance, run_id: str) -> str:
    """The one line that says why the run failed."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        data = entry.dagster_event.step_failure_data if entry.dagster_event else None
        if data is not None:
            if data.user_failure_data is not None and data.user_failure_data.description:
                return str(data.user_failure_data.description)
            if data.error is not None:
                error = data.error.cause or data.error
                return " ".join(error.message.split())[:500]
    runs = instance.get_run_records(RunsFilter(run_ids=[run_id]))
    return f"run ended as {runs[0].dagster_run.status.value}" if runs else "run is gone"


def _line(batch: BatchReport) -> str:
    head = f"{batch.job} {batch.partition_key}: "
    if batch.reason is not None:
        return f"{head}failed after {batch.seconds:.1f} s: {batch.reason}"
    return (
        f"{head}{batch.consumed} consumed, {batch.processed} processed, {batch.skipped} skipped, "
        f"{batch.failed} failed in {batch.seconds:.1f} s"
    )
