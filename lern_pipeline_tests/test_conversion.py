"""Conversion in many threads that are the first to convert to a type: each time in a process that has not done so."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Without the lock every third such process ended with a segmentation fault.
PROCESSES = 12

FIRST_THREADS = """
import sys, threading
from lern_pipeline.conversion import converted
from lern_pipeline.jobs.certificates.registration import Registration

sys.setswitchinterval(1e-6)
plain = {"certificate": {"a": 1}, "sought": {"filters": {"b": 2}}}
barrier, made = threading.Barrier(16), []

def convert():
    barrier.wait()
    made.append(converted(plain, Registration))

threads = [threading.Thread(target=convert) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(made) == 16 and all(one == made[0] for one in made), made
assert made[0].sought.filters == {"b": 2}
"""


@pytest.mark.rules
def test_threads_that_convert_first_all_get_the_value() -> None:
    running = [subprocess.Popen([sys.executable, "-c", FIRST_THREADS]) for _ in range(PROCESSES)]
    assert [process.wait(60) for process in running] == [0] * PROCESSES
