"""The fork-server run launcher under a real daemon. The tests share the daemon and run in this order."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.launcher.base import WorkerStatus

from lern_pipeline.launcher import ForkServerRunLauncher, run_launcher
from lern_pipeline_tests.launcher.code_location import CodeLocation, eventually
from lern_pipeline_tests.launcher.running import Daemon, Runs, fork_launcher, make_home, runs_on

pytestmark = pytest.mark.dagster


@dataclass
class Site:
    location: CodeLocation
    daemon: Daemon
    runs: Runs

    @property
    def server(self) -> psutil.Process:
        """The one fork server."""
        (server,) = self.daemon.fork_servers()
        return server


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("launcher")
    location = CodeLocation(directory / "code")
    home = make_home(directory / "home", fork_launcher(location.module))
    daemon = Daemon(home, location, directory / "daemon.log")
    try:
        with runs_on(home, location) as runs:
            yield Site(location, daemon, runs)
            location.wake_up()
    finally:
        daemon.stop()


@pytest.fixture(autouse=True)
def _runs_rest(site: Site) -> None:
    site.location.let_rest()


def test_a_run_is_a_fork_of_the_server_that_the_daemon_started(site: Site) -> None:
    run_id = site.runs.queue("quick")
    assert site.runs.ended(run_id) == ["SUCCESS"]
    assert site.runs.said(run_id, "parent") == str(site.server.pid)
    assert "Started process for run (pid: " in site.runs.log(run_id)
    eventually("the process says that it ends", lambda: "Process for run exited (pid: " in site.runs.log(run_id))


def test_the_server_has_one_thread_and_no_connection_to_anything(site: Site) -> None:
    assert site.server.num_threads() == 1
    assert site.server.net_connections() == []
    assert not [file.path for file in site.server.open_files() if file.path.endswith(".db")]


def test_runs_are_isolated_from_each_other(site: Site) -> None:
    run_ids = [site.runs.queue("quick") for _ in range(2)]
    assert site.runs.ended(*run_ids) == ["SUCCESS"] * 2
    assert [site.runs.said(run_id, "mark") for run_id in run_ids] == ["not", "not"]
    assert len({site.runs.said(run_id, "random") for run_id in run_ids}) == 2


def test_what_a_run_prints_is_kept_for_the_ui(site: Site) -> None:
    run_id = site.runs.queue("quick")
    site.runs.ended(run_id)
    manager = site.runs.instance.compute_log_manager
    (capture,) = [
        entry.dagster_event.logs_captured_data
        for entry in site.runs.instance.all_logs(run_id)
        if entry.dagster_event and entry.dagster_event.event_type_value == "LOGS_CAPTURED"
    ]
    key = [run_id, "compute_logs", capture.file_key]
    assert b"printed by the run" in (manager.get_log_data(key).stdout or b"")
    assert manager.is_capture_complete(key)


def test_assets_and_their_checks_run(site: Site) -> None:
    run_id = site.runs.queue("make_thing")
    assert site.runs.ended(run_id) == ["SUCCESS"]
    assert "thing_is_well" in site.runs.log(run_id)


def test_a_run_that_fails_is_a_failed_run_and_no_crash(site: Site) -> None:
    run_id = site.runs.queue("failing")
    assert site.runs.ended(run_id) == ["FAILURE"]
    assert "this run was meant to fail" in str(
        [
            entry.dagster_event.event_specific_data
            for entry in site.runs.instance.all_logs(run_id)
            if entry.dagster_event
        ]
    )
    assert "unexpectedly exited" not in site.runs.log(run_id)


def test_a_run_is_cancelled_from_another_process(site: Site) -> None:
    run_id = site.runs.queue("resting")
    worker = site.runs.worker(run_id)
    assert site.runs.instance.run_launcher.terminate(run_id)
    assert site.runs.ended(run_id) == ["CANCELED"]
    eventually("the worker ends", lambda: worker.is_dead)
    assert not site.runs.instance.run_launcher.terminate(run_id)


def test_a_run_that_does_not_heed_cancellation_is_killed(site: Site) -> None:
    run_id = site.runs.queue("deaf")
    worker = site.runs.worker(run_id)
    assert site.runs.instance.run_launcher.terminate(run_id)
    assert site.runs.ended(run_id) == ["CANCELED"]
    eventually("the worker ends", lambda: worker.is_dead)


def test_a_worker_that_is_killed_fails_its_run_with_the_signal_as_the_reason(site: Site) -> None:
    run_id = site.runs.queue("resting")
    os.kill(site.runs.worker(run_id).pid, signal.SIGKILL)
    assert site.runs.ended(run_id) == ["FAILURE"]
    assert "SIGKILL" in site.runs.log(run_id)
    assert "is gone" not in site.runs.log(run_id)


def test_a_worker_that_its_server_says_nothing_of_is_found_by_run_monitoring(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_launcher, "SERVER_TELLS_SECONDS", 1.0)
    run = site.runs.launch_here("resting")
    launcher = site.runs.instance.run_launcher
    worker = site.runs.worker(run)
    server = psutil.Process(worker.pid).parent()
    assert server is not None
    server.suspend()
    os.kill(worker.pid, signal.SIGKILL)
    eventually("the worker ends", lambda: worker.is_dead)
    first = launcher.check_run_worker_health(site.runs.get(run))
    eventually(
        "the launcher waits no longer",
        lambda: launcher.check_run_worker_health(site.runs.get(run)).status == WorkerStatus.FAILED,
    )
    server.resume()
    assert first.status == WorkerStatus.RUNNING


def test_runs_that_have_ended_are_forgotten(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = site.runs.instance.run_launcher
    assert isinstance(launcher, ForkServerRunLauncher)
    resting = site.runs.launch_here("resting")
    ended = site.runs.launch_here("quick")
    site.runs.ended(ended)
    monkeypatch.setattr(run_launcher, "REMEMBERED_RUNS", 1)
    after = site.runs.launch_here("quick")
    assert set(launcher._launched) == {resting, after}
    site.location.wake_up()
    assert site.runs.ended(resting, after) == ["SUCCESS"] * 2


def test_after_the_server_is_killed_runs_go_on_and_new_ones_start(site: Site) -> None:
    before = site.runs.queue("resting")
    worker = site.runs.worker(before)
    site.server.kill()
    after = site.runs.queue("quick")
    assert site.runs.ended(after) == ["SUCCESS"]
    assert not worker.is_dead
    assert site.runs.status(before) == "STARTED"
    site.location.wake_up()
    assert site.runs.ended(before) == ["SUCCESS"]


def test_a_worker_killed_without_its_server_is_found_by_run_monitoring(site: Site) -> None:
    run_id = site.runs.queue("resting")
    worker = site.runs.worker(run_id)
    site.server.kill()
    os.kill(worker.pid, signal.SIGKILL)
    assert site.runs.ended(run_id) == ["FAILURE"]
    assert f"process {worker.pid} is gone" in site.runs.log(run_id)


def test_changed_code_is_loaded_for_the_next_run_and_running_ones_keep_the_old(site: Site) -> None:
    before = site.runs.queue("resting")
    site.runs.worker(before)
    first = site.runs.queue("quick")
    site.runs.ended(first)
    old = site.server
    site.location.write("two")
    second = site.runs.queue("quick")
    assert site.runs.ended(second) == ["SUCCESS"]
    assert (site.runs.said(first, "version"), site.runs.said(second, "version")) == ("one", "two")
    site.location.wake_up()
    assert site.runs.ended(before) == ["SUCCESS"]
    assert site.runs.said(before, "version") == "one"
    eventually("the old server ends with its last run", lambda: not old.is_running())


def test_code_that_cannot_be_loaded_leaves_the_run_to_the_code_server(site: Site) -> None:
    site.location.write("three", extra="import threading; threading.Thread(target=time.sleep, args=(9,)).start()")
    run_id = site.runs.queue("quick")
    assert site.runs.ended(run_id, seconds=60) == ["SUCCESS"]
    assert "loading the code has started threads" in site.runs.log(run_id)
    site.location.write("one")


def test_many_runs_leave_no_process_behind(site: Site) -> None:
    run_ids = [site.runs.queue("quick") for _ in range(8)]
    assert site.runs.ended(*run_ids, seconds=60) == ["SUCCESS"] * 8
    eventually("one server without workers", lambda: not site.server.children())
    eventually("what the daemon started has been reaped", lambda: not site.daemon.zombies())
    assert site.runs.instance.get_runs_count(RunsFilter(statuses=[DagsterRunStatus.STARTED])) == 0


def test_without_its_daemon_the_server_ends_and_the_worker_finishes(site: Site) -> None:
    run_id = site.runs.queue("resting")
    worker, server = site.runs.worker(run_id), site.server
    site.daemon.kill()
    eventually("the server ends", lambda: not server.is_running(), 5)
    assert not worker.is_dead
    site.location.wake_up()
    assert site.runs.ended(run_id) == ["SUCCESS"]
    eventually("the worker ends", lambda: worker.is_dead)
