"""Types that threads are the first to meet: msgspec prepares them without a lock, and must have done so before."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lern_pipeline

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


@pytest.mark.rules
def test_types_are_named_where_decoders_are_made_and_not_where_something_is_decoded() -> None:
    calls = [
        f"{file.name}:{call.lineno}"
        for file in Path(lern_pipeline.__file__).parent.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("msgspec.json.decode", "msgspec.msgpack.decode")
        if len(call.args) > 1 or any(keyword.arg == "type" for keyword in call.keywords)
    ]
    assert calls == [], "use a Decoder of the module: threads that decode first end the process"
