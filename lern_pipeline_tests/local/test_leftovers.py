"""What a killed parent leaves behind is found through the run files, and nothing else is touched."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lern_pipeline.local.addresses import accepts_connections, free_port
from lern_pipeline.local.processes import RunRecord, launch, stop
from lern_pipeline.local.redis_server import RedisServer
from lern_pipeline.local.stack import LocalStack
from lern_pipeline_tests.conftest import RunningStack

pytestmark = pytest.mark.stack

#: Starts the stack and is killed on the spot, so that nothing gets a chance to clean up.
KILLED_PARENT = """
import json, os, signal, sys
from pathlib import Path
from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline.local.stack import LocalStack
LocalStack(StackAddresses(**json.loads(sys.argv[1])), Path(sys.argv[2])).up(print)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def redis_stack(local_stack: RunningStack, tmp_path: Path) -> Iterator[LocalStack]:
    """A stack whose Redis is not served yet."""
    stack = LocalStack(dataclasses.replace(local_stack.addresses, redis_port=free_port()), tmp_path)
    yield stack
    stack.down(print)


def start_and_kill_the_parent(stack: LocalStack) -> None:
    arguments = [json.dumps(dataclasses.asdict(stack.addresses)), str(stack.paths.directory)]
    killed = subprocess.run([sys.executable, "-c", KILLED_PARENT, *arguments], check=False)
    assert killed.returncode == -signal.SIGKILL


def test_down_stops_what_a_killed_parent_left(redis_stack: LocalStack) -> None:
    start_and_kill_the_parent(redis_stack)
    left = redis_stack.status()["redis"]
    assert left["up"] and left["started_here"]
    record = RunRecord.of(left["pid"])
    redis_stack.down(print)
    assert record.process() is None
    assert not redis_stack.paths.record("redis").exists()


def test_up_uses_what_a_killed_parent_left(redis_stack: LocalStack) -> None:
    start_and_kill_the_parent(redis_stack)
    pid = redis_stack.status()["redis"]["pid"]
    redis_stack.up(print)
    assert redis_stack.status()["redis"]["pid"] == pid


def test_up_waits_for_a_server_that_is_still_starting(redis_stack: LocalStack, tmp_path: Path) -> None:
    paths = redis_stack.paths
    server = RedisServer("localhost", redis_stack.addresses.redis_port)
    slow = [["sleep", "2"], *server.commands("127.0.0.1", tmp_path, paths.data("redis"))]
    starting = launch(slow, paths.record("redis"), paths.log("redis"), {})
    lines = list[str]()
    redis_stack.up(lines.append)
    assert f"Redis: waiting for the one started earlier (process {starting.pid})" in lines
    assert redis_stack.status()["redis"]["pid"] == starting.pid


def test_up_replaces_a_server_that_ended_before_it_answered(redis_stack: LocalStack) -> None:
    paths = redis_stack.paths
    launch([["sleep", "1"], ["false"]], paths.record("redis"), paths.log("redis"), {})
    redis_stack.up(print)
    assert redis_stack.status()["redis"]["up"]


def test_a_process_number_in_use_again_is_left_alone(redis_stack: LocalStack) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        RunRecord(stranger.pid, psutil.Process(stranger.pid).create_time() - 3600).write(
            redis_stack.paths.record("redis")
        )
        redis_stack.down(print)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_no_server_runs_unrecorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parent that ends between starting the process and writing the run file starts no server."""
    started = list[RunRecord]()

    def interrupted(record: RunRecord, path: Path) -> None:
        started.append(record)
        raise KeyboardInterrupt

    monkeypatch.setattr(RunRecord, "write", interrupted)
    mark = tmp_path / "mark"
    with pytest.raises(KeyboardInterrupt):
        launch([["touch", str(mark)]], tmp_path / "run.json", tmp_path / "server.log", {})
    while started[0].process() is not None:
        time.sleep(0.01)
    assert not mark.exists()


def test_a_server_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    record = launch(
        [["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]],
        tmp_path / "run.json",
        tmp_path / "server.log",
        {},
    )
    while b"ready" not in (tmp_path / "server.log").read_bytes():
        time.sleep(0.01)
    assert stop(record, patience=0.5)
    assert record.process() is None


def test_a_server_outlives_its_parents_session(redis_stack: LocalStack) -> None:
    start_and_kill_the_parent(redis_stack)
    pid = redis_stack.status()["redis"]["pid"]
    assert os.getsid(pid) == pid
    assert accepts_connections("localhost", redis_stack.addresses.redis_port)
