"""A small code location in a temporary directory: jobs that need no server."""

from __future__ import annotations

import time
from pathlib import Path

MODULE = "launcher_test_definitions"

SOURCE = """
import os, random, signal, time
import dagster as dg

VERSION = "{version}"
{extra}

@dg.op
def say(context):
    print("printed by the run")
    mark = os.environ.get("LAUNCHER_TEST_MARK", "not set")
    context.log.info(f"version={{VERSION}} parent={{os.getppid()}} random={{random.random()}} mark={{mark}}")
    # Would be seen by a later run of the same process.
    os.environ["LAUNCHER_TEST_MARK"] = "set"

@dg.op
def rest(context):
    context.log.info(f"version={{VERSION}} the op rests")
    for _ in range(600):
        time.sleep(0.1)
        if os.path.exists({wake!r}):
            return
    raise Exception("nobody woke me")

@dg.op
def rest_deaf(context):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    context.log.info("the op rests, deaf to signals")
    time.sleep(60)

@dg.op
def refuse(context):
    raise Exception("this run was meant to fail")

@dg.job
def quick():
    say()

@dg.job
def resting():
    rest()

@dg.job
def deaf():
    rest_deaf()

@dg.job
def failing():
    refuse()

@dg.asset
def thing(context):
    context.log.info(f"parent={{os.getppid()}}")

@dg.asset_check(asset=thing)
def thing_is_well():
    return dg.AssetCheckResult(passed=True)

@dg.definitions
def defs():
    return dg.Definitions(
        assets=[thing],
        asset_checks=[thing_is_well],
        jobs=[quick, resting, deaf, failing, dg.define_asset_job("make_thing", [thing])],
        executor=dg.in_process_executor,
    )
"""


class CodeLocation:
    """The module's file, and the file whose existence lets resting runs end."""

    def __init__(self, directory: Path, module: str = MODULE) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.module = module
        self.wake = directory.parent / f"{module}.wake"
        self.write("one")

    def write(self, version: str, extra: str = "") -> None:
        text = SOURCE.format(version=version, extra=extra, wake=str(self.wake))
        (self.directory / f"{self.module}.py").write_text(text)

    def wake_up(self) -> None:
        self.wake.touch()

    def let_rest(self) -> None:
        self.wake.unlink(missing_ok=True)


def eventually(what: str, condition: object, seconds: float = 20.0) -> None:
    """Wait until ``condition()`` holds."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)
