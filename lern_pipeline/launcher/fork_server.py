"""The fork server: a process that has loaded everything a run needs and does nothing but fork.

Started as ``python -m lern_pipeline.launcher.fork_server FD``; the descriptor is its end of a socket pair, the other
end belongs to the process that launches runs. One line of JSON each way:

* first the owner says what to load: ``{"origin": …, "instance": …}``; answer ``{"ready": true}`` or ``{"error": …}``
* ``{"fork": <ExecuteRunArgs>}`` → fork; answer ``{"pid": …}`` and with it, as a passed descriptor, the pipe
  through which the owner tells the new worker to start (see worker.py)
* ``{"retire": true}`` → no more forks; end when the last worker has ended
* end of file → the owner is gone: end at once. Workers finish their runs as orphans. (Not PR_SET_PDEATHSIG: that fires
  when the *thread* that started this process ends.)

It has one thread and no connection to anything, so that forking it is safe; it refuses to serve where the loaded code
has started a thread. It reaps its workers, and has those that ended without a word marked as failed at once; should
it be gone itself by then, Dagster's run monitoring does so.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from lern_pipeline.launcher import worker

# Libraries that runs of this package load on first use; what is not installed is left out.
PRELOADED = (
    "dagster._cli.api",
    "dagster._core.execution.plan.active",
    "dagster._core.execution.plan.execute_plan",
    "dagster._core.executor.in_process",
    "dagster._core.instance.factory",
    "dagster._core.storage.root",
    "dagster._core.storage.sqlite_storage",
    "dagster._core.storage.runs.sqlite.sqlite_run_storage",
    "dagster._core.storage.event_log.sqlite.sqlite_event_log",
    "dagster._core.storage.schedules.sqlite.sqlite_schedule_storage",
    "sqlalchemy.dialects.sqlite",
    "encodings.idna",
    "psutil",
    "upath.implementations.local",
)

# BLAS starts its own threads when it is loaded; a run that wants them must not find those of its parent.
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class ForkServer:
    """Serves one owner."""

    def __init__(self, owner: socket.socket) -> None:
        self._owner = owner
        self._buffer = b""
        self._retired = False
        # pid → the run's arguments; None for a process that only reports a crash.
        self._children: dict[int, str | None] = {}
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Until the owner is gone, or has retired this server and the last worker has ended."""
        if not self._load():
            return
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write)
        self._selector.register(self._owner, selectors.EVENT_READ)
        self._selector.register(wake_read, selectors.EVENT_READ)
        while not (self._retired and not self._children):
            for key, _ in self._selector.select():
                if key.fileobj is self._owner:
                    if not self._hear():
                        return
                else:
                    os.read(wake_read, 4096)
            self._reap()

    def _load(self) -> bool:
        try:
            request = self._next_line()
            if request is None:
                return False
            load(request)
            if threading.active_count() > 1:
                names = ", ".join(thread.name for thread in threading.enumerate()[1:])
                raise RuntimeError(f"loading the code has started threads ({names}); it cannot be forked")
        except BaseException:
            self._say({"error": traceback.format_exc()})
            return False
        # Objects that outlive every fork: the collector would touch, and so copy, their pages in each worker.
        gc.collect()
        gc.freeze()
        self._say({"ready": True})
        return True

    def _hear(self) -> bool:
        """Carry out what the owner asks. False when the owner is gone."""
        request = self._next_line()
        if request is None:
            return False
        if "fork" in request:
            self._fork_worker(request["fork"])
        if "retire" in request:
            self._retired = True
        return True

    def _fork_worker(self, arguments: str) -> None:
        go_read, go_write = os.pipe()
        pid = self._fork(lambda: worker.work(go_read, arguments), close=go_write)
        os.close(go_read)
        self._children[pid] = arguments
        try:
            socket.send_fds(self._owner, [_line({"pid": pid})], [go_write])
        except OSError:
            # The owner is gone; the worker sees the end of its pipe and ends.
            pass
        finally:
            os.close(go_write)

    def _fork(self, task: Callable[[], Any], close: int | None = None) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            return pid
        try:
            worker.become_worker()
            # A descriptor kept here would hide the end of this server from its owner.
            self._owner.close()
            self._selector.close()
            if close is not None:
                os.close(close)
            task()
        finally:
            os._exit(1)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            arguments = self._children.pop(pid, None)
            if arguments is not None and code not in (0, worker.NEVER_STARTED):
                reporter = self._fork(lambda a=arguments, c=code: worker.report_crash(a, c))  # type: ignore[misc]
                self._children[reporter] = None

    def _next_line(self) -> dict[str, Any] | None:
        while b"\n" not in self._buffer:
            try:
                received = self._owner.recv(65536)
            except ConnectionResetError:
                return None
            if not received:
                return None
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\n")
        request: dict[str, Any] = json.loads(line)
        return request

    def _say(self, answer: dict[str, Any]) -> None:
        # The owner may be gone; the next read tells.
        try:
            self._owner.sendall(_line(answer))
        except OSError:
            return


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def preload_libraries() -> None:
    """Import what every run needs besides the code location; read Dagster's migration scripts."""
    from dagster._core.storage.sql import ALEMBIC_SCRIPTS_LOCATION

    from lern_pipeline.launcher.migrations import remember_migrations

    for name in PRELOADED:
        importlib.import_module(name)
    remember_migrations([ALEMBIC_SCRIPTS_LOCATION])


def load(request: dict[str, Any]) -> None:
    """Import the code location, build its definitions, import the instance's storages. Connects to nothing."""
    threads_before = {name: os.environ.get(name) for name in BLAS_THREADS}
    os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))
    try:
        from dagster._core.instance import InstanceRef
        from dagster._core.origin import RepositoryPythonOrigin
        from dagster._serdes import deserialize_value
        from dagster._utils.hosted_user_process import recon_repository_from_origin

        preload_libraries()
        ref = deserialize_value(request["instance"], InstanceRef)
        for data in (ref.storage_data, ref.run_storage_data, ref.event_storage_data, ref.compute_logs_data):
            if data is not None:
                importlib.import_module(data.module_name)
        origin = deserialize_value(request["origin"], RepositoryPythonOrigin)
        repository = recon_repository_from_origin(origin).get_definition()
        for job in repository.get_all_jobs():
            # Builds and checks the job's graph once, for all forks.
            repository.get_job(job.name)
    finally:
        for name, value in threads_before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def main() -> None:
    """The process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ForkServer(socket.socket(fileno=int(sys.argv[1]))).serve()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # A thread that the loaded code has started must not keep a server that refuses to serve.
        os._exit(0)


if __name__ == "__main__":
    main()
