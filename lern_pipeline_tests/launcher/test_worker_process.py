"""A run's worker is told from every other process."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import pytest

from lern_pipeline.orchestration.worker_process import WORKER_TAG, Worker, this_worker

pytestmark = pytest.mark.dagster


def test_a_worker_is_found_again_by_its_tag() -> None:
    worker = this_worker()
    assert Worker.of_run("run", worker.tag("run")) == worker
    assert worker.is_here
    assert not worker.is_dead


def test_a_tag_that_a_re_execution_inherited_names_no_worker() -> None:
    assert Worker.of_run("re-execution", this_worker().tag("run")) is None


@pytest.mark.parametrize("text", ["", "host", "host|12|x", "host|pid|x|run", "host|1|2|3|run"])
def test_a_tag_of_another_form_names_no_worker(text: str) -> None:
    assert Worker.of_run("run", {WORKER_TAG: text}) is None


def test_a_process_that_has_ended_is_dead_even_before_it_is_reaped() -> None:
    process = subprocess.Popen(["sleep", "60"])
    worker = Worker.of_process(process.pid)
    assert not worker.is_dead
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert worker.is_dead
    process.wait()
    assert worker.is_dead
    with pytest.raises(ProcessLookupError):
        Worker.of_process(process.pid)


def test_a_process_that_got_the_pid_of_a_dead_worker_is_not_taken_for_it() -> None:
    assert replace(this_worker(), started="an earlier time").is_dead


def test_a_process_on_another_host_is_not_judged() -> None:
    elsewhere = replace(this_worker(), host="elsewhere", pid=2**22 + 1)
    assert not elsewhere.is_here
    assert not elsewhere.is_dead
