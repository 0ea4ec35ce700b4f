"""The run launcher that Dagster's daemon (or, where no queue is in use, its webserver) calls."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, DagsterRun, DefaultRunLauncher, Field, RunsFilter
from dagster._config import Array
from dagster._config.config_schema import UserConfigSchema
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._core.origin import RepositoryPythonOrigin
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, ManagedGrpcPythonEnvCodeLocationOrigin
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._serdes import ConfigurableClass, serialize_value
from dagster._serdes.config_class import ConfigurableClassData

from lern_pipeline.launcher.server_handle import ForkServerFailed, ServerEnded, ServerHandle
from lern_pipeline.launcher.sources import Signature, signature, watched_paths
from lern_pipeline.orchestration.worker_process import WORKER_TAG, Worker

LOOK_FOR_CHANGES_SECONDS = 1.0
# How long a fork server that lives may take to say how one of its workers ended.
SERVER_TELLS_SECONDS = 30.0
# Above this number of runs launched, those that have ended are forgotten.
REMEMBERED_RUNS = 1000
THIS_HOST = ("localhost", "127.0.0.1", "::1", "0.0.0.0")


class _Loaded:
    """A fork server, and what its code looked like when it was started."""

    def __init__(self, origin: RepositoryPythonOrigin, instance: DagsterInstance, paths: list[Path]) -> None:
        self._paths = paths
        # Taken before the server reads the files: a change in between is seen as one.
        self._signature: Signature = signature(paths)
        self._looked_at = time.monotonic()
        self.server = ServerHandle(serialize_value(origin), serialize_value(instance.get_ref()))

    @property
    def is_current(self) -> bool:
        if not self.server.is_alive:
            return False
        now = time.monotonic()
        if now - self._looked_at < LOOK_FOR_CHANGES_SECONDS:
            return True
        self._looked_at = now
        return signature(self._paths) == self._signature


class ForkServerRunLauncher(RunLauncher[DagsterInstance], ConfigurableClass):
    """Forks each run of the given modules from a process that has loaded them; all other runs go Dagster's own way.

    A run keeps what it has with the stock launcher: a process of its own, events, captured output, cancellation.
    Code or configuration that changed is loaded anew before the next run; runs under way finish with the old.

    Configuration (all optional): ``modules``, the code locations' modules that are preloaded; ``watch``, files and
    directories besides these modules' packages that a change is looked for in; ``termination_grace_seconds``, after
    which a run that was told to end is killed.
    """

    def __init__(
        self,
        modules: list[str],
        watch: list[str],
        termination_grace_seconds: float,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        self._inst_data = inst_data
        self._modules = modules
        self._watch = watch
        self._grace_seconds = termination_grace_seconds
        self._lock = threading.Lock()
        self._loaded: dict[str, _Loaded] = {}
        # Kept, since a server ends when its owner lets go of the socket.
        self._retired: list[ServerHandle] = []
        # run id → the server that forked it, also after the run has ended.
        self._launched: dict[str, ServerHandle] = {}
        # run id → when its worker was first seen dead.
        self._seen_dead: dict[str, float] = {}
        self._stock = DefaultRunLauncher()
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {
            "modules": Field(Array(str), is_required=False, default_value=["lern_pipeline.definitions"]),
            "watch": Field(Array(str), is_required=False, default_value=[]),
            "termination_grace_seconds": Field(int, is_required=False, default_value=60),
        }

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> ForkServerRunLauncher:
        return cls(inst_data=inst_data, **config_value)

    def register_instance(self, instance: DagsterInstance) -> None:
        super().register_instance(instance)
        self._stock.register_instance(instance)

    # --- launch

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run. Where forking is not possible the code server starts it, and the run's log says why."""
        run = context.dagster_run
        if self._can_fork(run):
            try:
                self._launch_fork(run)
            except ForkServerFailed as error:
                self._instance.add_run_tags(run.run_id, {WORKER_TAG: ""})
                self._instance.report_engine_event(
                    f"Launched through the code server, since the fork server cannot be used: {error}", run
                )
            else:
                return
        self._stock.launch_run(context)

    def _can_fork(self, run: DagsterRun) -> bool:
        """Whether the run's code is one of our modules, in this Python, on this machine."""
        if run.job_code_origin is None or run.remote_job_origin is None:
            return False
        repository = run.job_code_origin.repository_origin
        pointer = repository.code_pointer
        location = run.remote_job_origin.repository_origin.code_location_origin
        is_here = isinstance(location, ManagedGrpcPythonEnvCodeLocationOrigin) or (
            isinstance(location, GrpcServerCodeLocationOrigin)
            and (location.socket is not None or location.host in THIS_HOST)
        )
        return (
            is_here
            and isinstance(pointer, ModuleCodePointer)
            and pointer.module in self._modules
            and _same_python(repository.executable_path)
            and repository.container_image is None
        )

    def _launch_fork(self, run: DagsterRun) -> None:
        from dagster._grpc.types import ExecuteRunArgs

        assert run.job_code_origin is not None
        arguments = serialize_value(
            ExecuteRunArgs(job_origin=run.job_code_origin, run_id=run.run_id, instance_ref=self._instance.get_ref())
        )
        origin = run.job_code_origin.repository_origin
        with self._lock:
            try:
                server = self._server(origin)
                waiting = server.fork(arguments)
            except ServerEnded:
                # It died since it was last looked at. Once more, with a new one.
                server = self._server(origin)
                waiting = server.fork(arguments)
            self._remember(run.run_id, server)
        try:
            # Before it starts: whoever finds the run started finds its worker too.
            self._instance.add_run_tags(run.run_id, Worker.of_process(waiting.pid).tag(run.run_id))
        except BaseException as error:
            waiting.give_up()
            if isinstance(error, ProcessLookupError):
                raise ForkServerFailed(f"worker {waiting.pid} ended before its run began") from error
            raise
        waiting.start()

    def _remember(self, run_id: str, server: ServerHandle) -> None:
        """With the lock held: several runs are launched at once."""
        if len(self._launched) >= REMEMBERED_RUNS:
            active = {run.run_id for run in self._instance.get_runs(RunsFilter(statuses=NOT_FINISHED_STATUSES))}
            self._launched = {known: forked_by for known, forked_by in self._launched.items() if known in active}
            # A copy: run monitoring adds to it meanwhile.
            self._seen_dead = {known: since for known, since in list(self._seen_dead.items()) if known in active}
        self._launched[run_id] = server

    def _server(self, origin: RepositoryPythonOrigin) -> ServerHandle:
        key = origin.get_id()
        loaded = self._loaded.get(key)
        if loaded is not None and not loaded.is_current:
            loaded.server.retire()
            self._retired = [*(server for server in self._retired if server.is_alive), loaded.server]
            del self._loaded[key]
            loaded = None
        if loaded is None:
            pointer = origin.code_pointer
            assert isinstance(pointer, ModuleCodePointer)
            paths = watched_paths(pointer.module, pointer.working_directory, self._watch)
            loaded = self._loaded[key] = _Loaded(origin, self._instance, paths)
        return loaded.server

    # --- end

    def terminate(self, run_id: str) -> bool:
        """Ask the run's process to end, and kill it when it has not after the grace time."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        worker = Worker.of_run(run.run_id, run.tags)
        if worker is None:
            return bool(self._stock.terminate(run_id))  # type: ignore[no-untyped-call]
        self._instance.report_run_canceling(run)
        if not worker.is_here:
            self._instance.report_engine_event(
                f"The run's process is on {worker.host} and cannot be ended from {socket.gethostname()}.", run
            )
            return False
        if not _signal(worker, signal.SIGTERM):
            # Nobody is left to say so; what was asked for is a run that has ended.
            self._instance.report_run_canceled(run, "The run's process was gone already.")
            return True
        threading.Thread(target=self._insist, args=(worker, run_id), name="terminate-run", daemon=True).start()
        return True

    def _insist(self, worker: Worker, run_id: str) -> None:
        deadline = time.monotonic() + self._grace_seconds
        while time.monotonic() < deadline:
            if worker.is_dead:
                return
            time.sleep(0.5)
        if _signal(worker, signal.SIGKILL) and self.has_instance:
            run = self._instance.get_run_by_id(run_id)
            if run is not None and not run.is_finished:
                self._instance.report_run_canceled(
                    run, f"The run's process did not end within {self._grace_seconds:g} s and was killed."
                )

    def join(self, timeout: int = 30) -> None:
        """Wait until every run launched here has ended."""
        deadline = time.monotonic() + timeout
        while active := [run_id for run_id in self._launched if self._is_active(run_id)]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Timed out waiting for these runs to finish: {active}")
            time.sleep(0.1)
        self._launched.clear()
        self._stock.join(timeout)  # type: ignore[no-untyped-call]

    def _is_active(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        return run is not None and not run.is_finished

    def dispose(self) -> None:
        """Let the fork servers end. Runs under way finish."""
        with self._lock:
            for server in (*(loaded.server for loaded in self._loaded.values()), *self._retired):
                server.close()
            self._loaded.clear()
            self._retired.clear()
        self._stock.dispose()

    # --- health

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process lives. What cannot be judged from here counts as running, as with the stock one.

        A dead one counts as running for a while where its fork server lives: that knows how it ended (a signal, the
        kernel for want of memory) and is about to fail the run with this reason.
        """
        worker = Worker.of_run(run.run_id, run.tags)
        if worker is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "no worker is noted for this run")
        if worker.is_dead and not self._is_about_to_be_told(run.run_id):
            return CheckRunHealthResult(
                WorkerStatus.FAILED, f"process {worker.pid} is gone", run_worker_id=str(worker.pid)
            )
        return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=str(worker.pid))

    def _is_about_to_be_told(self, run_id: str) -> bool:
        server = self._launched.get(run_id)
        if server is None or not server.is_alive:
            return False
        now = time.monotonic()
        return now - self._seen_dead.setdefault(run_id, now) < SERVER_TELLS_SECONDS

    def get_run_worker_debug_info(self, run: DagsterRun, include_container_logs: bool | None = True) -> str | None:
        """Where to look."""
        worker = Worker.of_run(run.run_id, run.tags)
        if worker is None:
            return "No worker process is noted for this run."
        state = "is gone" if worker.is_dead else ("lives" if worker.is_here else "cannot be judged from here")
        return f"Worker process {worker.pid} on {worker.host} {state}."


def _same_python(executable: str) -> bool:
    """Whether it is the Python of this environment, under whichever of its names."""
    here, there = Path(sys.executable), Path(executable)
    return there.parent == here.parent and there.resolve() == here.resolve()


def _signal(worker: Worker, number: int) -> bool:
    """Send a signal to the worker, and to no other process that has its pid now. False when it is gone."""
    if worker.is_dead:
        return False
    try:
        os.kill(worker.pid, number)
    except ProcessLookupError:
        return False
    return True
