"""Ending what an earlier demo left: its marked processes, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from lern_pipeline.local.demo.dagster_services import MARK, end_marked

pytestmark = pytest.mark.rules


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a mark of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"],
        env=os.environ | {MARK: "test-17-dagster"},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    # Its environment can be read once it runs.
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


def test_marked_process_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    assert end_marked("test-17") == 1
    assert not psutil.pid_exists(sleeper.pid)


# An empty mark is what a demo leaves that was killed while it wrote the file.
@pytest.mark.parametrize("mark", ["test-18", "test-17-dagster-more", ""])
def test_other_processes_are_left_alone(mark: str, sleeper: subprocess.Popen[bytes]) -> None:
    assert end_marked(mark) == 0
    assert sleeper.poll() is None
