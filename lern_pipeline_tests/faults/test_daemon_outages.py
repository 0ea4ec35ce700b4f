"""Dagster's own processes are killed while the lane works through a backlog: it goes on by itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from lern_pipeline_tests.faults.job_world import Left
from lern_pipeline_tests.faults.lane_daemon import (
    CODE_SERVER,
    FORK_SERVER,
    LaneDaemon,
    Watched,
    make_home,
    processes_of,
    watched,
)

pytestmark = pytest.mark.faults

EVENTS = 200
BATCH_SIZE = 20


def test_the_lane_survives_its_worker_code_server_fork_server_and_daemon(
    world: Any, undisturbed: Callable[[int], Left]
) -> None:
    disturbed = world(EVENTS, BATCH_SIZE)
    disturbed.publish(0, EVENTS)
    make_home(disturbed)
    daemon = LaneDaemon(disturbed)
    try:
        with watched(disturbed) as lane:
            lane.wait("the first batch is done", lane.batches_done)
            kill_a_worker(lane)
            goes_on(lane)
            kill_child(daemon, CODE_SERVER, lane)
            goes_on(lane)
            kill_child(daemon, FORK_SERVER, lane)
            goes_on(lane)
            # Its fork server ends with it; a worker that is under way finishes as an orphan.
            daemon.kill()
            daemon = LaneDaemon(disturbed, "second-daemon")
            goes_on(lane)
            lane.wait("the backlog is done", lane.is_done)
            daemon.stop()
            lane.wait("no process is left", lambda: not processes_of(disturbed))
            lane.assert_complete(EVENTS + 1)
            assert any(run.is_failure for runs in lane.runs_by_key().values() for run in runs), "no run was killed"
    finally:
        daemon.stop()
        for process in processes_of(disturbed):
            process.kill()
    lines = disturbed.left().differences(undisturbed(EVENTS))
    assert not lines, "\n".join(lines[:20])


def goes_on(lane: Watched) -> None:
    """The batch that may have been hit is done, and one after it."""
    assert not lane.is_done(), "the backlog was too short to disturb anything"
    before = lane.batches_done()
    lane.wait("two more batches are done", lambda: lane.batches_done() >= before + 2 or lane.is_done())


def kill_a_worker(lane: Watched) -> None:
    """In the middle of its run: held first, then looked at again, since runs are short."""
    while True:
        worker = lane.wait("a run works", lane.working)
        try:
            os.kill(worker.pid, signal.SIGSTOP)
            held = lane.working()
            os.kill(worker.pid, signal.SIGKILL if held == worker else signal.SIGCONT)
        except ProcessLookupError:
            continue
        if held == worker:
            return


def kill_child(daemon: LaneDaemon, what: str, lane: Watched) -> None:
    child: psutil.Process = lane.wait(f"there is a {what.strip()}", lambda: daemon.child(what))
    child.kill()
